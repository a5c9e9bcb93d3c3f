"""The tables behind a result: what limits it, what it depends on and rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..limits import TOLERANCE, met
from ..result.schema import (
    ConstraintRow,
    EstimateRow,
    PublishedRow,
    Result,
    SourceRow,
    VariantResult,
)
from .labels import (
    NONE,
    Number,
    constraint_name,
    interval,
    minus,
    number,
    quantity,
    switch_link,
    unit_of,
)
from .table import Cell, Column, Row, Table


NOTHING_J = 1e-9
"""J/token that are not worth a sentence: what a search leaves of an inactive limit"""
STATES = {"missed": "bad", "at its limit": "active", "met": ""}
"""state of a limit -> mark of its cell"""
STEPS = {
    "dB": (1.0, "1 dB"),
    "dBm": (1.0, "1 dB"),
    "s": (1e-6, "1 µs"),
    "W": (1.0, "1 W"),
    "V": (0.1, "0.1 V"),
    "A": (1e-3, "1 mA"),
    "1": (0.1, "0.1"),
}


def limits(variant: VariantResult, only_active: bool = False) -> Table:
    """Every limit: what is missed first, then what is active, then the rest."""
    rows = []
    for row in sorted(variant.constraints, key=lambda row: row.slack):
        name = constraint_name(row.name) + (", log10" if row.unit == "log10" else "")
        cells = [
            Cell(name, note=row.name),
            Cell(_limit_value(row.value, row.unit)),
            Cell(_limit_value(row.limit, row.unit)),
            Cell(number(_clean(row.slack), ".3g")),
            Cell(state(row), mark=STATES[state(row)]),
            Cell(worth(row)),
        ]
        if not only_active or state(row) != "met":
            rows.append(Row(cells))
    states = [state(row) for row in variant.constraints]
    return Table(
        f"{len(states)} limits, {states.count('missed')} missed, "
        f"{states.count('at its limit')} active",
        [
            Column("limit", "left"),
            Column("value"),
            Column("limit"),
            Column("slack"),
            Column("state", "left"),
            Column("worth", "left"),
        ],
        rows,
    )


def state(row: ConstraintRow) -> str:
    """Whether a limit is missed, active or has room."""
    if not met(row.slack):
        return "missed"
    return "at its limit" if row.slack <= TOLERANCE else "met"


def worth(row: ConstraintRow) -> str:
    """What moving a limit saves, from its multiplier."""
    slope = row.multiplier
    if slope is None:
        return NONE
    if abs(slope) < NOTHING_J:
        return "relaxing it is worth nothing"
    # A relative reserve moves in tenths, an error rate in decades.
    step = 0.1 if row.unit == "1" else 1.0
    unit = {"1": "0.1", "log10": "one decade"}.get(row.unit, f"1 {row.unit}")
    way = "lowering" if slope > 0 else "raising"
    return (
        f"{way} the limit by {unit} saves {quantity(abs(slope) * step, 'J')} per token"
    )


def _limit_value(value: Number, unit: str) -> str:
    text = number(_clean(value))
    return text if unit in ("1", "log10") else f"{text} {unit}"


def _clean(value: Number) -> Number:
    """Without the 1e-16 that a solver leaves of a zero."""
    return 0.0 if abs(value) < 1e-9 else value


def sensitivities(variant: VariantResult) -> Table:
    """What J/token depends on most; the workload is the question, no assumption."""
    rows = _elasticities(variant, variant.elasticities, 15) + _slopes(variant)
    return _sensitivities("", rows)


def estimated_sensitivities(variant: VariantResult) -> Table:
    """The largest among estimates: what to look up or measure first."""
    own = {p: e for p, e in variant.elasticities.items() if _estimated(variant, p)}
    title = "The largest among estimates: what to measure or look up first"
    return _sensitivities(title, _elasticities(variant, own, 10))


def _sensitivities(title: str, rows: list[Row]) -> Table:
    columns = [
        Column("parameter", "left"),
        Column("elasticity"),
        Column("effect", "left"),
        Column("", "left"),
    ]
    return Table(title, columns, rows)


def _elasticities(
    variant: VariantResult, values: Mapping[str, float], most: int
) -> list[Row]:
    rows = [(p, e) for p, e in values.items() if not p.startswith("workload.")]
    rows.sort(key=lambda row: -abs(row[1]))
    return [
        _sensitivity(variant, path, number(slope, "+.4f"), "10 %", slope * 10)
        for path, slope in rows[:most]
    ]


def _slopes(variant: VariantResult, most: int = 5) -> list[Row]:
    """The same for what has no elasticity, being in dB or perhaps 0."""
    rows = []
    for path, slope in variant.slopes.items():
        step, text = STEPS.get(unit_of(path), (0.0, ""))
        if (effect := 100 * slope * step) and not path.startswith("workload."):
            rows.append((abs(effect), _sensitivity(variant, path, NONE, text, effect)))
    return [row for _, row in sorted(rows, key=lambda row: -row[0])[:most]]


def _sensitivity(
    variant: VariantResult, path: str, elasticity: str, step: str, per_cent: float
) -> Row:
    effect = f"{step} more of it: {minus(format(per_cent, '+.2g'))} % J/token"
    mark = "tag" if _estimated(variant, path) else ""
    estimate = Cell("estimate" if mark else "", mark=mark)
    return Row([Cell(path, code=True), Cell(elasticity), Cell(effect), estimate])


def _estimated(variant: VariantResult, path: str) -> bool:
    origin = variant.provenance.get(path)
    return origin is not None and origin.estimate


def ports(variants: Sequence[VariantResult]) -> list[str]:
    """How many modules, and why a vendor counts others; once where all agree."""
    return list(dict.fromkeys(v.ports.note for v in variants if v.ports))


def published(result: Result) -> Table | None:
    """Computed and published watts of an end of the links between switches."""
    rows = {}
    for variant in result.variants:
        hop = switch_link(variant)
        for claim in result.published:
            if hop is None or hop.technology not in claim.links:
                continue
            low_w, high_w = claim.watts(hop.rate_bps)
            ours = hop.ends["a"].vendor_w["worst"]
            gap_w = ours - min(max(ours, low_w), high_w)
            cells = [
                Cell(hop.technology, note=claim.technology, code=True),
                Cell(number(ours, ".1f"), ours),
                Cell(published_text(claim, hop.rate_bps)),
                Cell(number(gap_w, "+.1f") if gap_w else "inside", gap_w),
                Cell(claim.note if gap_w else ""),
            ]
            # Points of a sweep that change no link have the same row.
            rows[tuple(cell.text for cell in cells)] = Row(cells)
    columns = [
        Column("link", "left"),
        Column("computed, W"),
        Column("published, W"),
        Column("gap, W"),
        Column("what the gap may come from", "left"),
    ]
    title = "One end as vendors count it, worst corner"
    return Table(title, columns, list(rows.values())) if rows else None


def published_text(claim: PublishedRow, rate_bps: float) -> str:
    """Watts of a claim at the payload of a link."""
    watts = "–".join(dict.fromkeys(f"{w:g}" for w in claim.watts(rate_bps)))
    scaled = rate_bps != claim.rate_bps
    return watts + (f" (from {claim.rate_bps / 1e9:g}G)" if scaled else "")


def sources(rows: Sequence[SourceRow]) -> Table:
    """Citations with what rests on them."""
    return Table(
        "Sources",
        [Column(name, "left") for name in ("source", "kind", "citation", "used by")],
        [
            Row(
                [
                    Cell(row.key, code=True),
                    Cell(row.kind),
                    Cell(
                        row.cite,
                        note=f"doi:{row.doi}" if row.doi else row.url or "",
                        url=f"https://doi.org/{row.doi}" if row.doi else row.url or "",
                    ),
                    Cell("", many=tuple(row.paths), many_label="number"),
                ]
            )
            for row in rows
        ],
    )


def estimates(variants: Sequence[VariantResult]) -> Table:
    """Stated judgements, most watts first; one row for all uses of a card's number."""
    groups: dict[tuple[Any, ...], list[tuple[str, EstimateRow]]] = {}
    for variant in variants:
        for row in variant.estimates:
            key = row.card, row.path.rsplit(".", 1)[-1], row.value, row.note
            groups.setdefault(key, []).append((variant.name, row))
    found = sorted(
        groups.values(), key=lambda uses: -abs(_largest(uses, "with_host_w"))
    )
    return Table(
        "Estimates",
        [
            Column("parameter", "left"),
            Column("card", "left"),
            Column("value"),
            Column("range"),
            Column("W, vendor"),
            Column("W, with host"),
            Column("elasticity"),
        ],
        [_estimate(uses) for uses in found],
    )


def _estimate(uses: list[tuple[str, EstimateRow]]) -> Row:
    row = uses[0][1]
    # A sweep has the same place at every point.
    places = dict.fromkeys(f"{variant}: {use.path}" for variant, use in uses)
    known = any(use.elasticity is not None for _, use in uses)
    elasticity = _largest(uses, "elasticity") if known else None
    return Row(
        [
            Cell(
                row.path.rsplit(".", 1)[-1],
                note=row.note or NONE,
                code=True,
                many=tuple(places),
                many_label="place",
            ),
            Cell(row.card, code=True),
            Cell(quantity(row.value, row.unit)),
            Cell(interval(row.low, row.high, row.unit)),
            Cell(number(_largest(uses, "vendor_w"), ".3g")),
            Cell(number(_largest(uses, "with_host_w"), ".3g")),
            Cell(number(elasticity, "+.4f")),
        ]
    )


def _largest(uses: list[tuple[str, EstimateRow]], field: str) -> Number:
    """The number furthest from 0; a card may be in many places."""
    return max((getattr(use, field) or 0.0 for _, use in uses), key=abs)
