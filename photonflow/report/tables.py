"""The tables that compare variants."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .. import causes
from ..result.names import key_labels
from ..result.schema import MODULE_BPS, Result, VariantResult
from .labels import (
    NONE,
    Number,
    cause_name,
    labels,
    number,
    place,
    reference,
    scale_out,
    switch_link,
)
from .table import Cell, Column, Row, Table


class Quantity(NamedTuple):
    """One figure of a variant, and how it is written."""

    label: str
    short: str
    """head of a narrow column; empty where a narrow table leaves it out"""
    note: str
    read: Callable[[VariantResult], Number | None]
    form: str
    scale: float = 1.0
    optional: bool = False
    """left out where no variant has it"""

    def cell(self, variant: VariantResult) -> Cell:
        """The figure of one variant."""
        value = self.read(variant)
        return Cell(number(value, self.form, self.scale), value)


def network_share(variant: VariantResult) -> Number | None:
    """Part of J/token that both tiers of the network burn at the boards."""
    total, parts = variant.j_per_token, variant.energy_j_per_token
    used = math.fsum(j for cause, j in parts.items() if cause.startswith("network."))
    return used / total if total else None


def end_watts(variant: VariantResult, with_host: bool) -> Number | None:
    """Mean worst-corner watts of a scale-out link end, per 1.6 Tbit/s of payload."""
    tier = scale_out(variant)
    watts, ports = 0.0, 0.0
    for hop in tier.hops if tier is not None else []:
        n = hop.links_per_accelerator
        for end in hop.ends.values():
            watts += n * (end.with_host_w if with_host else end.vendor_w)["worst"]
            ports += n * hop.rate_bps / MODULE_BPS
    return watts / ports if ports else None


def switch_watts(variant: VariantResult) -> Number | None:
    """Worst-corner watts of one end between switches, vendor's boundary, per 1.6T."""
    hop = switch_link(variant)
    if hop is None:
        return None
    return hop.ends["a"].vendor_w["worst"] * MODULE_BPS / hop.rate_bps


def _saved(variant: VariantResult) -> Number | None:
    """Change of J/token by the search."""
    base, now = variant.baseline_j_per_token, variant.j_per_token
    return None if base is None or now is None else now / base - 1


def _tier(field: str) -> Callable[[VariantResult], Number | None]:
    return lambda variant: getattr(scale_out(variant), field, None)


def _unit(field: str) -> Callable[[VariantResult], Number | None]:
    return lambda variant: getattr(variant.matrix_unit, field, None)


QUANTITIES = [
    Quantity(
        "energy per token, J",
        "J/token",
        "everything, at the facility meter",
        lambda v: v.j_per_token,
        ".4f",
    ),
    Quantity(
        "change by the search",
        "by search",
        "against the same variant as its cards describe it",
        _saved,
        "+.2%",
        optional=True,
    ),
    Quantity(
        "tokens per second",
        "tokens/s",
        "whole cluster",
        lambda v: v.tokens_per_s,
        ",.0f",
    ),
    Quantity(
        "time of a step, ms",
        "",
        "in decode the time per output token",
        lambda v: v.step_time_s,
        ".2f",
        1e3,
    ),
    Quantity(
        "power, MW", "MW", "at the facility meter", lambda v: v.power_w, ".3f", 1e-6
    ),
    Quantity(
        "standing power",
        "",
        "part that burns without any work",
        lambda v: v.static_share,
        ".1%",
    ),
    Quantity(
        "network's share of J/token",
        "network",
        "both tiers, before conversion and cooling",
        network_share,
        ".2%",
    ),
    Quantity(
        "share of J/token that the search controls",
        "",
        "link ends with a free parameter, vendor's boundary",
        lambda v: v.controlled_share,
        ".2%",
        optional=True,
    ),
    Quantity(
        "scale-out, W per 1.6T link end",
        "W/end",
        "vendor's boundary: module or engine with its laser; mean over all ends, those "
        "at the hosts included; worst corner",
        lambda v: end_watts(v, with_host=False),
        ".2f",
    ),
    Quantity(
        "scale-out, W per 1.6T link end between switches",
        "",
        "the same of the links between switches alone",
        switch_watts,
        ".2f",
    ),
    Quantity(
        "scale-out, W per 1.6T link end, with host PHY",
        "",
        "mean over all ends, with the SerDes and FEC of the host chip",
        lambda v: end_watts(v, with_host=True),
        ".2f",
    ),
    Quantity(
        "scale-out, pJ/bit at full load",
        "",
        "nominal, with the host's SerDes and FEC",
        _tier("energy_j_per_bit"),
        ".2f",
        1e12,
    ),
    Quantity(
        "scale-out, nJ per delivered bit",
        "",
        "the same at the utilisation below",
        _tier("energy_per_delivered_bit_j"),
        ".2f",
        1e9,
    ),
    Quantity(
        "scale-out, log10 of the error rate before FEC",
        "",
        "worst link at its worst corner",
        _tier("log10_ber"),
        ".2f",
    ),
    Quantity(
        "scale-out margin, dB",
        "margin, dB",
        "loss that could still be added; worst link, worst corner",
        _tier("margin_db"),
        ".2f",
    ),
    Quantity(
        "scale-out utilisation",
        "used",
        "payload over payload rate, mean over links and time",
        _tier("utilisation"),
        ".3%",
    ),
]
UNIT = [
    Quantity(
        "optical unit, signal over noise, dB",
        "SNR, dB",
        "of a product's output, Gaussian data",
        _unit("snr_db"),
        ".1f",
    ),
    Quantity(
        "optical unit, effective bits", "bits", "", _unit("effective_bits"), ".2f"
    ),
    Quantity(
        "optical unit, GFLOP per J",
        "GFLOP/J",
        "at full load",
        _unit("flop_per_j"),
        ",.0f",
        1e-9,
    ),
    Quantity(
        "optical unit, PFLOP/s",
        "PFLOP/s",
        "reloads included",
        _unit("flop_per_s"),
        ".2f",
        1e-15,
    ),
    Quantity(
        "optical unit, part of the step at work", "busy", "", _unit("busy"), ".0%"
    ),
    Quantity("optical unit, light of one mesh, W", "", "", _unit("laser_w"), ".2f"),
    Quantity(
        "optical unit, loss, dB",
        "",
        "source to detector, every lane at full scale",
        _unit("insertion_db"),
        ".1f",
    ),
    Quantity(
        "optical unit, area, cm²",
        "",
        "all meshes of one accelerator",
        _unit("area_m2"),
        ",.0f",
        1e4,
    ),
]
"""what only an optical matrix unit has"""


