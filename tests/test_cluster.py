"""From a workload and a cluster to seconds, watts and joules per token."""

import functools
import math

import jax
import jax.numpy as jnp
import pytest

import nominal_clusters
from helpers import assert_close
from photonflow import causes
from photonflow.cluster.budgets import link_budgets
from photonflow.cluster.collectives import AllReduce, PointToPoint
from photonflow.cluster.pipeline import smooth_maximum
from photonflow.cluster.step import Report, evaluate
from photonflow.component import replace
from photonflow.compute.base import MatrixProduct


FAMILIES = ("pluggable", "cpo")
TOKENS = 128 * 9 * 8  # replicas, microbatches, sequences of one


@functools.cache
def report(family: str) -> Report:
    with_its_rules = nominal_clusters.cluster(family), nominal_clusters.decode()
    return evaluate(*with_its_rules)


def watts(out: Report, cause: str) -> float:
    """Mean watts of one accelerator under a cause."""
    joules = out.energy_j_per_token[cause] * TOKENS / 9216
    return float(joules / out.step_s)


# The model


def test_weights_of_405b_are_counted():
    """405.85e9; norms are left out."""
    assert_close(nominal_clusters.decoder_405b().weights(), 405.85e9, rtol=1e-4)


def test_keys_and_values_of_a_token():
    """2 * 8 * 128 * 126 = 258,048 numbers, one byte each at FP8."""
    model, decode = nominal_clusters.decoder_405b(), nominal_clusters.decode()
    assert_close(model.kv_values() * model.layers, 258_048, rtol=1e-12)
    # Spread over 8 * 9 accelerators.
    assert_close(decode.cache_byte(jnp.ones(())), 258_048 / 72, rtol=1e-12)


def test_layers_are_dealt_out_to_stages():
    decode = nominal_clusters.decode()
    assert decode.layers_per_stage() == 14  # 126 / 9
    assert decode.layout.accelerators() == 9216  # 8 * 9 * 128
    assert decode.tokens_per_step() == TOKENS


def test_a_step_streams_every_weight_once_and_does_two_operations_with_it():
    decode = nominal_clusters.decode()
    model = decode.model
    layer = [p for p in decode.layer_products() if p.cause == "matmul"]
    (head,) = decode.head_products()
    weights = float(
        model.weights() - model.head_weights()
    )  # the embedding is looked up
    streamed = sum(126 * float(p.stream_byte) for p in layer) + float(head.stream_byte)
    assert_close(streamed * 8, weights, rtol=1e-12)
    operations = sum(126 * float(p.flop) for p in layer) + float(head.flop)
    assert_close(operations * 8, 2 * 8 * weights, rtol=1e-12)


def test_attention_reads_the_cache_and_does_four_operations_a_value():
    """8 sequences of 8,704 tokens, 2 * 8 * 128 bytes each, over 8 ranks."""
    (attention,) = [
        p for p in nominal_clusters.decode().layer_products() if p.cause == "attention"
    ]
    assert_close(attention.stream_byte, 8 * 8704 * 2048 / 8, rtol=1e-12)
    assert_close(attention.flop, 4 * 8 * 8704 * 128 * 128 / 8, rtol=1e-12)


def test_traffic_of_a_stage():
    traffic = nominal_clusters.decode().collectives()
    activations = 8 * 16384 * 2
    assert_close(traffic.all_reduce.size_byte, activations, rtol=1e-12)
    assert_close(traffic.all_reduce.count, 2 * 14, rtol=1e-12)
    # Ring: 2 (n - 1) / n of the message.
    expected = 28 * 2 * 7 / 8 * activations
    assert_close(traffic.all_reduce.sent_byte(), expected, rtol=1e-12)
    # All but the last stage hand over.
    assert_close(traffic.hand_over.sent_byte(), 8 / 9 * activations, rtol=1e-12)
    # A new cache of 8,192 tokens every 1,024 steps.
    arrived = 8 / 1024 * 8192 * 258_048 / 72
    assert_close(traffic.outside.sent_byte(), arrived, rtol=1e-12)


# The accelerator


def product(flop: float, stream_byte: float, operand_byte: float = 1) -> MatrixProduct:
    """Three products of a million outputs and a thousand inputs."""
    values = (1e6, 1e3, flop / 2e9, stream_byte, 1.0 * operand_byte, 3.0)
    leaves = [jnp.asarray(x) for x in values]
    return MatrixProduct(*leaves, kind="feed_forward")


