r"""Starts of a search against each other: who goes on, who stops, and when it is over.

All starts go side by side, one iteration of `sqp` after the other. A start ends when
it has arrived at an optimum, comes to where a better one is already, has arrived at an
optimum worse than the best, or comes to a standstill; a branch ends where no start of
it keeps all limits after `BRANCH_ITERATIONS`, while another branch has one that does.
The race is over once the best has arrived and has not been bettered for
`STILL_ITERATIONS`, and the best of every other branch has ended as well. Nothing but
the best is followed to the last digit.

Everything that the next iteration depends on is in `Race`: an interrupted race that is
taken up again ends where it would have.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from ..limits import TOLERANCE
from . import sqp
from .fixed import Fixed, survey
from .kkt import LEAST_SLOPE, certificate
from .starts import Spread, Starts


KKT_TOLERANCE = 1e-6
BRANCH_ITERATIONS = 20
STILL_ITERATIONS = 10
STALLED_ITERATIONS = 30  # as long as the best has not arrived
STILL_GAIN = 1e-7  # of the objective
STANDSTILL = 15  # iterations of a start without any progress
NEARLY = 1e-3  # error of a start that has all but arrived
SAME_PLACE = 0.01  # of the box
SAME_VALUE = 1e-3  # of the objective
REDRAWS = 8
PROBES = 4  # designs at least that show whether a limit moves

Evaluate = Callable[[np.ndarray], sqp.Sample]
"""designs (k, n) to samples; slacks are met to `TOLERANCE`"""
Outcome = Literal[
    "running", "arrived", "joined", "beaten", "stalled", "dropped", "void", "spent"
]
Status = Literal["converged", "stalled", "limit", "infeasible", "interrupted"]


class Row(NamedTuple):
    """The race after one iteration."""

    iteration: int
    best: float
    """objective of the best start that keeps all limits; not a number without one (in
    a `Race` as the solver sees it, in a `Solution` the scalar itself)"""
    violation: float
    """of all running starts the least"""
    kkt: float
    """of the best start"""
    running: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Race:
    """All starts, and what became of them so far."""

    starts: Starts
    fixed: Fixed
    scale: float
    """the objective is divided by it: the median of its steepest slopes"""
    state: sqp.State
    outcome: np.ndarray
    """(starts,) of `Outcome`"""
    iteration: int = 0
    best: float = np.inf
    """objective of the best design so far that keeps all limits"""
    best_u: np.ndarray | None = None
    best_start: int = -1
    since: int = 0
    """iteration in which the best was last bettered"""
    redrawn: int = 0
    """starts that were not a number and were drawn again"""
    evaluations: int = 0
    """designs of which value and slopes were asked"""
    found: tuple[int, ...] = ()
    """branches that have had a design that keeps all limits"""
    seconds: float = 0.0
    rows: tuple[Row, ...] = ()
    cut: bool = False
    """whether it was interrupted"""

    @property
    def running(self) -> np.ndarray:
        """Which starts go on."""
        return self.outcome == "running"

    @property
    def inside(self) -> np.ndarray:
        """Which starts keep all limits."""
        return (self.state.violation <= TOLERANCE) & (self.outcome != "void")

    @property
    def value(self) -> np.ndarray:
        """The objective as solved, what a start lies outside of its limits paid for.

        Else the best would be who makes the most of the tolerance.
        """
        outside = np.maximum(-self.state.c, 0.0).sum(axis=1)
        return self.state.f + self.state.weight * outside

    def winner(self) -> int:
        """The best start that keeps all limits, else the one that misses them least."""
        if self.inside.any():
            return int(np.argmin(np.where(self.inside, self.value, np.inf)))
        return int(np.argmin(np.where(self.outcome == "void", np.inf, self.missed())))

    def design(self) -> tuple[int, np.ndarray]:
        """Start and design of the best so far that keeps all limits.

        A start may have left it again, on its way to a better one. Without any it is
        the design that misses its limits least.
        """
        start = self.winner()
        now = self.value[start] * self.scale
        # A better one may only have made more of the tolerance.
        worth = self.state.weight[start] * TOLERANCE * self.scale
        kept = self.inside[start] and now <= self.best + STILL_GAIN + worth
        if self.best_u is not None and not kept:
            return self.best_start, self.best_u
        return start, self.state.u[start]

    def missed(self) -> np.ndarray:
        """By how much every start misses its limits."""
        return np.where(np.isfinite(self.state.violation), self.state.violation, 1e300)

    def over(self) -> bool:
        """Whether there is nothing left to win."""
        if not self.running.any():
            return True
        if not self.inside.any():
            return False
        arrived = self.outcome[self.winner()] == "arrived"
        patience = STILL_ITERATIONS if arrived else STALLED_ITERATIONS
        return self.iteration >= self.since + patience and not self._rivals()

    def _rivals(self) -> bool:
        """Whether another branch may still come to better than the best.

        One in which nothing keeps all limits yet, or whose own best still gains.
        """
        branch, home = self.starts.branch, self.starts.branch[self.winner()]
        for other in set(branch[self.running].tolist()) - {home}:
            own = branch == other
            if not (own & self.inside).any():
                return True
            leader = np.argmin(np.where(own & self.inside, self.value, np.inf))
            if self.running[leader]:
                return True
        return False

    def kkt(self, start: int) -> float:
        """Residual of the optimality conditions of one start, for the last digits."""
        s = self.state
        g, least = s.g[start], LEAST_SLOPE / self.scale
        found = certificate(
            s.u[start], g, s.c[start], s.jacobian[start],
            self.starts.low[start], self.starts.high[start], TOLERANCE, least,
        )  # fmt: skip
        return found.residual

    def status(self) -> Status:
        """How it came to its end."""
        if self.cut:
            return "interrupted"
        if not self.over() or self.outcome[self.winner()] == "spent":
            return "limit"
        if not self.inside.any():
            return "infeasible"
        return "converged" if self.outcome[self.winner()] == "arrived" else "stalled"


def begin(
    evaluate: Evaluate,
    boxes: list[tuple[np.ndarray, np.ndarray]],
    starts: Starts,
    points: Spread,
    moving: np.ndarray | None = None,
) -> Race:
    """One look at all starts: what moves, what is equal, how steep it is.

    A start where something is not a number is drawn again from `points`; one that
    stays so is void. Limits that are known to be `moving` (m,) are carried, even if
    none of the starts shows it.
    """
    began = time.perf_counter()
    look = evaluate(starts.u)
    evaluations, redrawn = len(starts.u), 0
    for _ in range(REDRAWS):
        bad = np.flatnonzero(~look.finite())
        if not bad.size:
            break
        width = starts.high[bad] - starts.low[bad]
        starts.u[bad] = starts.low[bad] + points.take(len(bad)) * width
        again = evaluate(starts.u[bad])
        for old, new in zip(look, again, strict=True):
            old[bad] = new
        redrawn, evaluations = redrawn + len(bad), evaluations + len(bad)
    finite = look.finite()
    probes = look
    if finite.sum() < PROBES:
        more = boxes[0][0] + points.take(PROBES) * (boxes[0][1] - boxes[0][0])
        extra = evaluate(more)
        probes = sqp.Sample(*map(np.concatenate, zip(look, extra, strict=True)))
        evaluations += PROBES
    fixed = survey(probes)
    if moving is not None:
        same = {i: k for i, k in fixed.same.items() if not moving[i]}
        fixed = dataclasses.replace(fixed, still=fixed.still & ~moving, same=same)
    steep = np.abs(probes.g[probes.finite()]).max(axis=1)
    # Not of one design, which may be next to an optimum.
    scale = float(np.median(steep[steep > 0])) if steep.any() else 1.0
    race = Race(
        starts=starts,
        fixed=fixed,
        scale=scale,
        state=sqp.initial_state(starts.u, look.c.shape[1]),
        outcome=np.where(finite, "running", "void").astype("U8"),
        redrawn=redrawn,
        evaluations=evaluations,
    )
    lanes = np.flatnonzero(finite)
    if not lanes.size:
        return race
    first = sqp.Sample(*(x[lanes] for x in look))
    return _advance(race, lanes, first, time.perf_counter() - began)


def go_on(
    race: Race,
    evaluate: Evaluate,
    iterations: int,
    follow: Callable[[Race], None],
) -> Race:
    """The race until it is over, or `iterations` in all, or a KeyboardInterrupt.

    `follow` sees it after every iteration.
    """
    race = dataclasses.replace(race, cut=False)
    try:
        while not race.over() and race.iteration < iterations:
            began = time.perf_counter()
            lanes = np.flatnonzero(race.running)
            sample = evaluate(race.state.trial[lanes])
            race = dataclasses.replace(race, evaluations=race.evaluations + len(lanes))
            race = _advance(race, lanes, sample, time.perf_counter() - began)
            follow(race)
    except KeyboardInterrupt:
        return dataclasses.replace(race, cut=True)
    return race


def _advance(race: Race, lanes: np.ndarray, sample: sqp.Sample, took_s: float) -> Race:
    """One iteration of the running starts, of which `sample` are the trial points."""
    began = time.perf_counter()
    state = sqp.update(
        race.state.of(lanes),
        _scaled(race, sample),
        race.starts.low[lanes],
        race.starts.high[lanes],
    )
    iteration = race.iteration + (not race.state.fresh[lanes].all())
    race = dataclasses.replace(
        race, state=race.state.put(lanes, state), iteration=iteration
    )
    inside = race.inside
    branches = set(race.found) | set(race.starts.branch[inside].tolist())
    race = dataclasses.replace(race, found=tuple(sorted(branches)))
    race = dataclasses.replace(race, outcome=_judged(race))
    race = _recorded(race)
    seconds = race.seconds + took_s + time.perf_counter() - began
    return dataclasses.replace(
        race, seconds=seconds, rows=(*race.rows, _row(race, seconds))
    )


def _recorded(race: Race) -> Race:
    """With the best so far."""
    start = race.winner()
    now = float(race.value[start] * race.scale)
    if not race.inside[start] or not now < race.best:
        return race
    since = race.iteration if now < race.best - STILL_GAIN else race.since
    return dataclasses.replace(
        race, best=now, best_u=race.state.u[start], best_start=start, since=since
    )


def _row(race: Race, seconds: float) -> Row:
    best = race.winner()
    return Row(
        race.iteration,
        race.best if np.isfinite(race.best) else np.nan,
        float(race.missed().min()),
        float(race.state.kkt[best]),
        int(race.running.sum()),
        seconds,
    )


def _scaled(race: Race, sample: sqp.Sample) -> sqp.Sample:
    """The problem as it is solved: a steep objective, and no limit that stands still.

    A limit that is left out is met and flat.
    """
    masked = race.fixed.masked
    return sqp.Sample(
        sample.f / race.scale,
        np.where(masked, 1.0, sample.c),
        sample.g / race.scale,
        np.where(masked[:, None], 0.0, sample.jacobian),
    )


def _judged(race: Race) -> np.ndarray:
    """What becomes of the running starts."""
    state, running, outcome = race.state, race.running, race.outcome.copy()
    error, inside = state.error(), race.inside
    stands = (state.still >= STANDSTILL) | (state.radius <= sqp.RADIUS_LEAST)
    near = running & inside & ((error <= NEARLY) | stands)
    for start in np.flatnonzero(near).tolist():
        if race.kkt(start) <= KKT_TOLERANCE:
            outcome[start] = "arrived"
    outcome[running & (outcome == "running") & stands] = "stalled"
    if inside.any():
        best = race.winner()
        if error[best] <= NEARLY or outcome[best] == "arrived":
            near = np.abs(state.u - state.u[best]).max(axis=1) <= SAME_PLACE
            above = (race.value - race.value[best]) * race.scale
            rival = (outcome == "running") & (np.arange(len(error)) != best)
            near &= (above <= SAME_VALUE) & (state.violation <= 10 * NEARLY)
            outcome[rival & near] = "joined"
            settled = inside & (error <= NEARLY / 10) & (above > SAME_VALUE)
            outcome[(outcome == "running") & rival & settled] = "beaten"
    if race.found and race.iteration >= BRANCH_ITERATIONS:
        lost = ~np.isin(race.starts.branch, race.found)
        outcome[(outcome == "running") & lost] = "dropped"
    return outcome
