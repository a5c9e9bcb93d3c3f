"""Mach-Zehnder modulators: two arms in push-pull around quadrature."""

import math

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, Transfer, Values, param
from .modulators import (
    EXTINCTION,
    LEVEL_WIDTH,
    SWING,
    AbstractMemorylessOperation,
    AbstractModulator,
    extinction_db,
    polarity,
)
from .response import from_db, one_pole, smooth_abs
from .travelling_wave import TravellingWaveElectrode


class MachZehnderModulator(AbstractModulator):
    r"""Push-pull silicon Mach-Zehnder at quadrature, driven through a terminated line.

    $T = \tfrac{IL}{2}\big(1 \pm \sin\frac{\pi V_{pp}}{2 V_\pi}\big)$, where $V_{pp}$ is
    the differential swing across the interferometer and $V_\pi = V_\pi L / L$ its
    half-wave voltage. The electrode is one pole at `bandwidth`. Left out: frequency
    chirp, finite extinction of the splitters, velocity and impedance mismatch.
    """

    drive_v: Scalar = param(
        unit="V", doc="differential peak-to-peak swing", low=0.5, high=8.0
    )
    half_wave_v: Scalar = param(
        unit="V", doc="differential half-wave voltage", low=1.0, high=20.0
    )
    insertion_db: Scalar = param(
        unit="dB", doc="loss at the peak of transmission", low=0.1, high=12.0
    )
    bandwidth_hz: Scalar = param(
        unit="Hz", doc="electro-optic 3-dB bandwidth", low=10e9, high=150e9
    )
    bias_w: Scalar = param(unit="W", doc="bias heater and its loop", low=1e-5, high=0.1)
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )

    def operate(self, input_w: Scalar) -> "MachZehnderOperation":
        """The modulator at quadrature, whatever the light."""
        return quadrature(
            self.drive_v / self.half_wave_v,
            self.insertion_db,
            self.bias_w,
            Pole(self.bandwidth_hz),
        )


class TravellingWaveModulator(AbstractModulator):
    r"""Push-pull Mach-Zehnder whose electrode is a line of its own, silicon or TFLN.

    The half-wave voltage is $V_\pi L / L$ and the loss that of the phase shifters, so
    that length trades swing against loss and bandwidth (`travelling_wave`). `half_wave`
    and `drive` are differential, across the interferometer, at low frequency. Left out:
    chirp, unequal arms, the bias dependence of a depletion junction.
    """

    electrode: TravellingWaveElectrode
    drive_v: Scalar = param(
        unit="V", doc="differential peak-to-peak swing", low=0.2, high=8.0
    )
    half_wave_v_m: Scalar = param(
        unit="V*m", doc="differential V_pi L", low=1e-3, high=0.15
    )
    arm_db_per_m: Scalar = param(
        unit="dB/m",
        doc="loss of the phase shifters, doping included",
        low=1.0,
        high=5e3,
    )
    splitters_db: Scalar = param(
        unit="dB", doc="both splitters and the bends", low=0.0, high=6.0
    )
    bias_w: Scalar = param(unit="W", doc="bias heater and its loop", low=1e-5, high=0.1)
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )

    def half_wave_v(self) -> Scalar:
        """Differential half-wave voltage."""
        return self.half_wave_v_m / self.electrode.length_m

    def insertion_db(self) -> Scalar:
        """Loss at the peak of transmission."""
        return self.splitters_db + self.arm_db_per_m * self.electrode.length_m

    def operate(self, input_w: Scalar) -> "MachZehnderOperation":
        """The modulator at quadrature, whatever the light."""
        return quadrature(
            self.drive_v / self.half_wave_v(),
            self.insertion_db(),
            self.bias_w,
            self.electrode,
        )


class Pole(eqx.Module):
    """An electrode of one pole; its bandwidth was measured with its source."""

    bandwidth_hz: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Values) -> Transfer:
        """1 at f = 0."""
        return one_pole(frequency_hz, self.bandwidth_hz)


def quadrature(
    turn: Scalar,
    insertion_db: Scalar,
    bias_w: Scalar,
    electrode: Pole | TravellingWaveElectrode,
) -> "MachZehnderOperation":
    """Equal arms at quadrature, swung by `turn` half waves."""
    loss = from_db(-insertion_db)
    swing = jnp.sin(math.pi * turn / 2)
    half = smooth_abs(swing, LEVEL_WIDTH) / 2
    return MachZehnderOperation(
        top=loss * (0.5 + half),
        bottom=loss * (0.5 - half),
        load_f=jnp.zeros_like(turn),
        tuning_w=bias_w,
        slacks={
            SWING.name: 1 - turn,  # one flank of the sine: V_pp <= V_pi
            EXTINCTION.name: extinction_db(0.5 + half, 0.5 - half),
        },
        electrode=electrode,
        loss=loss,
        turn=turn,
        polarity=polarity(swing),
    )


class MachZehnderOperation(AbstractMemorylessOperation):
    """A Mach-Zehnder modulator at work."""

    top: Scalar
    bottom: Scalar
    load_f: Scalar
    tuning_w: Scalar
    slacks: dict[str, Scalar]
    electrode: Pole | TravellingWaveElectrode
    loss: Scalar
    turn: Scalar
    """swing over half-wave voltage"""
    polarity: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """That of the electrode: no optical memory."""
        return self.electrode.transfer(frequency_hz, source_ohm)

    def static(self, drive: Values) -> Values:
        """A sine around quadrature."""
        angle = math.pi * self.turn * self.polarity * (drive - 0.5)
        return self.loss * (0.5 + jnp.sin(angle) / 2)
