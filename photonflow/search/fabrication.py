r"""Designs judged over what fabrication leaves uncertain: mean, tail, yield.

A card says how far a number strays from part to part (`spread`, one standard
deviation). Draws of all of them at once, normal and independent, by Sobol points [1]
make of a function of one component a function of its population: the mean of every
scalar $x$ and the mean of its worst share $\alpha$ (CVaR),
$$ \overline{x} = \frac1N\sum_i x_i, \qquad
   \mathrm{CVaR}_\alpha(x) = \frac{1}{\alpha N}\sum_{i \le \alpha N} x_{(i)}, $$
and of its limits the yield. A yield of $1-\alpha$ is asked as a limit on a quantile:
the worst slack that a share $\alpha$ of all parts falls below has to be 0 or more.
That quantile is the estimator of Harrell and Davis [2], a mean of all ordered draws
with the weights of a beta distribution, which has slopes where a counted share has
none.

What is adjusted part by part after fabrication is `trimmed` in every draw: a number
goes where the smallest of some slacks is largest, each of them a parabola through three
points. Left out: correlation of the numbers of one part, of parts on one wafer, and
tails that are not normal.

1. Matousek, On the L2-discrepancy for anchored boxes, J. Complexity 14, 1998: the
   scrambling of scipy.stats.qmc.Sobol
2. Harrell and Davis 1982, doi:10.1093/biomet/69.3.635
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import beta, norm, qmc

from ..compilation import LEAN
from ..component import getter, quantities, replace
from .design_space import find
from .goals import (
    TOLERANCE,
    Inequality,
    limit_keys,
    limits_listed,
    require_limit,
    require_scalar,
)
from .sampler import Function, kept_by


DRAWS_MOST = 256
FURTHEST = 4.0
"""standard deviations; one draw in 16,000 goes beyond"""
WORST_WIDTH = 5e-3
"""of a limit's size, over which the worst of m slacks changes smoothly; it is taken for
less than it is, by ln m times this at most: the yield errs on the safe side"""
TRIM_WIDTH = 5e-3
"""of a limit's size: places this much worse than the best still count"""
PLACES = 401
BATCH = 256


class Trim(NamedTuple):
    """A number that is adjusted on every part."""

    path: str
    """with or without its unit"""
    limits: tuple[str, ...]
    """scalars with a limit: the smallest of their slacks is made as large as it goes"""
    step: float
    """between the points of the parabolas; the number moves twice as far at most"""


class Population(NamedTuple):
    """What draws of one component come to."""

    share: float
    """part of all draws that keeps every limit"""
    values: dict[str, np.ndarray]
    """named scalars (draws,)"""
    slacks: dict[str, np.ndarray]
    """by limit, in the unit of its scalar (draws,)"""

    @property
    def standard_error(self) -> float:
        """Of the share, if draws were independent."""
        count = len(next(iter(self.values.values())))
        return float(np.sqrt(self.share * (1 - self.share) / count))


def spreads(provenance: Mapping[str, Any], within: str = "") -> dict[str, float]:
    """Standard deviation by path, of every number whose card states one."""
    return {
        path: origin.spread
        for path, origin in provenance.items()
        if origin.spread and path.startswith(within)
    }


