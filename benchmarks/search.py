"""Searches side by side: ours, SciPy's SLSQP, CMA-ES, differential evolution, TPE.

Every method works on the same compiled function and sets out from the component's own
design: ours and SLSQP on value and slopes, the others on the value, a generation at a
time, with an exact penalty (the sum of what limits are missed by, weighed by twice the
largest multiplier). A hit is the first design that a method evaluates within 0.1 % of
the best that any found, which misses no limit by more than 1e-4 of its size. Seconds
are those of whole calls, compilation apart; evaluation caps are stated; the machine is
to be quiet. Where there are several optima CMA-ES begins again with twice the
population until its cap (IPOP); TPE has one row, of few evaluations.

`pip install cma optuna` for the peers; one that is missing is left out.
"""

import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

import photonflow as pf
from photonflow.compilation import LEAN
from photonflow.search import minimise as searched
from photonflow.search.design_space import DesignSpace

from .search_problems import Problem, problems


SEEDS = 10
HIT = 1e-3
MISSED = 1e-4
CAP = {"closed form": 60_000, "patterns": 20_000}
GENERATION = 30
TPE_CAP = 600


class Run(NamedTuple):
    """One search with one seed."""

    best: float
    """objective as minimised, of designs that keep all limits; infinite without"""
    path: list[tuple[float, float]]
    """seconds, and the best so far"""
    evaluations: int
    gradients: int
    seconds: float
    compile_s: float
    arrived: float | None = None
    """share of starts that came to the run's own best"""


class Batch:
    """The value of a problem, for many designs in u, compiled for one number of them.

    Inside, a box of unit edge as the search itself uses it.
    """

    def __init__(self, problem: Problem, rows: int, weight: float):
        space = DesignSpace.of(problem.component, problem.free)
        self.size, self.rows, self.weight = len(space.variables), rows, weight
        self.home, self.again = space.pack(problem.component), problem.multimodal
        log, sign = problem.objective.log, problem.objective.sign
        limits, name = problem.limits, problem.objective.name

        def one(u):
            found = problem.function(space.unpack(u, problem.component))
            value = jnp.log(found[name]) if log else found[name]
            slack = [
                x.sign * (found[x.name] - x.value) / x.scale(np.ones(1)) for x in limits
            ]
            return sign * value, jnp.stack(slack)

        began = time.perf_counter()
        shaped = jax.ShapeDtypeStruct((rows, self.size), float)
        batch = jax.jit(jax.vmap(one), compiler_options=LEAN)
        self._compiled = batch.lower(shaped).compile()
        self.compile_s = time.perf_counter() - began
        self.evaluations, self.best, self.path = 0, np.inf, []

    def begin(self) -> None:
        """Forget what was evaluated."""
        self.evaluations, self.best, self.path = 0, np.inf, []
        self._began = time.perf_counter()

    def __call__(self, u: np.ndarray) -> np.ndarray:
        """Penalised values of designs (k, n); what is not a number is bad."""
        out = []
        for first in range(0, len(u), self.rows):
            some = u[first : first + self.rows]
            padded = np.resize(some, (self.rows, self.size))
            f, c = jax.device_get(self._compiled(padded))
            f, c = f[: len(some)], c[: len(some)]
            paid = penalised(f, c, self.weight)
            self.best = min(self.best, best_kept(paid, c))
            self.evaluations += len(f)
            out.append(np.nan_to_num(paid, nan=1e6))
        self.path.append((time.perf_counter() - self._began, self.best))
        return np.concatenate(out)

    def run(self) -> Run:
        """What the search that called came to."""
        seconds = time.perf_counter() - self._began
        return Run(self.best, self.path, self.evaluations, 0, seconds, self.compile_s)


def penalised(f: np.ndarray, c: np.ndarray, weight: float) -> np.ndarray:
    """The exact penalty of designs (k,) with slacks (k, m)."""
    return f + weight * np.maximum(-c, 0.0).sum(axis=1)


def best_kept(paid: np.ndarray, c: np.ndarray) -> float:
    """The best of designs that miss no limit by more than `MISSED`."""
    kept = paid[np.maximum(-c, 0.0).max(axis=1) <= MISSED]
    return float(kept.min(initial=np.inf))


def ours(problem: Problem, weight: float, seed: int, solver: Any = "sqp") -> Run:
    """`pf.minimise` with its defaults, its designs judged as those of others."""
    path: list[tuple[float, float]] = []
    evaluate, began = searched.Problem.__call__, time.perf_counter()

    def judged(self: Any, u: np.ndarray) -> Any:
        sample = evaluate(self, u)
        best = best_kept(penalised(sample.f, sample.c, weight), sample.c)
        path.append((time.perf_counter() - began, best))
        return sample

    with mock.patch.object(searched.Problem, "__call__", judged):
        found = pf.minimise(
            problem.function, problem.component, free=problem.free, seed=seed,
            limits=problem.limits, objective=problem.objective, solver=solver,
        )  # fmt: skip
    seconds = time.perf_counter() - began
    value = found.values[problem.objective.name]
    sign, log = problem.objective.sign, problem.objective.log
    best = sign * (np.log(value) if log else value) if found.feasible else np.inf
    count = found.evaluations
    compile_s = found.seconds["compile"]
    return Run(best, path, count, count, seconds, compile_s, found.agreement)


def slsqp(problem: Problem, weight: float, seed: int) -> Run:
    """The same starts one after the other, by SciPy."""
    return ours(problem, weight, seed, "slsqp")


