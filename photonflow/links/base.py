"""Interface of links: conditions in, budget out."""

import abc

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..devices.passives import AbstractCopperPath, FibrePath
from ..limits import limit
from ..units import LN10
from .fec import Fec
from .port import AbstractPort, PortBudget


BER = limit(
    "ber", "error rate before FEC, at the required margin", light="more", order=2
)
LAUNCH = limit(
    "launch",
    "least swing launched into the fibre",
    missed="the swing launched is {short_db:.2f} dB below what is asked",
    light="more",
    order=3,
)


class Conditions(Component):
    """Where a link works: temperatures, length and age.

    A link is designed at its worst corner and burns power at its nominal one.
    """

    case_k: Scalar = param(
        unit="K", doc="case of module, engine and chip", low=273.15, high=378.15
    )
    coolant_k: Scalar = param(
        unit="K", doc="case of an external laser", low=273.15, high=353.15
    )
    length_m: Scalar = param(unit="m", doc="path length", low=0.0, high=1e4)
    ageing_db: Scalar = param(
        unit="dB", doc="optical loss added by end of life", low=0.0, high=3.0
    )


class Direction(eqx.Module):
    """One direction of a link."""

    log10_ber: Scalar
    """before FEC, all segments from FEC to FEC"""
    log10_ber_reserve: Scalar
    """the same behind the extra loss of the required margin"""
    margin_db: Scalar
    """loss that could be added before the FEC threshold; optical dB where optical"""
    noise_share: dict[str, Scalar]
    """share of each noise in the variance of the worst eye"""
    budget_db: dict[str, Scalar]
    """the waterfall: a power in dBm (copper: dB over 1 V^2), then changes in dB"""
    slacks: dict[str, Scalar]
    """limits, met when >= 0; `ber` is the constraint of a search"""


class BudgetTerms(eqx.Module):
    """What joules, seconds and limits of a cluster take from the budget of a link.

    Of a `LinkBudget` all but error rates, margins, noise shares and waterfalls: those
    are for people, and cost most of the work.
    """

    rate_bps: Scalar
    latency_s: Scalar
    static_w: dict[str, dict[str, Scalar]]
    """by end, then by cause"""
    slacks: dict[str, dict[str, Scalar]]
    """by direction, then by name"""


class LinkBudget(eqx.Module):
    """What one link delivers and costs."""

    rate_bps: Scalar
    """payload of one direction"""
    line_rate_bps: Scalar
    latency_s: Scalar
    """one way, FEC to FEC"""
    end_a: PortBudget
    end_b: PortBudget
    a_to_b: Direction
    b_to_a: Direction

    @property
    def log10_ber(self) -> Scalar:
        """Pre-FEC, of the worse direction."""
        return jnp.maximum(self.a_to_b.log10_ber, self.b_to_a.log10_ber)

    @property
    def margin_db(self) -> Scalar:
        """Of the worse direction."""
        return jnp.minimum(self.a_to_b.margin_db, self.b_to_a.margin_db)

    @property
    def shoreline_bps_per_m(self) -> Scalar:
        """Payload of one direction per length of edge, of the wider end."""
        ends = (self.end_a, self.end_b)
        return jnp.minimum(*(end.shoreline_bps_per_m for end in ends))

    @property
    def area_m2(self) -> Scalar:
        """Of both ends."""
        return jnp.add(self.end_a.area_m2, self.end_b.area_m2)

    @property
    def fit(self) -> Scalar:
        """Failures of the link in 1e9 hours: either end stops it."""
        return jnp.add(self.end_a.fit, self.end_b.fit)

    def terms(self) -> BudgetTerms:
        """The part that a cluster computes with."""
        return BudgetTerms(
            rate_bps=self.rate_bps,
            latency_s=self.latency_s,
            static_w={"end_a": self.end_a.static_w, "end_b": self.end_b.static_w},
            slacks={"a_to_b": self.a_to_b.slacks, "b_to_a": self.b_to_a.slacks},
        )

    def energy_j_per_bit(self, utilisation: Scalar = 1.0) -> Scalar:
        """Joules per delivered bit with both directions used to `utilisation`."""
        ends = (self.end_a, self.end_b)
        static_w = sum((end.power_w() for end in ends), start=jnp.zeros(()))
        moving = [end.dynamic_j_per_bit.values() for end in ends]
        dynamic = sum((e for end in moving for e in end), start=jnp.zeros(()))
        return static_w / (2 * self.rate_bps * utilisation) + dynamic


class AbstractLink(Component):
    """Two ends, which may differ, and what lies between them."""

    end_a: eqx.AbstractVar[AbstractPort]
    path: eqx.AbstractVar[FibrePath | AbstractCopperPath]
    end_b: eqx.AbstractVar[AbstractPort]
    fec: eqx.AbstractVar[Fec]
    rate_bps: eqx.AbstractVar[Scalar]
    reserve_db: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def budget(self, at: Conditions) -> LinkBudget:
        """Error rate, margin, latency and watts under `at`."""

    def link_budget(
        self,
        at: Conditions,
        ends: tuple[PortBudget, PortBudget],
        directions: tuple[Direction, Direction],
    ) -> LinkBudget:
        """The budget of both ends and of both directions, a to b first."""
        # Each chip counts half, Tx or Rx: the mean of both directions.
        electronics_s = (self.end_a.latency_s() + self.end_b.latency_s()) / 2
        flight_s = self.path.latency_s(at.length_m)
        return LinkBudget(
            rate_bps=self.rate_bps,
            line_rate_bps=self.rate_bps * self.fec.overhead,
            latency_s=electronics_s + self.fec.latency_s + flight_s,
            end_a=ends[0],
            end_b=ends[1],
            a_to_b=directions[0],
            b_to_a=directions[1],
        )

    def allowed_ber(self, tx: AbstractPort, rx: AbstractPort) -> Scalar:
        """What the electrical segments leave of the FEC threshold; 1e-30 at least."""
        allowed = self.fec.threshold
        for segment in tx.transmit_segments() + rx.receive_segments():
            allowed = allowed - 10.0**segment
        return jnp.maximum(allowed, 1e-30)


def fec_to_fec(log10_ber: Scalar, segments: list[Scalar]) -> Scalar:
    """log10 BER of a medium joined with that of electrical `segments` around it."""
    for segment in segments:
        log10_ber = jnp.logaddexp(log10_ber * LN10, segment * LN10) / LN10
    return log10_ber


def ber_slack(log10_ber: Scalar, threshold: Scalar) -> Scalar:
    r"""$\tfrac12(\ln|\log_{10} BER| - \ln|\log_{10} T|)$, >= 0 where BER <= T.

    Smooth and of order one where the BER itself spans hundreds of decades.
    """
    return (jnp.log(-log10_ber) - jnp.log(-jnp.log10(threshold))) / 2
