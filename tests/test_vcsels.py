"""VCSELs: levels, band and measured rollover."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from scipy.optimize import brentq, minimize_scalar

import nominal_lasers
from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.devices.response import power


CASE_K = jnp.asarray(343.15)


def bandwidth_hz(operation: Any) -> float:
    def left(f):
        return float(power(operation.transfer(jnp.asarray(f)))) - 0.5

    root: Any = brentq(left, 1e9, 200e9)
    return root


def test_small_signals_pass_the_relaxation_resonance_and_a_pole():
    operation = nominal_lasers.vcsel().operate(CASE_K)
    fr, gamma = float(operation.resonance_hz), float(operation.damping_per_s)
    for f in (0.0, 1e9, fr, 40e9):
        expected = fr**2 / (fr**2 - f**2 + 1j * f * gamma / (2 * math.pi))
        expected /= 1 + 1j * f / 28e9
        assert_close(operation.transfer(jnp.asarray(f)), expected, rtol=1e-12)


def test_the_resonance_grows_as_the_root_of_the_current_above_threshold():
    laser = nominal_lasers.vcsel()
    operation = laser.operate(CASE_K)
    threshold_a = laser.hot_threshold_a(laser.junction_k(CASE_K))
    above_a = 7e-3 - float(threshold_a) + 1e-5 * 7e-3  # 1e-5 shines spontaneously
    expected_hz = 9e9 * math.sqrt(above_a / 1e-3)
    assert_close(operation.resonance_hz, expected_hz, rtol=1e-12)
    assert_close(operation.damping_per_s, 0.22e-9 * expected_hz**2 + 1.5e10, rtol=1e-12)


def test_damping_limits_the_band_to_2_pi_root_2_over_k():
    """At any current: the best of f_r without parasitics and gamma_0."""
    k_factor_s = 0.3e-9
    quiet = {"k_factor_s": k_factor_s, "damping_per_s": 0.0, "parasitic_hz": 1e15}
    operation = nominal_lasers.vcsel(**quiet).operate(CASE_K)

    def at(resonance_hz):
        damping_per_s = k_factor_s * resonance_hz**2
        changed = {"resonance_hz": resonance_hz, "damping_per_s": damping_per_s}
        return -bandwidth_hz(replace(operation, changed))

    best: Any = minimize_scalar(at, bounds=(10e9, 60e9), options={"xatol": 1e3})
    assert_close(-best.fun, 2 * math.pi * math.sqrt(2) / k_factor_s, rtol=1e-6)


def test_outer_levels_of_a_vcsel_lie_on_its_slope_at_the_heat_of_its_bias():
    laser = nominal_lasers.vcsel()
    operation = laser.operate(CASE_K)
    junction_k = float(laser.junction_k(CASE_K))
    photon_v = 6.62607015e-34 * 299792458 / (1.602176634e-19 * 850e-9)
    slope = 0.42 * math.exp(-(junction_k - 298.15) / 300) * photon_v
    # 6 mA peak to peak, of which 1e-5 more shines spontaneously.
    swing_w = slope * 6e-3 * (1 + 1e-5)
    assert_close(operation.top_w - operation.bottom_w, swing_w, rtol=1e-9)
    middle_w = (operation.top_w + operation.bottom_w) / 2
    assert_close(middle_w, operation.light_w, rtol=1e-9)
    ratio_db = 10 * math.log10(operation.top_w / operation.bottom_w)
    assert abs(float(operation.slacks["extinction"]) - ratio_db) < 1e-4


def test_a_swing_below_threshold_breaks_its_limit_and_the_light_clips():
    operation = nominal_lasers.vcsel(swing_a=13.5e-3).operate(CASE_K)
    assert operation.slacks["threshold"] < 0
    assert 0 < operation.bottom_w < 1e-6
    middle_w = (operation.top_w + operation.bottom_w) / 2
    assert middle_w > operation.light_w
    assert nominal_lasers.vcsel().operate(CASE_K).slacks["threshold"] > 0


def test_a_measured_vcsel_rolls_over_where_it_did():
    """0.8 mA, 0.95 W/A; 9 mW at 13.5 mA, up to 5 mW and over 17 GHz at 6 mA [1].

    Heat and its effect on threshold and slope were chosen by hand toward the first
    pair: a check of the form of the L-I curve, not a prediction.

    1. Zhou et al. 2018, doi:10.1117/12.2504064
    """
    measured, room_k = Library().load("vcsel-850nm-50g"), jnp.asarray(298.15)
    current_a = jnp.linspace(5e-3, 20e-3, 301)
    light = jax.vmap(
        lambda i: replace(measured, {"current_a": i}).operate(room_k).light_w
    )(current_a)
    assert_close(current_a[jnp.argmax(light)], 13.5e-3, rtol=0.1)
    assert_close(light.max(), 9e-3, rtol=0.1)
    at_6_ma = replace(measured, {"current_a": 6e-3}).operate(room_k)
    assert_close(at_6_ma.light_w, 5e-3, rtol=0.1)
    assert 17e9 < bandwidth_hz(at_6_ma) < 19e9
