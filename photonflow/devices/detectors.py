"""Photodiodes."""

import abc

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, Transfer, Values, param
from .response import one_pole


class AbstractPhotodiode(Component):
    """What a receiver asks of its photodiode."""

    responsivity_a_per_w: eqx.AbstractVar[Scalar]
    dark_a: eqx.AbstractVar[Scalar]
    capacitance_f: eqx.AbstractVar[Scalar]
    """of all that the amplifier sees: junction, bump and wiring"""

    @abc.abstractmethod
    def transfer(self, frequency_hz: Values) -> Transfer:
        """From light to current; 1 at f = 0."""

    @abc.abstractmethod
    def power_w(self, light_w: Scalar) -> Scalar:
        """Of its supply at `light_w`."""


class Photodiode(AbstractPhotodiode):
    """Responsivity, transit-time pole, capacitance: germanium in a guide, or a surface.

    Left out: saturation, noise of the dark current's temperature dependence.
    """

    responsivity_a_per_w: Scalar = param(
        unit="A/W", doc="photocurrent per watt in the guide", low=0.3, high=1.2
    )
    dark_a: Scalar = param(unit="A", doc="dark current", low=1e-10, high=1e-5)
    capacitance_f: Scalar = param(
        unit="F", doc="junction, bump and wiring", low=1e-15, high=200e-15
    )
    bandwidth_hz: Scalar = param(
        unit="Hz", doc="transit-time bandwidth", low=15e9, high=200e9
    )
    bias_v: Scalar = param(unit="V", doc="reverse bias", low=0.5, high=5.0)

    def transfer(self, frequency_hz: Values) -> Transfer:
        """One pole of the transit time."""
        return one_pole(frequency_hz, self.bandwidth_hz)

    def power_w(self, light_w: Scalar) -> Scalar:
        """Bias supply times photocurrent."""
        current_a = self.responsivity_a_per_w * light_w + self.dark_a
        return self.bias_v * jnp.asarray(current_a)
