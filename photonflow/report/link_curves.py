"""Error rate of a link against the light that is left, both directions."""

import math
from typing import TYPE_CHECKING, Any

from ..causes import DirectionName
from ..result.link_schema import CountedRow, LinkResult
from .drawing import INK, canvas, headline
from .labels import PLACES, margin_text, number


if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS: dict[DirectionName, str] = {"a_to_b": "#0072B2", "b_to_a": "#D55E00"}
FLOOR = -15.0
"""log10 of the least error rate that is drawn"""
DRAWN_DB = 6.0
"""of light beyond the working point"""


def curve_figure(result: LinkResult) -> "Figure":
    """log10 BER before FEC against the swing at the photodiode, worst corner.

    Copper has no light: there it is against the loss added to the channel.
    """
    from matplotlib.ticker import MaxNLocator

    from ..signal.receiver import MARGIN_SPAN_DB

    figure, (ax,) = canvas(4.6)
    limit, required = result.log10_ber_limit, result.reserve_db
    optical = all("laser" in result.budget_db[side] for side in COLOURS)
    sides = list(COLOURS)
    ways = [_way(result, side, optical) for side in sides]
    alike = ways[0] == ways[1]
    drawn: list[str] = []
    for side, way in list(zip(sides, ways, strict=True))[: 1 if alike else 2]:
        colour = COLOURS[side]
        x, y, now, ber, loss = way
        name = "both ways" if alike else PLACES[side]
        ax.plot(x, y, color=colour, lw=1.8, label=name)
        ax.plot([now], [max(ber, FLOOR)], "o", color=colour, ms=7)
        ax.annotate(
            f"{name}: {10.0**ber:.1e}", (now, max(ber, FLOOR)), (6, 9),
            textcoords="offset points", color=colour, size=9,
        )  # fmt: skip
        if loss is not None:
            # Beside each other, where both directions have the same threshold.
            height = limit - 0.12 * len(drawn)
            end = now - loss if optical else now + loss
            ax.annotate(
                "", (end, height), (now, height),
                arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.4},
            )  # fmt: skip
            ax.plot([now, now], [ber, height], color=colour, lw=0.7, ls=":")
        drawn.append(side)
    if result.counted is not None:
        side = result.counted.direction
        now = ways[sides.index(side)][2]
        _counts(ax, result.counted, now, COLOURS[side])
    ax.axhline(limit, color=INK, lw=0.9, ls="--")
    ax.annotate(
        f"the FEC corrects up to {10.0**limit:.1e}", (0.995, limit), (0, 3), ha="right",
        xycoords=("axes fraction", "data"), textcoords="offset points", size=8.5,
    )  # fmt: skip
    nows = [way[2] for way in ways]
    if optical:
        ax.set_xlim(min(nows) - 2 * DRAWN_DB, max(nows) + DRAWN_DB)
    else:
        spans = [way[4] for way in ways if way[4] is not None]
        ax.set_xlim(-DRAWN_DB, max(spans, default=DRAWN_DB) + DRAWN_DB)
    least = min(limit, *(max(way[3], FLOOR) for way in ways))
    ax.set_ylim(math.floor(least - 1), 0.0)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(lambda y, _: f"$10^{{{y:g}}}$")
    ax.set_ylabel("bit error rate before FEC")
    ax.set_xlabel(
        "outer swing (OMA) at the photodiode, dBm. Lines: computed; arrows: margin"
        if optical
        else "loss added to the channel, dB. Line: computed; arrow: margin"
    )
    ax.grid(color="#E5E5E5", lw=0.6)
    if not alike or result.counted is not None:
        ax.legend(frameon=False, fontsize=8.5, loc="lower left")
    kind = "light" if optical else "signal to noise"
    spare = "to spare" if result.margin_db >= 0 else "missing"
    decibels = margin_text(abs(result.margin_db), ".1f")
    margin = f"{decibels} dB of {kind} {spare} before the FEC fails"
    if result.margin_db <= -MARGIN_SPAN_DB:
        margin = f"the FEC fails with any {kind}"
    headline(
        figure,
        f"{result.technology}, worst corner: {margin}, "
        f"{number(required, 'g')} dB required",
    )
    return figure


def _counts(ax: Any, counted: CountedRow, now: float, colour: str) -> None:
    """Error rates that were counted, each with its interval."""
    from matplotlib.colors import to_rgba

    name: str | None = "counted behind finite taps, 95 % interval"
    for row in counted.counts:
        ends = [math.log10(row.high), math.log10(max(row.low, 10.0**FLOOR))]
        x = now - row.loss_db
        if row.errors:
            middle = math.log10(row.errors / row.bits)
            ax.plot([x, x], ends, color=INK, lw=1.2)
            mark = {"marker": "s", "ls": "", "color": INK, "ms": 5, "mfc": "w"}
            ax.plot([x], [middle], label=name, **mark)
            name = None
        else:
            ax.plot([x], ends[:1], "v", color=INK, ms=6, mfc=to_rgba(colour, 0.3))
            ax.annotate(  # below the mark, as the computed rate stands above its own
                "none counted", (x, ends[0]), (6, -12),
                textcoords="offset points", size=8,
            )  # fmt: skip


def _way(result: LinkResult, side: Any, optical: bool) -> tuple:
    """Places, error rates, the working point, and the loss to the threshold."""
    curve, total = result.ber_curve[side], sum(result.budget_db[side].values())
    sign, start = (-1.0, total) if optical else (1.0, 0.0)
    x = [start + sign * loss for loss in curve.loss_db]
    now = curve.loss_db.index(0.0)
    limit = result.log10_ber_limit
    pairs = zip(curve.loss_db, curve.log10_ber, strict=True)
    left = next((loss for loss, ber in pairs if loss > 0 and ber > limit), None)
    below = curve.log10_ber[now] < limit
    return x, curve.log10_ber, start, curve.log10_ber[now], left if below else None
