"""Why a link misses its limits, and which of its numbers would put it right."""

import math
from collections.abc import Iterable

from ..causes import DIRECTIONS, DirectionName
from ..component import Param, params
from ..report.labels import slack_name
from ..report.link_labels import chosen, cure, fault, main_slack
from ..result.link_schema import Diagnosis, LinkResult, RepairRow
from ..search import repair as repair
from .link import Solved, link_row, misses


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
"""what a link is asked for, or is solved for: moved by nobody but a user"""
WHOLE = ("wavelengths", "lines", "fibres", "lanes_per_laser", "lasers_per_unit")
"""what can only be counted"""


def diagnose(solved: Solved) -> LinkResult:
    """The document of a link, with one diagnosis for each direction that misses."""
    result = link_row(solved)
    missed = misses(solved)
    if not missed:
        return result
    repairs = _repairs(solved)
    found = []
    sides: dict[DirectionName, None] = dict.fromkeys(row[1] for row in missed)
    for side in sides:
        own = {row[2]: row for row in missed if row[1] == side}
        end = next(end for end, way in DIRECTIONS.items() if way == side)
        drive = next((d for d in solved.drives if d.path.startswith(end)), None)
        reachable = drive is None or drive.reachable
        ceiling = bool(drive and drive.ceiling)
        name = main_slack(list(own), reachable)
        climate, _, _, value = own[name]
        noises = result.noise_share[side]
        limiting = max(noises, key=lambda noise: noises[noise])
        # A limit of too much light is no noise's doing.
        named = chosen(
            repairs.get(side, []), solved.settings, limiting, ceiling and name == "ber"
        )
        also = [other for other in own if other != name]
        more = f" (also missed: {'; '.join(map(slack_name, also))})" if also else ""
        wrong = fault(name, value, result, side, ceiling)
        found.append(
            Diagnosis(
                direction=side,
                climate=climate,
                slack=name,
                value=value,
                limiting=limiting,
                ceiling=ceiling,
                repairs=repairs.get(side, []),
                text=f"{side.replace('_', ' ')}: {wrong}{more}: {cure(named)}",
            )
        )
    return result.model_copy(
        update={"diagnosis": found, "message": f"{solved.name}: {found[0].text}"}
    )


def _repairs(solved: Solved) -> dict[DirectionName, list[RepairRow]]:
    """By direction, inside the ranges of the cards, else where the models are valid."""
    specs = {spec.path: spec for spec in params(solved.link)}
    movable = [
        path
        for path, spec in specs.items()
        if spec.yaml_path in solved.settings or not _asked_for(spec.yaml_path)
    ]
    cards = {
        path: (origin.low, origin.high)
        for path in movable
        for origin in [solved.origins[path]]
        if origin.ranged or specs[path].yaml_path in solved.settings
    }
    found = _rows(solved, cards, True, specs)
    lost: list[DirectionName] = [side for side, rows in found.items() if not rows]
    if lost:
        wide = {path: (specs[path].low, specs[path].high) for path in movable}
        outside = _rows(solved, wide, False, specs)
        found |= {side: outside.get(side, []) for side in lost}
    return found


def _asked_for(path: str) -> bool:
    return path.rsplit(".", 1)[-1] in REQUIRED


def _counts(spec: Param) -> bool:
    return spec.unit == "1" and spec.yaml_path.rsplit(".", 1)[-1] in WHOLE


def _whole(found: repair.Repair) -> float:
    """The next number of things that meets."""
    away = math.ceil if found.needed > found.value else math.floor
    return float(away(found.needed))


def _rows(solved, ranges, in_range, specs) -> dict[DirectionName, list[RepairRow]]:
    at = solved.at
    found = repair.repairs(
        solved.link, at["worst"], at["nominal"], ranges, solved.fixed
    )

    def rows(some: Iterable) -> list[RepairRow]:
        return [
            RepairRow(
                path=specs[r.path].yaml_path,
                value=r.value,
                needed=_whole(r) if _counts(specs[r.path]) else r.needed,
                unit=r.unit,
                low=r.low,
                high=r.high,
                in_range=in_range,
            )
            for r in some
        ]

    return {side: rows(some) for side, some in found.items()}
