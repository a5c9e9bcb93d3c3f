r"""Many starts of one constrained problem at once: trust-region SQP, batched.

$$ \min_{l \le u \le h} f(u) \quad\text{with}\quad c(u) \ge 0 $$
from every start in parallel. One iteration takes value and Jacobian at one trial point
per start and then solves the elastic quadratic programme of `quadratic` [1, 2] around
the current point, within $|d|_\infty \le \Delta$, with $B$ the damped BFGS matrix of
the Lagrangian. A step is taken when it lowers the merit
$f + \mu\sum\max(0,-c)$, or near the end the residual of the optimality conditions
(which keeps full steps along curved constraints); otherwise $\Delta$ shrinks. The
multipliers come out of the programme, so there is no outer loop. A refused step is
tried once more bent along the constraints [2, section 18.3].

Plain numpy: what evaluates is compiled apart and called from outside, once an
iteration, and nothing here has to be compiled for another number of starts.

1. Fletcher, Practical Methods of Optimization, 2nd ed. 1987, section 14.4 (Sl1QP)
2. Nocedal and Wright, Numerical Optimization, 2nd ed. 2006, section 18.3
"""

from typing import NamedTuple

import numpy as np

from .kkt import residual
from .quadratic import solve_qp, times


RADIUS = 0.5  # of the first trust region: from the middle of a box to its ends
RADIUS_LEAST = 1e-8
WEIGHT = 10.0  # first mu; the objective's gradient is of order 1
WEIGHT_LEAST = 1.0
WEIGHT_MOST = 1e6  # a price at which what counts as kept moves f by a whole slope
STANDS = 1e-8  # a shorter step is none
INSIDE = 1e-7  # violation that counts as none when mu is weighed
CORRECTED_MOST = 0.3  # violation; further out a step is wrong, not bent
GAIN = 1e-10  # of merit inside, less is none
CLOSER = 0.8  # of the error of the optimality conditions, more is none
NEARER = 0.99  # of the violation, more is none


class Sample(NamedTuple):
    """A function at k designs, with its slopes in u."""

    f: np.ndarray
    """(k,)"""
    c: np.ndarray
    """slacks (k, m), met when >= 0"""
    g: np.ndarray
    """(k, n)"""
    jacobian: np.ndarray
    """(k, m, n)"""

    def finite(self) -> np.ndarray:
        """Which designs have a number everywhere."""
        by_design = [np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in self]
        return np.all(by_design, axis=0)


class State(NamedTuple):
    """Starts on their way: all that the next iteration depends on."""

    u: np.ndarray
    f: np.ndarray
    c: np.ndarray
    g: np.ndarray
    jacobian: np.ndarray
    trial: np.ndarray
    fresh: np.ndarray
    """nothing evaluated yet"""
    corrected: np.ndarray
    """`trial` is the second attempt of a step, bent along the constraints"""
    hessian: np.ndarray
    radius: np.ndarray
    weight: np.ndarray
    multipliers: np.ndarray
    predicted: np.ndarray
    """fall of the merit that the model promises at `trial`"""
    kkt: np.ndarray
    """inf-norm of the projected gradient of the Lagrangian"""
    violation: np.ndarray
    """the largest of a limit"""
    complementarity: np.ndarray
    least: np.ndarray
    """error of the optimality conditions, the smallest so far"""
    closest: np.ndarray
    """violation, the smallest so far"""
    still: np.ndarray
    """iterations in a row without progress"""

    def of(self, starts: np.ndarray) -> "State":
        """Some of the starts."""
        return State(*(x[starts] for x in self))

    def put(self, starts: np.ndarray, other: "State") -> "State":
        """A copy with some of the starts replaced."""
        merged = [x.copy() for x in self]
        for x, new in zip(merged, other, strict=True):
            x[starts] = new
        return State(*merged)

    def error(self) -> np.ndarray:
        """How far every start is from the optimality conditions."""
        return np.maximum(np.maximum(self.kkt, self.violation), self.complementarity)


