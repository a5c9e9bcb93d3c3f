"""Laser diodes and what feeds on them: sources, coolers, combs, VCSELs."""

import dataclasses
import math
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import nominal
from gradient_rule import BATCH, Case, assert_rule, case
from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.devices.combs import CombSource
from photonflow.devices.coolers import ThermoelectricCooler
from photonflow.devices.diodes import AbstractDiode, WearOut
from photonflow.devices.response import power
from photonflow.devices.sources import AbstractSource, ExternalLaserSource
from photonflow.devices.vcsels import VCSEL


CASE_K = jnp.asarray(343.15)
COOLANT_K = jnp.asarray(323.15)
BOLTZMANN_EV_PER_K = 8.617333262e-5
LIBRARY = Library()


def cooler(**changes: Any) -> ThermoelectricCooler:
    """45 C at 8 % of a reversible machine."""
    values: dict[str, Any] = dict(
        set_k=318.15, carnot=0.08, leak_k_per_w=400.0, span_k=60.0
    )
    return ThermoelectricCooler(**values | changes)


def unit(**changes: Any) -> ExternalLaserSource:
    """8 lasers for 32 lanes, uncooled."""
    values: dict[str, Any] = dict(
        laser=nominal.dfb(),
        lanes_per_laser=4.0,
        lasers_per_unit=8.0,
        excess_db=1.65,
        connectors_db=0.75,
        driver_efficiency=0.82,
        controller_w=0.5,
    )
    return ExternalLaserSource(**values | changes)


def comb(**changes: Any) -> CombSource:
    """8 of some 15 lines for 4 fibres, -135 dB/Hz a line."""
    values: dict[str, Any] = dict(
        laser=nominal.dfb(),
        lines=8.0,
        fibres=4.0,
        band=11.0,
        roll_off=3.7,
        conversion=0.9,
        least_w=0.02,
        partition_per_hz=10**-13.5,
        excess_db=2.4,
        driver_efficiency=0.82,
        controller_w=0.3,
        external=True,
        cooler=cooler(),
    )
    return CombSource(**values | changes)


def vcsel(**changes: Any) -> VCSEL:
    """7 mA and +-3 mA around it; 22 GHz of resonance."""
    values: dict[str, Any] = dict(
        current_a=7e-3,
        swing_a=6e-3,
        threshold_a=0.6e-3,
        optimum_k=323.0,
        width_k=55.0,
        efficiency=0.42,
        t1_k=300.0,
        turn_on_v=1.55,
        series_ohm=60.0,
        thermal_k_per_w=2500.0,
        junction_max_k=398.0,
        wavelength_m=850e-9,
        rin_per_hz=10**-14.5,
        resonance_hz_per_root_a=9e9 / math.sqrt(1e-3),
        k_factor_s=0.22e-9,
        damping_per_s=1.5e10,
        parasitic_hz=28e9,
        wear=nominal.wear(),
    )
    return VCSEL(**values | changes)


def light_w(diode: AbstractDiode, current_a: Any, case_k: Any) -> Any:
    driven = replace(diode, {"current_a": current_a})
    return driven.light_w(driven.junction_k(case_k))


def slack(diode: AbstractDiode, current_a: Any, case_k: Any) -> Any:
    driven = replace(diode, {"current_a": current_a})
    return driven.rollover_slack(driven.junction_k(case_k))


# The junction


@pytest.mark.parametrize("diode", [nominal.dfb(), vcsel()], ids=["edge", "vertical"])
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
    "vertical": (vcsel(), 2e-3, 30e-3),
}


@pytest.mark.parametrize("name", HOT)
@pytest.mark.parametrize("case_k", [298.15, 343.15])
def test_the_rollover_slack_changes_sign_at_the_peak_of_light(name, case_k):
    """Without R_th, light would grow with current for ever."""
    diode, low_a, high_a = HOT[name]
    at = jnp.asarray(case_k)
    dimness = jax.jit(lambda i: -light_w(diode, i, at))
    peak_a = minimize_scalar(
        lambda i: float(dimness(i)), bounds=(low_a, high_a), options={"xatol": 1e-9}
    ).x
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


