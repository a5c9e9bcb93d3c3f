"""Running a study: every variant with every workload, to `result.json`."""

import dataclasses
import itertools
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from .. import causes
from ..cluster.step import Cluster, Report
from ..component import params
from ..quantity import InputError, nearest
from ..report.attribution import end_watts
from ..report.result import (
    SCHEMA,
    Drive,
    Estimate,
    Result,
    VariantResult,
)
from ..report.rows import (
    constraint_rows,
    controlled_share,
    floats,
    met,
    ports_row,
    tier_row,
)
from ..report.searched import multipliers, search_row, trace_rows
from ..report.sentence import summary, why_infeasible
from ..search import drive as search_drive
from ..search.design import DesignSpace
from ..search.objective import Objective
from ..search.optimise import Solution, optimise
from ..search.sensitivity import elasticities, evaluation, solved_links
from .folder import Folder, TraceRow
from .resolved import resolved
from .study import Study
from .sweep import points
from .tasks import Task, tasks


TIERS = ("scale_up", "scale_out")
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
        if folder is not None:
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
        return {task: work(task) for task in queue}

    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(work_off, queue) for queue in queues.values()]
        try:
            wait(futures)
        except KeyboardInterrupt:  # ends searches with their best; once more ends all
            stop.set()
            progress("interrupted: searches end with the best design so far")
        for future in futures:
            found |= future.result()
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
    cluster, drives = search_drive.set_drive(study.cluster(task.variant))
    workload = study.workload(task.workload)
    where, ranges = study.space(task.variant)
    progress(f"{task.name}: evaluation")
    report = evaluation(cluster, workload)
    solution = None
    if search and ranges:
        solution = _search(study, task, cluster, report, progress, stop)
        cluster, report = solution.cluster, solution.report
    progress(f"{task.name}: sensitivities")
    row = _row(study, task, cluster, report, drives, solution)
    return row, [] if solution is None else trace_rows(solution)


def sources(study: Study) -> list[dict[str, Any]]:
    """Sources of all variants, each with the paths that rest on it."""
    rows: dict[str, dict[str, Any]] = {}
    known = study.library
    everywhere = [study.at(point) for point in points(study)]
    for variant, here in itertools.product(study.variants, everywhere):
        for path, origin in here.provenance(variant).items():
            if origin.estimate or origin.kind == "setting":
                continue
            new = {"key": origin.source, **known.source(origin.source).model_dump()}
            paths = rows.setdefault(origin.source, {**new, "paths": []})["paths"]
            if path not in paths:
                paths.append(path)
    return [rows[key] for key in sorted(rows)]


def estimates(
    study: Study, task: Task, cluster: Cluster, elasticities: dict[str, float]
) -> list[Estimate]:
    """Every number that is a stated judgement, most watts first."""
    origins = study.provenance(task.variant)
    paths = [path for path, origin in origins.items() if origin.estimate]
    watts = end_watts(paths, cluster, solved_links)
    specs = {spec.path: spec for spec in params(cluster)}
    rows = [
        Estimate(
            path=path,
            card=origin.card,
            value=float(specs[path].value),
            unit=specs[path].unit,
            low=origin.low,
            high=origin.high,
            note=origin.note,
            vendor_w=watts.get(path, (0.0, 0.0))[0],
            with_host_w=watts.get(path, (0.0, 0.0))[1],
            elasticity=elasticities.get(path),
        )
        for path, origin in origins.items()
        if origin.estimate
    ]
    return sorted(rows, key=lambda row: -abs(row.with_host_w))


