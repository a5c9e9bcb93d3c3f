"""The tables that compare variants: text to read beside the number it came from."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import causes
from .labels import NONE, Number, cause_name, number, reference


Variant = dict[str, Any]
MODULE_BPS = 1.6e12


class Cell(NamedTuple):
    """What is read, and the number in `result.json` that it says."""

    text: str
    value: Number | bool | None = None
    mark: str = ""
    """CSS class"""


class Line(NamedTuple):
    """One figure for all variants."""

    name: str
    note: str
    cells: list[Cell]


def comparison(variants: list[Variant]) -> list[Line]:
    """One line per figure, one cell per variant."""
    lines = []
    for name, note, read, form, scale in FIGURES:
        values = [read(variant) for variant in variants]
        cells = [Cell(number(value, form, scale), value) for value in values]
        lines.append(Line(name, note, cells))
    changes = [_change(reference(variants, v), v) for v in variants]
    first = [Cell(number(c, "+.2%"), c) for c in changes]
    if any(v.get("matrix_unit") for v in variants):
        for name, note, key, form, scale in UNIT:
            values = [(v.get("matrix_unit") or {}).get(key) for v in variants]
            cells = [Cell(number(value, form, scale), value) for value in values]
            lines.append(Line(name, note, cells))
    lines.insert(1, Line("change against the first variant", "", first))
    verdict = [
        Cell("yes", True, "good") if v["feasible"] else Cell("no", False, "bad")
        for v in variants
    ]
    lines.append(Line("meets all its limits", "at the worst corner", verdict))
    return lines


def tier(variant: Variant) -> dict[str, Any]:
    """The scale-out network; empty where a variant failed before it."""
    return (variant.get("links") or {}).get("scale_out") or {}


def network_share(variant: Variant) -> Number | None:
    """Part of J/token that both tiers of the network burn at the boards."""
    total = variant["j_per_token"]
    parts = variant["energy_j_per_token"].items()
    used = math.fsum(joules for cause, joules in parts if cause.startswith("network."))
    return used / total if total else None


def end_watts(variant: Variant, which: str) -> Number | None:
    """Mean worst-corner watts of a scale-out link end, per 1.6 Tbit/s of payload."""
    hops = tier(variant).get("hops") or []
    watts, ports = 0.0, 0.0
    for hop in hops:
        n = hop["links_per_accelerator"]
        watts += n * math.fsum(end[which]["worst"] for end in hop["ends"].values())
        ports += n * len(hop["ends"]) * hop["rate_bps"] / MODULE_BPS
    return watts / ports if ports else None


def _change(first: Variant, variant: Variant) -> Number | None:
    base, now = first["j_per_token"], variant["j_per_token"]
    if base is None or now is None or first is variant:
        return None
    return now / base - 1


UNIT = [
    (
        "optical unit, signal over noise, dB",
        "of a product's output, Gaussian data",
        "snr_db",
        ".1f",
        1.0,
    ),
    ("optical unit, effective bits", "", "effective_bits", ".2f", 1.0),
    ("optical unit, GFLOP per J", "at full load", "flop_per_j", ",.0f", 1e-9),
    ("optical unit, PFLOP/s", "reloads included", "flop_per_s", ".2f", 1e-15),
    ("optical unit, part of the step at work", "", "busy", ".0%", 1.0),
    ("optical unit, light of one mesh, W", "", "laser_w", ".2f", 1.0),
    (
        "optical unit, loss, dB",
        "source to detector, every lane at full scale",
        "insertion_db",
        ".1f",
        1.0,
    ),
    (
        "optical unit, area, cm²",
        "all meshes of one accelerator",
        "area_m2",
        ",.0f",
        1e4,
    ),
]
"""what only an optical matrix unit has: key of its row, form, scale"""

Reader = Callable[[Variant], Number | None]
FIGURES: list[tuple[str, str, Reader, str, float]] = [
    (
        "energy per token, J",
        "everything, at the facility meter",
        lambda v: v["j_per_token"],
        ".4f",
        1.0,
    ),
    ("tokens per second", "whole cluster", lambda v: v["tokens_per_s"], ",.0f", 1.0),
    (
        "time of a step, ms",
        "in decode the time per output token",
        lambda v: v["step_time_s"],
        ".2f",
        1e3,
    ),
    ("power, MW", "at the facility meter", lambda v: v["power_w"], ".3f", 1e-6),
    (
        "standing power",
        "part that burns without any work",
        lambda v: v["static_share"],
        ".1%",
        1.0,
    ),
    (
        "network's share of J/token",
        "both tiers, before conversion and cooling",
        network_share,
        ".2%",
        1.0,
    ),
    (
        "scale-out, W per 1.6T link end",
        "vendor's boundary: module or engine with its laser; worst corner",
        lambda v: end_watts(v, "vendor_w"),
        ".2f",
        1.0,
    ),
    (
        "scale-out, W per 1.6T link end, with host PHY",
        "the same with the SerDes and FEC of the host chip",
        lambda v: end_watts(v, "with_host_w"),
        ".2f",
        1.0,
    ),
    (
        "scale-out, log10 of the error rate before FEC",
        "worst link at its worst corner",
        lambda v: tier(v).get("log10_ber"),
        ".2f",
        1.0,
    ),
    (
        "scale-out margin, dB",
        "loss that could still be added; worst link, worst corner",
        lambda v: tier(v).get("margin_db"),
        ".2f",
        1.0,
    ),
    (
        "scale-out utilisation",
        "payload over payload rate, mean over links and time",
        lambda v: tier(v).get("utilisation"),
        ".3%",
        1.0,
    ),
]


def by_cause(variants: list[Variant]) -> list[Line]:
    """J/token of every cause of the vocabulary."""
    return [
        Line(cause_name(cause), cause, [_part(v, cause) for v in variants])
        for cause in causes.ENERGY
    ]


def _part(variant: Variant, cause: str) -> Cell:
    joules = variant["energy_j_per_token"].get(cause)
    if not joules:
        return Cell(NONE if joules is None else "0", joules, "zero")
    return Cell(number(joules, ".3f", 1e3), joules)


def step_time(variants: list[Variant]) -> list[Line]:
    """Exposed time of every cause."""
    return [
        Line(
            cause_name(cause),
            cause,
            [
                Cell(number(v["time_s"].get(cause), ".3f", 1e3), v["time_s"].get(cause))
                for v in variants
            ],
        )
        for cause in causes.TIME
    ]


def manager_sentence(result: dict[str, Any]) -> str:
    """The given summary, or what the last variant saves against the first."""
    if result.get("summary"):
        return result["summary"]
    told = [v for v in result["variants"] if v["j_per_token"] and v["power_w"]]
    if not told:
        return "No variant came to a result."
    ours = told[-1]
    first = reference(told, ours)
    if first is ours:
        return (
            f"{ours['name']} takes {number(ours['j_per_token'], '.2f')} J per token "
            f"and {number(ours['power_w'], '.2f', 1e-6)} MW at the facility meter."
        )
    share = 1 - ours["j_per_token"] / first["j_per_token"]
    mw = (first["power_w"] - ours["power_w"]) / 1e6
    verb, more = ("saves", "less") if share >= 0 else ("costs", "more")
    used = number(tier(ours).get("utilisation"), ".2%")
    limits = (
        "" if ours["feasible"] else f" {ours['name']} does not meet all its limits."
    )
    return (
        f"{ours['name']} {verb} {number(abs(share), '.1%')} of the energy per token "
        f"({abs(mw):.2f} MW {more}) against {first['name']}: standing power, which the "
        f"links burn idle or busy, at {used} utilisation, not energy per moved bit."
        f"{limits}"
    )
