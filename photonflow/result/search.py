"""A `Solution` of a search as rows of `result.json`."""

import math
from typing import Any

from ..search.optimise import Solution
from .rows import finite
from .schema import BoundRow, BranchRow, SearchRow


def search_row(solution: Solution) -> SearchRow:
    """How the search went."""
    return SearchRow(
        starts=len(solution.starts["branch"]),
        feasible_share=finite(solution.agreement["feasible"]),
        agreeing_share=finite(solution.agreement["agreeing"]),
        kkt=finite(solution.kkt),
        violation=finite(solution.violation),
        branches=[
            BranchRow(
                box={k: (float(a), float(b)) for k, (a, b) in branch["box"].items()},
                j_per_token=branch["j_per_token"],
                watts=branch["watts"],
                feasible_share=branch["feasible"],
                agreeing_share=branch["agreeing"],
                won=i == solution.branch,
            )
            for i, branch in enumerate(solution.branches)
        ],
        bounds=[
            BoundRow(
                name=bound["name"],
                bound=bound["bound"],
                value=float(bound["value"]),
                unit=bound["unit"],
                multiplier=finite(bound["multiplier"]),
            )
            for bound in solution.bounds
        ],
        relax={name: float(slack) for name, slack in solution.relax.items()},
    )


def multipliers(solution: Solution) -> dict[str, float]:
    """d(J/token) / d(least slack) by name; a slack that equals another has none."""
    # What a solver leaves on a limit that does not bind is its rounding.
    floor = 1e-9 * float(solution.report.j_per_token)
    found = {row["name"]: float(row["multiplier"]) for row in solution.constraints}
    return {
        name: value if abs(value) > floor else 0.0
        for name, value in found.items()
        if math.isfinite(value)
    }


def trace_rows(solution: Solution) -> list[dict[str, Any]]:
    """One row per chunk of the search; without its wall time, which differs."""
    columns = {k: v.tolist() for k, v in solution.trace.items() if k != "seconds"}
    rows = zip(*columns.values(), strict=True)
    return [
        {
            name: finite(value) if isinstance(value, float) else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in rows
    ]
