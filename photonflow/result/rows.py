"""A `Report` of the cluster as rows of `result.json`: arrays to floats."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from .. import causes, limits
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..cluster.topology import FatTree
from ..links.base import Direction, LinkBudget, PortBudget
from ..search.laser_drive import LaserDrive
from ..search.link_limits import LinkLimit
from .labels import STAGES
from .schema import (
    MODULE_BPS,
    ConstraintRow,
    EndRow,
    HopRow,
    LaserDriveRow,
    PortsRow,
    TierRow,
)


def floats(values: Mapping[str, Any], order: Iterable[str] = ()) -> dict[str, float]:
    """Plain numbers of a mapping of arrays, in `order`: jax sorts keys."""
    return {key: float(values[key]) for key in order or values}


def finite(value: Any) -> float | None:
    """A plain number, or null where there is none."""
    number = float(value)
    return number if math.isfinite(number) else None


def bit_energy_j(budget: LinkBudget) -> tuple[dict[str, float], dict[str, float]]:
    """Static and dynamic joules of a bit at full load, by cause.

    Both ends of a full-duplex link serve both directions: $(P_a + P_b) / (2 R)$.
    """
    ends, both_bps = (budget.end_a, budget.end_b), 2 * float(budget.rate_bps)
    static, dynamic = {}, {}
    for cause in causes.LINK:
        watts = math.fsum(float(end.static_w[cause]) for end in ends)
        static[cause] = watts / both_bps
        dynamic[cause] = math.fsum(float(e.dynamic_j_per_bit[cause]) for e in ends)
    return static, dynamic


def end_row(nominal: PortBudget, worst: PortBudget) -> EndRow:
    """One end of a link."""
    climates: dict[causes.ClimateName, PortBudget]
    climates = {"nominal": nominal, "worst": worst}
    return EndRow(
        power_w=floats(nominal.static_w, causes.LINK),
        boundary=dict(nominal.boundary),
        vendor_w={name: float(end.vendor_w()) for name, end in climates.items()},
        with_host_w={name: float(end.power_w()) for name, end in climates.items()},
    )


def waterfall(direction: Direction) -> dict[str, float]:
    """Powers and losses of one direction, in the order of the light."""
    stages = direction.budget_db
    return floats(stages, dict.fromkeys([s for s in STAGES if s in stages] + [*stages]))


def link_figures(nominal: LinkBudget, worst: LinkBudget) -> dict[str, Any]:
    """What a link is wherever it is: watts where it works, errors where it is designed.

    The fields of `LinkRow` but its names.
    """
    ends: dict[Literal["a", "b"], EndRow] = {
        "a": end_row(nominal.end_a, worst.end_a),
        "b": end_row(nominal.end_b, worst.end_b),
    }
    static, dynamic = bit_energy_j(nominal)
    directions = {side: getattr(worst, side) for side in causes.DIRECTIONS.values()}
    return dict(
        ends=ends,
        energy_j_per_bit=math.fsum([*static.values(), *dynamic.values()]),
        power_w_per_port=math.fsum(static.values()) * float(nominal.rate_bps),
        log10_ber=max(float(d.log10_ber) for d in directions.values()),
        margin_db=min(float(d.margin_db) for d in directions.values()),
        budget_db={side: waterfall(d) for side, d in directions.items()},
        noise_share={side: floats(d.noise_share) for side, d in directions.items()},
        latency_s=float(nominal.latency_s),
        rate_bps=float(nominal.rate_bps),
        shoreline_bps_per_m=float(nominal.shoreline_bps_per_m),
        area_m2=float(nominal.area_m2),
        fit=float(nominal.fit),
    )


def tier_row(
    tier: str, cluster: Cluster, report: Report, technology: Mapping[str, str]
) -> TierRow:
    """A tier of the network: means over ports, worst over hops."""
    hops, static, dynamic = [], {}, {}
    capacity_bps = used_bps = 0.0
    for name, hop in cluster.hops()[tier].items():
        nominal, n = report.nominal[tier][name], float(hop.per_accelerator)
        used = float(report.utilisation[tier][name])
        still, moving = bit_energy_j(nominal)
        delivered_j = (
            math.fsum(still.values()) / used + math.fsum(moving.values())
            if used > 0
            else None
        )
        row = HopRow(
            name=name,
            technology=technology[name],
            links_per_accelerator=n,
            utilisation=used,
            energy_per_delivered_bit_j=delivered_j,
            **link_figures(nominal, report.worst[tier][name]),
        )
        both_bps = 2 * n * row.rate_bps
        capacity_bps, used_bps = capacity_bps + both_bps, used_bps + both_bps * used
        for cause in causes.LINK:
            static[cause] = static.get(cause, 0.0) + both_bps * still[cause]
            dynamic[cause] = dynamic.get(cause, 0.0) + both_bps * moving[cause]
        hops.append(row)
    ports = math.fsum(2 * h.links_per_accelerator for h in hops)

    def per_port(value: str) -> float:
        each = (h.links_per_accelerator * getattr(h, value) for h in hops)
        return math.fsum(each) / ports

    static_w, dynamic_w = math.fsum(static.values()), math.fsum(dynamic.values())
    vendor_w = math.fsum(
        h.links_per_accelerator * end.vendor_w["worst"]
        for h in hops
        for end in h.ends.values()
    )
    return TierRow(
        technology=" + ".join(dict.fromkeys(h.technology for h in hops)),
        hops=hops,
        energy_j_per_bit=(static_w + dynamic_w) / capacity_bps,
        energy_per_delivered_bit_j=(
            static_w / used_bps + dynamic_w / capacity_bps if used_bps > 0 else None
        ),
        energy_by_cause_j_per_bit={
            cause: (static[cause] + dynamic[cause]) / capacity_bps
            for cause in causes.LINK
        },
        power_w_per_port=static_w / ports,
        power_w_module_boundary=vendor_w / ports,
        utilisation=used_bps / capacity_bps,
        log10_ber=max(h.log10_ber for h in hops),
        margin_db=min(h.margin_db for h in hops),
        latency_s=max(h.latency_s for h in hops),
        rate_bps=min(h.rate_bps for h in hops),
        shoreline_bps_per_m=min(h.shoreline_bps_per_m or 0.0 for h in hops),
        area_m2=per_port("area_m2"),
        fit=per_port("fit"),
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


def constraint_rows(
    cluster: Cluster,
    report: Report,
    constraints: Sequence[LinkLimit],
    multipliers: Mapping[str, float] | None,
) -> list[ConstraintRow]:
    """Every limit, under the search's own names.

    `multipliers` is d(J/token)/d(slack), by the same names.
    """
    hops = cluster.hops()
    rows = []
    for constraint in constraints:
        budget = getattr(report, constraint.climate)[constraint.tier][constraint.hop]
        direction: Direction = getattr(budget, constraint.direction)
        slack = float(direction.slacks[constraint.slack])
        value, limit = slack, constraint.minimum
        unit = limits.find(constraint.slack).unit
        if constraint.slack == "ber" and limit == 0:
            # People read an error rate; its slack is a smooth image of it.
            value = float(direction.log10_ber_reserve)
            link: Any = hops[constraint.tier][constraint.hop].link
            limit = math.log10(float(link.fec.threshold))
            unit = "log10"
        multiplier = (multipliers or {}).get(constraint.name)
        if multiplier is not None and unit == "log10":
            # slack = (ln|log10 BER| - ln|limit|) / 2, so d slack/d limit = -1/(2 limit)
            multiplier = multiplier / (2 * limit)
        row = ConstraintRow(
            name=constraint.name,
            value=value,
            limit=limit,
            unit=unit,
            slack=slack - constraint.minimum,
            multiplier=multiplier,
        )
        rows.append(row)
    return rows


def met(rows: list[ConstraintRow]) -> bool:
    """Whether every constraint is met."""
    return all(limits.met(row.slack) for row in rows)


def ports_row(tree: FatTree) -> PortsRow:
    """Modules of the scale-out tier, and why a vendor counts others."""
    hops = tree.hops()
    host_ports = float(tree.host_ports())
    ends = 2 * math.fsum(float(hop.per_accelerator) for hop in hops.values())
    per_port = ends / host_ports
    rate = float(tree.host_link.rate_bps)
    own_bps = host_ports * rate
    modules = ends * rate / MODULE_BPS
    note = (
        f"{per_port:g} link ends per host port of {rate / 1e12:g}T; "
        f"{1 / host_ports:g} accelerators share a port ({own_bps / 1e9:g} Gb/s each), "
        f"so {modules:g} modules of {MODULE_BPS / 1e12:g}T per accelerator. Vendors "
        f"quote {per_port:g}: they give every accelerator a port of "
        f"{MODULE_BPS / 1e12:g}T of its own."
    )
    return PortsRow(
        ends_per_host_port=per_port,
        module_bps=MODULE_BPS,
        modules_per_accelerator=modules,
        scale_out_bps_per_accelerator=own_bps,
        modules_per_accelerator_at_one_port_each=per_port,
        note=note,
    )