@pytest.mark.parametrize("overlap", [1.0, 1.5, 8.0])
def test_a_product_lasts_between_the_larger_and_the_sum(overlap):
    chip = nominal_clusters.accelerator(overlap=overlap)
    stream_s = 3 * 2e9 / (0.8 * 7.7e12)
    flop_s = 3 * 1e12 / (0.7 * 4.5e15)
    time_s = sum(chip.cost(product(1e12, 2e9)).time_s.values())
    p = overlap
    assert_close(time_s, (stream_s**p + flop_s**p) ** (1 / p), rtol=1e-12)
    assert max(stream_s, flop_s) < time_s <= (stream_s + flop_s) * (1 + 1e-12)


def test_joules_of_a_product_are_counted_by_operation_and_byte():
    energy_j = nominal_clusters.accelerator().cost(product(1e12, 2e9)).energy_j
    assert_close(energy_j["matmul"], 3 * 1e12 * 0.12e-12, rtol=1e-12)
    assert_close(energy_j["hbm"], 3 * 2e9 * 36e-12, rtol=1e-12)


def test_wider_operands_take_as_much_more_time_and_energy():
    """No bytes from memory: arithmetic alone, at half the peak for two bytes."""
    chip = nominal_clusters.accelerator()
    one, two = (chip.cost(product(1e12, 0.0, byte)) for byte in (1, 2))
    assert_close(one.time_s["matmul"], 3 * 1e12 / (0.7 * 4.5e15), rtol=1e-12)
    assert_close(two.time_s["matmul"], 2 * one.time_s["matmul"], rtol=1e-12)
    assert_close(two.energy_j["matmul"], 2 * one.energy_j["matmul"], rtol=1e-12)


# The network


def test_the_floor_of_an_all_reduce_grows_as_a_power_of_ranks():
    """25 us (n / 8)^0.65, times 8 / 7 (n - 1) / n for what a single rank saves."""
    domain = nominal_clusters.scale_up()

    def floor_s(ranks: float) -> float:
        message = AllReduce(jnp.zeros(()), jnp.asarray(ranks), jnp.asarray(3.0))
        return float(domain.all_reduce_s(message, nominal_clusters.SCALE_UP))

    assert_close(floor_s(8.0), 3 * 25e-6, rtol=1e-12)
    assert_close(floor_s(64.0), 3 * 25e-6 * 8**0.65 * 8 / 7 * 63 / 64, rtol=1e-12)
    assert floor_s(1.0) == 0


def test_a_large_all_reduce_runs_at_the_payload_rate():
    """2 (n - 1) / n * S / (0.75 * 7.2 Tbit/s)"""
    message = AllReduce(jnp.asarray(1e9), jnp.asarray(8.0), jnp.ones(()))
    expected_s = 25e-6 + 2 * 7 / 8 * 8e9 / (0.75 * 7.2e12)
    domain, lines = nominal_clusters.scale_up(), nominal_clusters.SCALE_UP
    assert_close(domain.all_reduce_s(message, lines), expected_s, rtol=1e-12)


@pytest.mark.parametrize("tiers", [2.0, 3.0, 4.0])
def test_a_host_port_has_two_link_ends_a_tier(tiers):
    tree = replace(nominal_clusters.scale_out("pluggable"), {"tiers": tiers})
    links = sum(float(hop.per_accelerator) for hop in tree.hops().values())
    # Two accelerators share a port.
    assert_close(2 * links * 2, 2 * tiers, rtol=1e-12)


def test_three_tiers_take_three_modules_of_1600g_an_accelerator():
    """6 ends a port, 2 accelerators a port."""
    hops = nominal_clusters.scale_out("pluggable").hops().values()
    assert_close(sum(2 * float(hop.per_accelerator) for hop in hops), 3.0, rtol=1e-12)


def test_a_port_occupies_five_switch_ports_in_three_tiers():
    """1 + 2 (T - 1): (1600 - 518) W / 72 * 5 / 2 accelerators."""
    box_w = nominal_clusters.scale_out("pluggable").box_w()
    assert_close(box_w["switch"], (1600 - 518) / 72 * 5 / 2, rtol=1e-12)
    assert_close(box_w["nic"], 35 - 3.6, rtol=1e-12)
    halved = replace(nominal_clusters.scale_out("pluggable"), {"oversubscription": 2.0})
    assert_close(halved.box_w()["switch"], (1600 - 518) / 72 * 3 / 2, rtol=1e-12)


