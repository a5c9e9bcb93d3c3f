"""What the polygons themselves say: gap, radius, and a few rules of drawing.

The generic PDK comes without rules, so the limits here are estimates and stand beside
each finding. They are no foundry's sign-off.
"""

import math
from typing import Any, NamedTuple

import gdsfactory as gf
import klayout.db as kdb

from .process import GRID


class Rule(NamedTuple):
    """Least width, or least space, of what is drawn on some layers."""

    name: str
    layers: tuple[str, ...]
    """one: its width or space; two: the space between them"""
    least: float
    """micrometres"""
    why: str


PRINTED = "estimate: 0.6 lambda / NA of dry 193 nm at NA 0.75; immersion prints finer"
METAL = "estimate: a micrometre of metal above the guides is drawn no finer"
RULES = (
    Rule("rib width", ("WG",), 0.15, PRINTED),
    Rule("rib space", ("WG",), 0.15, PRINTED),
    Rule("heater width", ("HEATER",), 0.5, METAL),
    Rule("heater space", ("HEATER",), 0.5, METAL),
    Rule("heater to first metal space", ("HEATER", "M1"), 0.5, METAL),
    Rule("top metal width", ("MTOP",), 1.0, METAL),
    Rule("top metal space", ("MTOP",), 1.0, METAL),
)


# The edges of a corner touch; those of a right one, rounded to the grid, are no fault.
CORNERS: dict[str, Any] = {"ignore_angle": 80}


def check(cell: gf.Component, rules: tuple[Rule, ...] = RULES) -> list[dict[str, Any]]:
    """One row a rule: how many places of `cell` break it, and the worst of them."""
    rows = []
    for rule in rules:
        regions = [region(cell, layer) for layer in rule.layers]
        least = round(rule.least / GRID)
        if len(regions) == 2:
            broken = regions[0].separation_check(regions[1], least, **CORNERS)
        elif rule.name.endswith("width"):
            broken = regions[0].width_check(least, **CORNERS)
        else:
            broken = regions[0].space_check(least, **CORNERS)
        worst = min((pair.distance() for pair in broken.each()), default=None)
        rows.append(
            {
                "rule": rule.name,
                "least_m": rule.least * 1e-6,
                "places": broken.count(),
                "worst_m": None if worst is None else worst * GRID * 1e-6,
                "why": rule.why,
            }
        )
    return rows


def drawn(cell: gf.Component) -> dict[str, float]:
    """Gap and mean radius of one ring, from its polygons alone."""
    bus, ring = sorted(region(cell, "WG").each(), key=lambda shape: shape.bbox().bottom)
    hull = kdb.Polygon(list(ring.each_point_hull())).area()
    outer, inner = (math.sqrt(area / math.pi) for area in (hull, hull - ring.area()))
    return {
        "gap_m": (ring.bbox().bottom - bus.bbox().top) * GRID * 1e-6,
        "radius_m": (outer + inner) / 2 * GRID * 1e-6,
    }


def region(cell: gf.Component, layer: str) -> kdb.Region:
    """All polygons of a layer, merged."""
    index = cell.kcl.layer(*gf.get_layer_tuple(layer))
    return kdb.Region(cell.begin_shapes_rec(index)).merged()
