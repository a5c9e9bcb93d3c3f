"""Rows of `result.json` about a search, and about the yield of what it found."""

from typing import Literal

from pydantic import Field

from .row import Maybe, Number, Row


class BoundRow(Row):
    """A free parameter on an end of its range."""

    name: str
    bound: Literal["low", "high"]
    value: Number
    unit: str
    multiplier: Maybe = Field(description="d(J/token) / d(bound), per SI unit")


class BranchRow(Row):
    """One box of a search, such as one sign of a detuning, or one choice."""

    choices: dict[str, str] = Field({}, description="path -> option taken")
    box: dict[str, tuple[Number, Number]]
    j_per_token: Maybe = Field(description="of its best start; null if none arrived")
    watts: Maybe = Field(description="of one free end at the vendor's boundary")
    feasible_share: Number
    agreeing_share: Number
    won: bool


class SearchRow(Row):
    """How a search went."""

    status: Literal["converged", "stalled", "limit", "infeasible", "interrupted"]
    message: str = Field(description="the same in one sentence")
    iterations: int
    evaluations: int = Field(description="designs with their slopes")
    seconds: Number = Field(description="on the clock, compilation included")
    redrawn: int = Field(0, description="starts that were not a number")
    baseline_link_w: Maybe = Field(
        None, description="nominal watts of the free links of one accelerator, before"
    )
    link_w: Maybe = Field(None, description="the same, after")
    starts: int = Field(description="over all branches")
    feasible_share: Maybe = Field(description="starts of the winning branch")
    agreeing_share: Maybe = Field(
        description="of them, feasible and within 0.1 % of the best in J/token"
    )
    kkt: Maybe
    violation: Maybe
    variables: dict[str, str] = Field(
        {}, description="path of every free number -> its name in boxes and bounds"
    )
    branches: list[BranchRow]
    bounds: list[BoundRow] = Field(description="active ones")
    relax: dict[str, Number] = Field(description="what is missed, the worst first")
    outside: list[str] = Field([], description="of them, what nothing free moves")


class PartsRow(Row):
    """Lane pairs of one design, as fabrication leaves them.

    A draw is one lane pair, all that an end has once for a lane at either end.
    """

    kept: Number = Field(description="share of lane pairs that keeps every limit")
    standard_error: Number = Field(description="of that share")
    link_share: Maybe = Field(
        None,
        description="share of whole links if their lanes were independent: `kept` to "
        "the power of `lanes`; lanes share a laser and a chip, so that the true share "
        "lies between this one and `kept`",
    )
    missed: dict[str, Number] = Field(
        description="limit -> share of lane pairs that misses it"
    )
    mean_w: Number = Field(
        description="of a link all lanes of which are as drawn: both ends, worst "
        "corner, host included"
    )
    worst_slacks: list[Number] = Field(
        description="of the size of its limit: 101 quantiles, of no to all lane pairs"
    )


class YieldRow(Row):
    """What a design costs that works from part to part."""

    link: str = Field(description="path of the link of which lane pairs were drawn")
    wanted: Number = Field(description="share of lane pairs that is to keep all limits")
    draws: int = Field(description="lane pairs in the search")
    judged: int = Field(description="fresh lane pairs of either design")
    lanes: int | None = Field(None, description="of that link, each way")
    trimmed: dict[str, Number] = Field(description="path -> step, in SI")
    spread: dict[str, Number] = Field(description="path -> standard deviation, in SI")
    as_drawn: PartsRow = Field(description="optimum of the parts as drawn")
    robust: PartsRow = Field(description="where the search for the yield ended")
    taken: bool = Field(
        True,
        description="whether the variant has the robust design; false where its search "
        "kept not all limits or was interrupted, and the variant is as drawn",
    )
    message: str = Field(description="how the search ended")
    seconds: Number
