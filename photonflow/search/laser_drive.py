"""Laser currents that just meet the limits: the drive of a link that is not searched.

A search over one number for each laser, by brackets, outside every gradient. A search
over several keeps the current free and the limits as constraints; what a solved current
does to derivatives is in `sensitivity`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..causes import DIRECTIONS, ENDS
from ..cluster.hardware import Cluster
from ..component import params, replace, require_x64
from ..links.base import AbstractLink, Conditions, Direction
from ..links.family import family_of
from ..links.modulated_port import ModulatedPort
from ..links.optical import OpticalLink
from .bracket import least


CURRENT = "source.laser.current_a"
POINTS = 16
ROUNDS = 13  # ln I to 15^-13 of its range
PEAK_ROUNDS = 4  # ln I to (2/15)^4 of its range, light to its square
CEILING_DB = 60.0
MET = 1e-9  # slack that counts as 0


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


def set_drive(
    cluster: Cluster, ends: Sequence[str] | None = None
) -> tuple[Cluster, list[LaserDrive]]:
    """`cluster` with the laser currents its scale-out links need, and the reasons.

    At every end of an optical scale-out link (or only at `ends`, Python paths) the
    current is set so that the smaller of the `ber` and `launch` slacks of what it sends
    is 0 at `cluster.worst`. An end that cannot is left at the most light it has.
    """
    require_x64("pf.set_drive")
    drives = []
    for name, hop in cluster.scale_out.hops().items():
        place = f"scale_out.{name}"
        asked = [e for e in ENDS if ends is None or f"{place}.{e}" in ends]
        at = cluster.worst.at(hop.link.path.reach_m)
        drives += link_drives(hop.link, at, asked, place)
    return replace(cluster, {d.path: d.amps for d in drives}), drives


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


class _Lasers:
    """The lasers of one link, each of which lights a direction of its own.

    What the other one sends changes nothing, so that one row of a batch tries a current
    at either.
    """

    def __init__(self, link: OpticalLink, at: Conditions, ends: Sequence[str]):
        self.ends: list[str] = list(ends)
        self._link, self._at, self._family = link, at, family_of(link, at)
        self._specs = {spec.path: spec for spec in params(link)}

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the least and the most current (ends,)."""
        specs = [self._specs[f"{end}.{CURRENT}"] for end in self.ends]
        low, high = ([getattr(s, key) for s in specs] for key in ("low", "high"))
        return np.log(low), np.log(high)

    def sent(
        self, which: np.ndarray, log_amps: np.ndarray, boost_db: np.ndarray
    ) -> list[Direction]:
        """What some ends send at currents (k, points), with some more light behind."""
        ends: list[str] = [self.ends[i] for i in which.tolist()]
        values = {}
        for end, x, more_db in zip(ends, log_amps, boost_db, strict=True):
            coupler = f"{end}.coupler_out_db"
            values[f"{end}.{CURRENT}"] = np.exp(x)
            values[coupler] = float(self._specs[coupler].value) - more_db
        rows = self._family.rows(self._link, self._at, values)
        found = self._family.budgets(rows)
        return [getattr(found, DIRECTIONS[end]) for end in ends]


def _solve(link: OpticalLink, at: Conditions, ends: Sequence[str]) -> dict[str, _Found]:
    """Least currents that do, or the most light there is and what is missing."""
    lasers = _Lasers(link, at, ends)
    low, high = lasers.bounds()
    every = np.arange(len(ends))

    def lit(which: np.ndarray, log_amps: np.ndarray) -> np.ndarray:
        sent = lasers.sent(which, log_amps, np.zeros_like(log_amps))
        return np.stack([_worst(each) for each in sent]) >= 0

    # Past the rollover more current is less light and a second root: stay below.
    log_amps, _ = least(lit, low, _peak(lasers, low, high), POINTS, ROUNDS)

    def boosted(which: np.ndarray, boost_db: np.ndarray) -> list[Direction]:
        still = np.broadcast_to(log_amps[which, None], boost_db.shape)
        return lasers.sent(which, still, boost_db)

    def behind(which: np.ndarray, boost_db: np.ndarray) -> np.ndarray:
        return np.stack([_worst(each) for each in boosted(which, boost_db)]) >= 0

    boosts = np.tile(np.linspace(0.0, CEILING_DB, POINTS), (len(ends), 1))
    trials = boosted(every, boosts)
    short = np.array([_worst(each)[0] <= -MET for each in trials])
    missing_db = np.zeros(len(ends))
    if short.any():
        zero, most = np.zeros(len(ends)), np.full(len(ends), CEILING_DB)
        missing_db = least(behind, zero, most, POINTS, ROUNDS)[0] * short
    found = {}
    for i, end in enumerate(ends):
        here = jax.tree.map(lambda x: x[0], trials[i])
        ber: Any = trials[i].slacks["ber"]
        amps, missed = float(np.exp(log_amps[i])), float(missing_db[i])
        found[end] = _Found(amps, here, missed, bool(ber[-1] < 0))
    return found


def _peak(lasers: _Lasers, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where light, which has one peak, is brightest in [low, high], ends included."""
    every, rows = np.arange(len(low)), np.arange(len(low))
    top = high
    for _ in range(PEAK_ROUNDS):
        grid = np.linspace(low, high, POINTS, axis=1)
        sent = lasers.sent(every, grid, np.zeros_like(grid))
        best = np.argmax(np.stack([_light_db(each) for each in sent]), axis=1)
        top = grid[rows, best]
        low = grid[rows, np.maximum(best - 1, 0)]
        high = grid[rows, np.minimum(best + 1, POINTS - 1)]
    return top
