"""Fronts: what one scalar costs in another, by one limit moved step by step.

The epsilon-constraint method (Haimes, Lasdon and Wismer 1971): each design is searched
from where the one before it ended, so that a front of many costs little more than its
first design, and nothing is compiled again.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from .goals import Inequality, limits_listed
from .minimise import minimise
from .sampler import Function
from .solution import Solution


WARM_STARTS = 2


def pareto(
    function: Function,
    component: Any,
    *,
    along: Sequence[Inequality],
    limits: Inequality | Iterable[Inequality] = (),
    starts: int = 8,
    **settings: Any,
) -> list[Solution]:
    """The best design for each limit of `along`, in their order.

    ```python
    front = pf.pareto(
        scalars, ring, free=free, objective=pf.minimum("watts", log=True),
        along=[pf.at_least("er_db", x) for x in (3.0, 3.5, 4.0, 4.5)],
    )
    ```
    The first has `starts` starts in each branch. The others have two: the design
    before, and one elsewhere, in case the best branch changes. `settings` are those of
    `minimise`.
    """
    if not along:
        raise ValueError("`along` needs at least one limit")
    names = {(limit.name, limit.sign) for limit in along}
    if len(names) > 1:
        raise ValueError("limits of `along` are to be of one scalar and one side")
    limits = limits_listed(limits)
    found: list[Solution] = []
    for limit in along:
        number = WARM_STARTS if found else starts
        best = minimise(
            function, component, limits=(*limits, limit), starts=number, **settings
        )
        found.append(best)
        component = best.component if best.feasible else component
    return found
