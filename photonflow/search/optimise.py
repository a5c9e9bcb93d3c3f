"""Search: many starts, one compiled function, a solution that explains itself."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..causes import ENDS
from ..cluster.hardware import Cluster
from ..cluster.step import Report, evaluate
from ..cluster.workload import Workload
from ..component import require_x64
from ..limits import TOLERANCE, met
from . import sqp
from .design_space import DesignSpace
from .evaluator import End, Evaluator
from .objective import Objective, Selection, prepare


KKT_TOLERANCE = 1e-5
BRANCH_ITERATIONS = 10
STILL_ITERATIONS = 20
AGREEMENT = 0.005  # of the watts of one free end


class Progress(NamedTuple):
    """What a callback sees after every chunk."""

    iteration: int
    best_j_per_token: float
    """of the feasible starts; infinite while there is none"""
    worst_violation: float
    """over all starts"""
    feasible: float
    """share of starts that have arrived"""
    seconds: float


@dataclass(frozen=True)
class Solution:
    """The best design found, why it is the best, and how sure that is."""

    cluster: Cluster
    report: Report
    baseline: Report
    """the cluster as it came"""
    feasible: bool
    u: np.ndarray
    design: dict[str, float]
    """SI value by Python path, tied paths included"""
    constraints: list[dict[str, Any]]
    """name, slack (over its minimum), multiplier: d(J/token) / d(limit)"""
    bounds: list[dict[str, Any]]
    """variables on a bound: name, bound, value, unit, multiplier in J/token per SI"""
    selection: Selection
    """which constraints were fixed or duplicates"""
    branches: list[dict[str, Any]]
    """per branch: box in SI, best J/token, watts, share feasible, share in agreement"""
    branch: int
    """the winning one"""
    starts: dict[str, np.ndarray]
    """per start: branch, j_per_token, watts, feasible, kkt, slack (the worst)"""
    agreement: dict[str, float]
    """on the winning branch and overall: share `feasible`, and share `agreeing`,
    feasible and within 0.5 % of the best watts of one free end"""
    kkt: float
    violation: float
    share: float
    """watts of the free ends at the vendor boundary, as share of baseline J/token"""
    relax: dict[str, float]
    """violated slacks of the least infeasible start, the worst first; else empty"""
    trace: dict[str, np.ndarray]
    """per chunk: the columns of `Progress`"""
    seconds: dict[str, float] = field(default_factory=dict)
    """baseline, first chunk (mostly compilation), search, total"""
    lagrangian: dict[str, float] = field(default_factory=dict)
    """multipliers of ln J/token by constraint name, for `elasticities`"""


def optimise(
    cluster: Cluster,
    workload: Workload,
    space: DesignSpace,
    objective: Objective | None = None,
    starts: int = 64,
    seed: int = 0,
    iterations: int = 200,
    chunk: int = 5,
    callback: Callable[[Progress], None] | None = None,
) -> Solution:
    """Least joules per token over `space` with all limits kept.

    `starts` designs per branch, spread evenly over its box; the cluster's own design
    is one of them. All run as one batch, in chunks of `chunk` iterations driven from
    here; `callback` hears of every chunk, and a KeyboardInterrupt ends the search with
    the best so far. A start counts as feasible when its slacks are met to 1e-6 and its
    KKT residual, the inf-norm of the projected gradient of the Lagrangian over that of
    the objective at the cluster's own design, is below 1e-5.
    """
    require_x64("pf.optimise")
    objective = Objective() if objective is None else objective
    began = time.perf_counter()
    baseline = evaluate(cluster, workload)
    evaluated = time.perf_counter()

    rules = objective.constraints(baseline)
    names = [rule.name for rule in rules]
    ends = free_ends((p for v in space.variables for p in v.paths), baseline)
    home = np.asarray(space.pack(cluster))
    branch, low, high, first, own = spread(space, home, starts, seed)
    sample = Evaluator(cluster, workload, space, rules, ends)

    # One look at every start: what moves, what is equal, how steep it is at home.
    look = sample(first)
    selection = prepare(names, np.asarray(look.c))
    steep = float(np.abs(look.g[own]).max())
    problem = sqp.Problem(low, high, steep if steep > 0 else 1.0, selection.keep)
    state = sqp.update(problem, sqp.initial_state(jnp.asarray(first), look), look)
    jax.block_until_ready(state)
    compiled = time.perf_counter()
    rows: list[Progress] = []
    patience = Patience(branch)
    active = patience.active
    try:
        while active.any() and (rows == [] or rows[-1].iteration < iterations):
            state = sqp.iterate(sample, problem, state, active, chunk)
            progress = _progress(state, problem, rows, chunk, began)
            rows.append(progress)
            if callback is not None:
                callback(progress)
            active = patience.update(jax.device_get(state), progress.iteration)
    except KeyboardInterrupt:
        pass  # with the best so far
    searched = time.perf_counter()
    solution = _explain(
        cluster, workload, space, baseline, names, selection, problem, state, branch,
        ends, rows,
    )  # fmt: skip
    solution.seconds.update(
        baseline=evaluated - began,
        first_chunk=compiled - evaluated,
        search=searched - compiled,
        total=time.perf_counter() - began,
    )
    return solution


def spread(
    space: DesignSpace, home: np.ndarray, starts: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Branch, box and start of every lane, and the lane that starts at home.

    Starts are an additive recurrence with the powers of the generalised golden ratio
    (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"), shifted
    by `seed`. A home outside every box starts at the nearest point of the nearest.
    """
    n = home.shape[0]
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (n + 1))
    shift = np.random.default_rng(seed).random(n)
    steps = np.arange(1, starts + 1)[:, None] * ratio ** -np.arange(1.0, n + 1)
    points = (shift + steps) % 1.0
    boxes = [tuple(np.asarray(x) for x in box) for box in space.boxes()]
    near = [np.abs(np.clip(home, low, high) - home).max() for low, high in boxes]
    branch = np.repeat(np.arange(len(boxes)), starts)
    low = np.stack([box[0] for box in boxes])[branch]
    high = np.stack([box[1] for box in boxes])[branch]
    first = low + np.tile(points, (len(boxes), 1)) * (high - low)
    own = int(np.argmin(near)) * starts
    first[own] = np.clip(home, low[own], high[own])
    return branch, low, high, first, own


