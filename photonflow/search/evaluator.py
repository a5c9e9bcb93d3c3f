"""What a search asks of designs: ln J/token, slacks over their minima, and slopes."""

import jax
import numpy as np

from ..cluster.budgets import Place
from ..cluster.derivatives import ClusterFunction
from ..cluster.hardware import Cluster
from ..cluster.workload import Workload
from .design_space import DesignSpace
from .objective import Constraint
from .sqp import Sample


End = tuple[str, str, str]
"""tier, hop and end of a link"""


class Evaluator:
    """Designs of a space to samples for `sqp`: one call for many of them."""

    def __init__(
        self,
        cluster: Cluster,
        workload: Workload,
        space: DesignSpace,
        constraints: list[Constraint],
        ends: tuple[End, ...],
    ):
        self.function = ClusterFunction(cluster, workload)
        self._coordinates = jax.device_get(space.coordinates())
        where = self.function.origins.packing.place
        self._tied = [[where[path] for path in v.paths] for v in space.variables]
        self._directions = np.zeros((len(self._tied), len(where)))
        for row, tied in zip(self._directions, self._tied, strict=True):
            row[tied] = 1.0
        self._minima = np.array([c.minimum for c in constraints])
        self._slack = [(c.place, self._term(c)) for c in constraints]
        self._watts = [self._vendor_terms(*end) for end in ends]

    def __call__(self, u: np.ndarray) -> Sample:
        """Values and slopes of the designs `u` (n, variables)."""
        x, x_per_u = self._si(np.asarray(u))
        numbers = np.tile(self.function.numbers, (len(u), 1))
        for column, tied in zip(x.T, self._tied, strict=True):
            numbers[:, tied] = column[:, None]
        found = self.function.slopes(numbers, self._directions)
        c = [found.terms[place][:, term] for place, term in self._slack]
        jacobian = [found.term_slopes[place][:, :, term] for place, term in self._slack]
        watts = [found.terms[place][:, terms].sum(1) for place, terms in self._watts]
        return Sample(
            f=found.log_j,
            c=np.stack(c, axis=1) - self._minima,
            g=found.log_j_slopes * x_per_u,
            jacobian=np.stack(jacobian, axis=1) * x_per_u[:, None],
            extra=np.mean(watts, axis=0) if watts else np.zeros(len(u)),
        )

    def _si(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """SI values of the variables, and their slopes in u."""
        to = self._coordinates
        y = to.low + u * (to.high - to.low)
        x = np.where(to.log, np.exp(np.where(to.log, y, 0.0)), y)
        return x, np.where(to.log, x, 1.0) * (to.high - to.low)

    def _term(self, constraint: Constraint) -> int:
        terms = self.function.families[constraint.place].terms
        return terms.place[f"slacks.{constraint.direction}.{constraint.slack}"]

    def _vendor_terms(self, tier: str, hop: str, end: str) -> tuple[Place, list[int]]:
        """Where the watts of an end at the vendor's boundary are."""
        place: Place = ("worst", tier, hop)
        return place, self.function.families[place].watts([end], host=False)
