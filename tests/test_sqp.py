"""The batched minimiser, on problems with known answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonflow.search.objective import prepare
from photonflow.search.sqp import (
    Problem,
    Sample,
    initial_state,
    iterate,
    solve_qp,
)


def bowl(u, target):
    """(u0 - target)^2 + u1 with u0 + u1 >= 1/2 and u0 <= 0.6; u2 pulls up to 1."""
    f = jnp.square(u[0] - target) + u[1] - u[2]
    c = jnp.stack([u[0] + u[1] - 0.5, 0.6 - u[0], u[0] * 0.0 + 1.0])
    return f, c, 10 * u[0]


def solved(function, argument, first=None, n=3, iterations=60, keep=None):
    if first is None:
        first = np.random.default_rng(1).random((32, n))
    first = jnp.asarray(first)

    @jax.jit
    def evaluate(u):
        def one(v):
            value, along = jax.linearize(lambda w: function(w, argument), v)
            return value, jax.vmap(along, out_axes=-1)(jnp.eye(v.shape[0]))

        (f, c, extra), (g, jacobian, _) = jax.vmap(one)(u)
        return Sample(f, c, g, jacobian, extra)

    look = evaluate(first)
    keep = jnp.ones(look.c.shape[1], bool) if keep is None else keep
    low, high = jnp.zeros_like(first), jnp.ones_like(first)
    problem = Problem(low, high, jnp.ones(()), keep)
    state = initial_state(first, look)
    active = np.ones(len(first), bool)
    return iterate(evaluate, problem, state, active, iterations)


def test_every_start_finds_a_corner_of_constraint_and_bound_with_its_multipliers():
    # Without limits u0 = 0.8. The second stops it at 0.6, where the first is slack
    # with u1 at its bound 0: gradient 2 (0.6 - 0.8) + lambda = 0, so lambda = 0.4.
    end = solved(bowl, jnp.asarray(0.8, float))
    assert end.at.u == pytest.approx(np.tile([0.6, 0.0, 1.0], (32, 1)), abs=1e-9)
    assert end.multipliers == pytest.approx(np.tile([0, 0.4, 0], (32, 1)), abs=1e-7)
    assert end.kkt.max() < 1e-8
    assert end.at.extra == pytest.approx(np.full(32, 6.0), rel=1e-9)


def test_a_masked_constraint_does_not_hold_the_search():
    end = solved(bowl, jnp.asarray(0.8, float), keep=jnp.array([True, False, True]))
    assert end.at.u[:, 0] == pytest.approx(np.full(32, 0.8), abs=1e-7)


def test_curved_constraints_are_met_to_rounding():
    # Rosenbrock's valley inside a disc: the optimum touches the disc, or (a second
    # valley does not exist) nothing else.
    def valley(u, _):
        x = 4 * u - 2
        f = jnp.square(1 - x[0]) + 10 * jnp.square(x[1] - jnp.square(x[0]))
        return f / 10, 1.5 - jnp.sum(jnp.square(x))[None], f

    end = solved(valley, jnp.zeros(()), n=2, iterations=120)
    best = end.at.f.min()
    assert (end.at.f < best + 1e-9).mean() > 0.9
    assert end.violation.max() < 1e-9
    assert end.at.c == pytest.approx(np.zeros((32, 1)), abs=1e-6)


def error(end):
    """How far every start is from the optimality conditions."""
    return jnp.maximum(jnp.maximum(end.kkt, end.violation), end.complementarity)


def test_steps_along_a_curved_limit_are_corrected_to_second_order():
    """Maratos' effect: min 20 (x^2 + y^2 - 1) - x outside of the unit circle.

    A full step along the tangent ends outside of the circle, where the objective grows
    by 20 times its square, so that the merit refuses it however close the optimum at
    (1, 0) is. Without correction no start is there after 70 iterations.
    """

    def outside(u, _):
        x = 4 * u - 2
        beyond = jnp.sum(jnp.square(x)) - 1
        return 20 * beyond - x[0], beyond[None], x[0]

    angle = np.linspace(-1.5, 1.5, 16)
    on_circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    end = solved(outside, jnp.zeros(()), first=(on_circle + 2) / 4, iterations=60)
    assert error(end).max() < 1e-6
    assert end.at.u == pytest.approx(np.tile([0.75, 0.5], (16, 1)), abs=1e-6)


def test_a_limit_dearer_than_the_first_weight_of_the_merit_is_met():
    # min 100 u0 + u1 with u0 + u1 / 5 >= 1/2: price 100, and u1 at its bound 1 since
    # 1 < 100 / 5. A merit of weight 10 would give the limit up for u0 = 0.
    def dear(u, _):
        return 100 * u[0] + u[1], (u[0] + u[1] / 5 - 0.5)[None], u[0]

    end = solved(dear, jnp.zeros(()), n=2)
    assert error(end).max() < 1e-7
    assert end.at.u == pytest.approx(np.tile([0.3, 1.0], (32, 1)), abs=1e-9)
    assert end.multipliers == pytest.approx(np.full((32, 1), 100.0), rel=1e-6)


def test_a_saddle_is_left_for_a_minimum_whatever_its_curvature():
    """Negative curvature of the objective; the limit bends the Lagrangian back."""

    def saddle(u, _):
        x = u - jnp.asarray([0.4, 0.7])
        f = x[1] ** 2 - 3 * x[0] ** 2 + 0.1 * jnp.sin(9 * u[0]) * x[1]
        return f, (0.81 - u[0] ** 2 * (1 + u[1]))[None], f

    end = solved(saddle, jnp.zeros(()), n=2)
    assert error(end).max() < 1e-7


def test_a_start_that_cannot_be_feasible_comes_to_rest_at_the_least_violation():
    def hopeless(u, _):
        c = jnp.stack([-0.2 - u[0], u[1] - 0.3])
        return u[2] + u[0], c, u[0]

    end = solved(hopeless, jnp.zeros(()))
    assert end.violation == pytest.approx(np.full(32, 0.2), abs=1e-6)


def test_the_elastic_programme_prices_an_unreachable_limit_at_its_weight():
    # min d^2/2 + 5 max(0, 3 - d) in [-1, 1]: the box stops d at 1.
    one = jnp.ones((1, 1))
    args = one, jnp.zeros(1), one, -3 * jnp.ones(1), -jnp.ones(1), jnp.ones(1)
    d, price = solve_qp(*args, jnp.asarray(5.0, float))
    assert float(d[0]) == pytest.approx(1.0, abs=1e-9)
    assert float(price[0]) == pytest.approx(5.0, rel=1e-9)


def test_constraints_that_nothing_moves_are_fixed_and_twins_are_kept_once():
    x = np.linspace(0.0, 1.0, 8)
    samples = np.stack([x, x - 0.5, x.copy(), np.full(8, -0.1)], axis=1)
    found = prepare(["a", "b", "twin of a", "stuck"], samples)
    assert found.keep.tolist() == [True, True, False, False]
    assert found.same == {"twin of a": "a"}
    assert found.violated == {"stuck": pytest.approx(-0.1)}
