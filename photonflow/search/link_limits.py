"""Limits of the links of a cluster, by the names that searches and results use."""

from collections.abc import Mapping
from typing import NamedTuple

from .. import limits
from ..causes import CLIMATES, DIRECTIONS, ClimateName, DirectionName
from ..cluster.budgets import Budgets, Place, places
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..component import Scalar
from ..links.family import family_of


class LinkLimit(NamedTuple):
    """One slack of a link and the least it may be."""

    climate: ClimateName
    tier: str
    hop: str
    direction: DirectionName
    slack: str
    minimum: float = 0.0

    @property
    def name(self) -> str:
        """Readable path: `worst.scale_out.switch_link.a_to_b.ber`."""
        return ".".join((self.climate, self.tier, self.hop, self.direction, self.slack))

    @property
    def place(self) -> Place:
        """The budget that it is a slack of."""
        return self.climate, self.tier, self.hop

    def read(self, report: Report) -> Scalar:
        """Slack over the minimum; >= 0 is met."""
        budget = getattr(report, self.climate)[self.tier][self.hop]
        return getattr(budget, self.direction).slacks[self.slack] - self.minimum


def link_limits(
    budgets: Budgets | Report,
    minima: Mapping[str, float] | None = None,
    tiers: tuple[str, ...] = ("scale_out",),
) -> list[LinkLimit]:
    """Every limit of the links in `tiers`, in fixed order.

    `minima` are least values by kind of slack, as `{"fold": 0.2}`; 0 for all others.
    ValueError for a kind that nothing declares; one that no link has is met.
    """
    minima = minima or {}
    found = [
        LinkLimit(climate, tier, hop, side, slack, float(minima.get(slack, 0.0)))
        for climate in CLIMATES
        for tier in tiers
        for hop, budget in getattr(budgets, climate)[tier].items()
        for side in DIRECTIONS.values()
        for slack in getattr(budget, side).slacks
        if climate == "worst" or limits.find(slack).nominal
    ]
    for name in minima:
        if not limits.declared(name):
            kinds = sorted({limit.slack for limit in found})
            raise ValueError(f"no slack is called `{name}`; there are {kinds}")
    return found


def limits_of(
    cluster: Cluster,
    minima: Mapping[str, float] | None = None,
    tiers: tuple[str, ...] = ("scale_out",),
) -> list[LinkLimit]:
    """Those of the links of `cluster`, without solving any."""
    shapes: dict[str, dict] = {climate: {} for climate in CLIMATES}
    for (climate, tier, hop), call in places(cluster).items():
        shapes[climate].setdefault(tier, {})[hop] = family_of(*call).budget
    return link_limits(Budgets(**shapes), minima, tiers)
