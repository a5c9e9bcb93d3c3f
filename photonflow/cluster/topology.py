"""Networks: how many links there are, which of them a message crosses."""

import abc
from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..devices.response import smooth_positive
from ..links.base import AbstractLink, Conditions
from .collectives import AllReduce, PointToPoint


CORE_WIDTH_W = 0.1  # a card whose PHY exceeds its box is wrong, but stays finite


class SwitchBox(Component):
    """A packet switch without its optics.

    `power` is measured with the links it was sold with; `included_phy` of it is the
    PHY of all ports, which the cluster takes out and replaces by what its own links
    need. What is left, the core, is taken as static. Left out: its change with load.
    """

    power_w: Scalar = param(
        unit="W", doc="with its PHYs, without optics", low=10.0, high=1e4
    )
    included_phy_w: Scalar = param(
        unit="W", doc="PHY of all ports inside `power`", low=0.0, high=5e3
    )
    ports: Scalar = param(
        unit="1", doc="ports of the link's rate", low=1.0, high=1024.0
    )
    latency_s: Scalar = param(
        unit="s", doc="port to port, cut through", low=1e-9, high=1e-5
    )

    def core_w(self) -> Scalar:
        """Watts of one port without its PHY; never below 0."""
        core_w = smooth_positive(self.power_w - self.included_phy_w, CORE_WIDTH_W)
        return core_w / self.ports


class Nic(Component):
    """A network adapter, counted per accelerator."""

    power_w: Scalar = param(
        unit="W", doc="with its network PHY, without optics", low=1.0, high=200.0
    )
    included_phy_w: Scalar = param(
        unit="W", doc="network-side PHY inside `power`", low=0.0, high=50.0
    )
    latency_s: Scalar = param(
        unit="s", doc="memory to wire, one way", low=1e-8, high=1e-5
    )

    def core_w(self) -> Scalar:
        """Watts without the network PHY; never below 0."""
        return smooth_positive(self.power_w - self.included_phy_w, CORE_WIDTH_W)


class Climate(Component):
    """Temperatures and age of a machine room, nominal or worst."""

    case_k: Scalar = param(
        unit="K", doc="case of modules, engines and chips", low=273.15, high=378.15
    )
    coolant_k: Scalar = param(
        unit="K", doc="case of external lasers", low=273.15, high=353.15
    )
    ageing_db: Scalar = param(
        unit="dB", doc="optical loss added by age", low=0.0, high=3.0
    )

    def at(self, length_m: Scalar) -> Conditions:
        """Conditions of a link of `length_m`."""
        return Conditions(self.case_k, self.coolant_k, length_m, self.ageing_db)


class Line(NamedTuple):
    """What traffic and joules ask of one link, both of its ends together."""

    rate_bps: Scalar
    """payload of one direction"""
    latency_s: Scalar
    """one way, FEC to FEC"""
    static_w: dict[str, Scalar]
    """by cause of `causes.LINK`"""


class Hop(eqx.Module):
    """One kind of link of a tier, with how many there are of it."""

    link: AbstractLink
    length_m: Scalar
    per_accelerator: Scalar
    """links per accelerator"""


class AbstractTopology(Component):
    """A tier of the network."""

    @abc.abstractmethod
    def links_per_accelerator(self) -> dict[str, Scalar]:
        """How many of each kind of link; the names are those of its link fields."""

    @abc.abstractmethod
    def hops(self) -> dict[str, Hop]:
        """Kinds of links."""

    @abc.abstractmethod
    def box_w(self) -> dict[str, Scalar]:
        """Watts per accelerator of switches and adapters, by cause."""


class SwitchedDomain(AbstractTopology):
    r"""One switch layer that joins all accelerators of a scale-up domain.

    All-reduce of $S$ bytes among $n$ ranks:
    $t = \alpha_8 \frac87\frac{n-1}{n}(n/8)^a + 2\frac{n-1}{n}\frac{S}{\eta B}$,
    floor and exponent from measured collectives. Left out: protocol switches with
    message size.
    """

    link: AbstractLink
    switch: SwitchBox
    domain: Scalar = param(
        unit="1", doc="accelerators of one domain", low=1.0, high=4096.0, whole=True
    )
    length_m: Scalar = param(unit="m", doc="cable", low=0.1, high=100.0)
    floor_s: Scalar = param(
        unit="s", doc="all-reduce of nothing among 8", low=1e-7, high=1e-3
    )
    floor_exponent: Scalar = param(
        unit="1", doc="growth of the floor with ranks", low=0.0, high=2.0
    )
    efficiency: Scalar = param(
        unit="1", doc="reached part of the link's payload rate", low=0.1, high=1.0
    )

    def links_per_accelerator(self) -> dict[str, Scalar]:
        """One link from each accelerator to its switches."""
        return {"link": jnp.ones(())}

    def hops(self) -> dict[str, Hop]:
        """The one kind of link."""
        counts = self.links_per_accelerator()
        return {"link": Hop(self.link, self.length_m, counts["link"])}

    def box_w(self) -> dict[str, Scalar]:
        """Switch cores; one port per accelerator."""
        return {"switch": self.switch.core_w(), "nic": jnp.zeros(())}

    def all_reduce_s(self, message: AllReduce, lines: Mapping[str, Line]) -> Scalar:
        """Time of all `count` of them, one after the other."""
        floor_s = self.floor_s * (message.ranks / 8) ** self.floor_exponent
        # A single rank has nothing to reduce; smooth in between for the gradient.
        busy = (message.ranks - 1) / message.ranks
        rate_bps = self.efficiency * lines["link"].rate_bps
        wire_s = message.sent_byte() * 8 / rate_bps
        return message.count * floor_s * busy * 8 / 7 + wire_s


