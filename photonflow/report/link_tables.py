"""One link in a terminal: its light, its watts, its limits."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from .. import causes
from ..causes import ClimateName, DirectionName
from ..limits import met
from ..quantity import show
from ..result.link_schema import LinkResult
from .labels import BUDGET, CAUSES, WAYS, limit, noise_name, stage_name
from .link_labels import told


SIDES: tuple[DirectionName, ...] = ("a_to_b", "b_to_a")
LEAST = 5e-4
"""watts and shares below this are left out of the tables"""


def link_tables(result: LinkResult) -> Iterator[Any]:
    """Title, optical budget, watts, limits."""
    yield f"{result.technology}: {result.about}\n{_conditions(result)}\n"
    yield _light(result)
    yield _watts(result)
    yield _limits(result)
    yield _told(result)


def _conditions(result: LinkResult) -> str:
    words = []
    climates: tuple[ClimateName, ...] = ("worst", "nominal")
    for climate in climates:
        at = result.conditions[climate]
        words.append(
            f"{'Worst corner' if climate == 'worst' else 'Nominal'}: "
            f"case {told(at['case_k'], 'K')}, external laser "
            f"{told(at['coolant_k'], 'K')}, {at['length_m']:g} m, "
            f"{at['ageing_db']:g} dB of ageing."
        )
    return "\n".join(words)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for column in columns:
        left = column == "paid by"
        table.add_column(column, justify="left" if left else "right")
    return table


def _light(result: LinkResult) -> Table:
    """From the source to the decision."""
    ways = [result.budget_db[side] for side in SIDES]
    optical = "laser" in ways[0]
    table = _table("Budget at the worst corner, dB", "a to b", "b to a")
    stages = dict.fromkeys(name for way in ways for name in way)
    order = [*(name for name in BUDGET if name in stages), *stages]
    for stage in dict.fromkeys(order):
        name = stage_name(stage)
        if stage == "laser":
            name += ", dBm"
        if stage == "swing":
            name += ", dB over 1 V²"
        table.add_row(name, *(_number(way.get(stage), "+.2f") for way in ways))
    if optical:
        got = [sum(way.values()) for way in ways]
        table.add_row("swing at the photodiode (OMA), dBm", *(f"{x:+.2f}" for x in got))
    table.add_section()
    found = [result.directions[side] for side in SIDES]
    now = [way.log10_ber for way in found]
    limit = result.log10_ber_limit
    table.add_row("bit error rate before FEC", *(f"{10.0**x:.2g}" for x in now))
    table.add_row(
        f"  its log10; the FEC stands {limit:.2f}", *(f"{x:.2f}" for x in now)
    )
    unit = "dB of light" if optical else "dB of signal to noise"
    table.add_row(
        f"margin, {unit}; asked for {result.reserve_db:g}",
        *(f"{way.margin_db:.2f}" for way in found),
    )
    table.add_section()
    shares = [result.noise_share[side] for side in SIDES]
    for noise in dict.fromkeys(name for share in shares for name in share):
        if max(share.get(noise, 0.0) for share in shares) < LEAST:
            continue
        name = f"noise: {noise_name(noise)}"
        table.add_row(name, *(_number(share.get(noise), ".1%") for share in shares))
    return table


def _watts(result: LinkResult) -> Table:
    """By end and cause with the box that pays; both boundaries, both climates."""
    a, b = result.ends["a"], result.ends["b"]
    table = _table("Watts, nominal", "end a", "end b", "pJ/bit", "paid by")
    joules = result.energy_by_cause_j_per_bit
    for cause in causes.LINK:
        if max(a.power_w[cause], b.power_w[cause]) < LEAST:
            continue
        boxes = dict.fromkeys(
            end.boundary[cause] for end in (a, b) if end.power_w[cause]
        )
        table.add_row(
            # A Mach-Zehnder's bias counts here as well as a ring's heater.
            "tuning, bias and control" if cause == "tuning" else CAUSES[cause],
            f"{a.power_w[cause]:.3f}",
            f"{b.power_w[cause]:.3f}",
            f"{joules[cause] * 1e12:.3f}",
            " / ".join(box.replace("_", " ") for box in boxes),
        )
    table.add_section()
    rate = result.rate_bps
    for words, read in (
        ("vendor's boundary (no host)", lambda end: end.vendor_w),
        ("full, with host SerDes and FEC", lambda end: end.with_host_w),
    ):
        for climate, name in (("nominal", "nominal"), ("worst", "worst corner")):
            pair = [read(end)[climate] for end in (a, b)]
            table.add_row(
                f"{words}, {name}",
                *(f"{w:.2f}" for w in pair),
                f"{sum(pair) / (2 * rate) * 1e12:.2f}",
                "",
            )
    return table


def _limits(result: LinkResult) -> Table:
    """Slack of every limit: met from 0."""
    table = _table("Limits: slack, met from 0", "a to b", "b to a", "nominal a / b")
    worst, nominal = result.slacks["worst"], result.slacks["nominal"]
    names = dict.fromkeys(n for side in SIDES for n in worst[side])
    for name in names:
        pair = [worst[side].get(name) for side in SIDES]
        warm = [nominal[side].get(name) for side in SIDES]
        about = limit(name)
        # What the corner decides is no limit anywhere else.
        beside = " / ".join(map(_slack, warm)) if about.nominal else ""
        table.add_row(about.label, *map(_slack, pair), beside)
    return table


def _told(result: LinkResult) -> str:
    """Lasers, rate and latency."""
    words = [
        f"{WAYS.get(drive.path.split('.')[0], drive.path.split('.')[0])}: laser at "
        f"{show(drive.amps, 'A')}, the least that meets its "
        f"{'error rate' if drive.binding == 'ber' else 'launch'}"
        if drive.reachable
        else f"{drive.path.split('.')[0]}: laser at {show(drive.amps, 'A')}, "
        "the most light it has"
        for drive in result.drives
    ]
    if result.counted is not None:
        words.append(_counted(result))
    words.append(
        f"Payload {show(result.rate_bps, 'bit/s')} each way, on the line "
        f"{show(result.line_rate_bps, 'bit/s')}; one way takes "
        f"{show(result.latency_s, 's')}, FEC to FEC."
    )
    return "\n".join(words)


def _counted(result: LinkResult) -> str:
    """What the simulation in time says beside what is computed."""
    counted = result.counted
    assert counted is not None
    side, row = counted.direction, counted.counts[0]
    computed = 10.0 ** result.directions[side].log10_ber
    found = (
        f"BER {row.errors / row.bits:.1e} ({row.low:.1e} to {row.high:.1e} at 95 %)"
        if row.errors
        else f"no wrong bit in {row.bits:.1e}: BER below {row.high:.1e}"
    )
    return f"Simulated in time, {WAYS[side]}: {found}; computed {computed:.1e}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _slack(value: float | None) -> str:
    if value is None:
        return ""
    mark = "" if met(value) else " MISSED"
    # What a solved current leaves is 0 to rounding.
    return f"{0.0 if abs(value) < 1e-9 else value:.3g}{mark}"
