"""Ring modulators: from geometry and junction to light over time."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..component import Scalar, Transfer, Values, param
from ..units import LIGHT_M_PER_S
from . import ring_waves, rings
from .junction import PNJunction
from .modulators import (
    EXTINCTION,
    FORWARD_V,
    FORWARD_WIDTH_V,
    LEVEL_WIDTH,
    AbstractModulator,
    AbstractOperation,
    extinction_db,
    filtered,
    polarity,
)
from .passives import RibWaveguide
from .response import from_db, one_pole, smooth_abs, smooth_positive
from .ring_heating import FOLD, HEATER, RingHeater, SelfHeating, settle
from .ring_resonance import Resonance


HEATER_WIDTH_W = 1e-5  # a heater cannot cool; well below any that heats


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
    feedback, 0 where the ring turns bistable). Not `locked`, the heater is steady,
    `detuning` is that of the *dark* ring, and `ring_heating.settle` says where light
    takes it. The inner PAM levels are taken as placed evenly by whoever drives
    (`predistort`).

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
    locked: bool = eqx.field(static=True, default=True)

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

    @jax.jit
    def resonance(self, reverse_v: Values) -> Resonance:
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
        """The ring with `input_w` in the bus: locked, or as the light leaves it."""
        middle, heating, hz_per_w = self.warmed(input_w)
        detuning_hz = self.detuning * middle.linewidth_hz() / 2
        hold_hz = self.heater.hold * self.fsr_hz()
        if self.locked:
            own_hz, loop_gain = heating.loop(detuning_hz)
            slacks = {FOLD.name: 1 - loop_gain, HEATER.name: 1 - own_hz / hold_hz}
            left_hz, loop_w = hold_hz - own_hz, self.heater.loop_w
        else:
            settled = settle(heating, detuning_hz)
            detuning_hz, slacks = settled.offset_hz, {FOLD.name: settled.fold}
            left_hz, loop_w = hold_hz, jnp.zeros(())
        heater_w = smooth_positive(left_hz / hz_per_w, HEATER_WIDTH_W)
        return self.operation_at(
            middle, heating, detuning_hz, heater_w + loop_w, slacks
        )

    def warmed(self, input_w: Scalar) -> tuple[Resonance, SelfHeating, Scalar]:
        """The ring at mid swing, how its light warms it, and its shift per watt."""
        middle = self.resonance(self.bias_v + self.drive_v / 2)
        ends = self.resonance(self.bias_v + self.drive_v * jnp.array([0.0, 1.0]))
        hz_per_w = self.heater.hz_per_w(self.radius_m, self.optical_hz())
        # Light lost in the ring warms it; the mean is over equally likely levels.
        return (
            middle,
            SelfHeating(
                levels=ends,
                moved_hz=ends.shift_hz - middle.shift_hz,
                reach_hz=self.heater.absorbed * input_w * hz_per_w,
            ),
            hz_per_w,
        )

    def operation_at(
        self,
        middle: Resonance,
        heating: SelfHeating,
        detuning_hz: Scalar,
        tuning_w: Scalar,
        slacks: dict[str, Scalar],
    ) -> "RingOperation":
        """The ring with the laser `detuning_hz` above its resonance, hot."""
        shallow, deep = heating.passed(detuning_hz)
        middle_t = (shallow + deep) / 2
        half = smooth_abs(deep - shallow, LEVEL_WIDTH) / 2
        loss = from_db(-self.insertion_db)
        extinction = extinction_db(middle_t + half, middle_t - half)
        return RingOperation(
            top=loss * (middle_t + half),
            bottom=loss * (middle_t - half),
            load_f=middle.junction_f + self.pad_f,
            tuning_w=tuning_w,
            slacks=slacks | {EXTINCTION.name: extinction},
            ring=self,
            middle=middle,
            detuning_hz=detuning_hz,
            loss_tilt=self.loss_tilt(),
            polarity=polarity(deep - shallow),
            series_ohm=self.junction.series_ohm_m / self.junction_m(),
        )


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
    polarity: Scalar
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
        part = 0.5 + self.polarity * (drive - 0.5)
        reverse_v = ring.bias_v + ring.drive_v * part
        return ring.resonance(
            smooth_positive(reverse_v + FORWARD_V, FORWARD_WIDTH_V) - FORWARD_V
        )

    def offset_hz(self, at: Resonance) -> Values:
        """Laser above resonance."""
        return self.detuning_hz + at.shift_hz - self.middle.shift_hz
