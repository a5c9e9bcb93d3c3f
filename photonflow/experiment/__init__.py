"""Experiments: a file names workloads, a cluster and its variants, and runs.

`schema` says what the files look like, `files` finds and reads them, `workloads` checks
that a workload fits, `study` builds clusters, `run` evaluates and searches, `resolved`
and `folder` keep what went in and what came out.
"""

from .run import Task, run_study, tasks
from .schema import Experiment
from .study import Study, study


__all__ = ["Experiment", "Study", "Task", "run_study", "study", "tasks"]
