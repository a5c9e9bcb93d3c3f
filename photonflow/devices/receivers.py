"""Transimpedance amplifiers: noise, power and bandwidth against each other."""

import abc
import math

import equinox as eqx

from ..component import Component, Scalar, Transfer, Values, param
from ..units import BOLTZMANN_J_PER_K
from .response import butterworth2


class AbstractTransimpedanceAmplifier(Component):
    """What a receiver asks of its first amplifier."""

    output_v: eqx.AbstractVar[Scalar]
    """differential, peak to peak, held whatever the light"""

    @abc.abstractmethod
    def transfer(self, frequency_hz: Values) -> Transfer:
        """From current to voltage; 1 at f = 0."""

    @abc.abstractmethod
    def noise_a2_per_hz(self, photodiode_f: Scalar, case_k: Scalar) -> Scalar:
        """Input-referred current noise density, one-sided."""

    @abc.abstractmethod
    def power_w(self) -> Scalar:
        """Supply power of one lane."""


class TransimpedanceAmplifier(AbstractTransimpedanceAmplifier):
    r"""Shunt-feedback linear TIA at its transimpedance limit.

    A feedback resistor on an amplifier of gain-bandwidth $f_A$ reaches a bandwidth
    $f$ over input capacitance $C$ for $R_F = f_A / (2\pi C f^2)$ [1]; its noise,
    raised by the amplifier's own by a factor $F$, is the input density
    $$ i_n^2 = F\,\frac{4kT}{R_F} = 8\pi F k T\, C f^2 / f_A . $$
    Power grows as $(f/f_r)^p$ from a reference design. Linear output of `output` volts
    (differential, peak to peak, held by automatic gain). Left out: the colour of the
    noise, group delay, overload.

    1. Säckinger 2010, doi:10.1109/TCSI.2009.2037847 (the transimpedance limit)
    """

    bandwidth_hz: Scalar = param(unit="Hz", doc="3-dB bandwidth", low=10e9, high=120e9)
    gain_bandwidth_hz: Scalar = param(
        unit="Hz", doc="of the amplifier inside", low=50e9, high=3e12
    )
    noise_factor: Scalar = param(
        unit="1", doc="noise power over the feedback resistor's", low=1.0, high=20.0
    )
    input_f: Scalar = param(unit="F", doc="input and ESD", low=1e-15, high=200e-15)
    reference_w: Scalar = param(
        unit="W", doc="power of the reference design", low=5e-3, high=1.0
    )
    reference_bandwidth_hz: Scalar = param(
        unit="Hz", doc="bandwidth of the reference design", low=10e9, high=120e9
    )
    power_exponent: Scalar = param(
        unit="1", doc="growth of power with bandwidth", low=0.5, high=3.0
    )
    output_v: Scalar = param(
        unit="V", doc="differential output swing", low=0.1, high=1.5
    )

    def transfer(self, frequency_hz: Values) -> Transfer:
        """Maximally flat."""
        return butterworth2(frequency_hz, self.bandwidth_hz)

    def noise_a2_per_hz(self, photodiode_f: Scalar, case_k: Scalar) -> Scalar:
        """Input-referred current noise density, one-sided."""
        total_f = photodiode_f + self.input_f
        conductance = 2 * math.pi * total_f * self.bandwidth_hz**2
        conductance = conductance / self.gain_bandwidth_hz
        return self.noise_factor * 4 * BOLTZMANN_J_PER_K * case_k * conductance

    def power_w(self) -> Scalar:
        """Supply power of one lane."""
        growth = (
            self.bandwidth_hz / self.reference_bandwidth_hz
        ) ** self.power_exponent
        return self.reference_w * growth
