"""Devices, each against its closed form, an invariant and a limit."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from helpers import assert_close
from photonflow.devices import junction, silicon
from photonflow.devices.electronics import Trace
from photonflow.devices.passives import FibrePath, TwinaxPath
from photonflow.devices.response import (
    butterworth2,
    from_db,
    one_pole,
    power,
    smooth_abs,
    to_db,
)
from photonflow.units import BOLTZMANN_J_PER_K, CHARGE_C, LIGHT_M_PER_S, VACUUM_F_PER_M


CASE_K = jnp.asarray(343.15)


# Silicon and junctions


def test_nedeljkovic_keeps_its_tabulated_points():
    """At 1e18 per cm^3 and 1.55 um: 5.40e-22 n^1.011 and 1.53e-18 p^0.838."""
    density = jnp.asarray(1e24)
    electrons = silicon.nedeljkovic_electrons(jnp.asarray(1.55e-6), density)
    holes = silicon.nedeljkovic_holes(jnp.asarray(1.55e-6), density)
    assert_close(electrons.index_drop, 5.40e-22 * 1e18**1.011, rtol=1e-10)
    assert_close(electrons.absorption_per_m, 100 * 8.88e-21 * 1e18**1.167, rtol=1e-10)
    assert_close(holes.index_drop, 1.53e-18 * 1e18**0.838, rtol=1e-10)
    assert_close(holes.absorption_per_m, 100 * 5.84e-20 * 1e18**1.109, rtol=1e-10)


def test_a_junction_is_a_plate_capacitor_that_opens_as_the_root_of_voltage():
    p, n = jnp.asarray(1e24), jnp.asarray(3e24)
    width_m = junction.depletion_m(p, n, jnp.array([0.0, 3.0]))
    built_in_v = float(junction.built_in_v(p, n))
    # C(V) = C0 / sqrt(1 + V / V_bi)
    farads = junction.capacitance_f_per_m(width_m, jnp.asarray(220e-9))
    assert_close(farads[0] / farads[1], math.sqrt(1 + 3 / built_in_v), rtol=1e-12)
    # Charge on either side: N_A x_p = N_D x_n, and Poisson gives V_bi.
    x_p, x_n = width_m[0] * 3 / 4, width_m[0] * 1 / 4
    volt = CHARGE_C / (2 * 11.7 * VACUUM_F_PER_M) * (1e24 * x_p**2 + 3e24 * x_n**2)
    assert_close(volt, built_in_v, rtol=1e-12)


def test_a_fully_depleted_mode_has_no_carriers_left():
    """erf saturates: the index rises by half of each side's drop, nothing absorbs."""
    part = nominal.junction(shape=4.0, acceptor_per_m3=5e22, donor_per_m3=5e22)
    wavelength_m = jnp.asarray(1.31e-6)
    swept = part.sweep(jnp.asarray(50.0), wavelength_m, jnp.asarray(150e-9))
    holes = silicon.nedeljkovic_holes(wavelength_m, jnp.asarray(5e22))
    electrons = silicon.nedeljkovic_electrons(wavelength_m, jnp.asarray(5e22))
    drop = (holes.index_drop + electrons.index_drop) / 2
    assert_close(swept.index_rise, drop, rtol=1e-9)
    assert abs(swept.absorption_per_m) < 1e-9 * holes.absorption_per_m


def test_reverse_bias_raises_the_index_and_clears_the_guide():
    voltage = jnp.linspace(0.0, 4.0, 9)
    swept = nominal.junction().sweep(voltage, jnp.asarray(1.31e-6), jnp.asarray(280e-9))
    assert jnp.all(jnp.diff(swept.index_rise) > 0)
    assert jnp.all(jnp.diff(swept.absorption_per_m) < 0)
    assert jnp.all(jnp.diff(swept.capacitance_f_per_m) < 0)


# Mach-Zehnder


def test_a_mach_zehnder_at_quadrature_is_a_sine():
    """2.5 V of 6 V: (1 +- sin(pi * 2.5 / 12)) / 2 behind 4 dB."""
    work = nominal.mach_zehnder().operate(jnp.asarray(1e-3))
    half = math.sin(math.pi * 2.5 / 12) / 2
    # The rounding of |sin| is 1e-10 / 2 of the light.
    assert_close(work.top, 10**-0.4 * (0.5 + half), rtol=1e-9)
    assert_close(work.bottom, 10**-0.4 * (0.5 - half), rtol=1e-9)
    assert_close(work.slacks["swing"], 1 - 2.5 / 6, rtol=1e-12)
    assert work.load_f == 0


def test_a_full_half_wave_swing_opens_the_modulator():
    work = nominal.mach_zehnder(drive_v=6.0).operate(jnp.asarray(1e-3))
    assert_close(work.top, 10**-0.4, rtol=1e-9)
    assert abs(work.bottom) < 1e-10
    over = nominal.mach_zehnder(drive_v=7.0).operate(jnp.asarray(1e-3))
    assert over.slacks["swing"] < work.slacks["swing"] == 0


# Electronics


BAUD_HZ = jnp.asarray(106.25e9)  # class A draws the same at any symbol rate


def test_a_linear_driver_burns_far_more_than_cv2():
    """m (V + V_h) V 2 pi f (C + C_0) = 2 * 2.5 V * 1.8 V * 2 pi 70 GHz * 60 fF."""
    driver = nominal.engine_port().driver
    power_w = driver.power_w(jnp.asarray(1.8), jnp.asarray(40e-15), BAUD_HZ)
    assert_close(power_w, 2 * 2.5 * 1.8 * 2 * math.pi * 70e9 * 60e-15, rtol=1e-12)
    charging_w = 5 / 24 * 40e-15 * 1.8**2 * 106.25e9
    assert power_w > 50 * charging_w


