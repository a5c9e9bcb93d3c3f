"""The gradient rule for every kind of modulator, over time and in the steady state."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from gradient_rule import (
    Case,
    assert_finite,
    assert_rule,
    box,
    case,
    ends,
    interior,
)
from nominal_modulators import KINDS, electrode
from photonflow.devices.response import power


INPUT_W = jnp.asarray(1e-3)
# Four symbols of four samples: what compiles grows with the logarithm of the length.
DRIVE = jnp.asarray(np.repeat([0.0, 1.0, 0.4, 0.9], 4))
DRIVE_HZ = jnp.asarray(4 * 53.125e9)


def stages(modulator, source) -> dict:
    work = modulator.operate(INPUT_W)
    wave = work.waveform(DRIVE, DRIVE_HZ, source.line_ohm)
    return {
        "top": work.top,
        "bottom": work.bottom,
        "ln_swing": jnp.log(work.top - work.bottom),
        "band": power(work.transfer(jnp.asarray(40e9), source.line_ohm)),
        "load": work.load_f * 1e12,
        "tuning": work.tuning_w,
        "inner": work.predistort(jnp.asarray(1 / 3)),
        "wave": wave[9],
    } | {f"slack.{name}": slack for name, slack in work.slacks.items()}


CASES = KINDS | {
    "ring": nominal.ring,
    "free ring": lambda: dataclasses.replace(nominal.ring(detuning=-2.0), locked=False),
    "one pole": nominal.mach_zehnder,
}
of_each = pytest.mark.parametrize("kind", CASES, scope="module")


@functools.cache
def build(kind: str) -> Case:
    return case((CASES[kind](), electrode()), ["modulator", "source"], stages)


@of_each
def test_gradients_match_finite_differences_at_the_nominal_point_and_64_more(kind):
    """Within 5 % of the ranges, off the fold."""
    case = build(kind)
    inside = interior(case, 64, 0.05, {"fold": 0.1})
    assert_rule(case, np.concatenate([case.nominal[None], inside]))


@of_each
def test_all_is_finite_at_both_ends_of_every_parameter_and_over_the_box(kind):
    """4,096 corners and 4,096 points inside."""
    case = build(kind)
    assert_finite(case, np.concatenate([ends(case), box(case, 4096)]))
