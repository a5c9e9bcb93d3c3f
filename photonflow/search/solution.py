"""What a search found, why it is the best, and how sure that is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..component import params
from .design_space import Variable
from .goals import Inequality, Objective
from .race import KKT_TOLERANCE, Race, Row, Status


SAID_MOST = 3
"""limits that a sentence names"""


class Asked(NamedTuple):
    """What a search was asked, so that no other takes it up again."""

    objective: Objective
    limits: tuple[Inequality, ...]
    variables: tuple[Variable, ...]


class Bound(NamedTuple):
    """A free parameter on an end of its range."""

    name: str
    end: str
    """`low` or `high`"""
    value: float
    unit: str
    multiplier: float
    """d(objective) / d(bound), per SI unit"""


class Branch(NamedTuple):
    """One combination of choices and boxes, searched by itself."""

    choices: dict[str, str]
    """path -> the option taken"""
    box: dict[str, tuple[float, float]]
    """variable -> its range"""
    status: str
    """`found`, or `not found` where no start kept all limits"""
    objective: float | None
    """of its best start that keeps all limits"""
    values: dict[str, float]
    """named scalars there; empty where nothing was found"""
    design: dict[str, float]
    """SI value by variable, of its best start"""
    starts: int
    feasible: float
    """share of starts that ended with all limits kept"""
    agreeing: float
    """share of starts that ended feasible within 0.1 % of the branch's best"""
    won: bool


class Elasticity(NamedTuple):
    """What one number of the component is worth, all limits kept."""

    path: str
    slope: float
    """d(objective) / dp, per SI unit"""
    elasticity: float | None
    """d ln(objective) / d ln p; None where p or the objective may be 0"""
    low: float
    high: float
    """what the number spans: the card's range, or where the model is valid"""
    moves: float
    """change of the objective over that range, by its slope alone"""


@dataclass(frozen=True)
class Solution:
    """The best design found.

    `status` is `converged` (a point where the first-order conditions of an optimum
    hold to 1e-6), `stalled` (all limits kept, but no further step helped: noise in the
    slopes, or a kink), `limit` (out of iterations), `infeasible` (no start kept all
    limits: the design is the one found that misses them least) or `interrupted`.
    `message` says it in one sentence.

    It can be pickled, and taken up again elsewhere; `elasticities` then are there only
    if they were asked for before.
    """

    status: Status
    feasible: bool
    """all limits kept, each computed again at the end"""
    component: Any
    """as it came, with the design in it"""
    design: dict[str, float]
    """SI value by Python path, tied paths included"""
    variables: dict[str, str]
    """path -> name in boxes and bounds"""
    choices: dict[str, str]
    """path -> the option taken"""
    values: dict[str, float]
    """named scalars at the design"""
    baseline: dict[str, float]
    """the same of the component as it came"""
    slacks: dict[str, float]
    """by limit, in the unit of its scalar: met when >= 0"""
    multipliers: dict[str, float]
    """by limit: d(objective) / d(value of the limit), in their units; empty where
    limits are missed"""
    bounds: list[Bound]
    relax: dict[str, float]
    """limits that the design misses, the worst first; empty where it is feasible"""
    outside: dict[str, float]
    """slack of limits that no free parameter moves, kept or missed"""
    branches: list[Branch]
    agreement: float
    """share of the winning branch's starts that agree with its best"""
    kkt: float
    """residual of the optimality conditions over the objective's gradient"""
    iterations: int
    evaluations: int
    """designs of which value and slopes were computed"""
    redrawn: int
    """starts that were not a number and were drawn again"""
    not_numbers: list[str]
    """what is not a number at any start; empty where some start can be used"""
    seconds: dict[str, float]
    """`compile` (up to the first look at all starts) and `search`"""
    trace: tuple[Row, ...]
    """one row for each iteration, of the choices that won"""
    race: Race = field(repr=False)
    """state of the search: `resume=` takes the solution up again"""
    asked: Asked = field(repr=False)
    _gradient: Callable[[], Mapping[str, float]] | None = field(repr=False)
    _objective: str = field(repr=False)
    _ranges: Mapping[str, Any] = field(repr=False)
    tries: "tuple[Solution, ...]" = field(repr=False, default=())
    """one for each combination of choices, where there are several"""
    earlier: "Solution | None" = field(repr=False, default=None)
    """the search whose end this one set out from"""

    def __getstate__(self) -> dict[str, Any]:
        # What is compiled stays where it is.
        return self.__dict__ | {"_gradient": None}

    @property
    def message(self) -> str:
        """What came out, in one sentence."""
        text = f"{self.status}: {self._outcome()}"
        if self.redrawn and not self.not_numbers:
            text += f"; {self.redrawn} starts were not a number and were drawn again"
        return text

    def _outcome(self) -> str:
        if self.not_numbers:
            return f"{', '.join(self.not_numbers)} is not a number at any start"
        if not self.feasible:
            return self._missed()
        rest = f"KKT residual {self.kkt:.1e}"
        kept = "all limits are kept" if self.slacks else "nothing limits it"
        return {
            "converged": f"an optimum to first order after {self.iterations} "
            f"iterations, {rest}",
            "stalled": f"{kept}, but no step helps any more at a {rest}, above "
            f"{KKT_TOLERANCE:g}: slopes with noise or a kink, or numbers of too "
            "different size",
            "limit": f"{kept} after {self.iterations} iterations, {rest}",
            "interrupted": f"{kept}, {rest} so far",
        }[self.status]

    def _missed(self) -> str:
        lost = [name for name in self.relax if name in self.outside]
        if lost:
            are = "is" if len(lost) == 1 else "are"
            return f"no free parameter moves {', '.join(lost)}, which {are} missed"
        if not self.relax:
            return f"{self._objective} is not a number at the best design"
        short = [f"{name} (by {-slack:.3g})" for name, slack in self.relax.items()]
        most = ", ".join(short[:SAID_MOST])
        rest = len(short) - SAID_MOST
        more = f" and {rest} more" if rest > 0 else ""
        so_far = " so far" if self.status == "interrupted" else ""
        return f"the nearest design found{so_far} misses {most}{more}"

    @cached_property
    def elasticities(self) -> list[Elasticity]:
        """What every number of the component is worth, largest effect first.

        By the Lagrangian, everything free held still (envelope theorem): one reverse
        pass, compiled when first asked for. None where limits are missed.
        """
        if not self.feasible:
            return []
        if self._gradient is None:
            raise ValueError(
                "`elasticities` of a solution that was pickled: ask for them before"
            )
        slopes, rows = self._gradient(), []
        value = self.values[self._objective]
        for p in params(self.component):
            origin = self._ranges.get(p.path)
            low, high = (p.low, p.high) if origin is None else (origin.low, origin.high)
            slope, x = slopes[p.path], float(p.value)
            relative = p.low > 0 and p.unit not in ("dB", "dBm") and value > 0
            # Over decades a number moves by ratios.
            span = x * np.log(high / low) if low > 0 else high - low
            rows.append(
                Elasticity(
                    p.path,
                    slope,
                    slope * x / value if relative else None,
                    low,
                    high,
                    slope * float(span),
                )
            )
        return sorted(rows, key=lambda row: -abs(row.moves))
