"""A `Solution` of a search over a cluster as rows of `result.json`."""

import math
from typing import Any

from ..search.cluster_sampler import END_W, J_PER_TOKEN, LINK_W
from ..search.solution import Branch, Solution
from .rows import finite
from .search_schema import BoundRow, BranchRow, SearchRow


def search_row(solution: Solution) -> SearchRow:
    """How the search went."""
    won = next(branch for branch in solution.branches if branch.won)
    return SearchRow(
        status=solution.status,
        message=solution.message,
        iterations=solution.iterations,
        evaluations=solution.evaluations,
        seconds=sum(solution.seconds.values()),
        starts=sum(branch.starts for branch in solution.branches),
        redrawn=solution.redrawn,
        baseline_link_w=finite(solution.baseline[LINK_W]),
        link_w=finite(solution.values[LINK_W]),
        feasible_share=won.feasible,
        agreeing_share=won.agreeing,
        kkt=finite(solution.kkt),
        violation=_violation(solution),
        variables=solution.variables,
        branches=[_branch_row(branch) for branch in solution.branches],
        bounds=[
            BoundRow(
                name=bound.name,
                bound="low" if bound.end == "low" else "high",
                value=bound.value,
                unit=bound.unit,
                multiplier=finite(bound.multiplier),
            )
            for bound in solution.bounds
        ],
        relax=solution.relax,
        outside=sorted(solution.outside.keys() & solution.relax.keys()),
    )


def _violation(solution: Solution) -> float | None:
    worst = min(solution.slacks.values(), default=0.0)
    return finite(max(-worst, 0.0))


def _branch_row(branch: Branch) -> BranchRow:
    return BranchRow(
        choices=branch.choices,
        box=branch.box,
        j_per_token=branch.objective,
        watts=branch.values.get(END_W),
        feasible_share=branch.feasible,
        agreeing_share=branch.agreeing,
        won=branch.won,
    )


def multipliers(solution: Solution) -> dict[str, float]:
    """d(J/token) / d(least slack) by name; slacks that are always equal share it."""
    # What a solver leaves on a limit that does not bind is its rounding.
    floor = 1e-9 * solution.values[J_PER_TOKEN]
    return {
        name: value if abs(value) > floor else 0.0
        for name, value in solution.multipliers.items()
        if math.isfinite(value)
    }


def trace_rows(solution: Solution) -> list[dict[str, Any]]:
    """One row for each iteration; without its wall time, which differs.

    Where the optics are searched first the best is known in watts until their end.
    """
    rows = []
    for part, best in (
        (solution.earlier, "best_link_w"),
        (solution, "best_j_per_token"),
    ):
        done = rows[-1]["iteration"] + 1 if rows else 0
        for row in part.trace if part else ():
            rows.append(
                {
                    "iteration": done + row.iteration,
                    "best_link_w": None,
                    "best_j_per_token": None,
                    "least_violation": finite(row.violation),
                    "kkt": finite(row.kkt),
                    "running": row.running,
                    best: finite(row.best),
                }
            )
    return rows
