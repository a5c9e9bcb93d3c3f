r"""What would make a link that misses a limit meet it: one number moved alone.

A slope at the design is a poor guide here. The laser current is solved again wherever
another number moves, so most of what a number does at a fixed current is undone; and
several numbers, such as a gap or a bandwidth, have their optimum inside their range.
Each number is therefore walked from its value to both ends of its range, and counts
where *some* laser current meets *every* limit of the direction. Smallest move first:
$|\ln(p'/p)|$, for dB the same of the power ratio, for what may be 0 the part of its
range. Left out: two numbers moved together.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..causes import DIRECTIONS, DirectionName
from ..component import Param, params
from ..limits import TOLERANCE, find
from ..links.base import AbstractLink, Conditions
from ..links.family import family_of
from ..links.optical import OpticalLink
from ..units import LN10
from .bracket import least
from .laser_drive import CURRENT


STEPS = 8  # places on the way to an end of a range
ROUNDS = 3  # a move is found to 8^-3 of the way
CURRENTS = 48
FINER = 8  # slacks between two currents are interpolated


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
    feasible = _Feasibility(
        link, worst, nominal, list(specs), _currents(link, specs, fixed)
    )
    known: dict[bytes, dict[DirectionName, np.ndarray]] = {}

    def judge(designs: np.ndarray) -> dict[DirectionName, np.ndarray]:
        """Both directions set out from the same designs."""
        key = designs.tobytes()
        if key not in known:
            known[key] = feasible(designs)
        return known[key]

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
        slacks = self._slacks(designs)
        return {side: _best(each) >= -TOLERANCE for side, each in slacks.items()}

    def _slacks(self, designs: np.ndarray) -> dict[DirectionName, np.ndarray]:
        """Of both directions (designs, currents, slacks), some in both climates."""
        currents = max((len(amps) for amps in self.grid.values()), default=1)
        found: dict[str, list[Any]] = {side: [] for side in DIRECTIONS.values()}
        for climate in (self.worst, self.nominal):
            family = family_of(self.link, climate)
            values = dict(zip(self.names, designs.T[:, :, None], strict=True))
            values |= {path: amps[None] for path, amps in self.grid.items()}
            # A link is as long as its reach: one of another reach is longer by that.
            longer_m = values["path.reach_m"] - float(self.link.path.reach_m)
            values["at.length_m"] = float(climate.length_m) + longer_m
            rows = family.rows(self.link, climate, values)
            terms = family.values(rows, climate is self.worst)
            by_side: dict[str, Any] = terms.slacks
            for side, slacks in by_side.items():
                found[side] += [
                    slack.reshape(len(designs), currents)
                    for name, slack in slacks.items()
                    if climate is self.worst or find(name).nominal
                ]
        return {s: np.stack(found[s], axis=2) for s in DIRECTIONS.values()}


def _walk(
    judge: Callable[[np.ndarray], Mapping[DirectionName, np.ndarray]],
    side: DirectionName,
    start: np.ndarray,
    ways: list[_Move],
) -> list[tuple[_Move, float]]:
    """Ways that lead to a design that meets, and the part of each that is needed."""

    def met(which: np.ndarray, parts: np.ndarray) -> np.ndarray:
        rows = zip(which.tolist(), parts, strict=True)
        designs = [ways[i].design(start, x) for i, row in rows for x in row]
        return judge(np.stack(designs))[side].reshape(parts.shape)

    if not ways:
        return []
    zero, one = np.zeros(len(ways)), np.ones(len(ways))
    parts, reached = least(met, zero, one, STEPS + 1, ROUNDS)
    return [(ways[i], float(parts[i])) for i in np.flatnonzero(reached)]


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
