"""What all figures are drawn with: a canvas, bars, labels that do not collide."""

import math
import textwrap
from typing import TYPE_CHECKING, Any

from .labels import Number, number


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 9.6
INK = "#222222"
LINE = 96
"""letters of a headline that fit beside each other"""
LONG = 24
"""letters of a name that is broken at its commas"""


def canvas(
    height_in: Number, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Any, Any]:
    """A figure outside pyplot's global state, and its axes row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)  # type: ignore[union-attr]
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=9, colors=INK)
    return figure, axes


def headline(figure: "Figure", text: str) -> None:
    """What was found, left aligned above everything."""
    text = textwrap.fill(text, LINE)
    figure.suptitle(text, x=0.01, ha="left", fontsize=11.5, weight="bold", color=INK)


def stack(
    ax: "Axes", names: list[str], parts: dict[str, tuple[list[Any], str]], form: str
) -> None:
    """Horizontal stacked bars, the first variant on top, totals at the ends."""
    rows = range(len(names))
    left = [0.0] * len(names)
    longest = max(map(math.fsum, zip(*(v for v, _ in parts.values()), strict=True)))
    for name, (values, colour) in parts.items():
        if not any(values):
            continue
        ax.barh(
            rows, values, 0.62, left, color=colour, label=name, edgecolor="w", lw=0.6
        )
        for row, value in zip(rows, values, strict=True):
            if value > 0.075 * longest:
                middle = left[row] + value / 2
                text, ink = number(value, form), contrast(colour)
                ax.text(middle, row, text, ha="center", va="center", color=ink, size=8)
        left = [a + b for a, b in zip(left, values, strict=True)]
    for row, total in zip(rows, left, strict=True):
        beside(ax, total, row, number(total, form), weight="bold")
    if max(map(len, names)) > LONG:  # else they leave no room for the bars
        ax.set_yticks(list(rows), [name.replace(", ", "\n") for name in names], size=8)
    else:
        ax.set_yticks(list(rows), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(0, longest * 1.14)
    ax.tick_params(axis="y", length=0)


def beside(ax: "Axes", x: Number, y: Number, text: str, **options: Any) -> None:
    """A label 4 points to the right of a mark; spaces would collapse in a browser."""
    ax.annotate(
        text, (x, y), (4, 0), textcoords="offset points", va="center", size=9, **options
    )


def below(ax: "Axes", columns: int, marks: dict[str, Any] | None = None) -> None:
    """A legend under the axes, where it can hide nothing; `marks` by name."""
    from matplotlib.transforms import ScaledTranslation

    given = [] if marks is None else [list(marks.values()), list(marks)]
    # Points and not parts of the axes: the room for ticks and label is always the same.
    down = ScaledTranslation(0, -40 / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        *given, loc="upper left", bbox_to_anchor=(-0.02, 0), ncols=columns,
        bbox_transform=ax.transAxes + down, frameon=False, fontsize=8.5,
        handlelength=1.2, columnspacing=1.2, borderaxespad=0.0,
    )  # fmt: skip


def contrast(colour: str) -> str:
    """Ink that can be read on `colour`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 140 else INK


def span(values: list[Any], form: str, scale: float = 1.0) -> str:
    """Smallest to largest, once where both read the same."""
    ends = [number(value, form, scale) for value in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))
