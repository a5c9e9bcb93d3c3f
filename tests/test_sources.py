"""Sources of light: coolers, units of diodes, combs."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import nominal
import nominal_lasers
from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.links.modulated_port import ModulatedPort


CASE_K = jnp.asarray(343.15)
COOLANT_K = jnp.asarray(323.15)
SOURCES = nominal_lasers.sources()


# Coolers


def test_a_cooler_is_a_fraction_of_a_reversible_machine():
    """40 K of lift: COP = 0.08 * 318.15 K / 40 K = 0.6363."""
    heat_w, hot_k = jnp.asarray(0.5), jnp.asarray(318.15 + 40)
    expected_w = (0.5 + 40 / 400) / (0.08 * 318.15 / 40)
    # The softplus of 2 K is exp(-20) = 2e-9 K too high; the lift counts twice.
    assert_close(nominal_lasers.cooler().power_w(heat_w, hot_k), expected_w, rtol=1e-8)


def test_a_cooler_fades_out_where_it_is_colder_outside():
    cooler, heat_w = nominal_lasers.cooler(), jnp.asarray(0.5)
    power_w = jax.jit(jax.vmap(jax.value_and_grad(lambda k: cooler.power_w(heat_w, k))))
    watts, slope = map(np.array, power_w(jnp.linspace(273.15, 353.15, 161)))
    assert np.all(watts > 0) and np.all(np.diff(watts) > 0)
    assert np.all(slope > 0)  # also where nothing lies between case and set point
    assert watts[0] < 1e-8
    # At no difference the softplus leaves 2 ln 2 K of lift.
    lift_k = 2 * math.log(2)
    expected_w = (0.5 + lift_k / 400) * lift_k / (0.08 * 318.15)
    at_set_w = cooler.power_w(heat_w, jnp.asarray(318.15))
    assert_close(at_set_w, expected_w, rtol=1e-12)


def test_a_cooled_source_shines_the_same_in_any_climate_and_pays_for_it():
    source = nominal_lasers.unit(cooler=nominal_lasers.cooler())
    mild, hot = (source.emit(CASE_K, jnp.asarray(k)) for k in (318.15, 343.15))
    assert_close(mild.lane_w, hot.lane_w, rtol=1e-12)
    assert_close(mild.unit_fit, hot.unit_fit, rtol=1e-12)
    assert mild.unit_w < hot.unit_w
    assert hot.slacks["cooler"] < mild.slacks["cooler"]
    assert_close(mild.slacks["cooler"], 1.0, rtol=1e-12)
    # 60 K of span: 78.15 K above the set point is 18.15 K too far.
    far = source.emit(CASE_K, jnp.asarray(318.15 + 78.15))
    assert_close(far.slacks["cooler"], -18.15 / 60, rtol=1e-9)


def test_a_cooled_laser_in_a_hot_module_turns_8_to_12_percent_into_light():
    """The range known for a DFB at 70 C with cooler and driver (an estimate too)."""
    source = Library().load("source-module-2-lanes")
    source = dataclasses.replace(source, cooler=Library().load("cooler-laser"))
    source = replace(source, {"laser.current_a": 0.24})
    light = source.emit(CASE_K, COOLANT_K)
    assert 0.06 < float(light.diode_w) < 0.08
    assert 0.08 < float(light.diode_w / light.unit_w) < 0.12


# Sources


@pytest.mark.parametrize("name", SOURCES)
def test_the_budget_of_a_source_ends_at_the_light_of_a_lane(name):
    light = SOURCES[name].emit(CASE_K, COOLANT_K)
    lane_dbm = sum(float(stage) for stage in light.budget_db.values())
    assert_close(light.lane_w, 1e-3 * 10 ** (lane_dbm / 10), rtol=1e-12)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_gives_less_light_than_it_takes_power(name):
    light = SOURCES[name].emit(CASE_K, COOLANT_K)
    lanes_w = light.lanes_per_unit * light.lane_w
    assert 0 < lanes_w < light.unit_w
    assert jnp.all(jnp.array(list(light.slacks.values())) > 0)


def test_one_diode_is_split_over_its_lanes():
    source = nominal.engine_port().source
    light = source.emit(CASE_K, COOLANT_K)
    # 4 lanes and 1.5 dB of excess.
    assert_close(light.lane_w, light.diode_w / 4 * 10**-0.15, rtol=1e-12)
    # 8 lanes need 2 diodes, each behind a driver of 85 %.
    expected_w = 2 * 0.28 * (0.95 + 0.28 * 1.2) / 0.85
    assert_close(light.electrical_w(jnp.asarray(8.0)), expected_w, rtol=1e-12)


@pytest.mark.parametrize("external", [True, False])
def test_an_external_laser_sits_at_the_coolant(external):
    source = dataclasses.replace(nominal.engine_port().source, external=external)
    light = source.emit(jnp.asarray(360.0), jnp.asarray(310.0))
    home_k = jnp.asarray(310.0 if external else 360.0)
    expected_w = source.laser.light_w(source.laser.junction_k(home_k))
    assert_close(light.diode_w, expected_w, rtol=1e-12)


def test_a_unit_pays_its_lasers_coolers_driver_and_controller():
    """8 x (diode + cooler) / 0.82 + 0.5 W; a cooler moves what is not light."""
    source = nominal_lasers.unit(cooler=nominal_lasers.cooler())
    light = source.emit(CASE_K, COOLANT_K)
    diode_w = 0.28 * (0.95 + 0.28 * 1.2)
    # 5 K of lift, on which the softplus of 2 K adds 2 ln(1 + exp(-2.5)) K.
    lift_k = 5 + 2 * math.log1p(math.exp(-2.5))
    cooler_w = (diode_w - light.diode_w + lift_k / 400) * lift_k / (0.08 * 318.15)
    expected_w = 8 * (diode_w + cooler_w) / 0.82 + 0.5
    assert_close(light.unit_w, expected_w, rtol=1e-10)


@pytest.mark.parametrize("lanes, units", [(1, 1), (32, 1), (33, 2), (576, 18)])
def test_lasers_are_bought_and_lit_in_whole_units(lanes, units):
    light = nominal_lasers.unit().emit(CASE_K, COOLANT_K)
    count = jnp.asarray(float(lanes))
    assert float(light.whole_units(count)) == units
    assert_close(light.whole_electrical_w(count), units * light.unit_w, rtol=1e-12)
    shares_w = light.electrical_w(count)
    assert_close(shares_w, lanes / 32 * light.unit_w, rtol=1e-12)
    assert shares_w <= light.whole_electrical_w(count) * (1 + 1e-12)


@pytest.mark.parametrize("per_unit", [3.0, 7.0, 11.0, 13.0])
def test_a_multiple_of_a_unit_needs_no_unit_more(per_unit):
    """Lanes per unit out of a product that rounds: 0.1 * 10 per_unit."""
    source = nominal_lasers.unit(
        lanes_per_laser=1.0, lasers_per_unit=0.1 * (10 * per_unit)
    )
    light = source.emit(CASE_K, COOLANT_K)
    lanes = jnp.arange(1.0, 20.0) * per_unit
    assert jnp.all(jax.vmap(light.whole_units)(lanes) == jnp.arange(1.0, 20.0))


def test_the_switch_of_the_study_fills_its_laser_units():
    """72 ports of 8 lanes are 18 units of 32: shares of units burn what units do."""
    library = Library()
    lanes = library.load("switch-72x1600g").ports * library.load("cpo-ring-end").lanes
    light = library.load("els-elsfp-8").emit(CASE_K, COOLANT_K)
    assert float(light.whole_units(lanes)) == 18.0
    shares_w = light.electrical_w(lanes)
    assert_close(light.whole_electrical_w(lanes), shares_w, rtol=1e-12)


@pytest.mark.parametrize("name", Library().names("ports"))
def test_a_modulator_is_lit_at_the_wavelength_it_is_made_for(name):
    port = Library().load(name)
    if isinstance(port, ModulatedPort):
        lit_m = port.source.laser.wavelength_m
        assert_close(lit_m, port.modulator.wavelength_m, rtol=1e-12)


def test_junction_slack_falls_with_current_and_is_0_at_the_allowed_temperature():
    def junction(current_a):
        source = replace(nominal.engine_port().source, {"laser.current_a": current_a})
        source = replace(source, {"laser.thermal_k_per_w": 60.0})
        return source.emit(CASE_K, CASE_K).slacks["junction"]

    slacks = jax.vmap(junction)(jnp.linspace(0.01, 1.0, 50))
    assert jnp.all(jnp.diff(slacks) < 0)
    assert slacks[0] > 0 > slacks[-1]
    limit_a = brentq(lambda a: float(junction(jnp.asarray(a))), 0.01, 1.0, xtol=1e-14)
    laser = nominal.dfb(current_a=limit_a, thermal_k_per_w=60.0)
    assert_close(laser.junction_k(CASE_K), 383.0, rtol=1e-9)


def test_a_source_fails_as_often_as_all_its_lasers_at_their_junctions():
    laser = nominal.dfb()
    junction_k = laser.junction_k(COOLANT_K)
    light = nominal_lasers.unit().emit(CASE_K, COOLANT_K)
    assert_close(light.unit_fit, 8 * laser.wear.fit(junction_k), rtol=1e-12)
    # A port of 8 lanes has a quarter of a unit of 32.
    assert_close(light.fit(jnp.asarray(8.0)), light.unit_fit / 4, rtol=1e-12)
    hotter = nominal_lasers.unit().emit(CASE_K, COOLANT_K + 20)
    assert hotter.unit_fit > 5 * light.unit_fit


# Combs


@pytest.mark.parametrize("band, roll_off", [(4.0, 2.0), (8.0, 3.7), (58.0, 8.0)])
@pytest.mark.parametrize("place", [0.5, 1e-9])
def test_all_lines_of_a_comb_share_its_light(band, roll_off, place):
    """On the centre or half a line off it: the sum of all shares is 1."""
    source = nominal_lasers.comb(band=band, roll_off=roll_off)
    offsets = jnp.arange(-1000.0, 1000.0) + place
    shares = jax.vmap(source.line_share)(jnp.abs(offsets))
    # The floor of -60 dB adds 1e-6 of the centre to each of the 2,000.
    floor = 2000e-6 * source.line_share(jnp.asarray(1e-9))
    assert_close(jnp.sum(shares) - floor, 1.0, rtol=1e-3)


def test_the_envelope_has_fallen_by_half_at_the_edge_of_its_band():
    source = nominal_lasers.comb(band=58.0, roll_off=3.73)
    centre, edge, far = (
        source.line_share(jnp.asarray(offset)) for offset in (1e-9, 29.0, 40.0)
    )
    assert_close(edge / centre, 0.5, rtol=1e-6)
    # 80 lines within 10 dB, as measured for the comb with 58 within 3 dB.
    assert_close(far / centre, 0.1, rtol=0.01)


def test_the_outermost_line_is_what_a_lane_is_promised():
    source = nominal_lasers.comb()
    light = source.emit(CASE_K, COOLANT_K)
    edge = source.line_share(jnp.asarray(3.5))  # 8 lines: +-0.5 to +-3.5
    expected_w = light.diode_w * 0.9 * edge / 4 * 10**-0.24
    assert_close(light.lane_w, expected_w, rtol=1e-12)
    assert source.line_share(jnp.asarray(2.5)) > edge


def test_more_lines_of_a_comb_leave_each_lane_the_same_or_less():
    def lane_w(lines):
        source = replace(nominal_lasers.comb(), {"lines": lines})
        return source.emit(CASE_K, COOLANT_K).lane_w

    # The lines are there anyway; wanting more of them reaches further out.
    light = jax.vmap(lane_w)(jnp.linspace(2.0, 32.0, 31))
    assert jnp.all(jnp.diff(light) < 0)


def test_a_line_of_a_comb_is_noisier_than_all_of_it():
    """10^-13.5 of partition on 10^-15.2 of all lines: -134.91 dB/Hz."""
    light = nominal_lasers.comb().emit(CASE_K, COOLANT_K)
    assert light.rin_per_hz > nominal.dfb().rin_per_hz
    assert_close(light.rin_per_hz, 10**-13.5 + 10**-15.2, rtol=1e-12)


def test_no_comb_without_enough_light():
    def slack(current_a):
        source = replace(nominal_lasers.comb(), {"laser.current_a": current_a})
        light = source.emit(CASE_K, COOLANT_K)
        return light.slacks["comb"], light.diode_w

    slacks, light = jax.vmap(slack)(jnp.linspace(0.01, 0.4, 60))
    assert jnp.all(jnp.diff(slacks) > 0)
    assert slacks[0] < 0 < slacks[-1]
    assert jnp.all((slacks > 0) == (light > 0.02))
