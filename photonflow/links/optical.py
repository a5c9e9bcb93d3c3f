"""Optical links: two ends, each with its own electronics, and fibre between them."""

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, param, together
from ..devices.passives import FibrePath
from ..units import LN10
from . import signal
from .base import (
    AbstractLink,
    Conditions,
    Direction,
    LinkBudget,
    PortBudget,
    ber_slack,
)
from .detection import AbstractEqualiser, Channel, Received, Sender, Taker, receive
from .end import AbstractOpticalPort
from .fec import Fec


class OpticalLink(AbstractLink):
    r"""Intensity modulation and direct detection over parallel or duplex fibre.

    Each direction is solved for itself: light from one end's laser, the other end's
    photodiode. Without retimers the cascade runs from host SerDes to host SerDes;
    with them, BER adds up over the electrical segments. `reserve` is the optical
    margin a design must keep. Who equalises (`port`) does it by `equaliser`, alike at
    both ends. A lane is a wavelength where an end multiplexes.
    """

    end_a: AbstractOpticalPort
    path: FibrePath
    end_b: AbstractOpticalPort
    fec: Fec
    equaliser: AbstractEqualiser
    rate_bps: Scalar = param(
        unit="bit/s", doc="payload of one direction", low=1e10, high=1e14
    )
    reserve_db: Scalar = param(
        unit="dB", doc="optical margin a design must keep", low=0.0, high=6.0
    )
    pam: int = eqx.field(static=True)

    def budget(self, at: Conditions) -> LinkBudget:
        """Error rate, margin, latency and watts under `at`."""
        a, b = together(lambda end: self.end(end, at), [(self.end_a,), (self.end_b,)])
        there = self.channel(at)
        back = self.channel(at, self.end_b, self.end_a)
        a_to_b, b_to_a = together(
            lambda tx, rx, channel: receive(tx, rx, channel, self.pam),
            [(a.sender, b.taker, there), (b.sender, a.taker, back)],
        )
        return LinkBudget(
            rate_bps=self.rate_bps,
            line_rate_bps=self.rate_bps * self.fec.overhead,
            latency_s=self.latency_s(at),
            end_a=a.budget,
            end_b=b.budget,
            a_to_b=self.direction(a_to_b, a, self.end_b, at),
            b_to_a=self.direction(b_to_a, b, self.end_a, at),
        )

    def end(self, port: AbstractOpticalPort, at: Conditions) -> "End":
        """All that one end does under `at`."""
        work, symbol_hz = port.work(at), self.symbol_hz(port)
        return End(
            budget=work.budget(self.fec, self.rate_bps, symbol_hz, self.pam),
            sender=work.sends(symbol_hz, self.equaliser, self.pam),
            taker=self.taker(port, at),
            slacks=work.slacks(),
            waterfall=work.waterfall(),
            segments=port.segments_sent(),
        )

    def taker(self, port: AbstractOpticalPort, at: Conditions) -> Taker:
        """One lane of the receiver of an end."""
        f = self.equaliser.frequencies_hz(self.symbol_hz(port), self.pam)
        taker = port.takes(at, f)
        if self.path.dispersion is None:
            return taker
        # Both ends send at one wavelength; the fibre comes just ahead of the diode.
        fibre = self.path.transfer(f, port.wavelength_m(), at.length_m)
        return eqx.tree_at(lambda t: t.photodiode, taker, taker.photodiode * fibre)

    def channel(
        self,
        at: Conditions,
        tx: AbstractOpticalPort | None = None,
        rx: AbstractOpticalPort | None = None,
    ) -> Channel:
        """What the slicer must keep, and loss between; from a to b unless said."""
        tx, rx = tx or self.end_a, rx or self.end_b
        interference, crosstalk = self.path.interference(), jnp.zeros(())
        heard = rx.hears(at, self.pam)
        if heard is not None:
            interference = interference + heard.interference
            # Other data in the same format, over the variance of our own.
            crosstalk = heard.relative["crosstalk"] / signal.mean_square(self.pam)
        return Channel(
            equaliser=self.equaliser,
            interference=interference,
            crosstalk=crosstalk,
            loss_db=self.path.loss_db(at.length_m) + at.ageing_db,
            reserve_db=self.reserve_db,
            symbol_hz=self.symbol_hz(self.end_a),
            log10_allowed=self.log10_allowed(tx, rx),
        )

    def log10_allowed(self, tx: AbstractOpticalPort, rx: AbstractOpticalPort) -> Scalar:
        """What the electrical segments leave of the threshold for the optics."""
        allowed = self.fec.threshold
        for segment in tx.segments_sent() + rx.segments_taken():
            allowed = allowed - 10.0**segment
        return jnp.log10(jnp.maximum(allowed, 1e-30))

    def symbol_hz(self, end: AbstractOpticalPort) -> Scalar:
        """Symbol rate of one lane."""
        lane_bps = self.rate_bps * self.fec.overhead / end.lanes
        return lane_bps / signal.BITS[self.pam]

    def latency_s(self, at: Conditions) -> Scalar:
        """One way, FEC included, the mean of both; each chip counts half, Tx or Rx."""
        electronics = (self.end_a.latency_s() + self.end_b.latency_s()) / 2
        return electronics + self.fec.latency_s + self.path.latency_s(at.length_m)

    def direction(
        self, received: Received, tx: "End", rx: AbstractOpticalPort, at: Conditions
    ) -> Direction:
        """One direction with its electrical segments and its limits."""
        totals = [received.log10_ber, received.log10_ber_reserve]
        for segment in tx.segments + rx.segments_taken():
            totals = [jnp.logaddexp(t * LN10, segment * LN10) / LN10 for t in totals]
        return Direction(
            log10_ber=totals[0],
            log10_ber_reserve=totals[1],
            margin_db=received.margin_db,
            noise_share=received.noise_share,
            budget_db=tx.waterfall
            | {
                "path": -self.path.loss_db(at.length_m),
                "ageing": -at.ageing_db,
                "coupler_receive": -rx.coupler_receive_db,
            }
            | {name: -loss for name, loss in rx.dropped_db(at).items()},
            slacks={"ber": ber_slack(totals[1], self.fec.threshold)} | tx.slacks,
        )


class End(eqx.Module):
    """One end of a link at work, as far as the other end and the books care."""

    budget: PortBudget
    sender: Sender
    taker: Taker
    slacks: dict[str, Scalar]
    waterfall: dict[str, Scalar]
    segments: list[Scalar]
    """log10 BER of the electrical segments ahead of its driver"""
