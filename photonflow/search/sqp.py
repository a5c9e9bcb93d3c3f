r"""Many starts of one constrained problem at once: trust-region SQP, batched.

$$ \min_{l \le u \le h} f(u) \quad\text{with}\quad c(u) \ge 0 $$
from every start in parallel. One iteration evaluates value and Jacobian at one trial
point per start and then solves, around the current point, the elastic quadratic
programme [1, 2]
$$ \min_d\; g^T d + \tfrac12 d^T B d + \mu\sum_i\max(0, -(c + Jd)_i),
   \qquad l \le u + d \le h,\; |d|_\infty \le \Delta , $$
with $B$ the damped BFGS matrix of the Lagrangian. A step is taken when it lowers the
merit $f + \mu\sum\max(0,-c)$, or near the end the KKT residual (which keeps full
steps along curved constraints); otherwise $\Delta$ shrinks. The multipliers come out of
the programme, so there is no outer loop. What evaluates is compiled apart and called
from here, once an iteration.

A refused step is tried once more bent along the constraints [2, section 18.3].

1. Fletcher, Practical Methods of Optimization, 2nd ed. 1987, section 14.4 (Sl1QP)
2. Nocedal and Wright, Numerical Optimization, 2nd ed. 2006, sections 18.3 and 16.6
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..compilation import LEAN


QP_ITERATIONS = 28
RADIUS = 0.3  # of the first trust region, in a box of edge 1
RADIUS_LEAST = 1e-8
WEIGHT = 10.0  # first mu; the objective's gradient is of order 1
WEIGHT_LEAST = 1.0
WEIGHT_MOST = 1e4
INACTIVE = 10.0  # slack of a masked constraint


Numbers = Any
"""an array, of a compiled program or of numpy around it"""


class Problem(NamedTuple):
    """Boxes, whose first axis is the starts, and how the function is read."""

    low: Numbers
    high: Numbers
    scale: Numbers
    """the objective is divided by it"""
    keep: Numbers
    """mask over constraints"""


class Sample(NamedTuple):
    """A function at many designs, with its slopes in u as last axes."""

    f: Numbers
    c: Numbers
    g: Numbers
    jacobian: Numbers
    extra: Any


class Iterate(NamedTuple):
    """The function at one u, its value scaled and constraints masked."""

    u: Array
    f: Array
    c: Array
    g: Array
    jacobian: Array
    extra: Any


class State(NamedTuple):
    """One start on its way."""

    at: Iterate
    trial: Array
    fresh: Array
    """nothing evaluated yet"""
    corrected: Array
    """`trial` is the second attempt of a step, bent along the constraints"""
    hessian: Array
    radius: Array
    weight: Array
    multipliers: Array
    predicted: Array
    """fall of the merit that the model promises at `trial`"""
    kkt: Array
    """||P(u - grad L) - u||, with the objective scaled"""
    violation: Array
    complementarity: Array


def initial_state(starts: Array, like: Sample) -> State:
    """A state for every row of `starts`, shaped for samples such as `like`."""
    count, n = starts.shape
    at = Iterate(starts, *jax.tree.map(jnp.zeros_like, like))
    state = State(
        at=at,
        trial=starts,
        fresh=jnp.ones(count, bool),
        corrected=jnp.zeros(count, bool),
        hessian=jnp.broadcast_to(jnp.eye(n), (count, n, n)),
        radius=jnp.full(count, RADIUS),
        weight=jnp.full(count, WEIGHT),
        multipliers=jnp.zeros_like(like.c),
        predicted=jnp.zeros(count),
        kkt=jnp.full(count, jnp.inf),
        violation=jnp.full(count, jnp.inf),
        complementarity=jnp.full(count, jnp.inf),
    )
    # Weakly typed leaves would compile `update` a second time.
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, x.dtype), state)


def iterate(
    function: Callable[[Any], Sample],
    problem: Problem,
    state: State,
    active: np.ndarray,
    count: int,
) -> State:
    """`count` iterations of the starts in `active`; the others stay where they are."""
    some = np.flatnonzero(active)
    for _ in range(count):
        found = function(np.asarray(state.trial)[some])
        state = update(problem, state, jax.tree.map(partial(_spread, active), found))
    return state


def _spread(active: np.ndarray, values: Any) -> np.ndarray:
    """Rows of the active starts among all; what is not a number is no step to take."""
    rows = np.full((len(active), *values.shape[1:]), np.nan)
    rows[active] = values
    return rows


@partial(jax.jit, compiler_options=LEAN)
def update(problem: Problem, state: State, sample: Sample) -> State:
    """Take or refuse every trial and aim at the next."""
    f, g = (x / problem.scale for x in (sample.f, sample.g))
    c: Any = jnp.where(problem.keep[None], sample.c, INACTIVE)
    jacobian: Any = jnp.where(problem.keep[None, :, None], sample.jacobian, 0.0)
    trials = Iterate(state.trial, f, c, g, jacobian, sample.extra)
    return jax.vmap(_update_start)(state, trials, problem.low, problem.high)


def _update_start(state: State, trial: Iterate, low: Array, high: Array) -> State:
    """Take or refuse the trial point of one start and aim at the next."""
    at, weight = state.at, state.weight
    finite = [jnp.all(jnp.isfinite(x)) for x in (trial.f, trial.c, trial.g)]
    finite = finite[0] & finite[1] & finite[2] & jnp.all(jnp.isfinite(trial.jacobian))
    fall = _merit(at, weight) - _merit(trial, weight)
    ratio = fall / jnp.maximum(state.predicted, 1e-300)
    # Close to the end the merit is flat to rounding, and curved constraints make full
    # steps look bad; the residual of the optimality conditions does not mind.
    error = jnp.maximum(jnp.maximum(state.kkt, state.violation), state.complementarity)
    stepped = _error(trial, state.multipliers, low, high)
    closer = (error < 1e-2) & (stepped < 0.5 * error)
    taken = state.fresh | (finite & ((ratio > 1e-3) | closer))

    step = trial.u - at.u
    length = jnp.max(jnp.abs(step))
    grown = jnp.where(
        (ratio > 0.7) & (length > 0.9 * state.radius), 2 * state.radius, state.radius
    )
    grown = jnp.where((ratio < 0.2) & ~closer, 0.5 * state.radius, grown)
    # A refused step is tried once more with the constraints as it found them
    # (second-order correction), and only then shortened.
    again = ~taken & finite & ~state.corrected & ~state.fresh
    shrunk = 0.3 * jnp.minimum(length, state.radius)
    shrunk = jnp.where(again, state.radius, shrunk)
    radius = jnp.where(taken, grown, shrunk)
    radius = jnp.clip(radius, RADIUS_LEAST, 1.0)
    radius = jnp.where(state.fresh, RADIUS, radius)

    pull = (trial.g - trial.jacobian.T @ state.multipliers) - (
        at.g - at.jacobian.T @ state.multipliers
    )
    hessian = jnp.where(
        taken & ~state.fresh, _bfgs(state.hessian, step, pull), state.hessian
    )
    bent: Array = jnp.where(again, trial.c - at.jacobian @ step, at.c)
    at = jax.tree.map(lambda new, old: jnp.where(taken, new, old), trial, at)
    bent = jnp.where(taken, at.c, bent)  # type: ignore[assignment]

    down = jnp.maximum(low - at.u, -radius)
    up = jnp.minimum(high - at.u, radius)
    step, multipliers = solve_qp(hessian, at.g, at.jacobian, bent, down, up, weight)
    multipliers = jnp.where(again, state.multipliers, multipliers)
    # Rounding in the interior-point step must not leave a variable next to its bound.
    target = jnp.clip(at.u + step, low, high)
    target = jnp.where(target - low < 1e-9, low, target)
    target = jnp.where(high - target < 1e-9, high, target)
    step = target - at.u
    violation = jnp.max(jnp.maximum(-at.c, 0.0))
    left = jnp.sum(jnp.maximum(-(at.c + at.jacobian @ step), 0.0))
    now = jnp.sum(jnp.maximum(-at.c, 0.0))
    curved = step @ hessian @ step / 2
    model = at.g @ step + curved
    # Nowhere to go but still outside: feasibility has to weigh more.
    stuck = (violation > 1e-7) & (left > 0.9 * now)
    heavier = jnp.where(stuck, jnp.minimum(2 * weight, WEIGHT_MOST), weight)
    # Inside, no more than exactness asks for: a heavy merit forbids long steps.
    enough = jnp.maximum(WEIGHT_LEAST, 2 * jnp.max(multipliers))
    heavier = jnp.where(violation < 1e-7, jnp.minimum(heavier, enough), heavier)
    heavier = jnp.where(again, weight, heavier)
    promised = heavier * (now - left) - model
    promised: Array = jnp.where(again, state.predicted, promised)
    return State(
        at=at,
        trial=target,
        fresh=jnp.zeros_like(state.fresh),
        corrected=again,
        hessian=hessian,
        radius=radius,
        weight=heavier,
        multipliers=multipliers,
        predicted=promised,
        kkt=_residual(at, multipliers, low, high),
        violation=violation,
        complementarity=jnp.max(multipliers * jnp.abs(at.c)),
    )


def _merit(at: Iterate, weight: Array) -> Array:
    return at.f + weight * jnp.sum(jnp.maximum(-at.c, 0.0))


def _residual(at: Iterate, multipliers: Array, low: Array, high: Array) -> Array:
    """Inf-norm of the projected gradient of the Lagrangian."""
    gradient = at.g - at.jacobian.T @ multipliers
    return jnp.max(jnp.abs(jnp.clip(at.u - gradient, low, high) - at.u))


def _error(at: Iterate, multipliers: Array, low: Array, high: Array) -> Array:
    outside = jnp.max(jnp.maximum(-at.c, 0.0))
    idle = jnp.max(multipliers * jnp.abs(at.c))
    return jnp.maximum(
        jnp.maximum(_residual(at, multipliers, low, high), outside), idle
    )


def _bfgs(hessian: Array, step: Array, pull: Array) -> Array:
    """Powell's damped update: positive definite whatever the curvature."""
    bent = hessian @ step
    old = step @ bent
    new = step @ pull
    safe = old > 1e-24
    damp = jnp.where(new < 0.2 * old, 0.8 * old / jnp.where(safe, old - new, 1.0), 1.0)
    pull = damp * pull + (1 - damp) * bent
    new = step @ pull
    updated = (
        hessian
        - jnp.outer(bent, bent) / jnp.where(safe, old, 1.0)
        + jnp.outer(pull, pull) / jnp.where(safe, new, 1.0)
    )
    return jnp.where(safe, updated, hessian)


