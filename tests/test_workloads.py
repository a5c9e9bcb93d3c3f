"""Training and prefill: operations, bytes, traffic, and the time of a pipeline."""

import functools
import math

import jax.numpy as jnp
import pytest

import nominal_clusters
from helpers import assert_close
from photonflow import causes
from photonflow.cluster.collectives import AllReduce
from photonflow.cluster.pipeline import Stage, Times, circulating, flushed, total
from photonflow.cluster.step import Report, evaluate
from photonflow.component import replace


TOKENS = 2048 * 8192  # of a global batch


@functools.cache
def report(kind: str) -> Report:
    return evaluate(
        nominal_clusters.cluster("pluggable"), nominal_clusters.workloads()[kind]
    )


def stage(**seconds: float) -> Stage:
    """2 s of arithmetic on every stage, 0.5 s of head, 0.1 s of hand-over."""
    values = dict(layers=2.0, head=0.5, hand=0.1, host=0.01) | seconds
    zeros: Times = dict.fromkeys(causes.TIME, jnp.zeros(()))
    return Stage(
        zeros | {"matmul": jnp.asarray(values["layers"])},
        zeros | {"matmul": jnp.asarray(values["head"])},
        jnp.asarray(values["hand"]),
        jnp.asarray(values["host"]),
    )


# Operations


def test_training_does_six_operations_per_weight_and_token():
    """2 forward and 4 backward; the embedding is looked up."""
    train = nominal_clusters.training()
    model = train.model
    layer = sum(float(p.flop) for p in train.layer_products() if p.cause == "matmul")
    head = sum(float(p.flop) for p in train.head_products())
    weights = float(model.weights() - model.head_weights())
    assert_close((126 * layer + head) * 8, 6 * 8192 * weights, rtol=1e-12)


def test_causal_attention_is_done_forward_again_and_twice_backward():
    """4 passes of 2 products over half of 8,192^2, 128 heads of 128 over 8 ranks."""
    (core,) = [
        p for p in nominal_clusters.training().layer_products() if p.kind == "attention"
    ]
    one_pass = 2 * 2 * 8192**2 / 2 * 128 * 128 / 8
    assert_close(core.count * core.flop, 4 * one_pass, rtol=1e-12)


def test_the_gradient_of_a_weight_is_added_up_in_four_bytes():
    """Weights are streamed forward and backward, gradients read and written; and
    activations of two bytes."""
    train = nominal_clusters.training()
    streamed = sum(
        float(p.stream_byte) for p in train.layer_products() if p.cause == "matmul"
    )
    weights = float(train.model.layer_weights()) / 8
    # Inputs and outputs of the four products on one rank, in all three directions.
    each = 4 * 16384 + (2 * 16384 + 2048 + 3 * 53248) / 8
    moved = 3 * 8192 * each * 2
    assert_close(streamed, (2 + 2 + 8) * weights + moved, rtol=1e-12)


def test_prefill_does_two_operations_per_weight_and_token_but_for_the_head():
    prefill = nominal_clusters.prefill()
    model = prefill.model
    layer = [p for p in prefill.layer_products() if p.cause == "matmul"]
    flop = 126 * sum(float(p.flop) for p in layer) * 8
    assert_close(flop, 2 * 2048 * 126 * float(model.layer_weights()), rtol=1e-12)
    (head,) = prefill.head_products()  # the last token of one prompt
    assert_close(head.flop * 8, 2 * float(model.head_weights()), rtol=1e-12)


# Traffic and memory


def test_training_sends_activations_gradients_and_nothing_outside():
    traffic = nominal_clusters.training().collectives()
    passed = 8192 * 16384 * 2
    assert_close(traffic.all_reduce.size_byte, passed, rtol=1e-12)
    assert_close(traffic.all_reduce.count, 4 * 14, rtol=1e-12)
    # A slice per rank, there and back, by all but one of nine stages.
    assert_close(traffic.hand_over.sent_byte(), 2 * 8 / 9 * passed / 8, rtol=1e-12)
    assert traffic.outside.sent_byte() == 0
    gradients = 405.85e9 / 72 * 2
    expected = 2 * 127 / 128 * gradients
    assert_close(traffic.gradients.sent_byte(), expected, rtol=1e-4)


def test_training_keeps_eighteen_bytes_of_state_per_parameter():
    """Of the first stage: 14 layers of 3.19e9 and the embedding of 2.10e9 over 8 ranks,
    105 GB; and nine microbatches of 14 layers."""
    train = nominal_clusters.training()
    kept = 8192 * (4 * 16384 + 2 * 16384 + 2048 + 2 * 53248) * 2 / 8 * 14
    assert_close(train.kept_byte(), kept, rtol=1e-12)
    state = (14 * 3.18767e9 + 2.10135e9) / 8 * 18
    assert_close(train.memory_byte(), state + 9 * kept, rtol=1e-4)


def test_prefill_sends_its_cache_away():
    """2,048 tokens of 258,048 bytes over 72 accelerators."""
    outside = nominal_clusters.prefill().collectives().outside
    assert_close(outside.sent_byte(), 2048 * 258_048 / 72, rtol=1e-12)


# The pipeline