def cma_es(batch: Batch, seed: int, cap: int) -> Run:
    """Population of `GENERATION`; twice that from elsewhere where it begins again."""
    import cma

    rng, population, first = np.random.default_rng(seed), GENERATION, batch.home
    batch.begin()
    while True:
        options = {
            "bounds": [0, 1], "popsize": population, "seed": seed + 1, "verbose": -9,
            "maxfevals": cap - batch.evaluations, "tolfun": 1e-9, "tolx": 1e-9,
        }  # fmt: skip
        es = cma.CMAEvolutionStrategy(np.clip(first, 0.01, 0.99), 0.25, options)
        while not es.stop():
            asked = es.ask()
            es.tell(asked, batch(np.clip(np.array(asked), 0, 1)).tolist())
        population, first = 2 * population, rng.random(batch.size)
        if not batch.again or batch.evaluations + population > cap:
            return batch.run()


def evolution(batch: Batch, seed: int, cap: int) -> Run:
    """SciPy's differential evolution, a generation at a time."""
    from scipy.optimize import differential_evolution

    batch.begin()
    population = batch.rows // batch.size
    differential_evolution(
        lambda x: batch(x.T), [(0.0, 1.0)] * batch.size, vectorized=True, polish=False,
        updating="deferred", popsize=population, rng=seed, tol=1e-9, atol=1e-12,
        maxiter=max(1, cap // batch.rows - 1), x0=batch.home,
    )  # fmt: skip
    return batch.run()


def tpe(batch: Batch, seed: int, cap: int) -> Run:
    """Optuna's tree-structured Parzen estimator, a generation at a time."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    batch.begin()
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial({f"u{i}": float(u) for i, u in enumerate(batch.home)})
    while batch.evaluations < min(cap, TPE_CAP):
        trials = [study.ask() for _ in range(GENERATION)]
        u = np.array(
            [
                [t.suggest_float(f"u{i}", 0, 1) for i in range(batch.size)]
                for t in trials
            ]
        )
        for trial, value in zip(trials, batch(u), strict=True):
            study.tell(trial, float(value))
    return batch.run()


GRADIENTS: dict[str, Callable[..., Run]] = {"photonflow": ours, "SLSQP": slsqp}
POPULATIONS: dict[str, tuple[str, Callable[..., Run]]] = {
    "CMA-ES": ("cma", cma_es),
    "DE": ("scipy", evolution),
    "TPE": ("optuna", tpe),
}
"""package and search"""


def rows() -> list[dict]:
    """One row for each problem and method."""
    pf.enable_x64()
    out = []
    for problem in problems():
        runs = compared(problem)
        best = min(run.best for some in runs.values() for run in some)
        out += [row(problem, name, some, best) for name, some in runs.items()]
        for each in out[-len(runs) :]:
            print(each, flush=True)
    return out


def compared(problem: Problem) -> dict[str, list[Run]]:
    """Runs of all methods on one problem."""
    # The first search compiles; the others of the same process do not.
    first, compile_s = _largest_multiplier(problem)
    weight, runs = 2 * first, {}
    for name, search in GRADIENTS.items():
        compile_s = compile_s or search(problem, weight, 0).compile_s
        found = [search(problem, weight, seed) for seed in range(SEEDS)]
        runs[name] = [run._replace(compile_s=compile_s) for run in found]
        compile_s = 0.0
    cap = CAP.get(problem.name.split(",")[0], CAP["closed form"])
    for name, (package, search) in POPULATIONS.items():
        one = name == "TPE"  # which has one row: it takes minutes of its own
        if importlib.util.find_spec(package) is None or (
            one and not problem.name.startswith("closed form, 20")
        ):
            continue
        size = len(DesignSpace.of(problem.component, problem.free).variables)
        rows = size * max(5, round(90 / size)) if name == "DE" else GENERATION
        batch = Batch(problem, rows, weight)
        seeds = range(2 if one else SEEDS)
        runs[name] = [search(batch, seed, cap) for seed in seeds]
    return runs


def _largest_multiplier(problem: Problem) -> tuple[float, float]:
    """In the units of the penalised objective, and seconds of compilation."""
    found = pf.minimise(
        problem.function, problem.component, free=problem.free, limits=problem.limits,
        objective=problem.objective,
    )  # fmt: skip
    size = abs(found.values[problem.objective.name]) if problem.objective.log else 1.0
    scales = [limit.scale(np.ones(1)) for limit in problem.limits]
    worth = zip(found.multipliers.values(), scales, strict=True)
    most = max(1.0, *(abs(price) * scale / size for price, scale in worth))
    return most, found.seconds["compile"]


def row(problem: Problem, method: str, runs: list[Run], best: float) -> dict:
    """Medians over the seeds of one method."""
    hits = [(run, _hit(run, best)) for run in runs]
    times = [seconds for _, seconds in hits if seconds is not None]
    compile_s = runs[0].compile_s
    arrived = [run.arrived for run in runs if run.arrived is not None]

    def middle(values: list[float]) -> float | None:
        return statistics.median(values) if len(values) > len(runs) / 2 else None

    hit_s = middle(times)
    return {
        "name": "search",
        "case": problem.name,
        "method": method,
        "evaluations": statistics.median(run.evaluations for run in runs),
        "gradients": statistics.median(run.gradients for run in runs),
        "hit_s": hit_s,
        "hit_with_compilation_s": None if hit_s is None else hit_s + compile_s,
        "ended_s": statistics.median(run.seconds for run in runs),
        "compile_s": compile_s,
        "runs_that_hit": len(times) / len(runs),
        "starts_that_agree": statistics.median(arrived) if arrived else None,
        "worse_than_best": statistics.median(run.best for run in runs) - best,
        "worst_run": max(run.best for run in runs) - best,
        "seeds": len(runs),
    }


def _hit(run: Run, best: float) -> float | None:
    """Seconds to the first design within `HIT` of the best."""
    for seconds, so_far in run.path:
        if so_far <= best + HIT:
            return seconds
    return None