def solve_qp(
    hessian: Array,
    gradient: Array,
    jacobian: Array,
    slack: Array,
    down: Array,
    up: Array,
    weight: Array,
) -> tuple[Array, Array]:
    r"""Step and multipliers of the elastic quadratic programme, by interior points.

    With $w = c + Jd + t \ge 0$ and the excess $t \ge 0$ at price $\mu$, multipliers
    $\lambda$ of $w$ and $\mu - \lambda$ of $t$; eliminated down to one Cholesky
    factorisation of size n per iteration. A fixed number of iterations, centring 0.1.
    """
    # In units of the box, so that a small trust region is as well scaled as a large.
    size = up - down
    gradient = size * (gradient + hessian @ down)
    slack = slack + jacobian @ down
    jacobian = jacobian * size[None]
    hessian = size[:, None] * hessian * size[None]

    def excess(d):
        return slack + jacobian @ d

    d = jnp.full_like(gradient, 0.5)
    w = jnp.maximum(excess(d), 0.0) + 1.0
    t = w - excess(d)
    price = jnp.minimum(1.0, weight / 2) * jnp.ones_like(slack)
    lower = upper = jnp.ones_like(gradient)
    pairs = 2 * (slack.shape[0] + gradient.shape[0])

    def iterate(_, x):
        d, w, t, price, lower, upper = x
        spare = weight - price
        gap = price @ w + spare @ t + lower @ d + upper @ (1 - d)
        centre = jnp.maximum(0.1 * gap / pairs, 1e-22)
        stiff = 1 / (w / price + t / spare)
        aim = centre / price - w - (excess(d) + t - w) - centre / spare + t
        matrix = hessian + (jacobian.T * stiff[None]) @ jacobian
        matrix = matrix + jnp.diag(lower / d + upper / (1 - d))
        right = (
            -(hessian @ d + gradient - jacobian.T @ price)
            + jacobian.T @ (stiff * aim)
            + centre / d
            - centre / (1 - d)
        )
        move = _solve(matrix, right)
        change = stiff * (aim - jacobian @ move)
        more = centre / spare - t + t / spare * change
        wider = excess(d + move) + t + more - w
        d_lower = (centre - lower * move) / d - lower
        d_upper = (centre + upper * move) / (1 - d) - upper
        old = jnp.concatenate([d, 1 - d, w, t, price, spare, lower, upper])
        new = jnp.concatenate(
            [move, -move, wider, more, change, -change, d_lower, d_upper]
        )
        reach = jnp.min(jnp.where(new < 0, -old / jnp.where(new < 0, new, -1.0), 1e9))
        a = jnp.minimum(1.0, 0.995 * reach)
        moved = (
            d + a * move,
            w + a * wider,
            t + a * more,
            price + a * change,
            lower + a * d_lower,
            upper + a * d_upper,
        )
        sound = jnp.all(jnp.isfinite(jnp.concatenate(moved))) & jnp.isfinite(a)
        return jax.tree.map(lambda n, o: jnp.where(sound, n, o), moved, x)

    x = jax.lax.fori_loop(0, QP_ITERATIONS, iterate, (d, w, t, price, lower, upper))
    return down + size * x[0], x[3]


def _solve(matrix: Array, right: Array) -> Array:
    """Solve a positive definite system, scaled to a unit diagonal first."""
    root = jnp.sqrt(jnp.diag(matrix))
    scaled = matrix / (root[:, None] * root[None])
    factor = jnp.linalg.cholesky(scaled + 1e-14 * jnp.eye(matrix.shape[0]))
    return jax.scipy.linalg.cho_solve((factor, True), right / root) / root
