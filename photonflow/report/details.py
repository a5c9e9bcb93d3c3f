"""The tables behind a result: what was decided, what limits it and what it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..limits import TOLERANCE, met
from ..result.schema import (
    BoundRow,
    ConstraintRow,
    EstimateRow,
    LaserDriveRow,
    PublishedRow,
    SourceRow,
    VariantResult,
)
from ..units import SUFFIX
from .labels import (
    NONE,
    Number,
    constraint_name,
    minus,
    number,
    quantity,
    si,
    unit_of,
)
from .table import Cell, Column, Row, Table


NOTHING_J = 1e-9
"""J/token that are not worth a sentence: what a search leaves of an inactive limit"""
STATES = {"missed": "bad", "at its limit": "active", "met": ""}
"""state of a limit -> mark of its cell"""


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


def design(variant: VariantResult) -> Table:
    """Everything that was decided, once where several ends share one value."""
    search = variant.search
    box = next((b.box for b in search.branches if b.won), {}) if search else {}
    active = {row.name: row for row in search.bounds} if search else {}
    drives = {drive.path: drive for drive in variant.drives}
    rows: dict[tuple[Cell, ...], list[str]] = {}
    for path, value in variant.design.items():
        # A drive that was solved for may bear the name of one that was searched.
        bounds = None if path in drives else of_path(box, path)
        origin = variant.provenance.get(path)
        low, high = bounds or ((origin.low, origin.high) if origin else (None, None))
        bound = at_bound(value, low, high)
        if bounds:
            bound += _worth_of_bound(of_path(active, path))
        end, name = split(path)
        cells = (
            Cell(name, code=True),
            Cell(si(variant.baseline_design.get(path), path)),
            Cell(si(value, path)),
            Cell(_range(low, high, unit_of(path))),
            Cell(bound, mark="active" if "bound" in bound else ""),
            Cell("search" if bounds else _drive(drives.get(path))),
        )
        rows.setdefault(cells, []).append(end)
    table = Table(
        "Design",
        [
            Column("parameter", "left"),
            Column("before the search"),
            Column("optimum" if search else "value"),
            Column("bounds"),
            Column("at a bound?", "left"),
            Column("decided by", "left"),
        ],
        [
            Row([cells[0]._replace(note=", ".join(filter(None, ends))), *cells[1:]])
            for cells, ends in rows.items()
        ],
    )
    return table if search else _without(table, 1)


def _without(table: Table, column: int) -> Table:
    """`table` without one of its columns."""

    def rest(values: Sequence[Any]) -> list[Any]:
        return [value for i, value in enumerate(values) if i != column]

    rows = [row._replace(cells=rest(row.cells)) for row in table.rows]
    return table._replace(columns=rest(table.columns), rows=rows)


def of_path(values: Mapping[str, Any], path: str) -> Any:
    """The entry for `path`; names may lack what is above a part, and the unit."""
    unit = SUFFIX[unit_of(path)]
    short = path.removesuffix(f"_{unit}") if unit else path
    for name, value in values.items():
        if any(p == name or p.endswith(f".{name}") for p in (path, short)):
            return value
    return None


def _worth_of_bound(bound: BoundRow | None) -> str:
    if bound is None or bound.multiplier is None:
        return ""
    joules = abs(bound.multiplier * bound.value) / 100
    return f"; 1 % further would save {quantity(joules, 'J')} per token"


def search_text(variant: VariantResult) -> str:
    """How the search of a variant went; empty without one."""
    search = variant.search
    if search is None:
        return ""
    text = (
        f"{search.starts} starts. Of those on the branch that was taken, "
        f"{number(search.feasible_share, '.0%')} ended with all limits met and "
        f"{number(search.agreeing_share, '.0%')} within 0.5 % of the best in watts of "
        f"one link end. KKT residual {number(search.kkt, '.1e')}."
    )
    if search.relax:
        short = ", ".join(f"{n} ({number(s, '.3g')})" for n, s in search.relax.items())
        text += f" No start met all limits. Short by: {short}."
    return text


def branches(variant: VariantResult) -> Table | None:
    """Boxes of a search that differ, such as the two signs of a detuning."""
    rows = variant.search.branches if variant.search else []
    if len(rows) < 2:
        return None
    differ = [n for n in rows[0].box if any(r.box[n] != rows[0].box[n] for r in rows)]
    units = {
        name: unit_of(path)
        for name in differ
        for path in variant.design
        if of_path({name: True}, path)
    }
    return Table(
        "Every branch was searched by itself",
        [
            Column("branch", "left"),
            Column("J/token"),
            Column("W of one free end"),
            Column("met all limits"),
            Column("near the best"),
            Column("", "left"),
        ],
        [
            Row(
                [
                    Cell(
                        "; ".join(
                            f"{name} {_range(*row.box[name], units.get(name, '1'))}"
                            for name in differ
                        )
                    ),
                    Cell(number(row.j_per_token, ".4f")),
                    Cell(number(row.watts, ".3f")),
                    Cell(number(row.feasible_share, ".0%")),
                    Cell(number(row.agreeing_share, ".0%")),
                    Cell("taken" if row.won else ""),
                ]
            )
            for row in rows
        ],
    )


def _range(low: Number | None, high: Number | None, unit: str) -> str:
    if low is None or high is None:
        return NONE
    return f"{quantity(low, unit)} to {quantity(high, unit)}"


def split(path: str) -> tuple[str, str]:
    """The end of a link and what is in it, as far as `path` leads into one."""
    words = path.split(".")
    ends = [i for i, word in enumerate(words[:-1]) if word in ("end_a", "end_b")]
    cut = ends[0] + 1 if ends else 0
    return ".".join(words[:cut]), ".".join(words[cut:])


def at_bound(value: Number, low: Number | None, high: Number | None) -> str:
    """Which end of its range a value sits at, within 1e-4 of the range."""
    if low is None or high is None:
        return NONE
    near = 1e-4 * (high - low)
    if value <= low + near:
        return "lower bound"
    return "upper bound" if value >= high - near else "no"


def _drive(drive: LaserDriveRow | None) -> str:
    if drive is None:
        return NONE
    if drive.reachable:
        return f"solved for at the worst corner; set by {drive.binding}"
    short = drive.shortfall_db
    by = "" if short is None else f" by {short:.2f} dB"
    return f"cannot reach its error rate{by}"


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


STEPS = {
    "dB": (1.0, "1 dB"),
    "dBm": (1.0, "1 dB"),
    "s": (1e-6, "1 µs"),
    "W": (1.0, "1 W"),
    "V": (0.1, "0.1 V"),
    "A": (1e-3, "1 mA"),
    "1": (0.1, "0.1"),
}


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


def published_gaps(
    variants: Sequence[VariantResult], published: Sequence[PublishedRow]
) -> list[str]:
    """Computed and published watts of the switch links, one line per variant.

    A point of a sweep that changes no link says the same as the others, once.
    """
    lines = (line for v in variants for line in _gaps(v, published))
    return list(dict.fromkeys(lines))


def _gaps(variant: VariantResult, published: Sequence[PublishedRow]) -> Iterator[str]:
    tier = variant.links.get("scale_out")
    for hop in tier.hops if tier is not None else []:
        for claim in published:
            if hop.name != "switch_link" or hop.technology not in claim.links:
                continue
            low_w, high_w = claim.watts(hop.rate_bps)
            ours = hop.ends["a"].vendor_w["worst"]
            text = published_text(claim, hop.rate_bps)
            line = f"{variant.name}: {ours:.1f} W per end, {text}"
            if low_w <= ours <= high_w:
                yield f"{line}: inside"
                continue
            gap_w = ours - (low_w if ours < low_w else high_w)
            yield f"{line}: {gap_w:+.1f} W. Candidates: {claim.note}"


def published_text(claim: PublishedRow, rate_bps: float) -> str:
    """Watts of a claim at the payload of a link."""
    watts = "–".join(dict.fromkeys(f"{w:g}" for w in claim.watts(rate_bps)))
    scaled = rate_bps != claim.rate_bps
    rest = f" (scaled from {claim.rate_bps / 1e9:g}G)" if scaled else ""
    return f"published {watts} W{rest}"


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
            Cell(_range(row.low, row.high, row.unit)),
            Cell(number(_largest(uses, "vendor_w"), ".3f")),
            Cell(number(_largest(uses, "with_host_w"), ".3f")),
            Cell(number(elasticity, "+.4f")),
        ]
    )


def _largest(uses: list[tuple[str, EstimateRow]], field: str) -> Number:
    """The number furthest from 0; a card may be in many places."""
    return max((getattr(use, field) or 0.0 for _, use in uses), key=abs)
