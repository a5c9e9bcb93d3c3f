"""One task: laser currents, evaluation, search and the row of its result."""

import threading

from .. import causes
from ..cluster.hardware import Cluster
from ..cluster.step import evaluate
from ..result.schema import VariantResult
from ..result.search import trace_rows
from ..search.cluster_sampler import J_PER_TOKEN, LINK_W
from ..search.laser_drive import set_drive
from ..search.minimise import Progress
from ..search.optimise import optimise
from ..search.solution import Solution
from .folder import OnProgress, TraceRow
from .robust import Robustness, robust_design
from .rows import task_row
from .study import Study
from .tasks import Task


BEST = {J_PER_TOKEN: "{:.4f} J/token", LINK_W: "{:.3f} W of free links an accelerator"}
"""what a search makes small: J/token, or first the optics alone"""

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
    before = cluster
    workload = study.workload(task.workload)
    progress(f"{task.name}: evaluation")
    report = evaluate(cluster, workload)
    solution = None
    if search and study.free(task.variant):
        solution = _search(study, task, cluster, progress, stop)
        cluster = solution.component
        report = evaluate(cluster, workload)
        study = study.chosen(solution.choices)
    robustness = None
    if solution is not None and task.variant in study.settings.robust:
        robustness = _robust(study, task, cluster, progress, stop)
        cluster = robustness.cluster
        report = evaluate(cluster, workload)
    progress(f"{task.name}: sensitivities")
    row = task_row(study, task, cluster, report, drives, before, solution, robustness)
    return row, [] if solution is None else trace_rows(solution)


def _search(
    study: Study,
    task: Task,
    cluster: Cluster,
    progress: OnProgress,
    stop: threading.Event,
) -> Solution:
    """The best design of the free parameters of one variant."""
    settings = study.settings.search

    def follow(now: Progress) -> None:
        progress(f"{task.name}: {_so_far(now)}")
        if stop.is_set():
            raise KeyboardInterrupt

    progress(f"{task.name}: search, compiling")
    solution = optimise(
        cluster,
        study.workload(task.workload),
        free=study.free(task.variant),
        choices=study.choices(task.variant),
        minima=study.settings.constraints,
        tiers=causes.TIERS,
        starts=settings.starts,
        seed=settings.seed,
        callback=follow,
    )
    seconds = ", ".join(f"{k} {v:.1f} s" for k, v in solution.seconds.items())
    progress(f"{task.name}: search: {solution.message} ({seconds})")
    return solution


def _robust(
    study: Study,
    task: Task,
    cluster: Cluster,
    progress: OnProgress,
    stop: threading.Event,
) -> Robustness:
    """The design of one variant that works from part to part."""

    def follow(now: Progress) -> None:
        best = "no yield yet" if now.best is None else f"{now.best:.3f} W a link"
        progress(f"{task.name}: yield, iteration {now.iteration}: {best}")
        if stop.is_set():
            raise KeyboardInterrupt

    progress(f"{task.name}: yield, compiling")
    found = robust_design(study, task.variant, cluster, follow)
    progress(
        f"{task.name}: yield of lane pairs: {found.before.share:.1%} as drawn, "
        f"{found.after.share:.1%} robust"
        + ("" if found.taken else f"; kept as drawn: {found.solution.message}")
    )
    return found


def _so_far(now: Progress) -> str:
    """Best of every branch, and what still runs."""
    form = BEST[now.objective]
    best = [
        form.format(value) if value is not None else "nothing keeps all limits yet"
        for value in now.by_branch.values()
    ]
    return (
        f"search, iteration {now.iteration}: {'; '.join(best)}; "
        f"{now.running} starts running"
    )
