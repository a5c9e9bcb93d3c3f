"""Laser currents that just meet the limits: the drive of a link that is not searched.

Outside every gradient. A search keeps the current free and the limits as constraints;
what a solved current does to derivatives is in `sensitivity`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..causes import DIRECTIONS, ENDS
from ..component import params
from .base import AbstractLink, Conditions, Direction
from .family import family_of
from .modulated_port import ModulatedPort
from .optical import OpticalLink


CURRENT = "source.laser.current_a"
POINTS = 16
ROUNDS = 13  # ln I to 15^-13 of its range
PEAK_ROUNDS = 4  # ln I to (2/15)^4 of its range, light to its square
CEILING_DB = 60.0
MET = 1e-9  # slack that counts as 0


ByEnd = dict[str, np.ndarray]
"""an array for every end whose laser is solved for"""


class LaserDrive(NamedTuple):
    """The laser current of one end, and what decided it."""

    path: str
    """Python path of the current in the cluster"""
    amps: float
    constraint: str
    """name of the binding slack: `worst.scale_out.host_link.a_to_b.ber`"""
    binding: str
    """`ber` or `launch`"""
    slack: float
    """of the binding one; above 0 where the least current already suffices"""
    reachable: bool
    shortfall_db: float
    """loss that would have to go away; 0 when reachable, `CEILING_DB` at a ceiling"""
    limiting: str
    """largest noise on the worst level"""
    ceiling: bool
    """the BER would be missed at any power of light"""

    @property
    def solved(self) -> bool:
        """Whether the current sits exactly on its limit."""
        return abs(self.slack) < MET


def link_drives(
    link: AbstractLink, at: Conditions, ends: Sequence[str] = ENDS, place: str = ""
) -> list[LaserDrive]:
    """The currents that one link needs at `ends`; none where it has no laser.

    `place` is the path of the link in a cluster, for the names of what is found.
    """
    if not isinstance(link, OpticalLink):
        return []
    # Bias and swing of a laser that modulates itself are given.
    solved = [e for e in ends if isinstance(getattr(link, e), ModulatedPort)]
    head = f"{place}." if place else ""
    return [
        _describe(f"{head}{end}.{CURRENT}", f"worst.{head}{DIRECTIONS[end]}", found)
        for end, found in (_solve(link, at, solved) if solved else {}).items()
    ]


def _describe(path: str, where: str, found: "_Found") -> LaserDrive:
    sent = found.sent
    binding = min(("ber", "launch"), key=lambda s: float(sent.slacks[s]))
    slack = float(sent.slacks[binding])
    shares = sent.noise_share
    return LaserDrive(
        path=path,
        amps=found.amps,
        constraint=f"{where}.{binding}",
        binding=binding,
        slack=slack,
        reachable=slack > -MET,
        shortfall_db=found.missing_db,
        limiting=max(shares, key=lambda noise: float(shares[noise])),
        ceiling=found.ceiling,
    )


class _Found(NamedTuple):
    amps: float
    sent: Direction
    missing_db: float
    ceiling: bool


def _worst(sent: Direction) -> np.ndarray:
    """The smaller of both slacks that light has to meet, of every point."""
    return np.minimum(sent.slacks["ber"], sent.slacks["launch"])


def _light_db(sent: Direction) -> Any:
    """Light handed to the modulator, up to what does not depend on the current."""
    return sum(db for name, db in sent.budget_db.items() if name != "modulator_oma")


def _solve(link: OpticalLink, at: Conditions, ends: Sequence[str]) -> dict[str, _Found]:
    """Least currents that do, or the most light there is and what is missing.

    Each end lights a direction of its own: what the other one sends changes nothing, so
    that one row of the batch tries a current at either.
    """
    family = family_of(link, at)
    specs = {spec.path: spec for spec in params(link)}

    def send(amps: ByEnd, boost_db: ByEnd | None = None) -> dict[str, Direction]:
        """What every end sends at each current, with some more light behind it."""
        values = {f"{end}.{CURRENT}": amps[end] for end in ends}
        for end, more_db in (boost_db or {}).items():
            coupler = f"{end}.coupler_out_db"
            values[coupler] = float(specs[coupler].value) - more_db
        found = family.budgets(family.rows(link, at, values))
        return {end: getattr(found, DIRECTIONS[end]) for end in ends}

    def light(log_amps: ByEnd) -> ByEnd:
        sent = send({end: np.exp(x) for end, x in log_amps.items()})
        return {end: _light_db(each) for end, each in sent.items()}

    def slack(log_amps: ByEnd) -> ByEnd:
        sent = send({end: np.exp(x) for end, x in log_amps.items()})
        return {end: _worst(each) for end, each in sent.items()}

    # Past the rollover more current is less light and a second root: stay below.
    bounds = [specs[f"{end}.{CURRENT}"] for end in ends]
    low = {e: math.log(spec.low) for e, spec in zip(ends, bounds, strict=True)}
    high = {e: math.log(spec.high) for e, spec in zip(ends, bounds, strict=True)}
    amps = {
        e: math.exp(x) for e, x in _least(slack, low, _peak(light, low, high)).items()
    }
    still = {end: np.full(POINTS, amps[end]) for end in ends}
    boosts = {end: np.linspace(0.0, CEILING_DB, POINTS) for end in ends}
    boosted = send(still, boosts)
    missing_db = dict.fromkeys(ends, 0.0)
    if any(_worst(each)[0] <= -MET for each in boosted.values()):

        def behind(boost_db: ByEnd) -> ByEnd:
            return {end: _worst(each) for end, each in send(still, boost_db).items()}

        zero, most = dict.fromkeys(ends, 0.0), dict.fromkeys(ends, CEILING_DB)
        missing_db = _least(behind, zero, most)
    found = {}
    for end, each in boosted.items():
        here = jax.tree.map(lambda x: x[0], each)
        short = missing_db[end] if _worst(each)[0] <= -MET else 0.0
        ber: Any = each.slacks["ber"]
        ceiling = bool(ber[-1] < 0)
        found[end] = _Found(amps[end], here, short, ceiling)
    return found


def _peak(
    light: Callable[[ByEnd], ByEnd], low: dict[str, float], high: dict[str, float]
) -> dict[str, float]:
    """Where `light`, which has one peak, is highest in [low, high], ends included."""
    low, high, top = dict(low), dict(high), dict(high)
    for _ in range(PEAK_ROUNDS):
        grid = {end: np.linspace(low[end], high[end], POINTS) for end in low}
        for end, seen in light(grid).items():
            best = int(np.argmax(seen))
            top[end] = float(grid[end][best])
            low[end] = float(grid[end][max(best - 1, 0)])
            high[end] = float(grid[end][min(best + 1, POINTS - 1)])
    return top


def _least(
    slack: Callable[[ByEnd], ByEnd], low: dict[str, float], high: dict[str, float]
) -> dict[str, float]:
    """Smallest x in [low, high] at which `slack` is not negative, else `high`.

    Each round cuts the brackets into `POINTS` - 1 parts, all in one batch: the
    bisection of a machine that would rather compute than compile.
    """
    low, high = dict(low), dict(high)
    for _ in range(ROUNDS):
        grid = {end: np.linspace(low[end], high[end], POINTS) for end in low}
        for end, seen in slack(grid).items():
            met = np.flatnonzero(seen >= 0)
            if met.size and met[0] > 0:
                low[end] = float(grid[end][met[0] - 1])
                high[end] = float(grid[end][met[0]])
            else:  # nowhere met, or already at the lower end: the bracket is a point
                low[end] = high[end] = high[end] if not met.size else low[end]
    return high