def initial_state(starts: np.ndarray, limits: int) -> State:
    """A state for every row of `starts`, with so many limits."""
    k, n = starts.shape
    zeros, no, endless = np.zeros(k), np.zeros(k, bool), np.full(k, np.inf)
    return State(
        u=starts,
        f=zeros,
        c=np.zeros((k, limits)),
        g=np.zeros((k, n)),
        jacobian=np.zeros((k, limits, n)),
        trial=starts,
        fresh=np.ones(k, bool),
        corrected=no,
        hessian=np.tile(np.eye(n), (k, 1, 1)),
        radius=np.full(k, RADIUS),
        weight=np.full(k, WEIGHT),
        multipliers=np.zeros((k, limits)),
        predicted=zeros,
        kkt=endless,
        violation=endless,
        complementarity=endless,
        least=endless,
        closest=endless,
        still=np.zeros(k, int),
    )


def update(state: State, trial: Sample, low: np.ndarray, high: np.ndarray) -> State:
    """Take or refuse the trial points of all starts and aim at the next.

    `trial` is the function at `state.trial`, `low` and `high` (k, n) are the boxes.
    """
    finite, weight = trial.finite(), state.weight
    trial = Sample(*(_where(finite, x, 0.0) for x in trial))
    fall = _merit(state.f, state.c, weight) - _merit(trial.f, trial.c, weight)
    ratio = fall / np.maximum(state.predicted, 1e-30)
    # Close to the end the merit is flat to rounding, and curved constraints make full
    # steps look bad; the residual of the optimality conditions does not mind.
    error = state.error()
    stepped = _error(state.trial, trial, state.multipliers, low, high)
    closer = (error < 1e-2) & (stepped < 0.5 * error)
    taken = finite & (state.fresh | (ratio > 1e-3) | closer)

    step = state.trial - state.u
    length = np.abs(step).max(axis=1)
    # A refused step is tried once more with the constraints as it found them
    # (second-order correction), and only then shortened.
    near = _outside(trial.c).max(axis=1, initial=0.0) < CORRECTED_MOST
    # No step at all, outside: violations weigh too little, and the radius is not why.
    waits = (length < STANDS) & (state.violation > INSIDE) & (weight < WEIGHT_MOST)
    again = ~taken & finite & ~state.corrected & ~state.fresh & near & ~waits
    radius = _radius(state, ratio, closer, taken, again | waits, length)
    pull = _lagrangian(trial, state.multipliers) - _lagrangian(state, state.multipliers)
    moved = taken & ~state.fresh
    hessian = _where(moved, _bfgs(state.hessian, step, pull), state.hessian)
    bent = trial.c - times(state.jacobian, step)
    u = _where(taken, state.trial, state.u)
    pairs = zip(trial, _sample(state), strict=True)
    at = Sample(*(_where(taken, *pair) for pair in pairs))
    bent = _where(again, bent, at.c)

    down = np.maximum(low - u, -radius[:, None])
    up = np.minimum(high - u, radius[:, None])
    # Far from an optimum the model is no better than its solution has to be.
    accuracy = np.clip(1e-9 * state.least**2, 1e-16, 1e-9)
    ahead, multipliers = solve_qp(
        hessian, at.g, at.jacobian, bent, down, up, weight, accuracy
    )
    multipliers = _where(again, state.multipliers, multipliers)
    target = _onto_bounds(u + ahead, low, high)
    ahead = target - u
    kkt = residual(u, _lagrangian(at, multipliers), low, high)
    violation = _outside(at.c).max(axis=1, initial=0.0)
    complementarity = (multipliers * np.abs(at.c)).max(axis=1, initial=0.0)
    heavier, promised = _weigh(at, hessian, ahead, multipliers, weight, violation)

    now = np.maximum(np.maximum(kkt, violation), complementarity)
    gained = taken & (fall > GAIN) & (violation < INSIDE)
    better = now < CLOSER * state.least
    nearer = (violation < NEARER * state.closest) & (violation > INSIDE)
    return State(
        u,
        *at,
        trial=target,
        fresh=state.fresh & ~finite,
        corrected=again,
        hessian=hessian,
        radius=radius,
        weight=_where(again, weight, heavier),
        multipliers=multipliers,
        predicted=_where(again, state.predicted, promised),
        kkt=kkt,
        violation=violation,
        complementarity=complementarity,
        least=np.where(better, now, state.least),
        closest=np.where(nearer, violation, state.closest),
        still=np.where(gained | better | nearer | state.fresh, 0, state.still + 1),
    )