def over_draws(
    function: Function,
    spread: Mapping[str, float],
    limits: Inequality | Iterable[Inequality],
    *,
    wanted: float = 0.95,
    draws: int = 128,
    seed: int = 0,
    trimmed: Iterable[Trim] = (),
) -> Function:
    """What `function` says of a component, of the population around it.

    For every scalar `x`: `mean.x`, and `high.x` and `low.x`, the means of the share
    1 - `wanted` of all draws in which it is highest and lowest. `yield`: the slack, of
    the size of its limit, that a share `wanted` of all draws keeps at least;
    `pf.at_least("yield", 0.0)` asks for that yield. A limit at 0 without a tolerance
    counts in the unit of its scalar.
    """
    limits, trimmed = limits_listed(limits), tuple(trimmed)
    if not 2 <= draws <= DRAWS_MOST:
        raise ValueError(f"`draws` is {draws}: 2 to {DRAWS_MOST}")
    if not 0 < wanted < 1:
        raise ValueError(f"`wanted` is {wanted}: a share between 0 and 1")
    if draws < least_draws(wanted):
        raise ValueError(
            f"`wanted` is {wanted:g}: of {draws} draws less than one may fail; a share "
            f"of {1 - 1 / draws:.3g} at most, or more `draws`"
        )
    _require(spread, limits, trimmed)
    z = normal(len(spread), draws, seed)
    tail = _tail_weights(1 - wanted, draws)
    quantile = _quantile_weights(1 - wanted, draws)

    def population(component: Any) -> dict[str, Any]:
        uncertain, adjusted = _paths(component, spread, trimmed)
        part = _part(function, uncertain, limits, adjusted)
        values, slack = jax.vmap(part, in_axes=(None, 0))(component, jnp.asarray(z))
        worst = -WORST_WIDTH * jax.nn.logsumexp(-slack / WORST_WIDTH, axis=1)
        found = {"yield": jnp.sort(worst) @ quantile}
        for name, x in values.items():
            rising = jnp.sort(x)
            found[f"mean.{name}"] = jnp.mean(x)
            found[f"low.{name}"] = rising @ tail
            found[f"high.{name}"] = rising[::-1] @ tail
        return found

    return population


def population(
    function: Function,
    component: Any,
    spread: Mapping[str, float],
    limits: Inequality | Iterable[Inequality],
    *,
    draws: int = 4096,
    seed: int = 1,
    trimmed: Iterable[Trim] = (),
) -> Population:
    """Draws of one component, each judged by itself and counted.

    Another `seed` than the one a design was searched with is a test of it.
    """
    limits, trimmed = limits_listed(limits), tuple(trimmed)
    _require(spread, limits, trimmed)
    spread, trimmed = _paths(component, spread, trimmed)
    z = normal(len(spread), draws, seed)
    batch = _batch(function, component, spread, limits, trimmed)
    pieces = []
    for first in range(0, draws, BATCH):
        some = z[first : first + BATCH]
        padded = np.resize(some, (BATCH, len(spread)))
        found = jax.device_get(batch(component, padded))
        count = len(some)
        pieces.append(jax.tree.map(lambda x, n=count: x[:n], found))
    values, scaled = jax.tree.map(lambda *x: np.concatenate(x), *pieces)
    kept = (scaled >= -TOLERANCE).all(axis=1)
    left = [np.asarray(limit.slack(values[limit.name])) for limit in limits]
    slacks = dict(zip(limit_keys(limits), left, strict=True))
    return Population(float(kept.mean()), values, slacks)


def least_draws(wanted: float) -> int:
    """Of which one may fail where a share `wanted` is to keep all limits."""
    return math.ceil(1 / (1 - wanted) - 1e-9)  # 1 - 0.9 is a little less than a tenth


def normal(size: int, draws: int, seed: int) -> np.ndarray:
    """Independent normal numbers (draws, size) of scrambled Sobol points."""
    points = qmc.Sobol(size, rng=seed).random_base2(int(np.ceil(np.log2(draws))))
    return np.clip(norm.ppf(points[:draws]), -FURTHEST, FURTHEST)


def _batch(function, component, spread, limits, trimmed) -> Callable[..., Any]:
    """Draws of components of one structure, compiled once."""
    kept = kept_by(function)
    key = "draws", jax.tree.structure(component), tuple(spread.items()), limits, trimmed
    if key not in kept:
        part = _part(function, spread, limits, trimmed)
        kept[key] = jax.jit(jax.vmap(part, in_axes=(None, 0)), compiler_options=LEAN)
    return kept[key]


def _part(function, spread, limits, trimmed) -> Callable[..., Any]:
    """Scalars and scaled slacks of one draw of a component."""
    sigma = np.array([*spread.values()])

    def part(component: Any, z: jax.Array) -> tuple[dict[str, Any], jax.Array]:
        nominal = jnp.stack([getter(path)(component) for path in spread])
        made = nominal + sigma * z
        drawn = replace(component, dict(zip(spread, made, strict=True)))
        values = dict(function(_adjusted(function, drawn, limits, trimmed)))
        for limit in limits:
            require_scalar(limit.name, values, f"limit `{limit}`")
        scaled = [
            limit.slack(values[limit.name]) / limit.scale(np.ones(1))
            for limit in limits
        ]
        return values, jnp.stack(scaled)

    return part


