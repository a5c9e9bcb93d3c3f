"""Experiments: a file names workloads, a cluster and its variants, and runs.

`schema` says what the files look like, `files` finds and reads them, `workloads` checks
that a workload fits, `study` builds clusters, `sweep` and `tasks` say what there is to
do, `run` evaluates and searches, `array` does one task or gathers them, `resolved` and
`folder` keep what went in and what came out.
"""

from .array import collect, run_one, unfinished
from .run import run_study
from .schema import Experiment
from .study import Study, study
from .tasks import Task, tasks


__all__ = [
    "Experiment",
    "Study",
    "Task",
    "collect",
    "run_one",
    "run_study",
    "study",
    "tasks",
    "unfinished",
]
