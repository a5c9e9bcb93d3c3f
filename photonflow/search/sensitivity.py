r"""What every parameter is worth, with all limits kept: one reverse pass.

Where a search or a drive solve holds limits $s_i \ge 0$ at zero, the derivative of the
re-optimised (or re-solved) result is that of the Lagrangian with everything free held
still (envelope theorem),
$$ \frac{d\ln J}{dp} = \frac{\partial}{\partial p}
   \Big(\ln J - \sum_i\lambda_i s_i\Big) , $$
with $\lambda_i$ from the search, or from the current $I_i$ that a solve put on limit
$i$: $\lambda_i = (\partial\ln J/\partial I_i) / (\partial s_i/\partial I_i)$, which is
the adjoint of $s_i(I_i, p) = 0$.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from ..cluster.derivatives import ClusterFunction, Gradient
from ..cluster.hardware import Cluster
from ..cluster.workload import Workload
from ..component import params, require_x64
from .laser_drive import LaserDrive
from .link_limits import limits_of


class Elasticities(NamedTuple):
    """Derivatives of ln J/token by Python path; the workload's under `workload.`."""

    values: dict[str, float]
    relative: dict[str, bool]
    """True: d ln J / d ln p. False: d ln J / dp per unit, for dB, dBm and what may be
    0 or negative"""
    multipliers: dict[str, float]
    """d(J/token) / d(limit), by name of the constraint"""
    link_watts: dict[str, tuple[float, float]]
    """dW/d ln p of the link that a number is in, both ends, worst corner, drive as it
    is: at the vendor's boundary, and with the host; where watts are proportional to a
    number these are the watts it stands for"""

    def largest(self, count: int = 10, within: str = "") -> list[tuple[str, float]]:
        """Largest relative ones, by magnitude, whose path begins with `within`."""
        ranked = [
            (path, value)
            for path, value in self.values.items()
            if self.relative[path] and path.startswith(within)
        ]
        return sorted(ranked, key=lambda item: -abs(item[1]))[:count]


def elasticities(
    cluster: Cluster,
    workload: Workload,
    multipliers: Mapping[str, float] | None = None,
    drives: Iterable[LaserDrive] = (),
    tiers: tuple[str, ...] = ("scale_out",),
) -> Elasticities:
    """d ln(J/token) / d ln p for every parameter of cluster and workload.

    `multipliers` are those of a `Solution`; `drives` come from `set_drive`, and those
    on their limit follow every parameter, so their own elasticity is 0. Without either
    everything else stays as it is, laser currents too, and error rates move.
    """
    require_x64("pf.elasticities")
    function = ClusterFunction(cluster, workload)
    found = function.gradient(cluster)
    where = function.origins.packing.place
    constraints = {c.name: c for c in limits_of(cluster, tiers=tiers)}
    j = float(np.exp(found.value))

    def slack_slopes(name: str) -> np.ndarray:
        """Derivative of a slack in every number of the cluster."""
        if name not in constraints:
            raise ValueError(f"`{name}` is not among the constraints {[*constraints]}")
        c = constraints[name]
        term = function.families[c.place].terms.place[f"slacks.{c.direction}.{c.slack}"]
        return found.terms[c.place][term]

    prices = dict(multipliers or {})
    lagrangian = found.log_j.copy()
    for name, price in prices.items():
        if name in constraints:
            lagrangian -= price / j * slack_slopes(name)
    # Each solved slack feels one solved current only, its own.
    for d in drives:
        if d.solved and prices.get(d.constraint, 0.0) == 0.0:
            slopes, current = slack_slopes(d.constraint), where[d.path]
            price = float(lagrangian[current] / slopes[current])
            lagrangian = lagrangian - price * slopes
            prices[d.constraint] = price * j

    values, relative = {}, {}
    slope = {path: float(lagrangian[i]) for path, i in where.items()}
    for tree, slopes_of, prefix in (
        (cluster, slope, ""),
        (workload, found.workload, "workload."),
    ):
        for p in params(tree):
            path = prefix + p.path
            relative[path] = p.low > 0 and p.unit not in ("dB", "dBm")
            scale = float(p.value) if relative[path] else 1.0
            values[path] = slopes_of[p.path] * scale
    return Elasticities(values, relative, prices, _link_watts(function, found))


def _link_watts(
    function: ClusterFunction, found: Gradient
) -> dict[str, tuple[float, float]]:
    """By path of every number in a link."""
    watts = {}
    for (climate, tier, hop), family in function.families.items():
        if climate != "worst":
            continue
        slopes = found.terms[climate, tier, hop] * function.numbers
        sums = [slopes[family.watts(host=host)].sum(axis=0) for host in (False, True)]
        for path, i in function.origins.packing.place.items():
            if path.startswith(f"{tier}.{hop}."):
                watts[path] = float(sums[0][i]), float(sums[1][i])
    return watts
