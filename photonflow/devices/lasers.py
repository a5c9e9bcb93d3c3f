"""Continuous-wave lasers: one diode, or one master and its amplifier."""

from typing import ClassVar

import jax.numpy as jnp

from ..component import Component, Scalar, param
from .diodes import REFERENCE_K, AbstractDiode, WearOut


class DFBLaser(AbstractDiode):
    r"""Edge-emitting laser diode, distributed-feedback or of many modes.

    `AbstractDiode` with a threshold that grows without end,
    $I_{th} = I_0 e^{(T_j-T_r)/T_0}$; its corner is 1 mA wide.
    """

    current_a: Scalar = param(unit="A", doc="drive current", low=5e-3, high=1.0)
    threshold_a: Scalar = param(unit="A", doc="threshold at 25 C", low=1e-3, high=0.1)
    efficiency: Scalar = param(
        unit="1", doc="differential quantum efficiency at 25 C", low=0.1, high=0.9
    )
    t0_k: Scalar = param(
        unit="K", doc="characteristic temperature of threshold", low=30.0, high=200.0
    )
    t1_k: Scalar = param(
        unit="K", doc="characteristic temperature of efficiency", low=60.0, high=600.0
    )
    turn_on_v: Scalar = param(unit="V", doc="diode voltage", low=0.7, high=1.5)
    series_ohm: Scalar = param(unit="ohm", doc="series resistance", low=0.1, high=10.0)
    thermal_k_per_w: Scalar = param(
        unit="K/W", doc="junction to case", low=2.0, high=60.0
    )
    junction_max_k: Scalar = param(
        unit="K", doc="highest allowed junction temperature", low=340.0, high=420.0
    )
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )
    rin_per_hz: Scalar = param(
        unit="1/Hz", doc="relative intensity noise", low=1e-17, high=1e-13
    )
    wear: WearOut
    corner_a: ClassVar[float] = 1e-3

    def hot_threshold_a(self, junction_k: Scalar) -> Scalar:
        """I0 exp((Tj - 25 C) / T0)."""
        return self.threshold_a * jnp.exp((junction_k - REFERENCE_K) / self.t0_k)


class CoherentSource(Component):
    r"""One master laser and its amplifier, for everything that has to interfere.

    All inputs of a mesh and its local oscillators share one phase, so light comes from
    *one* source and cannot be collected from many diodes as in `LaserSource`; and its
    power is solved from a precision target, not set by a current. Hence a plain
    wall-plug efficiency, amplifier and its pump included. Left out: the noise that an
    amplifier adds at low input, efficiency that depends on the power, phase noise over
    unequal paths.
    """

    efficiency: Scalar = param(
        unit="1", doc="light out over electrical power in", low=0.01, high=0.6
    )
    rin_per_hz: Scalar = param(
        unit="1/Hz", doc="relative intensity noise, amplified", low=1e-17, high=1e-13
    )
    limit_w: Scalar = param(
        unit="W", doc="largest power of one source", low=1e-3, high=100.0
    )
