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
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..cluster.budgets import solved_links
from ..cluster.step import Cluster, Links, Report, assemble
from ..cluster.workload import Workload
from ..component import getter, params, require_x64
from ..links.laser_drive import LaserDrive
from .objective import Objective
from .sqp import QUICK


class Elasticities(NamedTuple):
    """Derivatives of ln J/token by Python path; the workload's under `workload.`."""

    values: dict[str, float]
    relative: dict[str, bool]
    """True: d ln J / d ln p. False: d ln J / dp per unit, for dB, dBm and what may be
    0 or negative"""
    multipliers: dict[str, float]
    """of ln J/token, by name of the constraint"""

    def largest(self, count: int = 10) -> list[tuple[str, float]]:
        """Largest relative ones, by magnitude."""
        ranked = [(p, v) for p, v in self.values.items() if self.relative[p]]
        return sorted(ranked, key=lambda item: -abs(item[1]))[:count]


def elasticities(
    cluster: Cluster,
    workload: Workload,
    multipliers: Mapping[str, float] | None = None,
    drives: Iterable[LaserDrive] = (),
    tiers: tuple[str, ...] = ("scale_out",),
) -> Elasticities:
    """d ln(J/token) / d ln p for every parameter of cluster and workload.

    `multipliers` are `Solution.lagrangian`; `drives` come from `set_drive`, and those
    on their limit follow every parameter, so their own elasticity is 0.
    """
    require_x64("pf.elasticities")
    names = Objective(tiers=tiers).names(cluster)
    place = {name: i for i, name in enumerate(names)}
    prices = dict(multipliers or {})
    solved = [d for d in drives if d.solved and prices.get(d.constraint, 0.0) == 0.0]

    def gradient(weights):
        filled = [weights.get(name, 0.0) for name in names]
        return _slopes(cluster, workload, jnp.array(filled, float), tiers)

    if solved:
        unknown = [d.constraint for d in solved if d.constraint not in place]
        if unknown:
            raise ValueError(f"{unknown} are not among the constraints {names}")
        plain, _ = gradient(prices)
        # L falls by lambda s: weight -1 adds the slopes of all binding slacks. Each of
        # them feels one solved current only, its own.
        moved, _ = gradient(prices | {d.constraint: -1.0 for d in solved})
        for d in solved:
            pull, both = (float(getter(d.path)(g)) for g in (plain, moved))
            prices[d.constraint] = pull / (both - pull)
    by_cluster, by_workload = gradient(prices)

    values, relative = {}, {}
    for tree, slope, prefix in (
        (cluster, by_cluster, ""),
        (workload, by_workload, "workload."),
    ):
        slope = jax.device_get(slope)
        for p in params(tree):
            path = prefix + p.path
            relative[path] = p.low > 0 and p.unit not in ("dB", "dBm")
            scale = float(p.value) if relative[path] else 1.0
            values[path] = float(getter(p.path)(slope)) * scale
    return Elasticities(values, relative, prices)


def evaluation(cluster: Cluster, workload: Workload) -> Report:
    """`evaluate`, compiled once per structure together with its gradient.

    Compiling takes longer than all the rest: what is reported and what is derived come
    out of the same compiled functions, and those of the links serve every workload.
    """
    tiers = Objective().tiers
    weights = jnp.zeros(len(Objective().names(cluster)))
    return _step(cluster, workload, solved_links(cluster)[0], weights, tiers)[0]


def _slopes(
    cluster: Cluster, workload: Workload, weights: jax.Array, tiers: tuple[str, ...]
) -> tuple[Cluster, Workload]:
    """Gradient of ln J - weights . slacks: through the step, then through the links."""
    solved, _ = solved_links(cluster)
    _, slopes = _step(cluster, workload, solved, weights, tiers)
    direct, by_workload, by_links = slopes
    _, through = solved_links(cluster, by_links)
    return jax.tree.map(jnp.add, direct, through), by_workload


@partial(jax.jit, static_argnums=4, compiler_options=QUICK)
def _step(
    cluster: Cluster,
    workload: Workload,
    solved: Links,
    weights: jax.Array,
    tiers: tuple[str, ...],
) -> tuple[Report, tuple[Cluster, Workload, Links]]:
    """Report, and gradient of ln J - weights . slacks with links as `solved`."""
    objective = Objective(tiers=tiers)

    def lagrangian(three):
        report = assemble(*three)
        value = objective.value(report) - weights @ objective.slacks(report)
        return value, report

    slope, report = jax.grad(lagrangian, has_aux=True)((cluster, workload, solved))
    return report, slope
