"""Against DSENT, the link model of Sun et al. 2012, doi:10.1109/NOCS.2012.31.

Its code and technology files are public (mit-carbon/Graphite at 1b4bb98); the rows were
made by running it. What it is asked, and what that shows:

* *Ring tuning*, full thermal and barrel shift, is the same relation in both programs:
  agreement within 1 % says that inputs and counting (both ends' rings) are read right.
* *The laser term* comes from our own relations: the swing a sampling receiver needs for
  its error rate, the ring's notch and our junction's charge for extinction and loss,
  both chosen for the least laser plus driver watts. A prediction, within 35 %.
* *Where the link is best.* With the rest of each point (total less tuning and laser)
  taken from DSENT, and the laser with it, what is tested is the tuning model alone.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import ndtri

from helpers import assert_close
from link_rows import CASES
from photonflow.devices import junction, rings
from photonflow.devices.ring_heating import RingHeater
from photonflow.links import tuning
from photonflow.units import BOLTZMANN_J_PER_K, CHARGE_C, LIGHT_M_PER_S


FULL, RESHUFFLE = (
    CASES["dsent_link_fullthermal_45nm"],
    CASES["dsent_ring_tuning_reshuffle"],
)
NODES = ("dsent_link_fullthermal_45nm", "dsent_link_fullthermal_11nm")
AGGREGATE_BPS = FULL["inputs"]["aggregate_Gbps"] * 1e9

# Its ring card (tech/tech_models/Photonics.model): 1300 nm, n_g 4, R 3 um, 10 GHz/K,
# 1e5 K/W, 40 and 200 GHz of spread, 280 to 380 K, 50 GHz of electrical tuning.
RADIUS_M, GROUP_INDEX, OPTICAL_HZ = 3e-6, 4.0, LIGHT_M_PER_S / 1300e-9
FSR_HZ = rings.fsr_hz(jnp.asarray(RADIUS_M), GROUP_INDEX)
AMBIENT_K = jnp.asarray(float(FULL["inputs"]["T_K"]))
HEATER = RingHeater(
    thermal_k_m_per_w=1e5 * 2 * math.pi * RADIUS_M,
    shift_per_k=10e9 / OPTICAL_HZ,
    hold=0.5,
    absorbed=0.5,
    loop_w=0.0,  # it counts heat only
)
FULL_THERMAL = tuning.FullThermal(
    local_hz=40e9,
    systematic_hz=200e9,
    coldest_k=280.0,
    hottest_k=380.0,
    assist_hz=0.0,
    reach_k=200.0,
)
BARREL = tuning.BarrelShift(local_hz=40e9, share=1.0, assist_hz=0.0, reach_k=200.0)


def ring_w(strategy: tuning.AbstractTuning, wavelengths: float) -> float:
    """Heat of one ring."""
    per_k = tuning.hz_per_k(HEATER, jnp.asarray(OPTICAL_HZ))
    placed = strategy.place(FSR_HZ, jnp.asarray(float(wavelengths)), AMBIENT_K, per_k)
    held_hz = placed.mean_hz
    return float(tuning.holding_w(HEATER, jnp.asarray(RADIUS_M), per_k, held_hz))


def tuning_w(strategy: tuning.AbstractTuning, rate_bps: float) -> float:
    """Heat of both ends: a modulator and a filter for each wavelength."""
    wavelengths = AGGREGATE_BPS / rate_bps
    return 2 * wavelengths * ring_w(strategy, wavelengths)


def test_a_ring_tuned_by_heat_alone_holds_a_terahertz():
    """3 sqrt(40^2 + 200^2) + (380 - 340) 10 = 1011.9 GHz, over 1 GHz/uW; 8 rings."""
    expected_w = (3 * math.hypot(40, 200) + 400) * 1e-6
    assert_close(ring_w(FULL_THERMAL, 4), expected_w, rtol=1e-6)  # rounded in 1 GHz
    ours_mw = tuning_w(FULL_THERMAL, 16e9) * 1e3
    theirs_mw = FULL["outputs"]["breakdown_mW_at_16"]["rings"]
    assert_close(ours_mw, theirs_mw, rtol=0.01)


def test_a_ring_that_takes_the_next_channel_holds_a_channel():
    """FSR / 32 = 124 GHz; both banks together 2 FSR, whatever their number."""
    given, out = RESHUFFLE["inputs"], RESHUFFLE["outputs"]
    rtol = RESHUFFLE["tolerance"]["rel"]
    n = given["N_rings"]
    assert_close(ring_w(BARREL, n) * 1e3, out["mW_per_ring"], rtol=rtol)
    assert_close(n * ring_w(BARREL, n) * 1e3, out["bank_total_mW"], rtol=rtol)
    # 7.952 mW of Tx and Rx banks, of the row's note.
    for rate_bps in (1e9, 2e9, 16e9):
        assert_close(tuning_w(BARREL, rate_bps) * 1e3, 7.952, rtol=2e-4)


def test_electrical_tuning_spares_its_range_of_heat():
    """DSENT's 50 GHz of each 124 GHz, at 1 GHz/uW."""
    helped = tuning.BarrelShift(local_hz=40e9, share=1.0, assist_hz=50e9, reach_k=200.0)
    saved_w = ring_w(BARREL, 32) - ring_w(helped, 32)
    assert_close(saved_w, 50e-6, rtol=1e-4)


