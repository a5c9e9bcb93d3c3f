"""Links of a cluster, each compiled for itself: budgets, pull-backs, slopes.

Passes of the compiler grow faster than the program they work on, so that links one by
one take less time than all at once, and serve every workload.
"""

import threading
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..links.base import AbstractLink, Conditions, LinkBudget
from ..search.design_space import Coordinates
from ..search.sqp import LEAN, QUICK, pruned, slopes
from .step import Cluster, Links, by_climate, link_calls


TRACING = threading.RLock()
"""held while `budget` is traced: jax cannot do that in two threads at once"""
CLIMATES = ("nominal", "worst")
Place = tuple[str, str, str]
"""climate, tier and hop of a budget"""


@jax.jit
def budget(link: AbstractLink, at: Conditions) -> LinkBudget:
    """What every compiled function of a link shares one trace of."""
    return link.budget(at)


def places(cluster: Cluster) -> dict[Place, tuple[AbstractLink, Conditions]]:
    """The link and its conditions, for every budget of a cluster."""
    return {
        (climate, *name): (link, at)
        for name, (link, *climates) in link_calls(cluster, cluster.hops()).items()
        for climate, at in zip(CLIMATES, climates, strict=True)
    }


def shapes(cluster: Cluster) -> dict[Place, Any]:
    """Every budget as a tree of shapes, without a run."""
    with TRACING:
        return {
            place: jax.eval_shape(budget, *call)
            for place, call in places(cluster).items()
        }


def arranged(budgets: dict[Place, Any]) -> Links:
    """Budgets as the step wants them."""
    pairs = {
        (tier, hop): tuple(budgets[c, tier, hop] for c in CLIMATES)
        for _, tier, hop in budgets
    }
    return by_climate(pairs)


def solved_links(
    cluster: Cluster, cotangent: Links | None = None
) -> tuple[Links, Cluster]:
    """Budgets of all links, and the pull-back of `cotangent` through them."""
    calls, back = jax.vjp(places, cluster)
    found, pulled = {}, {}
    for place, call in calls.items():
        climate, tier, hop = place
        if cotangent is None:
            weights = _nothing(*call)
        else:
            weights = cotangent[CLIMATES.index(climate)][tier][hop]
        found[place], pulled[place] = _pull(*call, weights)
    return arranged(found), back(pulled)[0]


def _nothing(link: AbstractLink, at: Conditions) -> LinkBudget:
    """Zeros in the shape of a budget."""
    structure = jax.tree.structure((link, at))
    if structure not in _NOTHING:
        with TRACING:
            shape = jax.eval_shape(budget, link, at)
        _NOTHING[structure] = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shape)
    return _NOTHING[structure]


_NOTHING: dict[Any, LinkBudget] = {}  # a trace takes longer than a run


@partial(jax.jit, compiler_options=QUICK)
def _pull(
    link: AbstractLink, at: Conditions, cotangent: LinkBudget
) -> tuple[LinkBudget, tuple[AbstractLink, Conditions]]:
    with TRACING:
        solved, pull = jax.vjp(budget, link, at)
        return solved, pull(cotangent)


@partial(jax.jit, static_argnums=(0, 1), compiler_options=LEAN)
def moved(
    place: Place,
    wanted: tuple[bool, ...],
    u: Float[Array, "designs n"],
    coordinates: Coordinates,
    cluster: Cluster,
) -> tuple[list[Array], list[Array]]:
    """The `wanted` leaves of one budget at designs `u`, and their slopes in `u`.

    Slopes have `n` as their last axis.
    """

    def leaves(u, coordinates, cluster):
        call = places(coordinates.insert(u, cluster))[place]
        every = jax.tree.leaves(budget(*call))
        return [leaf for leaf, kept in zip(every, wanted, strict=True) if kept]

    with TRACING:
        lean = pruned(leaves, u[0], coordinates, cluster)
        return jax.vmap(lambda v: slopes(lambda x: lean(x, coordinates, cluster), v))(u)
