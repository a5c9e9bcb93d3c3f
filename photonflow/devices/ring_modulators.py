"""Ring modulators: from geometry and junction to light over time."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..component import Component, Scalar, Transfer, Values, param
from ..units import LIGHT_M_PER_S
from . import ring_waves, rings
from .junction import PNJunction
from .modulators import (
    LEVEL_WIDTH,
    AbstractModulator,
    AbstractOperation,
    extinction_db,
    filtered,
    sense,
)
from .passives import RibWaveguide
from .response import from_db, one_pole, smooth_abs, smooth_positive


class RingHeater(Component):
    r"""Heat in a ring, wanted and unwanted.

    A watt anywhere in the ring warms it by $r_{th}/2\pi R$: heat leaves through the
    oxide along the circumference, so watts per FSR do not depend on the radius. The
    lock loop holds the hot ring at its detuning; on average it holds `hold` FSRs of
    red shift (half an FSR when any resonance may have to travel to the laser).
    """

    thermal_k_m_per_w: Scalar = param(
        unit="K*m/W", doc="thermal resistance times circumference", low=5e-3, high=2.0
    )
    shift_per_k: Scalar = param(
        unit="1/K", doc="relative red shift d ln(lambda) / dT", low=2e-5, high=8e-5
    )
    hold: Scalar = param(unit="1", doc="mean shift held, in FSRs", low=0.02, high=1.5)
    absorbed: Scalar = param(
        unit="1",
        doc="part of the light lost in the ring that heats it",
        low=0.01,
        high=1.0,
    )
    loop_w: Scalar = param(
        unit="W", doc="monitor and lock loop of one ring", low=1e-6, high=2e-2
    )


class MicroringModulator(AbstractModulator):
    r"""Depletion-mode silicon microring, from its geometry and junction.

    The drive swings the junction between reverse bias $V_b$ and $V_b + V_{pp}$, which
    moves the resonance by $\delta\lambda/\lambda = \phi_j\Gamma\,\delta n / n_g$ and,
    with the carriers, changes the round-trip loss. Transmission is the all-pass
    formula of `rings`, $\kappa^2(g)$ is `rings.coupling_angle`.

    `detuning` is (resonance - laser wavelength) / half linewidth at mid drive, of the
    *hot* ring: positive with the laser on the blue side. The lock loop trims the heater
    until that holds, whatever light is in the ring, which makes self-heating explicit:
    light takes heater power away (`heater` slack: the heater cannot cool) and, on the
    red side, a small shift feeds on itself (`fold` slack: 1 minus the loop gain of that
    feedback, 0 where the ring turns bistable). The inner PAM levels are taken as
    placed evenly by the predistortion of whoever drives.

    Left out: two-photon absorption, avalanche, a band that differs from level to level,
    thermal crosstalk, back-scattering, drift of the coupling with temperature.

    1. Bogaerts et al. 2012, doi:10.1002/lpor.201100017
    2. Sun et al. 2019, doi:10.1109/JLT.2018.2878327
    """

    guide: RibWaveguide
    junction: PNJunction
    heater: RingHeater
    radius_m: Scalar = param(unit="m", doc="ring radius", low=3e-6, high=20e-6)
    gap_m: Scalar = param(unit="m", doc="bus to ring", low=80e-9, high=400e-9)
    drive_v: Scalar = param(unit="V", doc="peak-to-peak swing", low=0.2, high=4.0)
    bias_v: Scalar = param(
        unit="V", doc="reverse bias at the shallow end of the swing", low=0.0, high=3.0
    )
    detuning: Scalar = param(
        unit="1", doc="half linewidths, laser on the blue side > 0", low=-3.0, high=3.0
    )
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )
    junction_fraction: Scalar = param(
        unit="1", doc="part of the circumference with a junction", low=0.3, high=1.0
    )
    pad_f: Scalar = param(unit="F", doc="pad and wiring", low=1e-15, high=200e-15)
    insertion_db: Scalar = param(
        unit="dB", doc="bus loss besides the resonance", low=0.0, high=5.0
    )

    def fsr_hz(self) -> Scalar:
        """Free spectral range."""
        return rings.fsr_hz(self.radius_m, self.guide.group_index)

    def optical_hz(self) -> Scalar:
        """Carrier frequency."""
        return LIGHT_M_PER_S / self.wavelength_m

    def coupling_angle(self) -> Scalar:
        """Coupling angle; its sine squared is kappa^2."""
        guide = self.guide
        return rings.coupling_angle(
            self.radius_m,
            self.gap_m,
            self.wavelength_m,
            guide.splitting,
            guide.splitting_decay_per_m,
        )

    def kappa2(self) -> Scalar:
        """Power coupling between bus and ring."""
        return jnp.square(jnp.sin(self.coupling_angle()))

    def resonance(self, reverse_v: Values) -> "Resonance":
        """The ring at one or more reverse biases."""
        guide = self.guide
        sweep = self.junction.sweep(reverse_v, self.wavelength_m, guide.mode_width_m)
        filled = self.junction_fraction * guide.confinement
        loss_per_m = guide.loss_per_m(self.radius_m) + filled * sweep.absorption_per_m
        shift_hz = self.optical_hz() * filled * sweep.index_rise / guide.group_index
        return Resonance(
            a=jnp.exp(-loss_per_m * rings.length_m(self.radius_m) / 2),
            t=rings.self_coupling(self.coupling_angle()),
            fsr_hz=self.fsr_hz(),
            shift_hz=shift_hz,
            junction_f=sweep.capacitance_f_per_m * self.junction_m(),
        )

    def loss_tilt(self) -> Scalar:
        """Fall of the loss rate over the red shift of the resonance, at mid swing."""

        def rates(reverse_v):
            at = self.resonance(reverse_v)
            return jnp.log(at.a) * at.fsr_hz, 2 * math.pi * at.shift_hz

        middle_v = self.bias_v + self.drive_v / 2
        fall, shift = jax.jvp(rates, (middle_v,), (jnp.ones_like(middle_v),))[1]
        return fall / shift

    def junction_m(self) -> Scalar:
        """Length of the junction along the ring."""
        return self.junction_fraction * rings.length_m(self.radius_m)

    def operate(self, input_w: Scalar) -> "RingOperation":
        """The ring locked at its detuning, hot with `input_w` in the bus."""
        middle = self.resonance(self.bias_v + self.drive_v / 2)
        ends = self.resonance(self.bias_v + self.drive_v * jnp.array([0.0, 1.0]))
        detuning_hz = self.detuning * middle.linewidth_hz() / 2
        moved_hz = ends.shift_hz - middle.shift_hz

        # Light lost in the ring warms it; the mean is over equally likely levels.
        heater, hz_per_k = self.heater, self.heater.shift_per_k * self.optical_hz()
        k_per_w = heater.thermal_k_m_per_w / rings.length_m(self.radius_m)
        hz_per_w = k_per_w * hz_per_k

        def heating_hz(offset_hz):
            passed = ends.transmission(offset_hz + moved_hz)
            lost_w = input_w * (1 - jnp.mean(passed))
            return heater.absorbed * lost_w * hz_per_w, passed

        one = jnp.ones_like(detuning_hz)
        own_hz, loop_gain, (shallow, deep) = jax.jvp(
            heating_hz, (detuning_hz,), (one,), has_aux=True
        )
        hold_hz = heater.hold * self.fsr_hz()
        loss = from_db(-self.insertion_db)
        middle_t = (shallow + deep) / 2
        half = smooth_abs(deep - shallow, LEVEL_WIDTH) / 2
        return RingOperation(
            top=loss * (middle_t + half),
            bottom=loss * (middle_t - half),
            load_f=middle.junction_f + self.pad_f,
            tuning_w=smooth_positive((hold_hz - own_hz) / hz_per_w, HEATER_WIDTH_W)
            + heater.loop_w,
            slacks={
                "fold": 1 - loop_gain,
                "heater": 1 - own_hz / hold_hz,
                "extinction": extinction_db(middle_t + half, middle_t - half),
            },
            ring=self,
            middle=middle,
            detuning_hz=detuning_hz,
            loss_tilt=self.loss_tilt(),
            sense=sense(deep - shallow),
            series_ohm=self.junction.series_ohm_m / self.junction_m(),
        )


class Resonance(eqx.Module):
    """An all-pass ring at one junction voltage, or at several along an axis."""

    a: Values
    t: Scalar
    fsr_hz: Scalar
    shift_hz: Values
    """red shift from the place without depletion, as a frequency"""
    junction_f: Values

    def linewidth_hz(self) -> Values:
        """Full width at half depth."""
        return rings.linewidth_hz(self.a, self.t, self.fsr_hz)

    def transmission(self, detuning_hz: Values) -> Values:
        """Power past the ring with the laser `detuning_hz` above resonance."""
        phase = 2 * math.pi * detuning_hz / self.fsr_hz
        return rings.all_pass(phase, self.a, self.t)


class RingOperation(AbstractOperation):
    """A ring modulator at work."""

    top: Scalar
    bottom: Scalar
    load_f: Scalar
    tuning_w: Scalar
    slacks: dict[str, Scalar]
    ring: MicroringModulator
    middle: Resonance
    detuning_hz: Scalar
    loss_tilt: Scalar
    sense: Scalar
    series_ohm: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """Photon lifetime with its detuning peak, times the junction's RC."""
        ring = self.middle
        optical = rings.small_signal(
            frequency_hz,
            self.detuning_hz,
            ring.a,
            ring.t,
            ring.fsr_hz,
            self.loss_tilt,
        )
        return optical * self.charging(frequency_hz, source_ohm)

    def charging(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """From drive to junction voltage, with the capacitance at mid swing."""
        tau_s = self.series_ohm * self.middle.junction_f + source_ohm * self.load_f
        return one_pole(frequency_hz, 1 / (2 * math.pi * tau_s))

    def static(self, drive: Values) -> Values:
        """The all-pass formula along the junction's own curve."""
        at = self.at(drive)
        loss = from_db(-self.ring.insertion_db)
        return loss * at.transmission(self.offset_hz(at))

    def waveform(
        self, drive: Float[Array, " samples"], sample_hz: Scalar, source_ohm: Scalar
    ) -> Float[Array, " samples"]:
        """RC, the junction's curve, then coupled modes: nonlinear, with its memory."""
        charged = filtered(drive, sample_hz, lambda f: self.charging(f, source_ohm))
        at = self.at(charged)
        passed = ring_waves.through(
            self.offset_hz(at), at.a, at.t, at.fsr_hz, sample_hz
        )
        return from_db(-self.ring.insertion_db) * passed

    def at(self, drive: Values) -> Resonance:
        """The ring at a junction voltage given as drive.

        Overshoot into forward bias is held at 0.5 V, where injection would begin.
        """
        ring = self.ring
        way = 0.5 + self.sense * (drive - 0.5)
        reverse_v = ring.bias_v + ring.drive_v * way
        return ring.resonance(
            smooth_positive(reverse_v + FORWARD_V, FORWARD_WIDTH_V) - FORWARD_V
        )

    def offset_hz(self, at: Resonance) -> Values:
        """Laser above resonance."""
        return self.detuning_hz + at.shift_hz - self.middle.shift_hz


HEATER_WIDTH_W = 1e-5  # a heater cannot cool; well below any that heats
FORWARD_V, FORWARD_WIDTH_V = 0.5, 0.02  # moves 0 V of reverse bias by 3e-13 V