@pytest.mark.parametrize("node", NODES)
def test_heat_alone_asks_for_few_fast_wavelengths_barrel_shift_for_many_slow(node):
    """DSENT's own optimum with barrel shift is 2 Gbit/s (45 nm, run apart); there its
    bit shuffling counts, which is no part of the rest taken here."""
    outputs = CASES[node]["outputs"]
    total_w = {
        float(rate) * 1e9: energy * 1e-12 * AGGREGATE_BPS
        for rate, energy in outputs["pJ_per_bit_by_Gbps_per_lambda"].items()
    }
    rest_w = {rate: w - tuning_w(FULL_THERMAL, rate) for rate, w in total_w.items()}
    # Tuning never takes more than all there is, and what remains rises with the rate.
    assert all(w > 0 for w in rest_w.values())
    best = {}
    for name, strategy in (("full", FULL_THERMAL), ("barrel", BARREL)):
        whole = {rate: w + tuning_w(strategy, rate) for rate, w in rest_w.items()}
        best[name] = min(whole, key=lambda rate: whole[rate])
    assert best["full"] == outputs["optimum_Gbps_per_lambda"] * 1e9
    assert best["barrel"] < best["full"]


# The laser term


BIT_S = 1 / 16e9
LOSS_DB = (
    1.0  # laser diode
    + 0.01 * 4 * 2  # past four rings at each end
    + 100 * 0.01  # a centimetre of guide
    + 1.0  # drop
    + 1.0  # photodiode
)  # its coupler (1 dB) is not on the path of this link


def swing_a(top: float, bottom: float) -> float:
    """Photocurrent swing of a receiver that integrates for 0.7 of a bit and samples.

    On 5 fF of photodiode and 1.06 fF of latch it must build up what the latch needs in
    the remaining 0.3 (it regenerates with 4.7 ps, a 45 nm inverter of 2.07 kohm and
    2.27 fF), its margin of 20 mV, an offset of 3 x 4 % of 1 V over 2^5 and 5 % of
    supply ripple rejected by 5; and Q (sigma_1 + sigma_0) of k T / C, 1 % of random
    supply noise rejected by 5, and shot noise at levels in the ratio of `top` and
    `bottom`.
    """
    vdd, farads = 1.0, 5e-15 + 1.056e-15
    latch_v = vdd * math.exp(-0.3 * BIT_S / (2068 * 2.271e-15))
    needed_v = latch_v + 0.02 + 3 * 0.04 * vdd / 2**5 + 0.05 * vdd / 5
    k_t = BOLTZMANN_J_PER_K * float(AMBIENT_K)
    still_v2 = k_t / farads + (0.01 * vdd / 5) ** 2
    q = -float(ndtri(FULL["inputs"]["BER"]))

    def excess(swing_v: float) -> float:
        level_v = [swing_v * level / (top - bottom) for level in (top, bottom)]
        sigma_v = [math.sqrt(still_v2 + CHARGE_C * v / farads) for v in level_v]
        return swing_v - needed_v - q * sum(sigma_v)

    swing_v: Any = brentq(excess, 1e-3, 10.0)
    return swing_v * farads / (0.7 * BIT_S)


