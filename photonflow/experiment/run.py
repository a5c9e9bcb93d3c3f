"""Running a study: every variant with every workload, to `result.json`."""

import itertools
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from ..cluster.budgets import set_drive
from ..cluster.hardware import Cluster
from ..cluster.step import Report, evaluate
from ..quantity import InputError, nearest
from ..result.schema import SCHEMA, Result, VariantResult
from ..result.search_rows import trace_rows
from ..result.summary import summary
from ..search.design_space import DesignSpace
from ..search.objective import Objective
from ..search.optimise import Solution, optimise
from .folder import Folder, TraceRow
from .resolved import resolved
from .rows import TIERS, objective, sources, task_row
from .study import Study
from .sweep import points
from .tasks import Task, tasks


Progress = Callable[[str], None]
Done = tuple[VariantResult, list[TraceRow]]
"""what a task came to, and the trace of its search"""


def run_study(
    study: Study,
    search: bool,
    out: Path | None = None,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Evaluate all tasks of `study`, with `search` where it frees parameters.

    With a folder `out` everything is written there, and a task that is finished there
    with the same settings is not done again.
    """
    check_constraints(study)
    folder = None if out is None else Folder(out)
    if folder is not None:
        folder.tidy()
    settings = {task: setting(study, task, search) for task in tasks(study)}
    found: dict[Task, Done] = {}
    for task, own in settings.items():
        kept = None if folder is None else folder.find(task.name, own, progress)
        if kept is not None:
            found[task] = kept
    stop, free = threading.Event(), study.settings.free

    def work(task: Task) -> Done:
        done = run_task(study, task, search, progress, stop)
        if folder is not None and not stop.is_set():  # else it may have been cut short
            folder.keep(task.name, settings[task], *done)
        return done

    # Most of the time goes into compiling, which leaves a core idle: two structures of
    # a cluster at once, those with a search first because they take longest. Tasks of
    # one structure follow each other, because they share what is compiled.
    queues: dict[Any, list[Task]] = {}
    for task in sorted(settings, key=lambda task: task.variant not in free):
        if task not in found:
            cluster = study.at(task.point).cluster(task.variant)
            structure = jax.tree.structure(cluster)
            queues.setdefault(structure, []).append(task)

    def work_off(queue: list[Task]) -> dict[Task, Done]:
        return {task: work(task) for task in queue if not stop.is_set()}

    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(work_off, queue) for queue in queues.values()]
        try:
            wait(futures)
        except KeyboardInterrupt:  # ends searches with their best; once more ends all
            stop.set()
            progress("interrupted: searches end with the best design so far")
        for future in futures:
            found |= future.result()
    if len(found) < len(settings):
        progress(f"{len(found)} of {len(settings)} tasks are done; run again to go on")
        raise KeyboardInterrupt
    return gather(study, settings, found, folder, progress)


def setting(study: Study, task: Task, search: bool) -> dict[str, Any]:
    """Everything that the result of `task` depends on."""
    return resolved(study.at(task.point), task, search)


def gather(
    study: Study,
    settings: dict[Task, dict[str, Any]],
    found: dict[Task, Done],
    folder: Folder | None,
    progress: Progress,
) -> dict[str, Any]:
    """The result of all tasks, which are done, written to `folder`."""
    results = [found[task][0] for task in settings]
    traces = [{"task": task.name, **row} for task in settings for row in found[task][1]]
    result = Result(
        schema=SCHEMA,
        experiment=study.name,
        title=study.settings.title,
        objective=study.settings.objective,
        variants=results,
        sources=sources(study),
        summary=summary(results),
    )
    plain = result.plain()
    if folder is not None:
        named = {task.name: own for task, own in settings.items()}
        folder.finish(named, plain, traces, progress)
    return plain


def run_task(
    study: Study,
    task: Task,
    search: bool,
    progress: Progress,
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
    progress: Progress,
    stop: threading.Event,
) -> Solution:
    """The best design of the free parameters of one variant."""
    where, ranges = study.space(task.variant)
    settings = study.settings.search
    minimum = objective(study, report).minimum

    def told(now: Any) -> None:
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
        callback=told,
    )
    seconds = ", ".join(f"{k} {v:.1f} s" for k, v in solution.seconds.items())
    progress(f"{task.name}: search done: {seconds}")
    return solution


def check_constraints(study: Study) -> None:
    """Raise unless every constraint of `study` names a slack that some link has."""
    # Points differ in their slacks only where they differ in constraints or in cards.
    seen = {}
    for point in points(study):
        here = study.at(point)
        seen[repr((sorted(here.settings.constraints), here.settings.variants))] = here
    for here in seen.values():
        _check_constraints(here)


def _check_constraints(study: Study) -> None:
    wanted, names = set(study.settings.constraints), set[str]()
    seen = set[Any]()
    # A trace of a link costs a moment, so those that a search moves come first.
    variants = sorted(study.variants, key=lambda v: v not in study.settings.free)
    for variant, tier in itertools.product(variants, reversed(TIERS)):
        cluster = study.cluster(variant)
        for hop in getattr(cluster, tier).hops().values():
            if wanted <= names:
                return
            kind = jax.tree.structure(hop.link)
            if kind in seen:
                continue
            seen.add(kind)
            at = cluster.worst.at(hop.length_m)
            budget = eqx.filter_eval_shape(hop.link.budget, at)
            names |= set(budget.a_to_b.slacks) | set(budget.b_to_a.slacks)
    for name in sorted(wanted - names):
        raise InputError(
            f"one of {', '.join(sorted(names))}",
            problem=f"unknown slack '{name}'",
            key=f"constraints.{name}",
            file=study.label,
            nearest=nearest(name, names),
        )