def test_a_flushed_pipeline_fills_and_drains():
    """16 (2 + 0.5) + 8 (2 + 2 * 0.1) + 0.01, with a bubble of 8 * 2."""
    times = flushed(jnp.asarray(16.0), jnp.asarray(9.0), stage(), passes=2.0)
    assert_close(total(times), 40 + 17.6 + 0.01, rtol=1e-12)
    assert_close(times["bubble"], 16.0, rtol=1e-12)
    assert_close(times["scale_out"], 1.6, rtol=1e-12)


def test_one_stage_has_no_bubble_when_flushed():
    times = flushed(jnp.asarray(4.0), jnp.asarray(1.0), stage(), passes=1.0)
    assert_close(total(times), 4 * 2.5 + 0.01, rtol=1e-12)
    assert times["bubble"] == 0
    assert times["scale_out"] == 0


def test_a_pipeline_that_never_drains_waits_for_its_busiest_stage():
    """36 microbatches of 2.5 s hide a round of 9 (2 + 0.1) + 0.5 + 0.01."""
    times = circulating(jnp.asarray(36.0), jnp.asarray(9.0), stage())
    assert_close(total(times), 90.0, rtol=1e-9)


def test_few_microbatches_wait_for_a_round_of_all_stages():
    """2 of 2.5 s are back before a round of 9 (2 + 0.1) + 0.5 + 0.01 is over."""
    times = circulating(jnp.asarray(2.0), jnp.asarray(9.0), stage())
    assert_close(total(times), 19.41, rtol=1e-9)
    assert_close(times["scale_out"], 0.9, rtol=1e-9)
    assert_close(times["bubble"], 18.51 - 5.0, rtol=1e-9)


def test_gradients_hide_behind_the_last_backward_pass_only():
    """A backward pass is two thirds of the 2 s of a stage; rounded in 2 % of that."""
    train = nominal_clusters.training()

    def left_s(reduce_s: float) -> float:
        times = train.exposed_s(stage(), jnp.asarray(reduce_s))
        idle = train.exposed_s(stage(), jnp.zeros(()))
        return float(times["scale_out"] - idle["scale_out"])

    assert left_s(0.1) < 1e-12
    assert_close(left_s(5.0), 5 - 2 * 2 / 3, rtol=1e-9)
    assert_close(left_s(4 / 3), 0.02 * 4 / 3 * math.log(2), rtol=1e-9)


def test_a_ring_of_replicas_sends_twice_what_it_holds():
    """2 * 127 floors, and 2 * 127 / 128 of the bytes at 0.9 of 800 Gbit/s."""
    tree = nominal_clusters.scale_out("pluggable")
    lines = nominal_clusters.SCALE_OUT
    size, ranks = jnp.asarray(1e9), jnp.asarray(128.0)
    message = AllReduce(size, ranks, jnp.ones(()))
    wire_s = 2 * 127 / 128 * 8e9 / (0.9 * 0.8e12)
    floors_s = 2 * 127 * float(tree.floor_s(lines))
    assert_close(tree.all_reduce_s(message, lines), wire_s + floors_s, rtol=1e-9)


def test_an_oversubscribed_fabric_slows_what_climbs():
    """Four to one, of which 92 of 128 neighbours feel it: 2.875 times."""
    tree = nominal_clusters.scale_out("pluggable")
    thin = replace(tree, {"oversubscription": 4.0})
    size, lines = jnp.asarray(1e9), nominal_clusters.SCALE_OUT
    ratio = thin.wire_s(size, lines) / tree.wire_s(size, lines)
    assert_close(ratio, 4 * (1 - 36 / 128), rtol=1e-5)


# The step


@pytest.mark.parametrize("kind", ["train", "prefill"])
def test_causes_and_times_sum_for_every_workload(kind):
    out = report(kind)
    assert_close(sum(map(float, out.time_s.values())), out.step_s, rtol=1e-12)
    parts = sum(map(float, out.energy_j_per_token.values()))
    assert_close(parts, out.j_per_token, rtol=1e-12)
    assert all(s >= 0 for s in out.time_s.values())


def test_eight_of_sixteen_microbatches_worth_of_stages_are_bubble():
    """(S - 1) / M = 8 / 16 of what the layers of a stage take, without the head."""
    out = report("train")
    busy_s = out.step_s - out.time_s["bubble"]
    assert 0.4 < out.time_s["bubble"] / busy_s < 0.5


def test_training_loads_scale_out_and_decode_leaves_it_idle():
    train, decode = report("train").utilisation, report("decode").utilisation
    for hop in ("host_link", "switch_link"):
        assert train["scale_out"][hop] > 5 * decode["scale_out"][hop]
    # All replicas' gradients, and hand-overs, over 800 Gbit/s for a step.
    traffic = nominal_clusters.training().collectives()
    sent = traffic.gradients.sent_byte() + 16 * traffic.hand_over.sent_byte()
    expected = float(sent) * 8 / (0.8e12 * float(report("train").step_s))
    assert_close(train["scale_out"]["host_link"], expected, rtol=1e-9)


def test_a_token_of_training_costs_at_least_its_arithmetic():
    """6 operations of 0.24 pJ on each of 405.85e9 weights, on the chip alone."""
    out = report("train")
    at_least = 6 * 0.24e-12 * 403.7e9
    assert out.energy_j_per_token["compute.matmul"] > at_least
    assert out.j_per_token > at_least
