"""The one scalar solve: roots of closed form, their derivatives, lanes without one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import assert_close
from photonflow import roots


SETTINGS = dict(halvings=8, steps=4)


def square_root(a):
    low = jnp.zeros_like(a)
    return roots.root(lambda x, a: x**2 - a, low, 4.0, a, **SETTINGS)


def test_the_square_root_and_its_slope_in_both_modes():
    a = jnp.asarray(2.0)
    assert_close(square_root(a), 2**0.5, rtol=1e-15)
    for derivative in (jax.grad, jax.jacfwd):
        assert_close(derivative(square_root)(a), 0.5 / 2**0.5, rtol=1e-14)


def test_derivatives_run_through_every_parameter_of_a_tree():
    def solved(p):
        return roots.root(
            lambda x, p: p["b"] * jnp.exp(x) - p["a"], -9.0, 9.0, p, **SETTINGS
        )

    p = {"a": jnp.asarray(3.0), "b": jnp.asarray(0.5)}
    assert_close(solved(p), np.log(6.0), rtol=1e-15)  # ln(a / b)
    slopes = jax.grad(solved)(p)
    assert_close(slopes["a"], 1 / 3, rtol=1e-14)
    assert_close(slopes["b"], -1 / 0.5, rtol=1e-14)


def test_a_function_of_arrays_is_solved_element_by_element():
    levels = jnp.asarray([0.25, 1.0, 9.0])
    assert_close(square_root(levels), [0.5, 1.0, 3.0], rtol=1e-14)


@pytest.mark.parametrize(
    "a, end", [(-1.0, 0.0), (25.0, 4.0)], ids=["positive", "negative"]
)
def test_a_lane_without_a_root_returns_an_end_and_spoils_no_other(a, end):
    """x^2 + 1 is positive and x^2 - 25 negative in all of [0, 4]."""
    lanes = jnp.asarray([2.0, a])
    values, slopes = jax.vmap(jax.value_and_grad(square_root))(lanes)
    assert_close(values, [2**0.5, end], rtol=1e-14)
    assert_close(slopes, [0.5 / 2**0.5, 0.0], rtol=1e-14)


def test_a_flat_function_is_left_at_its_end_with_finite_slopes():
    def solved(a):
        return roots.root(lambda x, a: a + 0.0 * x, 1.0, 2.0, a, **SETTINGS)

    assert jax.value_and_grad(solved)(jnp.asarray(1.0)) == (1.0, 0.0)
    assert jax.value_and_grad(solved)(jnp.asarray(-1.0)) == (2.0, 0.0)


def test_a_root_on_an_end_of_the_bracket_is_found_with_its_slope():
    def solved(a):
        return roots.root(lambda x, a: x - a, 0.0, 1.0, a, **SETTINGS)

    for end in (0.0, 1.0):
        assert_close(solved(jnp.asarray(end)), end, rtol=0.0, atol=1e-15)
        assert_close(jax.grad(solved)(jnp.asarray(end)), 1.0, rtol=1e-12)


def test_a_bracket_is_halved_about_the_first_rise_that_bisection_meets():
    low, high = roots.bisect(lambda x: x - 0.3, 0.0, 1.0, 4)
    assert (low, high) == (0.25, 0.3125)  # 4/16 and 5/16


def test_newton_stays_in_its_bracket_where_the_slope_points_out_of_it():
    """The steps from 0.5 on arctan(9 x) would leave [-1, 1] and diverge."""
    low, high = jnp.asarray(-1.0), jnp.asarray(2.0)
    x, _ = roots.newton(lambda x: jnp.arctan(9 * x), low, high, 1)
    assert x == low
