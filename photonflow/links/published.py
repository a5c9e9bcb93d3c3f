"""Links known by what their makers publish, and by nothing else.

There is no signal, noise or loss in here that would follow from parts: an energy per
bit and an error rate go in and come out. Such links stand beside the computed ones in
tables and clusters so that a technology without an open model is not missing; no search
can improve them, and their margin is 0 because none is known.
"""

from typing import ClassVar

import jax.numpy as jnp

from ..component import Scalar, param
from ..devices.electronics import SerDes
from ..devices.passives import FibrePath
from .base import BER, AbstractLink, Conditions, Direction, LinkBudget, ber_slack
from .fec import Fec
from .port import AbstractPort, Footprint, LaserBudget, PortBudget


class PublishedPort(AbstractPort):
    """One end with published energies: what sends, with its light, and what receives.

    The transmitter counts as `laser` whatever its light comes from. Left out:
    everything that makes an energy depend on rate, reach or temperature.
    """

    host: SerDes
    footprint: Footprint
    lanes: Scalar = param(
        unit="1", doc="lanes, each way", low=1.0, high=4096.0, whole=True
    )
    transmitter_j_per_bit: Scalar = param(
        unit="J/bit", doc="light source and its drive", low=1e-15, high=1e-10
    )
    receiver_j_per_bit: Scalar = param(
        unit="J/bit", doc="photodiode to bits", low=1e-15, high=1e-10
    )

    # Inside the published energies, where there is any.
    retimer: ClassVar[None] = None
    housekeeping: ClassVar[None] = None

    def budget(self, fec: Fec, rate_bps: Scalar) -> PortBudget:
        """Watts of this end, by cause."""
        light = LaserBudget(rate_bps * self.transmitter_j_per_bit)
        received = {"receiver": rate_bps * self.receiver_j_per_bit}
        return self.port_budget(fec, rate_bps, received, light)


class PublishedLink(AbstractLink):
    """Two published ends and the fibre between them; the error rate is a claim too."""

    end_a: PublishedPort
    path: FibrePath
    end_b: PublishedPort
    fec: Fec
    rate_bps: Scalar = param(
        unit="bit/s", doc="payload of one direction", low=1e10, high=1e14
    )
    log10_ber: Scalar = param(
        unit="1", doc="log10 of the published error rate", low=-20.0, high=-1.0
    )

    @property
    def reserve_db(self) -> Scalar:
        """None is known."""
        return jnp.zeros_like(self.log10_ber)

    def budget(self, at: Conditions) -> LinkBudget:
        """What is published; of `at` only the length is used."""
        ends = (
            self.end_a.budget(self.fec, self.rate_bps),
            self.end_b.budget(self.fec, self.rate_bps),
        )
        return self.link_budget(at, ends, (self.direction(at), self.direction(at)))

    def direction(self, at: Conditions) -> Direction:
        """Either direction: a claim, without a margin or noise to share."""
        return Direction(
            log10_ber=self.log10_ber,
            log10_ber_reserve=self.log10_ber,
            margin_db=jnp.zeros_like(self.log10_ber),
            noise_share={"published": jnp.ones_like(self.log10_ber)},
            budget_db={"path": -self.path.loss_db(at.length_m)},
            slacks={BER.name: ber_slack(self.log10_ber, self.fec.threshold)},
        )
