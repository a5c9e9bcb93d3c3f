r"""A travelling-wave electrode: how much of its voltage the light sees, by frequency.

Light enters with the signal and averages the voltage along the electrode in its own
time frame. With waves both ways on a line of length $L$, propagation constant
$\gamma(f) = \alpha + i\beta$, $\beta_o = 2\pi f n_o / c$ of the light and reflections
$\rho_g, \rho_l$ at generator and load, the average is [1, 2]
$$ \frac{\bar V}{V_g} = \frac{Z_0}{Z_0 + Z_g}\;
   \frac{F(-(\gamma - i\beta_o)L) + \rho_l e^{-2\gamma L}\,F((\gamma + i\beta_o)L)}
        {1 - \rho_g\rho_l e^{-2\gamma L}}, \qquad F(x) = \frac{e^x - 1}{x}. $$
Given here over its value at f = 0. Skin effect: $\alpha \propto \sqrt f$ with its
causal phase. Left out: a $Z_0$ that changes with frequency, dielectric loss.

1. Ghione, Semiconductor Devices for High-Speed Optoelectronics, Cambridge 2009, ch. 6
2. Chrostowski and Hochberg, Silicon Photonics Design, Cambridge 2015, ch. 6
"""

import math

import jax.numpy as jnp

from ..component import Component, Scalar, Transfer, Values, param
from ..units import LIGHT_M_PER_S, LN10
from .response import complex_


REFERENCE_HZ = 50e9
TINY = 1e-18  # of the reference frequency; the root keeps a finite slope at f = 0


class TravellingWaveElectrode(Component):
    """One line along the arms of a modulator, ended by a resistor."""

    length_m: Scalar = param(
        unit="m", doc="of the electrode along the arms", low=1e-4, high=30e-3
    )
    loss_db_per_m: Scalar = param(
        unit="dB/m", doc="microwave loss at 50 GHz", low=1.0, high=5000.0
    )
    microwave_index: Scalar = param(
        unit="1", doc="c over the velocity of the wave", low=1.5, high=6.0
    )
    optical_index: Scalar = param(
        unit="1", doc="group index of the light in the arms", low=1.5, high=4.6
    )
    line_ohm: Scalar = param(
        unit="ohm", doc="differential impedance, loaded", low=20.0, high=150.0
    )
    load_ohm: Scalar = param(
        unit="ohm", doc="differential termination", low=20.0, high=150.0
    )

    def transfer(self, frequency_hz: Values, source_ohm: Values) -> Transfer:
        """Average voltage seen by the light over that at f = 0."""
        metres = self.length_m
        nepers = self.loss_db_per_m * metres * (LN10 / 20)
        # sqrt(f) of attenuation is the real part of sqrt(2 i f): the same in phase.
        skin = nepers * jnp.sqrt(frequency_hz / REFERENCE_HZ + TINY)
        turn = 2 * math.pi * frequency_hz * metres / LIGHT_M_PER_S
        wave, light = skin + turn * self.microwave_index, turn * self.optical_index
        at_load = complex_(_reflection(self.load_ohm, self.line_ohm), 0.0)
        at_source = complex_(_reflection(source_ohm, self.line_ohm), 0.0)
        back = at_load * jnp.exp(complex_(-2 * skin, -2 * wave))
        seen = _average(complex_(-skin, light - wave)) + back * _average(
            complex_(skin, light + wave)
        )
        bounced = (1 + at_load) / (1 - at_source * at_load)
        return seen / (1 - at_source * back) / bounced


def _reflection(end_ohm: Values, line_ohm: Values) -> Values:
    """Of a voltage wave at an end of the line."""
    return (end_ohm - line_ohm) / (end_ohm + line_ohm)


def _average(x: Transfer) -> Transfer:
    """(exp(x) - 1) / x, also where x is 0; at |x| < 1e-2 by its series, to 1e-15."""
    small = jnp.abs(x.real) + jnp.abs(x.imag) < 1e-2
    safe = jnp.where(small, complex_(1.0, 0.0), x)
    series = 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))
    return jnp.where(small, series, (jnp.exp(safe) - 1) / safe)
