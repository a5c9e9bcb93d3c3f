"""Travelling-wave and lumped Mach-Zehnders and electro-absorption modulators."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from helpers import assert_close
from nominal_modulators import KINDS, absorber, electrode, lumped, travelling
from photonflow.component import replace
from photonflow.devices.response import power


FREQUENCY_HZ = jnp.linspace(0.0, 110e9, 23)
MATCHED_OHM = jnp.asarray(50.0)
INPUT_W = jnp.asarray(1e-3)


def test_a_lossless_matched_line_averages_its_walk_off_to_a_sinc():
    """|H| = sinc(f L (n_m - n_o) / c), 0 where light falls a period behind."""
    line = electrode(loss_db_per_m=1.0, length_m=10e-3, microwave_index=5.3)
    line = replace(line, {"loss_db_per_m": 1e-9})
    ours = jnp.abs(line.transfer(FREQUENCY_HZ, MATCHED_OHM))
    periods = np.asarray(FREQUENCY_HZ) * 10e-3 * 1.5 / 299792458.0
    # 1e-3 of the top where the sinc passes near 0
    assert_close(ours, np.abs(np.sinc(periods)), rtol=1e-9, atol=1e-10)


def test_an_electrode_of_no_length_is_flat():
    line = electrode(length_m=1e-9, load_ohm=35.0)
    assert_close(
        jnp.abs(line.transfer(FREQUENCY_HZ, MATCHED_OHM)), np.ones(23), rtol=1e-4
    )


def test_an_electrode_is_3_db_down_in_light_where_its_end_is_6_4_db_down():
    """Velocities equal: |H| = |1 - exp(-x)| / |x|; with real attenuation x = 0.74
    nepers the average voltage is 0.707 of the input: 20 log10 e^-0.74 = 6.4 dB.
    """
    nepers = 6.4 / (20 / math.log(10))
    expected = (1 - math.exp(-nepers)) / nepers
    assert_close(expected**2, 0.5, rtol=5e-3)
    per_m = 6.4 / 3e-3
    # Internal inductance turns the wave as much as it attenuates it; a little velocity
    # of light undoes that, so that the loss stands alone.
    turn = nepers * 299792458.0 / (2 * math.pi * 50e9 * 3e-3)
    line = electrode(loss_db_per_m=per_m, microwave_index=3.8, optical_index=3.8 + turn)
    down = power(line.transfer(jnp.asarray(50e9), MATCHED_OHM))
    assert_close(down, 0.5, rtol=5e-3)


@pytest.mark.parametrize("source_ohm, load_ohm", [(50, 50), (30, 40), (80, 35)])
def test_the_light_sees_the_waves_that_the_line_equations_give(source_ohm, load_ohm):
    """V(z) of a terminated line from its ABCD matrix, averaged by quadrature."""
    line = electrode(load_ohm=float(load_ohm), line_ohm=45.0)
    length, z0 = 3e-3, 45.0

    def seen(f: float) -> complex:
        alpha = 1500 * math.log(10) / 20 * math.sqrt(f / 50e9)
        gamma = alpha + 1j * (2 * math.pi * f * 4.2 / 299792458.0 + alpha)
        light = 2 * math.pi * f * 3.8 / 299792458.0
        through = np.tanh(gamma * length)
        z_in = z0 * (load_ohm + z0 * through) / (z0 + load_ohm * through)
        at_input = z_in / (z_in + source_ohm)
        current = at_input / z_in

        def voltage(z: float) -> complex:
            v = at_input * np.cosh(gamma * z) - current * z0 * np.sinh(gamma * z)
            return v * np.exp(1j * light * z)

        real = quad(lambda z: voltage(z).real, 0, length, epsrel=1e-10)[0]
        return (real + 1j * quad(lambda z: voltage(z).imag, 0, length)[0]) / length

    still = load_ohm / (load_ohm + source_ohm)
    expected = [seen(f) / still for f in (1e9, 20e9, 53e9, 100e9)]
    at = jnp.array([1e9, 20e9, 53e9, 100e9])
    assert_close(line.transfer(at, jnp.asarray(float(source_ohm))), expected, rtol=1e-7)
    zero = line.transfer(jnp.zeros(()), jnp.asarray(float(source_ohm)))
    assert_close(power(zero), 1.0, rtol=1e-7)


def test_length_trades_swing_against_loss_and_bandwidth():
    at = jnp.asarray(40e9)
    short, long = (
        travelling(electrode=electrode(length_m=x)).operate(INPUT_W)
        for x in (1.5e-3, 4e-3)
    )
    assert long.slacks["extinction"] > short.slacks["extinction"]
    assert long.top < short.top * 10 ** -(0.1 * 1000 * 1e-3)
    assert power(long.transfer(at, MATCHED_OHM)) < power(
        short.transfer(at, MATCHED_OHM)
    )
    # V_pi = V_pi L / L = 2 V cm / 4 mm = 5 V; sin(pi 2.5 / 10) = 0.7071
    assert_close(long.slacks["swing"], 0.5, rtol=1e-12)
    contrast = (long.top - long.bottom) / (long.top + long.bottom)
    assert_close(contrast, math.sqrt(0.5), rtol=1e-8)


def test_arms_of_equal_loss_interfere_as_a_sine_of_their_phases():
    """With little swing absorption hardly differs: T = IL (1 + sin(phi)) / 2."""
    small = lumped(drive_v=0.2)
    zero, one = jnp.zeros(()), jnp.ones(())
    phase = float(small.arm(one)[1] - small.arm(zero)[1])
    work = small.operate(INPUT_W)
    contrast = (work.top - work.bottom) / (work.top + work.bottom)
    assert_close(contrast, math.sin(phase), rtol=1e-4)
    assert_close(small.half_wave_v(), 0.2 * math.pi / (2 * phase), rtol=1e-12)


def test_v_pi_l_of_the_junction_is_that_of_published_depletion_modulators():
    """1 to 2.5 V cm; differential in push-pull the same product as of one arm."""
    v_pi_l = float(lumped().half_wave_v()) * 4e-4
    assert 0.5e-2 < v_pi_l < 2.5e-2


def test_the_driver_sees_two_junctions_in_series():
    work = lumped().operate(INPUT_W)
    _, _, arm_f = lumped().arm(jnp.asarray(0.5))
    assert_close(work.load_f, (arm_f + 20e-15) / 2, rtol=1e-12)
    # f_3dB = 1 / (2 pi (R_s C + R_g C_load)); R_s = 1.6e-3 ohm m / 0.4 mm = 4 ohm
    tau_s = 4.0 * float(arm_f) + 50.0 * float(work.load_f)
    corner = work.transfer(jnp.asarray(1 / (2 * math.pi * tau_s)), MATCHED_OHM)
    assert_close(power(corner), 0.5, rtol=1e-9)


def test_absorption_runs_through_its_two_points():
    modulator = absorber()
    assert_close(modulator.absorbs(jnp.zeros(())), 0.8, rtol=1e-5)  # 2e4/m * 40 um
    assert_close(modulator.absorbs(jnp.asarray(3.0)), 2.4, rtol=1e-8)


def test_photocurrent_is_what_the_absorber_keeps():
    """1.55 um: 1.2502 A/W; 2 dB before and behind, half of it before the absorber."""
    current_a = absorber().photocurrent_a(jnp.asarray(3.0), INPUT_W)
    kept = 0.9 * 1.250159 * 10**-0.1 * (1 - math.exp(-2.4))
    assert_close(current_a, 1e-3 * kept, rtol=1e-5)
    work = absorber().operate(INPUT_W)
    ends_v = jnp.array([0.5, 2.5])
    mean_w = jnp.mean(ends_v * absorber().photocurrent_a(ends_v, INPUT_W))
    assert_close(work.tuning_w, mean_w, rtol=1e-12)
    assert_close(absorber().operate(2 * INPUT_W).tuning_w, 2 * mean_w, rtol=1e-12)


def test_a_warm_band_edge_darkens_and_a_cold_one_opens_less():
    """0.8 nm/K over a tail of 40 nm: 50 K is a factor of e."""
    warm, cool = absorber(warm_k=50.0), absorber(warm_k=-50.0)
    assert_close(
        warm.absorbs(jnp.ones(())) / absorber().absorbs(jnp.ones(())), math.e, rtol=1e-9
    )
    works = [m.operate(INPUT_W) for m in (cool, absorber(), warm)]
    extinctions = [float(w.slacks["extinction"]) for w in works]
    tops = [float(w.top) for w in works]
    assert extinctions == sorted(extinctions) and tops == sorted(tops, reverse=True)


def test_what_passes_a_dead_absorber_still_falls_with_its_length():
    """Behind 1,000 and 2,000 nepers only stray light is left: 1e-8 over 1 + A."""
    loss, dead = 10**-0.2, absorber(bias_v=0.0, idle_per_m=1e5, warm_k=0.0)
    for length_m, nepers in ((1e-2, 1000.0), (2e-2, 2000.0)):
        passed = replace(dead, {"length_m": length_m}).passes(jnp.asarray(-1.0))
        assert_close(passed, loss * 1e-8 / (1 + nepers), rtol=1e-6)


def test_a_germanium_absorber_heats_by_0_87_mw_at_3_v_and_0_28_mw():
    """1.04 A/W as a photodiode: 3 V * 1.04 A/W * 0.28 mW = 0.87 mW; and 4.8 fF over
    2.3 V take C V^2 / 4 = 6.35 fJ a bit (10.1364/OE.462890).
    """
    card = nominal_card("eam-ge-lband")
    current_a = card.photocurrent_a(jnp.asarray(3.0), jnp.asarray(0.28e-3))
    assert_close(3 * current_a, 0.87e-3, rtol=0.02)
    assert_close(card.capacitance_f * card.drive_v**2 / 4, 6.35e-15, rtol=0.01)
    static_db = 10 / math.log(10) * (card.absorbs(3.0) - card.absorbs(0.0))
    assert_close(static_db, 11.8, rtol=0.01)


def nominal_card(name: str) -> Any:
    from photonflow.cards import Library

    return Library().load(name)


SAMPLE_HZ = jnp.asarray(16 * 53.125e9)


@pytest.mark.parametrize("kind", KINDS)
def test_light_over_time_settles_on_the_levels_and_follows_small_signals(kind):
    work = KINDS[kind]().operate(INPUT_W)
    for drive, level in ((0.0, work.bottom), (1.0, work.top)):
        still = work.waveform(jnp.full(8, drive), SAMPLE_HZ, MATCHED_OHM)
        assert_close(still, np.full(8, level), rtol=1e-6)
    n = np.arange(64)
    ripple = 1e-5 * np.cos(2 * math.pi * 5 * n / 64)
    out = work.waveform(jnp.asarray(0.5 + ripple), SAMPLE_HZ, MATCHED_OHM)
    ratio = np.fft.rfft(out)[5] / np.fft.rfft(ripple)[5]
    slope = jax.grad(lambda d: work.static(d))(jnp.asarray(0.5))
    at = work.transfer(jnp.asarray(5 / 64) * SAMPLE_HZ, MATCHED_OHM)
    assert_close(ratio / float(slope), at, rtol=1e-5)
    even = work.static(work.predistort(jnp.linspace(0.0, 1.0, 4)))
    assert_close(jnp.diff(even), np.full(3, (work.top - work.bottom) / 3), rtol=1e-6)