def test_a_measured_vcsel_rolls_over_where_it_did():
    """0.8 mA, 0.95 W/A; 9 mW at 13.5 mA, up to 5 mW and over 17 GHz at 6 mA [1].

    Heat and its effect on threshold and slope were chosen by hand toward the first
    pair: a check of the form of the L-I curve, not a prediction.

    1. Zhou et al. 2018, doi:10.1117/12.2504064
    """
    measured, room_k = LIBRARY.load("vcsel-850nm-50g"), jnp.asarray(298.15)
    current_a = jnp.linspace(5e-3, 20e-3, 301)
    light = jax.vmap(light_w, (None, 0, None))(measured, current_a, room_k)
    assert_close(current_a[jnp.argmax(light)], 13.5e-3, rtol=0.1)
    assert_close(light.max(), 9e-3, rtol=0.1)
    at_6_ma = replace(measured, {"current_a": 6e-3}).operate(room_k)
    assert_close(at_6_ma.light_w, 5e-3, rtol=0.1)
    assert 17e9 < bandwidth_hz(at_6_ma) < 19e9


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


def test_a_source_fails_as_often_as_all_its_lasers_at_their_junctions():
    laser = nominal.dfb()
    junction_k = laser.junction_k(COOLANT_K)
    light = unit().shine(CASE_K, COOLANT_K)
    assert_close(light.unit_fit, 8 * laser.wear.fit(junction_k), rtol=1e-12)
    # A port of 8 lanes has a quarter of a unit of 32.
    assert_close(light.fit(jnp.asarray(8.0)), light.unit_fit / 4, rtol=1e-12)
    hotter = unit().shine(CASE_K, COOLANT_K + 20)
    assert hotter.unit_fit > 5 * light.unit_fit


# Coolers


def test_a_cooler_is_a_fraction_of_a_reversible_machine():
    """40 K of lift: COP = 0.08 * 318.15 K / 40 K = 0.6363."""
    heat_w, hot_k = jnp.asarray(0.5), jnp.asarray(318.15 + 40)
    expected_w = (0.5 + 40 / 400) / (0.08 * 318.15 / 40)
    # The softplus of 2 K is exp(-20) = 2e-9 K too high; the lift counts twice.
    assert_close(cooler().power_w(heat_w, hot_k), expected_w, rtol=1e-8)


def test_a_cooler_fades_out_where_it_is_colder_outside():
    hot_k = jnp.linspace(273.15, 353.15, 161)
    watts = jax.vmap(cooler().power_w, (None, 0))(jnp.asarray(0.5), hot_k)
    slope = jax.vmap(jax.grad(cooler().power_w, 1), (None, 0))(jnp.asarray(0.5), hot_k)
    assert jnp.all(watts > 0) and jnp.all(jnp.diff(watts) > 0)
    assert jnp.all(jnp.isfinite(slope)) and jnp.all(slope > 0)
    assert watts[0] < 1e-8
    # At no difference the softplus leaves 2 ln 2 K of lift.
    lift_k = 2 * math.log(2)
    expected_w = (0.5 + lift_k / 400) * lift_k / (0.08 * 318.15)
    at_set_w = cooler().power_w(jnp.asarray(0.5), jnp.asarray(318.15))
    assert_close(at_set_w, expected_w, rtol=1e-12)


def test_a_cooled_source_shines_the_same_in_any_climate_and_pays_for_it():
    source = unit(cooler=cooler())
    mild, hot = (source.shine(CASE_K, jnp.asarray(k)) for k in (318.15, 343.15))
    assert_close(mild.lane_w, hot.lane_w, rtol=1e-12)
    assert_close(mild.unit_fit, hot.unit_fit, rtol=1e-12)
    assert mild.unit_w < hot.unit_w
    assert hot.slacks["cooler"] < mild.slacks["cooler"]
    assert_close(mild.slacks["cooler"], 1.0, rtol=1e-12)
    # 60 K of span: 78.15 K above the set point is 18.15 K too far.
    far = source.shine(CASE_K, jnp.asarray(318.15 + 78.15))
    assert_close(far.slacks["cooler"], -18.15 / 60, rtol=1e-9)


def test_a_cooled_laser_in_a_hot_module_turns_8_to_12_percent_into_light():
    """The range known for a DFB at 70 C with cooler and driver (an estimate too)."""
    source = LIBRARY.load("source-module-2-lanes")
    source = dataclasses.replace(source, cooler=LIBRARY.load("cooler-laser"))
    source = replace(source, {"laser.current_a": 0.24})
    light = source.shine(CASE_K, COOLANT_K)
    assert 0.06 < float(light.diode_w) < 0.08
    assert 0.08 < float(light.diode_w / light.unit_w) < 0.12


# Sources


def sources() -> dict[str, AbstractSource]:
    """One of every kind."""
    return {
        "module": nominal.engine_port().source,
        "unit": unit(),
        "cooled": unit(cooler=cooler()),
        "comb": comb(),
    }