class Patience:
    """Which starts are still worth an evaluation.

    A start that has arrived is done; the best of them goes on until it can move no
    further. Once that one has stood still for `STILL_ITERATIONS`, so are the others
    that are no better than it. A branch is given up after
    `BRANCH_ITERATIONS` where none of its starts keeps all limits, one of another branch
    does, and the best of its own comes no nearer: twice in a row its least violation
    has not fallen by a fifth.
    """

    def __init__(self, branch: np.ndarray):
        self.branch = branch
        self.active = np.ones(len(branch), bool)
        self._least = np.full(branch.max() + 1, np.inf)
        self._stalls = np.zeros(branch.max() + 1, int)
        self._best, self._since = np.inf, 0

    def update(self, state: sqp.State, iteration: int) -> np.ndarray:
        """The active starts after another chunk."""
        done = _arrived(state, 0.1)
        if done.any():
            best = int(np.argmin(np.where(done, state.at.f, np.inf)))
            done[best] = _arrived(state, 1e-3)[best]
            if state.at.f[best] < self._best - TOLERANCE:
                self._best, self._since = state.at.f[best], iteration
            if iteration >= self._since + STILL_ITERATIONS:
                better = state.at.f < state.at.f[best] - TOLERANCE
                done |= ~(better & (state.violation <= TOLERANCE))
        self.active &= ~(done | (state.radius <= sqp.RADIUS_LEAST))
        inside = set(self.branch[state.violation <= TOLERANCE])
        for b, before in enumerate(self._least):
            own = self.branch == b
            self._least[b] = now = state.violation[own].min()
            stalls = now > max(TOLERANCE, 0.8 * before)
            self._stalls[b] = self._stalls[b] + 1 if stalls else 0
            if self._stalls[b] > 1 and inside - {b} and iteration >= BRANCH_ITERATIONS:
                self.active &= ~own
        return self.active


def free_ends(paths: Iterable[str], report: Report) -> tuple[End, ...]:
    """Every link end that has one of the parameters at `paths`."""
    found: dict[End, None] = {}
    for path in paths:
        tier, hop, end = (path.split(".") + ["", ""])[:3]
        if hop in report.worst.get(tier, {}) and end in ENDS:
            found[tier, hop, end] = None
    return tuple(found)


def controlled_share(cluster: Cluster, report: Report, ends: tuple) -> float:
    """Watts of `ends` at the vendor boundary over all watts at the boards.

    The facility multiplies both alike, so this is also their share of J/token at the
    meter.
    """
    counts = {
        tier: t.links_per_accelerator() for tier, t in cluster.topologies().items()
    }
    free_w = sum(
        float(getattr(report.nominal[tier][hop], end).vendor_w())
        * float(counts[tier][hop])
        for tier, hop, end in ends
    )
    added = sum(
        float(report.energy_j_per_token[f"facility.{cause}"])
        for cause in ("conversion", "cooling")
    )
    boards = 1 - added / float(report.j_per_token)
    all_w = float(report.power_w) / float(cluster.accelerators) * boards
    return free_w / all_w


