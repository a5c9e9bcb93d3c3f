"""Phase shifters of a mesh, and the modulator that writes a field."""

import abc
import math

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from .response import smooth_positive, to_db


class AbstractPhaseShifter(Component):
    """Interface of phase shifters: one phase anywhere in a turn."""

    length_m: eqx.AbstractVar[Scalar]
    insertion_db: eqx.AbstractVar[Scalar]
    """loss besides that of a bare guide of the same length"""

    @abc.abstractmethod
    def hold_w(self) -> Scalar:
        """Mean power to hold a phase, electronics apart."""

    @abc.abstractmethod
    def set_j(self) -> Scalar:
        """Mean energy into the shifter itself when its phase changes."""

    @abc.abstractmethod
    def needed_v(self) -> Scalar:
        """Largest voltage, of either sign, that reaches every phase of a turn."""


class ElectroOpticShifter(AbstractPhaseShifter):
    r"""A Pockels or similar phase shifter: a capacitor, so holding takes no power.

    A turn is $\pm\pi$, hence $\pm V_\pi = \pm (V_\pi L)/L$: a short shifter saves loss
    and asks for volts. Two phases drawn evenly from a turn differ by
    $\langle\Delta V^2\rangle = \tfrac23 V_\pi^2$, and as much as $C \Delta V^2$ is
    spent on a change. Left out: leakage, and the slow drift of the bias point of
    lithium niobate, which asks for recalibration or an alternating drive.
    """

    half_wave_v_m: Scalar = param(
        unit="V*m", doc="half-wave voltage times length", low=1e-4, high=0.2
    )
    length_m: Scalar = param(unit="m", doc="electrode", low=1e-5, high=6e-3)
    capacitance_f_per_m: Scalar = param(
        unit="F/m", doc="electrode and its wiring", low=1e-11, high=1e-8
    )
    insertion_db: Scalar = param(
        unit="dB", doc="loss besides that of a bare guide", low=0.0, high=0.3
    )

    def hold_w(self) -> Scalar:
        """Zero: no current flows."""
        return jnp.zeros_like(self.length_m)

    def set_j(self) -> Scalar:
        """Charge of the electrode, mean over independent phases."""
        farads = self.capacitance_f_per_m * self.length_m
        return farads * self.needed_v() ** 2 * 2 / 3

    def needed_v(self) -> Scalar:
        """Half-wave voltage."""
        return self.half_wave_v_m / self.length_m


class ThermoOpticShifter(AbstractPhaseShifter):
    r"""A heater: $P = P_\pi \langle\phi\rangle / \pi$ for as long as it holds.

    `held` is $\langle\phi\rangle/\pi$: 1 for phases spread evenly over a turn. A turn
    takes $2 P_\pi$ from the voltage $\sqrt{2 P_\pi R}$. A new phase costs nothing
    beyond the power that then holds it. Left out: heat that reaches the neighbours.
    """

    half_wave_w: Scalar = param(
        unit="W", doc="power of half a turn, P_pi", low=1e-6, high=0.1
    )
    held: Scalar = param(
        unit="1", doc="mean phase held, in units of pi", low=0.01, high=2.0
    )
    heater_ohm: Scalar = param(unit="ohm", doc="heater", low=10.0, high=1e5)
    length_m: Scalar = param(unit="m", doc="heated guide", low=1e-5, high=6e-3)
    insertion_db: Scalar = param(
        unit="dB", doc="loss besides that of a bare guide", low=0.0, high=0.3
    )

    def hold_w(self) -> Scalar:
        """Mean heater power."""
        return self.half_wave_w * self.held

    def set_j(self) -> Scalar:
        """Zero: a new phase costs nothing beyond the power that holds it."""
        return jnp.zeros_like(self.length_m)

    def needed_v(self) -> Scalar:
        """Across the heater, for a whole turn."""
        return jnp.sqrt(2 * self.half_wave_w * self.heater_ohm)


class FieldModulator(Component):
    r"""Push-pull Mach-Zehnder around its null, which writes a signed field.

    $E/E_0 = \sin\frac{\pi V}{2 V_\pi}$ for $V$ between $\pm V_{pp}/2$, predistorted to
    be linear in the number: full scale passes $\sin^2\frac{\pi V_{pp}}{4 V_\pi}$ of the
    light, all of it at $V_{pp} = 2 V_\pi$. Less swing saves driver watts and costs
    light. The intensity modulator of a link sits at quadrature and has levels instead.
    Left out: residual nonlinearity, bandwidth, chirp.
    """

    drive_v: Scalar = param(
        unit="V", doc="peak-to-peak swing of full scale", low=0.2, high=8.0
    )
    half_wave_v: Scalar = param(unit="V", doc="half-wave voltage", low=0.5, high=20.0)
    insertion_db: Scalar = param(
        unit="dB", doc="loss at the peak of transmission", low=0.1, high=12.0
    )
    bias_w: Scalar = param(
        unit="W", doc="hold of the null and its loop", low=1e-6, high=0.1
    )

    def loss_db(self) -> Scalar:
        """From input guide to the field of full scale.

        Past the peak predistortion holds the swing there, with a corner 1 % wide.
        """
        swing = 1 - smooth_positive(1 - self.swing(), 0.01)
        return self.insertion_db - to_db(jnp.sin(math.pi / 2 * swing) ** 2)

    def swing(self) -> Scalar:
        """Drive over the one that reaches the peak, 2 V_pi."""
        return self.drive_v / (2 * self.half_wave_v)
