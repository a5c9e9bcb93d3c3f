"""One link by itself: its laser currents, its budget and its limits."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import causes, limits
from ..cards import Library, Provenance, apply
from ..cards.values import require_name
from ..causes import DIRECTIONS, ENDS, ClimateName, DirectionName
from ..component import params, replace
from ..devices.passives import AbstractCopperPath
from ..links.base import AbstractLink, Conditions, LinkBudget
from ..links.family import family_of
from ..links.laser_drive import CURRENT, LaserDrive, link_drives
from ..quantity import InputError
from ..result.link_schema import Curve, DirectionRow, LinkHop, LinkResult
from ..result.rows import end_row, floats, hop_row
from .rows import drive_row


CLIMATES: dict[ClimateName, str] = {"worst": "room-worst", "nominal": "room-nominal"}
"""cards of the corner that designs a link and of where it works"""
EXTRA_DB = np.linspace(-8.0, 24.0, 129)
"""added loss of a BER curve"""


@dataclasses.dataclass(frozen=True)
class Solved:
    """A link with the lasers it needs, at both climates."""

    name: str
    about: str
    link: AbstractLink
    origins: dict[str, Provenance]
    settings: dict[str, str]
    at: dict[ClimateName, Conditions]
    drives: list[LaserDrive]
    fixed: list[str]
    """laser currents that were given"""
    budgets: dict[ClimateName, LinkBudget]
    curve: LinkBudget
    """at the worst corner behind every one of `EXTRA_DB`"""


def solve_link(card: str, settings: Mapping[str, str], library: Library) -> Solved:
    """The link of `card`, a name or a file, with its laser currents solved.

    The worst corner designs: there every laser gets the least current that meets error
    rate and launch. `settings` are paths into the link, or into `worst` and `nominal`;
    a laser current among them is taken as it is.
    """
    name = library.add_file(Path(card)) if Path(card).is_file() else card
    require_name(name, library.names(), what="card")
    link = library.load(name)
    if not isinstance(link, AbstractLink):
        raise InputError(
            "a link, one of `photonflow cards links`",
            problem=f"'{name}' is a {type(link).__name__}",
            key="CARD",
        )
    own, about_climate = split(settings)
    link = apply(link, own)
    at: dict[ClimateName, Conditions] = {
        climate: apply(
            library.load(where).at(link.path.reach_m), about_climate[climate]
        )
        for climate, where in CLIMATES.items()
    }
    given = [spec.path for spec in params(link) if spec.yaml_path in own]
    fixed = [path for end in ENDS if (path := f"{end}.{CURRENT}") in given]
    ends = [end for end in ENDS if f"{end}.{CURRENT}" not in fixed]
    drives = link_drives(link, at["worst"], ends)
    link = replace(link, {d.path: d.amps for d in drives}) if drives else link
    budgets, curve = evaluate(link, at)
    return Solved(
        name=name,
        about=library.card(name).about,
        link=link,
        origins=library.provenance(name),
        settings=dict(settings),
        at=at,
        drives=drives,
        fixed=fixed,
        budgets=budgets,
        curve=curve,
    )


def split(
    settings: Mapping[str, str],
) -> tuple[dict[str, str], dict[ClimateName, dict[str, str]]]:
    """Settings of the link, and those of each climate."""
    own: dict[str, str] = {}
    climates: dict[ClimateName, dict[str, str]] = {climate: {} for climate in CLIMATES}
    named = {str(climate): place for climate, place in climates.items()}
    for key, value in settings.items():
        head, _, rest = key.partition(".")
        place = named.get(head) if rest else None
        if place is None:
            own[key] = value
        else:
            place[rest] = value
    return own, climates


def evaluate(
    link: AbstractLink, at: Mapping[ClimateName, Conditions]
) -> tuple[dict[ClimateName, LinkBudget], LinkBudget]:
    """Budgets by climate, and at the worst corner behind `EXTRA_DB`: one batch."""
    family = family_of(link, at["worst"])
    rows = [family.row(link, at[climate]) for climate in CLIMATES]
    # Glass counts its dB as light and copper as volts; either way between the ends.
    if isinstance(link.path, AbstractCopperPath):
        longer = {"path.fixed_db": float(link.path.fixed_db) + EXTRA_DB}
    else:
        longer = {"at.ageing_db": float(at["worst"].ageing_db) + EXTRA_DB}
    curve = family.rows(link, at["worst"], longer)
    found = family.budgets(np.concatenate([rows, curve]))
    budgets: dict[ClimateName, LinkBudget] = {
        climate: jax.tree.map(lambda x, i=i: x[i], found)
        for i, climate in enumerate(CLIMATES)
    }
    return budgets, jax.tree.map(lambda x: x[len(rows) :], found)


def misses(solved: Solved) -> list[tuple[ClimateName, DirectionName, str, float]]:
    """Climate, direction, name and slack of every limit that is missed, worst first.

    The smaller of a slack's values at both climates counts once.
    """
    found: dict[
        tuple[DirectionName, str], tuple[ClimateName, DirectionName, str, float]
    ] = {}
    for climate, budget in solved.budgets.items():
        for side in DIRECTIONS.values():
            for name, slack in getattr(budget, side).slacks.items():
                if climate == "nominal" and not limits.find(name).nominal:
                    continue
                value = float(slack)
                row = (climate, side, name, value)
                if not limits.met(value):
                    old = found.get((side, name), row)
                    found[side, name] = min(old, row, key=lambda r: r[3])
    return sorted(found.values(), key=lambda row: row[3])


def link_row(solved: Solved) -> LinkResult:
    """Everything about a link as one document; its diagnosis is still empty."""
    nominal, worst = solved.budgets["nominal"], solved.budgets["worst"]
    hop = hop_row("link", solved.name, 1.0, 1.0, nominal, worst)
    ends = {"a": end_row(nominal.end_a, worst.end_a),
            "b": end_row(nominal.end_b, worst.end_b)}  # fmt: skip
    rate = float(nominal.rate_bps)
    static = [end.power_w for end in ends.values()]
    moving = [nominal.end_a.dynamic_j_per_bit, nominal.end_b.dynamic_j_per_bit]
    by_cause = {
        cause: math.fsum(w[cause] for w in static) / (2 * rate)
        + math.fsum(float(j[cause]) for j in moving)
        for cause in causes.LINK
    }
    vendor = [end.vendor_w["worst"] for end in ends.values()]
    drives = [drive_row(drive) for drive in solved.drives]
    short = [drive.shortfall_db for drive in drives if drive.shortfall_db is not None]
    shared = ("ends", "energy_j_per_bit", "power_w_per_port", "log10_ber", "margin_db",
              "latency_s", "rate_bps", "budget_db", "noise_share")  # fmt: skip
    data: dict[str, Any] = {name: getattr(hop, name) for name in shared}
    own = ("links_per_accelerator", "utilisation", "energy_per_delivered_bit_j")
    hop_data = {k: v for k, v in hop.model_dump().items() if k not in own}
    return LinkResult(
        **data,
        technology=solved.name,
        about=solved.about,
        settings=solved.settings,
        feasible=not misses(solved),
        diagnosis=[],
        hops=[LinkHop(**hop_data)],
        energy_by_cause_j_per_bit=by_cause,
        directions={
            side: DirectionRow(
                log10_ber=float(way.log10_ber), margin_db=float(way.margin_db)
            )
            for side in DIRECTIONS.values()
            for way in [getattr(worst, side)]
        },
        power_w_module_boundary=math.fsum(vendor) / len(vendor),
        line_rate_bps=float(nominal.line_rate_bps),
        log10_ber_limit=math.log10(float(solved.link.fec.threshold)),
        reserve_db=float(solved.link.reserve_db),
        conditions={
            climate: {spec.path: float(spec.value) for spec in params(at)}
            for climate, at in solved.at.items()
        },
        slacks={
            climate: {
                side: floats(getattr(budget, side).slacks)
                for side in DIRECTIONS.values()
            }
            for climate, budget in solved.budgets.items()
        },
        drives=drives,
        shortfall_db=max(short, default=None),
        ber_curve={
            side: Curve(
                loss_db=list(EXTRA_DB),
                log10_ber=[float(x) for x in getattr(solved.curve, side).log10_ber],
            )
            for side in DIRECTIONS.values()
        },
    )
