"""The main path on one page: a cluster and a workload give joules per token."""

import equinox as eqx
import jax.numpy as jnp

from .. import causes
from ..component import Component, Scalar, param, require_x64, vmap_alike
from ..compute.accelerator import Accelerator
from ..compute.base import ComputeCost, MatrixProduct
from ..compute.matrix_unit import Summary, SvdUnit
from ..links.base import AbstractLink, Conditions, LinkBudget
from .facility import Facility, Host
from .pipeline import Stage, Times
from .topology import Climate, FatTree, Hop, SwitchedDomain
from .workload import Workload


class Cluster(Component):
    """Accelerators, the two tiers of network between them, and what feeds them."""

    accelerator: Accelerator
    scale_up: SwitchedDomain
    scale_out: FatTree
    host: Host
    facility: Facility
    nominal: Climate
    worst: Climate
    accelerators: Scalar = param(unit="1", doc="in all", low=1.0, high=1e7)
    matrix_unit: SvdUnit | None = None
    """takes the feed-forward products, where there is one"""

    def hops(self) -> dict[str, dict[str, Hop]]:
        """Kinds of links of every tier."""
        tiers = {"scale_up": self.scale_up, "scale_out": self.scale_out}
        return {tier: topology.hops() for tier, topology in tiers.items()}


class Report(eqx.Module):
    """Arrays only: everything that follows from one cluster and one workload."""

    step_s: Scalar
    tokens_per_s: Scalar
    power_w: Scalar
    """at the facility meter"""
    j_per_token: Scalar
    """at the facility meter"""
    energy_j_per_token: dict[str, Scalar]
    """by every cause of `causes.ENERGY`; the sum is `j_per_token`"""
    static_j_per_token: Scalar
    """the part that would be burnt without any work"""
    time_s: dict[str, Scalar]
    """exposed, by every cause of `causes.TIME`; the sum is `step_s`"""
    utilisation: dict[str, dict[str, Scalar]]
    """payload over payload rate, by tier and hop"""
    nominal: dict[str, dict[str, LinkBudget]]
    """one link of each hop where it works"""
    worst: dict[str, dict[str, LinkBudget]]
    """the same at its worst corner, where it is designed"""
    accelerator_w: Scalar
    """mean power of one accelerator, its scale-up PHY included, no matrix unit"""
    matrix_unit: Summary | None
    """of the feed-forward products of a layer, at full load"""


def evaluate(cluster: Cluster, workload: Workload) -> Report:
    """Step time, power and joules per token of `workload` on `cluster`.

    Links are designed at `cluster.worst` and burn at `cluster.nominal` with the same
    drive. Everything clocked at line rate is static: it burns for the whole step.
    Differentiable in every leaf of both arguments; validity of integers and memory is
    checked where a study is read.
    """
    require_x64("pf.evaluate")
    return assemble(cluster, workload, link_budgets(cluster, cluster.hops()))


def assemble(cluster: Cluster, workload: Workload, links: "Links") -> Report:
    """`evaluate` for links that are solved already: they are the same for all work."""
    nominal, worst = links
    tiers = {"scale_up": cluster.scale_up, "scale_out": cluster.scale_out}
    kinds = cluster.hops()
    time_s, energy_j = step_time_and_energy(cluster, workload, nominal["scale_out"])
    step_s = sum(time_s.values(), start=jnp.zeros(()))
    tokens = workload.tokens_per_step()
    per_token = cluster.accelerators / tokens

    # Static watts and dynamic joules of one accelerator, under their causes.
    static_w = _zeros(causes.ENERGY)
    for tier, topology in tiers.items():
        for name, hop in kinds[tier].items():
            budget = nominal[tier][name]
            for end in (budget.end_a, budget.end_b):
                for cause, watts in end.static_w.items():
                    static_w[f"network.{tier}.{cause}"] += watts * hop.per_accelerator
        for cause, watts in topology.box_w().items():
            static_w[f"network.{tier}.{cause}"] += watts
    chip = cluster.accelerator
    unit = cluster.matrix_unit
    for worker in (chip,) if unit is None else (chip, unit):
        for cause, watts in worker.static_w().items():
            static_w[f"compute.{cause}"] += watts
    static_w["facility.host"] += cluster.host.host_w
    static_w["facility.storage"] += cluster.host.storage_w

    dynamic_j = _zeros(causes.ENERGY)
    for cause, joules in energy_j.items():
        dynamic_j[f"compute.{cause}"] += joules
    static_j = _with_facility(cluster, {c: w * step_s for c, w in static_w.items()})
    dynamic_j = _with_facility(cluster, dynamic_j)

    energy = {c: (static_j[c] + dynamic_j[c]) * per_token for c in causes.ENERGY}
    j_per_token = sum(energy.values(), start=jnp.zeros(()))
    tokens_per_s = tokens / step_s
    computing_j = energy_j["matmul"] + energy_j["attention"] + energy_j["hbm"]
    return Report(
        step_s=step_s,
        tokens_per_s=tokens_per_s,
        power_w=j_per_token * tokens_per_s,
        j_per_token=j_per_token,
        energy_j_per_token=energy,
        static_j_per_token=sum(static_j.values(), start=jnp.zeros(())) * per_token,
        time_s=time_s,
        utilisation=utilisation(cluster, workload, step_s),
        nominal=nominal,
        worst=worst,
        accelerator_w=chip.idle_w + computing_j / step_s,
        matrix_unit=None if unit is None else unit.summary(offloaded(workload)),
    )


Links = tuple[dict[str, dict[str, LinkBudget]], dict[str, dict[str, LinkBudget]]]
"""nominal and worst budget of one link of each hop, by tier and hop"""


