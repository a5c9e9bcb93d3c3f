"""The gradient rule for every kind of source and for VCSELs."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest

import nominal
import nominal_lasers
from gradient_rule import (
    Case,
    assert_finite,
    assert_rule,
    box,
    case,
    ends,
    interior,
)


def light_stages(source, at):
    light = source.emit(at.case_k, at.coolant_k)
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


of_each = pytest.mark.parametrize("name", CASES, scope="module")
LIMITS = {"rollover": 0.05, "junction": 0.05, "threshold": 0.05}


@of_each
def test_gradients_of_lasers_match_finite_differences(name):
    """At the nominal point and 64 within 10 % of the ranges that keep their limits."""
    case = build(name)
    assert_rule(
        case, np.concatenate([case.nominal[None], interior(case, 64, 0.1, LIMITS)])
    )


@of_each
def test_lasers_stay_finite_at_ends_corners_and_inside_of_the_box(name):
    case = build(name)
    assert_finite(case, np.concatenate([ends(case), box(case, 4096)]))
