"""Modulator drivers: linear ones for any number of levels, switching ones for two."""

import abc
import math
from typing import ClassVar

import equinox as eqx

from ..component import Component, Scalar, Transfer, Values, param
from .response import butterworth2


class AbstractDriver(Component):
    """Interface of modulator drivers.

    A driver that is not `linear` sends two levels only.
    """

    linear: eqx.AbstractClassVar[bool]

    bandwidth_hz: Scalar = param(unit="Hz", doc="3-dB bandwidth", low=15e9, high=150e9)
    headroom_v: Scalar = param(
        unit="V", doc="supply beyond the swing", low=0.1, high=3.0
    )
    overhead: Scalar = param(
        unit="1", doc="supply current over the load's", low=1.0, high=6.0
    )
    noise_v2_per_hz: Scalar = param(
        unit="V^2/Hz", doc="input noise density, one-sided", low=1e-19, high=1e-15
    )
    source_ohm: Scalar = param(
        unit="ohm", doc="output resistance into the load", low=1.0, high=100.0
    )

    @abc.abstractmethod
    def power_w(self, drive_v: Scalar, load_f: Scalar, symbol_hz: Scalar) -> Scalar:
        """Supply power of one lane."""

    def transfer(self, frequency_hz: Values) -> Transfer:
        """Maximally flat."""
        return butterworth2(frequency_hz, self.bandwidth_hz)


class CapacitiveDriver(AbstractDriver):
    r"""Class-A linear driver of a lumped modulator.

    To move $C$ by $V_{pp}$ at full bandwidth a linear stage keeps the slewing current
    flowing: $P = m\,(V_{pp} + V_h)\,V_{pp}\,2\pi f\,(C + C_0)$, some hundred times the
    $C V^2$ of the junction. Left out: predriver gain against swing.
    """

    linear: ClassVar[bool] = True
    output_f: Scalar = param(
        unit="F", doc="own output capacitance", low=1e-15, high=200e-15
    )

    def power_w(self, drive_v: Scalar, load_f: Scalar, symbol_hz: Scalar) -> Scalar:
        """Supply power of one lane, whatever the symbol rate."""
        slew_a = drive_v * 2 * math.pi * self.bandwidth_hz * (load_f + self.output_f)
        return self.overhead * (drive_v + self.headroom_v) * slew_a


class TerminatedDriver(AbstractDriver):
    r"""Linear driver of a terminated travelling-wave electrode.

    $P = m\,(V_{pp}/2 + V_h)\,V_{pp} / R$ with $R$ the differential load: each arm
    swings by half the differential voltage. Left out: back termination as a separate
    term (in `overhead`).
    """

    linear: ClassVar[bool] = True
    load_ohm: Scalar = param(
        unit="ohm", doc="differential load of the electrode", low=20.0, high=150.0
    )

    def power_w(self, drive_v: Scalar, load_f: Scalar, symbol_hz: Scalar) -> Scalar:
        """Supply power of one lane, whatever the symbol rate."""
        current_a = drive_v / self.load_ohm
        return self.overhead * (drive_v / 2 + self.headroom_v) * current_a


class SwitchingDriver(AbstractDriver):
    r"""CMOS inverter chain that charges a lumped modulator, two levels only.

    Of random bits one in four charges the load, and the charge comes from the supply
    $V_s = V_{pp} + V_h$ ($V_h$ is the drop of a regulator, or what a low-swing stage
    wastes). Predrivers tapered by $s$ add their gates, a
    geometric series; the retiming stage clocks $C_k$ every symbol:
    $$ P = m f \left[\tfrac14 \frac{s}{s-1}\,(C + C_0)\,V_{pp} + C_k V_s\right] V_s . $$
    A differential modulator counts both sides in $C$ and $C_0$. Left out: leakage and
    short circuit as separate terms (in `overhead`), the serialiser, resizing of the
    chain with `bandwidth`.

    1. Rabaey, Chandrakasan and Nikolić, Digital Integrated Circuits, 2003, chapter 5
    """

    linear: ClassVar[bool] = False
    output_f: Scalar = param(
        unit="F", doc="own output capacitance", low=1e-15, high=200e-15
    )
    taper: Scalar = param(
        unit="1", doc="size of a stage over the one before", low=1.5, high=8.0
    )
    clocked_f: Scalar = param(
        unit="F", doc="capacitance clocked every symbol", low=1e-16, high=200e-15
    )

    def power_w(self, drive_v: Scalar, load_f: Scalar, symbol_hz: Scalar) -> Scalar:
        """Supply power of one lane at `symbol_hz`."""
        supply_v = drive_v + self.headroom_v
        chain = self.taper / (self.taper - 1)
        data_c = chain / 4 * (load_f + self.output_f) * drive_v
        per_symbol_j = (data_c + self.clocked_f * supply_v) * supply_v
        return self.overhead * symbol_hz * per_symbol_j
