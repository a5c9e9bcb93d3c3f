"""`layout.png`: one ring close up, its whole cell with pads, and the row of eight."""

from pathlib import Path
from typing import Any

import gdsfactory as gf
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline

from .process import GRID, PAD, PITCH, RIB
from .rules import region


# From the ground up: layer, colour, opacity, what it is.
LAYERS = (
    ("SLAB90", "#dbe9f6", 1.0, "silicon slab, 90 nm"),
    ("WG", "#1f4e8c", 1.0, "silicon rib"),
    ("P", "#e15759", 0.35, "p implant"),
    ("N", "#59a14f", 0.35, "n implant"),
    ("PPP", "#e15759", 0.45, "p contact implant"),
    ("NPP", "#59a14f", 0.45, "n contact implant"),
    ("HEATER", "#f28e2b", 0.75, "heater"),
    ("M1", "#8c8c8c", 0.55, "first metal"),
    ("VIAC", "#222222", 1.0, "via to silicon"),
    ("MTOP", "#c9a227", 0.40, "top metal"),
    ("PADOPEN", "#fff3c4", 1.0, "pad opening"),
)
TOP = ("MTOP", "PADOPEN")


def draw(
    path: Path, ring: gf.Component, row: gf.Component, sizes: dict[str, Any]
) -> None:
    """Write the picture of `ring` and of a `row` of them.

    `sizes`: radius and gap of the ring, radius of the last one, in micrometres; their
    mean step in nanometres; the fraction with a junction; the number of rings.
    """
    figure = Figure(figsize=(13, 9.2), layout="constrained")
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(2, 1, height_ratios=[2.6, 1])
    upper, lower = parts
    close, whole = upper.subplots(1, 2, width_ratios=[1.35, 1])
    _close_up(close, ring, sizes)
    _fill(whole, ring)
    _frame(whole, ring)
    _scale_bar(whole, 20.0)
    for x, name in ((-20.0, "N"), (20.0, "P")):
        _say(whole, (x, sizes["radius"] + 25), name, size=13)
    for x in (-20.0, 20.0):
        _say(whole, (x, -sizes["radius"] - 25), "heater", size=10)
    _title(whole, f"Its cell: pads of {PAD:g} µm on {PITCH:g} µm of bus")

    along = lower.subplots(1, 1)
    _fill(along, row)
    _frame(along, row, below=24.0)
    _scale_bar(along, 50.0)
    for i in range(sizes["rings"]):
        _say(along, (i * PITCH + 14.0, 0.0), str(i + 1))
    first, last = sizes["radius"], sizes["last"]
    _title(
        along,
        f"{sizes['rings']} on one bus, resonances FSR/{sizes['rings']} apart: radius "
        f"{first:.4f} µm (1) to {last:.4f} µm ({sizes['rings']}), "
        f"steps of {sizes['step_nm']:.2f} nm",
    )
    shown = [Patch(color=c, alpha=a, label=text) for _, c, a, text in LAYERS]
    lower.legend(
        handles=shown, loc="outside lower center", ncols=6, fontsize=9, frameon=False
    )
    figure.savefig(path, dpi=130)


def _close_up(axes: Axes, ring: gf.Component, sizes: dict[str, Any]) -> None:
    radius, gap = sizes["radius"], sizes["gap"]
    _fill(axes, ring, only=tuple(x[0] for x in LAYERS if x[0] not in TOP))
    reach = radius + 6.5
    axes.set_xlim(-reach - 3, reach + 3)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.axis("off")
    bus = -(radius + gap + 0.4)
    axes.annotate(
        "",
        (-radius, 0.0),
        (0.0, 0.0),
        arrowprops={"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0},
    )
    _say(axes, (0.0, 0.75), f"R = {radius:.3f} µm")
    for text, at, where in (
        (
            f"bus, a rib of {RIB * 1e3:.0f} nm",
            (-reach, bus),
            (-reach + 0.5, bus - 2.0),
        ),
        (
            f"junction on {sizes['fraction']:.0%} of the ring:\np inside, n outside",
            (-0.71 * radius, 0.71 * radius),
            (-reach + 0.5, reach - 1.5),
        ),
        (
            "heater over the\nundoped rest",
            (0.71 * (radius + 1.4), -0.71 * (radius + 1.4)),
            (reach, -0.3 * reach),
        ),
        (
            "n contact",
            (0.71 * (radius + 2.3), 0.71 * (radius + 2.3)),
            (reach, reach - 2),
        ),
        ("p contact", (0.2 * radius, 0.2 * radius), (reach, reach - 4.5)),
    ):
        axes.annotate(
            text,
            at,
            where,
            ha="center",
            va="center",
            fontsize=10,
            arrowprops={"arrowstyle": "-", "linewidth": 0.8},
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )
    _scale_bar(axes, 5.0)
    _gap(axes.inset_axes((0.76, 0.01, 0.23, 0.13)), ring, bus, gap)
    _title(axes, "The ring, top metal taken off")


def _gap(axes: Axes, ring: gf.Component, bus: float, gap: float) -> None:
    """Ribs alone where they are nearest."""
    _fill(axes, ring, only=("WG",))
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(bus - 0.35, bus + 0.95 + gap)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"under the heater: gap {gap * 1e3:.1f} nm", fontsize=10, pad=4)
    axes.plot([0, 0], [bus + RIB / 2, bus + RIB / 2 + gap], color="black", zorder=30)


def _fill(
    axes: Axes, cell: gf.Component, only: tuple[str, ...] = tuple(x[0] for x in LAYERS)
) -> None:
    for order, (layer, colour, alpha, _) in enumerate(LAYERS):
        if layer not in only:
            continue
        for shape in region(cell, layer).each():
            rings = [list(shape.each_point_hull())]
            rings += [list(shape.each_point_hole(i)) for i in range(shape.holes())]
            points: list[Any] = []
            codes: list[Any] = []
            for ring in rings:
                around = [(p.x * GRID, p.y * GRID) for p in (*ring, ring[0])]
                points += around
                codes += [Outline.MOVETO] + [Outline.LINETO] * (len(around) - 2)
                codes += [Outline.CLOSEPOLY]
            axes.add_patch(
                PathPatch(
                    Outline(points, codes),
                    facecolor=colour,
                    alpha=alpha,
                    linewidth=0,
                    zorder=order + 1,
                )
            )


def _frame(axes: Axes, cell: gf.Component, below: float = 10.0) -> None:
    box = cell.dbbox()
    axes.set_xlim(box.left - 2, box.right + 2)
    axes.set_ylim(box.bottom - below, box.top + 12)
    axes.set_aspect("equal")
    axes.axis("off")


def _title(axes: Axes, text: str) -> None:
    """Inside the axes, where the layout of the figure cannot cut it."""
    axes.text(
        0.5, 1.0, text, ha="center", va="top", fontsize=12, transform=axes.transAxes
    )


def _scale_bar(axes: Axes, length: float) -> None:
    """A bar in the lower left corner."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    x, y = left + 0.03 * (right - left), low + 0.03 * (high - low)
    axes.plot([x, x + length], [y, y], color="black", linewidth=3, zorder=30)
    axes.text(x, y + 0.02 * (high - low), f"{length:g} µm", fontsize=10, zorder=30)


def _say(axes: Axes, at: tuple[float, float], text: str, size: int = 10) -> None:
    axes.text(
        *at,
        text,
        ha="center",
        va="center",
        fontsize=size,
        zorder=30,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 1.0},
    )
