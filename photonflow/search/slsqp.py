"""The starts of a search one after the other, each by SciPy's SLSQP.

Kraft, A software package for sequential quadratic programming, DFVLR-FB 88-28, 1988.
Slower than `race`, as no two starts share a call, and with nothing in common with
`sqp`: what the two agree on is hardly a mistake of either.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from ..limits import TOLERANCE
from . import sqp
from .kkt import LEAST_SLOPE, certificate
from .race import KKT_TOLERANCE, Evaluate, Race, Row


FTOL = 1e-14
OUT_OF_ITERATIONS = 9  # `status` of SciPy


def run(
    race: Race,
    evaluate: Evaluate,
    iterations: int,
    follow: Callable[[Race], None],
) -> Race:
    """Every start to its end, of at most `iterations` each."""
    race = dataclasses.replace(race, cut=False)
    try:
        for start in np.flatnonzero(race.running):
            race = _one(race, int(start), evaluate, iterations)
            follow(race)
    except KeyboardInterrupt:
        return dataclasses.replace(race, cut=True)
    return race


def _one(race: Race, start: int, evaluate: Evaluate, iterations: int) -> Race:
    began = time.perf_counter()
    low, high = race.starts.low[start], race.starts.high[start]
    carried = np.flatnonzero(~race.fixed.masked)
    seen: dict[bytes, sqp.Sample] = {}

    def at(u: np.ndarray) -> sqp.Sample:
        key = u.tobytes()
        if key not in seen:
            seen[key] = evaluate(np.clip(u, low, high)[None])
        return seen[key]

    found = minimize(
        lambda u: float(at(u).f[0]) / race.scale,
        race.starts.u[start],
        jac=lambda u: at(u).g[0] / race.scale,
        bounds=list(zip(low, high, strict=True)),
        constraints={
            "type": "ineq",
            "fun": lambda u: at(u).c[0, carried],
            "jac": lambda u: at(u).jacobian[0, carried],
        },
        method="SLSQP",
        options={"maxiter": iterations, "ftol": FTOL},
    )
    u = np.clip(found.x, low, high)
    sample = at(u)
    c = np.where(race.fixed.masked, 1.0, sample.c[0])
    j = np.where(race.fixed.masked[:, None], 0.0, sample.jacobian[0])
    g = sample.g[0] / race.scale
    ends = certificate(u, g, c, j, low, high, TOLERANCE, LEAST_SLOPE / race.scale)
    violation = float(np.maximum(-c, 0.0).max(initial=0.0))
    place = np.array([start])
    old = race.state.of(place)
    new = old._replace(
        u=u[None], f=sample.f / race.scale, c=c[None], g=g[None], jacobian=j[None],
        multipliers=ends.multipliers[None], kkt=np.array([ends.residual]),
        violation=np.array([violation]), complementarity=np.zeros(1),
    )  # fmt: skip
    outcome = race.outcome.copy()
    good = ends.residual <= KKT_TOLERANCE and violation <= TOLERANCE
    cut = "spent" if found.status == OUT_OF_ITERATIONS else "stalled"
    outcome[start] = "arrived" if good else cut
    race = dataclasses.replace(
        race,
        state=race.state.put(place, new),
        outcome=outcome,
        iteration=race.iteration + int(found.nit),
        evaluations=race.evaluations + len(seen),
        seconds=race.seconds + time.perf_counter() - began,
    )
    best = race.winner()
    kept = bool(race.inside[best])
    row = Row(
        race.iteration,
        float(race.state.f[best] * race.scale) if kept else float("nan"),
        float(race.missed().min()),
        float(race.state.kkt[best]),
        int(race.running.sum()),
        race.seconds,
    )
    return dataclasses.replace(race, rows=(*race.rows, row))
