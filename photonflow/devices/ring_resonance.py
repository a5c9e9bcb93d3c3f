"""One resonance of an all-pass ring, at one junction voltage or several."""

import math

import equinox as eqx

from ..component import Scalar, Values
from . import rings


class Resonance(eqx.Module):
    """An all-pass ring at one junction voltage, or at several along an axis."""

    a: Values
    t: Scalar
    fsr_hz: Scalar
    shift_hz: Values
    """red shift from the place without depletion, as a frequency"""
    junction_f: Values

    def linewidth_hz(self) -> Values:
        """Full width at half depth."""
        return rings.linewidth_hz(self.a, self.t, self.fsr_hz)

    def transmission(self, detuning_hz: Values) -> Values:
        """Power past the ring with the laser `detuning_hz` above resonance."""
        phase = 2 * math.pi * detuning_hz / self.fsr_hz
        return rings.all_pass(phase, self.a, self.t)
