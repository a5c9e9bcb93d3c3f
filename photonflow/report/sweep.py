"""A sweep on one page: a line per variant, a row per task, one sentence."""

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..result.schema import VariantResult
from .drawing import canvas, headline, span
from .labels import at_point, minus, number, place, spoken


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Variant = dict[str, Any]
LINES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
ACROSS = 3
"""panels in one line"""


def swept(variants: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the rows of a result are points of a sweep."""
    return any(variant.get("point") for variant in variants)


def ends(variants: list[Variant]) -> list[Variant]:
    """The rows of the first and the last point: what has room in a figure of bars."""
    found = []
    for workload in dict.fromkeys(v["workload"] for v in variants):
        rows = [v for v in variants if v["workload"] == workload]
        points = list(dict.fromkeys(place(row) for row in rows))
        found += [r for p in (points[0], points[-1]) for r in rows if place(r) == p]
    return found if swept(variants) else variants


def by_task(variants: list[Variant]) -> dict[str, Any] | None:
    """What names each row of a table, those that are compared below each other.

    None without a sweep: a column per variant is easier to read.
    """
    if not swept(variants):
        return None
    several = len({v["workload"] for v in variants}) > 1
    order = list(dict.fromkeys(place(variant) for variant in variants))
    rows = []
    for index in sorted(
        range(len(variants)), key=lambda i: order.index(place(variants[i]))
    ):
        v = variants[index]
        point = list((v.get("point") or {}).values())
        words = [*([v["workload"]] if several else []), *point, v["name"]]
        first = not rows or place(variants[rows[-1]["index"]]) != place(v)
        rows.append({"index": index, "words": words, "first": first})
    heads = [*(["workload"] if several else []), *spoken(variants[0]["point"]).values()]
    return {"heads": [*heads, "variant"], "rows": rows}


def j_per_token(variants: list[Variant]) -> "Figure | None":
    """J/token against the key with the most values; a panel per value of the others."""
    known = [v for v in variants if v.get("point") and v["j_per_token"]]
    if not known:
        return None
    keys = list(known[0]["point"])
    names = spoken(keys)
    values = {key: list(dict.fromkeys(v["point"][key] for v in known)) for key in keys}
    across = max(keys, key=lambda key: len(values[key]))
    others = [key for key in keys if key != across]
    panels: dict[tuple[str, ...], list[Variant]] = {}
    for v in known:
        panel = v["workload"], *(v["point"][key] for key in others)
        panels.setdefault(panel, []).append(v)
    columns = min(len(panels), ACROSS)
    lines = math.ceil(len(panels) / columns)
    figure, axes = canvas(0.6 + 3.1 * lines, columns, lines, sharey=True)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    where, unit = positions(values[across])
    several = len({v["workload"] for v in known}) > 1
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


def _lines(
    ax: "Axes", rows: list[Variant], key: str, where: Mapping[str, float]
) -> None:
    names = list(dict.fromkeys(row["name"] for row in rows))
    for name, (colour, mark) in zip(names, itertools.cycle(LINES), strict=False):
        own = [row for row in rows if row["name"] == name]
        spots = sorted((where[row["point"][key]], row["j_per_token"]) for row in own)
        ax.plot(*zip(*spots, strict=True), f"{mark}-", ms=4, color=colour, label=name)
        missed = [row for row in own if not row["feasible"]]
        ax.plot(
            [where[row["point"][key]] for row in missed],
            [row["j_per_token"] for row in missed],
            "x", ms=9, color=colour,
        )  # fmt: skip
    for change, row in _changes(rows):
        if row["name"] == names[-1]:
            ax.annotate(
                number(change, "+.1%"), (where[row["point"][key]], row["j_per_token"]),
                (0, -12), textcoords="offset points", ha="center", size=8,
            )  # fmt: skip


def positions(values: list[str]) -> tuple[dict[str, float], str]:
    """Where values are on an axis, and their unit; side by side if units differ."""
    read = [re.fullmatch(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(.*)", v) for v in values]
    units = {found and found[2] for found in read}
    if len(units) == 1 and None not in units:
        numbers = [float(found[1]) for found in read if found]
        return dict(zip(values, numbers, strict=True)), str(units.pop())
    return {value: float(i) for i, value in enumerate(values)}, ""


def _changes(rows: list[Variant]) -> list[tuple[float, Variant]]:
    """What every row takes more than the first variant at its point."""
    found = []
    for row in rows:
        first = next(r for r in rows if place(r) == place(row))
        if first is not row:
            found.append((row["j_per_token"] / first["j_per_token"] - 1, row))
    return found


def _found(known: list[Variant]) -> str:
    last = known[-1]["name"]
    changes = [(c, row) for c, row in _changes(known) if row["name"] == last]
    if not changes:
        total = [v["j_per_token"] for v in known]
        return f"A token costs {min(total):.1f} to {max(total):.1f} J"
    low, high = (f(changes, key=lambda row: row[0])[0] for f in (min, max))
    first = known[0]["name"]
    if high < 0:
        share = span([-low, -high], ".1%")
        return f"{last} saves {share} of the energy per token against {first}"
    return minus(
        f"{last} changes the energy per token by {number(low, '+.1%')} to "
        f"{number(high, '+.1%')} against {first}"
    )


def over_points(results: list[VariantResult]) -> str:
    """What the last variant saves against the others, least and most over all points.

    One workload; rows that miss their limits are counted and not compared.
    """
    searched = [r for r in results if r.baseline_j_per_token is not None]
    ours = (searched or results)[-1].name
    rows = [row for row in results if row.feasible and row.j_per_token and row.power_w]
    mine = {str(row.point): row for row in rows if row.name == ours}
    told = []
    for other in dict.fromkeys(row.name for row in rows if row.name != ours):
        pairs = [
            (1 - _j(mine[str(r.point)]) / _j(r), r, mine[str(r.point)])
            for r in rows
            if r.name == other and str(r.point) in mine
        ]
        if pairs:
            low, high = (f(pairs, key=lambda pair: pair[0]) for f in (min, max))
            told.append(
                f"{_saved(*low)} to {_saved(*high)} of the energy per token against "
                f"{other}"
            )
    points = len({str(row.point) for row in results})
    missed = len(results) - len(rows)
    short = f" {missed} of {len(results)} rows miss their limits." if missed else ""
    if not told:
        joules = [_j(row) for row in mine.values()]
        if not joules:
            return f"{ours} meets its limits at none of {points} points.{short}"
        return (
            f"Over {points} points {ours} takes {min(joules):.2f} to "
            f"{max(joules):.2f} J per token.{short}"
        )
    used = [row.links["scale_out"].utilisation for row in mine.values()]
    return (
        f"Over {points} points {ours} saves {' and '.join(told)}; this is standing "
        "power, which the links burn idle or busy, and not energy per moved bit: "
        f"scale-out is used to {min(used):.2%} to {max(used):.2%}.{short}"
    ).replace("%", "\N{NO-BREAK SPACE}%")


def _saved(share: float, other: VariantResult, ours: VariantResult) -> str:
    mw = ((other.power_w or 0.0) - (ours.power_w or 0.0)) / 1e6
    at = ", ".join(at_point(ours.point))
    return f"{share:.1%} ({mw:.2f} MW; at {at})"


def _j(row: VariantResult) -> float:
    assert row.j_per_token is not None
    return row.j_per_token
