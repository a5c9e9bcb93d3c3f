"""Add-drop ring filters, which take one wavelength out of many."""

import math

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, Transfer, Values, param
from ..units import LIGHT_M_PER_S
from . import rings
from .passives import RibWaveguide
from .ring_heating import RingHeater


class RingFilter(Component):
    r"""An add-drop ring without a junction, of first order, from its geometry.

    Both couplings follow `rings.coupling_angle`, the loss is that of the guide, and
    `offset` is what the lock loop leaves of carrier minus resonance, in half
    linewidths. Of the heater, `hold` is left to the tuning strategy and `absorbed`
    plays no part: a received wavelength is weak, and dropped rather than absorbed.

    Left out: filters of higher order, excess loss of the couplers, back-scattering
    (which splits resonances of Q above some 2e4), self-heating.

    1. Bogaerts et al. 2012, doi:10.1002/lpor.201100017
    """

    guide: RibWaveguide
    heater: RingHeater
    radius_m: Scalar = param(unit="m", doc="ring radius", low=3e-6, high=20e-6)
    gap_m: Scalar = param(unit="m", doc="bus to ring", low=80e-9, high=400e-9)
    drop_gap_m: Scalar = param(unit="m", doc="ring to drop", low=80e-9, high=400e-9)
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )
    offset: Scalar = param(
        unit="1", doc="half linewidths, carrier above resonance > 0", low=-2.0, high=2.0
    )

    def optical_hz(self) -> Scalar:
        """Carrier frequency."""
        return LIGHT_M_PER_S / self.wavelength_m

    def resonance(self) -> "DropResonance":
        """The filter, locked."""
        guide = self.guide
        length_m = rings.length_m(self.radius_m)
        kept = [
            rings.self_coupling(
                rings.coupling_angle(
                    self.radius_m,
                    gap_m,
                    self.wavelength_m,
                    guide.splitting,
                    guide.splitting_decay_per_m,
                )
            )
            for gap_m in (self.gap_m, self.drop_gap_m)
        ]
        return DropResonance(
            a=jnp.exp(-guide.loss_per_m(self.radius_m) * length_m / 2),
            t1=kept[0],
            t2=kept[1],
            fsr_hz=rings.fsr_hz(self.radius_m, guide.group_index),
            offset=self.offset,
        )


class DropResonance(eqx.Module):
    """An add-drop ring and the carrier that it serves.

    Offsets are from that carrier, which may itself lie off the resonance.
    """

    a: Scalar
    t1: Scalar
    t2: Scalar
    fsr_hz: Scalar
    offset: Scalar
    """carrier minus resonance in half linewidths"""

    def linewidth_hz(self) -> Scalar:
        """Full width at half maximum."""
        return rings.linewidth_hz(self.a * self.t2, self.t1, self.fsr_hz)

    def detuning_hz(self) -> Scalar:
        """Carrier minus resonance."""
        return self.offset * self.linewidth_hz() / 2

    def dropped(self, offset_hz: Values) -> Values:
        """Power that reaches the drop port from `offset_hz` beside the carrier."""
        return rings.drop(self._phase(offset_hz), self.a, self.t1, self.t2)

    def passed(self, offset_hz: Values) -> Values:
        """Power that stays in the bus."""
        return rings.through(self._phase(offset_hz), self.a, self.t1, self.t2)

    def leakage(self, offset_hz: Values) -> Values:
        """Power dropped beside the carrier over that of the carrier itself."""
        return self.dropped(offset_hz) / self.dropped(jnp.zeros(()))

    def transfer(self, frequency_hz: Values) -> Transfer:
        """What the filter does to the modulation of its carrier; 1 at f = 0."""
        return rings.drop_small_signal(
            frequency_hz, self.detuning_hz(), self.linewidth_hz()
        )

    def _phase(self, offset_hz: Values) -> Values:
        return 2 * math.pi * (offset_hz + self.detuning_hz()) / self.fsr_hz
