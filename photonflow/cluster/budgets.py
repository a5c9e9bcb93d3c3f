"""Budgets of all links of a cluster, nominal and worst, and their derivatives.

Links know no workload: their budgets serve every workload of a cluster. A link is
designed at the worst climate and its full reach, and burns its watts at the nominal one
with the same drive. Conditions and links copy their numbers from the cluster, so that a
derivative is carried back by adding it up where the number came from.
"""

from collections.abc import Iterable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..causes import CLIMATES, ClimateName
from ..component import Packing, is_traced, require_x64, vmap_alike
from ..links.base import AbstractLink, Conditions, LinkBudget
from ..links.family import LinkFamily, budget, budgets_of, family_of, prepare
from .hardware import Cluster


Place = tuple[ClimateName, str, str]
"""climate, tier and hop of a budget"""


class Budgets(eqx.Module):
    """One link of each hop in both climates, by tier and hop."""

    nominal: dict[str, dict[str, LinkBudget]]
    worst: dict[str, dict[str, LinkBudget]]


def link_budgets(cluster: Cluster) -> Budgets:
    """Every link as it is, and at the worst climate and its full reach.

    Plain numbers go through the programs that are compiled once for each family of
    links; inside a trace the budgets become part of it.
    """
    require_x64("pf.link_budgets")
    calls = places(cluster)
    if is_traced(cluster):
        found = vmap_alike(budget, list(calls.values()))
    else:
        found = budgets_of(calls.values())
    by_climate: dict[str, dict[str, dict[str, LinkBudget]]] = {c: {} for c in CLIMATES}
    for (climate, tier, hop), each in zip(calls, found, strict=True):
        by_climate[climate].setdefault(tier, {})[hop] = each
    return Budgets(**by_climate)


def places(cluster: Cluster) -> dict[Place, tuple[AbstractLink, Conditions]]:
    """The link and its conditions, for every budget of a cluster."""
    return {
        (climate, tier, name): (
            hop.link,
            cluster.nominal.at(hop.length_m)
            if climate == "nominal"
            else cluster.worst.at(hop.link.path.reach_m),
        )
        for climate in CLIMATES
        for tier, hops in cluster.hops().items()
        for name, hop in hops.items()
    }


def compile_ahead(cluster: Cluster, searched: Iterable[str] = ()) -> None:
    """Begin to compile what the links of `cluster` will be asked, and do not wait.

    `searched` are paths that a search will move.
    """
    families = {}
    for place, call in places(cluster).items():
        families[place] = family_of(*call)
    for (_, tier, hop), family in families.items():
        if any(path.startswith(f"{tier}.{hop}.") for path in searched):
            family.searched = True
    prepare(families.values())


class Origins:
    """Where in a cluster every number of its budgets comes from."""

    def __init__(self, cluster: Cluster):
        self.packing = Packing(cluster)
        # Links and conditions copy their numbers: of a cluster of serial numbers each
        # holds the number of its origin.
        numbers = [jnp.asarray(i + 1.0) for i in range(len(self.packing))]
        serial = jax.tree.unflatten(self.packing.structure, numbers)
        self.family: dict[Place, LinkFamily] = {}
        self.index: dict[Place, np.ndarray] = {}
        for place, call in places(serial).items():
            self.family[place] = family_of(*call)
            self.index[place] = self.family[place].row(*call).astype(int) - 1

    def row(self, place: Place, numbers: np.ndarray) -> np.ndarray:
        """The numbers of a budget among those of clusters (..., numbers)."""
        return numbers[..., self.index[place]]

    def add_back(self, place: Place, slopes: np.ndarray, to: np.ndarray) -> None:
        """Adds derivatives in the numbers of a budget to those of the cluster."""
        np.add.at(to, self.index[place], slopes)


class Jacobian(NamedTuple):
    """One budget's terms and what every number of link and conditions moves."""

    family: LinkFamily
    values: np.ndarray
    """(terms,), in the order of `family.terms`"""
    slopes: np.ndarray
    """(terms, numbers)"""


def jacobians(cluster: Cluster, origins: Origins) -> dict[Place, Jacobian]:
    """Derivatives of all budgets, from one linearisation each."""
    numbers = origins.packing.pack(cluster)
    return {
        place: Jacobian(
            family,
            *family.jacobian(origins.row(place, numbers), place[0] == "worst"),
        )
        for place, family in origins.family.items()
    }
