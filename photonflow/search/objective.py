r"""What a search minimises, $\ln$ J/token at the meter, and what it must keep."""

from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import limits
from ..causes import CLIMATES, DIRECTIONS, ClimateName, DirectionName
from ..cluster.budgets import Budgets, Place, places
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..component import Scalar
from ..links.family import family_of


class Constraint(NamedTuple):
    """One slack of a report and the least it may be."""

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


class Objective(eqx.Module):
    """Least joules per token with every limit of the links kept."""

    minimum: Mapping[str, float] = eqx.field(default_factory=dict)
    """least value by kind of slack, such as `{"fold": 0.2}`; 0 for all others"""
    tiers: tuple[str, ...] = ("scale_out",)

    def value(self, report: Report) -> Scalar:
        """ln J/token."""
        return jnp.log(report.j_per_token)

    def constraints(self, report: Report) -> list[Constraint]:
        """Every constraint in fixed order."""
        return self._constraints(Budgets(report.nominal, report.worst))

    def _constraints(self, budgets: Budgets) -> list[Constraint]:
        """The same from budgets, which may be trees of shapes."""
        found = [
            Constraint(
                climate, tier, hop, side, slack, float(self.minimum.get(slack, 0.0))
            )
            for climate in CLIMATES
            for tier in self.tiers
            for hop, budget in getattr(budgets, climate)[tier].items()
            for side in DIRECTIONS.values()
            for slack in getattr(budget, side).slacks
            if climate == "worst" or limits.find(slack).nominal
        ]
        unknown = set(self.minimum) - {c.slack for c in found}
        if unknown:
            kinds = sorted({c.slack for c in found})
            raise ValueError(f"no slack is called {sorted(unknown)}; there are {kinds}")
        return found

    def of(self, cluster: Cluster) -> list[Constraint]:
        """Every constraint of the links of `cluster`, without a run."""
        shapes: dict[str, dict] = {climate: {} for climate in CLIMATES}
        for (climate, tier, hop), call in places(cluster).items():
            shapes[climate].setdefault(tier, {})[hop] = family_of(*call).budget
        return self._constraints(Budgets(**shapes))

    def slacks(self, report: Report) -> Float[Array, " m"]:
        """All slacks over their minima, in the order of `constraints`."""
        return jnp.stack([c.read(report) for c in self.constraints(report)])


class Selection(NamedTuple):
    """Which constraints a search has to carry."""

    keep: np.ndarray
    """mask over all constraints"""
    fixed: dict[str, float]
    """slacks that no free parameter moves, with their value"""
    same: dict[str, str]
    """slack -> the kept one it always equals"""

    def shared(self, prices: Mapping[str, float]) -> dict[str, float]:
        """Multipliers with those of a slack dealt out to all that always equal it.

        Which of equal slacks carries a multiplier changes nothing for parameters that
        move together; for the others, each end has its share.
        """
        alike = {name: [name] for name in prices}
        for name, kept in self.same.items():
            if kept in alike:
                alike[kept].append(name)
        return {
            name: prices[kept] / len(names)
            for kept, names in alike.items()
            for name in names
        }

    @property
    def violated(self) -> dict[str, float]:
        """Limits that no search can meet."""
        return {name: s for name, s in self.fixed.items() if not limits.met(s)}


def prepare(names: list[str], samples: np.ndarray) -> Selection:
    """Sort constraints by what `samples` (designs, constraints) of them show.

    A slack that no design moves is fixed. Of several that agree in every design, as
    two equal ends do, the first is kept, so that multipliers are unique.
    """
    samples = np.asarray(samples)
    samples = samples[np.isfinite(samples).all(axis=1)]
    keep = np.ones(len(names), bool)
    fixed, same = {}, {}
    for i, name in enumerate(names):
        column = samples[:, i]
        if np.ptp(column) <= 1e-9 * np.abs(column).max():
            keep[i], fixed[name] = False, float(column.mean())
            continue
        for j in np.flatnonzero(keep[:i]):
            if np.allclose(column, samples[:, j], rtol=1e-9, atol=1e-12):
                keep[i], same[name] = False, names[j]
                break
    return Selection(keep, fixed, same)