def test_a_hand_over_is_floor_boxes_flight_and_wire():
    """On one leaf with chance 36 / 128: one accelerator of a rail on each port."""
    tree = nominal_clusters.scale_out("pluggable")
    climbs = 1 - 36 / 128
    message = PointToPoint(jnp.asarray(1e6), jnp.ones(()))
    expected_s = (
        8e-6
        + 2 * 3e-7
        + 2 * climbs * 3e-6
        + 2 * 7e-7
        + (1 + 2 * climbs) * 6e-7
        + 8e6 / (0.9 * 0.8e12)
    )
    # The smooth minimum with 1 takes 5e-6 of the chance away.
    assert_close(
        tree.hand_over_s(message, nominal_clusters.SCALE_OUT), expected_s, rtol=1e-5
    )


def test_links_carry_what_accelerators_send():
    """Both accelerators of a port; above the leaves only what leaves them."""
    tree = nominal_clusters.scale_out("pluggable")
    loads = tree.loads_bit(jnp.asarray(1e6 * 8 / 9), jnp.asarray(3e5))
    assert_close(loads["host_link"], 2 * 8 * (1e6 * 8 / 9 + 3e5), rtol=1e-12)
    climbing = 1e6 * 8 / 9 * (1 - 36 / 128) / 2  # one of the two upper tiers
    assert_close(loads["switch_link"], 2 * 8 * (climbing + 3e5), rtol=1e-5)


def test_links_burn_at_nominal_and_are_designed_at_worst():
    cluster = nominal_clusters.cluster("pluggable")
    budgets = link_budgets(cluster)
    assert set(budgets.nominal) == set(budgets.worst) == {"scale_up", "scale_out"}
    for hop in ("host_link", "switch_link"):
        cool, hot = (b["scale_out"][hop] for b in (budgets.nominal, budgets.worst))
        assert cool.margin_db > hot.margin_db
        assert cool.a_to_b.budget_db["ageing"] == 0
        assert hot.a_to_b.budget_db["ageing"] == -1


# The step