def comparison(result: Result) -> Table:
    """Figures of all variants: a column per variant, or a row where there is a sweep.

    Figures that no variant has are left out.
    """
    variants = result.variants

    def change(variant: VariantResult) -> Number | None:
        first = reference(variants, variant)
        if first is variant or not first.j_per_token or not variant.j_per_token:
            return None
        return variant.j_per_token / first.j_per_token - 1

    against = Quantity(
        "change against the first variant", "against first", "", change, "+.2%"
    )
    units = [q._replace(optional=True) for q in UNIT]
    shown = [
        q
        for q in (QUANTITIES[0], against, *QUANTITIES[1:], *units)
        if not q.optional or any(q.read(v) is not None for v in variants)
    ]
    swept = any(variant.point for variant in variants)
    title = result.title or result.experiment
    return (_by_task if swept else _by_variant)(title, shown, variants)


def _met(variant: VariantResult) -> Cell:
    return Cell("yes", True, "good") if variant.feasible else Cell("no", False, "bad")


def _by_variant(
    title: str, quantities: list[Quantity], variants: Sequence[VariantResult]
) -> Table:
    rows = [
        Row([Cell(q.label, note=q.note), *(q.cell(v) for v in variants)])
        for q in quantities
    ]
    met = Cell("meets all its limits", note="at the worst corner")
    rows.append(Row([met, *(_met(v) for v in variants)]))
    return Table(title, _columns(variants, ""), rows)


def _by_task(
    title: str, quantities: list[Quantity], variants: Sequence[VariantResult]
) -> Table:
    """One row per variant and point, those that are compared below each other."""
    several = len({v.workload for v in variants}) > 1
    short = [q for q in quantities if q.short]
    heads = [*(["workload"] if several else [])]
    heads += [*key_labels(variants[0].point or {}).values(), "variant"]
    rows = []
    for at in dict.fromkeys(place(v) for v in variants):
        own = [v for v in variants if place(v) == at]
        for v in own:
            names = [*([v.workload] if several else []), *(v.point or {}).values()]
            cells = [*(Cell(name) for name in [*names, v.name])]
            cells += [*(q.cell(v) for q in short), _met(v)]
            rows.append(Row(cells, ends_section=v is own[-1]))
    columns = [Column(head, "left") for head in heads]
    columns += [Column(q.short, note=f"{q.label}: {q.note}") for q in short]
    return Table(title, [*columns, Column("limits met")], rows)


def _columns(variants: Sequence[VariantResult], first: str) -> list[Column]:
    return [Column(first, "left"), *(Column(name) for name in labels(variants))]


def energy_by_cause(variants: Sequence[VariantResult]) -> Table:
    """J/token of every cause of the vocabulary."""
    joules = [v.energy_j_per_token for v in variants]
    title = "Energy per token by cause, mJ"
    return _by_cause(title, causes.ENERGY, joules, variants)


def step_time_by_cause(variants: Sequence[VariantResult]) -> Table:
    """Exposed time of every cause."""
    seconds = [v.time_s for v in variants]
    title = "Exposed time of a step by cause, ms"
    return _by_cause(title, causes.TIME, seconds, variants)


def _by_cause(
    title: str,
    names: Sequence[str],
    parts: Sequence[Mapping[str, float]],
    variants: Sequence[VariantResult],
) -> Table:
    """Thousandths of every cause, of which `parts` has those of each variant."""

    def cell(value: Number | None) -> Cell:
        if not value:
            return Cell(NONE if value is None else "0", value, "zero")
        return Cell(number(value, ".3f", 1e3), value)

    rows = [
        Row([Cell(cause_name(name), note=name), *(cell(p.get(name)) for p in parts)])
        for name in names
    ]
    return Table(title, _columns(variants, "cause"), rows)
