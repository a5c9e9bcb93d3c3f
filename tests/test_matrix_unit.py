"""The optical matrix unit and its parts: closed forms, invariants, simulations."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import nominal
from helpers import assert_close
from photonflow import causes
from photonflow.cards import Library, apply
from photonflow.component import replace
from photonflow.compute import precision
from photonflow.quantity import InputError
from photonflow.units import BOLTZMANN_J_PER_K, CHARGE_C


UNIT = nominal.svd_unit()
PRODUCT = nominal.product()


def dB(ratio) -> float:
    return 10 * math.log10(float(ratio))


def total(parts) -> float:
    return float(sum(parts.values()))


# Converters, shifters, modulator


def test_a_bit_doubles_the_watts_of_an_adc():
    """25 fJ * 2^5.9 * 10 GHz = 14.9 mW: the 14.8 mW of the part it is taken from."""
    assert_close(UNIT.adc.power_w(jnp.asarray(10e9)), 25e-15 * 2**5.9 * 1e10, 1e-12)
    finer = replace(UNIT.adc, {"effective_bits": 6.9})
    ratio = finer.power_w(UNIT.clock_hz) / UNIT.adc.power_w(UNIT.clock_hz)
    assert_close(ratio, 2.0, rtol=1e-12)


def test_noise_of_a_dac_follows_its_effective_bits_and_its_watts_the_nominal_ones():
    assert_close(UNIT.dac.effective_bits(), 7.0, rtol=1e-12)
    worse = replace(UNIT, {"dac.lost_bits": 2.0})
    assert worse.noise()["input_dac"] > 3.9 * UNIT.noise()["input_dac"]
    assert worse.static_w()["optical_dac"] == UNIT.static_w()["optical_dac"]


def test_a_shorter_shifter_asks_for_more_volts():
    shifter = UNIT.mesh.shifter
    # 2.3 V cm over 2.5 mm
    assert_close(shifter.needed_v(), 9.2, rtol=1e-12)
    assert_close(UNIT.slacks()["reach"], 1 - 9.2 / 10, rtol=1e-12)
    short = replace(UNIT, {"mesh.shifter.length_m": 1.25e-3})
    assert_close(short.slacks()["reach"], 1 - 18.4 / 10, rtol=1e-12)
    assert short.laser_w() < UNIT.laser_w()


def test_a_new_phase_charges_the_electrode_by_two_thirds_of_the_half_wave_voltage():
    """<(x - y)^2> of two phases even over +-V_pi, drawn 10^6 times: C <dV^2>."""
    shifter = UNIT.mesh.shifter
    before, after = np.random.default_rng(1).uniform(-9.2, 9.2, (2, 1_000_000))
    farads = 150e-12 * 2.5e-3
    mean_j = farads * np.mean((before - after) ** 2)
    assert_close(shifter.set_j(), mean_j, rtol=5e-3)  # 3 sigma of the draw


def test_heaters_hold_by_burning():
    """30 mW for pi, held on average: 32 lanes have 2 * 32 * 31 + 32 = 2016 of them."""
    mesh = nominal.svd_mesh(shifter=nominal.heater())
    assert_close(mesh.holding_w(), 2016 * (30e-3 + 5e-5), rtol=1e-12)
    assert_close(nominal.svd_mesh().holding_w(), 2016 * 5e-5, rtol=1e-12)
    # A turn is 60 mW into 1 kohm.
    assert_close(mesh.shifter.needed_v(), math.sqrt(60e-3 * 1e3), rtol=1e-12)


def test_a_field_modulator_passes_all_light_at_twice_its_half_wave_voltage():
    def loss_db(drive_v):
        return replace(UNIT.modulator, {"drive_v": drive_v}).loss_db()

    # sin^2(pi * 1.5 V / (4 * 1.5 V)) = 1/2, and 0.6 dB of insertion.
    assert_close(loss_db(1.5), 0.6 + dB(2), rtol=1e-12)
    # The corner is 1 % wide: sin^2(pi/2 (1 - 0.0069)) is 0.5 mdB short of the peak.
    assert_close(loss_db(3.0), 0.6, rtol=1e-3)
    losses = jax.vmap(loss_db)(jnp.linspace(0.2, 8.0, 200))
    assert jnp.all(jnp.diff(losses) <= 1e-12)


# Precision


def test_rounding_and_clipping_are_those_of_a_converter():
    """10^6 equally likely Gaussian samples through 2^b levels over +-4 rms."""
    samples = norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000)
    for bits in (4, 6, 8):
        step = 8 / 2**bits
        cells = np.clip(np.floor(samples / step), -(2 ** (bits - 1)), None)
        out = (np.minimum(cells, 2 ** (bits - 1) - 1) + 0.5) * step
        measured = np.mean((out - samples) ** 2)
        # The outermost level lies half a step inside full scale: more is cut.
        ours = precision.quantisation(jnp.asarray(float(bits)))
        assert_close(ours, measured, rtol=0.01)


def mesh_matrix(theta, phi):
    """Rectangle of cells T = S diag(e^{i theta}, 1) S diag(e^{i phi}, 1), lossless."""
    columns, cells = theta.shape
    n = 2 * cells
    u = np.eye(n, dtype=complex)
    coupler = np.array([[1, 1j], [1j, 1]]) / math.sqrt(2)
    for column in range(columns):
        for k in range(cells - column % 2):
            top = 2 * k + column % 2
            inner = coupler * np.exp(1j * np.array([theta[column, k], 0]))
            outer = coupler * np.exp(1j * np.array([phi[column, k], 0]))
            u[top : top + 2] = inner @ outer @ u[top : top + 2]
    return u


def test_quantised_phases_disturb_the_product_as_the_closed_form_says():
    """16 x 16, phases rounded to 7 bits: 2 (N - 1) s^2 + c s^2 / 4.

    Even columns of the rectangle have 8 cells and odd ones 7: N (N - 1) phases in N
    columns. Singular values are those of Gaussian matrices; mean of 30 draws.
    """
    random, n, bits = np.random.default_rng(3), 16, 7
    step = 2 * math.pi / 2**bits
    measured, peaks = [], []
    for _ in range(30):
        phases = random.uniform(-math.pi, math.pi, (4, n, n // 2))
        sigma = np.linalg.svd(random.normal(size=(n, n)), compute_uv=False)
        dials = 2 * np.arcsin(sigma / sigma[0])

        def product(phases, dials):
            attenuate = np.exp(1j * dials / 2) * np.sin(dials / 2)
            left, right = mesh_matrix(*phases[:2]), mesh_matrix(*phases[2:])
            return left @ np.diag(attenuate) @ right

        def rounded(x):
            return step * np.round(x / step)

        ideal = product(phases, dials)
        error = product(rounded(phases), rounded(dials)) - ideal
        measured.append(np.sum(np.abs(error) ** 2) / np.sum(np.abs(ideal) ** 2))
        peaks.append(n * sigma[0] ** 2 / np.sum(sigma**2))
    rms = precision.phase_step(jnp.asarray(float(bits)))
    size = jnp.asarray(float(n))
    phases = precision.phase_error(size, size * (size - 1), rms)
    predicted = precision.svd_noise(phases, rms**2, jnp.asarray(np.mean(peaks)))
    assert_close(rms, step / math.sqrt(12), rtol=1e-12)
    # 30 draws of a sum of 496 squared errors scatter by 1 %.
    assert_close(np.mean(measured), predicted, rtol=0.04)


def test_the_unit_counts_both_unitaries_and_the_attenuators():
    """N = 32, 11 bits: (2 * 31 + 10^0.602 / 4) (2 pi / 2^11)^2 / 12."""
    expected = (62 + 10**0.602 / 4) * (2 * math.pi / 2**11) ** 2 / 12
    assert_close(UNIT.noise()["phase_dac"], expected, rtol=1e-12)
    # Corrected splitters: 2 * 2/3 * 32^2 * 0.015^4
    expected = 2 * 2 / 3 * 32**2 * 0.015**4
    assert_close(UNIT.noise()["splitter"], expected, rtol=1e-12)


def test_counting_photons_of_a_homodyne_receiver_gives_its_shot_noise():
    """Fields of rms 1 and a local one of 5, in root photons, on a balanced coupler.

    Two Poisson counts of means (5 +- x)^2 / 2 per vector; a vector lasts 1 / (2 B).
    """
    random, vectors, ratio = np.random.default_rng(4), 400_000, 25.0
    field, local = random.normal(size=vectors), math.sqrt(ratio)
    counts = [random.poisson((local + x) ** 2 / 2) for x in (field, -field)]
    difference = (counts[0] - counts[1]).astype(float)
    ideal = 2 * local * field
    noise = np.mean((difference - ideal) ** 2) / np.mean(ideal**2)
    band_hz = 5e9
    receiver = precision.Homodyne(
        responsivity_a_per_w=jnp.ones(()),
        dark_a=jnp.zeros(()),
        thermal_a2=jnp.zeros(()),
        bandwidth_hz=jnp.asarray(band_hz),
        ratio=jnp.asarray(ratio),
    )
    # One photon per vector at 1 A/W: q * 2 B watts.
    ours = receiver.shot(jnp.asarray(CHARGE_C * 2 * band_hz))
    # (1 + rho) / (4 rho) = 26 / 100
    assert_close(ours, 0.26, rtol=1e-12)
    assert_close(noise, ours, rtol=0.01)  # 400,000 vectors


def test_intensity_noise_passes_a_homodyne_receiver_twice():
    """A laser that flickers by 1 % rms, diodes that differ by 2 %, rho = 400."""
    random, ratio = np.random.default_rng(5), 400.0
    flicker = 1 + 0.01 * random.normal(size=200_000)
    s = random.normal(size=200_000)
    current = 2 * math.sqrt(ratio) * s * flicker + 0.02 * (1 + ratio) * flicker
    ideal = 2 * math.sqrt(ratio) * s + 0.02 * (1 + ratio)  # the offset is calibrated
    noise = np.mean((current - ideal) ** 2) / (4 * ratio)
    receiver = dataclasses.replace(UNIT.receiver(), ratio=jnp.asarray(ratio))
    rin = 0.01**2 / receiver.bandwidth_hz
    # rejection is residual over sum current, squared
    assert_close(receiver.laser(rin, jnp.asarray(0.02**2)), noise, rtol=0.02)


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
    noise, summary = UNIT.noise(), UNIT.summary(PRODUCT)
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
    trap = replace(UNIT, {"adc.effective_bits": 8.0}).summary(PRODUCT)
    assert trap.snr_db - UNIT.summary(PRODUCT).snr_db > 2


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
    thrice = UNIT.cost(nominal.product(count=3.0))
    assert_close(thrice.time_s["optical"], 3 * expected_s, rtol=1e-12)


def test_rows_that_fill_no_tile_are_padded_to_one():
    """7170 rows are 224.06 tiles of 32, of which 225 are loaded."""
    ragged = UNIT.padded(nominal.product(rows=7170.0))
    assert (ragged.rows, ragged.inner) == (225 * 32, 8192)
    whole = UNIT.padded(PRODUCT)
    assert (whole.rows, whole.inner) == (PRODUCT.rows, PRODUCT.inner)


def test_fewer_tiles_than_units_share_the_vectors():
    """50 tiles, 200 units: four units each hold one tile and see a quarter of it."""
    few = nominal.product(rows=32.0 * 5, inner=32.0 * 10)
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
        summary = UNIT.summary(nominal.product(columns=columns))
        used = summary.flop_per_s / summary.peak_flop_per_s
        assert_close(used, UNIT.utilisation(jnp.asarray(columns)), rtol=1e-12)


def test_decode_pays_the_reload_of_every_tile():
    """64 vectors a load instead of 32768: static joules per operation rise 16 times."""
    prefill = UNIT.summary(PRODUCT).mac_j["optical_laser"]
    decode = UNIT.summary(nominal.product(columns=64.0)).mac_j["optical_laser"]
    assert_close(decode / prefill, (1064 / 64) / (33_768 / 32_768), rtol=1e-12)


def test_energy_parts_are_causes_and_sum_to_the_total():
    cost, watts = UNIT.cost(PRODUCT), UNIT.static_w()
    assert set(watts) | set(cost.energy_j) <= set(causes.COMPUTE)
    assert not set(watts) & set(cost.energy_j)
    assert set(cost.time_s) <= set(causes.TIME)
    summary = UNIT.summary(PRODUCT)
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
        return 1 / unit.summary(PRODUCT).flop_per_j

    joules = jax.vmap(mac_j)(sizes)
    assert sizes[int(jnp.argmin(joules))] in (16.0, 32.0)
    assert joules[0] > 2 * joules[3] and joules[-1] > 10 * joules[3]


def test_weights_travel_as_phases():
    """N^2 weights are 2 N^2 - N phases: (2 - 1/32) * 11 bits each."""
    assert_close(UNIT.phase_bits(), (2 - 1 / 32) * 11, rtol=1e-12)


def test_light_travels_through_every_cell():
    """65 columns of 2 * 2.5 + 0.5 mm, 32 lanes 0.1 mm apart, 200 units."""
    summary = UNIT.summary(PRODUCT)
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
    """8128 * (21.4 + 1) mW = 182 W in each unit, 11 kW an accelerator."""
    watts = library.load("silicon-heater-svd-64").static_w()
    assert_close(watts["optical_holding"], 61 * 8128 * 22.4e-3, rtol=1e-9)
    lithium = library.load("tfln-svd-64").static_w()
    assert watts["optical_holding"] > 3 * total(lithium)


def test_size_beyond_the_model_is_refused(library):
    with pytest.raises(InputError, match="2 to 256"):
        apply(library.load("tfln-svd-32"), {"mesh.size": 300})
