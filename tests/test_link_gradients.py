"""The rule of `gradient_rule` on links of every kind, and finite over the box.

Stage by stage: watts and books of both ends, error rate, margin and every slack of both
directions.
"""

import functools
from typing import Any

import jax.numpy as jnp
import pytest

import nominal
import nominal_links
from gradient_rule import (
    Case,
    assert_finite,
    assert_rule,
    box,
    case,
    ends,
    interior,
)


def stages(link: Any, at: Any) -> dict:
    budget = link.budget(at)
    out = {
        "end_a.ln_power": jnp.log(budget.end_a.power_w()),
        "end_b.ln_power": jnp.log(budget.end_b.power_w()),
        "ln_latency": jnp.log(budget.latency_s),
        # Of either end: the lesser of two equal ones has a kink.
        "ln_shoreline_a": jnp.log(budget.end_a.shoreline_bps_per_m),
        "ln_shoreline_b": jnp.log(budget.end_b.shoreline_bps_per_m),
        "ln_area": jnp.log(budget.area_m2),
        "ln_fit": jnp.log(budget.fit),
    }
    for name in ("a_to_b", "b_to_a"):
        way = getattr(budget, name)
        out |= {f"{name}.ber": way.log10_ber, f"{name}.margin": way.margin_db}
        out |= {f"{name}.ber_reserve": way.log10_ber_reserve}
        out |= {f"{name}.slack.{key}": slack for key, slack in way.slacks.items()}
    return out


CASES = (
    "engine-pluggable",
    "linear-linear",
    "copper",
    "half-retimed",
    "active-cable",
    "published",
    "mach-zehnder",
    pytest.param("taps", marks=pytest.mark.slow),
    pytest.param("wavelengths", marks=pytest.mark.slow),
    pytest.param("direct", marks=pytest.mark.slow),
    pytest.param("absorption", marks=pytest.mark.slow),
    pytest.param("patterns", marks=pytest.mark.slow),
)
# All tests of a case follow each other: what one process compiled, it uses.
of_each = pytest.mark.parametrize("name", CASES, scope="module")


@functools.cache
def build(name: str) -> Case:
    at = nominal.worst()
    if name in ("copper", "active-cable"):
        # Of its conditions only the length counts.
        at = nominal.worst(length_m=1.2)
        copper = nominal.copper_link()
        tree = (copper if name == "copper" else nominal_links.active_cable(),)
        return case(tree, ["link"], lambda link: stages(link, at))
    family = {"engine-pluggable": "cpo", "linear-linear": "lpo"}.get(name)
    link = nominal.links_of(family)[0] if family else nominal_links.LINKS[name]()
    return case((link, at), ["link", "at"], stages)


@of_each
def test_gradients_match_finite_differences_at_the_nominal_point(name):
    case = build(name)
    assert_rule(case, case.nominal[None])


@of_each
def test_gradients_match_finite_differences_at_64_points_inside(name):
    """Within 3 % of the ranges around the nominal point. Short of the threshold margins
    diverge as the noise ceiling comes near, and on the fold there is no derivative."""
    case = build(name)
    assert_rule(case, interior(case, 64, 0.03, {"ber": 0.0, "fold": 0.1}))


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
