"""A matrix unit beside the accelerator: what moves to it, and what it burns."""

import functools

import pytest

import nominal_clusters
import nominal_units
from helpers import assert_close
from photonflow import causes
from photonflow.cluster.step import Report, evaluate, offloaded


UNIT = nominal_units.svd_unit()


@functools.cache
def report(optical: bool) -> Report:
    cluster = nominal_clusters.copper_cluster(matrix_unit=UNIT if optical else None)
    return evaluate(cluster, nominal_clusters.prefill())


def joules(out: Report, cause: str) -> float:
    """Of one accelerator in a step."""
    tokens = float(nominal_clusters.prefill().tokens_per_step())
    return float(out.energy_j_per_token[f"compute.{cause}"]) * tokens / 9216


def test_the_feed_forward_products_move_and_the_others_stay():
    """Gate, up and down are 3 h f of 3 h f + (2 h_q + 2 h_kv) h weights of a layer."""
    prefill = nominal_clusters.prefill()
    moved = sum(float(p.flop) for p in offloaded(prefill))
    assert_close(moved, 2 * 2048 * 3 * 16384 * 53248 / 8, rtol=1e-12)
    # What the accelerator is spared, in 16 microbatches of 14 layers at 0.12 pJ.
    spared_j = joules(report(False), "matmul") - joules(report(True), "matmul")
    assert_close(spared_j, 16 * 14 * moved * 0.12e-12, rtol=1e-9)


@pytest.mark.parametrize("cause", ["laser", "modulator", "dac", "adc", "tia"])
def test_what_is_clocked_burns_for_the_whole_step(cause):
    out = report(True)
    watts = float(UNIT.static_w()[f"optical_{cause}"])
    burnt_j = joules(out, f"optical_{cause}")
    assert_close(burnt_j, watts * float(out.step_s), rtol=1e-9)


def test_weights_are_fetched_as_settings_of_phases():
    """`phase_bits` over 8 bits of a weight, of the bytes of the products that moved."""
    prefill = nominal_clusters.prefill()
    weights = 16 * 14 * sum(float(p.rows * p.inner) for p in offloaded(prefill))
    more = weights * (float(UNIT.phase_bits()) / 8 - 1)
    added_j = joules(report(True), "hbm") - joules(report(False), "hbm")
    assert_close(added_j, more * 36e-12, rtol=1e-9)


def test_time_on_the_unit_is_that_of_its_products():
    costs = [UNIT.cost(product) for product in offloaded(nominal_clusters.prefill())]
    layer_s = sum(float(cost.time_s["optical"]) for cost in costs)
    assert_close(report(True).time_s["optical"], 16 * 14 * layer_s, rtol=1e-9)


@pytest.mark.parametrize("optical", [False, True])
def test_causes_and_times_sum_with_and_without_a_unit(optical):
    out = report(optical)
    assert set(out.energy_j_per_token) == set(causes.ENERGY)
    assert_close(sum(map(float, out.time_s.values())), out.step_s, rtol=1e-12)
    parts = sum(map(float, out.energy_j_per_token.values()))
    assert_close(parts, out.j_per_token, rtol=1e-12)


def test_only_a_cluster_with_a_unit_reports_one():
    assert report(False).matrix_unit is None
    unit = report(True).matrix_unit
    assert unit is not None
    assert set(unit.noise) == set(causes.NOISE)
