"""Figures of a whole result: where joules and seconds go, and how a search went.

Every function takes plain values and returns a `matplotlib.figure.Figure`, or None
where the result has nothing to draw. Titles say what was found.
"""

import itertools
import math
from typing import TYPE_CHECKING, Any

from .. import causes
from .words import (
    CAUSES,
    GROUPS,
    LINK_COLOURS,
    TIME_COLOURS,
    Number,
    group_j,
    labels,
    number,
)


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Variant = dict[str, Any]
WIDTH_IN = 9.6
INK = "#222222"
TASK_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


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
    given = [] if marks is None else [list(marks.values()), list(marks)]
    ax.legend(
        *given, loc="upper left", bbox_to_anchor=(-0.02, -0.26), ncols=columns,
        frameon=False,
        fontsize=8.5, handlelength=1.2, columnspacing=1.2, borderaxespad=0.0,
    )  # fmt: skip


def contrast(colour: str) -> str:
    """Ink that can be read on `colour`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 140 else INK


def span(values: list[Any], form: str, scale: float = 1.0) -> str:
    """Smallest to largest, once where both read the same."""
    ends = [number(value, form, scale) for value in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))


def energy(variants: list[Variant]) -> "Figure | None":
    """J/token by group of causes, and the scale-out part of it enlarged."""
    known = [v for v in variants if v["j_per_token"]]
    if not known:
        return None
    figure, (whole, part) = canvas(2.6 + 0.42 * len(known), 2)
    grouped = [group_j(v) for v in known]
    shares = [
        g["scale-out network"] / v["j_per_token"]
        for g, v in zip(grouped, known, strict=True)
    ]
    total = span([v["j_per_token"] for v in known], ".1f")
    headline(
        figure,
        f"A token costs {total} J; the scale-out network is "
        f"{span(shares, '.1%')} of it",
    )
    parts = {n: ([g[n] for g in grouped], c) for n, (_, c) in GROUPS.items()}
    stack(whole, labels(known), parts, ".1f")
    whole.set_xlabel("energy per token, J")
    whole.set_title("everything, at the facility meter", loc="left", size=10)
    below(whole, 2)
    zoom = {
        CAUSES[cause]: (
            [v["energy_j_per_token"][f"network.scale_out.{cause}"] for v in known],
            LINK_COLOURS[cause],
        )
        for cause in causes.NETWORK
    }
    if any(any(values) for values, _ in zoom.values()):
        stack(part, labels(known), zoom, ".2f")
    part.set_xlabel("energy per token, J (enlarged scale)")
    part.set_title("scale-out network alone, by cause", loc="left", size=10)
    below(part, 2)
    return figure


def standing(variants: list[Variant]) -> "Figure | None":
    """Static against dynamic share of J/token."""
    known = [v for v in variants if v["static_share"] is not None and v["j_per_token"]]
    if not known:
        return None
    figure, (ax,) = canvas(1.7 + 0.36 * len(known))
    shares = [v["static_share"] for v in known]
    headline(
        figure, f"{span(shares, '.0%')} of a token's energy burns without any work"
    )
    joules = [v["j_per_token"] for v in known]
    parts = {
        "static: burnt busy or idle": (
            [s * j for s, j in zip(shares, joules, strict=True)],
            "#0072B2",
        ),
        "dynamic: stops when no token is served": (
            [(1 - s) * j for s, j in zip(shares, joules, strict=True)],
            "#E69F00",
        ),
    }
    stack(ax, labels(known), parts, ".1f")
    ax.set_xlabel("energy per token at the facility meter, J")
    below(ax, 2)
    return figure


def step_time(variants: list[Variant]) -> "Figure | None":
    """Exposed time of a step by cause."""
    known = [v for v in variants if v["step_time_s"]]
    if not known:
        return None
    figure, (ax,) = canvas(1.9 + 0.36 * len(known))
    waits = [v["time_s"]["scale_out"] for v in known]
    headline(
        figure,
        f"The step waits {span(waits, '.2f', 1e3)} ms for the scale-out network, of "
        f"{span([v['step_time_s'] for v in known], '.1f', 1e3)} ms",
    )
    parts = {
        CAUSES[cause]: ([v["time_s"][cause] * 1e3 for v in known], TIME_COLOURS[cause])
        for cause in causes.TIME
    }
    stack(ax, labels(known), parts, ".1f")
    ax.set_xlabel("exposed time of one step, ms (what the step would save without it)")
    below(ax, 4)
    return figure


def utilisation(variants: list[Variant]) -> "Figure | None":
    """How much of the scale-out network is used, per kind of link."""
    rows = [
        (f"{label}: {hop['name'].replace('_', ' ')}", hop["utilisation"])
        for label, v in zip(labels(variants), variants, strict=True)
        for hop in (v["links"].get("scale_out") or {}).get("hops", [])
    ]
    used = [value for _, value in rows if value > 0]
    if not used:
        return None
    figure, (ax,) = canvas(1.3 + 0.27 * len(rows))
    headline(
        figure,
        f"Scale-out links carry {span(used, '.2%')} of what they could, and burn "
        "their watts all the same",
    )
    low = 10.0 ** math.floor(math.log10(min(used)) - 0.3)
    for row, (_, value) in enumerate(rows):
        ax.barh(row, 1 - low, 0.6, low, color="#F0F0F0")
        if value > 0:
            ax.barh(row, max(value, low) - low, 0.6, low, color="#0072B2")
        beside(ax, value or low, row, number(value, ".3%") if value else "unused")
    ax.set_xscale("log")
    ax.set_xlim(low, 1.0)
    ticks = [10.0**k for k in range(round(math.log10(low)), 1)]
    ax.set_xticks(ticks, [f"{tick * 100:.6g} %" for tick in ticks])
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(
        "payload over payload rate, mean over the step (log axis; 100 % = full)"
    )
    return figure


def search_trace(
    variants: list[Variant], trace: list[dict[str, Any]] | None
) -> "Figure | None":
    """Best objective against the baseline, and the worst violation, by iteration."""
    rows = [row for row in trace or [] if row.get("iteration") is not None]
    if not rows:
        return None
    tasks = dict.fromkeys(str(row.get("task", "search")) for row in rows)
    figure, (left, right) = canvas(3.3, 2)
    gains = []
    for colour, task in zip(itertools.cycle(TASK_COLOURS), tasks, strict=False):
        own = [row for row in rows if str(row.get("task", "search")) == task]
        base = _baseline(variants, task)
        best = [
            (row["iteration"], row["best_j_per_token"])
            for row in own
            if _finite(row.get("best_j_per_token"))
        ]
        base = base or (best[0][1] if best else None)
        if best and base:
            gain = [(i, (j / base - 1) * 100) for i, j in best]
            gains.append(gain[-1][1])
            left.plot(*zip(*gain, strict=True), "o-", ms=3.5, color=colour, label=task)
        worst = [
            (row["iteration"], max(float(row["worst_violation"]), 1e-12))
            for row in own
            if _finite(row.get("worst_violation"))
        ]
        if worst:
            right.plot(
                *zip(*worst, strict=True), "o-", ms=3.5, color=colour, label=task
            )
            right.set_yscale("log")
            right.yaxis.set_major_formatter(lambda y, _: f"{y:.0e}")
    end = f"{number(min(gains), '+.2f')} % J/token" if gains else "no feasible design"
    headline(figure, f"The search came to {end} against the design it started from")
    left.axhline(0, color="#737373", lw=0.8, ls="--")
    left.set_ylabel("best J/token against baseline, %")
    left.set_title("best design that keeps all limits", loc="left", size=10)
    right.axhline(1e-6, color="#737373", lw=0.8, ls="--")
    right.annotate(
        "counts as met below 1e-6", (0.98, 1e-6), (0, 3), ha="right", size=8,
        xycoords=("axes fraction", "data"), textcoords="offset points",
    )  # fmt: skip
    right.set_ylabel("worst violation of a limit (no unit)")
    right.set_title("over all starts; 0 is drawn at 1e-12", loc="left", size=10)
    for ax in (left, right):
        ax.set_xlabel("iteration")
        ax.grid(color="#E5E5E5", lw=0.6)
    if len(tasks) > 1:
        left.legend(frameon=False, fontsize=8.5)
    return figure


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _baseline(variants: list[Variant], task: str) -> float | None:
    """J/token before the search that `task`, `workload.variant`, names."""
    for v in variants:
        if task in (f"{v['workload']}.{v['name']}", v["name"]):
            return v["baseline_j_per_token"]
    return None
