"""Laser currents that just meet the limits: the drive of a link that is not searched.

Outside every gradient. A search keeps the current free and the limits as constraints;
what a solved current does to derivatives is in `sensitivity`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..cluster.step import Cluster
from ..component import params, replace
from ..links.base import AbstractLink, Conditions, Direction
from ..links.detection import receive
from ..links.optical import OpticalLink
from ..links.port import OpticalPort
from .minimise import QUICK


CURRENT = "source.laser.current_a"
Side = Literal["a_to_b", "b_to_a"]
SENDS: dict[str, Side] = {"end_a": "a_to_b", "end_b": "b_to_a"}
"""the direction that the light of each end travels"""
ENDS = tuple(SENDS)
POINTS = 64
ROUNDS = 8  # ln I to 63^-8 of its range
CEILING_DB = 60.0
MET = 1e-9  # slack that counts as 0


class Drive(NamedTuple):
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
    """loss that would have to go away; 0 when reachable"""
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
) -> tuple[Cluster, list[Drive]]:
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
) -> list[Drive]:
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
        sender = getattr(link, end)
        if not isinstance(sender, OpticalPort):
            continue  # bias and swing of a laser that modulates itself are given
        taker = link.end_b if end == "end_a" else link.end_a
        low, high = known[path].low, known[path].high
        amps, sent, ceiling = _solve(link, sender, taker, at, low, high)
        where = f"worst.{head}{SENDS[end]}"
        reserve_db = float(link.reserve_db)
        drives.append(_describe(head + path, where, amps, sent, ceiling, reserve_db))
    return drives


def _describe(path, where, amps, direction, ceiling, reserve_db) -> Drive:
    binding = min(("ber", "launch"), key=lambda s: float(direction.slacks[s]))
    slack = float(direction.slacks[binding])
    shares = direction.noise_share
    reachable = slack > -MET
    missing = max(
        reserve_db - float(direction.margin_db),
        -10 * float(direction.slacks["launch"]),
        0.0,
    )
    return Drive(
        path=path,
        amps=amps,
        constraint=f"{where}.{binding}",
        binding=binding,
        slack=slack,
        reachable=reachable,
        shortfall_db=0.0 if reachable else missing,
        limiting=max(shares, key=lambda noise: float(shares[noise])),
        ceiling=ceiling < 0,
    )


def _solve(link, sender, taker, at, low, high) -> tuple[float, Direction, float]:
    """Current, what it gives, and the BER slack with 60 dB more light.

    Each round cuts the bracket of ln I into `POINTS` - 1 parts, all in one batch: the
    bisection of a machine that would rather compute than compile.
    """
    still = np.zeros(POINTS)

    def send(grid, boost_db):
        grid, boost_db = jnp.asarray(grid, float), jnp.asarray(boost_db, float)
        return jax.device_get(_send(link, sender, taker, at, grid, boost_db))

    low, high = np.log(low), np.log(high)
    for trip in range(ROUNDS):
        grid = np.linspace(low, high, POINTS)
        direction, lane_w = send(np.exp(grid), still)
        slacks = np.minimum(direction.slacks["ber"], direction.slacks["launch"])
        # Past the rollover more current is less light and a second root: stay below.
        last = int(np.argmax(lane_w)) if trip == 0 else POINTS - 1
        met = np.flatnonzero(slacks[: last + 1] >= 0)
        first = int(met[0]) if met.size else last
        if first == 0 or not met.size:
            low = high = grid[first]
            break
        low, high = grid[first - 1], grid[first]
    boost_db = still.copy()
    boost_db[-1] = CEILING_DB
    direction, _ = send(np.full(POINTS, np.exp(high)), boost_db)
    ceiling = float(direction.slacks["ber"][-1])
    return float(np.exp(high)), jax.tree.map(lambda x: x[0], direction), ceiling


@partial(jax.jit, compiler_options=QUICK)
def _send(
    link: OpticalLink,
    sender: OpticalPort,
    taker: OpticalPort,
    at: Conditions,
    current_a: Float[Array, " points"],
    boost_db: Float[Array, " points"],
) -> tuple[Direction, Float[Array, " points"]]:
    """What `sender` sends at each current, with some more light, and its laser's."""

    def one(current_a, boost_db):
        coupler_db = sender.coupler_out_db - boost_db
        port = replace(sender, {CURRENT: current_a, "coupler_out_db": coupler_db})
        end = link.end(port, at)
        rx = link.taker(taker, at)
        received = receive(end.sender, rx, link.channel(at, sender, taker), link.pam)
        return link.direction(received, end, taker, at), port.work(at).light.lane_w

    return jax.vmap(one)(current_a, boost_db)