@pytest.mark.parametrize("name", sources())
def test_the_budget_of_a_source_ends_at_the_light_of_a_lane(name):
    light = sources()[name].shine(CASE_K, COOLANT_K)
    lane_dbm = sum(float(stage) for stage in light.budget_db.values())
    assert_close(light.lane_w, 1e-3 * 10 ** (lane_dbm / 10), rtol=1e-12)


@pytest.mark.parametrize("name", sources())
def test_a_source_gives_less_light_than_it_takes_power(name):
    light = sources()[name].shine(CASE_K, COOLANT_K)
    lanes_w = light.lanes_per_unit * light.lane_w
    assert 0 < lanes_w < light.unit_w
    assert jnp.all(jnp.array(list(light.slacks.values())) > 0)


def test_one_diode_is_split_over_its_lanes():
    source = nominal.engine_port().source
    light = source.shine(CASE_K, COOLANT_K)
    # 4 lanes and 1.5 dB of excess.
    assert_close(light.lane_w, light.diode_w / 4 * 10**-0.15, rtol=1e-12)
    # 8 lanes need 2 diodes, each behind a driver of 85 %.
    expected_w = 2 * 0.28 * (0.95 + 0.28 * 1.2) / 0.85
    assert_close(light.electrical_w(jnp.asarray(8.0)), expected_w, rtol=1e-12)


@pytest.mark.parametrize("external", [True, False])
def test_an_external_laser_sits_at_the_coolant(external):
    source = dataclasses.replace(nominal.engine_port().source, external=external)
    light = source.shine(jnp.asarray(360.0), jnp.asarray(310.0))
    home_k = jnp.asarray(310.0 if external else 360.0)
    expected_w = source.laser.light_w(source.laser.junction_k(home_k))
    assert_close(light.diode_w, expected_w, rtol=1e-12)


def test_a_unit_pays_its_lasers_coolers_driver_and_controller():
    """8 x (diode + cooler) / 0.82 + 0.5 W; a cooler moves what is not light."""
    source = unit(cooler=cooler())
    light = source.shine(CASE_K, COOLANT_K)
    diode_w = 0.28 * (0.95 + 0.28 * 1.2)
    # 5 K of lift, on which the softplus of 2 K adds 2 ln(1 + exp(-2.5)) K.
    lift_k = 5 + 2 * math.log1p(math.exp(-2.5))
    cooler_w = (diode_w - light.diode_w + lift_k / 400) * lift_k / (0.08 * 318.15)
    expected_w = 8 * (diode_w + cooler_w) / 0.82 + 0.5
    assert_close(light.unit_w, expected_w, rtol=1e-10)


@pytest.mark.parametrize("lanes, units", [(1, 1), (32, 1), (33, 2), (576, 18)])
def test_lasers_are_bought_and_lit_in_whole_units(lanes, units):
    light = unit().shine(CASE_K, COOLANT_K)
    count = jnp.asarray(float(lanes))
    assert float(light.whole_units(count)) == units
    assert_close(light.whole_electrical_w(count), units * light.unit_w, rtol=1e-12)
    shares_w = light.electrical_w(count)
    assert_close(shares_w, lanes / 32 * light.unit_w, rtol=1e-12)
    assert shares_w <= light.whole_electrical_w(count) * (1 + 1e-12)


@pytest.mark.parametrize("per_unit", [3.0, 7.0, 11.0, 13.0])
def test_a_multiple_of_a_unit_needs_no_unit_more(per_unit):
    """Lanes per unit out of a product that rounds: 0.1 * 10 per_unit."""
    source = unit(lanes_per_laser=1.0, lasers_per_unit=0.1 * (10 * per_unit))
    light = source.shine(CASE_K, COOLANT_K)
    lanes = jnp.arange(1.0, 20.0) * per_unit
    assert jnp.all(jax.vmap(light.whole_units)(lanes) == jnp.arange(1.0, 20.0))


def test_junction_slack_falls_with_current_and_is_0_at_the_allowed_temperature():
    def junction(current_a):
        source = replace(nominal.engine_port().source, {"laser.current_a": current_a})
        source = replace(source, {"laser.thermal_k_per_w": 60.0})
        return source.shine(CASE_K, CASE_K).slacks["junction"]

    slacks = jax.vmap(junction)(jnp.linspace(0.01, 1.0, 50))
    assert jnp.all(jnp.diff(slacks) < 0)
    assert slacks[0] > 0 > slacks[-1]
    limit_a = brentq(lambda a: float(junction(jnp.asarray(a))), 0.01, 1.0, xtol=1e-14)
    laser = nominal.dfb(current_a=limit_a, thermal_k_per_w=60.0)
    assert_close(laser.junction_k(CASE_K), 383.0, rtol=1e-9)


