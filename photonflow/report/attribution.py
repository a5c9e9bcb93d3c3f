"""Which watts of a link rest on which number."""

import math
from collections.abc import Callable, Iterable

import jax

from ..cluster.step import Cluster, Links
from ..component import params
from ..links.base import LinkBudget


STEP = 1e-4  # of ln p; the error of a central difference is of its square
ROUNDING = 1e-9 / STEP  # of watts that do not depend on it


def end_watts(
    paths: Iterable[str], cluster: Cluster, solve: Callable[[Cluster], Links]
) -> dict[str, tuple[float, float]]:
    r"""$dW/d\ln p$ of the numbers at `paths`: without and with the host.

    $W$ is the power of one link, both ends, at the worst corner with its drive as it
    is; where watts are proportional to a number these are the watts it stands for.
    Numbers outside links have none. Central differences of `solve`, the budgets of
    all links, which is compiled already: a reverse pass would cost more time to compile
    than all of them.
    """
    leaves, structure = jax.tree.flatten(cluster)
    place = {spec.path: i for i, spec in enumerate(params(cluster))}
    assert len(place) == len(leaves), "every leaf of a cluster is a `param`"

    def watts(path: str, factor: float) -> tuple[float, float]:
        i = place[path]
        moved = [*leaves[:i], leaves[i] * factor, *leaves[i + 1 :]]
        tier, hop = path.split(".")[:2]
        _, worst = solve(jax.tree.unflatten(structure, moved))
        return _watts(worst[tier][hop])

    result = {}
    for path in paths:
        words = path.split(".")
        if words[0] in ("scale_up", "scale_out") and words[1].endswith("link"):
            pairs = zip(watts(path, 1 + STEP), watts(path, 1 - STEP), strict=True)
            vendor, full = (_slope(up, down) for up, down in pairs)
            result[path] = vendor, full
    return result


def _slope(up: float, down: float) -> float:
    slope = (up - down) / (2 * STEP)
    return 0.0 if abs(slope) < ROUNDING * up else slope


def _watts(budget: LinkBudget) -> tuple[float, float]:
    """Of both ends: at the vendor's boundary, and all."""
    ends = (budget.end_a, budget.end_b)
    inside, full = [], []
    for static_w, end in zip(
        jax.device_get([end.static_w for end in ends]), ends, strict=True
    ):
        full += [float(watts) for watts in static_w.values()]
        inside += [float(static_w[c]) for c, box in end.boundary if box != "host"]
    return math.fsum(inside), math.fsum(full)
