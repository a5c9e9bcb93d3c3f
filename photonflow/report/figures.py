"""Figures of a whole result: where joules and seconds go, and how a search went.

Every function takes plain values and returns a `matplotlib.figure.Figure`, or None
where the result has nothing to draw. Titles say what was found.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import causes
from ..result.names import task_name
from ..result.schema import VariantResult
from ..result.search_schema import SearchRow
from .drawing import below, beside, canvas, headline, span, stack
from .labels import (
    CAUSES,
    GROUPS,
    LINK_COLOURS,
    TIME_COLOURS,
    group_j,
    joules,
    labels,
    number,
    scale_out,
)


if TYPE_CHECKING:
    from matplotlib.figure import Figure

Variants = Sequence[VariantResult]
TASK_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def energy(variants: Variants) -> "Figure | None":
    """J/token by group of causes, and the scale-out part of it enlarged."""
    groups = by_workload([v for v in variants if v.j_per_token])
    if not groups:
        return None
    figure, axes = canvas(_height(2.6, 0.42, groups), 2, len(groups))
    findings = []
    for (work, known), whole, part in zip(groups, axes[0::2], axes[1::2], strict=True):
        grouped = [group_j(v) for v in known]
        j = [joules(v) for v in known]
        shares = [
            g["scale-out network"] / total for g, total in zip(grouped, j, strict=True)
        ]
        findings.append(
            f"{f'in {work} ' if work else ''}a token costs "
            f"{span(j, decimals(j))} J, {span(shares, '.1%')} of it scale-out"
        )
        parts = {n: ([g[n] for g in grouped], c) for n, (_, c) in GROUPS.items()}
        stack(whole, labels(known), parts, decimals(j))
        zoom = {
            CAUSES[cause]: (
                [v.energy_j_per_token[f"network.scale_out.{cause}"] for v in known],
                LINK_COLOURS[cause],
            )
            for cause in causes.NETWORK
        }
        columns = zip(*(values for values, _ in zoom.values()), strict=True)
        totals = [math.fsum(column) for column in columns]
        if any(totals):
            stack(part, labels(known), zoom, decimals(totals))
        before = f"{work}: " if work else ""
        whole.set_title(f"{before}everything, at the meter", loc="left", size=10)
        part.set_title(f"{before}scale-out alone, by cause", loc="left", size=10)
    headline(figure, _capitalised(findings))
    axes[-2].set_xlabel("energy per token, J")
    axes[-1].set_xlabel("energy per token, J (enlarged scale)")
    _shared_legend(axes[0::2], 2)
    _shared_legend(axes[1::2], 2)
    return figure


def standing(variants: Variants) -> "Figure | None":
    """Static against dynamic share of J/token."""
    known = [v for v in variants if v.static_share is not None and v.j_per_token]
    groups = by_workload(known)
    if not groups:
        return None
    figure, axes = canvas(_height(1.7, 0.36, groups), 1, len(groups))
    burns = span([v.static_share for v in known], ".0%")
    headline(figure, f"{burns} of a token's energy burns without any work")
    for (work, rows), ax in zip(groups, axes, strict=True):
        j = [joules(v) for v in rows]
        still = [(v.static_share or 0.0) * joules(v) for v in rows]
        parts = {
            "static: burnt busy or idle": (still, "#0072B2"),
            "dynamic: stops when no token is served": (
                [total - s for s, total in zip(still, j, strict=True)],
                "#E69F00",
            ),
        }
        stack(ax, labels(rows), parts, decimals(j))
        if work:
            ax.set_title(work, loc="left", size=10)
    axes[-1].set_xlabel("energy per token at the facility meter, J")
    below(axes[-1], 2)
    return figure


def step_time(variants: Variants) -> "Figure | None":
    """Exposed time of a step by cause."""
    groups = by_workload([v for v in variants if v.step_time_s])
    if not groups:
        return None
    figure, axes = canvas(_height(1.9, 0.36, groups), 1, len(groups))
    findings = []
    for (work, known), ax in zip(groups, axes, strict=True):
        waits = [v.time_s["scale_out"] * 1e3 for v in known]
        steps = [(v.step_time_s or 0.0) * 1e3 for v in known]
        findings.append(
            f"{f'in {work} ' if work else ''}a step waits "
            f"{span(waits, decimals(waits))} of {span(steps, decimals(steps))} ms for "
            "scale-out"
        )
        parts = {
            CAUSES[cause]: (
                [v.time_s[cause] * 1e3 for v in known],
                TIME_COLOURS[cause],
            )
            for cause in causes.TIME
        }
        stack(ax, labels(known), parts, decimals(steps))
        if work:
            ax.set_title(work, loc="left", size=10)
    headline(figure, _capitalised(findings))
    axes[-1].set_xlabel(
        "exposed time of one step, ms (what the step would save without it)"
    )
    _shared_legend(axes, 4)
    return figure


def by_workload(variants: Variants) -> list[tuple[str, Variants]]:
    """Rows of each workload, named only where there are several: scales differ."""
    names = list(dict.fromkeys(v.workload for v in variants))
    several = len(names) > 1
    return [
        (name if several else "", [v for v in variants if v.workload == name])
        for name in names
    ]


def decimals(values: list[Any]) -> str:
    """A format with three digits of the largest of `values`, one decimal at least."""
    largest = max(map(abs, values), default=1.0) or 1.0
    return f".{max(1, 2 - math.floor(math.log10(largest)))}f"


def _height(rest: float, each: float, groups: list[tuple[str, Variants]]) -> float:
    """Inches of a figure with a panel per group and a bar per row."""
    return rest + sum(each * len(rows) for _, rows in groups) + 0.6 * (len(groups) - 1)


def _capitalised(findings: list[str]) -> str:
    text = "; ".join(findings)
    return text[0].upper() + text[1:]


def _shared_legend(axes: Any, columns: int) -> None:
    """One legend under the last panel for the marks of all."""
    marks = {}
    for ax in axes:
        handles, names = ax.get_legend_handles_labels()
        marks |= dict(zip(names, handles, strict=True))
    below(axes[-1], columns, marks)


def utilisation(variants: Variants) -> "Figure | None":
    """How much of the scale-out network is used, per kind of link."""
    rows = [
        (f"{label}: {hop.name.replace('_', ' ')}", hop.utilisation)
        for label, v in zip(labels(variants), variants, strict=True)
        for tier in [scale_out(v)]
        for hop in (tier.hops if tier else [])
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
    variants: Variants, trace: Sequence[Mapping[str, Any]] | None
) -> "Figure | None":
    """Best objective, its optimality conditions and starts that go on, by iteration."""
    rows = [row for row in trace or [] if row.get("iteration") is not None]
    if not rows:
        return None
    figure, (left, right, going) = canvas(3.2, 3, sharex=True)
    gains, together = [], _together(rows)
    for colour, (task, label) in zip(itertools.cycle(TASK_COLOURS), together.items()):
        own = [row for row in rows if str(row.get("task", "search")) == task]
        style: dict[str, Any] = dict(ms=3.5, color=colour)
        gain = _gains(own, _searched(variants, task))
        if gain:
            gains.append(gain[-1][1])
            left.plot(*zip(*gain, strict=True), "o-", label=label, **style)
        for ax, key in ((right, "kkt"), (going, "running")):
            points = [(r["iteration"], r[key]) for r in own if _finite(r.get(key))]
            if points:
                ax.plot(*zip(*points, strict=True), "o-", **style)
    headline(figure, _outcome(gains))
    left.axhline(0, color="#737373", lw=0.8, ls="--")
    left.set_ylabel("change against the baseline, %")
    left.set_title("watts of the free links: the best so far", loc="left", size=10)
    right.set_yscale("log")
    right.yaxis.set_major_formatter("{x:.0e}")  # no markup is read in figures
    right.axhline(1e-6, color="#737373", lw=0.8, ls="--")
    right.annotate(
        "an optimum below 1e-6", (0.98, 1e-6), (0, 3), ha="right", size=8,
        xycoords=("axes fraction", "data"), textcoords="offset points",
    )  # fmt: skip
    right.set_ylabel("KKT residual, no unit")
    right.set_title("distance from an optimum", loc="left", size=10)
    going.set_ylim(bottom=0)
    going.set_ylabel("starts")
    going.set_title("starts that go on, all branches", loc="left", size=10)
    for ax in (left, right, going):
        ax.set_xlabel("iteration")
        ax.grid(color="#E5E5E5", lw=0.6)
    if 1 < len(together) <= 8:  # more would hide the lines
        left.legend(frameon=False, fontsize=8.5)
    return figure


def _together(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A task of each kind, and the names of all that went the same way.

    Workloads of one variant share the search of its optics.
    """
    ways: dict[str, list[Any]] = {}
    for row in rows:
        way = row.get("iteration"), row.get("best_link_w"), row.get("running")
        ways.setdefault(str(row.get("task", "search")), []).append(way)
    names: dict[str, list[str]] = {}
    for task, way in ways.items():
        names.setdefault(repr(way), []).append(task)
    return {same[0]: ", ".join(same) for same in names.values()}


def _gains(
    rows: Sequence[Mapping[str, Any]], searched: SearchRow | None
) -> list[tuple[int, float]]:
    """Iteration and change of the free links' watts against the baseline, in %."""
    base = searched and searched.baseline_link_w
    return [
        (row["iteration"], (row["best_link_w"] / base - 1) * 100)
        for row in rows
        if base and _finite(row.get("best_link_w"))
    ]


def _outcome(gains: list[float]) -> str:
    if not gains:
        return "The search found no design of the links that keeps all limits"
    verb = "lowers" if min(gains) <= 0 else "raises"
    by = number(abs(min(gains)), ".2f")
    return f"The search {verb} the watts of the free links by {by} %"


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _searched(variants: Variants, task: str) -> SearchRow | None:
    """How the search went that `task`, `workload.variant`, names."""
    for v in variants:
        if task in (task_name(v.workload, v.name, v.point), v.name):
            return v.search
    return None
