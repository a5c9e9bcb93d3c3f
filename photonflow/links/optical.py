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
from .fec import Fec
from .port import OpticalPort


class OpticalLink(AbstractLink):
    r"""Intensity modulation and direct detection over parallel or duplex fibre.

    Each direction is solved for itself: light from one end's laser, the other end's
    photodiode. Without retimers the cascade runs from host SerDes to host SerDes;
    with them, BER adds up over the electrical segments. `reserve` is the optical
    margin a design must keep. Who equalises (`port`) does it by `equaliser`, alike at
    both ends. Left out: wavelength multiplexing.
    """

    end_a: OpticalPort
    path: FibrePath
    end_b: OpticalPort
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
        channel = self.channel(at)
        a_to_b, b_to_a = together(
            lambda tx, rx: receive(tx, rx, channel, self.pam),
            [(a.sender, b.taker), (b.sender, a.taker)],
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

    def end(self, port: OpticalPort, at: Conditions) -> "End":
        """All that one end does under `at`."""
        work, symbol_hz = port.work(at), self.symbol_hz(port)
        return End(
            budget=work.budget(self.fec, self.rate_bps, symbol_hz, self.pam),
            sender=work.sends(symbol_hz, self.equaliser, self.pam),
            taker=self.taker(port, at),
            slacks=work.slacks(),
            waterfall=work.waterfall(),
        )

    def taker(self, port: OpticalPort, at: Conditions) -> Taker:
        """One lane of the receiver of an end."""
        f = self.equaliser.frequencies_hz(self.symbol_hz(port), self.pam)
        return port.takes(at, f)

    def channel(self, at: Conditions) -> Channel:
        """Loss between the ends and what the slicer must keep; alike both ways."""
        # What the electrical segments leave of the threshold is the optics' to spend.
        allowed = self.fec.threshold
        for segment in self.segments():
            allowed = allowed - 10.0**segment
        return Channel(
            equaliser=self.equaliser,
            interference=self.path.interference(),
            loss_db=self.path.loss_db(at.length_m) + at.ageing_db,
            reserve_db=self.reserve_db,
            symbol_hz=self.symbol_hz(self.end_a),
            log10_allowed=jnp.log10(jnp.maximum(allowed, 1e-30)),
        )

    def segments(self) -> list[Scalar]:
        """log10 BER of every electrical segment that touches a retimer."""
        retimers = (self.end_a.retimer, self.end_b.retimer)
        return [r.host_log10_ber for r in retimers if r is not None]

    def symbol_hz(self, end: OpticalPort) -> Scalar:
        """Symbol rate of one lane."""
        lane_bps = self.rate_bps * self.fec.overhead / end.lanes
        return lane_bps / signal.BITS[self.pam]

    def latency_s(self, at: Conditions) -> Scalar:
        """One way, FEC included; each SerDes and DSP counts half, Tx or Rx."""
        chips = [self.end_a.host, self.end_b.host]
        retimers = [self.end_a.retimer, self.end_b.retimer]
        chips += [r.line for r in retimers if r is not None]
        electronics = sum((chip.latency_s for chip in chips), start=jnp.zeros(())) / 2
        return electronics + self.fec.latency_s + self.path.latency_s(at.length_m)

    def direction(
        self, received: Received, tx: "End", rx: OpticalPort, at: Conditions
    ) -> Direction:
        """One direction with its electrical segments and its limits."""
        totals = [received.log10_ber, received.log10_ber_reserve]
        for segment in self.segments():
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
            },
            slacks={"ber": ber_slack(totals[1], self.fec.threshold)} | tx.slacks,
        )


class End(eqx.Module):
    """One end of a link at work, as far as the other end and the books care."""

    budget: PortBudget
    sender: Sender
    taker: Taker
    slacks: dict[str, Scalar]
    waterfall: dict[str, Scalar]
