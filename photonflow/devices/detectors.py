"""Photodiodes."""

import jax.numpy as jnp

from ..component import Component, Scalar, Transfer, Values, param
from .response import one_pole


class Photodiode(Component):
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
