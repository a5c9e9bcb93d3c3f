"""Identities of rings, their filters and buses, each against the row of its id.

Rows and tolerances are those of `photonflow.validation.cases("link")`.
"""

import math

import jax
import jax.numpy as jnp

import nominal
from helpers import assert_close, root
from link_rows import dB, rows
from photonflow.component import replace
from photonflow.devices import filters, rings
from photonflow.devices.response import power
from photonflow.links import wdm
from photonflow.units import LIGHT_M_PER_S


@rows("ring_fsr_dsent", "ring_fsr_r10")
def test_free_spectral_range_of_a_ring(case):
    given = case["inputs"]
    ring = replace(
        nominal.ring(),
        {"radius_m": given["radius_m"], "guide.group_index": given["n_g"]},
    )
    fsr_hz = float(ring.fsr_hz())
    fsr_m = given["wavelength_m"] ** 2 / LIGHT_M_PER_S * fsr_hz
    rtol = case["tolerance"]["rel"]
    assert_close(fsr_hz, case["outputs"]["FSR_Hz"], rtol=rtol)
    assert_close(fsr_m * 1e9, case["outputs"]["FSR_nm"], rtol=rtol)


@rows("ring_linewidth_lifetime")
def test_linewidth_and_photon_lifetime_are_one_number(case):
    """A critically coupled ring of Q = 5000: its notch and its small-signal pole."""
    given, out = case["inputs"], case["outputs"]
    rtol = case["tolerance"]["rel"]
    # The identity is a Lorentzian's. At finesse F the notch of a ring is wider than its
    # poles tell by (pi / 2F)^2 / 3: 1.1e-6 for a line of 46 GHz and an FSR of 40 THz.
    fsr = 4e13
    optical_hz = LIGHT_M_PER_S / given["wavelength_m"]

    def excess(a: float) -> float:
        return float(rings.linewidth_hz(a, a, fsr)) - optical_hz / given["Q"]

    a = root(excess, 0.9, 0.9999, xtol=1e-15)
    width_hz = rings.linewidth_hz(a, a, fsr)
    assert_close(width_hz, out["FWHM_Hz"], rtol=rtol)
    width_m = given["wavelength_m"] ** 2 / LIGHT_M_PER_S * width_hz
    assert_close(width_m * 1e9, out["FWHM_nm"], rtol=rtol)
    # At critical coupling zero and one pole cancel: half power at gamma / 2 pi, and
    # the energy decays at 2 gamma.
    half_hz = root(
        lambda f: float(power(rings.small_signal(f, 0.0, a, a, fsr))) - 0.5, 1e9, 1e11
    )
    assert_close(1 / (4 * math.pi * half_hz), out["photon_lifetime_s"], rtol=rtol)
    # Full width at half depth of the notch itself; 1 - T is Lorentzian to (pi f/FSR)^2.
    depth = 1 - rings.all_pass(math.pi * width_hz / fsr, a, a)
    assert_close(depth, 0.5, rtol=1e-3)


@rows("ring_allpass_critical")
def test_critical_coupling_extinguishes(case):
    a, t = case["inputs"]["a"], case["inputs"]["t"]
    on_resonance = float(rings.all_pass(0.0, a, t))
    assert abs(on_resonance - case["outputs"]["T_res"]) <= case["tolerance"]["abs"]
    # Of the row's note: a = 0.97, t = 0.96 lets -16.75 dB through.
    assert abs(dB(float(rings.all_pass(0.0, 0.97, 0.96))) + 16.75) < 0.005


@rows("ring_adddrop_resonance")
def test_an_add_drop_ring_on_resonance(case):
    given, out = case["inputs"], case["outputs"]
    rtol = case["tolerance"]["rel"]
    a, t1, t2 = given["a"], given["t1"], given["t2"]
    assert_close(dB(float(rings.through(0.0, a, t1, t2))), out["T_thru_dB"], rtol=rtol)
    assert_close(dB(float(rings.drop(0.0, a, t1, t2))), out["T_drop_dB"], rtol=rtol)
    fsr = rings.fsr_hz(given["radius_m"], given["n_g"])
    width_hz = rings.linewidth_hz(a * t2, t1, fsr)
    # The row has the width of high finesse, 1 - u^2 / 6 = 5e-4 less at u = 0.056.
    width_m = given["wavelength_m"] ** 2 / LIGHT_M_PER_S * width_hz
    assert_close(width_m * 1e9, out["FWHM_nm"], rtol=rtol)
    assert_close(given["wavelength_m"] / width_m, out["Q"], rtol=rtol)


