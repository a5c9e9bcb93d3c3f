"""Figure of what fabrication leaves of a design, as drawn and made robust.

A draw is one lane pair of a link; its watts are those of a link of such lanes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..result.schema import VariantResult
from ..result.search_schema import PartsRow, YieldRow
from .drawing import canvas, headline
from .labels import number


if TYPE_CHECKING:
    from matplotlib.figure import Figure

AS_DRAWN, ROBUST = "#A6A6A6", "#0072B2"
SHOWN = 0.5
"""worst slack beyond which nothing is drawn"""


def fabrication(variants: Sequence[VariantResult]) -> "Figure | None":
    """Share of lane pairs that keep all limits by some reserve, and what they miss."""
    found = [(v, v.fabrication) for v in variants if v.fabrication]
    if not found:
        return None
    (variant, row) = found[0]
    figure, (curve, bars) = canvas(3.4, 2)
    headline(
        figure,
        f"{row.robust.kept:.1%} of lane pairs keep all limits where "
        f"{row.as_drawn.kept:.0%} of the design as drawn do,\nfor {_more(row)} % more "
        f"watts a link ({variant.workload}, {row.judged:,} lane pairs of either)"
        + ("" if row.taken else "; not taken"),
    )
    share = 1 - np.linspace(0, 1, 101)
    for parts, colour, name in (
        (row.as_drawn, AS_DRAWN, "as drawn"),
        (row.robust, ROBUST, "robust"),
    ):
        curve.plot(
            parts.worst_slacks, 100 * share, color=colour, lw=1.8,
            label=f"{name}: {parts.mean_w:.2f} W a link",
        )  # fmt: skip
        curve.plot([0], [100 * parts.kept], "o", ms=5, color=colour)
    curve.axvline(0, color="#737373", lw=0.8, ls="--")
    curve.axhline(100 * row.wanted, color="#737373", lw=0.8, ls=":")
    curve.annotate(
        f"asked: {row.wanted:.0%}", (0.02, 100 * row.wanted), (0, 3), size=8,
        xycoords=("axes fraction", "data"), textcoords="offset points",
    )  # fmt: skip
    low = min(row.as_drawn.worst_slacks[1], row.robust.worst_slacks[1])
    high = max(row.as_drawn.worst_slacks[-2], row.robust.worst_slacks[-2])
    curve.set_xlim(max(low, -SHOWN), min(high, SHOWN))
    curve.set_ylim(0, 103)
    curve.set_xlabel("slack of the limit that is nearest (no unit; dB for extinction)")
    curve.set_ylabel("lane pairs above that slack, %")
    curve.legend(frameon=False, fontsize=8.5, loc="lower left")
    _missed(bars, row)
    return figure


def _more(row: YieldRow) -> str:
    return number(100 * (row.robust.mean_w / row.as_drawn.mean_w - 1), ".1f")


def _missed(ax, row: YieldRow) -> None:
    """Share of lane pairs that miss each limit, largest first."""
    every = {**row.robust.missed, **row.as_drawn.missed}
    names = sorted(every, key=lambda name: -_largest(name, row))
    for offset, parts, colour in (
        (-0.2, row.as_drawn, AS_DRAWN),
        (0.2, row.robust, ROBUST),
    ):
        values = [100 * parts.missed.get(name, 0.0) for name in names]
        places = [i + offset for i in range(len(names))]
        ax.barh(places, values, 0.36, color=colour)
        for place, value in zip(places, values, strict=True):
            ax.annotate(
                f"{value:.2g} %", (value, place), (3, 0), size=8, va="center",
                textcoords="offset points",
            )  # fmt: skip
    ax.set_yticks(range(len(names)), names, size=8.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.margins(x=0.2)
    ax.set_xlabel("lane pairs that miss the limit, %")
    ax.grid(False)


def _largest(name: str, row: YieldRow) -> float:
    parts: list[PartsRow] = [row.as_drawn, row.robust]
    return max(part.missed.get(name, 0.0) for part in parts)