# Combs


@pytest.mark.parametrize("band, roll_off", [(4.0, 2.0), (8.0, 3.7), (58.0, 8.0)])
@pytest.mark.parametrize("place", [0.5, 1e-9])
def test_all_lines_of_a_comb_share_its_light(band, roll_off, place):
    """On the centre or half a line off it: the sum of all shares is 1."""
    source = comb(band=band, roll_off=roll_off)
    offsets = jnp.arange(-1000.0, 1000.0) + place
    shares = jax.vmap(source.line_share)(jnp.abs(offsets))
    # The floor of -60 dB adds 1e-6 of the centre to each of the 2,000.
    floor = 2000e-6 * source.line_share(jnp.asarray(1e-9))
    assert_close(jnp.sum(shares) - floor, 1.0, rtol=1e-3)


def test_the_envelope_has_fallen_by_half_at_the_edge_of_its_band():
    source = comb(band=58.0, roll_off=3.73)
    centre, edge, far = (
        source.line_share(jnp.asarray(offset)) for offset in (1e-9, 29.0, 40.0)
    )
    assert_close(edge / centre, 0.5, rtol=1e-6)
    # 80 lines within 10 dB, as measured for the comb with 58 within 3 dB.
    assert_close(far / centre, 0.1, rtol=0.01)


def test_the_outermost_line_is_what_a_lane_is_promised():
    source = comb()
    light = source.shine(CASE_K, COOLANT_K)
    edge = source.line_share(jnp.asarray(3.5))  # 8 lines: +-0.5 to +-3.5
    expected_w = light.diode_w * 0.9 * edge / 4 * 10**-0.24
    assert_close(light.lane_w, expected_w, rtol=1e-12)
    assert source.line_share(jnp.asarray(2.5)) > edge


def test_more_lines_of_a_comb_leave_each_lane_the_same_or_less():
    def lane_w(lines):
        source = replace(comb(), {"lines": lines})
        return source.shine(CASE_K, COOLANT_K).lane_w

    # The lines are there anyway; wanting more of them reaches further out.
    light = jax.vmap(lane_w)(jnp.linspace(2.0, 32.0, 31))
    assert jnp.all(jnp.diff(light) < 0)


def test_a_line_of_a_comb_is_noisier_than_all_of_it():
    """10^-13.5 of partition on 10^-15.2 of all lines: -134.91 dB/Hz."""
    light = comb().shine(CASE_K, COOLANT_K)
    assert light.rin_per_hz > nominal.dfb().rin_per_hz
    assert_close(light.rin_per_hz, 10**-13.5 + 10**-15.2, rtol=1e-12)


def test_no_comb_without_enough_light():
    def slack(current_a):
        source = replace(comb(), {"laser.current_a": current_a})
        light = source.shine(CASE_K, COOLANT_K)
        return light.slacks["comb"], light.diode_w

    slacks, light = jax.vmap(slack)(jnp.linspace(0.01, 0.4, 60))
    assert jnp.all(jnp.diff(slacks) > 0)
    assert slacks[0] < 0 < slacks[-1]
    assert jnp.all((slacks > 0) == (light > 0.02))


def test_the_quantum_dot_comb_has_the_light_and_efficiency_that_were_measured():
    """Above 30 % at the peak, 270 mW within its currents, in a package at 25 C."""
    laser, room_k = LIBRARY.load("qd-comb-oband"), jnp.asarray(298.15)
    current_a = jnp.linspace(0.1, 0.7, 61)
    light = jax.vmap(light_w, (None, 0, None))(laser, current_a, room_k)
    watts = jax.vmap(lambda i: replace(laser, {"current_a": i}).electrical_w())
    efficiency = light / watts(current_a)
    assert 0.30 < float(efficiency.max()) < 0.34
    assert light.max() > 0.27


# VCSELs


def bandwidth_hz(operation: Any) -> float:
    def left(f):
        return float(power(operation.transfer(jnp.asarray(f)))) - 0.5

    return brentq(left, 1e9, 200e9)


def test_small_signals_pass_the_relaxation_resonance_and_a_pole():
    operation = vcsel().operate(CASE_K)
    fr, gamma = float(operation.resonance_hz), float(operation.damping_per_s)
    for f in (0.0, 1e9, fr, 40e9):
        expected = fr**2 / (fr**2 - f**2 + 1j * f * gamma / (2 * math.pi))
        expected /= 1 + 1j * f / 28e9
        assert_close(operation.transfer(jnp.asarray(f)), expected, rtol=1e-12)


