"""One link in a terminal: its light, its watts, its limits."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.text import Text

from .. import causes
from ..limits import met
from ..quantity import show
from ..result.labels import (
    STAGES,
    limit,
    noise_name,
    show_quantity,
    stage_name,
)
from ..result.link_schema import LinkResult
from .labels import CAUSES, PLACES, margin_text
from .table import Cell, Column, Row, Table, terminal


SIDES = tuple(causes.DIRECTIONS.values())
LEAST = 5e-4
"""watts and shares below this are left out of the tables"""


def link_tables(result: LinkResult) -> Iterator[Any]:
    """Title, optical budget, watts, limits, and what a terminal shows of them."""
    yield Text(f"{result.technology}: {result.about}\n{_conditions(result)}\n")
    yield terminal(_budget(result))
    yield terminal(_watts(result))
    yield terminal(_limits(result))
    yield Text(_notes(result))


def _conditions(result: LinkResult) -> str:
    lines = []
    for climate in causes.CLIMATES:
        at = result.conditions[climate]
        lines.append(
            f"{'Worst corner' if climate == 'worst' else 'Nominal'}: "
            f"case {show_quantity(at['case_k'], 'K')}, external laser "
            f"{show_quantity(at['coolant_k'], 'K')}, {at['length_m']:g} m, "
            f"{at['ageing_db']:g} dB of ageing."
        )
    return "\n".join(lines)


def _row(label: str, values: Iterable[str], ends: bool = False) -> Row:
    return Row([Cell(label), *map(Cell, values)], ends)


def _budget(result: LinkResult) -> Table:
    """From the source to the decision."""
    losses = [result.budget_db[side] for side in SIDES]
    optical = "laser" in losses[0]
    stages = dict.fromkeys(name for way in losses for name in way)
    order = dict.fromkeys([*(name for name in STAGES if name in stages), *stages])
    units = {"laser": ", dBm", "swing": ", dB over 1 V²"}
    rows = [
        _row(
            stage_name(stage) + units.get(stage, ""),
            (_number(way.get(stage), "+.2f") for way in losses),
        )
        for stage in order
    ]
    if optical:
        received = [f"{sum(way.values()):+.2f}" for way in losses]
        rows.append(_row("swing at the photodiode (OMA), dBm", received))
    rows[-1] = rows[-1]._replace(ends_section=True)
    found = [result.directions[side] for side in SIDES]
    now = [way.log10_ber for way in found]
    unit = "dB of light" if optical else "dB of signal to noise"
    rows += [
        _row("bit error rate before FEC", (f"{10.0**x:.2g}" for x in now)),
        _row(
            f"  its log10; the FEC corrects up to {result.log10_ber_limit:.2f}",
            (f"{x:.2f}" for x in now),
        ),
        _row(
            f"margin, {unit}; required {result.reserve_db:g}",
            (margin_text(way.margin_db, ".2f") for way in found),
            ends=True,
        ),
    ]
    shares = [result.noise_share[side] for side in SIDES]
    rows += [
        _row(
            f"noise of the worst level: {noise_name(noise)}",
            (_number(share.get(noise), ".1%") for share in shares),
        )
        for noise in dict.fromkeys(name for share in shares for name in share)
        if max(share.get(noise, 0.0) for share in shares) >= LEAST
    ]
    columns = [Column("", "left"), *(Column(PLACES[side]) for side in SIDES)]
    return Table("Budget at the worst corner, dB", columns, rows)


def _watts(result: LinkResult) -> Table:
    """By end and cause with the box that pays; both boundaries, both climates."""
    a, b = result.ends["a"], result.ends["b"]
    joules, rate = result.energy_by_cause_j_per_bit, result.rate_bps
    rows = []
    for cause in causes.LINK:
        watts = [end.power_w[cause] for end in (a, b)]
        if max(watts) < LEAST:
            continue
        boxes = dict.fromkeys(e.boundary[cause] for e in (a, b) if e.power_w[cause])
        # A Mach-Zehnder's bias counts here as well as a ring's heater.
        label = "tuning, bias and control" if cause == "tuning" else CAUSES[cause]
        paid = " / ".join(box.replace("_", " ") for box in boxes)
        values = [*(f"{w:.3f}" for w in watts), f"{joules[cause] * 1e12:.3f}", paid]
        rows.append(_row(label, values))
    if rows:
        rows[-1] = rows[-1]._replace(ends_section=True)
    for label, pair in (
        ("vendor's boundary (no host)", (a.vendor_w, b.vendor_w)),
        ("full, with host SerDes and FEC", (a.with_host_w, b.with_host_w)),
    ):
        for climate in reversed(causes.CLIMATES):
            watts = [end[climate] for end in pair]
            both = f"{sum(watts) / (2 * rate) * 1e12:.2f}"
            rows.append(
                _row(
                    f"{label}, {PLACES.get(climate, climate)}",
                    [*(f"{w:.2f}" for w in watts), both, ""],
                )
            )
    columns = [Column("", "left"), *map(Column, ("end a", "end b", "pJ/bit"))]
    return Table("Watts, nominal", [*columns, Column("paid by", "left")], rows)


def _limits(result: LinkResult) -> Table:
    """Slack of every limit: met from 0."""
    worst, nominal = result.slacks["worst"], result.slacks["nominal"]
    rows = []
    for name in dict.fromkeys(n for side in SIDES for n in worst[side]):
        cells = [_slack(worst[side].get(name)) for side in SIDES]
        about = limit(name)
        # What the corner decides is no limit anywhere else.
        warm = [_slack(nominal[side].get(name)).text for side in SIDES]
        other = Cell(" / ".join(warm) if about.nominal else "")
        unit = Cell("" if about.unit == "1" else about.unit)
        rows.append(Row([Cell(about.label), *cells, other, unit]))
    columns = [Column(PLACES[side]) for side in SIDES]
    return Table(
        "Limits: slack, met from 0",
        [Column("", "left"), *columns, Column("nominal a / b"), Column("unit", "left")],
        rows,
    )


def _notes(result: LinkResult) -> str:
    """Lasers, rate and latency."""
    lines = []
    for drive in result.drives:
        place = drive.path.split(".")[0].replace("_", " ")
        binding = "error rate" if drive.binding == "ber" else "launch"
        lines.append(
            f"{place}: laser at {show(drive.amps, 'A')}, "
            + (
                f"the least that meets its {binding}"
                if drive.reachable
                else "the most light it has"
            )
        )
    if result.counted is not None:
        lines.append(_counted(result))
    lines.append(
        f"Payload {show(result.rate_bps, 'bit/s')} each way, on the line "
        f"{show(result.line_rate_bps, 'bit/s')}; one way takes "
        f"{show(result.latency_s, 's')}, FEC to FEC."
    )
    return "\n".join(lines)


def _counted(result: LinkResult) -> str:
    """Counted and computed error rate of the direction that was simulated."""
    counted = result.counted
    assert counted is not None
    side, row = counted.direction, counted.counts[0]
    computed = 10.0 ** result.directions[side].log10_ber
    found = (
        f"BER {row.errors / row.bits:.1e} ({row.low:.1e} to {row.high:.1e} at 95 %)"
        if row.errors
        else f"no wrong bit in {row.bits:.1e}: BER below {row.high:.1e}"
    )
    if not row.low <= computed <= row.high:
        outside = (
            ", outside of what is counted, which holds no reflections and no errors "
            "of electrical segments, but patterns of any length"
        )
    else:
        outside = ""
    return (
        f"Simulated in time, {PLACES[side]}: {found}; computed {computed:.1e}{outside}"
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _slack(value: float | None) -> Cell:
    if value is None:
        return Cell("")
    missed = not met(value)
    # What a solved current leaves is 0 to rounding.
    text = f"{0.0 if abs(value) < 1e-9 else value:.3g}{' MISSED' if missed else ''}"
    return Cell(text, mark="bad" if missed else "")
