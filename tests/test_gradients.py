"""The rule of `gradient_rule` on units and clusters, and finite over the box.

Matrix units are judged by every watt, joule, second, noise and slack, clusters by step
time and J/token; links have `test_link_gradients`.
"""

import fnmatch
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import nominal
import nominal_clusters
import nominal_units
from gradient_rule import (
    Case,
    assert_finite,
    assert_rule,
    box,
    case,
    ends,
    gradients,
    interior,
)
from photonflow.cluster.step import evaluate
from photonflow.search.design_space import Free
from photonflow.search.optimise import optimise


def cluster_stages(cluster: Any, workload: Any) -> dict:
    report = evaluate(cluster, workload)
    return {
        "ln_j_per_token": jnp.log(report.j_per_token),
        "ln_step": jnp.log(report.step_s),
    }


def unit_stages(unit: Any) -> dict:
    cost = unit.cost(nominal_units.product())
    noise, watts = unit.noise(), unit.static_w()
    out = {f"ln_{cause}": jnp.log(w) for cause, w in watts.items()}
    out |= {f"noise.ln_{cause}": jnp.log(x) for cause, x in noise.items()}
    out |= {f"ln_{cause}_j": jnp.log(j) for cause, j in cost.energy_j.items()}
    out |= {f"ln_{cause}_s": jnp.log(s) for cause, s in cost.time_s.items()}
    return out | {f"slack.{name}": slack for name, slack in unit.slacks().items()}


UNITS = ("lithium-niobate-unit", "heater-unit")
FAMILIES = (
    "cpo",
    pytest.param("pluggable", marks=pytest.mark.slow),
    pytest.param("lpo", marks=pytest.mark.slow),
)
STEPS = ("train", "prefill", "optical")
TRAINED = (pytest.param("cpo-train", marks=pytest.mark.slow),)
CASES = UNITS + FAMILIES + STEPS + TRAINED
# All tests of a case follow each other: what one process compiled, it uses.
of_each = pytest.mark.parametrize("name", CASES, scope="module")


@functools.cache
def build(name: str) -> Case:
    if name in nominal.FAMILIES:
        tree = (nominal_clusters.cluster(name), nominal_clusters.decode())
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name == "optical":
        cluster = nominal_clusters.copper_cluster(matrix_unit=nominal_units.svd_unit())
        tree = (cluster, nominal_clusters.prefill())
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name in STEPS:
        tree = (nominal_clusters.copper_cluster(), nominal_clusters.workloads()[name])
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name == "cpo-train":
        tree = (nominal_clusters.cluster("cpo"), nominal_clusters.training())
        return case(tree, ["cluster", "workload"], cluster_stages)
    shifter = {"heater-unit": {"shifter": nominal_units.heater()}}.get(name, {})
    mesh = nominal_units.svd_mesh(**shifter)
    return case((nominal_units.svd_unit(mesh=mesh),), ["unit"], unit_stages)


@of_each
def test_gradients_match_finite_differences_at_the_nominal_point(name):
    case = build(name)
    assert_rule(case, case.nominal[None])


@of_each
def test_gradients_match_finite_differences_inside(name):
    """64 points of a unit, 4 of a cluster, whose 60 more are in the slow suite. Joules
    and seconds know no limits: points are as they come.
    """
    case = build(name)
    assert_rule(case, interior(case, 64, 0.03, {})[: 64 if name in UNITS else 4])


@pytest.mark.slow
def test_gradients_match_finite_differences_at_the_optimum():
    """Where a search of the ring engine ends, for every parameter and output."""
    case, cluster = build("cpo"), nominal_clusters.cluster("cpo")
    sides = ["host_link.end_a", "switch_link.end_a", "switch_link.end_b"]
    free = Free.group(
        [f"scale_out.{side}" for side in sides],
        {
            "modulator.gap": (100e-9, 300e-9),
            "modulator.drive": (0.6, 2.5),
            "modulator.detuning": (0.1, 2.5),
            "source.laser.current": (0.06, 0.6),
            "tia.bandwidth": (25e9, 90e9),
        },
    )
    workload = nominal_clusters.decode()
    found = optimise(cluster, workload, free=free, minima={"fold": 0.2})
    assert found.feasible
    x = np.array(case.nominal)
    for path, value in found.design.items():
        x[case.paths.index(f"cluster.{path}")] = value
    assert_rule(case, x[None])


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES + STEPS + TRAINED)
def test_gradients_of_a_cluster_match_finite_differences_at_64_points(name):
    case = build(name)
    for part in np.split(interior(case, 64, 0.03, {}), 8):
        assert_rule(case, part)


@of_each
def test_all_is_finite_at_both_ends_of_every_parameter(name):
    case = build(name)
    assert_finite(case, ends(case))


@of_each
def test_all_is_finite_at_corners_and_inside_of_the_box(name):
    case = build(name)
    assert_finite(case, box(case, 256))


@pytest.mark.slow
@of_each
def test_all_is_finite_at_4096_corners_and_4096_points_of_the_box(name):
    case = build(name)
    assert_finite(case, box(case, 4096))