def _row(
    study: Study,
    task: Task,
    cluster: Cluster,
    report: Report,
    drives: list[search_drive.Drive],
    solution: Solution | None,
) -> VariantResult:
    workload = study.workload(task.workload)
    layout = workload.layout
    where, ranges = study.space(task.variant)
    free = [f"{w}.{path}" for w in where for path in ranges]
    prices = None
    if solution is not None:
        prices = solution.lagrangian
        # The search has set its own currents anew.
        drives = [drive for drive in drives if drive.path not in free]
    slopes = elasticities(cluster, workload, prices, drives)
    relative = {p: v for p, v in slopes.values.items() if slopes.relative[p]}
    limits = constraint_rows(
        report,
        _objective(study, report),
        _thresholds(cluster),
        None if solution is None else multipliers(solution),
    )
    total = float(report.j_per_token)
    sound = math.isfinite(total) and all(math.isfinite(c.slack) for c in limits)
    feasible = sound and met(limits) and all(d.reachable for d in drives)
    values = {spec.path: float(spec.value) for spec in params(cluster)}
    decided = [*free, *(drive.path for drive in drives)]
    told = [drive_row(drive) for drive in drives]
    power_w = float(report.power_w)
    tokens_per_s = float(report.tokens_per_s)
    return VariantResult(
        name=task.variant,
        workload=task.workload,
        point=dict(task.point) or None,
        status="ok" if feasible else "infeasible" if sound else "failed",
        feasible=feasible,
        message=None if feasible else why_infeasible(limits, told),
        accelerators=round(float(cluster.accelerators)),
        layout={
            "tensor": round(float(layout.tensor)),
            "pipeline": round(float(layout.pipeline)),
            "data": round(float(layout.data)),
        },
        j_per_token=total,
        tokens_per_s=tokens_per_s,
        tokens_per_s_per_mw=tokens_per_s / (power_w / 1e6),
        step_time_s=float(report.step_s),
        power_w=power_w,
        energy_j_per_token=floats(report.energy_j_per_token, causes.ENERGY),
        static_share=float(report.static_j_per_token) / total,
        time_s=floats(report.time_s, causes.TIME),
        links={
            tier: tier_row(tier, cluster, report, study.technology(task.variant, tier))
            for tier in TIERS
        },
        constraints=limits,
        design={path: values[path] for path in dict.fromkeys(decided)},
        baseline_j_per_token=(
            None if solution is None else float(solution.baseline.j_per_token)
        ),
        elasticities=relative,
        slopes={p: v for p, v in slopes.values.items() if p not in relative},
        provenance={
            path: {k: v for k, v in dataclasses.asdict(origin).items() if k != "path"}
            for path, origin in study.provenance(task.variant).items()
        },
        ports=ports_row(cluster.scale_out),
        controlled_share=controlled_share(cluster, report, where) if where else None,
        drives=told,
        estimates=estimates(study, task, cluster, relative),
        search=None if solution is None else search_row(solution),
    )


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
    objective = _objective(study, report)

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
        Objective(minimum=objective.minimum),
        starts=settings.starts,
        seed=settings.seed,
        callback=told,
    )
    seconds = ", ".join(f"{k} {v:.1f} s" for k, v in solution.seconds.items())
    progress(f"{task.name}: search done: {seconds}")
    return solution


def drive_row(drive: search_drive.Drive) -> Drive:
    """A solved current as a row of the result."""
    return Drive(
        path=drive.path,
        amps=float(drive.amps),
        binding=str(drive.binding),
        reachable=bool(drive.reachable),
        shortfall_db=None if drive.reachable else float(drive.shortfall_db),
        limiting=drive.limiting,
        ceiling=bool(drive.ceiling),
    )


def _objective(study: Study, report: Report) -> Objective:
    """The study's objective, with the minima of slacks that this variant has."""
    everything = Objective(tiers=TIERS).constraints(report)
    names = {constraint.slack for constraint in everything}
    minima = study.settings.constraints.items()
    return Objective(minimum={k: v for k, v in minima if k in names}, tiers=TIERS)


def _thresholds(cluster: Cluster) -> dict[str, float]:
    """FEC threshold of every link."""
    tiers = {"scale_up": cluster.scale_up, "scale_out": cluster.scale_out}
    hops = {f"{t}.{n}": h.link for t, x in tiers.items() for n, h in x.hops().items()}
    return {path: float(link.fec.threshold) for path, link in hops.items()}


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
