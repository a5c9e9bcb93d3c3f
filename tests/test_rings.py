"""Rings as they stand: resonance, coupling, small signals, heat of their light."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import nominal
from helpers import assert_close, root
from photonflow.component import replace
from photonflow.devices import rings
from photonflow.devices.response import (
    power,
)
from photonflow.units import LIGHT_M_PER_S


A, T = 0.985, 0.97


@pytest.mark.parametrize("phase", [0.0, 1e-3, 0.05, 1.0, math.pi])
def test_all_pass_is_the_textbook_formula(phase):
    """T = (a^2 - 2 a t cos + t^2) / (1 - 2 a t cos + (a t)^2), Bogaerts 2012."""
    twice = 2 * A * T * math.cos(phase)
    expected = (A**2 - twice + T**2) / (1 - twice + (A * T) ** 2)
    assert_close(rings.all_pass(phase, A, T), expected, rtol=1e-12)


def test_transmission_is_even_periodic_and_passive():
    phase = jnp.linspace(-math.pi, math.pi, 101)
    out = rings.all_pass(phase, A, T)
    assert_close(out, out[::-1], rtol=1e-12)
    assert_close(out, rings.all_pass(phase + 2 * math.pi, A, T), rtol=1e-9)
    assert jnp.all((out > 0) & (out <= 1))
    # A ring without loss only delays.
    assert_close(rings.all_pass(phase, 1.0, T), np.ones(101), rtol=1e-12)


@pytest.mark.parametrize("finesse_loss", [1e-3, 0.05, 0.4, 0.7])
def test_linewidth_is_where_the_depth_has_fallen_to_half(finesse_loss):
    """Both flanks found on the all-pass formula itself; at = 1 - `finesse_loss`."""
    a = t = math.sqrt(1 - finesse_loss)
    deepest = 1 - rings.all_pass(0.0, a, t)

    def above_half(phase):
        return float(1 - rings.all_pass(phase, a, t) - deepest / 2)

    half_phase = np.asarray(root(above_half, 0.0, math.pi, xtol=1e-15))
    # The round-trip phase is 2 pi over one FSR, here of 1 Hz; two flanks.
    assert_close(rings.linewidth_hz(a, t, 1.0), half_phase / math.pi, rtol=1e-10)


def test_linewidth_stays_smooth_where_the_depth_nowhere_falls_to_half():
    """at = 2 - sqrt(3) is half an FSR wide; at < 3 - 2 sqrt(2) is never at half."""
    at = jnp.asarray([1e-9, 1e-3, 0.17, 2 - math.sqrt(3), 0.3, 0.999999])
    width = jax.vmap(lambda x: rings.linewidth_hz(x, 1.0, 1.0))(at)
    slope = jax.vmap(jax.grad(lambda x: rings.linewidth_hz(x, 1.0, 1.0)))(at)
    assert_close(width[3], 0.5, rtol=1e-12)
    assert jnp.all(jnp.isfinite(slope)) and jnp.all(slope < 0)
    assert jnp.all(jnp.diff(width) < 0)
    joint = 2 - math.sqrt(3) + 1e-6 * jnp.asarray([-1.0, 1.0])
    left, right = jax.vmap(jax.grad(lambda x: rings.linewidth_hz(x, 1.0, 1.0)))(joint)
    # The curvature of arcsin alone, d2(asin u) = 2 at u = 1/sqrt(2), over 2e-6.
    assert_close(left, right, rtol=2e-5)


def test_coupling_falls_with_the_gap_by_its_decay():
    ring = nominal.ring()
    wider = replace(ring, {"gap_m": ring.gap_m + 20e-9})
    # exp(-7.25e6 / m * 20 nm) in the angle
    ratio = wider.coupling_angle() / ring.coupling_angle()
    assert_close(ratio, math.exp(-7.25e6 * 20e-9), rtol=1e-12)
    # The parabolic gap g + z^2 / 2 R, integrated by hand.
    z = np.linspace(-3e-6, 3e-6, 4001)
    gap_m = 150e-9 + z**2 / (2 * 6e-6)
    angle = math.pi / 1.31e-6 * np.trapezoid(0.175 * np.exp(-7.25e6 * gap_m), z)
    assert_close(ring.coupling_angle(), angle, rtol=1e-3)
    assert_close(ring.kappa2(), math.sin(float(ring.coupling_angle())) ** 2, rtol=1e-12)


@pytest.mark.parametrize("detuning", [-1.2, 0.4, 0.9])
def test_small_signals_follow_the_coupled_modes_in_time(detuning):
    """da/dt = -(gamma + i Delta(t)) a + i mu, out = 1 + i mu a, mu^2 = 2 gamma_e.

    Delta is wiggled by 1e-5 gamma at 30 GHz; what the detector sees at 30 GHz, over
    what a slow wiggle would give, is the response.
    """
    a, t, fsr, frequency_hz = 0.985, 0.98, 2.0e12, 30e9
    gamma_l, gamma_e = -math.log(a) * fsr, -math.log(t) * fsr
    gamma = gamma_l + gamma_e
    centre, omega, ripple = detuning, 2 * math.pi * frequency_hz / gamma, 1e-5
    feed = math.sqrt(2 * gamma_e / gamma)

    def steady(delta):
        return 1j * feed / (1 + 1j * delta)

    def rhs(time, mode):  # in units of 1 / gamma
        delta = centre + ripple * math.cos(omega * time)
        return -(1 + 1j * delta) * mode + 1j * feed

    period = 2 * math.pi / omega
    start, turns, samples = 40 * period, 4, 64
    times = start + np.arange(turns * samples) * period / samples
    done = solve_ivp(
        rhs,
        (0, times[-1]),
        [steady(centre + ripple)],
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
    )
    seen = np.abs(1 + 1j * feed * done.y[0]) ** 2
    tone = 2 * np.mean(seen * np.exp(-1j * omega * times))
    slow = [abs(1 + 1j * feed * steady(centre + s * ripple)) ** 2 for s in (1, -1)]
    expected = (abs(tone) / (abs(slow[0] - slow[1]) / 2)) ** 2
    detuning_hz = detuning * gamma / (2 * math.pi)
    ours = power(rings.small_signal(frequency_hz, detuning_hz, a, t, fsr))
    assert_close(ours, expected, rtol=1e-3)


def test_detuning_peaks_the_response():
    """(s + 2 gamma_l) / ((s + gamma)^2 + Delta^2) has complex poles off resonance."""
    frequency_hz = jnp.linspace(0.0, 60e9, 61)
    far = power(rings.small_signal(frequency_hz, 40e9, A, T, 2e12))
    near = power(rings.small_signal(frequency_hz, 5e9, A, T, 2e12))
    assert jnp.max(far) > 1.5
    assert far[0] == near[0] == 1


@pytest.mark.parametrize("detuning", [0.9, -0.9])
def test_reverse_bias_brightens_a_laser_on_the_blue_side(detuning):
    """Fewer carriers, higher index, resonance to the red, away from a blue laser."""
    ring = nominal.ring(detuning=detuning)
    middle = ring.resonance(ring.bias_v + ring.drive_v / 2)
    ends = ring.resonance(ring.bias_v + ring.drive_v * jnp.array([0.0, 1.0]))
    assert ends.shift_hz[1] > ends.shift_hz[0]
    offset_hz = detuning * middle.linewidth_hz() / 2
    shallow, deep = ends.transmission(offset_hz + ends.shift_hz - middle.shift_hz)
    assert (deep > shallow) == (detuning > 0)
    # Whichever is brighter is the top level, behind 0.5 dB of insertion loss.
    work = ring.operate(jnp.asarray(1e-3))
    loss = 10**-0.05
    assert_close(work.top, loss * max(shallow, deep), rtol=1e-7)
    assert_close(work.bottom, loss * min(shallow, deep), rtol=1e-7)


def test_watts_per_fsr_do_not_depend_on_the_radius():
    """Hold 0.5 FSR: hold c / (n_g r_th dln(lambda)/dT f_0), plus the loop."""
    held_w = 0.5 * LIGHT_M_PER_S / (3.9 * 0.1446 * 5e-5 * LIGHT_M_PER_S / 1.31e-6)
    for radius_m in (4e-6, 6e-6, 12e-6):
        dark = nominal.ring(radius_m=radius_m).operate(jnp.zeros(()))
        assert_close(dark.tuning_w, held_w + 1.5e-3, rtol=1e-12)


def test_light_lost_in_the_ring_saves_heater_power():
    ring = nominal.ring()
    light_w = jnp.asarray(2e-3)
    dark, lit = ring.operate(jnp.zeros(())), ring.operate(light_w)
    passed = (lit.top + lit.bottom) / 2 / 10**-0.05
    # 60 % of what is lost heats.
    assert_close(dark.tuning_w - lit.tuning_w, 0.6 * light_w * (1 - passed), rtol=1e-9)
    assert dark.slacks["heater"] == 1
    assert lit.slacks["heater"] < 1


RED = -0.9


def test_fold_and_heater_slacks_fall_with_the_light_in_the_ring():
    ring = nominal.ring(detuning=RED)
    light_w = jnp.linspace(0.0, 0.2, 21)
    found = jax.vmap(lambda w: ring.operate(w).slacks)(light_w)
    slacks = {name: np.asarray(slack) for name, slack in found.items()}
    assert slacks["fold"][0] == 1
    for name in ("fold", "heater"):
        assert np.all(np.diff(slacks[name]) < 0)
        assert slacks[name][-1] < 0
    # On the blue side the feedback is negative: no fold.
    blue = jax.vmap(lambda w: nominal.ring().operate(w).slacks)(light_w)
    assert jnp.all(blue["fold"] >= 1)


def test_fold_slack_is_0_where_the_cold_branch_ends():
    """The heater is frozen; light is turned up; the resonance drifts to the red laser.

    The hot offset d obeys d = d_cold + P g L(d). Followed from the dark ring it creeps
    up until the branch ends: just below that light the iteration settles on the cold
    side, just above it runs away through resonance.
    """
    ring = nominal.ring(detuning=RED)
    fold = jax.jit(lambda w: ring.operate(w).slacks["fold"])
    folding_w = root(lambda w: float(fold(jnp.asarray(w))), 1e-4, 0.1, xtol=1e-15)

    middle = ring.resonance(ring.bias_v + ring.drive_v / 2)
    ends = ring.resonance(ring.bias_v + ring.drive_v * jnp.array([0.0, 1.0]))
    moved_hz = np.asarray(ends.shift_hz - middle.shift_hz)
    a, t, fsr = np.asarray(ends.a), float(ends.t), float(ring.fsr_hz())
    k_per_w = 0.1446 / (2 * math.pi * 6e-6)
    hz_per_w = 0.6 * k_per_w * 5e-5 * LIGHT_M_PER_S / 1.31e-6

    def drift_hz(offset_hz: float, light_w: float) -> float:
        phase = 2 * math.pi * (offset_hz + moved_hz) / fsr
        twice = 2 * a * t * np.cos(phase)
        passed = (a**2 - twice + t**2) / (1 - twice + (a * t) ** 2)
        return float(light_w * hz_per_w * np.mean(1 - passed))

    hot_hz = RED * float(middle.linewidth_hz()) / 2
    cold_hz = hot_hz - drift_hz(hot_hz, folding_w)

    def follow(light_w: float) -> float:
        offset_hz = cold_hz
        for part in np.linspace(0.2, 1.0, 5):
            for _ in range(4000):
                offset_hz = cold_hz + drift_hz(offset_hz, part * light_w)
        return offset_hz

    below_hz, above_hz = follow(folding_w * (1 - 1e-4)), follow(folding_w * (1 + 1e-4))
    width_hz = float(middle.linewidth_hz())
    assert below_hz < hot_hz
    assert hot_hz - below_hz < 0.02 * width_hz  # as the root of 1e-4
    assert above_hz > hot_hz + 0.2 * width_hz