def _adjusted(
    function: Function,
    drawn: Any,
    limits: Sequence[Inequality],
    trimmed: Sequence[Trim],
) -> Any:
    """One part with its adjustable numbers where they do best.

    The slacks of a number are to hang on that one only, so that all move at once.
    """
    if not trimmed:
        return drawn
    start = [getter(trim.path)(drawn) for trim in trimmed]

    def at(by: jax.Array) -> Any:
        return function(replace(drawn, _placed(trimmed, start, [by] * len(start))))

    found = jax.vmap(at)(jnp.array([-1.0, 0.0, 1.0]))
    best = []
    for trim in trimmed:
        own = [limit for limit in limits if limit.name in trim.limits]
        points = [x.slack(found[x.name]) / x.scale(np.ones(1)) for x in own]
        best.append(_top(*jnp.stack(points, axis=1)))
    return replace(drawn, _placed(trimmed, start, best))


def _placed(trimmed, start, steps) -> dict[str, Any]:
    rows = zip(trimmed, start, steps, strict=True)
    return {trim.path: x + by * trim.step for trim, x, by in rows}


def _top(low: jax.Array, middle: jax.Array, high: jax.Array) -> jax.Array:
    """Where in [-2, 2] the least of some parabolas is largest, to `TRIM_WIDTH`.

    They are given at -1, 0 and 1. The mean of many places, each weighed by how good it
    is, moves without steps where two parabolas cross.
    """
    t = jnp.linspace(-2.0, 2.0, PLACES)[:, None]
    slope, bend = (high - low) / 2, (high - 2 * middle + low) / 2
    curves = middle[None] + t * slope[None] + jnp.square(t) * bend[None]
    least = -WORST_WIDTH * jax.nn.logsumexp(-curves / WORST_WIDTH, axis=1)
    return jnp.vdot(t[:, 0], jax.nn.softmax(least / TRIM_WIDTH))


def _require(spread, limits, trimmed) -> None:
    """Raise ValueError unless something is uncertain, and limits say what for."""
    if not spread:
        raise ValueError("nothing is uncertain: `spread` is empty")
    if not limits:
        raise ValueError("nothing can fail: `limits` is empty")
    for path, sigma in spread.items():
        if not (np.isfinite(sigma) and sigma >= 0):
            raise ValueError(f"`{path}`: a standard deviation of {sigma}")
    names = {limit.name for limit in limits}
    for trim in trimmed:
        if not trim.limits:
            raise ValueError(f"`{trim.path}`: trimmed for no limit")
        for name in trim.limits:
            require_limit(name, names, f"`{trim.path}`")
        if not (np.isfinite(trim.step) and trim.step > 0):
            raise ValueError(f"`{trim.path}`: a step of {trim.step} is not above 0")


def _paths(
    component: Any, spread: Mapping[str, float], trimmed: Sequence[Trim]
) -> tuple[dict[str, float], tuple[Trim, ...]]:
    """The same by Python paths. ValueError where one is not there, or varies twice."""
    known = quantities(component)
    uncertain = {find(known, path).path: sigma for path, sigma in spread.items()}
    adjusted = tuple(t._replace(path=find(known, t.path).path) for t in trimmed)
    moved = [*uncertain, *(trim.path for trim in adjusted)]
    if len(spread) + len(trimmed) > len(set(moved)):
        twice = sorted({path for path in moved if moved.count(path) > 1}) or [*spread]
        raise ValueError(f"{', '.join(twice)}: uncertain or trimmed once, not twice")
    return uncertain, adjusted


def _tail_weights(share: float, draws: int) -> np.ndarray:
    """Of ordered draws, the mean of the first `share`; the last of them in part."""
    count = share * draws
    weights = np.clip(count - np.arange(draws), 0.0, 1.0)
    return weights / weights.sum()


def _quantile_weights(share: float, draws: int) -> np.ndarray:
    """Of ordered draws, for the quantile `share` by Harrell and Davis."""
    edges = np.arange(draws + 1) / draws
    place = beta((draws + 1) * share, (draws + 1) * (1 - share))
    return np.diff(place.cdf(edges))
