"""Data sheets held against themselves, with our rules of accounting, row by row.

A vendor's pJ/bit is the watts of one end, full duplex, over the payload of *one*
direction, which is what `LinkBudget.energy_j_per_bit` says of two equal ends.
"""

import math
from pathlib import Path

import jax.numpy as jnp
import pytest

import nominal
from helpers import assert_close
from link_rows import CASES
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.links.base import Direction, LinkBudget
from photonflow.links.port import PortBudget, by_cause


def rows(*ids):
    """Parametrise a test over the rows of `ids`."""
    return pytest.mark.parametrize("case", [CASES[i] for i in ids], ids=ids)


def end(**watts):
    """One end with these watts, host and laser source told apart."""
    static_w = by_cause(**{cause: jnp.asarray(w) for cause, w in watts.items()})
    boxes = dict.fromkeys(static_w, "module") | {
        "serdes_host": "host",
        "laser": "laser_source",
    }
    zero = jnp.zeros(())
    return PortBudget(static_w, by_cause(), tuple(boxes.items()), zero, zero, zero)


def pj_per_bit(rate_bps, **watts):
    """At full load, both ends alike."""
    zero = jnp.zeros(())
    way = Direction(zero, zero, zero, {}, {}, {})
    budget = LinkBudget(
        rate_bps=jnp.asarray(rate_bps),
        line_rate_bps=jnp.asarray(rate_bps),
        latency_s=zero,
        end_a=end(**watts),
        end_b=end(**watts),
        a_to_b=way,
        b_to_a=way,
    )
    return float(budget.energy_j_per_bit()) * 1e12


@rows("nvidia_cpo_vs_pluggable")
def test_30_and_9_watts_of_1600g_are_18_75_and_5_625_pj_per_bit(case):
    given, out, rtol = case["inputs"], case["outputs"], case["tolerance"]["rel"]
    rate_bps = given["port_Gbps"] * 1e9
    plug = pj_per_bit(rate_bps, dsp=float(given["W_pluggable"]))
    engine = pj_per_bit(rate_bps, driver=float(given["W_cpo"]))
    assert_close(plug, out["pJ_per_bit_pluggable"], rtol=rtol)
    assert_close(engine, out["pJ_per_bit_cpo"], rtol=rtol)
    assert_close(plug / engine, out["ratio"], rtol=rtol)
    # A site burns its ports: 400,000 x 6 of them.
    ports = given["GPUs"] * given["transceivers_per_GPU"]
    for joules, site_mw in zip((plug, engine), out["site_MW"], strict=True):
        assert_close(joules * 1e-12 * rate_bps * ports / 1e6, site_mw, rtol=rtol)


@rows("broadcom_bailly")
def test_an_engine_of_5_5_watts_saves_three_fifths_of_a_module(case):
    given, out, rtol = case["inputs"], case["outputs"], case["tolerance"]["rel"]
    rate_bps = given["port_Gbps"] * 1e9
    engine = pj_per_bit(rate_bps, driver=given["W_cpo"])
    assert_close(engine, out["pJ_per_bit_cpo"], rtol=rtol)
    modules = [pj_per_bit(rate_bps, dsp=float(w)) for w in given["W_pluggable"]]
    assert_close(modules, out["pJ_per_bit_pluggable"], rtol=rtol)
    savings = [1 - engine / module for module in modules]
    assert_close(savings, out["saving"], rtol=rtol)


@rows("linkx_modules")
def test_the_slower_half_of_a_module_costs_more_of_every_bit(case):
    pairs = zip(case["inputs"]["W"], case["inputs"]["Gbps"], strict=True)
    found = [pj_per_bit(gbps * 1e9, dsp=float(w)) for w, gbps in pairs]
    assert_close(found, case["outputs"]["pJ_per_bit"], rtol=case["tolerance"]["rel"])
    assert found == sorted(found)


@rows("tomahawk5_energy")
def test_450_watts_of_51_2_tbit_per_s_are_8_79_pj_per_bit(case):
    given, rtol = case["inputs"], case["tolerance"]["rel"]
    found = pj_per_bit(given["Tbps"] * 1e12, serdes_host=float(given["W"]))
    assert_close(found, case["outputs"]["pJ_per_bit"], rtol=rtol)


@rows("celestial_link_energy")
def test_a_vendor_counts_electronics_and_laser_but_no_host(case):
    given, rtol = case["inputs"], case["tolerance"]["rel"]
    rate_bps = 1e12  # 1 W is then 1 pJ/bit
    port = end(driver=given["electronics_pJ"], laser=given["laser_pJ"], serdes_host=2.3)
    vendor = float(port.vendor_w()) / rate_bps * 1e12
    assert_close(vendor, case["outputs"]["total_pJ_per_bit"], rtol=rtol)
    assert_close(port.power_w() - port.vendor_w(), 2.3, rtol=1e-12)


@rows("sun2015_energy_sum")
def test_ring_tuning_is_a_quarter_of_an_early_link(case):
    given, rtol = case["inputs"], case["tolerance"]["rel"]
    rate_bps = given["rate_Gbps"] * 1e9
    found = pj_per_bit(
        rate_bps,
        modulator=given["Tx_pJ"] * 1e-12 * rate_bps,
        receiver=given["Rx_pJ"] * 1e-12 * rate_bps,
        tuning=given["ring_tuning_pJ"] * 1e-12 * rate_bps,
    )
    assert_close(found, case["outputs"]["total_pJ_per_bit_no_laser"], rtol=rtol)


def symbol_hz(payload_bps, lanes):
    """Symbol rate of an NRZ link of `lanes` without a code."""
    import dataclasses

    port = replace(nominal.engine_port(), {"lanes": float(lanes)})
    link = nominal.optical_link(port, port)
    plain = replace(link, {"rate_bps": payload_bps, "fec.overhead": 1.0})
    return float(dataclasses.replace(plain, pam=2).symbol_hz(port))


