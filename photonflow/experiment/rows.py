"""What a task came to, as its row of the result."""

import dataclasses
import itertools
import math
from typing import Any

from .. import causes
from ..cluster.step import Cluster, Report
from ..component import params
from ..links.laser_drive import LaserDrive
from ..result.matrix_unit import unit_limits, unit_row
from ..result.rows import (
    constraint_rows,
    controlled_share,
    floats,
    met,
    ports_row,
    tier_row,
)
from ..result.schema import EstimateRow, LaserDriveRow, VariantResult
from ..result.search_rows import multipliers, search_row
from ..result.summary import why_infeasible
from ..search.objective import Objective
from ..search.optimise import Solution
from ..search.sensitivity import Elasticities, elasticities
from .study import Study
from .tasks import Task


TIERS = ("scale_up", "scale_out")


def task_row(
    study: Study,
    task: Task,
    cluster: Cluster,
    report: Report,
    drives: list[LaserDrive],
    solution: Solution | None,
) -> VariantResult:
    """The row of one task, from where its search or its drives left the cluster."""
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
        objective(study, report),
        _thresholds(cluster),
        None if solution is None else multipliers(solution),
    )
    limits += unit_limits(report)
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
        matrix_unit=unit_row(report, study.cards(task.variant).get("matrix_unit")),
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
        estimates=estimates(study, task, cluster, slopes),
        search=None if solution is None else search_row(solution),
    )


def drive_row(drive: LaserDrive) -> LaserDriveRow:
    """A solved current as a row of the result."""
    return LaserDriveRow(
        path=drive.path,
        amps=float(drive.amps),
        binding=str(drive.binding),
        reachable=bool(drive.reachable),
        # At a ceiling no number of decibels is missing.
        shortfall_db=None if drive.reachable or drive.ceiling else drive.shortfall_db,
        limiting=drive.limiting,
        ceiling=bool(drive.ceiling),
    )


def _thresholds(cluster: Cluster) -> dict[str, float]:
    """FEC threshold of every link."""
    tiers = {"scale_up": cluster.scale_up, "scale_out": cluster.scale_out}
    hops = {f"{t}.{n}": h.link for t, x in tiers.items() for n, h in x.hops().items()}
    return {path: float(link.fec.threshold) for path, link in hops.items()}


def objective(study: Study, report: Report) -> Objective:
    """The study's objective, with the minima of slacks that this variant has."""
    everything = Objective(tiers=TIERS).constraints(report)
    names = {constraint.slack for constraint in everything}
    minima = study.settings.constraints.items()
    return Objective(minimum={k: v for k, v in minima if k in names}, tiers=TIERS)


def estimates(
    study: Study, task: Task, cluster: Cluster, found: Elasticities
) -> list[EstimateRow]:
    """Every number that is a stated judgement, most watts first."""
    origins = study.provenance(task.variant)
    watts = found.link_watts
    specs = {spec.path: spec for spec in params(cluster)}
    rows = [
        EstimateRow(
            path=path,
            card=origin.card,
            value=float(specs[path].value),
            unit=specs[path].unit,
            low=origin.low,
            high=origin.high,
            note=origin.note,
            vendor_w=watts.get(path, (0.0, 0.0))[0],
            with_host_w=watts.get(path, (0.0, 0.0))[1],
            elasticity=found.values[path] if found.relative[path] else None,
        )
        for path, origin in origins.items()
        if origin.estimate
    ]
    return sorted(rows, key=lambda row: -abs(row.with_host_w))


def sources(study: Study) -> list[dict[str, Any]]:
    """Sources of all variants, each with the paths that rest on it."""
    rows: dict[str, dict[str, Any]] = {}
    known = study.library
    everywhere = [study.at(point) for point in study.points()]
    for variant, here in itertools.product(study.variants, everywhere):
        for path, origin in here.provenance(variant).items():
            if origin.estimate or origin.kind == "setting":
                continue
            new = {"key": origin.source, **known.source(origin.source).model_dump()}
            paths = rows.setdefault(origin.source, {**new, "paths": []})["paths"]
            if path not in paths:
                paths.append(path)
    return [rows[key] for key in sorted(rows)]
