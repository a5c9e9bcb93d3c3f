"""The search: the best design of any component under limits.

```python
ring = pf.load("ring-oband-lateral")

def scalars(ring):
    at = ring.operate(1e-3)
    return {"oma_w": 1e-3 * (at.top - at.bottom), "er_db": at.slacks["extinction"]}

best = pf.minimise(
    scalars, ring,
    free=[pf.Free("radius"), pf.Free("gap"), pf.Free("detuning", 0.1, 2.5)],
    objective=pf.maximum("oma_w", log=True),
    limits=[pf.at_least("er_db", 3.5)],
    provenance=pf.provenance("ring-oband-lateral"),
)
print(best.status, best.design, best.multipliers)
```
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..component import require_x64
from . import race, slsqp, sqp
from .choices import combinations
from .design_space import DesignSpace, Free, free_listed
from .explain import best_of, explain, with_choices
from .goals import (
    Inequality,
    Objective,
    limits_listed,
    require_objective,
    require_scalar,
)
from .sampler import ROWS, AbstractSampler, Function, FunctionSampler
from .solution import Asked, Solution
from .starts import Spread, at_points, spread


ITERATIONS = 200
SOLVERS: dict[str, Callable[..., race.Race]] = {"sqp": race.go_on, "slsqp": slsqp.run}

Follow = Callable[["Progress"], None]


class Progress(NamedTuple):
    """What a callback sees after every iteration."""

    iteration: int
    best: float | None
    """objective of the best design so far that keeps all limits"""
    by_branch: dict[int, float | None]
    """the same for every box"""
    running: int
    """starts that go on"""
    seconds: float
    objective: str
    """name of the scalar that `best` is"""


class Problem(NamedTuple):
    """One component with its space: designs to samples, as a solver sees them."""

    sampler: AbstractSampler
    space: DesignSpace
    objective: Objective
    limits: tuple[Inequality, ...]
    size: float
    """the objective is divided by it where it is no logarithm"""
    scales: np.ndarray
    """(limits,) of slacks"""
    names: tuple[str, ...]
    """of the scalars that are needed"""

    @property
    def asked(self) -> Asked:
        """What it was made of."""
        return Asked(self.objective, self.limits, self.space.variables)

    def __call__(self, u: np.ndarray) -> sqp.Sample:
        """Objective and scaled slacks, with slopes in u."""
        x, x_per_u = self.space.si(u)
        found = self.sampler.sample(x, self.names)
        slopes = found.slopes * x_per_u[:, None]
        at = {name: i for i, name in enumerate(self.sampler.names)}
        i = at[self.objective.name]
        f, g = self.objective.of(found.values[:, i], slopes[:, i])
        places = [at[limit.name] for limit in self.limits]
        sign = np.array([limit.sign for limit in self.limits]) / self.scales
        edge = np.array([limit.value for limit in self.limits])
        return sqp.Sample(
            f=f / self.size,
            c=sign * (found.values[:, places] - edge),
            g=g / self.size,
            jacobian=sign[:, None] * slopes[:, places],
        )

    def objective_at(self, f: float) -> float:
        """The scalar that is made small or large, from what a solver sees."""
        value = self.objective.sign * self.size * f
        return float(np.exp(value)) if self.objective.log else value


def minimise(
    function: Function,
    component: Any,
    *,
    free: Free | Iterable[Free],
    objective: Objective,
    limits: Inequality | Iterable[Inequality] = (),
    choices: Mapping[Any, Any] | None = None,
    starts: int = 8,
    seed: int = 0,
    solver: str = "sqp",
    provenance: Mapping[str, Any] | None = None,
    iterations: int = ITERATIONS,
    callback: Follow | None = None,
    resume: Solution | None = None,
) -> Solution:
    """The design of `component` that is best by `objective` and keeps all `limits`.

    `function` takes the component and returns a dict of named scalars, differentiable
    by jax in the `free` numbers. Each combination of boxes is a branch with `starts`
    starts: the component's own design, clipped to the box, and others spread evenly by
    `seed`. `choices` are what no slope reaches, tried one by one: path, or a tuple of
    paths that change together -> options, or label -> option; an option is a component
    for a part, or the value of a static field (`pam`, the taps of an equaliser) or of
    an integer.

    `solver` is `sqp`, all starts in one compiled batch, or `slsqp`, SciPy's, one start
    after the other. `provenance` of the component's card (`pf.provenance`) narrows
    every range to what the card spans. `callback` sees a `Progress` after every
    iteration; a KeyboardInterrupt ends the search with the best so far, and `resume`
    takes an interrupted one up again, to the same end.

    ValueError: a path, scalar, range or option that does not exist, or an objective
    that a free parameter does not move. Slack and residual at what is reported are
    below 1e-6, of the size of each limit and of the objective's gradient.
    """
    require_x64("pf.minimise")
    settings = Settings(starts, seed, solver, iterations, callback)
    free, limits = free_listed(free), limits_listed(limits)
    require_objective(objective)
    if not isinstance(provenance, Mapping | None):
        raise ValueError(f"`provenance` is `pf.provenance(CARD)`, not {provenance!r}")

    def sampler(component: Any, space: DesignSpace) -> AbstractSampler:
        # One start alone, or one after the other, is one design at a time.
        alone = solver == "slsqp" or (starts == 1 and len(space.boxes()) == 1)
        return FunctionSampler(function, component, space, 1 if alone else ROWS)

    def one(chosen: Any, kept: Mapping[str, Any], resume: Solution | None) -> Solution:
        space = DesignSpace.of(chosen, free, kept)
        return search(
            sampler(chosen, space), chosen, space, objective, limits, settings,
            provenance=kept, resume=resume,
        )  # fmt: skip

    return each_choice(one, component, choices or {}, free, provenance or {}, resume)


class Settings(NamedTuple):
    """How a search runs. ValueError from `checked`."""

    starts: int = 8
    seed: int = 0
    solver: str = "sqp"
    iterations: int = ITERATIONS
    callback: Follow | None = None

    def checked(self) -> "Settings":
        """The same, if it can be used."""
        for name, least in (("starts", 1), ("iterations", 0)):
            given = getattr(self, name)
            if not isinstance(given, int) or given < least:
                raise ValueError(
                    f"`{name}` is {given!r}: a whole number, at least {least}"
                )
        if self.solver not in SOLVERS:
            raise ValueError(f"solver `{self.solver}` is none of {', '.join(SOLVERS)}")
        return self


def search(
    sampler: AbstractSampler,
    component: Any,
    space: DesignSpace,
    objective: Objective,
    limits: tuple[Inequality, ...],
    settings: Settings,
    *,
    provenance: Mapping[str, Any],
    resume: Solution | None = None,
    first: Mapping[int, np.ndarray] | None = None,
) -> Solution:
    """The best design of `space` by what a sampler says.

    `first` puts one start in some of the branches, at a point in u by their number, in
    place of those that are spread.
    """
    settings.checked()
    for limit in limits:
        require_scalar(limit.name, sampler.names, f"limit `{limit}`")
    require_scalar(objective.name, sampler.names, "objective")
    began = time.perf_counter()
    problem = _problem(sampler, space, objective, limits)
    if resume is None:
        begun = _begin(problem, component, settings, first)
        _require_effect(problem, begun)
    else:
        begun = _continued(resume, problem)
    compile_s = time.perf_counter() - began

    best: dict[int, float] = {}

    def follow(now: race.Race) -> None:
        if settings.callback is not None:
            settings.callback(_progress(now, problem, best))

    solve = SOLVERS[settings.solver]
    ended = solve(begun, problem, settings.iterations, follow)
    moving = ended.fixed.refuted(problem(ended.design()[1][None]))
    if moving.any() and not ended.cut:
        begun = _begin(problem, component, settings, first, moving)
        ended = solve(begun, problem, settings.iterations, follow)
    return explain(problem, component, ended, compile_s, provenance)


def _begin(
    problem: Problem,
    component: Any,
    settings: Settings,
    first: Mapping[int, np.ndarray] | None,
    moving: np.ndarray | None = None,
) -> race.Race:
    space = problem.space
    points, boxes = Spread(len(space.variables), settings.seed), space.boxes()
    if first is None:
        starts = spread(boxes, space.pack(component), settings.starts, points)
    else:
        starts = at_points(boxes, first)
    return race.begin(problem, boxes, starts, points, moving)


def _continued(resume: Solution, problem: Problem) -> race.Race:
    """The race of an earlier search, if it was one of the same problem."""
    names, before = problem.sampler.names, resume.baseline
    now = dict(zip(names, problem.sampler.baseline().tolist(), strict=True))
    mine = {
        "function": (names, tuple(before)),
        "objective": (problem.asked.objective, resume.asked.objective),
        "limits": (problem.asked.limits, resume.asked.limits),
        "free": (problem.asked.variables, resume.asked.variables),
        "component or function": (repr(now), repr(before)),
    }
    other = next((what for what, (a, b) in mine.items() if a != b), None)
    if other is not None:
        raise ValueError(f"`resume` is the solution of another search: its {other}")
    return resume.race


def each_choice(
    one: Callable[[Any, Mapping[str, Any], Solution | None], Solution],
    component: Any,
    choices: Mapping[Any, Any],
    free: Sequence[Free],
    provenance: Mapping[str, Any],
    resume: Solution | None,
) -> Solution:
    """The best solution of every combination of options.

    `one` searches a component, of whose numbers it is handed the provenance, or takes
    its search up again.
    """
    found: list[Solution] = []
    before = [None] if resume is None else resume.tries or [resume]
    paths = [path for each in free for path in each.paths]
    tried = combinations(component, choices, paths)
    for number, (taken, chosen) in enumerate(tried):
        known = {
            path: origin
            for path, origin in provenance.items()
            if not any(path.startswith(f"{part}.") for part in taken)
        }
        old = before[number] if number < len(before) else None
        if old is not None and old.choices != taken:
            raise ValueError(
                f"`resume` is the solution of another search: of choices {old.choices}"
            )
        if old is None or old.status == "interrupted" or len(before) == 1:
            found.append(with_choices(one(chosen, known, old), taken))
        else:
            found.append(old)
        if found[-1].status == "interrupted":
            break
    return best_of(found)


def _problem(
    sampler: AbstractSampler,
    space: DesignSpace,
    objective: Objective,
    limits: tuple[Inequality, ...],
) -> Problem:
    names = tuple(dict.fromkeys([objective.name, *(limit.name for limit in limits)]))
    centre = space.si(np.full((1, len(space.variables)), 0.5))[0]
    seen = sampler.sample(centre, names).values
    at = {name: i for i, name in enumerate(sampler.names)}
    scales = [limit.scale(seen[:, at[limit.name]]) for limit in limits]
    size = 1.0 if objective.log else abs(float(seen[0, at[objective.name]]))
    size = size if np.isfinite(size) and size > 0 else 1.0
    return Problem(sampler, space, objective, limits, size, np.array(scales), names)


def _require_effect(problem: Problem, begun: race.Race) -> None:
    """Raise where a parameter moves nothing, or none moves the objective."""
    seen = begun.fixed
    if not seen.designs:
        return
    names, aim = problem.space.names, problem.objective.name
    idle = [
        f"`{name}`"
        for name, own, other in zip(
            names, seen.objective_slope, seen.limit_slope, strict=True
        )
        if own == 0.0 and other == 0.0
    ]
    if idle:
        raise ValueError(
            f"{', '.join(idle)} moves neither the objective `{aim}` nor any limit, at "
            f"any of {seen.designs} designs: take it out of `free`"
        )
    if not seen.objective_slope.any():
        raise ValueError(
            f"the objective `{aim}` does not move with any free parameter: "
            f"{', '.join(f'`{name}`' for name in names)}"
        )


def _progress(now: race.Race, problem: Problem, best: dict[int, float]) -> Progress:
    """The race after an iteration, and into `best` the least f so far by branch."""
    f = np.where(now.inside, now.state.f * now.scale, np.inf)
    for branch in set(now.starts.branch.tolist()):
        own = float(f[now.starts.branch == branch].min())
        best[branch] = min(best.get(branch, np.inf), own)

    def said(f: float) -> float | None:
        return problem.objective_at(f) if np.isfinite(f) else None

    branches = {branch: said(own) for branch, own in best.items()}
    running = int(now.running.sum())
    return Progress(
        now.iteration,
        said(min(best.values())),
        branches,
        running,
        now.seconds,
        problem.objective.name,
    )