def test_a_terminated_driver_feeds_its_load():
    """m (V / 2 + V_h) V / R = 2 * (1.25 + 1.5) V * 2.5 V / 100 ohm."""
    driver = nominal.pluggable_port().driver
    power_w = driver.power_w(jnp.asarray(2.5), jnp.zeros(()), BAUD_HZ)
    assert_close(power_w, 2 * (1.25 + 1.5) * 2.5 / 100, rtol=1e-12)


def test_noise_of_a_tia_grows_as_bandwidth_squared():
    """8 pi F k T C f^2 / f_A at 40 fF, 45 GHz, 600 GHz, F = 5: 26 pA / sqrt(Hz)."""
    tia = nominal.tia()
    density = tia.noise_a2_per_hz(jnp.asarray(15e-15), CASE_K)
    expected = 8 * math.pi * 5 * BOLTZMANN_J_PER_K * 343.15 * 40e-15 * 45e9**2 / 600e9
    assert_close(density, expected, rtol=1e-12)
    fast = nominal.tia(bandwidth_hz=90e9)
    twice = fast.noise_a2_per_hz(jnp.asarray(15e-15), CASE_K)
    assert_close(twice / density, 4.0, rtol=1e-12)
    assert_close(fast.power_w(), 0.1 * 2**1.5, rtol=1e-12)


def test_a_photodiode_turns_light_into_bias_power():
    """2 V * (0.9 A/W * 1 mW + 50 nA)"""
    photodiode = nominal.engine_port().photodiode
    expected_w = 2 * (0.9 * 1e-3 + 50e-9)
    assert_close(photodiode.power_w(jnp.asarray(1e-3)), expected_w, rtol=1e-12)


@pytest.mark.parametrize("shape", [one_pole, butterworth2])
def test_bandwidth_is_where_half_the_power_is_left(shape):
    left = power(shape(jnp.asarray(50e9), jnp.asarray(50e9)))
    assert_close(left, 0.5, rtol=1e-12)
    assert shape(jnp.asarray(0.0), jnp.asarray(50e9)) == 1


def test_trace_loss_follows_its_exponent():
    trace = Trace(loss_db=16.0, exponent=0.7)
    loss_db = -to_db(power(trace.transfer(jnp.array([0.0, 26.5625e9, 53.125e9]))))
    assert loss_db[0] < 1e-6
    assert_close(loss_db[1:], [16 * 0.5**0.7, 16.0], rtol=1e-9)


def test_bend_loss_falls_by_e_over_its_decay_length():
    guide = nominal.ring().guide
    straight = guide.loss_per_m(jnp.asarray(1.0))
    # 300 dB/m = 69.08 / m
    assert_close(straight, 300 * math.log(10) / 10, rtol=1e-12)
    bends = [guide.loss_per_m(jnp.asarray(4e-6 + i * 0.376e-6)) for i in (0, 1)]
    assert_close((bends[0] - straight) / (bends[1] - straight), math.e, rtol=1e-9)


def test_glass_and_copper_delay_by_their_index():
    glass = FibrePath(
        connectors_db=0.0,
        fibre_db_per_m=5e-4,
        group_index=1.468,
        reach_m=500.0,
        end_return_db=26.0,
        return_db=45.0,
        reflections=4.0,
    )
    copper = TwinaxPath(
        loss_db_per_m=7.5,
        fixed_db=15.0,
        crosstalk_v=3e-4,
        velocity_index=1.4,
        reach_m=1.5,
    )
    length_m = jnp.asarray(2.0)
    assert_close(glass.latency_s(length_m), 1.468 * 2 / LIGHT_M_PER_S, rtol=1e-12)
    assert_close(copper.latency_s(length_m), 1.4 * 2 / LIGHT_M_PER_S, rtol=1e-12)
    assert_close(copper.loss_db(length_m), 15 + 2 * 7.5, rtol=1e-12)


def test_decibels_go_there_and_back():
    assert_close(to_db(from_db(jnp.asarray(-3.7))), -3.7, rtol=1e-12)
    assert_close(from_db(jnp.asarray(3.0)), 1.9952623149688795, rtol=1e-12)


def test_a_smooth_modulus_is_exact_far_from_0():
    """Relative error width^2 / 2 x^2."""
    assert_close(smooth_abs(jnp.asarray(-0.1), 1e-5) / 0.1 - 1, 5e-9, rtol=1e-3)
    assert_close(smooth_abs(jnp.zeros(()), 1e-5), 1e-5, rtol=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 0.7, 1.0])
def test_a_trace_answers_no_earlier_than_its_pulse(exponent):
    """The phase is causal: less than 1e-3 of the energy comes ahead of the front.

    12 dB at 53 GHz, sampled to 2 THz; without the phase half of it would come ahead.
    """
    n, step_hz = 4096, 0.5e9
    f = np.arange(n + 1) * step_hz
    trace = Trace(loss_db=12.0, exponent=exponent)
    h = np.asarray(trace.transfer(jnp.asarray(f)))
    late_s = 40e-12  # the straight line that the model leaves out
    impulse = np.fft.irfft(h * np.exp(-2j * math.pi * f * late_s))
    when_s = np.arange(2 * n) / (2 * n * step_hz)
    early = (when_s < late_s - 8e-12) | (when_s > 1.5e-9)
    assert np.sum(impulse[early] ** 2) < 1e-3 * np.sum(impulse**2)
    no_phase = np.fft.irfft(np.abs(h) * np.exp(-2j * math.pi * f * late_s))
    ahead = (when_s < late_s) & (no_phase > 0)
    assert np.sum(no_phase[ahead] ** 2) > 0.3 * np.sum(no_phase**2)