class FatTree(AbstractTopology):
    r"""A rail-optimised folded-Clos network of identical switches.

    With $T$ switch tiers, a host port has one host link and $T-1$ links between
    switches below it, divided by the oversubscription $o$ above the leaves:
    $2T$ link ends per host port at full bisection. Switch ports per host port are
    $1 + (2T - 2)/o$. A hand-over between neighbours on a rail climbs to the second tier
    unless both sit on one leaf, and so does a ring of replicas; neighbours are placed
    at random, as a scheduler leaves them (in rail order one hop of a leaf would climb).
    Traffic from and to outside passes the top. Where all accelerators send at once, the
    links above an oversubscribed leaf set the pace.
    Left out: collisions of flows (utilisation is a mean), failures, hops between rails
    where hand-overs and rings do not fit on one.
    """

    host_link: AbstractLink
    switch_link: AbstractLink
    switch: SwitchBox
    nic: Nic
    tiers: Scalar = param(unit="1", doc="switch tiers", low=1.0, high=5.0, whole=True)
    oversubscription: Scalar = param(
        unit="1", doc="down over up bandwidth at the leaves", low=1.0, high=16.0
    )
    accelerators_per_port: Scalar = param(
        unit="1", doc="accelerators on one host port", low=0.25, high=16.0
    )
    rail: Scalar = param(
        unit="1",
        doc="accelerators on one rail, one of each domain",
        low=1.0,
        high=1e5,
        whole=True,
    )
    host_length_m: Scalar = param(unit="m", doc="host link", low=0.5, high=2000.0)
    switch_length_m: Scalar = param(
        unit="m", doc="link between switches", low=0.5, high=2000.0
    )
    message_s: Scalar = param(
        unit="s", doc="software floor of a message", low=1e-7, high=1e-3
    )
    efficiency: Scalar = param(
        unit="1", doc="reached part of the link's payload rate", low=0.1, high=1.0
    )

    def host_ports(self) -> Scalar:
        """Host ports per accelerator."""
        return 1 / self.accelerators_per_port

    def links_per_accelerator(self) -> dict[str, Scalar]:
        """Host links and links between switches."""
        above = (self.tiers - 1) / self.oversubscription
        ports = self.host_ports()
        return {"host_link": ports, "switch_link": ports * above}

    def hops(self) -> dict[str, Hop]:
        """Both kinds of links, as long as they are."""
        n = self.links_per_accelerator()
        return {
            "host_link": Hop(self.host_link, self.host_length_m, n["host_link"]),
            "switch_link": Hop(
                self.switch_link, self.switch_length_m, n["switch_link"]
            ),
        }

    def box_w(self) -> dict[str, Scalar]:
        """Switch cores over all tiers, and adapters."""
        ports = self.host_ports() * (1 + 2 * (self.tiers - 1) / self.oversubscription)
        return {"switch": self.switch.core_w() * ports, "nic": self.nic.core_w()}

    def leaf_share(self) -> Scalar:
        """Chance that the neighbour on a rail sits on the same leaf."""
        on_leaf = self.switch.ports / 2  # one accelerator of a rail on each port
        return on_leaf / (on_leaf**8 + self.rail**8) ** (1 / 8)  # smooth min(1, n / N)

    def hand_over_s(self, message: PointToPoint, lines: Mapping[str, Line]) -> Scalar:
        """Time of one hand-over: floor, adapters, links, switches, and the wire."""
        return self.floor_s(lines) + self.wire_s(message.size_byte, lines)

    def all_reduce_s(self, message: AllReduce, lines: Mapping[str, Line]) -> Scalar:
        """Ring all-reduce among accelerators of one rail: 2 (n - 1) messages."""
        steps = 2 * (message.ranks - 1) * message.count
        return steps * self.floor_s(lines) + self.wire_s(message.sent_byte(), lines)

    def floor_s(self, lines: Mapping[str, Line]) -> Scalar:
        """Time of an empty message."""
        climbs = 1 - self.leaf_share()
        host, switch = lines["host_link"], lines["switch_link"]
        links_s = 2 * host.latency_s + 2 * climbs * switch.latency_s
        boxes_s = 2 * self.nic.latency_s + (1 + 2 * climbs) * self.switch.latency_s
        return self.message_s + links_s + boxes_s

    def wire_s(self, sent_byte: Scalar, lines: Mapping[str, Line]) -> Scalar:
        """Time on the wire while all accelerators send: host port or links above."""
        port_bps = lines["host_link"].rate_bps / self.accelerators_per_port
        above = self.oversubscription * (1 - self.leaf_share())
        slower = (1 + above**64) ** (1 / 64)  # smooth max(1, above), 1.1 % high at 1
        return slower * sent_byte * 8 / (self.efficiency * port_bps)

    def loads_bit(self, within_byte: Scalar, outside_byte: Scalar) -> dict[str, Scalar]:
        """Bits per direction on one link of each hop.

        From what an accelerator sends along its rail, and to or from outside.
        """
        within, outside = within_byte * 8, outside_byte * 8
        # A link between switches averages over the tiers it lies in.
        above = within * (1 - self.leaf_share()) / (self.tiers - 1) + outside
        return {
            "host_link": (within + outside) * self.accelerators_per_port,
            "switch_link": above * self.accelerators_per_port * self.oversubscription,
        }
