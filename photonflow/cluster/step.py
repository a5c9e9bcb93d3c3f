"""The main path on one page: a cluster and a workload give joules per token."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from .. import causes
from ..compilation import QUICK, TRACING, persistent_jit
from ..component import Scalar, is_traced, require_x64
from ..compute.base import ComputeCost, MatrixProduct
from ..compute.matrix_unit import Summary
from ..links.base import AbstractLink, LinkBudget
from .budgets import Budgets, link_budgets
from .hardware import Cluster
from .pipeline import Stage, Times
from .topology import Line
from .workload import Workload


OFFLOADED = "feed_forward"  # most of a dense layer, and the same weights for all tokens


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


def evaluate(
    cluster: Cluster, workload: Workload, budgets: Budgets | None = None
) -> Report:
    """Step time, power and joules per token of `workload` on `cluster`.

    Links are designed at `cluster.worst` and burn at `cluster.nominal` with the same
    drive; `budgets`, those of `link_budgets(cluster)`, spare solving them again for
    another workload. That they are of this cluster is not checked: whoever changes a
    link asks for new ones. Everything clocked at line rate is static: it burns for the
    whole step. Compiled inside; differentiable in every leaf of cluster and workload,
    in forward and in reverse mode. Ranges of parameters, integers and memory are
    checked where a study is read, not here.
    """
    require_x64("pf.evaluate")
    budgets = link_budgets(cluster) if budgets is None else budgets
    parts = without_links(cluster), workload, lines_of(budgets)
    # Options of the compiler belong to the outermost program, here or the caller's.
    if is_traced(parts):
        found = balance(*parts)
    else:
        with TRACING:
            found = _compiled(*parts)
    return Report(nominal=budgets.nominal, worst=budgets.worst, **found)


def lines_of(budgets: Budgets) -> dict[str, dict[str, Line]]:
    """By tier and hop, from the budgets where links work."""
    return {
        tier: {
            name: Line(
                each.rate_bps,
                each.latency_s,
                {
                    cause: each.end_a.static_w[cause] + each.end_b.static_w[cause]
                    for cause in causes.LINK
                },
            )
            for name, each in hops.items()
        }
        for tier, hops in budgets.nominal.items()
    }


def without_links(cluster: Cluster) -> Cluster:
    """`cluster` with nothing in the place of its links.

    All technologies of a link are one structure then: what is compiled for one variant
    of a study serves the others.
    """
    tiers = {}
    for tier, topology in cluster.topologies().items():
        parts = vars(topology).items()
        links = [name for name, part in parts if isinstance(part, AbstractLink)]
        tiers[tier] = _with(topology, dict.fromkeys(links))
    return _with(cluster, tiers)


def _with(module: Any, values: dict[str, Any]) -> Any:
    """A copy with fields replaced that their class would not accept from a card."""
    copy = object.__new__(type(module))
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        object.__setattr__(copy, field.name, values.get(field.name, value))
    return copy


def balance(
    cluster: Cluster, workload: Workload, links: dict[str, dict[str, Line]]
) -> dict[str, Any]:
    """The fields of a `Report` but for its budgets; `cluster` has no links in it."""
    time_s, energy_j = step_time_and_energy(cluster, workload, links)
    step_s = sum(time_s.values(), start=jnp.zeros(()))
    tokens = workload.tokens_per_step()
    per_token = cluster.accelerators / tokens

    # Static watts and dynamic joules of one accelerator, under their causes.
    static_w = _zeros(causes.ENERGY)
    for tier, topology in cluster.topologies().items():
        for name, count in topology.links_per_accelerator().items():
            for cause, watts in links[tier][name].static_w.items():
                static_w[f"network.{tier}.{cause}"] += watts * count
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
    return dict(
        step_s=step_s,
        tokens_per_s=tokens_per_s,
        power_w=j_per_token * tokens_per_s,
        j_per_token=j_per_token,
        energy_j_per_token=energy,
        static_j_per_token=sum(static_j.values(), start=jnp.zeros(())) * per_token,
        time_s=time_s,
        utilisation=utilisation(cluster, workload, links, step_s),
        accelerator_w=chip.idle_w + computing_j / step_s,
        matrix_unit=None if unit is None else unit.summary(offloaded(workload)),
    )


def step_time_and_energy(
    cluster: Cluster, workload: Workload, links: dict[str, dict[str, Line]]
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
    up, out = links["scale_up"], links["scale_out"]
    layers_s["scale_up"] += cluster.scale_up.all_reduce_s(traffic.all_reduce, up)
    hand_s = cluster.scale_out.hand_over_s(traffic.hand_over, out)
    reduce_s = cluster.scale_out.all_reduce_s(traffic.gradients, out)
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
    cluster: Cluster,
    workload: Workload,
    links: dict[str, dict[str, Line]],
    step_s: Scalar,
) -> dict[str, dict[str, Scalar]]:
    """Payload of one direction over payload rate, mean over the step."""
    traffic, m = workload.collectives(), workload.microbatches
    within_byte = m * traffic.hand_over.sent_byte() + traffic.gradients.sent_byte()
    loads_bit = {
        "scale_up": {"link": m * traffic.all_reduce.sent_byte() * 8},
        "scale_out": cluster.scale_out.loads_bit(
            within_byte, m * traffic.outside.sent_byte()
        ),
    }
    return {
        tier: {
            name: loads_bit[tier][name] / (line.rate_bps * step_s)
            for name, line in hops.items()
        }
        for tier, hops in links.items()
    }


_compiled = persistent_jit(balance, compiler_options=QUICK)


def _zeros(names: tuple[str, ...]) -> dict[str, Scalar]:
    """Every one of `names` at 0."""
    return {name: jnp.zeros(()) for name in names}


def _with_facility(cluster: Cluster, joules: dict[str, Scalar]) -> dict[str, Scalar]:
    """Adds what conversion and cooling take for `joules` at the boards."""
    it_j = sum(joules.values(), start=jnp.zeros(()))
    added = cluster.facility.overheads_w(it_j)
    return joules | {f"facility.{cause}": extra for cause, extra in added.items()}
