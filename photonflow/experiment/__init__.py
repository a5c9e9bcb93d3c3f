"""Experiments: a file names workloads, a cluster and its variants, and runs.

`schema` and `workload_schema` say what the files look like, `io` finds and reads them,
`workloads` and `study` build workloads and clusters, `checks` refuses what cannot be
run, `tasks` numbers what there is to do, `run` does one task and `batch` all of them,
`resolved` and `folder` keep what went in and what came out. `link`, `diagnosis` and
`link_report` are the same for one link by itself.
"""

from .batch import collect, run_one, run_study, unfinished
from .checks import Study, study
from .schema import Experiment
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