def test_the_resonance_grows_as_the_root_of_the_current_above_threshold():
    laser = vcsel()
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
    operation = vcsel(**quiet).operate(CASE_K)

    def at(resonance_hz):
        damping_per_s = k_factor_s * resonance_hz**2
        changed = {"resonance_hz": resonance_hz, "damping_per_s": damping_per_s}
        return -bandwidth_hz(replace(operation, changed))

    best = minimize_scalar(at, bounds=(10e9, 60e9), options={"xatol": 1e3})
    assert_close(-best.fun, 2 * math.pi * math.sqrt(2) / k_factor_s, rtol=1e-6)


def test_outer_levels_of_a_vcsel_lie_on_its_slope_at_the_heat_of_its_bias():
    laser = vcsel()
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
    operation = vcsel(swing_a=13.5e-3).operate(CASE_K)
    assert operation.slacks["threshold"] < 0
    assert 0 < operation.bottom_w < 1e-6
    middle_w = (operation.top_w + operation.bottom_w) / 2
    assert middle_w > operation.light_w
    assert vcsel().operate(CASE_K).slacks["threshold"] > 0


# Gradients


def light_stages(source, at):
    light = source.shine(at.case_k, at.coolant_k)
    lanes = jnp.asarray(8.0)
    return {
        "ln_lane": jnp.log(light.lane_w),
        "ln_watts": jnp.log(light.electrical_w(lanes)),
        "ln_fit": jnp.log(light.fit(lanes)),
        "ln_rin": jnp.log(light.rin_per_hz),
    } | {f"slack.{name}": value for name, value in light.slacks.items()}


def vcsel_stages(laser, at):
    operation = laser.operate(at.case_k)
    passed = operation.transfer(jnp.asarray(20e9))
    return {
        "ln_top": jnp.log(operation.top_w),
        "bottom": operation.bottom_w / operation.light_w,
        "ln_watts": jnp.log(operation.electrical_w),
        "ln_fit": jnp.log(operation.fit),
        "real": passed.real,
        "imaginary": passed.imag,
    } | {f"slack.{name}": value for name, value in operation.slacks.items()}


@cache
def build(name: str) -> Case:
    if name == "vcsel":
        tree = (vcsel(), nominal.worst())
        return case(tree, ["laser", "at"], vcsel_stages)
    return case((sources()[name], nominal.worst()), ["source", "at"], light_stages)


CASES = [*sources(), "vcsel"]


def inside(case: Case, width: float) -> np.ndarray:
    """64 points around the nominal one with all limits kept but that of threshold."""
    random = np.random.default_rng(5)
    ends = [np.where(case.logarithmic, end, 1.0) for end in (case.low, case.high)]
    span = np.where(case.logarithmic, np.log(ends[1] / ends[0]), 1.0)
    move = random.uniform(-width, width, (BATCH, len(span))) * span
    x = np.clip(case.move(case.nominal, move), case.at(0.01), case.at(0.99))
    f = case.values(x)
    kept = ("slack.rollover", "slack.junction", "slack.threshold")
    rows = [i for i, name in enumerate(case.outputs) if name in kept]
    x = x[np.all(f[:, rows] > 0.05, axis=1)]
    assert len(x) >= 64, f"{len(x)} of {BATCH} points keep their limits"
    return x[:64]


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_lasers_match_finite_differences(name):
    case = build(name)
    assert_rule(case, np.concatenate([case.nominal[None], inside(case, 0.1)]))


@pytest.mark.parametrize("name", CASES)
def test_lasers_stay_finite_at_ends_corners_and_inside_of_the_box(name):
    case, random = build(name), np.random.default_rng(11)
    p = len(case.paths)
    every = np.arange(p)
    ends = np.tile(case.nominal, (2 * p, 1))
    ends[every, every], ends[p + every, every] = case.low, case.high
    corners = case.at(random.integers(0, 2, (1024, p)).astype(float))
    x = np.concatenate([ends, corners, case.at(random.uniform(0, 1, (1024, p)))])
    values = case.values(x)
    slopes = case.pull(x, np.ones_like(values))
    bad = {case.outputs[j] for _, j in np.argwhere(~np.isfinite(values))}
    bad |= {case.paths[k] for _, k in np.argwhere(~np.isfinite(slopes))}
    assert not bad
