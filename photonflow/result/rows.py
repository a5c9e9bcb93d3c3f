"""A `Report` of the cluster as rows of `result.json`: arrays to floats."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import jax.numpy as jnp

from .. import causes, limits
from ..cluster.step import Cluster, Report
from ..cluster.topology import FatTree
from ..links.base import Direction, LinkBudget
from ..links.port import PortBudget
from ..report.labels import BUDGET
from ..search.objective import Objective
from .schema import ConstraintRow, EndRow, HopRow, PortsRow, TierRow


MODULE_BPS = 1.6e12
"""payload of the module that ports are counted in"""


def floats(values: Mapping[str, Any], order: Iterable[str] = ()) -> dict[str, float]:
    """Plain numbers of a mapping of arrays, in `order`: jax sorts keys."""
    return {key: float(values[key]) for key in order or values}


def end_row(nominal: PortBudget, worst: PortBudget) -> EndRow:
    """One end of a link."""
    return EndRow(
        power_w=floats(nominal.static_w, causes.LINK),
        boundary=dict(nominal.boundary),
        vendor_w={
            "nominal": float(nominal.vendor_w()),
            "worst": float(worst.vendor_w()),
        },
        with_host_w={
            "nominal": float(nominal.power_w()),
            "worst": float(worst.power_w()),
        },
    )


def waterfall(direction: Direction) -> dict[str, float]:
    """Powers and losses of one direction, in the order of the light."""
    stages = direction.budget_db
    known = [name for name in BUDGET if name in stages]
    return floats(stages, [*known, *(name for name in stages if name not in known)])


def hop_row(
    name: str,
    technology: str,
    per_accelerator: float,
    utilisation: float,
    nominal: LinkBudget,
    worst: LinkBudget,
) -> HopRow:
    """One kind of link: watts where it works, error rate where it is designed."""
    ends: dict[Literal["a", "b"], EndRow] = {
        "a": end_row(nominal.end_a, worst.end_a),
        "b": end_row(nominal.end_b, worst.end_b),
    }
    rate = float(nominal.rate_bps)
    watts = math.fsum(w for end in ends.values() for w in end.power_w.values())
    moving = [nominal.end_a.dynamic_j_per_bit, nominal.end_b.dynamic_j_per_bit]
    dynamic = math.fsum(float(e) for end in moving for e in end.values())
    directions = {"a_to_b": worst.a_to_b, "b_to_a": worst.b_to_a}
    return HopRow(
        name=name,
        technology=technology,
        links_per_accelerator=per_accelerator,
        ends=ends,
        energy_j_per_bit=watts / (2 * rate) + dynamic,
        energy_per_delivered_bit_j=(
            watts / (2 * rate * utilisation) + dynamic if utilisation > 0 else None
        ),
        power_w_per_port=watts / 2,
        utilisation=utilisation,
        log10_ber=max(float(d.log10_ber) for d in directions.values()),
        margin_db=min(float(d.margin_db) for d in directions.values()),
        budget_db={key: waterfall(d) for key, d in directions.items()},
        noise_share={key: floats(d.noise_share) for key, d in directions.items()},
        latency_s=float(nominal.latency_s),
        rate_bps=rate,
        shoreline_bps_per_m=float(nominal.shoreline_bps_per_m),
        area_m2=float(nominal.area_m2),
        fit=float(nominal.fit),
    )


def tier_row(
    tier: str, cluster: Cluster, report: Report, technology: Mapping[str, str]
) -> TierRow:
    """A tier of the network: means over ports, worst over hops."""
    topology = getattr(cluster, tier)
    hops = [
        hop_row(
            name,
            technology[name],
            float(hop.per_accelerator),
            float(report.utilisation[tier][name]),
            report.nominal[tier][name],
            report.worst[tier][name],
        )
        for name, hop in topology.hops().items()
    ]
    rate = math.fsum(2 * h.links_per_accelerator * h.rate_bps for h in hops)
    used = math.fsum(
        2 * h.links_per_accelerator * h.rate_bps * h.utilisation for h in hops
    )
    ports = math.fsum(2 * h.links_per_accelerator for h in hops)
    watts: dict[str, float] = {}
    dynamic: dict[str, float] = {}
    for hop in hops:
        n = hop.links_per_accelerator
        budget = report.nominal[tier][hop.name]
        for end in (budget.end_a, budget.end_b):
            for cause, w in end.static_w.items():
                watts[cause] = watts.get(cause, 0.0) + n * float(w)
            for cause, joules in end.dynamic_j_per_bit.items():
                moved = 2 * n * hop.rate_bps * float(joules)
                dynamic[cause] = dynamic.get(cause, 0.0) + moved
    total, moved = math.fsum(watts.values()), math.fsum(dynamic.values())
    budgets = [(h, report.nominal[tier][h.name]) for h in hops]
    area = math.fsum(h.links_per_accelerator * float(b.area_m2) for h, b in budgets)
    failures = math.fsum(h.links_per_accelerator * float(b.fit) for h, b in budgets)
    vendor = math.fsum(
        h.links_per_accelerator * end.vendor_w["worst"]
        for h in hops
        for end in h.ends.values()
    )
    return TierRow(
        technology=" + ".join(dict.fromkeys(h.technology for h in hops)),
        hops=hops,
        energy_j_per_bit=(total + moved) / rate,
        energy_per_delivered_bit_j=(total / used + moved / rate if used > 0 else None),
        energy_by_cause_j_per_bit={
            cause: (watts[cause] + dynamic[cause]) / rate for cause in causes.LINK
        },
        power_w_per_port=total / ports,
        power_w_module_boundary=vendor / ports,
        utilisation=used / rate,
        log10_ber=max(h.log10_ber for h in hops),
        margin_db=min(h.margin_db for h in hops),
        latency_s=max(h.latency_s for h in hops),
        rate_bps=min(h.rate_bps for h in hops),
        shoreline_bps_per_m=min(float(b.shoreline_bps_per_m) for _, b in budgets),
        area_m2=area / ports,
        fit=failures / ports,
    )


def constraint_rows(
    report: Report,
    objective: Objective,
    thresholds: Mapping[str, float],
    multipliers: Mapping[str, float] | None,
) -> list[ConstraintRow]:
    """Every slack that `objective` asks for, under the search's own names.

    `thresholds` is the FEC threshold of each link, `tier.hop`; `multipliers` is
    d(J/token)/d(slack), by the same names.
    """
    rows = []
    for asked in objective.constraints(report):
        budget = getattr(report, asked.climate)[asked.tier][asked.hop]
        direction: Direction = getattr(budget, asked.direction)
        slack = float(direction.slacks[asked.slack])
        value, limit = slack, asked.minimum
        unit = limits.find(asked.slack).unit
        if asked.slack == "ber" and limit == 0:
            # People read an error rate; its slack is a smooth image of it.
            value = float(direction.log10_ber_reserve)
            limit = math.log10(thresholds[f"{asked.tier}.{asked.hop}"])
            unit = "log10"
        multiplier = (multipliers or {}).get(asked.name)
        if multiplier is not None and unit == "log10":
            # slack = (ln|log10 BER| - ln|limit|) / 2, so d slack/d limit = -1/(2 limit)
            multiplier = multiplier / (2 * limit)
        row = ConstraintRow(
            name=asked.name,
            value=value,
            limit=limit,
            unit=unit,
            slack=slack - asked.minimum,
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
    rate = float(tree.host_link.rate_bps)  # type: ignore[attr-defined]
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


def controlled_share(cluster: Cluster, report: Report, where: tuple[str, ...]) -> float:
    """Part of J/token burnt in the link ends at `where`, at the vendor's boundary.

    An end counts where a free part is or lies in it: `scale_out.switch_link.end_b`.
    """
    ends = {".".join(path.split(".")[:3]) for path in where}
    watts = 0.0
    for end in ends:
        tier, hop, side = end.split(".")
        n = float(getattr(cluster, tier).hops()[hop].per_accelerator)
        watts += n * float(getattr(report.nominal[tier][hop], side).vendor_w())
    added = cluster.facility.overheads_w(jnp.asarray(1.0))
    meter = 1 + math.fsum(float(w) for w in added.values())
    total = float(report.power_w) / float(cluster.accelerators)
    return watts * meter / total
