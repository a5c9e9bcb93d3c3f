"""The batched minimiser, on problems with known answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonflow.search.fixed import survey
from photonflow.search.kkt import certificate
from photonflow.search.quadratic import solve_qp
from photonflow.search.sqp import RADIUS, Sample, initial_state, update


def bowl(u, target):
    """(u0 - target)^2 + u1 with u0 + u1 >= 1/2 and u0 <= 0.6; u2 pulls up to 1."""
    f = jnp.square(u[0] - target) + u[1] - u[2]
    c = jnp.stack([u[0] + u[1] - 0.5, 0.6 - u[0], u[0] * 0.0 + 1.0])
    return f, c, 10 * u[0]


def sampled(function, argument=None):
    """Designs to samples, slopes in forward mode."""

    @jax.jit
    def evaluate(u):
        def one(v):
            value, along = jax.linearize(lambda w: function(w, argument), v)
            return value, jax.vmap(along, out_axes=-1)(jnp.eye(v.shape[0]))

        (f, c, _), (g, jacobian, _) = jax.vmap(one)(u)
        return Sample(f, c, g, jacobian)

    return lambda u: Sample(*map(np.array, evaluate(jnp.asarray(u))))


def solved(function, argument=None, first=None, n=3, iterations=60):
    if first is None:
        first = np.random.default_rng(1).random((32, n))
    evaluate = sampled(function, argument)
    low, high = np.zeros_like(first), np.ones_like(first)
    state = initial_state(first, evaluate(first).c.shape[1])
    for _ in range(iterations):
        state = update(state, evaluate(state.trial), low, high)
    return state


def test_every_start_finds_a_corner_of_constraint_and_bound_with_its_multipliers():
    # Without limits u0 = 0.8. The second stops it at 0.6, where the first is slack
    # with u1 at its bound 0: gradient 2 (0.6 - 0.8) + lambda = 0, so lambda = 0.4.
    end = solved(bowl, 0.8)
    assert end.u == pytest.approx(np.tile([0.6, 0.0, 1.0], (32, 1)), abs=1e-9)
    assert end.multipliers == pytest.approx(np.tile([0, 0.4, 0], (32, 1)), abs=1e-7)
    assert end.kkt.max() < 1e-8


def test_a_step_that_keeps_its_promise_widens_the_trust_region():
    """Down a plane, whole steps; up against a wall of curvature, shorter ones."""
    first = np.array([[0.9, 0.5]])
    evaluate = sampled(lambda u, _: (u[0], jnp.ones(1), u[0]))
    low, high = np.zeros_like(first), np.ones_like(first)
    state = initial_state(first, 1)
    for _ in range(2):
        state = update(state, evaluate(state.trial), low, high)
    assert state.u == pytest.approx(np.array([[0.9 - RADIUS, 0.5]]), abs=1e-6)
    assert state.radius == pytest.approx(np.array([2 * RADIUS]))
    steep = sampled(lambda u, _: (1e3 * jnp.square(u[0] - 0.85), jnp.ones(1), u[0]))
    state = initial_state(first, 1)
    for _ in range(3):
        state = update(state, steep(state.trial), low, high)
    assert state.radius < RADIUS


def test_curved_constraints_are_met_to_rounding():
    # Rosenbrock's valley inside a disc: the optimum touches the disc, or (a second
    # valley does not exist) nothing else.
    def valley(u, _):
        x = 4 * u - 2
        f = jnp.square(1 - x[0]) + 10 * jnp.square(x[1] - jnp.square(x[0]))
        return f / 10, 1.5 - jnp.sum(jnp.square(x))[None], f

    end = solved(valley, n=2, iterations=120)
    best = end.f.min()
    assert (end.f < best + 1e-9).mean() > 0.9
    assert end.violation.max() < 1e-9
    assert end.c == pytest.approx(np.zeros((32, 1)), abs=1e-6)


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
    end = solved(outside, first=(on_circle + 2) / 4, iterations=60)
    assert end.error().max() < 1e-6
    assert end.u == pytest.approx(np.tile([0.75, 0.5], (16, 1)), abs=1e-6)


def test_a_limit_dearer_than_the_first_weight_of_the_merit_is_met():
    # min 100 u0 + u1 with u0 + u1 / 5 >= 1/2: price 100, and u1 at its bound 1 since
    # 1 < 100 / 5. A merit of weight 10 would give the limit up for u0 = 0.
    def dear(u, _):
        return 100 * u[0] + u[1], (u[0] + u[1] / 5 - 0.5)[None], u[0]

    end = solved(dear, n=2)
    assert end.error().max() < 1e-7
    assert end.u == pytest.approx(np.tile([0.3, 1.0], (32, 1)), abs=1e-9)
    assert end.multipliers == pytest.approx(np.full((32, 1), 100.0), rel=1e-6)


def test_a_saddle_is_left_for_a_minimum_whatever_its_curvature():
    """Negative curvature of the objective; the limit bends the Lagrangian back."""

    def saddle(u, _):
        x = u - jnp.asarray([0.4, 0.7])
        f = x[1] ** 2 - 3 * x[0] ** 2 + 0.1 * jnp.sin(9 * u[0]) * x[1]
        return f, (0.81 - u[0] ** 2 * (1 + u[1]))[None], f

    end = solved(saddle, n=2)
    assert end.error().max() < 1e-7


def test_a_start_that_cannot_be_feasible_comes_to_rest_at_the_least_violation():
    def hopeless(u, _):
        c = jnp.stack([-0.2 - u[0], u[1] - 0.3])
        return u[2] + u[0], c, u[0]

    end = solved(hopeless)
    assert end.violation == pytest.approx(np.full(32, 0.2), abs=1e-6)


def test_the_elastic_programme_prices_an_unreachable_limit_at_its_weight():
    # min d^2/2 + 5 max(0, 3 - d) in [-1, 1]: the box stops d at 1.
    one = np.ones((1, 1))
    args = one[None], np.zeros((1, 1)), one[None], -3 * one, -one, one
    d, price = solve_qp(*args, np.array([5.0]))
    assert float(d[0, 0]) == pytest.approx(1.0, abs=1e-9)
    assert float(price[0, 0]) == pytest.approx(5.0, rel=1e-9)


def test_a_start_takes_the_same_step_whoever_else_is_in_the_batch():
    rng = np.random.default_rng(2)
    k, n, m = 5, 4, 6
    root = rng.normal(size=(k, n, n))
    hessian = root @ root.swapaxes(1, 2) + np.eye(n)
    jacobian = rng.normal(size=(k, m, n))
    slack, weight = rng.normal(size=(k, m)), np.full(k, 10.0)
    box = np.ones((k, n))
    parts = hessian, rng.normal(size=(k, n)), jacobian, slack, -box, box, weight
    together = solve_qp(*parts)
    for i in range(k):
        alone = solve_qp(*(x[i : i + 1] for x in parts))
        for one, all_ in zip(alone, together, strict=True):
            assert np.array_equal(one[0], all_[i])


def test_a_certificate_needs_no_history_and_shares_nothing_with_the_solver():
    # min u0 + 2 u1 with u0 + u1 >= 1 in [0, 1]^2: u = (1, 0). Of u0 the bound 1 and the
    # limit hold, of u1 the bound 0: 1 = lambda - nu, 2 = lambda + nu'.
    u, low, high = np.array([1.0, 0.0]), np.zeros(2), np.ones(2)
    g, c, jacobian = np.array([1.0, 2.0]), np.zeros(1), np.ones((1, 2))
    found = certificate(u, g, c, jacobian, low, high, 1e-6)
    assert found.residual < 1e-12
    assert g - found.multipliers @ jacobian == pytest.approx(found.bounds, abs=1e-12)
    # Away from the optimum nothing carries the gradient.
    inside = certificate(np.full(2, 0.6), g, c + 0.2, jacobian, low, high, 1e-6)
    assert inside.residual == pytest.approx(1.0) and not inside.multipliers.any()


def test_nearly_equal_limits_leave_no_rest_whoever_carries_the_weight():
    jacobian = np.array([[1.0, 1.0], [1.0 + 1e-9, 1.0], [1.0, 1.0 - 1e-9]])
    g = np.array([2.0, 2.0])
    args = np.full(2, 0.5), g, np.zeros(3), jacobian, np.zeros(2), np.ones(2), 1e-6
    found = certificate(*args)
    assert found.residual < 1e-8
    assert found.multipliers.sum() == pytest.approx(2.0, rel=1e-6)


def test_limits_that_nothing_moves_are_fixed_and_twins_are_carried_once():
    x = np.linspace(0.0, 1.0, 8)
    c = np.stack([x, x - 0.5, x.copy(), np.full(8, -0.1)], axis=1)
    rows = np.array([1.0, 1.0, 1.0, 0.0])
    jacobian = np.tile(rows[None, :, None], (8, 1, 1))
    found = survey(Sample(x, c, np.ones((8, 1)), jacobian))
    assert found.masked.tolist() == [False, False, True, True]
    assert found.same == {2: 0}
    assert found.still.tolist() == [False, False, False, True]


def test_a_limit_whose_value_stands_still_by_chance_is_not_fixed():
    """A sample says nothing: slopes do."""
    c, jacobian = np.zeros((1, 1)), np.ones((1, 1, 1))
    assert not survey(Sample(np.zeros(1), c, np.ones((1, 1)), jacobian)).masked.any()
