"""|AD - FD| <= 1e-5 |FD| + 1e-9 for every output of a tree in every parameter.

Coordinates are ln p; where p may be 0 or is in decibels they are p over its span. Each
case compiles two functions, the outputs of a batch of points and the pull-back of a
batch of cotangents, and every test reuses them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

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

    def at(self, u: np.ndarray) -> np.ndarray:
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

    names = sorted(jax.eval_shape(named, leaves))

    def outputs(columns: list) -> list:
        out = named(columns)
        return [out[name] for name in names]

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


def richardson(case: Case, x: np.ndarray) -> np.ndarray:
    """(points, outputs, params) by central differences with h = 1e-2 / 1, 2, 4, 8.

    Errors go as h^2, h^4, ...: neighbours of the ladder eliminate one order after the
    other, and of the tableau the entry that moved least is taken.
    """
    steps = 1e-2 / 2.0 ** np.arange(4)
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
    ours, theirs = gradients(case, x), richardson(case, x)
    # Close under its noise ceiling a margin moves by hundreds of dB per unit and bends
    # as fast: there it is the differences that are good to 1e-4 only.
    margin = np.array([name.endswith(".margin") for name in case.outputs])
    steep = margin[None, :, None] & (np.abs(theirs) > 100)
    excess = np.abs(ours - theirs) - (
        np.where(steep, 1e-4, 1e-5) * np.abs(theirs) + 1e-9
    )
    worst = [
        f"{case.outputs[j]} by {case.paths[k]}, point {i}: "
        f"AD {ours[i, j, k]:.9g}, FD {theirs[i, j, k]:.9g}"
        for i, j, k in np.argwhere(~(excess <= 0))
    ]
    assert not worst, f"{len(worst)} of {ours.size}:\n" + "\n".join(worst[:20])
