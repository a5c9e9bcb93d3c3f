"""Symbols of test patterns: every run of some length once, and as good as white."""

import functools
import itertools

import numpy as np


REDUCTION = {2: 0b11, 4: 0b111, 8: 0b1011}
"""polynomials that make fields of so many elements, as bits"""


@functools.cache
def de_bruijn(levels: int, memory: int) -> np.ndarray:
    """A cycle of `levels`**`memory` symbols with every run of `memory` once.

    Where `levels` is that of a field, 2, 4 or 8: a sequence of greatest length of a
    linear recurrence, with one 0 more in its longest run of 0. Symbols up to
    (levels**memory - 1) / (levels - 1) apart are uncorrelated but for that 0, so that
    taps find nothing in the pattern itself. Else the runs in a random order, whose
    correlations are those of so many random symbols.
    """
    if levels not in REDUCTION:
        return _shuffled(levels, memory)
    for taps in itertools.product(range(levels), repeat=memory):
        cycle = _recurrence(levels, taps)
        if len(cycle) == levels**memory - 1:
            zeros = next(
                i
                for i in range(len(cycle))
                if not any(cycle[(i + k) % len(cycle)] for k in range(memory - 1))
            )
            return np.array(cycle[:zeros] + [0] + cycle[zeros:])
    raise AssertionError("every field has primitive polynomials of every degree")


def _recurrence(levels: int, taps: tuple[int, ...]) -> list[int]:
    """One cycle of s(k + n) = sum of taps(i) s(k + i) over the field."""
    product = [[_multiply(levels, a, b) for b in range(levels)] for a in range(levels)]
    start = state = (0,) * (len(taps) - 1) + (1,)
    out = []
    for _ in range(levels ** len(taps)):
        out.append(state[0])
        new = 0
        for tap, symbol in zip(taps, state, strict=True):
            new ^= product[tap][symbol]
        state = (*state[1:], new)
        if state == start:
            return out
    return []


def _multiply(levels: int, a: int, b: int) -> int:
    """In the field whose addition is exclusive or."""
    out = 0
    while b:
        out ^= a * (b & 1)
        a, b = a << 1, b >> 1
        if a & levels:
            a ^= REDUCTION[levels]
    return out


def _shuffled(levels: int, memory: int) -> np.ndarray:
    """An Eulerian circuit (Hierholzer's) through the runs of `memory` - 1 symbols,
    leaving each by its ways in a fixed random order."""
    nodes = levels ** (memory - 1)
    ways = np.argsort(np.random.default_rng(0).random((nodes, levels)), axis=1)
    taken = np.zeros(nodes, int)
    path, circuit = [0], []
    while path:
        node = path[-1]
        if taken[node] < levels:
            symbol = ways[node, taken[node]]
            taken[node] += 1
            path.append((node * levels + symbol) % nodes)
        else:
            circuit.append(path.pop())
    return np.array(circuit[:0:-1]) % levels