def _radius(state, ratio, closer, taken, kept, length) -> np.ndarray:
    """Of the next trust region."""
    bold = (ratio > 0.7) & (length > 0.9 * state.radius)
    grown = np.where(bold, 2 * state.radius, state.radius)
    grown = np.where((ratio < 0.2) & ~closer, 0.5 * state.radius, grown)
    shrunk = 0.3 * np.minimum(length, state.radius)
    shrunk = np.where(kept, state.radius, shrunk)
    radius = np.clip(np.where(taken, grown, shrunk), RADIUS_LEAST, 1.0)
    return np.where(state.fresh, RADIUS, radius)


def _weigh(at, hessian, step, multipliers, weight, violation):
    """The next weight of violations, and the fall of the merit promised with it."""
    left = _outside(at.c + times(at.jacobian, step)).sum(axis=1)
    now = _outside(at.c).sum(axis=1)
    model = (at.g * step).sum(axis=1) + (step * times(hessian, step)).sum(axis=1) / 2
    # Nowhere to go but still outside: feasibility has to weigh more.
    stuck = (violation > INSIDE) & (left > 0.9 * now)
    factor = np.where(np.abs(step).max(axis=1) < STANDS, 10.0, 2.0)
    heavier = np.where(stuck, np.minimum(factor * weight, WEIGHT_MOST), weight)
    # Where a step leads inside, no more than exactness asks for: a heavy merit forbids
    # long steps along curved constraints.
    enough = np.maximum(WEIGHT_LEAST, 2 * multipliers.max(axis=1, initial=0.0))
    leads = left <= 0.1 * now
    lighter = np.maximum(enough, weight / 2)
    heavier = np.where(leads, np.minimum(heavier, lighter), heavier)
    heavier = np.where(violation < INSIDE, np.minimum(heavier, enough), heavier)
    return heavier, heavier * (now - left) - model


def _onto_bounds(u: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Rounding of interior points must not leave a variable next to its bound."""
    u = np.clip(u, low, high)
    u = np.where(u - low < 1e-9, low, u)
    return np.where(high - u < 1e-9, high, u)


def _error(u, at: Sample, multipliers, low, high) -> np.ndarray:
    outside = _outside(at.c).max(axis=1, initial=0.0)
    idle = (multipliers * np.abs(at.c)).max(axis=1, initial=0.0)
    slope = residual(u, _lagrangian(at, multipliers), low, high)
    return np.maximum(np.maximum(slope, outside), idle)


def _merit(f: np.ndarray, c: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return f + weight * _outside(c).sum(axis=1)


def _lagrangian(at: Sample | State, multipliers: np.ndarray) -> np.ndarray:
    """Gradient of the Lagrangian."""
    return at.g - times(at.jacobian.swapaxes(1, 2), multipliers)


def _sample(state: State) -> Sample:
    return Sample(state.f, state.c, state.g, state.jacobian)


def _outside(c: np.ndarray) -> np.ndarray:
    return np.maximum(-c, 0.0)


def _where(which: np.ndarray, x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
    """Rows of `x` where `which`, else of `y`."""
    return np.where(which.reshape(-1, *[1] * (x.ndim - 1)), x, y)


def _bfgs(hessian: np.ndarray, step: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Powell's damped update: positive definite whatever the curvature."""
    bent = times(hessian, step)
    old = (step * bent).sum(axis=1)
    new = (step * pull).sum(axis=1)
    safe = old > 1e-24
    apart = np.where(safe & (new < 0.2 * old), old - new, 1.0)
    damp = np.where(new < 0.2 * old, 0.8 * old / apart, 1.0)[:, None]
    pull = damp * pull + (1 - damp) * bent
    new = (step * pull).sum(axis=1)
    old, new = (np.where(safe, x, 1.0)[:, None, None] for x in (old, new))
    updated = (
        hessian
        - bent[:, :, None] * bent[:, None] / old
        + pull[:, :, None] * pull[:, None] / new
    )
    return _where(safe, updated, hessian)
