"""Directly modulated lasers: the drive current is the signal."""

import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, Transfer, Values, param
from ..limits import limit
from .diodes import SPONTANEOUS, AbstractDiode, WearOut
from .modulators import EXTINCTION, extinction_db
from .response import inverse, one_pole, smooth_positive


THRESHOLD = limit(
    "threshold",
    "laser drive above threshold",
    missed="the lowest level lies below the threshold of the laser by {short:.3g} of "
    "its bias",
    order=6,
)


class VCSEL(AbstractDiode):
    r"""Vertical-cavity laser driven between two currents around its bias.

    `AbstractDiode` with the threshold of a gain peak that drifts past the cavity's
    resonance,
    $$ I_{th} = I_0\big[1 + ((T_j - T_o)/T_w)^2\big] , $$
    corner 20 uA wide. Symbols are far shorter than heat takes to spread, so all levels
    are emitted at the junction temperature of the bias, where the slope is straight:
    outer levels at $I \pm \Delta I/2$. Small signals pass the relaxation resonance and
    the pole of pad and mesa [1],
    $$ H(f) = \frac{f_r^2}{f_r^2 - f^2 + jf\gamma/2\pi}\cdot\frac{1}{1 + jf/f_p}, \quad
       f_r = D\sqrt{I - I_{th}}, \quad \gamma = K f_r^2 + \gamma_0 . $$
    Left out: saturation of $f_r$ other than by threshold, a band that differs from
    level to level, transverse modes and their partition noise, the heat of the
    modulation ($R_s\Delta I^2/7$ for PAM-4, 1 % of the bias'), drift of wavelength.

    1. Coldren, Corzine and Mashanovitch, Diode Lasers and Photonic Integrated
       Circuits, 2nd ed. 2012, chapter 5
    """

    current_a: Scalar = param(unit="A", doc="bias current", low=5e-4, high=30e-3)
    swing_a: Scalar = param(
        unit="A", doc="peak-to-peak modulation", low=1e-4, high=30e-3
    )
    threshold_a: Scalar = param(
        unit="A", doc="least threshold over temperature", low=5e-5, high=5e-3
    )
    optimum_k: Scalar = param(
        unit="K", doc="junction temperature of least threshold", low=250.0, high=400.0
    )
    width_k: Scalar = param(
        unit="K", doc="change that doubles the threshold", low=20.0, high=300.0
    )
    efficiency: Scalar = param(
        unit="1", doc="differential quantum efficiency at 25 C", low=0.1, high=0.9
    )
    t1_k: Scalar = param(
        unit="K", doc="characteristic temperature of efficiency", low=60.0, high=600.0
    )
    turn_on_v: Scalar = param(unit="V", doc="diode voltage", low=0.9, high=2.5)
    series_ohm: Scalar = param(
        unit="ohm", doc="differential resistance", low=10.0, high=300.0
    )
    thermal_k_per_w: Scalar = param(
        unit="K/W", doc="junction to case", low=300.0, high=6000.0
    )
    junction_max_k: Scalar = param(
        unit="K", doc="highest allowed junction temperature", low=340.0, high=440.0
    )
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=0.78e-6, high=1.625e-6
    )
    rin_per_hz: Scalar = param(
        unit="1/Hz", doc="relative intensity noise", low=1e-17, high=1e-12
    )
    resonance_hz_per_root_a: Scalar = param(
        unit="Hz/A^0.5", doc="D factor of the resonance", low=5e10, high=1e12
    )
    k_factor_s: Scalar = param(unit="s", doc="K factor", low=5e-11, high=1e-9)
    damping_per_s: Scalar = param(
        unit="1/s", doc="damping without light", low=1e9, high=2e11
    )
    parasitic_hz: Scalar = param(
        unit="Hz", doc="pole of pad and mesa behind its driver", low=5e9, high=1e11
    )
    wear: WearOut
    corner_a: ClassVar[float] = 2e-5

    def hot_threshold_a(self, junction_k: Scalar) -> Scalar:
        """I0 (1 + ((Tj - To) / Tw)^2)."""
        away = (junction_k - self.optimum_k) / self.width_k
        return self.threshold_a * (1 + jnp.square(away))

    def operate(self, case_k: Scalar) -> "VCSELOperation":
        """The laser modulated in a module at `case_k`."""
        junction_k = self.junction_k(case_k)
        top_w = self.emitted_w(self.current_a + self.swing_a / 2, junction_k)
        # No driver pulls current out of a laser; above 20 uA nothing is rounded.
        low_a = smooth_positive(self.current_a - self.swing_a / 2, self.corner_a)
        bottom_w = self.emitted_w(low_a, junction_k)
        above_a = self.current_a - self.hot_threshold_a(junction_k)
        excess_a = smooth_positive(above_a, self.corner_a)
        excess_a = excess_a + SPONTANEOUS * self.current_a
        resonance_hz = self.resonance_hz_per_root_a * jnp.sqrt(excess_a)
        light_w = self.light_w(junction_k)
        return VCSELOperation(
            top_w=top_w,
            bottom_w=bottom_w,
            light_w=light_w,
            electrical_w=self.electrical_w(),
            rin_per_hz=self.rin_per_hz,
            fit=self.wear.fit(junction_k),
            slacks=self.slacks(junction_k)
            | {
                # The lowest level stays above threshold, in units of the bias.
                THRESHOLD.name: (above_a - self.swing_a / 2) / self.current_a,
                EXTINCTION.name: extinction_db(top_w / light_w, bottom_w / light_w),
            },
            resonance_hz=resonance_hz,
            damping_per_s=self.k_factor_s * jnp.square(resonance_hz)
            + self.damping_per_s,
            parasitic_hz=self.parasitic_hz,
        )


class VCSELOperation(eqx.Module):
    """A directly modulated laser at work: `AbstractOperation` without input light."""

    top_w: Scalar
    """light of the highest level, out of the laser"""
    bottom_w: Scalar
    light_w: Scalar
    """of the bias"""
    electrical_w: Scalar
    """into the laser, its driver excluded"""
    rin_per_hz: Scalar
    fit: Scalar
    """failures in 1e9 hours"""
    slacks: dict[str, Scalar]
    """limits, met when >= 0; `extinction` is in dB"""
    resonance_hz: Scalar
    damping_per_s: Scalar
    parasitic_hz: Scalar

    def transfer(self, frequency_hz: Values) -> Transfer:
        """From current to light, its driver in the parasitic pole; 1 at f = 0."""
        x = frequency_hz / self.resonance_hz
        width = self.damping_per_s / (2 * math.pi * self.resonance_hz)
        resonant = inverse(1 - jnp.square(x), x * width)
        return resonant * one_pole(frequency_hz, self.parasitic_hz)
