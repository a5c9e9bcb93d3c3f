"""A variant with a workload, as its row of `result.json`."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from .. import causes
from ..cards import Library, Provenance
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..cluster.workload import Workload
from ..component import params, quantities
from ..search.cluster_sampler import J_PER_TOKEN, controlled_share, free_ends
from ..search.laser_drive import LaserDrive
from ..search.link_limits import LinkLimit
from ..search.sensitivity import Elasticities
from ..search.solution import Solution
from .matrix_unit import unit_constraints, unit_row
from .rows import constraint_rows, drive_row, floats, met, ports_row, tier_row
from .schema import EstimateRow, OriginRow, PublishedRow, SourceRow, VariantResult
from .search import multipliers, search_row
from .search_schema import YieldRow
from .summary import why_infeasible


def variant_row(
    name: str,
    workload_name: str,
    point: Mapping[str, str],
    cluster: Cluster,
    workload: Workload,
    report: Report,
    constraints: Sequence[LinkLimit],
    drives: Sequence[LaserDrive],
    free: Sequence[str],
    cards: Mapping[str, Mapping[str, str]],
    matrix_unit: str | None,
    origins: Mapping[str, Provenance],
    elasticities: Elasticities,
    solution: Solution | None = None,
    before: Cluster | None = None,
    fabrication: YieldRow | None = None,
) -> VariantResult:
    """The row of `cluster`, as its search or its laser drives left it.

    `free` are the paths of the free parameters, `cards` the link card of every hop by
    tier and `before` the cluster from which the search set out.
    """
    # A design that was moved off its limits for its yield has no prices on them.
    moved_off = fabrication is not None and fabrication.taken
    priced = solution is not None and not moved_off
    prices = multipliers(solution) if solution is not None and priced else None
    limits = constraint_rows(cluster, report, constraints, prices)
    limits += unit_constraints(report)
    currents = [drive_row(drive) for drive in drives]
    total, power_w = float(report.j_per_token), float(report.power_w)
    finite = math.isfinite(total) and all(math.isfinite(c.slack) for c in limits)
    feasible = finite and met(limits) and all(d.reachable for d in drives)
    forms, chosen = quantities(cluster), solution.choices if solution else {}
    numbers = [forms[path].path for path in chosen if path in forms]
    solved = [drive.path for drive in drives]
    decided = list(dict.fromkeys([*free, *numbers, *solved]))
    relative = elasticities.relative
    layout, tokens_per_s = workload.layout, float(report.tokens_per_s)
    return VariantResult(
        name=name,
        workload=workload_name,
        point=dict(point) or None,
        status="ok" if feasible else "infeasible" if finite else "failed",
        feasible=feasible,
        message=None if feasible else why_infeasible(limits, currents),
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
            tier: tier_row(tier, cluster, report, cards[tier]) for tier in causes.TIERS
        },
        matrix_unit=unit_row(report, matrix_unit),
        constraints=limits,
        design=_values(cluster, decided),
        baseline_j_per_token=solution and solution.baseline[J_PER_TOKEN],
        baseline_design={} if before is None else _values(before, decided),
        elasticities={p: v for p, v in elasticities.values.items() if relative[p]},
        slopes={p: v for p, v in elasticities.values.items() if not relative[p]},
        provenance={path: _origin_row(origin) for path, origin in origins.items()},
        ports=ports_row(cluster.scale_out),
        controlled_share=(
            controlled_share(cluster, report, free_ends(free)) if free else None
        ),
        drives=currents,
        estimates=_estimate_rows(cluster, origins, elasticities),
        search=solution and search_row(solution),
        fabrication=fabrication,
    )


def _values(cluster: Cluster, paths: Iterable[str]) -> dict[str, float]:
    values = {spec.path: spec.value for spec in params(cluster)}
    return {path: float(values[path]) for path in paths}


def _origin_row(origin: Provenance) -> OriginRow:
    fields = dataclasses.asdict(origin)
    del fields["path"]
    return OriginRow(**fields)


def _estimate_rows(
    cluster: Cluster,
    origins: Mapping[str, Provenance],
    elasticities: Elasticities,
) -> list[EstimateRow]:
    """Every number that is a stated judgement, most watts first."""
    specs = {spec.path: spec for spec in params(cluster)}
    rows = []
    for path, origin in origins.items():
        if not origin.estimate:
            continue
        vendor_w, with_host_w = elasticities.link_watts.get(path, (0.0, 0.0))
        relative = elasticities.relative.get(path, False)
        row = EstimateRow(
            path=path,
            card=origin.card,
            value=float(specs[path].value),
            unit=specs[path].unit,
            low=origin.low,
            high=origin.high,
            note=origin.note,
            vendor_w=vendor_w,
            with_host_w=with_host_w,
            elasticity=elasticities.values[path] if relative else None,
        )
        rows.append(row)
    return sorted(rows, key=lambda row: -abs(row.with_host_w))


def source_rows(
    origins: Iterable[Provenance],
    library: Library,
    published: Iterable[PublishedRow] = (),
) -> list[SourceRow]:
    """Sources of `origins` and claims, each with the paths that rest on it."""
    paths: dict[str, dict[str, None]] = {}
    for origin in origins:
        if not origin.estimate and origin.kind != "setting":
            paths.setdefault(origin.source, {})[origin.path] = None
    for claim in published:
        paths.setdefault(claim.source, {})[f"published.{claim.id}"] = None
    return [
        SourceRow(key=key, paths=list(paths[key]), **library.source(key).model_dump())
        for key in sorted(paths)
    ]