def link_budgets(cluster: Cluster, hops: dict[str, dict[str, Hop]]) -> Links:
    """One link of each hop as it is, and at the worst climate and its full reach."""
    calls = link_calls(cluster, hops)

    def both(link: AbstractLink, *at: Conditions) -> tuple[LinkBudget, ...]:
        return tuple(vmap_alike(link.budget, [(each,) for each in at]))

    budgets = vmap_alike(both, list(calls.values()))
    return by_climate(dict(zip(calls, budgets, strict=True)))


def link_calls(
    cluster: Cluster, hops: dict[str, dict[str, Hop]]
) -> dict[tuple[str, str], tuple[AbstractLink, Conditions, Conditions]]:
    """By tier and hop: a link, where it works, and where it is designed."""
    return {
        (tier, name): (
            hop.link,
            cluster.nominal.at(hop.length_m),
            cluster.worst.at(hop.link.path.reach_m),
        )
        for tier in hops
        for name, hop in hops[tier].items()
    }


def by_climate(budgets: dict[tuple[str, str], tuple[LinkBudget, ...]]) -> Links:
    """Nominal and worst budgets, each by tier and hop."""
    nominal, worst = {}, {}
    for (tier, name), (cool, hot) in budgets.items():
        nominal.setdefault(tier, {})[name] = cool
        worst.setdefault(tier, {})[name] = hot
    return nominal, worst


def step_time_and_energy(
    cluster: Cluster, workload: Workload, links: dict[str, LinkBudget]
) -> tuple[Times, dict[str, Scalar]]:
    """Exposed seconds of a step by cause, and dynamic joules of one accelerator."""
    chip, traffic = cluster.accelerator, workload.collectives()
    m, stages = workload.microbatches, workload.layout.pipeline
    layers = workload.layers_per_stage()
    layers_s, head_s = _zeros(causes.TIME), _zeros(causes.TIME)
    energy_j = _zeros(causes.COMPUTE)

    for cost in _layer_costs(cluster, workload):
        _add(layers_s, cost.time_s, layers)
        _add(energy_j, cost.energy_j, m * layers)
    for product in workload.head_products():
        cost = chip.cost(product)
        _add(head_s, cost.time_s, 1.0)
        _add(energy_j, cost.energy_j, m / stages)  # on one stage of `stages`
    layers_s["launch"] += layers * workload.launches() * chip.layer_s
    layers_s["scale_up"] += cluster.scale_up.all_reduce_s(traffic.all_reduce)

    latency_s = {name: budget.latency_s for name, budget in links.items()}
    hand_s = cluster.scale_out.hand_over_s(traffic.hand_over, latency_s)
    reduce_s = cluster.scale_out.all_reduce_s(traffic.gradients, latency_s)
    stage = Stage(layers_s, head_s, hand_s, chip.step_s)
    exposed_s = workload.exposed_s(stage, reduce_s)

    closing = chip.stream(workload.closing_byte())
    _add(exposed_s, closing.time_s, 1.0)
    _add(energy_j, closing.energy_j, 1.0)
    return exposed_s, energy_j


def _layer_costs(cluster: Cluster, workload: Workload) -> list[ComputeCost]:
    """Every product of one layer for one microbatch on the unit that does it."""
    chip, unit = cluster.accelerator, cluster.matrix_unit
    costs = [chip.stream(workload.layer_moved_byte())]
    for product in workload.layer_products():
        if unit is None or product.kind != OFFLOADED:
            costs.append(chip.cost(product))
        else:
            # Weights come from the chip's memory all the same, as settings of phases.
            weights = product.rows * product.inner
            more = weights * (unit.phase_bits() / 8 - product.operand_byte)
            fetched = product.stream_byte + more
            costs += [unit.cost(product), chip.stream(product.count * fetched)]
    return costs


OFFLOADED = "feed_forward"  # most of a dense layer, and the same weights for all tokens


def offloaded(workload: Workload) -> list[MatrixProduct]:
    """Products of a layer that a matrix unit takes."""
    return [p for p in workload.layer_products() if p.kind == OFFLOADED]


def _add(
    sums: dict[str, Scalar], parts: dict[str, Scalar], factor: Scalar | float
) -> None:
    """Adds `factor` times every part to its sum."""
    for cause, part in parts.items():
        sums[cause] += factor * part


def utilisation(
    cluster: Cluster, workload: Workload, step_s: Scalar
) -> dict[str, dict[str, Scalar]]:
    """Payload of one direction over payload rate, mean over the step."""
    traffic, m = workload.collectives(), workload.microbatches
    up, out = cluster.scale_up.link, cluster.scale_out
    within_byte = m * traffic.hand_over.sent_byte() + traffic.gradients.sent_byte()
    loads = out.loads_bit(within_byte, m * traffic.outside.sent_byte())
    reduced_bit = m * traffic.all_reduce.sent_byte() * 8
    rates = {
        "host_link": out.host_link.rate_bps,
        "switch_link": out.switch_link.rate_bps,
    }
    return {
        "scale_up": {"link": reduced_bit / (up.rate_bps * step_s)},
        "scale_out": {n: loads[n] / (rates[n] * step_s) for n in rates},
    }


def _zeros(names: tuple[str, ...]) -> dict[str, Scalar]:
    """Every one of `names` at 0."""
    return {name: jnp.zeros(()) for name in names}


def _with_facility(cluster: Cluster, joules: dict[str, Scalar]) -> dict[str, Scalar]:
    """Adds what conversion and cooling take for `joules` at the boards."""
    it_j = sum(joules.values(), start=jnp.zeros(()))
    added = cluster.facility.overheads_w(it_j)
    return joules | {f"facility.{cause}": extra for cause, extra in added.items()}