@functools.cache
def notch() -> tuple[float, float]:
    """a and t of a ring as wide as the bit rate that lets 1 % through on resonance."""

    def ring(loop: float) -> tuple[float, float]:
        apart = 0.1 * (1 - loop)  # (a - t) / (1 - a t) = 0.1
        t = (-apart + math.sqrt(apart**2 + 4 * loop)) / 2
        return t + apart, t

    def excess(loop: float) -> float:
        return float(rings.linewidth_hz(*ring(loop), float(FSR_HZ))) * BIT_S - 1

    loop: Any = brentq(excess, 0.98, 1 - 1e-6)
    return ring(loop)


def shift_hz(charge_c: float) -> float:
    """Blue of carriers swept out: dn = 3e-27 m^3 per carrier pair, confinement 0.3."""
    volume_m3 = 2 * math.pi * RADIUS_M * 500e-9 * 500e-9
    index = 3e-27 * charge_c / (CHARGE_C * volume_m3)
    return OPTICAL_HZ * 0.3 * index / GROUP_INDEX


@jax.jit
def _charge_c(reverse_v):
    """Swept out of 0.8 of the circumference, 500 nm high, 3e24 and 1e24 per m^3."""
    v = jnp.linspace(0.0, 1.0, 201) * reverse_v
    width_m = junction.depletion_m(jnp.asarray(3e24), jnp.asarray(1e24), v)
    farads = junction.capacitance_f_per_m(width_m, jnp.asarray(500e-9))
    return 0.8 * 2 * math.pi * RADIUS_M * jnp.trapezoid(farads, v)


def transmitter_w(detuning_hz: float, reverse_v: float) -> tuple[float, float]:
    """Laser at the plug and driver, one wavelength, half of the time in use.

    C V^2 / 4 per bit of NRZ with 5 fF of wiring, from a supply 1.2 times the swing.
    """
    charge_c = float(_charge_c(reverse_v))
    a, t = notch()
    offsets = jnp.asarray([detuning_hz, detuning_hz + shift_hz(charge_c)])
    phase = 2 * math.pi * offsets / FSR_HZ
    low, high = map(float, rings.all_pass(phase, a, t))
    received_w = swing_a(high, low) / FULL["inputs"]["responsivity"]
    light_w = received_w * 10 ** (LOSS_DB / 10) / (high - low)
    farads, supply_v = charge_c / reverse_v + 5e-15, 1.2 * reverse_v
    driver_w = farads * supply_v**2 / 4 / BIT_S * 0.5
    return light_w / FULL["inputs"]["laser_WPE"], driver_w


def test_the_laser_of_a_45_nm_link_at_16_gbit_s():
    """2.796 mW there; nothing here is fitted. Four wavelengths."""
    found = minimize(
        lambda x: sum(transmitter_w(x[0] * 16e9, x[1])) * 1e3,
        [0.2, 2.0],
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-7},
    )
    laser_w, _ = transmitter_w(found.x[0] * 16e9, found.x[1])
    ours_mw = 4 * laser_w * 1e3
    theirs_mw = FULL["outputs"]["breakdown_mW_at_16"]["laser"]
    assert_close(ours_mw, theirs_mw, rtol=0.35)
    # What it is today, 2 % above: a change of our junction or ring shows here.
    assert_close(ours_mw, 2.85, rtol=0.01)
