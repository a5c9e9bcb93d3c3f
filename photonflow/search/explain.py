"""From the end of a race to a `Solution`: every number computed again at the design."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..limits import TOLERANCE
from .goals import limit_keys
from .kkt import LEAST_SLOPE, Certificate, certificate
from .race import KKT_TOLERANCE, SAME_VALUE, Race
from .solution import Bound, Branch, Solution


class End(NamedTuple):
    """The design that one try came to, with all limits computed again."""

    start: int
    u: np.ndarray
    values: dict[str, float]
    slack: np.ndarray
    """(limits,) in units of the scalars"""
    scaled: np.ndarray
    """(limits,)"""
    f: float
    """what is minimised"""
    conditions: Certificate | None

    @property
    def feasible(self) -> bool:
        """Whether every limit is kept; what is not a number keeps none."""
        return bool(np.all(self.scaled >= -TOLERANCE)) and bool(np.isfinite(self.f))

    @property
    def optimal(self) -> bool:
        """Whether no slope is left over."""
        found = self.conditions
        return found is not None and found.residual <= KKT_TOLERANCE


def explain(
    problem: Any,
    component: Any,
    race: Race,
    compile_s: float,
    provenance: Mapping[str, Any],
) -> Solution:
    """Where a race over designs of `component` has come to."""
    end, space = end_of(problem, race), problem.space
    objective, keys = problem.objective, limit_keys(problem.limits)
    size = end.values[objective.name] if objective.log else problem.size
    per_f = objective.sign * size
    conditions = end.conditions
    price = np.zeros(len(keys)) if conditions is None else conditions.multipliers
    sign = np.array([limit.sign for limit in problem.limits])
    multipliers = per_f * shared(price, race) * sign / problem.scales
    # Of the Lagrangian: the objective less what its limits are worth.
    weights = {objective.name: 1.0}
    for limit, worth in zip(problem.limits, multipliers, strict=True):
        weights[limit.name] = weights.get(limit.name, 0.0) - worth
    status = race.status()
    if status == "converged" and not end.optimal:
        status = "stalled"
    if status in ("converged", "stalled") and not end.feasible:
        status = "infeasible"
    if status == "infeasible" and end.feasible:
        status = "stalled"  # it was inside once, and has not come back
    branches = _branches(problem, race, end)
    baseline = problem.sampler.baseline()
    x = space.si(end.u)[0]
    slack, still = end.slack, race.fixed.still
    lost = [] if end.feasible else np.flatnonzero(~(end.scaled >= -TOLERANCE)).tolist()
    lost.sort(key=end.scaled.tolist().__getitem__)
    return Solution(
        status=status,
        feasible=end.feasible,
        component=space.unpack(end.u, component),
        design=space.design(end.u),
        variables={path: v.name for v in space.variables for path in v.paths},
        choices={},
        values=end.values,
        baseline=dict(zip(problem.sampler.names, baseline.tolist(), strict=True)),
        slacks=dict(zip(keys, slack.tolist(), strict=True)),
        # Of a design that misses limits they are prices of nothing.
        multipliers=dict(zip(keys, multipliers.tolist(), strict=True))
        if end.feasible
        else {},
        bounds=_bounds(problem, race, end, per_f) if end.feasible else [],
        relax={keys[i]: float(slack[i]) for i in lost},
        outside={k: float(slack[i]) for i, k in enumerate(keys) if still[i]},
        branches=branches,
        agreement=next(b.agreeing for b in branches if b.won),
        kkt=float("inf") if conditions is None else conditions.residual,
        iterations=race.iteration,
        evaluations=race.evaluations,
        redrawn=race.redrawn,
        not_numbers=_not_numbers(problem, race, keys),
        seconds={"compile": compile_s, "search": race.seconds},
        trace=tuple(r._replace(best=problem.objective_at(r.best)) for r in race.rows),
        race=race,
        asked=problem.asked,
        _gradient=functools.partial(problem.sampler.gradient, x, weights),
        _objective=objective.name,
        _ranges=provenance,
    )


def with_choices(solution: Solution, taken: dict[str, str]) -> Solution:
    """The solution of a component in which some options were taken."""
    branches = [branch._replace(choices=taken) for branch in solution.branches]
    return dataclasses.replace(solution, choices=taken, branches=branches)


def best_of(solutions: Sequence[Solution]) -> Solution:
    """The best of the solutions of different choices, with what all of them took."""
    if len(solutions) == 1:
        return solutions[0]
    best = min(solutions, key=_rank)
    cut = any(s.status == "interrupted" for s in solutions)
    return dataclasses.replace(
        best,
        status="interrupted" if cut else best.status,
        baseline=solutions[0].baseline,
        branches=[
            branch._replace(won=branch.won and s is best)
            for s in solutions
            for branch in s.branches
        ],
        iterations=sum(s.iterations for s in solutions),
        evaluations=sum(s.evaluations for s in solutions),
        redrawn=sum(s.redrawn for s in solutions),
        seconds={k: sum(s.seconds[k] for s in solutions) for k in best.seconds},
        tries=tuple(solutions),
    )


def _rank(solution: Solution) -> tuple[float, float]:
    """By what is missed, then by the objective itself.

    What a solver sees of it is scaled by each component's own.
    """
    asked, one = solution.asked, np.ones(1)
    value = asked.objective.sign * solution.values[asked.objective.name]
    if solution.feasible:
        return 0.0, value
    pairs = zip(asked.limits, solution.slacks.values(), strict=True)
    missed = [-slack / limit.scale(one) for limit, slack in pairs]
    return float(np.nan_to_num(missed, nan=np.inf).max(initial=0.0)), value


def end_of(problem: Any, race: Race) -> End:
    """The winner of a race, evaluated anew with no limit left out."""
    start, u = race.design()
    x = problem.space.si(u[None])[0]
    found = problem.sampler.sample(x, problem.sampler.names)
    values = dict(zip(problem.sampler.names, map(float, found.values[0]), strict=True))
    slack = np.array([limit.slack(values[limit.name]) for limit in problem.limits])
    sample = problem(u[None])
    conditions = None
    if sample.finite()[0]:
        conditions = certificate(
            u, sample.g[0], sample.c[0],
            np.where(race.fixed.still[:, None], 0.0, sample.jacobian[0]),
            race.starts.low[start], race.starts.high[start], TOLERANCE, LEAST_SLOPE,
        )  # fmt: skip
    scaled = sample.c[0] if len(slack) else slack
    return End(start, u, values, slack, scaled, float(sample.f[0]), conditions)


def shared(price: np.ndarray, race: Race) -> np.ndarray:
    """Multipliers dealt out among limits that always equal each other.

    Which of equal limits carries a multiplier changes nothing for parameters that move
    together; for the others, each has its share.
    """
    price = price.copy()
    alike: dict[int, list[int]] = {}
    for i, kept in race.fixed.same.items():
        alike.setdefault(kept, [kept]).append(i)
    for members in alike.values():
        price[members] = price[members].sum() / len(members)
    return price


def _branches(problem: Any, race: Race, end: End) -> list[Branch]:
    space, f = problem.space, race.value * race.scale
    # What has joined a better start has not come to the last digit.
    kept = race.inside | (race.outcome == "joined")
    lost = bool((race.fixed.value[race.fixed.still] < -TOLERANCE).any())
    found = []
    for number, box in enumerate(space.ranges()):
        own = race.starts.branch == number
        if not own.any():
            continue
        good = own & race.inside
        best = int(np.argmin(np.where(good, f, np.inf)))
        value, values = None, {}
        # What nothing free moves is missed everywhere.
        found_any = bool(good.any()) and not lost
        if found_any:
            value = problem.objective_at(float(f[best]))
            x = space.si(race.state.u[best][None])[0]
            rows = problem.sampler.sample(x, problem.sampler.names).values[0]
            values = dict(zip(problem.sampler.names, map(float, rows), strict=True))
        near = kept & own & (f <= f[best] + SAME_VALUE) if found_any else own & False
        design = (
            best if good.any() else int(np.argmin(np.where(own, race.missed(), np.inf)))
        )
        found.append(
            Branch(
                choices={},
                box=box,
                status="found" if found_any else "not found",
                objective=value,
                values=values,
                design=space.values(race.state.u[design]),
                starts=int(own.sum()),
                feasible=0.0 if lost else float((kept & own).sum() / own.sum()),
                agreeing=float(near.sum() / own.sum()),
                won=number == int(race.starts.branch[end.start]),
            )
        )
    return found


def _bounds(problem: Any, race: Race, end: End, per_f: float) -> list[Bound]:
    if end.conditions is None:
        return []
    low, high = race.starts.low[end.start], race.starts.high[end.start]
    x, x_per_u = problem.space.si(end.u)
    found = []
    for i, v in enumerate(problem.space.variables):
        for name, edge in (("low", low[i]), ("high", high[i])):
            if abs(end.u[i] - edge) <= 1e-9:
                worth = per_f * end.conditions.bounds[i] / x_per_u[i]
                found.append(Bound(v.name, name, float(x[i]), v.unit, float(worth)))
    return found


def _not_numbers(problem: Any, race: Race, keys: Sequence[str]) -> list[str]:
    """What is not a number at any start, where that is so at all of them."""
    if not (race.outcome == "void").all():
        return []
    wrong = [keys[i] for i in np.flatnonzero(np.isnan(race.fixed.value)).tolist()]
    objective = problem.objective
    log = "the logarithm of " if objective.log else ""
    return wrong or [f"{log}{objective.name}, or one of its slopes,"]
