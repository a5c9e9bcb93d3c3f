"""Parts and noise laws of the optical matrix unit, each against a small simulation."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri

import nominal_units
from helpers import assert_close
from photonflow.component import replace
from photonflow.compute import precision
from photonflow.units import CHARGE_C


UNIT = nominal_units.svd_unit()


def dB(ratio) -> float:
    return 10 * math.log10(float(ratio))


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
    mesh = nominal_units.svd_mesh(shifter=nominal_units.heater())
    assert_close(mesh.holding_w(), 2016 * (30e-3 + 5e-5), rtol=1e-12)
    assert_close(nominal_units.svd_mesh().holding_w(), 2016 * 5e-5, rtol=1e-12)
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
    samples = ndtri((np.arange(1_000_000) + 0.5) / 1_000_000)
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
