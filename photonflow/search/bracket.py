"""One number at a time: the least of a range at which every limit is met.

A search over a single number needs no slopes, which take longest to compile, and finds
the first of several places where limits are met: each round cuts all brackets into
parts and judges all of them in one batch. The current of a laser and the repair of a
missed limit are found so.
"""

from collections.abc import Callable

import numpy as np


Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""numbers of some problems (k,) and values to try (k, points) -> whether all is met"""


def least(
    judge: Judge, low: np.ndarray, high: np.ndarray, points: int, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """The least values in [low, high], of many problems, at which all is met.

    To ((high - low) / (points - 1)^rounds), on the side where it is met; `high` where
    nothing was met, as the second array says.
    """
    low, high = np.array(low, float), np.array(high, float)
    reached = np.zeros(len(low), bool)
    going = np.arange(len(low))
    for _ in range(rounds):
        if not going.size:
            break
        grid = np.linspace(low[going], high[going], points, axis=1)
        met = judge(going, grid)
        first, some = np.argmax(met, axis=1), met.any(axis=1)
        rows = np.arange(len(going))
        found = grid[rows, first]
        before = grid[rows, np.maximum(first - 1, 0)]
        high[going] = np.where(some, found, high[going])
        low[going] = np.where(some, before, high[going])
        reached[going] = some
        going = going[some & (first > 0)]
    return high, reached
