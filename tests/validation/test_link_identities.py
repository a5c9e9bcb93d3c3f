"""Identities of devices and links, each against the row of its id.

Rows and tolerances are those of `photonflow.validation.cases("link")`.
"""

import math

import jax
import jax.numpy as jnp

import nominal
from helpers import assert_close, root
from link_rows import dB, rows
from photonflow.component import replace
from photonflow.devices import junction, silicon
from photonflow.devices.mach_zehnder import MachZehnderModulator
from photonflow.devices.passives import FibrePath
from photonflow.links import fec
from photonflow.signal import decision
from photonflow.units import CHARGE_C


def log10_ber(eye: float, pam: int) -> float:
    """With `eye` between neighbours and a sigma of 1: Q = eye / 2."""
    levels = decision.pam_levels(jnp.asarray((pam - 1) * eye), jnp.zeros(()), pam)
    return float(decision.pam_log10_ber(levels, jnp.ones(pam)))


@rows("ber_nrz_q6", "ber_nrz_q7p034")
def test_nrz_error_rate_is_the_gaussian_tail(case):
    ber = 10 ** log10_ber(2 * case["inputs"]["Q"], pam=2)
    assert_close(ber, case["outputs"]["BER"], rtol=case["tolerance"]["BER_rel"])


@rows("pam4_q_kp4")
def test_pam4_needs_q_of_3_414_at_the_threshold_of_kp4(case):
    target = math.log10(case["inputs"]["BER_gray"])
    eye = root(lambda e: log10_ber(e, 4) - target, 2, 20)
    q = case["outputs"]["per_eye_Q"]
    assert_close(eye / 2, q, rtol=case["tolerance"]["abs"] / q)


@rows("pam4_optical_penalty")
def test_an_eye_of_pam4_is_a_third_of_nrz(case):
    top, bottom = jnp.asarray(5.0), jnp.asarray(2.0)
    nrz = jnp.diff(decision.pam_levels(top, bottom, 2)).min()
    pam4 = jnp.diff(decision.pam_levels(top, bottom, 4)).min()
    out, tolerance = case["outputs"], case["tolerance"]["abs_dB"]
    assert abs(dB(nrz / pam4) - out["optical_dB"]) < tolerance
    assert abs(2 * dB(nrz / pam4) - out["electrical_dB"]) < tolerance


@rows("er_penalty_4dB", "er_penalty_5dB", "er_penalty_10dB")
def test_extinction_ratio_is_already_inside_the_oma(case):
    """A Mach-Zehnder biased to this ratio, with 1 mW of mean power in the fibre."""
    r = 10 ** (case["inputs"]["ER_dB"] / 10)
    port = nominal.pluggable_port()
    assert isinstance(port.modulator, MachZehnderModulator)
    half_wave = port.modulator.half_wave_v
    # T = (1 +- s) / 2 with s = sin(pi V / 2 V_pi), and r = (1 + s) / (1 - s).
    drive_v = 2 * half_wave / math.pi * math.asin((r - 1) / (r + 1))
    port = replace(port, {"modulator.drive_v": drive_v, "coupler_out_db": 0.0})
    point = port.operating_point(nominal.worst())
    mean = (point.modulation.top + point.modulation.bottom) / 2
    point = replace(point, {"input_w": 1e-3 / mean})
    oma_dbm = float(point.launch_dbm())
    top_over_oma = point.modulation.top / (
        point.modulation.top - point.modulation.bottom
    )
    out, tolerance = case["outputs"], case["tolerance"]["abs_dB"]
    assert abs(oma_dbm - out["OMA_dBm_at_Pavg_0dBm"]) < tolerance
    # A perfect extinction would give an OMA of twice the mean.
    assert abs(dB(2) - oma_dbm - out["penalty_dB"]) < tolerance
    assert_close(top_over_oma, out["Ptop_over_OMA"], rtol=tolerance / dB(math.e))


