"""The rule of `gradient_rule` on links of every kind, and finite over the box.

Stage by stage: watts and books of both ends, error rate, margin and every slack of both
directions.
"""

import fnmatch
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
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
    gradients,
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


DESIGN = "a demand on the design, not a part of the machine"
STATED = "watts and error rate are published figures, no signal is computed"
RETIMED = "the plug takes what the host sends; its error rate stands for that segment"
UNLIMITED = "what an unlimited equaliser does alone, an analogue one need not"
MATCHED = "a line that ends in its own impedance sends nothing back to its source"

# family:path -> why no output moves with it
NO_EFFECT = {
    "*:link.path.reach_m": DESIGN,
    "copper:*.host.peaking_db": UNLIMITED,
    "active-cable:*.line.peaking_db": UNLIMITED,
    **{
        f"{family}:*.host.{name}": why
        for family, why in (("active-cable", RETIMED), ("published", STATED))
        for name in ("*_snr_db", "peaking_db", "noise_v2_per_hz", "swing_v")
    },
    "active-cable:*.host.bandwidth_hz": RETIMED,
    "published:*.host.bandwidth_hz": STATED,
    "published:link.path.*_db": STATED,
    "published:link.path.fibre_db_per_m": STATED,
    "published:link.path.reflections": STATED,
    "published:link.fec.overhead": STATED,
    "published:at.*_k": STATED,
    "published:at.ageing_db": STATED,
    "mach-zehnder:*.driver.source_ohm": MATCHED,
}
LISTED = ("copper", "active-cable", "published", "mach-zehnder")


@pytest.mark.parametrize("name", LISTED, scope="module")
def test_links_ignore_what_is_listed_and_nothing_else(name):
    case = build(name)
    slope = np.abs(gradients(case, case.nominal[None])[0]).max(axis=0)
    zero = {path for path, g in zip(case.paths, slope, strict=True) if g == 0}
    listed = {
        path
        for path in case.paths
        if any(fnmatch.fnmatchcase(f"{name}:{path}", pattern) for pattern in NO_EFFECT)
    }
    assert zero == listed, f"not listed {zero - listed}, not zero {listed - zero}"
