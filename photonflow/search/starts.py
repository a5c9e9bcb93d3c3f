"""Where a search sets out: starts spread evenly over every branch.

Points are an additive recurrence with the powers of the generalised golden ratio
(Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"), shifted by
the seed.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Starts(NamedTuple):
    """Every start, all branches one after the other."""

    branch: np.ndarray
    low: np.ndarray
    high: np.ndarray
    """box of its branch (starts, n)"""
    u: np.ndarray


class Spread:
    """An endless sequence of points in the unit box, the same for the same seed."""

    def __init__(self, size: int, seed: int):
        ratio = 2.0
        for _ in range(60):
            ratio = (1 + ratio) ** (1 / (size + 1))
        self._step = ratio ** -np.arange(1.0, size + 1)
        self._shift = np.random.default_rng(seed).random(size)
        self._taken = 0

    def take(self, count: int) -> np.ndarray:
        """The next points (count, size)."""
        which = self._taken + np.arange(1, count + 1)
        self._taken += count
        return (self._shift + which[:, None] * self._step) % 1.0


def at_points(
    boxes: Sequence[tuple[np.ndarray, np.ndarray]], points: Mapping[int, np.ndarray]
) -> Starts:
    """One start in each of some boxes, at the points given by number of the box."""
    low, high = (np.stack([boxes[b][end] for b in points]) for end in (0, 1))
    u = np.clip(np.stack([*points.values()]), low, high)
    return Starts(np.array([*points]), low, high, u)


def spread(
    boxes: Sequence[tuple[np.ndarray, np.ndarray]],
    home: np.ndarray,
    count: int,
    points: Spread,
) -> Starts:
    """`count` starts in each of `boxes`, the first at `home` or as near as may be."""
    inside = points.take(count - 1)
    branch = np.repeat(np.arange(len(boxes)), count)
    low = np.stack([box[0] for box in boxes])[branch]
    high = np.stack([box[1] for box in boxes])[branch]
    each = [
        np.concatenate([np.clip(home, *box)[None], box[0] + inside * (box[1] - box[0])])
        for box in boxes
    ]
    return Starts(branch, low, high, np.concatenate(each))
