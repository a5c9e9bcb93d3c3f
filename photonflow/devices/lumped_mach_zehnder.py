"""A short Mach-Zehnder of two p-n junctions, driven as capacitors."""

import math

import jax.numpy as jnp

from ..component import Scalar, Transfer, Values, param
from .junction import PNJunction
from .modulators import (
    EXTINCTION,
    FORWARD_V,
    FORWARD_WIDTH_V,
    SWING,
    AbstractMemorylessOperation,
    AbstractModulator,
    extinction_db,
    eye,
)
from .passives import RibWaveguide
from .response import from_db, one_pole, smooth_positive


STRAIGHT_M = 1e-3  # a bend so wide that it loses nothing


class LumpedMachZehnderModulator(AbstractModulator):
    r"""Push-pull silicon Mach-Zehnder at quadrature, from junction and length.

    Each arm swings by half the differential drive, one up while the other comes down,
    between reverse bias $V_b$ and $V_b + V_{pp}/2$. With the fields $t_{1,2}$ that the
    arms leave and their phases,
    $$ T = \tfrac{IL}{4}\big(t_1^2 + t_2^2 + 2 t_1 t_2\sin(\varphi_1-\varphi_2)\big),
       \qquad \varphi = \frac{2\pi L}{\lambda}\,\Gamma\,\delta n_j(V). $$
    The driver sees the two junctions in series. Longer than a tenth of a wavelength
    of the signal (some 0.5 mm at 53 GHz) it is a line: `TravellingWaveModulator`. Left
    out: chirp, capacitance that follows the swing, unequal splitting.
    """

    guide: RibWaveguide
    junction: PNJunction
    length_m: Scalar = param(unit="m", doc="of each arm", low=5e-5, high=3e-3)
    drive_v: Scalar = param(
        unit="V", doc="differential peak-to-peak swing", low=0.2, high=8.0
    )
    bias_v: Scalar = param(
        unit="V", doc="reverse bias at the shallow end of the swing", low=0.0, high=3.0
    )
    pad_f: Scalar = param(unit="F", doc="pad of each arm", low=1e-15, high=200e-15)
    splitters_db: Scalar = param(
        unit="dB", doc="both splitters and the bends", low=0.0, high=6.0
    )
    hold_w: Scalar = param(unit="W", doc="bias heater and its loop", low=1e-5, high=0.1)
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )

    def arm(self, drive: Values) -> tuple[Values, Values, Values]:
        """Field left, phase and capacitance of an arm, `drive` of its swing up.

        Overshoot into forward bias is held at 0.5 V, where injection would begin.
        """
        guide = self.guide
        reverse_v = self.bias_v + self.drive_v / 2 * drive
        held_v = smooth_positive(reverse_v + FORWARD_V, FORWARD_WIDTH_V) - FORWARD_V
        sweep = self.junction.sweep(held_v, self.wavelength_m, guide.mode_width_m)
        loss_per_m = guide.loss_per_m(jnp.asarray(STRAIGHT_M)) + (
            guide.confinement * sweep.absorption_per_m
        )
        wave = 2 * math.pi / self.wavelength_m * self.length_m
        return (
            jnp.exp(-loss_per_m * self.length_m / 2),
            wave * guide.confinement * sweep.index_rise,
            sweep.capacitance_f_per_m * self.length_m,
        )

    def passes(self, drive: Values) -> Values:
        """Transmission; arm one takes `drive`, arm two what is left of the swing."""
        (one, ahead, _), (two, behind, _) = self.arm(drive), self.arm(1 - drive)
        both = jnp.square(one) + jnp.square(two)
        beat = 2 * one * two * jnp.sin(ahead - behind)
        return from_db(-self.splitters_db) * (both + beat) / 4

    def turn(self) -> Scalar:
        """Phase between the arms over the whole swing, in half waves."""
        zero, one = jnp.zeros(()), jnp.ones(())
        return (self.arm(one)[1] - self.arm(zero)[1]) * 2 / math.pi

    def half_wave_v(self) -> Scalar:
        """Differential swing for half a wave, at the mean slope of this swing."""
        return self.drive_v / self.turn()

    def operate(self, input_w: Scalar) -> "LumpedOperation":
        """The modulator at quadrature, whatever the light."""
        low, high = self.passes(jnp.zeros(())), self.passes(jnp.ones(()))
        top, bottom, polarity = eye(low, high)
        # Against the light of quadrature, so that loss does not count.
        open_ = 2 * self.passes(jnp.asarray(0.5))
        capacitance_f = self.arm(jnp.asarray(0.5))[2]
        return LumpedOperation(
            top=top,
            bottom=bottom,
            load_f=(capacitance_f + self.pad_f) / 2,
            tuning_w=self.hold_w,
            slacks={
                SWING.name: 1 - self.turn(),  # one flank of the sine
                EXTINCTION.name: extinction_db(top / open_, bottom / open_),
            },
            modulator=self,
            polarity=polarity,
            # Two arms in series: twice the resistance, half the capacitance.
            series_s=self.junction.series_ohm_m / self.length_m * capacitance_f,
        )


class LumpedOperation(AbstractMemorylessOperation):
    """A lumped Mach-Zehnder at work."""

    top: Scalar
    bottom: Scalar
    load_f: Scalar
    tuning_w: Scalar
    slacks: dict[str, Scalar]
    modulator: LumpedMachZehnderModulator
    polarity: Scalar
    series_s: Scalar
    """time constant of the junction by itself"""

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """RC of junctions, pads and driver."""
        tau_s = self.series_s + source_ohm * self.load_f
        return one_pole(frequency_hz, 1 / (2 * math.pi * tau_s))

    def static(self, drive: Values) -> Values:
        """Interference of the two arms."""
        return self.modulator.passes(0.5 + self.polarity * (drive - 0.5))
