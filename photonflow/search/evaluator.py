"""What a search asks of designs: joules per token, slacks, and their slopes."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..cluster.budgets import Place, arranged, moved, shapes
from ..cluster.step import Cluster, assemble
from ..cluster.workload import Workload
from ..component import Scalar
from .design_space import Coordinates
from .objective import Objective
from .sqp import LEAN, Sample, needed


End = tuple[str, str, str]
"""tier, hop and end of a link"""


class Arguments(NamedTuple):
    """All but the design."""

    coordinates: Coordinates
    cluster: Cluster
    workload: Workload
    minima: Float[Array, " m"]


@dataclass(frozen=True)
class ClusterFunction:
    """Designs to ln J/token, slacks over their minima and watts of one free end.

    Every link is compiled for itself and without what is not asked here, most of all
    the error rate where it works; what a workload makes of the links is another small
    program. Hashable.
    """

    tiers: tuple[str, ...]
    ends: tuple[End, ...]
    wanted: tuple[tuple[Place, tuple[bool, ...]], ...] = ()
    """leaves of every budget that the answers depend on"""

    @classmethod
    def of(
        cls,
        tiers: tuple[str, ...],
        ends: tuple[End, ...],
        u: Float[Array, " n"],
        arguments: Arguments,
    ) -> "ClusterFunction":
        """With what it wants to know of every link."""
        function = cls(tiers, ends)
        budgets = shapes(arguments.cluster)
        _, used, _ = needed(function.judge, u, budgets, arguments)
        wanted = ((place, tuple(jax.tree.leaves(mask))) for place, mask in used.items())
        return cls(tiers, ends, tuple(wanted))

    def __call__(self, u: Float[Array, "designs n"], arguments: Arguments) -> Sample:
        """Values and slopes of every design."""
        where = (arguments.coordinates, arguments.cluster)
        links = [moved(place, wanted, u, *where) for place, wanted in self.wanted]
        return _assembled(self, u, links, arguments)

    def judge(
        self, u: Float[Array, " n"], budgets: dict[Place, Any], arguments: Arguments
    ) -> tuple[Scalar, Array, Scalar]:
        """The three answers of one design whose links are solved."""
        coordinates, cluster, workload, minima = arguments
        moved = coordinates.insert(u, cluster)
        report = assemble(moved, workload, arranged(budgets))
        objective = Objective(tiers=self.tiers)
        watts = [w for _, w in end_watts(report.worst, self.ends)]
        mean_w = sum(watts, start=jnp.zeros(())) / max(1, len(watts))
        return objective.value(report), objective.slacks(report) - minima, mean_w

    def filled(self, links: list[list[Array]], cluster: Cluster) -> dict[Place, Any]:
        """Budgets of the leaves that are wanted; 0 where nothing depends on it."""
        every, budgets = shapes(cluster), {}
        for (place, wanted), leaves in zip(self.wanted, links, strict=True):
            like, shape = jax.tree.flatten(every[place])
            known = iter(leaves)
            budgets[place] = jax.tree.unflatten(
                shape,
                [
                    next(known) if kept else jnp.zeros(x.shape, x.dtype)
                    for x, kept in zip(like, wanted, strict=True)
                ],
            )
        return budgets


@partial(jax.jit, static_argnums=0, compiler_options=LEAN)
def _assembled(
    function: ClusterFunction,
    u: Float[Array, "designs n"],
    links: list[tuple[list[Array], list[Array]]],
    arguments: Arguments,
) -> Sample:
    """What links and their slopes come to."""

    def one(u, values, slopes):
        def judged(u, values):
            budgets = function.filled(values, arguments.cluster)
            f, c, extra = function.judge(u, budgets, arguments)
            return (f, c), extra

        (f, c), linear, extra = jax.linearize(judged, u, values, has_aux=True)
        g, jacobian = jax.vmap(linear, (0, -1), -1)(jnp.eye(u.shape[0]), slopes)
        return Sample(f, c, g, jacobian, extra)

    values = [value for value, _ in links]
    return jax.vmap(one)(u, values, [slope for _, slope in links])


def end_watts(budgets: dict, ends: tuple[End, ...]) -> list[tuple[End, Any]]:
    """Vendor-boundary watts of each of `ends`."""
    return [(e, getattr(budgets[e[0]][e[1]], e[2]).vendor_w()) for e in ends]
