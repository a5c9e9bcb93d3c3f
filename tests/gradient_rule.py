"""|AD - FD| <= 1e-5 |FD| + 1e-9 for every output of a tree in every parameter.

Coordinates are ln p; where p may be 0 or is in decibels they are p over its span. Each
case compiles two functions, the outputs of a batch of points and the pull-back of a
batch of cotangents, and every test reuses them. Value and gradient are finite at `ends`
and in the `box`.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import core

from photonflow.component import params


BATCH = 256


class Case(NamedTuple):
    """One tree of parameters and what is computed from it."""

    paths: list[str]
    nominal: np.ndarray
    low: np.ndarray
    high: np.ndarray
    logarithmic: np.ndarray
    outputs: list[str]
    values: Callable[[np.ndarray], np.ndarray]
    """(points, params) -> (points, outputs)"""
    pull: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """(points, params), (points, outputs) -> (points, params) in the coordinates"""

    def move(self, x: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Points displaced by `step` in the coordinates."""
        span = self.high - self.low
        return np.where(self.logarithmic, x * np.exp(step), x + span * step)

    def at(self, u: np.ndarray | float) -> np.ndarray:
        """Points of the box from `u` in [0, 1]."""
        low = np.where(self.logarithmic, self.low, 1.0)
        high = np.where(self.logarithmic, self.high, 1.0)
        straight = self.low + u * (self.high - self.low)
        return np.where(self.logarithmic, low * (high / low) ** u, straight)