@rows("pam4_rin_joint_142_ER5", "pam4_rin_joint_136_ER5", "pam4_rin_joint_136_ER3.5")
def test_rin_and_thermal_noise_are_solved_jointly(case):
    given = case["inputs"]
    r = 10 ** (given["ER_dB"] / 10)
    rin = 10 ** (given["RIN_dB_per_Hz"] / 10) * given["B_noise_Hz"]

    def needed_a(rin: float) -> float:
        zero = jnp.zeros(())
        noise = decision.Noise(
            thermal_a2=jnp.asarray(given["sigma_thermal_A"] ** 2),
            shot_a=zero,
            dark_a=zero,
            rin=jnp.asarray(rin),
            interference=zero,
            own=jnp.ones(()),
            relative={},
        )

        @jax.jit
        def excess(oma_a):
            levels = decision.pam_levels(oma_a * r / (r - 1), oma_a / (r - 1), 4)
            return noise.log10_ber(levels) - math.log10(given["SER"] / 2)

        return root(lambda a: float(excess(jnp.asarray(a))), 1e-5, 1e-3, xtol=1e-12)

    out, tolerance = case["outputs"], case["tolerance"]["abs_dB"]
    oma_a = needed_a(rin)
    assert abs(dB(oma_a / out["OMA_outer_current_A"])) < tolerance
    assert abs(dB(oma_a / needed_a(0.0)) - out["penalty_dB"]) < tolerance


@rows("quantum_limit_ook")
def test_no_receiver_beats_the_quantum_limit(case):
    """Gaussian shot noise alone asks for 36 photons in a one where counting asks 20.

    Q = I / sqrt(2 q I B) = 6 with B = R / 2 gives I = 36 q R.
    """
    rate_hz = jnp.asarray(case["inputs"]["bitrate"])
    zero = jnp.zeros(())
    shot_a = decision.shot_a(rate_hz, jnp.ones(()))
    noise = decision.Noise(zero, shot_a, zero, zero, zero, jnp.ones(()), {})
    target = math.log10(case["inputs"]["BER"])

    def excess(photons: float) -> float:
        top = jnp.asarray(photons * CHARGE_C) * rate_hz
        return float(noise.log10_ber(decision.pam_levels(top, zero, 2))) - target

    photons = root(excess, 1, 1000)
    assert photons > case["outputs"]["photons_in_one"]
    assert_close(photons, 5.9978**2, rtol=case["tolerance"]["rel"])


@rows("kp4_threshold")
def test_kp4_stands_2_26e_4(case):
    out, rtol = case["outputs"], case["tolerance"]["rel"]
    for after in ("1e-15", "1e-13"):
        ahead = fec.threshold(float(after), n=544, t=15, m=10)
        assert_close(ahead, out[f"input_BER_for_output_BER_{after}"], rtol=rtol)
    share = 10 ** fec.log10_codeword_error(math.log10(2.4e-4), n=544, t=15, m=10)
    assert_close(share, out["codeword_error_at_2.4e-4"], rtol=rtol)


@rows("kr4_threshold")
def test_kr4_stands_2_18e_5(case):
    given = case["inputs"]
    ahead = fec.threshold(given["output_BER"], n=528, t=given["t"], m=given["m"])
    assert_close(ahead, case["outputs"]["input_BER"], rtol=case["tolerance"]["rel"])


def lane(payload_bps: float, overhead: float) -> tuple[float, float]:
    """Symbol rate and line rate of one PAM4 lane."""
    port = replace(nominal.pluggable_port(), {"lanes": 1.0})
    link = nominal.optical_link(port, port)
    link = replace(link, {"rate_bps": payload_bps, "fec.overhead": overhead})
    line_bps = jax.jit(lambda: link.budget(nominal.worst()).line_rate_bps)()
    return float(link.symbol_hz(port)), float(line_bps)


@rows("lane_rate_kp4")
def test_a_100g_lane_runs_at_53_125_gbd(case):
    overhead = 544 / 514 * 257 / 256
    symbol_hz, line_bps = lane(case["inputs"]["payload_Gbps"] * 1e9, overhead)
    rtol = case["tolerance"]["rel"]
    assert_close(symbol_hz / 1e9, case["outputs"]["baud_GBd"], rtol=rtol)
    assert_close(line_bps / 1e9, case["outputs"]["line_Gbps"], rtol=rtol)


@rows("lane_rate_200g_inner")
def test_the_inner_code_raises_a_200g_lane_to_113_gbd(case):
    out, rtol = case["outputs"], case["tolerance"]["rel"]
    kp4_inner = 544 / 514 * 257 / 256 * 128 / 120
    symbol_hz, _ = lane(200e9, kp4_inner)
    assert_close(symbol_hz / 1e9, out["baud_GBd_without_pad"], rtol=rtol)
    padded_hz, _ = lane(200e9, kp4_inner * 1089 / 1088)
    assert_close(padded_hz / 1e9, out["baud_GBd_with_pad"], rtol=rtol)