QUALITY = "quality of the signal: a constraint, it costs no watt by itself"
DESIGN = "a demand on the design, not a part of the machine"
UNUSED = "states what the part stands, for checks outside the step"
LINE = "a terminated line has no capacitance that its bandwidth or symbols would charge"
SENT = "the path dims what arrives; watts of a photodiode are counted at the modulator"
COPPER = "the all-reduce is a measured floor and a rate; latencies are inside the floor"
CANCELS = "a ratio to itself, or a share moved between two causes"

# family:path -> why its elasticity is 0
NO_EFFECT = {
    "*:cluster.worst.*": DESIGN,
    "*:*.reserve_db": DESIGN,
    "*:*.reach_m": DESIGN,
    "*:*.launch_dbm": DESIGN,
    "*:*.fec.threshold": DESIGN,
    "*:*.laser.junction_max_k": DESIGN,
    "*:*.residual_db": QUALITY,
    "*:*.end_return_db": QUALITY,
    "*:*.return_db": QUALITY,
    "*:*.path.reflections": QUALITY,
    "*:*.transmit_snr_db": QUALITY,
    "*:*.receive_snr_db": QUALITY,
    "*:*.peaking_db": QUALITY,
    "*:*.noise_v2_per_hz": QUALITY,
    "*:*.swing_v": QUALITY,
    "*:*.host.bandwidth_hz": QUALITY,
    "*:*.line.bandwidth_hz": QUALITY,
    "*:*.host_log10_ber": QUALITY,
    "*:*.trace.*": QUALITY,
    "*:*.footprint.*": "room and failures cost no joule",
    "*:*.source_ohm": QUALITY,
    "*:*.laser.rin_per_hz": QUALITY,
    "*:*.laser.wear.*": "failures are counted beside the joules",
    "*:*.photodiode.capacitance_f": QUALITY,
    "*:*.photodiode.bandwidth_hz": QUALITY,
    "*:*.tia.output_v": QUALITY,
    "*:*.tia.noise_factor": QUALITY,
    "*:*.tia.input_f": QUALITY,
    "*:*.tia.gain_bandwidth_hz": QUALITY,
    "*:*.junction.series_ohm_m": QUALITY,
    "*:*.crosstalk_v": QUALITY,
    "*:*.coupler_out_db": SENT,
    "*:*.coupler_receive_db": SENT,
    "*:*.connectors_db": SENT,
    "*:*.fibre_db_per_m": SENT,
    "*:cluster.nominal.ageing_db": SENT,
    "*:*.tia.power_exponent": "the nominal design is the reference design",
    "pluggable:cluster.nominal.coolant_k": "no laser is outside its module",
    "lpo:cluster.nominal.coolant_k": "no laser is outside its module",
    "*:cluster.accelerator.usable": UNUSED,
    "*:cluster.accelerator.memory_byte": UNUSED,
    "*:cluster.accelerator.limit_w": UNUSED,
    "*:workload.prompt": "caches arrive in the background; they set utilisation",
    "*:workload.output": "caches arrive in the background; they set utilisation",
    "*:cluster.scale_up.link.end_[ab].lanes": COPPER,
    "*:cluster.scale_up.link.end_[ab].host.latency_s": COPPER,
    "*:cluster.scale_up.link.path.*": COPPER,
    "*:cluster.scale_up.link.fec.latency_s": COPPER,
    "*:cluster.scale_up.length_m": COPPER,
    "*:cluster.scale_up.switch.latency_s": COPPER,
    "*:*.fec.overhead": CANCELS,
    "*:cluster.scale_up.domain": CANCELS,
    "*:cluster.scale_up.floor_exponent": "measured among 8, and the layout has 8 ranks",
    "*:*.half_wave_v": CANCELS,
    "pluggable:*.driver.bandwidth_hz": LINE,
    "lpo:*.driver.bandwidth_hz": LINE,
    "cpo:cluster.scale_out.host_link.end_b.driver.bandwidth_hz": LINE,
    "*:*.modulator.bandwidth_hz": LINE,
    "pluggable:*.modulator.wavelength_m": LINE,
    "lpo:*.modulator.wavelength_m": LINE,
    "cpo:cluster.scale_out.host_link.end_b.modulator.wavelength_m": LINE,
}
ZERO = 1e-13  # what cancels leaves a few units of rounding


@pytest.mark.parametrize("name", FAMILIES)
def test_joules_per_token_ignore_what_is_listed_and_nothing_else(name):
    case = build(name)
    slope = gradients(case, case.nominal[None])[0, case.outputs.index("ln_j_per_token")]
    zero = {path for path, g in zip(case.paths, slope, strict=True) if abs(g) < ZERO}
    listed = {
        path
        for path in case.paths
        if any(fnmatch.fnmatchcase(f"{name}:{path}", pattern) for pattern in NO_EFFECT)
    }
    assert zero == listed, f"not listed {zero - listed}, not zero {listed - zero}"
