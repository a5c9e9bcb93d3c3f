"""Why a link misses its limits, and which of its numbers would put it right."""

from ..causes import DirectionName
from ..component import Param, params
from ..result.link import diagnosed, link_row, repair_row
from ..result.link_schema import LinkResult, RepairRow
from ..search import repair
from .folder import OnProgress
from .link import EXTRA_DB, Solved


REQUIRED = (
    "rate",
    "reserve",
    "lanes",
    "launch",
    "threshold",
    "overhead",
    "current",
    "reach",
)
"""requirements on a link and what is solved for: only a user moves them"""


def diagnose(solved: Solved, progress: OnProgress = lambda text: None) -> LinkResult:
    """The document of a link, with one diagnosis for each direction that misses."""
    result = link_row(
        solved.name,
        solved.about,
        solved.settings,
        solved.link,
        solved.at,
        solved.drives,
        solved.budgets,
        list(EXTRA_DB),
        solved.curve,
    )
    if result.feasible:
        return result
    progress(f"{solved.name}: limits are missed, looking for a repair")
    return diagnosed(result, _repairs(solved))


def _repairs(solved: Solved) -> dict[DirectionName, list[RepairRow]]:
    """By direction, inside the ranges of the cards, else where the models are valid."""
    specs = {spec.path: spec for spec in params(solved.link)}
    movable = [
        path
        for path, spec in specs.items()
        if solved.given(spec) or not _required(spec.yaml_path)
    ]
    cards = {
        path: (origin.low, origin.high)
        for path in movable
        for origin in [solved.origins[path]]
        if origin.ranged or solved.given(specs[path])
    }
    found = _rows(solved, cards, True, specs)
    lost: list[DirectionName] = [side for side, rows in found.items() if not rows]
    if lost:
        wide = {path: (specs[path].low, specs[path].high) for path in movable}
        outside = _rows(solved, wide, False, specs)
        found |= {side: outside.get(side, []) for side in lost}
    return found


def _required(path: str) -> bool:
    return path.rsplit(".", 1)[-1] in REQUIRED


def _rows(
    solved: Solved,
    ranges: dict[str, tuple[float, float]],
    in_range: bool,
    specs: dict[str, Param],
) -> dict[DirectionName, list[RepairRow]]:
    at = solved.at
    found = repair.repairs(
        solved.link, at["worst"], at["nominal"], ranges, solved.fixed
    )
    return {
        side: [repair_row(one, specs[one.path], in_range) for one in some]
        for side, some in found.items()
    }