@rows("pam4_cv2")
def test_random_pam4_draws_5_48_of_cv2_a_bit(case):
    """Read off the watts of the `modulator` cause of a ring engine."""
    out, rtol = case["outputs"], case["tolerance"]["rel"]
    port = nominal.engine_port()
    link = nominal.optical_link(port, port)
    point = port.operating_point(nominal.worst())
    for pam, key in [
        (4, "supply_energy_per_bit_over_CV2"),
        (2, "NRZ_supply_energy_per_bit_over_CV2"),
    ]:
        bits = math.log2(pam)
        symbol_hz = jnp.asarray(106.25e9)
        budget = point.budget(link.fec, link.rate_bps, symbol_hz, pam)
        per_bit_j = budget.static_w["modulator"] / (port.lanes * symbol_hz * bits)
        cv2_j = point.modulation.load_f * port.modulator.drive_v**2
        assert_close(per_bit_j / cv2_j, out[key], rtol=rtol)


PER_M3, PER_CM = 1e6, 1e-2  # one per cm^3 in 1/m^3, one per m in 1/cm


@rows("soref_bennett_1550")
def test_carriers_at_1550_nm_do_what_was_published_in_1987(case):
    given, out = case["inputs"], case["outputs"]
    electrons = silicon.soref_1550_electrons(jnp.asarray(given["dN_cm3"] * PER_M3))
    holes = silicon.soref_1550_holes(jnp.asarray(given["dP_cm3"] * PER_M3))
    rtol = case["tolerance"]["rel"]
    assert_close(-(electrons.index_drop + holes.index_drop), out["dn"], rtol=rtol)
    lost_per_m = electrons.absorption_per_m + holes.absorption_per_m
    assert_close(lost_per_m * PER_CM, out["dalpha_per_cm"], rtol=rtol)


@rows("soref_bennett_1300_abstract")
def test_holes_at_1300_nm_lower_the_index_as_in_the_abstract(case):
    given = case["inputs"]
    holes = silicon.soref_holes(
        jnp.asarray(given["wavelength_m"]), jnp.asarray(given["dP_cm3"] * PER_M3)
    )
    drop = case["outputs"]["dn_holes"]
    assert_close(-holes.index_drop, drop, rtol=case["tolerance"]["rel"])


@rows("soref_bennett_general")
def test_plasma_dispersion_scales_as_wavelength_squared(case):
    given, out = case["inputs"], case["outputs"]
    rtol = case["tolerance"]["rel"]
    wavelength_m = jnp.asarray(given["wavelength_m"])
    electrons = silicon.soref_electrons(
        wavelength_m, jnp.asarray(given["dN_cm3"] * PER_M3)
    )
    holes = silicon.soref_holes(wavelength_m, jnp.asarray(given["dP_cm3"] * PER_M3))
    assert_close(-electrons.index_drop, out["dn_e"], rtol=rtol)
    assert_close(-holes.index_drop, out["dn_h"], rtol=rtol)
    assert_close(electrons.absorption_per_m * PER_CM, out["dalpha_e_per_cm"], rtol=rtol)
    assert_close(holes.absorption_per_m * PER_CM, out["dalpha_h_per_cm"], rtol=rtol)


@rows("pn_depletion_dsent", "pn_depletion_ubc")
def test_depletion_of_an_abrupt_junction(case):
    given, out = case["inputs"], case["outputs"]
    rtol = case["tolerance"]["rel"]
    assert given["ni_m3"] == silicon.INTRINSIC_PER_M3
    p, n = jnp.asarray(given["NA_m3"]), jnp.asarray(given["ND_m3"])
    assert_close(junction.built_in_v(p, n), out["Vbi_V"], rtol=rtol)
    reverse_v = -jnp.asarray(given["V"], float)
    width_m = junction.depletion_m(p, n, reverse_v, given["eps_r"])
    assert_close(width_m * 1e9, out["W_nm"], rtol=rtol)
    height_m = jnp.asarray(given["junction_height_m"])
    farads = junction.capacitance_f_per_m(width_m, height_m, given["eps_r"])
    assert_close(farads * 1e12, out["Cj_pF_per_m"], rtol=rtol)


@rows("dr8_channel")
def test_half_a_kilometre_of_dr8_loses_3_db(case):
    given = case["inputs"]
    path = FibrePath(
        connectors_db=given["connectors_dB"],
        fibre_db_per_m=given["fibre_dB_per_km"] / 1000,
        group_index=1.468,
        reach_m=500.0,
        end_return_db=26.0,
        return_db=45.0,
        reflections=4.0,
    )
    loss_db = float(path.loss_db(jnp.asarray(given["length_km"] * 1000)))
    assert abs(loss_db - case["outputs"]["IL_dB"]) < case["tolerance"]["abs_dB"]
