"""Programs of a fixed number of rows, called with any number of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np


_RUNNING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pieces")


def in_pieces(program: Callable[[list], Any], size: int, *arrays: np.ndarray) -> Any:
    """What `program` returns for all rows, of which it takes `size` at a time.

    Two pieces run side by side. The last is filled up with rows that are there already,
    so that nothing new can fail.
    """
    count = len(arrays[0])
    pieces = []
    for first in range(0, count, size):
        some = [array[first : first + size] for array in arrays]
        pieces.append([np.resize(x, (size, *x.shape[1:])) for x in some])

    def run(piece: list[np.ndarray]) -> Any:
        return jax.device_get(program(piece))

    if len(pieces) == 1:
        return jax.tree.map(lambda x: x[:count], run(pieces[0]))
    found = list(_RUNNING.map(run, pieces))
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *found)
