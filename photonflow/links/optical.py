"""Optical links: two ends, each with its own electronics, and fibre between them."""

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, param, vmap_alike
from ..devices.passives import FibrePath
from ..signal import decision
from ..signal.receiver import (
    AbstractEqualiser,
    Channel,
    Received,
    Receiver,
    Transmitter,
    receive,
)
from .base import (
    BER,
    AbstractLink,
    Conditions,
    Direction,
    LinkBudget,
    ber_slack,
    fec_to_fec,
)
from .fec import Fec
from .optical_port import AbstractOpticalPort
from .port import PortBudget


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
    pam: decision.Pam = eqx.field(static=True)

    def budget(self, at: Conditions) -> LinkBudget:
        """Error rate, margin, latency and watts under `at`."""
        a, b = vmap_alike(lambda end: self.end(end, at), [(self.end_a,), (self.end_b,)])
        there = self.channel(at)
        back = self.channel(at, self.end_b, self.end_a)
        a_to_b, b_to_a = vmap_alike(
            lambda tx, rx, channel: receive(tx, rx, channel, self.pam),
            [(a.transmitter, b.receiver, there), (b.transmitter, a.receiver, back)],
        )
        directions = (
            self.direction(a_to_b, a, self.end_b, at),
            self.direction(b_to_a, b, self.end_a, at),
        )
        return self.link_budget(at, (a.budget, b.budget), directions)

    def end(self, port: AbstractOpticalPort, at: Conditions) -> "End":
        """All that one end does under `at`."""
        point, symbol_hz = port.operating_point(at), self.symbol_hz(port)
        return End(
            budget=point.budget(self.fec, self.rate_bps, symbol_hz, self.pam),
            transmitter=point.transmitter(symbol_hz, self.equaliser, self.pam),
            receiver=self.receiver(port, at),
            slacks=point.slacks(),
            waterfall=point.waterfall(),
            segments=port.transmit_segments(),
        )

    def receiver(self, port: AbstractOpticalPort, at: Conditions) -> Receiver:
        """One lane of the receiver of an end."""
        f = self.equaliser.frequencies_hz(self.symbol_hz(port), self.pam)
        receiver = port.receiver(at, f)
        if self.path.dispersion is None:
            return receiver
        # Both ends send at one wavelength; the fibre comes just ahead of the diode.
        fibre = self.path.transfer(f, port.wavelength_m(), at.length_m)
        return eqx.tree_at(
            lambda t: t.photodiode, receiver, receiver.photodiode * fibre
        )

    def channel(
        self,
        at: Conditions,
        tx: AbstractOpticalPort | None = None,
        rx: AbstractOpticalPort | None = None,
    ) -> Channel:
        """Loss, reserve and interference of one direction; a to b unless said."""
        tx, rx = tx or self.end_a, rx or self.end_b
        interference, crosstalk = self.path.interference(), jnp.zeros(())
        demultiplexed = rx.demultiplexer(at, self.pam)
        if demultiplexed is not None:
            interference = interference + demultiplexed.interference
            # Other data in the same format, over the variance of our own.
            crosstalk = demultiplexed.relative["crosstalk"] / decision.mean_square(
                self.pam
            )
        return Channel(
            equaliser=self.equaliser,
            interference=interference,
            crosstalk=crosstalk,
            loss_db=self.path.loss_db(at.length_m) + at.ageing_db,
            reserve_db=self.reserve_db,
            symbol_hz=self.symbol_hz(self.end_a),
            log10_allowed=jnp.log10(self.allowed_ber(tx, rx)),
        )

    def symbol_hz(self, end: AbstractOpticalPort) -> Scalar:
        """Symbol rate of one lane."""
        lane_bps = self.rate_bps * self.fec.overhead / end.lanes
        return lane_bps / decision.BITS[self.pam]

    def direction(
        self, received: Received, tx: "End", rx: AbstractOpticalPort, at: Conditions
    ) -> Direction:
        """One direction with its electrical segments and its limits."""
        segments = tx.segments + rx.receive_segments()
        totals = [
            fec_to_fec(log10_ber, segments)
            for log10_ber in (received.log10_ber, received.log10_ber_reserve)
        ]
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
            | {name: -loss for name, loss in rx.receive_losses_db(at).items()},
            slacks={BER.name: ber_slack(totals[1], self.fec.threshold)} | tx.slacks,
        )


class End(eqx.Module):
    """One end of a link: its transmitter, receiver, limits and watts."""

    budget: PortBudget
    transmitter: Transmitter
    receiver: Receiver
    slacks: dict[str, Scalar]
    waterfall: dict[str, Scalar]
    segments: list[Scalar]
    """log10 BER of the electrical segments ahead of its driver"""