@pytest.mark.parametrize("family", FAMILIES)
def test_causes_sum_to_the_total(family):
    out = report(family)
    assert set(out.energy_j_per_token) == set(causes.ENERGY)
    total_j = sum(float(j) for j in out.energy_j_per_token.values())
    assert_close(total_j, out.j_per_token, rtol=1e-12)
    assert all(j >= 0 for j in out.energy_j_per_token.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_exposed_times_sum_to_the_step(family):
    out = report(family)
    assert set(out.time_s) == set(causes.TIME)
    assert_close(sum(float(s) for s in out.time_s.values()), out.step_s, rtol=1e-12)
    assert all(s >= 0 for s in out.time_s.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_power_is_joules_per_token_times_tokens_per_second(family):
    out = report(family)
    assert_close(out.tokens_per_s, TOKENS / out.step_s, rtol=1e-12)
    assert_close(out.power_w, out.j_per_token * out.tokens_per_s, rtol=1e-12)


def test_the_meter_sees_conversion_and_cooling():
    """P = P_IT / (0.95 * 0.97) * 1.08"""
    out = report("pluggable")
    added = ("facility.conversion", "facility.cooling")
    it_j = sum(float(j) for c, j in out.energy_j_per_token.items() if c not in added)
    assert_close(out.j_per_token, it_j / (0.95 * 0.97) * 1.08, rtol=1e-12)


def test_idle_watts_are_those_of_the_parts():
    out = report("pluggable")
    assert_close(watts(out, "compute.idle"), 350 - 33, rtol=1e-12)
    assert_close(watts(out, "facility.host"), 150, rtol=1e-12)
    assert_close(watts(out, "facility.storage"), 20, rtol=1e-12)


def test_dynamic_joules_are_those_of_the_products():
    """Every weight is streamed once a microbatch, at 36 pJ a byte."""
    out = report("pluggable")
    model = nominal_clusters.decoder_405b()
    weights = float(model.weights() - model.head_weights())
    cached = 8 * 8704 * 258_048
    streamed = 9 * (weights + cached) / 72  # by one accelerator, 9 microbatches
    expected_j = streamed * 36e-12 * 9216 / TOKENS
    assert_close(out.energy_j_per_token["compute.hbm"], expected_j, rtol=1e-12)


def test_boxes_with_their_original_links_draw_what_was_measured():
    """4.5 pJ/bit * 1.6 Tbit/s = 7.2 W a port: 518.4 W of a switch, 3.6 W of a NIC."""
    cluster = replace(
        nominal_clusters.cluster("pluggable"),
        {"scale_out.switch.included_phy_w": 518.4},
    )
    out = evaluate(cluster, nominal_clusters.decode())
    names = ("switch", "nic", "serdes_host")
    drawn_w = sum(watts(out, f"network.scale_out.{name}") for name in names)
    # 5 of 72 ports of a switch for every 2 accelerators, and one adapter each.
    assert_close(drawn_w, 1600 * 5 / 72 / 2 + 35, rtol=1e-12)


def test_the_package_with_its_original_links_draws_what_was_measured():
    """7.2 Tbit/s * 4.5 pJ/bit = 32.4 W at either end."""
    cluster = replace(
        nominal_clusters.cluster("pluggable"),
        {"accelerator.included_phy_w": 32.4, "scale_up.switch.included_phy_w": 129.6},
    )
    out = evaluate(cluster, nominal_clusters.decode())
    names = ("compute.idle", "network.scale_up.serdes_host", "network.scale_up.switch")
    assert_close(sum(watts(out, name) for name in names), 350 + 200 / 4, rtol=1e-12)


def test_a_longer_step_costs_more_static_energy():
    """What burns all the time costs in proportion to the time."""
    cluster, decode = nominal_clusters.cluster("pluggable"), nominal_clusters.decode()
    slow = replace(cluster, {"accelerator.layer_s": 200e-6})
    before, after = report("pluggable"), evaluate(slow, decode)
    longer = after.step_s / before.step_s
    assert longer > 1.5
    static = after.static_j_per_token / before.static_j_per_token
    assert_close(static, longer, rtol=1e-12)
    dynamic = [r.j_per_token - r.static_j_per_token for r in (before, after)]
    assert_close(dynamic[1], dynamic[0], rtol=1e-10)


def test_the_step_lasts_as_long_as_the_busier_of_stage_and_round():
    out = report("pluggable")
    bubble_s, scale_out_s = out.time_s["bubble"], out.time_s["scale_out"]
    busy_s = out.step_s - bubble_s - scale_out_s
    # The smooth maximum lies at most 2^(1/16) - 1 = 4.4 % above the larger.
    assert busy_s < out.step_s
    many = replace(nominal_clusters.decode(), {"microbatches": 36.0})
    full = evaluate(nominal_clusters.cluster("pluggable"), many)
    assert full.time_s["bubble"] + full.time_s["scale_out"] < 1e-6 * full.step_s


def test_a_smooth_maximum_is_at_most_1_1_percent_high():
    one = jnp.ones(())
    assert_close(smooth_maximum(one, one), 2 ** (1 / 64), rtol=1e-12)
    assert_close(smooth_maximum(one * 1e-6, one * 3e-6), 3e-6, rtol=1e-8)


def test_utilisation_is_payload_over_capacity():
    out = report("pluggable")
    sent = float(nominal_clusters.decode().collectives().all_reduce.sent_byte())
    expected = 9 * sent * 8 / (7.2e12 * float(out.step_s))
    assert_close(out.utilisation["scale_up"]["link"], expected, rtol=1e-12)
    for tier in out.utilisation.values():
        assert all(0 < u < 1 for u in tier.values())


def test_memory_holds_weights_and_full_caches():
    """(405.85e9 + 72 * 9,216 * 258,048) bytes / 72 accelerators: 8.0 GB of 180."""
    weights = float(nominal_clusters.decoder_405b().weights())
    expected = (weights + 72 * (8192 + 1024) * 258_048) / 72
    assert_close(nominal_clusters.decode().memory_byte(), expected, rtol=1e-12)


def test_a_link_changes_only_its_own_tier():
    """Copper and compute cost the same whatever the optics."""
    ours, theirs = report("pluggable"), report("cpo")
    for cause in ("serdes_host", "fec", "switch"):
        name = f"network.scale_up.{cause}"
        assert_close(watts(ours, name), watts(theirs, name), rtol=1e-12)
    assert (
        theirs.energy_j_per_token["network.scale_out.dsp"]
        < (ours.energy_j_per_token["network.scale_out.dsp"])
    )


def test_float32_is_refused():
    with jax.enable_x64(False):
        with pytest.raises(RuntimeError, match="enable_x64"):
            evaluate(nominal_clusters.cluster("pluggable"), nominal_clusters.decode())
    assert math.isfinite(report("pluggable").j_per_token)
