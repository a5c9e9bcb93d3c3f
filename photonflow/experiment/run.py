"""One task: laser currents, evaluation, search and the row of its result."""

import math
import threading
from typing import Any

from ..cluster.budgets import set_drive
from ..cluster.hardware import Cluster
from ..cluster.step import Report, evaluate
from ..result.schema import VariantResult
from ..result.search import trace_rows
from ..search.design_space import DesignSpace
from ..search.objective import Objective
from ..search.optimise import Solution, optimise
from .folder import OnProgress, TraceRow
from .rows import objective, task_row
from .study import Study
from .tasks import Task


Done = tuple[VariantResult, list[TraceRow]]
"""what a task came to, and the trace of its search"""


def run_task(
    study: Study,
    task: Task,
    search: bool,
    progress: OnProgress,
    stop: threading.Event,
) -> Done:
    """One task, and the trace of its search.

    Once `stop` is set a search ends with the best design it has.
    """
    study = study.at(task.point)
    progress(f"{task.name}: laser currents at the worst corner")
    cluster, drives = set_drive(study.cluster(task.variant))
    workload = study.workload(task.workload)
    where, ranges = study.space(task.variant)
    progress(f"{task.name}: evaluation")
    report = evaluate(cluster, workload)
    solution = None
    if search and ranges:
        solution = _search(study, task, cluster, report, progress, stop)
        cluster, report = solution.cluster, solution.report
    progress(f"{task.name}: sensitivities")
    row = task_row(study, task, cluster, report, drives, solution)
    return row, [] if solution is None else trace_rows(solution)


def _search(
    study: Study,
    task: Task,
    cluster: Cluster,
    report: Report,
    progress: OnProgress,
    stop: threading.Event,
) -> Solution:
    """The best design of the free parameters of one variant."""
    where, ranges = study.space(task.variant)
    settings = study.settings.search
    minimum = objective(study, report).minimum

    def follow(now: Any) -> None:
        # Until a start is feasible there is no best one.
        best = now.best_j_per_token
        best_now = f", {best:.4f} J/token" if math.isfinite(best) else ""
        progress(
            f"{task.name}: search, iteration {now.iteration}, "
            f"{now.feasible:.0%} of starts have arrived{best_now}"
        )
        if stop.is_set():
            raise KeyboardInterrupt

    progress(f"{task.name}: search, compiling")
    solution = optimise(
        cluster,
        study.workload(task.workload),
        DesignSpace.of(cluster, where, ranges),
        Objective(minimum=minimum),
        starts=settings.starts,
        seed=settings.seed,
        callback=follow,
    )
    seconds = ", ".join(f"{k} {v:.1f} s" for k, v in solution.seconds.items())
    progress(f"{task.name}: search done: {seconds}")
    return solution
