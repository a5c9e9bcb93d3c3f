"""Which watts of a link rest on which number."""

from collections.abc import Callable, Iterable

import equinox as eqx
import jax
import jax.numpy as jnp

from ..cluster.step import Cluster, Links
from ..component import getter
from ..links.port import PortBudget


Pull = Callable[[Cluster, Links | None], tuple[Links, Cluster]]
"""budgets of all links, and the pull-back of a cotangent through them"""


def end_watts(
    paths: Iterable[str], cluster: Cluster, pull: Pull
) -> dict[str, tuple[float, float]]:
    r"""$dW/d\ln p$ of the numbers at `paths`: without and with the host.

    $W$ is the power of one link, both ends, at the worst corner with its drive as it
    is; where watts are proportional to a number these are the watts it stands for.
    Numbers outside links have none.
    """
    solved, _ = pull(cluster, None)
    nothing = jax.tree.map(jnp.zeros_like, solved)
    slopes: dict[tuple[str, str], tuple[Cluster, Cluster]] = {}
    result = {}
    for path in paths:
        tier, hop, *_ = [*path.split("."), ""]
        if tier not in ("scale_up", "scale_out") or not hop.endswith("link"):
            continue
        if (tier, hop) not in slopes:
            vendor, full = (
                pull(cluster, _watts(nothing, tier, hop, host))[1]
                for host in (False, True)
            )
            slopes[tier, hop] = vendor, full
        value = float(getter(path)(cluster))
        vendor, full = (float(getter(path)(g)) * value for g in slopes[tier, hop])
        result[path] = vendor, full
    return result


def _watts(nothing: Links, tier: str, hop: str, host: bool) -> Links:
    """The cotangent of the watts of both ends, with or without those of the host."""

    def ones(end: PortBudget) -> dict[str, jax.Array]:
        boxes = dict(end.boundary)
        return {
            cause: jnp.ones(()) if host or boxes[cause] != "host" else jnp.zeros(())
            for cause in end.static_w
        }

    def ends(links: Links) -> list:
        budget = links[1][tier][hop]
        return [budget.end_a.static_w, budget.end_b.static_w]

    budget = nothing[1][tier][hop]
    return eqx.tree_at(ends, nothing, [ones(budget.end_a), ones(budget.end_b)])
