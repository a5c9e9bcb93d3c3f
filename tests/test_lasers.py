"""Laser diodes: heat at the junction, rollover and wear."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from scipy.optimize import brentq, minimize_scalar

import nominal
import nominal_lasers
from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.devices.diodes import AbstractDiode, WearOut


CASE_K = jnp.asarray(343.15)
BOLTZMANN_EV_PER_K = 8.617333262e-5


@jax.jit
def light_w(diode: AbstractDiode, current_a: Any, case_k: Any) -> Any:
    driven = replace(diode, {"current_a": current_a})
    return driven.light_w(driven.junction_k(case_k))


@jax.jit
def slack(diode: AbstractDiode, current_a: Any, case_k: Any) -> Any:
    driven = replace(diode, {"current_a": current_a})
    return driven.rollover_slack(driven.junction_k(case_k))


# The junction


@pytest.mark.parametrize(
    "diode", [nominal.dfb(), nominal_lasers.vcsel()], ids=["edge", "vertical"]
)
def test_what_goes_in_comes_out_as_light_or_warms_the_junction(diode):
    """T_j = T_case + R_th (I V - P)."""
    junction_k = diode.junction_k(CASE_K)
    heat_w = (junction_k - CASE_K) / diode.thermal_k_per_w
    assert_close(diode.light_w(junction_k) + heat_w, diode.electrical_w(), rtol=1e-10)
    volt = diode.turn_on_v + diode.current_a * diode.series_ohm
    assert_close(diode.electrical_w(), diode.current_a * volt, rtol=1e-12)


@pytest.mark.parametrize("current_a", [0.005, 0.05, 1.0])
@pytest.mark.parametrize("thermal_k_per_w", [2.0, 60.0])
def test_the_junction_is_solved_from_dark_to_rolled_over(current_a, thermal_k_per_w):
    laser = nominal.dfb(current_a=current_a, thermal_k_per_w=thermal_k_per_w)
    junction_k = laser.junction_k(CASE_K)
    heat_w = laser.electrical_w() - laser.light_w(junction_k)
    assert_close(junction_k, CASE_K + thermal_k_per_w * heat_w, rtol=1e-12)


def test_wall_plug_efficiency_falls_with_temperature():
    laser = nominal.dfb()
    case_k = jnp.linspace(298.15, 363.15, 14)
    light = jax.vmap(lambda k: laser.light_w(laser.junction_k(k)))(case_k)
    efficiency = light / laser.electrical_w()
    assert jnp.all(jnp.diff(efficiency) < 0)
    assert jnp.all((efficiency > 0) & (efficiency < 1))


def test_far_above_threshold_a_cold_laser_has_its_quantum_efficiency():
    """Slope at 25 C: eta h nu / q = 0.55 * 0.9465 V at 1.31 um."""
    laser = nominal.dfb()
    photon_v = 6.62607015e-34 * 299792458 / (1.602176634e-19 * 1.31e-6)
    # 1e-5 of the drive shines spontaneously.
    expected_w = 0.55 * photon_v * (0.28 - 0.012 + 1e-5 * 0.28)
    assert_close(laser.light_w(jnp.asarray(298.15)), expected_w, rtol=1e-12)


# Rollover

HOT = {
    "edge": (nominal.dfb(thermal_k_per_w=60.0), 0.05, 1.0),
    "vertical": (nominal_lasers.vcsel(), 2e-3, 30e-3),
}


@pytest.mark.parametrize("name", HOT)
@pytest.mark.parametrize("case_k", [298.15, 343.15])
def test_the_rollover_slack_changes_sign_at_the_peak_of_light(name, case_k):
    """Without R_th, light would grow with current for ever."""
    diode, low_a, high_a = HOT[name]
    at = jnp.asarray(case_k)
    found: Any = minimize_scalar(
        lambda i: -float(light_w(diode, i, at)),
        bounds=(low_a, high_a),
        options={"xatol": 1e-9},
    )
    peak_a = found.x
    assert low_a * 1.05 < peak_a < high_a * 0.95
    zero_a = brentq(lambda i: float(slack(diode, i, at)), low_a, high_a, xtol=1e-12)
    # Light is flat at its peak: 1e-16 of it moves the place by 1e-8 of itself.
    assert_close(zero_a, peak_a, rtol=1e-6)
    current_a = jnp.linspace(low_a, high_a, 96)
    slope = jax.vmap(jax.grad(light_w, 1), (None, 0, None))(diode, current_a, at)
    slacks = jax.vmap(slack, (None, 0, None))(diode, current_a, at)
    assert jnp.all(jnp.sign(slope) == jnp.sign(slacks))


def test_a_warmer_case_rolls_over_earlier():
    diode, low_a, high_a = HOT["edge"]
    zeros = [
        brentq(lambda i, k=k: float(slack(diode, i, jnp.asarray(k))), low_a, high_a)
        for k in (298.15, 323.15, 348.15)
    ]
    assert zeros[0] > zeros[1] > zeros[2]


def test_the_rollover_slack_is_what_heat_leaves_of_the_slope():
    """dP/dI (1 + R_th P_T) = s P_I, every factor by differentiation."""
    diode = nominal.dfb()
    junction_k = diode.junction_k(CASE_K)
    through = jax.grad(light_w, 1)(diode, diode.current_a, CASE_K)
    direct, cooling = jax.grad(diode.emitted_w, (0, 1))(diode.current_a, junction_k)
    left = through * (1 + diode.thermal_k_per_w * cooling) / direct
    # The softplus at threshold is exp(-200) away.
    assert_close(diode.rollover_slack(junction_k), left, rtol=1e-10)


def test_the_rollover_slack_goes_on_falling_where_the_diode_is_dark():
    diode = nominal.dfb(threshold_a=0.06, t0_k=40.0, thermal_k_per_w=60.0)
    current_a = jnp.linspace(0.1, 1.0, 91)
    slacks = jax.vmap(slack, (None, 0, None))(diode, current_a, jnp.asarray(298.15))
    light = jax.vmap(light_w, (None, 0, None))(diode, current_a, jnp.asarray(298.15))
    assert jnp.all(jnp.diff(slacks) < 0)
    assert slacks[0] > 0 and slacks[-1] < -1
    assert light[-1] < 0.01 * light.max()


def test_the_quantum_dot_comb_has_the_light_and_efficiency_that_were_measured():
    """Above 30 % at the peak, 270 mW within its currents, in a package at 25 C."""
    laser, room_k = Library().load("qd-comb-oband"), jnp.asarray(298.15)
    current_a = jnp.linspace(0.1, 0.7, 61)
    light = jax.vmap(light_w, (None, 0, None))(laser, current_a, room_k)
    watts = jax.vmap(lambda i: replace(laser, {"current_a": i}).electrical_w())
    efficiency = light / watts(current_a)
    assert 0.30 < float(efficiency.max()) < 0.34
    assert light.max() > 0.27


# Wear


def test_wear_of_0_97_ev_is_53_times_as_fast_at_60_as_at_25_degrees():
    """0.97 eV / k (1/298.15 K - 1/333.15 K) = 3.966; row `arrhenius_laser`."""
    wear = WearOut(
        failures_fit=50.0, reference_k=298.15, activation_j=0.97 * 1.602176634e-19
    )
    ratio = wear.fit(jnp.asarray(333.15)) / 50.0
    by_hand = math.exp(0.97 / BOLTZMANN_EV_PER_K * (1 / 298.15 - 1 / 333.15))
    assert_close(ratio, by_hand, rtol=1e-8)
    assert_close(ratio, 52.79208616535674, rtol=0.01)
