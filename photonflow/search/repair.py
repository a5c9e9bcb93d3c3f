r"""What would make a link that misses a limit meet it: one number moved alone.

A slope at the design is a poor guide here. The laser current is solved again wherever
another number moves, so most of what a number does at a fixed current is undone; and
several numbers, such as a gap or a bandwidth, have their optimum inside their range.
Each number is therefore walked from its value to both ends of its range, and counts
where *some* laser current meets *every* limit of the direction. Smallest move first:
$|\ln(p'/p)|$, for dB the same of the power ratio, for what may be 0 the part of its
range. Left out: two numbers moved together.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..causes import DIRECTIONS, DirectionName
from ..component import Param, params, replace
from ..limits import TOLERANCE, find
from ..links.base import AbstractLink, Conditions
from ..links.laser_drive import CURRENT
from ..links.optical import OpticalLink
from ..units import LN10
from .sqp import LEAN


STEPS = 8  # places on the way to an end of a range
ROUNDS = 3  # a move is found to 8^-3 of the way
CURRENTS = 48
FINER = 8  # slacks between two currents are interpolated
BATCH = 128


class Repair(NamedTuple):
    """One number and how far it would have to move."""

    path: str
    """Python path in the link"""
    value: float
    needed: float
    unit: str
    low: float
    high: float
    """the range that was searched"""
    move: float
    """relative size"""


def repairs(
    link: AbstractLink,
    worst: Conditions,
    nominal: Conditions,
    ranges: Mapping[str, tuple[float, float]],
    fixed: Sequence[str] = (),
) -> dict[DirectionName, list[Repair]]:
    """Direction -> what would do, smallest move first, for directions that miss.

    `ranges` are the numbers that may move, by Python path; laser currents are solved
    anew except at the paths in `fixed`.
    """
    specs = {spec.path: spec for spec in params(link)}
    judge = _Feasibility(
        link, worst, nominal, list(specs), _currents(link, specs, fixed)
    )
    start = np.array([float(spec.value) for spec in specs.values()])
    sides: list[DirectionName] = [
        side for side, met in judge(start[None]).items() if not met[0]
    ]
    ways = [
        _Move(specs[path], list(specs).index(path), end)
        for path, ends in ranges.items()
        for end in ends
        if end != float(specs[path].value)
    ]
    found: dict[DirectionName, list[Repair]] = {}
    for side in sides:
        rows: dict[str, Repair] = {}  # both ends of a range may lie on one side
        for way, part in _walk(judge, side, start, ways):
            low, high = ranges[way.spec.path]
            now, needed = start[way.place], way.at(start, part)
            move = _size(way.spec, now, needed, high - low)
            values = (float(now), float(needed), way.spec.unit, low, high, move)
            row = Repair(way.spec.path, *values)
            old = rows.setdefault(row.path, row)
            rows[row.path] = min(old, row, key=lambda row: row.move)
        found[side] = sorted(rows.values(), key=lambda row: row.move)
    return found


class _Move(NamedTuple):
    """From the value of one number to one end of its range."""

    spec: Param
    place: int
    end: float

    def at(self, start: np.ndarray, part: float) -> float:
        """The number after `part` of the way."""
        now = start[self.place]
        if _logarithmic(self.spec) and now > 0 and self.end > 0:
            return now * (self.end / now) ** part
        return now + (self.end - now) * part

    def design(self, start: np.ndarray, part: float) -> np.ndarray:
        """All numbers of the link, this one moved."""
        moved = start.copy()
        moved[self.place] = self.at(start, part)
        return moved


class _Feasibility(NamedTuple):
    """Whether designs meet all limits at some laser current."""

    link: AbstractLink
    worst: Conditions
    nominal: Conditions
    names: list[str]
    grid: dict[str, np.ndarray]

    def __call__(self, designs: np.ndarray) -> dict[DirectionName, np.ndarray]:
        """Direction -> one answer per design."""
        climates, names = (self.worst, self.nominal), tuple(self.names)
        grid = {path: jnp.asarray(amps) for path, amps in self.grid.items()}
        best = []
        for i in range(0, len(designs), BATCH):
            some = designs[i : i + BATCH]
            # Always as many: one shape, one compilation.
            filled = jnp.asarray(np.resize(some, (BATCH, some.shape[1])))
            slacks = jax.device_get(_slacks(self.link, names, climates, filled, grid))
            best.append([_best(side)[: len(some)] for side in slacks])
        joined = np.concatenate(best, axis=1) >= -TOLERANCE
        return dict(zip(DIRECTIONS.values(), joined, strict=True))


def _walk(
    judge: _Feasibility, side: DirectionName, start: np.ndarray, ways: list[_Move]
) -> list[tuple[_Move, float]]:
    """Ways that lead to a design that meets, and the part of each that is needed."""
    low, high = np.zeros(len(ways)), np.ones(len(ways))
    for _ in range(ROUNDS):
        if not ways:
            break
        steps = np.arange(1, STEPS + 1) / STEPS
        parts = low[:, None] + (high - low)[:, None] * steps
        rows = zip(ways, parts, strict=True)
        designs = np.stack([way.design(start, x) for way, row in rows for x in row])
        met = judge(designs)[side].reshape(parts.shape)
        keep = np.flatnonzero(met.any(axis=1))
        first = np.argmax(met, axis=1)
        every = np.arange(len(ways))
        before = np.where(first > 0, parts[every, first - 1], low)
        low, high = before[keep], parts[every, first][keep]
        ways = [ways[i] for i in keep]
    return list(zip(ways, high, strict=True))


def _currents(link, specs, fixed) -> dict[str, np.ndarray]:
    """Laser currents to try, by path; empty where there is none to solve."""
    if not isinstance(link, OpticalLink):
        return {}
    paths = [f"{end}.{CURRENT}" for end in DIRECTIONS]
    return {
        path: np.geomspace(specs[path].low, specs[path].high, CURRENTS)
        for path in paths
        if path not in fixed
    }


def _logarithmic(spec: Param) -> bool:
    return spec.low > 0 and spec.unit not in ("dB", "dBm", "dB/m")


def _size(spec: Param, now: float, needed: float, width: float) -> float:
    if _logarithmic(spec) and now > 0:
        return abs(np.log(needed / now))
    if spec.unit.startswith("dB"):
        return abs(needed - now) * LN10 / 10
    return abs(needed - now) / width


def _best(slacks: np.ndarray) -> np.ndarray:
    """(designs, currents, slacks) -> the best worst slack over all currents."""
    if slacks.shape[1] > 1:
        fine = np.linspace(0, slacks.shape[1] - 1, FINER * slacks.shape[1])
        whole = np.minimum(fine.astype(int), slacks.shape[1] - 2)
        part = (fine - whole)[None, :, None]
        slacks = slacks[:, whole] * (1 - part) + slacks[:, whole + 1] * part
    return slacks.min(axis=2).max(axis=1)


# Run often enough, over wide enough batches, that code that is slow costs more.
@partial(jax.jit, static_argnums=1, compiler_options=LEAN)
def _slacks(
    link: AbstractLink,
    names: tuple[str, ...],
    climates: tuple[Conditions, Conditions],
    designs: Float[Array, "designs params"],
    grid: dict[str, Float[Array, " currents"]],
) -> list[Float[Array, "designs currents slacks"]]:
    """Every slack of both directions, those that count in both climates twice."""
    both = jax.tree.map(lambda *x: jnp.stack(x), *climates)

    def one(design, amps):
        values = dict(zip(names, design, strict=True)) | amps
        moved = replace(link, values)
        # A link is as long as its reach: a design of another reach is longer by that.
        length_m = both.length_m + (moved.path.reach_m - link.path.reach_m)
        budget = jax.vmap(moved.budget)(replace(both, {"length_m": length_m}))
        found = []
        for side in DIRECTIONS.values():
            slacks = getattr(budget, side).slacks
            worst = [slack[0] for slack in slacks.values()]
            nominal = [slack[1] for name, slack in slacks.items() if find(name).nominal]
            found.append(jnp.stack(worst + nominal))
        return found

    if not grid:
        alone = jax.vmap(lambda design: one(design, grid))(designs)
        return [side[:, None] for side in alone]
    along = jax.vmap(one, (None, 0))
    return jax.vmap(along, (0, None))(designs, grid)