@rows("intel_oci")
def test_64_lanes_of_32g_are_2_tbit_per_s(case):
    given, out, rtol = case["inputs"], case["outputs"], case["tolerance"]["rel"]
    payload_bps = out["Tbps_per_direction"] * 1e12
    assert_close(
        symbol_hz(payload_bps, given["lanes"]), given["rate_Gbps"] * 1e9, rtol=rtol
    )
    per_fibre = payload_bps / given["fibre_pairs"]
    assert_close(per_fibre / 1e9, out["Gbps_per_fibre"], rtol=rtol)
    lanes = given["lanes"] / given["fibre_pairs"]
    assert lanes == given["lambda_per_fibre"]
    # 5 pJ/bit is 10.24 W of one chiplet, both directions.
    assert_close(pj_per_bit(payload_bps, driver=10.24), out["pJ_per_bit"], rtol=rtol)


@rows("teraphy_bandwidth")
def test_8_ports_of_16_wavelengths_are_4_tbit_per_s(case):
    given, rtol = case["inputs"], case["tolerance"]["rel"]
    lanes = given["ports"] * given["lambda"]
    payload_bps = case["outputs"]["Tbps_per_direction"] * 1e12
    assert_close(symbol_hz(payload_bps, lanes), given["rate_Gbps"] * 1e9, rtol=rtol)


@rows("daudlin2025_3d")
def test_80_channels_of_10g_are_5_3_tbit_per_s_and_mm2(case):
    given, out, rtol = case["inputs"], case["outputs"], case["tolerance"]["rel"]
    payload_bps = out["aggregate_Gbps"] * 1e9
    rate_bps = given["rate_Gbps"] * 1e9
    assert_close(symbol_hz(payload_bps, given["channels"]), rate_bps, rtol=rtol)
    found = pj_per_bit(
        payload_bps,
        driver=given["Tx_fJ"] * 1e-15 * payload_bps,
        receiver=given["Rx_fJ"] * 1e-15 * payload_bps,
    )
    assert_close(found * 1e3, out["front_end_fJ_per_bit"], rtol=rtol)
    density = payload_bps / 1e12 / given["area_mm2_TX_or_RX"]
    assert_close(density, out["Tbps_per_mm2"], rtol=rtol)


def channel_db(name="fibre-dr-500m"):
    """Loss of a shipped channel at its reach."""
    path = Library().load(name)
    return float(path.loss_db(path.reach_m))


@rows("dr4_budget_closure")
def test_the_budget_of_400gbase_dr4_closes_over_our_channel(case):
    """-2.2 - 3.0 - 0.1 = -5.3 = -1.9 - 3.4, with the loss of our 500 m card."""
    given, out = case["inputs"], case["outputs"]
    tolerance = case["tolerance"]["abs_dB"]
    assert abs(channel_db() - given["channel_IL_dB"]) < tolerance
    needed = given["OMA_minus_TDECQ_min_dBm"] - channel_db() - given["MPI_dB"]
    offered = given["stressed_sens_dBm"] - given["SECQ_dB"]
    assert abs(needed - out["needed_sens_minus_SECQ_dBm"]) < tolerance
    assert abs(offered - out["offered_sens_minus_SECQ_dBm"]) < tolerance


def knee_db(floor_dbm, less_tdecq_dbm):
    """TDECQ at which max(floor, x + TDECQ) turns from one into the other."""
    from scipy.optimize import brentq

    def steep(tdecq_db):
        return less_tdecq_dbm + tdecq_db - floor_dbm

    return brentq(steep, 0.0, 5.0)


@rows("fr4_tx")
def test_the_floor_of_fr4_binds_below_1_4_db_of_tdecq(case):
    given, wanted = case["inputs"], case["outputs"]
    wanted = wanted["TDECQ_at_which_OMA_floor_binds_dB"]
    for ratio, less in given["OMA_minus_TDECQ_dBm"].items():
        found = knee_db(given["OMA_min_dBm"], less)
        assert abs(found - wanted[ratio]) < case["tolerance"]["abs_dB"]
        assert found < given["TDECQ_max_dB"]


@rows("lr4_400g_tx")
def test_the_floor_of_lr4_binds_below_1_4_db_of_tdecq(case):
    given = case["inputs"]
    found = knee_db(given["OMA_floor_dBm"], given["OMA_minus_TDECQ_dBm"])
    wanted = case["outputs"]["TDECQ_knee_dB"]
    assert abs(found - wanted) < case["tolerance"]["abs_dB"]


@rows("arrhenius_laser")
def test_a_laser_at_60_degrees_ages_53_times_as_fast_as_at_25(case):
    """exp(0.97 eV / k (1/298.15 K - 1/333.15 K)) = 52.8."""
    from photonflow.units import BOLTZMANN_J_PER_K, CHARGE_C, ZERO_CELSIUS_K

    given = case["inputs"]
    cold_k, warm_k = (given[key] + ZERO_CELSIUS_K for key in ("T1_C", "T2_C"))
    slope_k = given["Ea_eV"] * CHARGE_C / BOLTZMANN_J_PER_K
    found = math.exp(slope_k * (1 / cold_k - 1 / warm_k))
    assert_close(found, case["outputs"]["acceleration"], rtol=case["tolerance"]["rel"])


def test_every_identity_and_every_sum_has_a_test_of_its_id():
    tests = Path(__file__).parents[1]
    text = "\n".join(path.read_text() for path in tests.rglob("test_*.py"))
    wanted = {i for i, case in CASES.items() if case["class"] != "prediction"}
    missing = {i for i in wanted if f'"{i}"' not in text}
    assert not missing
