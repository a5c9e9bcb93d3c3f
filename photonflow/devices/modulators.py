"""Intensity modulators: what the drive voltage does to the light."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp

from ..component import Component, Scalar, Transfer, Values, param
from ..units import LIGHT_M_PER_S
from . import rings
from .junction import PNJunction
from .passives import RibWaveguide
from .response import from_db, one_pole, smooth_abs, smooth_positive, to_db


class AbstractOperation(eqx.Module):
    """A modulator at work: all that follows from its bias, swing and input light."""

    top: eqx.AbstractVar[Scalar]
    """transmission of the highest level, input guide to output guide"""
    bottom: eqx.AbstractVar[Scalar]
    load_f: eqx.AbstractVar[Scalar]
    """capacitance the driver sees; 0 for a terminated line"""
    tuning_w: eqx.AbstractVar[Scalar]
    """watts that hold the operating point"""
    slacks: eqx.AbstractVar[dict[str, Scalar]]
    """operating limits: met when >= 0, falling further as a limit is passed;
    `extinction` is the outer extinction ratio in dB, for those who ask for a least"""

    @abc.abstractmethod
    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """From drive to light behind a driver of `source_ohm`; 1 at f = 0."""

    @abc.abstractmethod
    def static(self, drive: Values) -> Values:
        """Transmission held at `drive`, 0 and 1 at the ends of the swing."""

    @abc.abstractmethod
    def waveform(self, drive: Values, sample_hz: Scalar, source_ohm: Scalar) -> Values:
        """Transmission along one period of `drive`, samples on the last axis."""


def extinction_db(top: Scalar, bottom: Scalar) -> Scalar:
    """Outer extinction ratio; 60 dB at most, so that a dark level stays finite."""
    return to_db((top + 1e-6) / (bottom + 1e-6))


def filtered(signal: Values, sample_hz: Scalar, bandwidth_hz: Scalar) -> Values:
    """One period of samples through one pole."""
    n = signal.shape[-1]
    f = jnp.arange(n // 2 + 1, dtype=float) * (sample_hz / n)
    return jnp.fft.irfft(jnp.fft.rfft(signal) * one_pole(f, bandwidth_hz), n)


class AbstractModulator(Component):
    """What the end of a link asks of its modulator."""

    wavelength_m: eqx.AbstractVar[Scalar]
    drive_v: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def operate(self, input_w: Scalar) -> AbstractOperation:
        """The modulator at work with `input_w` of light at its input."""


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
            loss=loss,
            ends=jnp.stack([shallow, deep]),
            middle=middle,
            detuning_hz=detuning_hz,
            loss_per_shift=ends.loss_per_shift(),
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

    def loss_per_shift(self) -> Scalar:
        """Change of the field's decay by loss over that of the resonance (as an angular
        frequency), between the first and the last voltage; < 0 for depletion."""
        decay = -jnp.log(self.a) * self.fsr_hz
        return (decay[-1] - decay[0]) / (
            2 * math.pi * (self.shift_hz[-1] - self.shift_hz[0])
        )

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
    loss: Scalar
    ends: Values
    """past the ring, at no drive and at full drive"""
    middle: Resonance
    detuning_hz: Scalar
    loss_per_shift: Scalar
    """of `Resonance`, over the whole swing"""
    series_ohm: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """Photon lifetime with its detuning peak, times the junction's RC."""
        ring = self.middle
        optical = rings.modulated(
            frequency_hz,
            self.detuning_hz,
            ring.a,
            ring.t,
            ring.fsr_hz,
            self.loss_per_shift,
        )
        return optical * one_pole(frequency_hz, self.electrical_hz(source_ohm))

    def electrical_hz(self, source_ohm: Scalar) -> Scalar:
        """The corner of the junction behind a driver."""
        junction_s = self.series_ohm * self.middle.junction_f
        return 1 / (2 * math.pi * (junction_s + source_ohm * self.load_f))

    def static(self, drive: Values) -> Values:
        """The ring held still."""
        at, detuning_hz = self._driven(drive)
        return self._exact(rings.still(detuning_hz, at.a, at.t, at.fsr_hz), drive)

    def waveform(self, drive: Values, sample_hz: Scalar, source_ohm: Scalar) -> Values:
        """Junction charged through its resistance, then the light in the ring."""
        charged = filtered(drive, sample_hz, self.electrical_hz(source_ohm))
        # Light at a sample follows from the step that ends there.
        at, detuning_hz = self._driven((charged + jnp.roll(charged, 1)) / 2)
        passed = rings.large_signal(detuning_hz, at.a, at.t, at.fsr_hz, 1 / sample_hz)
        return self._exact(passed, charged)

    def _driven(self, drive: Values) -> tuple[Resonance, Values]:
        ring = self.ring
        reverse_v = ring.bias_v + ring.drive_v * drive
        # Overshoot past half a volt forward would meet a conducting junction.
        reverse_v = smooth_positive(reverse_v + 0.5, 0.05) - 0.5
        at = ring.resonance(reverse_v)
        return at, self.detuning_hz + at.shift_hz - self.middle.shift_hz

    def _exact(self, passed: Values, drive: Values) -> Values:
        """Coupled modes, the ends of the swing moved to where `all_pass` is."""
        at, detuning_hz = self._driven(jnp.array([0.0, 1.0]))
        ends = rings.still(detuning_hz, at.a, at.t, at.fsr_hz)
        missing = self.ends - ends
        return self.loss * (passed + missing[0] * (1 - drive) + missing[1] * drive)


HEATER_WIDTH_W = 1e-5  # a heater cannot cool; well below any that heats
LEVEL_WIDTH = 1e-5  # of the input light; moves a swing of 0.1 by 5e-9 relative


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
            turn=math.pi * self.drive_v / self.half_wave_v,
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
    """phase between the arms from no drive to full drive"""

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """One pole; the line's own bandwidth includes its source."""
        return one_pole(frequency_hz, self.bandwidth_hz)

    def static(self, drive: Values) -> Values:
        """A sine about quadrature."""
        return self.loss / 2 * (1 + jnp.sin(self.turn * (drive - 0.5)))

    def waveform(self, drive: Values, sample_hz: Scalar, source_ohm: Scalar) -> Values:
        """The electrode, then the sine."""
        return self.static(filtered(drive, sample_hz, self.bandwidth_hz))
