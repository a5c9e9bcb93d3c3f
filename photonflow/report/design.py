"""Tables of what was decided, and how its search went."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..result.schema import LaserDriveRow, VariantResult
from ..result.search_schema import BoundRow, BranchRow, YieldRow
from ..units import SUFFIX
from .labels import NONE, Number, interval, number, quantity, si, unit_of
from .table import Cell, Column, Row, Table


def design(variant: VariantResult) -> Table:
    """Everything that was decided, once where several ends share one value."""
    search = variant.search
    box = next((b.box for b in search.branches if b.won), {}) if search else {}
    tried = _options(search.branches) if search and search.branches else {}
    active = {row.name: row for row in search.bounds} if search else {}
    names = search.variables if search else {}
    drives = {drive.path: drive for drive in variant.drives}
    rows: dict[tuple[Cell, ...], list[str]] = {}
    for path, value in variant.design.items():
        # A drive that was solved for may bear the name of one that was searched.
        variable = names.get(path, "")
        bounds = None if path in drives else box.get(variable)
        origin = variant.provenance.get(path)
        low, high = bounds or ((origin.low, origin.high) if origin else (None, None))
        bound = at_bound(value, low, high)
        if bounds:
            bound += _worth_of_bound(active.get(variable))
        decided, span = _drive(drives.get(path)), interval(low, high, unit_of(path))
        if bounds:
            decided = "search"
        elif path not in drives and (options := of_path(tried, path)):
            decided, span, bound = "choice", options, NONE
        end, name = split(path)
        cells = (
            Cell(name, code=True),
            Cell(si(variant.baseline_design.get(path), path)),
            Cell(si(value, path)),
            Cell(span),
            Cell(bound, mark="active" if "bound" in bound else ""),
            Cell(decided),
        )
        rows.setdefault(cells, []).append(end)
    for path, option in _parts_chosen(variant).items():
        end, name = split(path)
        texts = NONE, option, tried[path], NONE, "choice"
        rows.setdefault((Cell(name, code=True), *map(Cell, texts)), []).append(end)
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
    return table if variant.baseline_design else _without(table, 1)


def _options(branches: Sequence[BranchRow]) -> dict[str, str]:
    """All that was tried at each path, in words."""
    return {
        path: " or ".join(dict.fromkeys(row.choices[path] for row in branches))
        for path in branches[0].choices
    }


def _parts_chosen(variant: VariantResult) -> dict[str, str]:
    """Option taken by path, of what is no number of the design."""
    found = variant.search.branches if variant.search else []
    chosen = next((row.choices for row in found if row.won), {})
    return {
        path: option
        for path, option in chosen.items()
        if not any(of_path({path: True}, number) for number in variant.design)
    }


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
        f"{search.message}. {search.starts} starts, {search.evaluations} designs. Of "
        f"the starts on the branch that was taken, "
        f"{number(search.feasible_share, '.0%')} ended with all limits met and "
        f"{number(search.agreeing_share, '.0%')} within 0.1 % of the best."
    )
    if search.relax:
        short = ", ".join(f"{n} ({number(s, '.3g')})" for n, s in search.relax.items())
        text += f" Short by: {short}."
    if search.outside:
        text += f" No free parameter moves {', '.join(search.outside)}."
    text = text[0].upper() + text[1:]
    return f"{text} {_yield_text(variant.fabrication)}".rstrip()


def _yield_text(row: YieldRow | None) -> str:
    """What made a design robust, and what that costs."""
    if row is None:
        return ""
    search = f"{row.link}; {row.draws} draws in the search: {row.message}"
    if not row.taken:
        return (
            f"No design was taken for a yield of {row.wanted:.0%} of lane pairs "
            f"({search}): this is the optimum as drawn, of which "
            f"{row.as_drawn.kept:.1%} of {row.judged:,} fresh lane pairs keep all "
            f"limits."
        )
    more = 100 * (row.robust.mean_w / row.as_drawn.mean_w - 1)
    return (
        f"For a yield of {row.wanted:.0%} of lane pairs the design then moved off its "
        f"limits: {row.robust.kept:.1%} of {row.judged:,} fresh lane pairs keep them, "
        f"of the optimum as drawn {row.as_drawn.kept:.1%}, for {number(more, '.1f')} % "
        f"more watts a link ({search}). {links_text(row)}"
    ).rstrip()


def links_text(row: YieldRow) -> str:
    """What a yield of lane pairs is in links; empty in results of old."""
    if row.lanes is None:
        return ""
    return (
        f"If the {row.lanes} lanes of a link were independent, "
        f"{number(row.robust.link_share, '.1%')} of links would keep them all, of the "
        f"optimum as drawn {number(row.as_drawn.link_share, '.1%')}."
    )


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
                            [f"{k} = {v}" for k, v in row.choices.items()]
                            + [
                                f"{n} {interval(*row.box[n], units.get(n, '1'))}"
                                for n in differ
                            ]
                        )
                    ),
                    Cell(
                        number(row.j_per_token, ".4f")
                        if row.j_per_token is not None
                        else "not found"
                    ),
                    Cell(number(row.watts, ".3f")),
                    Cell(number(row.feasible_share, ".0%")),
                    Cell(number(row.agreeing_share, ".0%")),
                    Cell("taken" if row.won else ""),
                ]
            )
            for row in rows
        ],
    )


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
