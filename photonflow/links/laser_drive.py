"""Laser currents that just meet the limits: the drive of a link that is not searched.

Outside every gradient. A search keeps the current free and the limits as constraints;
what a solved current does to derivatives is in `sensitivity`.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..causes import DIRECTIONS, ENDS
from ..cluster.step import Cluster
from ..compilation import persistent_jit
from ..component import Values, params, replace
from ..search.sqp import QUICK
from ..signal.receiver import receive
from .base import AbstractLink, Conditions
from .modulated_port import ModulatedPort
from .optical import OpticalLink


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
    known = {p.path: p for p in params(link)}
    head = f"{place}." if place else ""
    drives = []
    for end in ends:
        path = f"{end}.{CURRENT}"
        transmitter = getattr(link, end)
        if not isinstance(transmitter, ModulatedPort):
            continue  # bias and swing of a laser that modulates itself are given
        receiver = link.end_b if end == "end_a" else link.end_a
        low, high = known[path].low, known[path].high
        found = _solve(link, transmitter, receiver, at, low, high)
        drives.append(_describe(head + path, f"worst.{head}{DIRECTIONS[end]}", found))
    return drives


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


class _Transmitted(NamedTuple):
    """What an end sends, of all that is asked below: no margin, which costs most."""

    slacks: dict[str, Values]
    noise_share: dict[str, Values]
    lane_w: Values

    def worst(self) -> np.ndarray:
        """The smaller of both slacks, of every point."""
        return np.minimum(self.slacks["ber"], self.slacks["launch"])


class _Found(NamedTuple):
    amps: float
    sent: _Transmitted
    missing_db: float
    ceiling: bool


def _solve(link, transmitter, receiver, at, low, high) -> _Found:
    """Least current that does, or the most light there is and what is missing."""

    def send(current_a, boost_db) -> _Transmitted:
        both = np.broadcast_arrays(current_a, boost_db)
        grids = [jnp.asarray(grid, float) for grid in both]
        return jax.device_get(_transmit(link, transmitter, receiver, at, *grids))

    # Past the rollover more current is less light and a second root: stay below.
    low, high = math.log(low), math.log(high)
    brightest = _brightest(lambda x: send(np.exp(x), 0.0).lane_w, low, high)
    amps = math.exp(_least(lambda x: send(np.exp(x), 0.0).worst(), low, brightest))
    boosts_db = np.linspace(0.0, CEILING_DB, POINTS)
    boosted = send(amps, boosts_db)
    here = jax.tree.map(lambda x: x[0], boosted)
    missing_db = 0.0
    if boosted.worst()[0] <= -MET:
        missing_db = _least(lambda x: send(amps, x).worst(), 0.0, CEILING_DB)
    return _Found(amps, here, missing_db, bool(boosted.slacks["ber"][-1] < 0))


def _brightest(light: Callable[[np.ndarray], Array], low: float, high: float) -> float:
    """Where `light`, which has one peak, is highest in [low, high], ends included."""
    top = high
    for _ in range(PEAK_ROUNDS):
        grid = np.linspace(low, high, POINTS).tolist()
        best = int(np.argmax(light(np.array(grid))))
        top = grid[best]
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, POINTS - 1)]
    return top


def _least(slack: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """Smallest x in [low, high] at which `slack` is not negative, else `high`.

    Each round cuts the bracket into `POINTS` - 1 parts, all in one batch: the bisection
    of a machine that would rather compute than compile.
    """
    for _ in range(ROUNDS):
        grid = np.linspace(low, high, POINTS).tolist()
        met = np.flatnonzero(slack(np.array(grid)) >= 0)
        if not met.size:
            return high
        if met[0] == 0:
            return low
        low, high = grid[met[0] - 1], grid[met[0]]
    return high


@partial(persistent_jit, compiler_options=QUICK)
def _transmit(
    link: OpticalLink,
    transmitter: ModulatedPort,
    receiver: ModulatedPort,
    at: Conditions,
    current_a: Float[Array, " points"],
    boost_db: Float[Array, " points"],
) -> _Transmitted:
    """What `transmitter` sends at each current, with some more light behind it."""

    def one(current_a, boost_db):
        coupler_db = transmitter.coupler_out_db - boost_db
        port = replace(transmitter, {CURRENT: current_a, "coupler_out_db": coupler_db})
        end = link.end(port, at)
        rx = link.receiver(receiver, at)
        received = receive(
            end.transmitter, rx, link.channel(at, transmitter, receiver), link.pam
        )
        sent = link.direction(received, end, receiver, at)
        return _Transmitted(
            sent.slacks, sent.noise_share, port.operating_point(at).light.lane_w
        )

    return jax.vmap(one)(current_a, boost_db)
