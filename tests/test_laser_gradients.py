"""The gradient rule for every kind of source and for VCSELs."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest

import nominal
import nominal_lasers
from gradient_rule import BATCH, Case, assert_rule, case


def light_stages(source, at):
    light = source.shine(at.case_k, at.coolant_k)
    lanes = jnp.asarray(8.0)
    return {
        "ln_lane": jnp.log(light.lane_w),
        "ln_watts": jnp.log(light.electrical_w(lanes)),
        "ln_fit": jnp.log(light.fit(lanes)),
        "ln_rin": jnp.log(light.rin_per_hz),
    } | {f"slack.{name}": value for name, value in light.slacks.items()}


def vcsel_stages(laser, at):
    operation = laser.operate(at.case_k)
    passed = operation.transfer(jnp.asarray(20e9))
    return {
        "ln_top": jnp.log(operation.top_w),
        "bottom": operation.bottom_w / operation.light_w,
        "ln_watts": jnp.log(operation.electrical_w),
        "ln_fit": jnp.log(operation.fit),
        "real": passed.real,
        "imaginary": passed.imag,
    } | {f"slack.{name}": value for name, value in operation.slacks.items()}


@cache
def build(name: str) -> Case:
    if name == "vcsel":
        tree = (nominal_lasers.vcsel(), nominal.worst())
        return case(tree, ["laser", "at"], vcsel_stages)
    return case(
        (nominal_lasers.sources()[name], nominal.worst()),
        ["source", "at"],
        light_stages,
    )


CASES = [*nominal_lasers.sources(), "vcsel"]


def inside(case: Case, width: float) -> np.ndarray:
    """64 points around the nominal one with all limits kept but that of threshold."""
    random = np.random.default_rng(5)
    ends = [np.where(case.logarithmic, end, 1.0) for end in (case.low, case.high)]
    span = np.where(case.logarithmic, np.log(ends[1] / ends[0]), 1.0)
    move = random.uniform(-width, width, (BATCH, len(span))) * span
    edges = [case.at(np.full_like(span, u)) for u in (0.01, 0.99)]
    x = np.clip(case.move(case.nominal, move), *edges)
    f = case.values(x)
    kept = ("slack.rollover", "slack.junction", "slack.threshold")
    rows = [i for i, name in enumerate(case.outputs) if name in kept]
    x = x[np.all(f[:, rows] > 0.05, axis=1)]
    assert len(x) >= 64, f"{len(x)} of {BATCH} points keep their limits"
    return x[:64]


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_lasers_match_finite_differences(name):
    case = build(name)
    assert_rule(case, np.concatenate([case.nominal[None], inside(case, 0.1)]))


@pytest.mark.parametrize("name", CASES)
def test_lasers_stay_finite_at_ends_corners_and_inside_of_the_box(name):
    case, random = build(name), np.random.default_rng(11)
    p = len(case.paths)
    every = np.arange(p)
    ends = np.tile(case.nominal, (2 * p, 1))
    ends[every, every], ends[p + every, every] = case.low, case.high
    corners = case.at(random.integers(0, 2, (1024, p)).astype(float))
    x = np.concatenate([ends, corners, case.at(random.uniform(0, 1, (1024, p)))])
    values = case.values(x)
    slopes = case.pull(x, np.ones_like(values))
    bad = {case.outputs[j] for _, j in np.argwhere(~np.isfinite(values))}
    bad |= {case.paths[k] for _, k in np.argwhere(~np.isfinite(slopes))}
    assert not bad