@rows("lorentz_demux_200GHz_fwhm40")
def test_a_drop_filter_turns_its_neighbour_down_by_20_db(case):
    given, out = case["inputs"], case["outputs"]
    ring = lorentzian(given["FWHM_GHz"] * 1e9)
    suppression = -dB(float(ring.leakage(given["spacing_GHz"] * 1e9)))
    tolerance = case["tolerance"]["abs_dB"]
    assert abs(suppression - out["adjacent_suppression_dB"]) < tolerance


@rows("ring_wdm_xt_sum")
def test_fifteen_neighbours_leak_as_one_at_15_db(case):
    """The row's centre is channel 8 of 0..15: eight neighbours below, seven above."""
    given, out = case["inputs"], case["outputs"]
    ring = lorentzian(given["FWHM_GHz"] * 1e9)
    grid = wdm.WavelengthGrid(
        wavelengths=given["N"],
        spacing_hz=given["spacing_GHz"] * 1e9,
        centre_m=1.31e-6,
        slots=given["N"],
    )
    leaked = grid.neighbours(ring.leakage)
    tolerance = case["tolerance"]["abs_dB"]
    assert abs(dB(float(leaked)) - out["sum_crosstalk_dB"]) < tolerance


def lorentzian(width_hz: float) -> filters.DropResonance:
    """A lossless drop filter of so wide an FSR that no other order is near.

    At a finesse of 4000 the sine of the Airy function is 0.1 % off at 8 x 200 GHz.
    """
    fsr = 4000 * width_hz
    # u = (1 - t^2) / 2t = sin(pi / 2 finesse)
    u = math.sin(math.pi / 2 / 4000)
    t = math.sqrt(1 + u * u) - u
    one, zero = jnp.ones(()), jnp.zeros(())
    resonance = filters.DropResonance(one, one * t, one * t, one * fsr, zero)
    assert_close(resonance.linewidth_hz(), width_hz, rtol=1e-9)
    return resonance


LOSSLESS = 1 - 1e-4  # a = t of a ring so sharp that its notch is a Lorentzian


def notch(x):
    """Transmission of our critically coupled ring, `x` half linewidths off."""
    half = math.pi * rings.linewidth_hz(LOSSLESS, LOSSLESS, 1.0)
    return rings.all_pass(x * half, LOSSLESS, LOSSLESS)


@rows("mrm_small_signal_slope")
def test_the_steepest_point_of_the_notch_passes_a_quarter(case):
    out, rtol = case["outputs"], case["tolerance"]["rel"]
    slope = jax.grad(notch)
    x = root(lambda x: float(jax.grad(slope)(x)), 0.2, 1.5, xtol=1e-14)
    assert_close(x, out["x_opt"], rtol=rtol)
    assert_close(slope(x), out["max_dT_dx"], rtol=rtol)
    assert_close(notch(x), out["T_at_x_opt"], rtol=rtol)
    assert_close(-dB(float(notch(x))), out["bias_loss_dB"], rtol=rtol)


@rows("mrm_large_signal_shift2")
def test_a_shift_of_two_half_linewidths_has_its_best_bias(case):
    out, rtol = case["outputs"], case["tolerance"]["rel"]
    shift = case["inputs"]["shift_in_HWHM"]

    def swing(x):
        return notch(x + shift) - notch(x)

    x = root(lambda x: float(jax.grad(swing)(x)), 0.0, 0.5, xtol=1e-14)
    assert_close(x, out["x_opt"], rtol=rtol)
    top, bottom = float(notch(x + shift)), float(notch(x))
    assert_close(top - bottom, out["OMA_over_Pin"], rtol=rtol)
    assert_close(dB(top - bottom), out["OMA_dB"], rtol=rtol)
    assert_close(-dB(top), out["top_level_loss_dB"], rtol=rtol)
    assert_close(dB(top / bottom), out["ER_dB"], rtol=rtol)