def in_batches(function: Callable, width: int) -> Callable:
    """`function` of rows, compiled once for `BATCH` of them."""
    compiled = jax.jit(jax.vmap(function))

    def run(*arrays: np.ndarray) -> np.ndarray:
        n = len(arrays[0])
        rows = -(-n // BATCH) * BATCH
        # The last batch is filled up with copies of the last row.
        padded = [a[np.minimum(np.arange(rows), n - 1)] for a in arrays]
        out = np.empty((rows, width))
        for i in range(0, rows, BATCH):
            # Columns: slicing scalars off a vector inside costs minutes of compilation.
            columns = [[jnp.asarray(c) for c in a[i : i + BATCH].T] for a in padded]
            out[i : i + BATCH] = np.stack(compiled(*columns), axis=1)
        return out[:n]

    return run


def case(tree: Any, prefixes: list[str], stages: Callable) -> Case:
    """The case of `stages(*tree) -> {name: scalar}`."""
    about = [
        p for part, name in zip(tree, prefixes, strict=True) for p in params(part, name)
    ]
    leaves, structure = jax.tree.flatten(tree)
    assert all(leaf is p.value for leaf, p in zip(leaves, about, strict=True))
    low, high = np.array([p.low for p in about]), np.array([p.high for p in about])
    logarithmic = (low > 0) & np.array([p.unit not in ("dB", "dBm") for p in about])

    def named(columns: list) -> dict:
        return stages(*jax.tree.unflatten(structure, columns))

    # Traced once: values and pull-back evaluate what is written down here.
    traced, shape = jax.make_jaxpr(named, return_shape=True)(leaves)
    names = list(shape)  # sorted, as jax returns a dictionary

    def outputs(columns: list) -> list:
        return core.eval_jaxpr(traced.jaxpr, traced.consts, *columns)

    def pull(columns: list, cotangent: list) -> list:
        return jax.vjp(outputs, columns)[1](cotangent)[0]

    raw = in_batches(pull, len(about))

    def in_coordinates(x: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
        return raw(x, cotangent) * np.where(logarithmic, x, high - low)

    return Case(
        paths=[p.path for p in about],
        nominal=np.array(leaves),
        low=low,
        high=high,
        logarithmic=logarithmic,
        outputs=names,
        values=in_batches(outputs, len(names)),
        pull=in_coordinates,
    )


def gradients(case: Case, x: np.ndarray) -> np.ndarray:
    """(points, outputs, params) by reverse mode."""
    n, m = len(x), len(case.outputs)
    each = np.tile(np.eye(m), (n, 1))
    return case.pull(np.repeat(x, m, axis=0), each).reshape(n, m, -1)


def richardson(case: Case, x: np.ndarray, step: float) -> np.ndarray:
    """(points, outputs, params) by central differences with h = step / 1, 2, 4, 8.

    Errors go as h^2, h^4, ...: neighbours of the ladder eliminate one order after the
    other, and of the tableau the entry that moved least is taken.
    """
    steps = step / 2.0 ** np.arange(4)
    n, p = x.shape
    signed = np.array([s * sign for s in steps for sign in (1, -1)])
    moves = signed[:, None, None] * np.eye(p)  # (8, params, params)
    points = case.move(x[:, None, None], moves).reshape(-1, p)
    f = case.values(points).reshape(n, len(steps), 2, p, -1)
    column = list(
        (f[:, :, 0] - f[:, :, 1]).swapaxes(0, 1) / (2 * steps[:, None, None, None])
    )
    best, moved = column[-1], np.full_like(column[-1], np.inf)
    for order in range(1, len(steps)):
        factor = 4.0**order
        column, before = (
            [
                (factor * fine - coarse) / (factor - 1)
                for coarse, fine in zip(column, column[1:], strict=False)
            ],
            column,
        )
        for new, old in zip(column, before[1:], strict=True):
            change = np.abs(new - old)
            best = np.where(change < moved, new, best)
            moved = np.minimum(change, moved)
    return best.swapaxes(1, 2)


def assert_rule(case: Case, x: np.ndarray) -> None:
    """The rule at every point, by steps of 1 % and, where those miss, by finer ones.

    An error rate that falls by a decade in 1 % of a temperature, or a margin close
    under its noise ceiling, is no polynomial over so long a step. Finer ones lose
    digits of what hardly moves, so that each point is judged by the first that agrees.
    """
    ours = gradients(case, x)
    theirs = np.full_like(ours, np.nan)
    missed = np.ones(ours.shape, bool)
    for step in STEPS:
        rows = np.flatnonzero(missed.any(axis=(1, 2)))
        if not len(rows):
            return
        found = np.where(missed[rows], richardson(case, x[rows], step), theirs[rows])
        theirs[rows] = found
        missed[rows] = ~(np.abs(ours[rows] - found) <= 1e-5 * np.abs(found) + 1e-9)
    worst = [
        f"{case.outputs[j]} by {case.paths[k]}, point {i}: "
        f"AD {ours[i, j, k]:.9g}, FD {theirs[i, j, k]:.9g}"
        for i, j, k in np.argwhere(missed)
    ]
    assert not worst, f"{len(worst)} of {ours.size}:\n" + "\n".join(worst[:20])


STEPS = (1e-2, 2e-3, 4e-4)


def interior(
    case: Case, n: int, width: float, limits: Mapping[str, float]
) -> np.ndarray:
    """Points around the nominal one whose slacks exceed `limits`.

    Every coordinate moves by up to +-`width` of its range, kept 1 % inside the box; a
    PHY inside a box stays at its watts, since its range reaches past most boxes.
    """
    random = np.random.default_rng(7)
    ends = [np.where(case.logarithmic, end, 1.0) for end in (case.low, case.high)]
    span = np.where(case.logarithmic, np.log(ends[1] / ends[0]), 1.0)
    span[[path.endswith("included_phy_w") for path in case.paths]] = 0.0
    move = random.uniform(-width, width, (8 * n, len(span))) * span
    x = np.clip(case.move(case.nominal, move), case.at(0.01), case.at(0.99))
    f = case.values(x)
    keep = np.ones(len(x), bool)
    for i, name in enumerate(case.outputs):
        kind = name.rpartition("slack.")[2]
        keep &= f[:, i] > limits.get(kind, -np.inf)
    assert keep.sum() >= n, f"{keep.sum()} of {len(x)} points keep their limits"
    return x[keep][:n]


def ends(case: Case) -> np.ndarray:
    """Both ends of every parameter, the others nominal."""
    p = len(case.paths)
    x = np.tile(case.nominal, (2 * p, 1))
    every = np.arange(p)
    x[every, every], x[p + every, every] = case.low, case.high
    return x


def box(case: Case, n: int) -> np.ndarray:
    """`n` corners and `n` interior points of the box of all parameters."""
    random = np.random.default_rng(11)
    corners = random.integers(0, 2, (n, len(case.paths))).astype(float)
    inside = random.uniform(0.0, 1.0, (n, len(case.paths)))
    return np.concatenate([case.at(corners), case.at(inside)])


def assert_finite(case: Case, x: np.ndarray) -> None:
    """Every output and its gradient at every point."""
    values = case.values(x)
    # A cotangent of ones adds all outputs up, and anything not finite stays so.
    slopes = case.pull(x, np.ones_like(values))
    bad = [
        f"{case.outputs[j]} at point {i}" for i, j in np.argwhere(~np.isfinite(values))
    ]
    bad += [
        f"d/d {case.paths[k]} at point {i}"
        for i, k in np.argwhere(~np.isfinite(slopes))
    ]
    assert not bad, f"{len(bad)}:\n" + "\n".join(bad[:20])
