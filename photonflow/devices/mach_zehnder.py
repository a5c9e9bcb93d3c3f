"""Mach-Zehnder modulators: two arms in push-pull around quadrature."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..component import Scalar, Transfer, Values, param
from .modulators import (
    LEVEL_WIDTH,
    AbstractModulator,
    AbstractOperation,
    extinction_db,
    filtered,
    sense,
)
from .response import from_db, one_pole, smooth_abs


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
        """At quadrature; light does not change it."""
        loss = from_db(-self.insertion_db)
        swing = jnp.sin(math.pi * self.drive_v / (2 * self.half_wave_v))
        half = smooth_abs(swing, LEVEL_WIDTH) / 2
        return MachZehnderOperation(
            top=loss * (0.5 + half),
            bottom=loss * (0.5 - half),
            load_f=jnp.zeros_like(self.bandwidth_hz),
            tuning_w=self.bias_w,
            slacks={
                # One flank of the sine: V_pp <= V_pi.
                "swing": 1 - self.drive_v / self.half_wave_v,
                "extinction": extinction_db(0.5 + half, 0.5 - half),
            },
            bandwidth_hz=self.bandwidth_hz,
            loss=loss,
            turn=self.drive_v / self.half_wave_v,
            sense=sense(swing),
        )


class MachZehnderOperation(AbstractOperation):
    """A Mach-Zehnder modulator at work."""

    top: Scalar
    bottom: Scalar
    load_f: Scalar
    tuning_w: Scalar
    slacks: dict[str, Scalar]
    bandwidth_hz: Scalar
    loss: Scalar
    turn: Scalar
    """swing over half-wave voltage"""
    sense: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """One pole; the line's own bandwidth includes its source."""
        return one_pole(frequency_hz, self.bandwidth_hz)

    def static(self, drive: Values) -> Values:
        """A sine around quadrature."""
        angle = math.pi * self.turn * self.sense * (drive - 0.5)
        return self.loss * (0.5 + jnp.sin(angle) / 2)

    def waveform(
        self, drive: Float[Array, " samples"], sample_hz: Scalar, source_ohm: Scalar
    ) -> Float[Array, " samples"]:
        """The electrode filters the drive, light follows at once."""
        moved = filtered(drive, sample_hz, lambda f: self.transfer(f, source_ohm))
        return self.static(moved)
