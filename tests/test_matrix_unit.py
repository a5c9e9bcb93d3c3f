"""The optical matrix unit: light, noise, time and energy in closed form."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal_units
from helpers import assert_close
from photonflow import causes
from photonflow.cards import Library, apply
from photonflow.component import replace
from photonflow.quantity import InputError
from photonflow.units import BOLTZMANN_J_PER_K, CHARGE_C


UNIT = nominal_units.svd_unit()
PRODUCT = nominal_units.product()


def dB(ratio) -> float:
    return 10 * math.log10(float(ratio))


def total(parts) -> float:
    return float(sum(parts.values()))


# Precision


def test_the_unit_counts_both_unitaries_and_the_attenuators():
    """N = 32, 11 bits: (2 * 31 + 10^0.602 / 4) (2 pi / 2^11)^2 / 12."""
    expected = (62 + 10**0.602 / 4) * (2 * math.pi / 2**11) ** 2 / 12
    assert_close(UNIT.noise()["phase_dac"], expected, rtol=1e-12)
    # Corrected splitters: 2 * 2/3 * 32^2 * 0.015^4
    expected = 2 * 2 / 3 * 32**2 * 0.015**4
    assert_close(UNIT.noise()["splitter"], expected, rtol=1e-12)


def test_light_is_as_much_as_the_target_asks():
    """30 dB: shot and thermal noise together are 1e-3."""
    noise = UNIT.noise()
    assert_close(noise["shot"] + noise["thermal"], 1e-3, rtol=1e-12)
    # 8 pi F k T C f^2 / f_A on 2 x 25 + 25 fF, within pi / (2 sqrt 2) of 10 GHz.
    density = 8 * math.pi * 8 * BOLTZMANN_J_PER_K * 328.15 * 75e-15 * 1e20 / 100e9
    band_hz = 10e9 * math.pi / math.sqrt(8)
    signal_w = UNIT.receiver().signal_w(jnp.asarray(1e3))
    signal_a2 = 4 * 0.9**2 * 300 * signal_w**2
    assert_close(noise["thermal"], density * band_hz / signal_a2, rtol=1e-12)
    light_a = 0.9 * 301 * signal_w + 2e-8
    shot_a2 = 2 * CHARGE_C * light_a * band_hz
    assert_close(noise["shot"], shot_a2 / signal_a2, rtol=1e-12)


def test_noise_has_every_cause_and_adds():
    noise, summary = UNIT.noise(), UNIT.summary([PRODUCT])
    assert set(noise) == set(causes.NOISE)
    assert all(value > 0 for value in noise.values())
    assert_close(summary.snr_db, -dB(total(noise)), rtol=1e-12)
    apart = 10 ** (-summary.weight_snr_db / 10) + 10 ** (-summary.additive_snr_db / 10)
    assert_close(apart, total(noise), rtol=1e-12)
    assert_close(summary.effective_bits, (summary.snr_db - 1.76) / 6.02, rtol=1e-12)


def test_the_nominal_bits_of_its_adc_would_hide_most_of_the_noise():
    """8 bits are 40.6 dB, 5.9 effective bits 28.2 dB: the largest noise of the unit."""
    noise = UNIT.noise()
    assert max(noise, key=lambda cause: float(noise[cause])) == "adc"
    # 12 * 4^5.9 / 8^2 = 28.25 dB, less 0.02 dB of clipping
    assert_close(-dB(noise["adc"]), dB(12 * 4**5.9 / 64), rtol=1e-3)
    trap = replace(UNIT, {"adc.effective_bits": 8.0}).summary([PRODUCT])
    assert trap.snr_db - UNIT.summary([PRODUCT]).snr_db > 2


# Light


def test_light_of_the_laser_follows_its_budget():
    """N P (F^2 c L + rho L_ends), L in dB: 3 + (0.6 + 3.01) + 65 * 0.17 + 0.5."""
    column_db = 20 * 5.5e-3 + 2 * 0.03
    insertion_db = 3 + 0.6 + dB(2) + 65 * column_db + 0.5
    assert_close(UNIT.insertion_db(), insertion_db, rtol=1e-12)
    signal_w = UNIT.receiver().signal_w(jnp.asarray(1e3))
    signal = 16 * 10**0.602 * 10 ** (insertion_db / 10)
    expected_w = 32 * signal_w * (signal + 300 * 10**0.35)
    assert_close(UNIT.laser_w(), expected_w, rtol=1e-12)
    laser_w = UNIT.static_w()["optical_laser"]
    assert_close(laser_w, 200 * expected_w / 0.15, rtol=1e-12)


@pytest.mark.parametrize("path", ["tree_db", "receive_db"])
def test_a_decibel_of_loss_costs_a_decibel_of_laser(path):
    more = replace(UNIT, {path: getattr(UNIT, path) + 1.0})
    assert_close(dB(more.laser_w() / UNIT.laser_w()), 1.0, rtol=1e-9)


def test_a_decibel_in_every_column_costs_2n_plus_1_decibels():
    """Of the signal; the oscillators, a few per cent of the light, bypass the mesh."""
    more = replace(UNIT, {"mesh.coupler_db": 0.03 + 0.5})
    added_db = dB(more.laser_w() / UNIT.laser_w())
    assert 64 < added_db < 65
    bare = replace(UNIT, {"oscillator": 1.0})
    more = replace(more, {"oscillator": 1.0})
    assert_close(dB(more.laser_w() / bare.laser_w()), 65.0, rtol=1e-3)


def test_fan_out_costs_no_light():
    """Twice the lanes without column loss: twice the detectors, twice the light."""
    free = {"mesh.coupler_db": 0.0, "mesh.shifter.length_m": 1e-5}
    free |= {"mesh.routing_m": 1e-6, "mesh.propagation_db_per_m": 0.1}
    small = replace(UNIT, free)
    large = replace(small, {"mesh.size": 64.0})
    # 64 more columns of 21 um at 0.1 dB/m are 0.13 mdB.
    assert_close(large.laser_w() / small.laser_w(), 2.0, rtol=1e-4)


def test_a_target_above_the_ceiling_of_intensity_noise_is_said_not_hidden():
    noisy = replace(UNIT, {"source.rin_per_hz": 1e-13, "rejection_db": 0.0})

    def at(target_db):
        unit = replace(noisy, {"receiver_snr_db": target_db})
        return unit.slacks()["rin"], unit.laser_w(), unit.noise()["laser"]

    slack, laser_w, laser = jax.vmap(at)(jnp.linspace(5.0, 60.0, 12))
    assert slack[0] > 0 > slack[-1]
    assert jnp.all(jnp.diff(slack) < 0)
    assert jnp.all(jnp.isfinite(laser_w)) and jnp.all(jnp.diff(laser_w) > 0)
    # More light does not help against it.
    assert_close(laser, np.full(12, laser[0]), rtol=1e-12)


def test_light_that_no_source_has_is_a_negative_slack():
    assert UNIT.slacks()["laser"] > 0
    large = replace(UNIT, {"mesh.size": 96.0})
    assert_close(large.slacks()["laser"], dB(10 / float(large.laser_w())), rtol=1e-12)
    assert large.slacks()["laser"] < 0


def test_a_slow_amplifier_remembers_the_last_vector():
    """exp(-sqrt(2) pi B / f) of the field: 38.6 dB at B = f, 8.6 dB below 30 dB."""
    kept_db = 20 * math.log10(math.exp(math.sqrt(2) * math.pi))
    assert_close(UNIT.slacks()["memory"], kept_db - 30, rtol=1e-9)
    fast = replace(UNIT, {"clock_hz": 20e9})
    assert_close(fast.slacks()["memory"], kept_db / 2 - 30, rtol=1e-9)


# Time and energy


def test_whole_tiles_take_one_vector_a_clock_and_a_reload_each():
    """7168 / 32 * 8192 / 32 = 57,344 tiles over 200 units."""
    rounds = 57_344 / 200
    expected_s = rounds * (32_768 / 10e9 + 1e-7)
    assert_close(UNIT.cost(PRODUCT).time_s["optical"], expected_s, rtol=1e-12)
    thrice = UNIT.cost(nominal_units.product(count=3.0))
    assert_close(thrice.time_s["optical"], 3 * expected_s, rtol=1e-12)


def test_rows_that_fill_no_tile_are_padded_to_one():
    """7170 rows are 224.06 tiles of 32, of which 225 are loaded."""
    ragged = UNIT.padded(nominal_units.product(rows=7170.0))
    assert (ragged.rows, ragged.inner) == (225 * 32, 8192)
    whole = UNIT.padded(PRODUCT)
    assert (whole.rows, whole.inner) == (PRODUCT.rows, PRODUCT.inner)


def test_fewer_tiles_than_units_share_the_vectors():
    """50 tiles, 200 units: four units each hold one tile and see a quarter of it."""
    few = nominal_units.product(rows=32.0 * 5, inner=32.0 * 10)
    cost = UNIT.cost(few)
    expected_s = 50 / 200 * 32_768 / 10e9 + 1e-7
    assert_close(cost.time_s["optical"], expected_s, rtol=1e-9)
    # Every unit is loaded once.
    program_j = 200 * UNIT.mesh.program_j()
    assert_close(cost.energy_j["optical_reprogram"], program_j, rtol=1e-9)


def test_attention_is_refused():
    """Its matrix is the cache of this moment: nobody has decomposed it."""
    scores = dataclasses.replace(PRODUCT, kind="attention")
    with pytest.raises(ValueError, match="leave products of kind `attention`"):
        UNIT.cost(scores)


def test_fewer_vectors_per_load_leave_the_unit_waiting():
    """T_prog f = 1000 vectors: 32768 of them use 97 %, 64 use 6 %."""
    assert_close(UNIT.utilisation(jnp.asarray(32_768.0)), 32_768 / 33_768, rtol=1e-12)
    assert_close(UNIT.utilisation(jnp.asarray(64.0)), 64 / 1064, rtol=1e-12)
    for columns in (32_768.0, 16_384.0, 64.0):
        summary = UNIT.summary([nominal_units.product(columns=columns)])
        used = summary.flop_per_s / summary.peak_flop_per_s
        assert_close(used, UNIT.utilisation(jnp.asarray(columns)), rtol=1e-12)


def test_decode_pays_the_reload_of_every_tile():
    """64 vectors a load instead of 32768: static joules per operation rise 16 times."""
    prefill = UNIT.summary([PRODUCT]).mac_j["optical_laser"]
    decode = UNIT.summary([nominal_units.product(columns=64.0)]).mac_j["optical_laser"]
    assert_close(decode / prefill, (1064 / 64) / (33_768 / 32_768), rtol=1e-12)


def test_energy_parts_are_causes_and_sum_to_the_total():
    cost, watts = UNIT.cost(PRODUCT), UNIT.static_w()
    assert set(watts) | set(cost.energy_j) <= set(causes.COMPUTE)
    assert not set(watts) & set(cost.energy_j)
    assert set(cost.time_s) <= set(causes.TIME)
    summary = UNIT.summary([PRODUCT])
    time_s = cost.time_s["optical"]
    joules = total(watts) * time_s + total(cost.energy_j)
    macs = 7168 * 8192 * 32_768
    assert_close(total(summary.mac_j) * macs, joules, rtol=1e-12)
    assert_close(summary.flop_per_j, 2 * macs / joules, rtol=1e-12)
    assert all(value > 0 for value in summary.mac_j.values())


def test_watts_of_the_ends_are_those_of_their_parts():
    """200 units of 32 lanes. Driver: 1.2 * (0.75 + 0.5) V * 1.5 V / 50 ohm = 45 mW."""
    watts = UNIT.static_w()
    assert_close(watts["optical_modulator"], 6400 * (45e-3 + 1e-3), rtol=1e-12)
    assert_close(watts["optical_dac"], 6400 * 50e-3 * 10 / 14, rtol=1e-12)
    light_w = 301 * UNIT.receiver().signal_w(jnp.asarray(1e3))
    diodes_w = 2.0 * (0.9 * light_w + 2e-8)
    assert_close(watts["optical_tia"], 6400 * (6e-3 + diodes_w), rtol=1e-12)
    assert_close(watts["optical_holding"], 200 * 2016 * 5e-5, rtol=1e-12)


def test_memory_moves_inputs_and_partial_sums_of_every_tile():
    """57,344 tiles x 32,768 vectors x 32 lanes x (1 + 2 * 3) bytes, 0.5 pJ each."""
    moved_j = 57_344 * 32_768 * 32 * 7 * 0.5e-12
    assert_close(UNIT.cost(PRODUCT).energy_j["sram"], moved_j, rtol=1e-12)


def test_there_is_a_best_size():
    """Small tiles pay converters per operation, large ones light: N = 16 to 64."""
    sizes = jnp.array([4.0, 8.0, 16.0, 32.0, 64.0, 128.0])

    def mac_j(size):
        unit = replace(UNIT, {"mesh.size": size})
        return 1 / unit.summary([PRODUCT]).flop_per_j

    joules = jax.vmap(mac_j)(sizes)
    assert sizes[int(jnp.argmin(joules))] in (16.0, 32.0)
    assert joules[0] > 2 * joules[3] and joules[-1] > 10 * joules[3]


def test_weights_travel_as_phases():
    """N^2 weights are 2 N^2 - N phases: (2 - 1/32) * 11 bits each."""
    assert_close(UNIT.phase_bits(), (2 - 1 / 32) * 11, rtol=1e-12)


def test_light_travels_through_every_cell():
    """65 columns of 2 * 2.5 + 0.5 mm, 32 lanes 0.1 mm apart, 200 units."""
    summary = UNIT.summary([PRODUCT])
    assert_close(summary.path_m, 65 * 5.5e-3, rtol=1e-12)
    assert_close(summary.area_m2, 200 * 65 * 5.5e-3 * 32 * 1e-4, rtol=1e-12)


# Cards


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.mark.parametrize(
    "name", ["tfln-svd-64", "tfln-svd-32", "silicon-heater-svd-64"]
)
def test_units_of_a_card_have_the_electronic_peak(library, name):
    """2 * 61 * 64^2 * 10 GHz = 4.997 PFLOP/s against 5 PFLOP/s."""
    peak = library.load("b200-nvl72").peak_flop_per_s
    assert_close(library.load(name).peak_flop_per_s(), peak, rtol=1e-3)


@pytest.mark.parametrize("name", ["tfln-svd-64", "tfln-svd-32"])
def test_lithium_niobate_cards_keep_their_own_limits(library, name):
    unit = library.load(name)
    assert all(slack >= 0 for slack in unit.slacks().values())


def test_plain_heaters_rule_themselves_out(library):
    """8128 * (0.58 * 21.4 + 1) mW = 109 W a unit, 6.6 kW an accelerator."""
    watts = library.load("silicon-heater-svd-64").static_w()
    held_w = 61 * 8128 * (0.58 * 21.4 + 1) * 1e-3
    assert_close(watts["optical_holding"], held_w, rtol=1e-9)
    lithium = library.load("tfln-svd-64").static_w()
    assert watts["optical_holding"] > 2 * total(lithium)


def test_size_beyond_the_model_is_refused(library):
    with pytest.raises(InputError, match="2 to 256"):
        apply(library.load("tfln-svd-32"), {"mesh.size": 300})