def _arrived(state: sqp.State, tight: float = 1.0) -> np.ndarray:
    return (
        (np.asarray(state.kkt) <= tight * KKT_TOLERANCE)
        & (np.asarray(state.violation) <= tight * TOLERANCE)
        & (np.asarray(state.complementarity) <= tight * TOLERANCE)
    )


def _progress(state, problem, rows, chunk, began) -> Progress:
    state = jax.device_get(state)
    feasible = _arrived(state)
    inside = state.violation <= TOLERANCE
    log_j = state.at.f * float(problem.scale)
    best = float(np.exp(log_j[inside].min())) if inside.any() else float("inf")
    return Progress(
        chunk + (rows[-1].iteration if rows else 0),
        best,
        float(state.violation.max()),
        float(feasible.mean()),
        time.perf_counter() - began,
    )


def _explain(
    cluster, workload, space, baseline, names, selection, problem, state, branch, ends,
    rows,
) -> Solution:  # fmt: skip
    state, problem_ = jax.device_get((state, problem))
    scale = float(problem_.scale)
    feasible = _arrived(state)
    log_j, watts = state.at.f * scale, state.at.extra
    if feasible.any():
        best = int(np.argmin(np.where(feasible, log_j, np.inf)))
    else:
        best = int(np.argmin(state.violation))
    u = state.at.u[best]
    found = space.unpack(jnp.asarray(u), cluster)
    report = evaluate(found, workload)
    j = float(report.j_per_token)

    slack = np.where(selection.keep, state.at.c[best], np.inf)
    price = state.multipliers[best] * scale  # of ln J/token
    kept = np.flatnonzero(selection.keep)
    ok = bool(feasible[best]) and not selection.violated
    relax = {} if ok else {
        names[i]: float(slack[i]) for i in np.argsort(slack) if not met(float(slack[i]))
    } | selection.violated  # fmt: skip
    agree = feasible & (np.abs(watts / watts[best] - 1) <= AGREEMENT)
    boxes = space.boxes()
    branches = []
    for b, box in enumerate(boxes):
        mine = branch == b
        got = mine & feasible
        lane = int(np.argmin(np.where(got, log_j, np.inf)))
        corners = [space.values(jnp.asarray(x)) for x in box]
        branches.append({
            "box": {k: (corners[0][k], corners[1][k]) for k in space.names},
            "j_per_token": float(np.exp(log_j[lane])) if got.any() else None,
            "watts": float(watts[lane]) if got.any() else None,
            "design": space.values(jnp.asarray(state.at.u[lane])),
            "feasible": float(feasible[mine].mean()),
            "agreeing": float(agree[mine].mean()),
        })  # fmt: skip
    values = space.values(jnp.asarray(u))
    won = branch == branch[best]
    return Solution(
        cluster=found,
        report=report,
        baseline=baseline,
        feasible=ok,
        u=u,
        design={p: values[v.name] for v in space.variables for p in v.paths},
        constraints=[
            dict(name=names[i], slack=float(slack[i]), multiplier=float(price[i]) * j)
            for i in kept
        ],
        bounds=_active_bounds(space, state, problem_, best, j),
        selection=selection,
        branches=branches,
        branch=int(branch[best]),
        starts=dict(
            branch=branch,
            j_per_token=np.exp(log_j),
            watts=watts,
            feasible=feasible,
            kkt=state.kkt,
            slack=np.where(selection.keep[None], state.at.c, np.inf).min(axis=1),
        ),
        agreement={
            "feasible": float(feasible[won].mean()),
            "agreeing": float(agree[won].mean()),
            "feasible_overall": float(feasible.mean()),
            "agreeing_overall": float(agree.mean()),
        },
        kkt=float(state.kkt[best]),
        violation=float(state.violation[best]),
        share=controlled_share(cluster, baseline, ends),
        relax=relax,
        trace={
            key: np.array([getattr(row, key) for row in rows])
            for key in Progress._fields
        },
        lagrangian=selection.shared(
            {names[i]: float(price[i]) for i in kept if price[i] > 1e-9}
        ),
    )


def _active_bounds(space, state, problem, best, j) -> list[dict[str, Any]]:
    """Variables on an end of their box, with what moving that end is worth."""
    at = jax.tree.map(lambda x: x[best], state.at)
    pull = at.g - at.jacobian.T @ state.multipliers[best]
    active = []
    for i, v in enumerate(space.variables):
        for name, edge in (
            ("low", problem.low[best, i]),
            ("high", problem.high[best, i]),
        ):
            if abs(at.u[i] - edge) > 1e-9:
                continue
            x = space.values(jnp.asarray(at.u))[v.name]
            si_per_u = x * np.log(v.high / v.low) if v.log else v.high - v.low
            worth = float(pull[i] * problem.scale * j / si_per_u)
            active.append(
                dict(name=v.name, bound=name, value=x, unit=v.unit, multiplier=worth)
            )
    return active
