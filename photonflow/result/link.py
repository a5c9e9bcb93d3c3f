"""One link by itself as `link.json`, and why it misses its limits."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .. import causes, limits
from ..causes import DIRECTIONS, ClimateName, DirectionName
from ..component import Param, params
from ..links.base import AbstractLink, Conditions, LinkBudget
from ..search.laser_drive import LaserDrive
from ..search.repair import Repair
from .labels import limit, noise_name, show_quantity
from .link_schema import (
    CurveRow,
    DiagnosisRow,
    DirectionRow,
    LinkHopRow,
    LinkResult,
    RepairRow,
)
from .rows import bit_energy_j, drive_row, floats, link_figures
from .schema import LaserDriveRow


PARAMETERS = {
    "rin": ("rin", "partition"),
    "transmitter": ("transmit_snr",),
    "driver": ("noise",),
    "phy_input": ("noise",),
    "converter": ("receive_snr",),
    "thermal": ("noise_factor", "gain_bandwidth"),
    "residual": ("residual",),
    "crosstalk": ("crosstalk",),
}
"""noise -> names of the parameters it comes from"""
INTEGERS = ("wavelengths", "lines", "fibres", "lanes_per_laser", "lasers_per_unit")
"""parameters that are counts"""


def link_row(
    name: str,
    about: str,
    settings: Mapping[str, str],
    link: AbstractLink,
    at: Mapping[ClimateName, Conditions],
    drives: Iterable[LaserDrive],
    budgets: Mapping[ClimateName, LinkBudget],
    added_db: Sequence[float],
    curve: LinkBudget,
) -> LinkResult:
    """Everything about a link as one document; its diagnosis is still empty.

    `budgets` by climate; `curve` is the budget at the worst corner behind every one of
    `added_db` of loss.
    """
    nominal, worst = budgets["nominal"], budgets["worst"]
    figures = link_figures(nominal, worst)
    static, dynamic = bit_energy_j(nominal)
    vendor_w = [end.vendor_w["worst"] for end in figures["ends"].values()]
    currents = [drive_row(drive) for drive in drives]
    missing_db = [d.shortfall_db for d in currents if d.shortfall_db is not None]
    sides = DIRECTIONS.values()
    slacks: dict[ClimateName, dict[DirectionName, dict[str, float]]] = {
        climate: {side: floats(getattr(budget, side).slacks) for side in sides}
        for climate, budget in budgets.items()
    }
    own = {k: v for k, v in figures.items() if k in LinkResult.model_fields}
    return LinkResult(
        **own,
        technology=name,
        about=about,
        settings=dict(settings),
        feasible=not _missed(slacks),
        diagnosis=[],
        hops=[LinkHopRow(name="link", technology=name, **figures)],
        energy_by_cause_j_per_bit={c: static[c] + dynamic[c] for c in causes.LINK},
        directions={
            side: DirectionRow(
                log10_ber=float(getattr(worst, side).log10_ber),
                margin_db=float(getattr(worst, side).margin_db),
            )
            for side in sides
        },
        power_w_module_boundary=math.fsum(vendor_w) / len(vendor_w),
        line_rate_bps=float(nominal.line_rate_bps),
        log10_ber_limit=math.log10(float(link.fec.threshold)),
        reserve_db=float(link.reserve_db),
        conditions={
            climate: {spec.path: float(spec.value) for spec in params(conditions)}
            for climate, conditions in at.items()
        },
        slacks=slacks,
        drives=currents,
        shortfall_db=max(missing_db, default=None),
        ber_curve={
            side: CurveRow(
                loss_db=list(added_db),
                log10_ber=[float(x) for x in getattr(curve, side).log10_ber],
            )
            for side in sides
        },
    )


class _Missed(NamedTuple):
    """A limit below 0."""

    slack: float
    climate: ClimateName
    side: DirectionName
    name: str


def _missed(
    slacks: Mapping[ClimateName, Mapping[DirectionName, Mapping[str, float]]],
) -> list[_Missed]:
    """Limits that are missed, the worst first; of both climates the smaller slack."""
    found: dict[tuple[DirectionName, str], _Missed] = {}
    for climate, sides in slacks.items():
        for side, named in sides.items():
            for name, slack in named.items():
                counts = climate == "worst" or limits.find(name).nominal
                if counts and not limits.met(slack):
                    row = _Missed(slack, climate, side, name)
                    found[side, name] = min(found.get((side, name), row), row)
    return sorted(found.values())


def repair_row(found: Repair, spec: Param, in_range: bool) -> RepairRow:
    """A number that would meet all limits if it alone moved; counts are whole."""
    needed = found.needed
    if spec.unit == "1" and spec.yaml_path.rsplit(".", 1)[-1] in INTEGERS:
        needed = float((math.ceil if needed > found.value else math.floor)(needed))
    return RepairRow(
        path=spec.yaml_path,
        value=found.value,
        needed=needed,
        unit=found.unit,
        low=found.low,
        high=found.high,
        in_range=in_range,
    )


def diagnosed(
    result: LinkResult, repairs: Mapping[DirectionName, Sequence[RepairRow]]
) -> LinkResult:
    """`result` with one diagnosis for each direction that misses a limit."""
    missed = _missed(result.slacks)
    sides: dict[DirectionName, None] = dict.fromkeys(m.side for m in missed)
    rows = [
        _diagnosis(result, [m for m in missed if m.side == side], repairs.get(side, ()))
        for side in sides
    ]
    message = f"{result.technology}: {rows[0].text}" if rows else None
    return result.model_copy(update={"diagnosis": rows, "message": message})


def _diagnosis(
    result: LinkResult, missed: Sequence[_Missed], repairs: Sequence[RepairRow]
) -> DiagnosisRow:
    side = missed[0].side
    end = next(end for end, way in DIRECTIONS.items() if way == side)
    drive = next((d for d in result.drives if d.path.startswith(end)), None)
    name = main_slack([m.name for m in missed], drive is None or drive.reachable)
    value, climate = next(m[:2] for m in missed if m.name == name)
    noises = result.noise_share[side]
    limiting = max(noises, key=lambda noise: noises[noise])
    ceiling = bool(drive and drive.ceiling)
    # A limit of too much light is no noise's doing.
    parameters = PARAMETERS.get(limiting, ()) if ceiling and name == "ber" else ()
    first = [r for r in repairs if r.path in result.settings]
    first += [r for r in repairs if r.path.rsplit(".", 1)[-1] in parameters]
    named = list(dict.fromkeys([*first[:1], *repairs[:1]]))
    others = "; ".join(limit(m.name).label for m in missed if m.name != name)
    also = f" (also missed: {others})" if others else ""
    if name == "ber":
        problem = _error_rate(result, side, value, drive)
    else:
        problem = limit(name).explanation(value)
    if drive and not drive.reachable and not ceiling and name in ("ber", "launch"):
        problem += f"; the laser gives most at {show_quantity(drive.amps, 'A')}"
    return DiagnosisRow(
        direction=side,
        climate=climate,
        slack=name,
        value=value,
        limiting=limiting,
        ceiling=ceiling,
        repairs=list(repairs),
        text=f"{side.replace('_', ' ')}: {problem}{also}: {_repair_text(named)}",
    )


def main_slack(missed: Sequence[str], reachable: bool) -> str:
    """The one of several missed limits of a direction that explains the others.

    What no light could meet explains an error rate that it spoils; a laser that has to
    give too much explains its heat, and one that cannot give enough does not.
    """
    kinds = [None, "less", "more"] if reachable else [None, "more", "less"]

    def place(name: str) -> tuple[int, float]:
        found = limit(name)
        return kinds.index(found.light), float(found.order)

    return min(missed, key=place)


def _error_rate(
    result: LinkResult, side: DirectionName, slack: float, drive: LaserDriveRow | None
) -> str:
    """An error rate that is missed, how much light that is, and the largest noise."""
    # The slack is half the log of the ratio of the two exponents.
    now = result.log10_ber_limit * math.exp(2 * slack)
    text = (
        f"error rate 10^{now:.2f} before FEC at the required margin of "
        f"{result.reserve_db:g} dB, 10^{result.log10_ber_limit:.2f} allowed"
    )
    if drive is not None and drive.ceiling:
        text += "; no amount of light would do"
    elif drive is not None and drive.shortfall_db:
        text += f"; {drive.shortfall_db:.2f} dB of light are missing"
    share, noise = max((s, noise) for noise, s in result.noise_share[side].items())
    return f"{text}; the limiting noise is {noise_name(noise)} ({share:.0%} of all)"


def _repair_text(repairs: list[RepairRow]) -> str:
    """`path` at most 3 dB (now 10 dB) would do."""
    if not repairs:
        return "no single number of the link, inside its range, would meet all limits"
    found = []
    for repair in repairs:
        bound = "at most" if repair.needed < repair.value else "at least"
        outside = "" if repair.in_range else ", outside the range of its card"
        needed, now = (
            show_quantity(value, repair.unit, repair.low)
            for value in (repair.needed, repair.value)
        )
        found.append(f"`{repair.path}` {bound} {needed} (now {now}{outside})")
    return " or ".join(found) + " would do"
