"""The figure of a sweep: a line per variant."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..result.names import key_labels
from ..result.schema import VariantResult
from .drawing import canvas, headline, span
from .labels import joules, minus, number, place, reference


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Variants = Sequence[VariantResult]
LINES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
ACROSS = 3
"""panels in one line"""


def swept(variants: Variants) -> bool:
    """Whether the rows of a result are points of a sweep."""
    return any(variant.point for variant in variants)


def first_and_last(variants: Variants) -> Variants:
    """The rows of the first and the last point: what has room in a figure of bars."""
    found = []
    for workload in dict.fromkeys(v.workload for v in variants):
        rows = [v for v in variants if v.workload == workload]
        points = list(dict.fromkeys(place(row) for row in rows))
        found += [r for p in (points[0], points[-1]) for r in rows if place(r) == p]
    return found if swept(variants) else variants


def j_per_token(variants: Variants) -> "Figure | None":
    """J/token against the key with the most values; a panel per value of the others."""
    known = [v for v in variants if v.point and v.j_per_token]
    if not known:
        return None
    keys = list(known[0].point or {})
    names = key_labels(keys)
    values = {key: list(dict.fromkeys(_at(v, key) for v in known)) for key in keys}
    across = max(keys, key=lambda key: len(values[key]))
    others = [key for key in keys if key != across]
    panels: dict[tuple[str, ...], list[VariantResult]] = {}
    for v in known:
        panel = v.workload, *(_at(v, key) for key in others)
        panels.setdefault(panel, []).append(v)
    columns = min(len(panels), ACROSS)
    lines = math.ceil(len(panels) / columns)
    figure, axes = canvas(0.6 + 3.1 * lines, columns, lines, sharey=True)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    where, unit = positions(values[across])
    several = len({v.workload for v in known}) > 1
    for ax, (panel, rows) in zip(axes, panels.items(), strict=False):
        _lines(ax, rows, across, where)
        at = zip(others, panel[1:], strict=True)
        words = [*(panel[:1] if several else []), *(f"{names[k]} {x}" for k, x in at)]
        ax.set_title(", ".join(words), loc="left", size=10)
        ax.set_xticks(list(where.values()), [text.split()[0] for text in where])
        ax.set_xlabel(f"{names[across]}, {unit}" if unit else names[across])
        ax.grid(color="#E5E5E5", lw=0.6)
        ax.margins(x=0.12, y=0.14)
    for ax in axes[::columns]:
        ax.set_ylabel("energy per token, J")
    axes[0].legend(frameon=False, fontsize=8.5)
    headline(figure, _found(known))
    return figure


def _lines(ax: "Axes", rows: Variants, key: str, where: Mapping[str, float]) -> None:
    names = list(dict.fromkeys(row.name for row in rows))
    for name, (colour, mark) in zip(names, itertools.cycle(LINES), strict=False):
        own = [row for row in rows if row.name == name]
        spots = sorted((where[_at(row, key)], joules(row)) for row in own)
        ax.plot(*zip(*spots, strict=True), f"{mark}-", ms=4, color=colour, label=name)
        missed = [row for row in own if not row.feasible]
        ax.plot(
            [where[_at(row, key)] for row in missed],
            [joules(row) for row in missed],
            "x", ms=9, color=colour,
        )  # fmt: skip
    for change, row in _changes(rows):
        if row.name == names[-1]:
            ax.annotate(
                number(change, "+.1%"), (where[_at(row, key)], joules(row)),
                (0, -12), textcoords="offset points", ha="center", size=8,
            )  # fmt: skip


def _at(row: VariantResult, key: str) -> str:
    return (row.point or {})[key]


def positions(values: list[str]) -> tuple[dict[str, float], str]:
    """Where values are on an axis, and their unit; side by side if units differ."""
    read = [re.fullmatch(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(.*)", v) for v in values]
    units = {found and found[2] for found in read}
    if len(units) == 1 and None not in units:
        numbers = [float(found[1]) for found in read if found]
        return dict(zip(values, numbers, strict=True)), str(units.pop())
    return {value: float(i) for i, value in enumerate(values)}, ""


def _changes(rows: Variants) -> list[tuple[float, VariantResult]]:
    """What every row takes more than the first variant at its point."""
    found = []
    for row in rows:
        first = reference(rows, row)
        if first is not row:
            found.append((joules(row) / joules(first) - 1, row))
    return found


def _found(known: Variants) -> str:
    last = known[-1].name
    changes = [(c, row) for c, row in _changes(known) if row.name == last]
    if not changes:
        total = [joules(v) for v in known]
        return f"A token costs {min(total):.1f} to {max(total):.1f} J"
    low, high = (f(changes, key=lambda row: row[0])[0] for f in (min, max))
    first = known[0].name
    if high < 0:
        share = span([-low, -high], ".1%")
        return f"{last} saves {share} of the energy per token against {first}"
    return minus(
        f"{last} changes the energy per token by {number(low, '+.1%')} to "
        f"{number(high, '+.1%')} against {first}"
    )
