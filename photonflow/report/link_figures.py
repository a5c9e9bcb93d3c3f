"""Figures of one link: its optical budget and its watts."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import causes
from ..result.labels import STAGES
from ..result.schema import MODULE_BPS, HopRow, PublishedRow, VariantResult
from .details import published_text
from .drawing import INK, below, beside, canvas, contrast, headline, span
from .labels import CAUSES, LINK_COLOURS, Number, number, switch_link


if TYPE_CHECKING:
    from matplotlib.figure import Figure

Variants = Sequence[VariantResult]
ACROSS = 3
"""waterfalls in one line: with more, their labels would meet"""


def budget(variants: Variants) -> "Figure | None":
    """From the laser to the photodiode in dB, per variant, with what must arrive."""
    # Copper counts in volts and has no light to follow.
    drawn = [row for row in _hops(variants) if "laser" in _budget(row[1])]
    if not drawn:
        return None
    columns = min(len(drawn), ACROSS)
    lines = math.ceil(len(drawn) / columns)
    figure, axes = canvas(0.5 + 4.4 * lines, columns, lines, sharey=True)
    for ax in axes[len(drawn) :]:
        ax.set_visible(False)
    margins = [hop.margin_db for _, hop in drawn]
    headline(
        figure,
        "From laser to photodiode, link between switches at its worst corner: "
        f"{span(margins, '.1f')} dB to spare",
    )
    steps = [step for step in STAGES if any(step in _budget(hop) for _, hop in drawn)]
    names = [STAGES[s] for s in steps] + [
        "swing at the photodiode",
        "needed by the FEC",
    ]
    for ax, (label, hop) in zip(axes, drawn, strict=False):
        changes = _budget(hop)
        level, lowest = 0.0, math.inf
        for row, step in enumerate(steps):
            change = changes.get(step, 0.0)
            after = level + change
            if step == "laser":
                _dot(ax, row, after, "#D55E00", f"{number(after, '.1f')} dBm")
            else:
                ax.barh(row, change, 0.6, level, color="#56B4E9")
                text = number(change, "+.1f")
                ax.text(
                    min(level, after) - 0.4, row, text, ha="right", va="center", size=8
                )
            ax.plot([after, after], [row, row + 1], color="#737373", lw=0.6, zorder=0)
            level, lowest = after, min(lowest, after)
        needed, row = level - hop.margin_db, len(steps)
        _dot(ax, row, level, INK, f"{number(level, '.1f')} dBm")
        colour = "#009E73" if hop.margin_db >= 0 else "#CC79A7"
        ax.barh(row + 1, -hop.margin_db, 0.6, level, color=colour)
        margin = f"margin {number(hop.margin_db, '.1f')} dB"
        margin += f", needs {number(needed, '.1f')} dBm"
        ax.text(max(level, needed) + 0.5, row + 1, margin, va="center", size=8)
        ax.set_title(f"{label} ({hop.technology})", loc="left", size=10)
        ax.set_xlabel("level in one lane, dBm")
        ax.set_xlim(min(lowest, needed) - 5.5, changes["laser"] + 9)
        ax.grid(axis="x", color="#E5E5E5", lw=0.6)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    return figure


def _hops(variants: Variants) -> list[tuple[str, HopRow]]:
    """One link per technology: others of its variants are the same or close to it."""
    found: dict[str, tuple[str, HopRow]] = {}
    for variant in variants:
        hop = switch_link(variant)
        if hop:
            found.setdefault(hop.technology, (variant.name, hop))
    return list(found.values())


def _budget(hop: HopRow) -> dict[str, float]:
    return hop.budget_db.get("a_to_b", {})


def _dot(ax: Any, row: int, level: Number, colour: str, text: str) -> None:
    ax.plot([level], [row], "o", color=colour, ms=6)
    beside(ax, level, row, text, weight="bold")


def port_watts(
    variants: Variants, published: Sequence[PublishedRow]
) -> "Figure | None":
    """Watts of one 1.6T link end by cause: what the vendor counts, and the host."""
    rows = [
        (label, hop, hop.ends["a"], MODULE_BPS / hop.rate_bps)
        for label, hop in _hops(variants)
    ]
    if not rows:
        return None
    figure, (ax,) = canvas(2.7 + 0.62 * len(rows))
    vendor = [end.vendor_w["worst"] * scale for _, _, end, scale in rows]
    full = [end.with_host_w["worst"] * scale for _, _, end, scale in rows]
    watts_of = ", ".join(
        f"{label} {number(w, '.1f')} W"
        for (label, *_), w in zip(rows, vendor, strict=True)
    )
    limit = 1.22 * max(*full, 30.0)
    headline(figure, f"One 1.6T port as vendors count it: {watts_of}")
    legend: dict[tuple[bool, int], tuple[str, Any]] = {}
    for row, (_, hop, end, scale) in enumerate(rows):
        left = 0.0
        inside = [c for c in causes.LINK if end.boundary.get(c) != "host"]
        outside = [c for c in causes.LINK if end.boundary.get(c) == "host"]
        for cause in inside + outside:
            watts = end.power_w.get(cause, 0.0) * scale
            if not watts:
                continue
            colour, host = LINK_COLOURS[cause], cause in outside
            name = f"{CAUSES[cause]}, paid by the host chip" if host else CAUSES[cause]
            bar = ax.barh(
                row, watts, 0.5, left, color=colour, edgecolor="w", lw=0.6,
                hatch="////" if host else None,
            )  # fmt: skip
            legend[host, causes.LINK.index(cause)] = name, bar
            if watts > 0.04 * max(full) and not host:
                text = number(watts, ".1f")
                ax.text(
                    left + watts / 2, row, text, ha="center", va="center", size=8,
                    color=contrast(colour),
                )  # fmt: skip
            left += watts
        # Apart from each other and from the axis, however small the watts.
        clear = 0.11 * limit
        for which, what, side in (
            (vendor, "vendor", "right"),
            (full, "with host", "left"),
        ):
            ax.plot([which[row]] * 2, [row - 0.3, row + 0.36], color=INK, lw=1.6)
            ax.annotate(
                f"{what} {number(which[row], '.1f')} W",
                (max(which[row], clear), row + 0.36),
                (-4 if side == "right" else 4, -1), textcoords="offset points", ha=side,
                va="top", size=8.5, weight="bold",
            )  # fmt: skip
        for claim in published:
            if hop.technology not in claim.links:
                continue
            low, high = claim.watts(MODULE_BPS)
            text = f"published, W: {published_text(claim, MODULE_BPS)}"
            ax.plot(
                [low, high], [row - 0.36] * 2, "D-", color=INK, ms=4, mfc="w", lw=1.2
            )
            beside(ax, high, row - 0.36, text, style="italic")
    ax.set_yticks(range(len(rows)), [label for label, *_ in rows])
    ax.set_ylim(len(rows) - 0.35, -0.6)
    ax.set_xlim(0, limit)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(
        "watts of one end of 1.6 Tbit/s, full duplex. Bars: nominal; black lines: "
        "worst corner; diamonds: published claims"
    )
    below(ax, 4, dict(legend[key] for key in sorted(legend)))
    return figure
