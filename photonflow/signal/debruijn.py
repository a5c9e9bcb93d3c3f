"""Symbols of test patterns: every run of some length once, and as good as white."""

import functools
import itertools

import numpy as np


REDUCTION = {2: 0b11, 4: 0b111, 8: 0b1011}
"""polynomials that make fields of so many elements, as bits"""
NEAR, REACH = 3, 21
"""symbols apart that a modulator mixes, and that taps reach"""
CHOICE = 8


@functools.cache
def de_bruijn(levels: int, memory: int) -> np.ndarray:
    """A cycle of `levels`**`memory` symbols with every run of `memory` once.

    Where `levels` is that of a field, 2, 4 or 8: a sequence of greatest length of a
    linear recurrence, with one 0 more in its longest run of 0. Symbols up to
    (levels**memory - 1) / (levels - 1) apart are uncorrelated but for that 0, so that
    taps find nothing in the pattern itself. Products of two symbols are a third one,
    exactly so for 2 levels: where it is within `REACH`, linear taps would undo what a
    bent modulator mixes. Of the first `CHOICE` recurrences the one with the least of
    it is taken. Else the runs in a random order, whose correlations are those of so
    many random symbols.
    """
    if levels not in REDUCTION:
        return _shuffled(levels, memory)
    every = (
        _recurrence(levels, t) for t in itertools.product(range(levels), repeat=memory)
    )
    longest = (cycle for cycle in every if len(cycle) == levels**memory - 1)
    some = [_with_zero(cycle, memory) for cycle in itertools.islice(longest, CHOICE)]
    return min(some, key=echo)


def echo(sequence: np.ndarray) -> float:
    """Largest correlation of a symbol with the product of two near each other."""
    n = len(sequence)
    x = sequence / np.max(sequence) - 0.5
    wanted = np.conj(np.fft.fft(x / np.std(x)))
    lags = np.arange(-REACH, REACH + 1) % n
    worst = 0.0
    for apart in range(1, NEAR + 1):
        product = x * np.roll(x, apart)
        product = (product - np.mean(product)) / np.std(product)
        found = np.fft.ifft(np.fft.fft(product) * wanted).real / n
        worst = max(worst, float(np.max(np.abs(found[lags]))))
    return worst


def _with_zero(cycle: list[int], memory: int) -> np.ndarray:
    """The run of no symbols but 0 put in."""
    zeros = next(
        i
        for i in range(len(cycle))
        if not any(cycle[(i + k) % len(cycle)] for k in range(memory - 1))
    )
    return np.array(cycle[:zeros] + [0] + cycle[zeros:])


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
