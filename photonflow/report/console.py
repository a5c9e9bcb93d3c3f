"""Results as tables in a terminal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from ..quantity import show
from ..result.schema import Result, VariantResult
from .labels import at_point, spoken
from .published import gaps


def comparison(result: Result) -> Table:
    """One column per variant, one row per figure."""
    table = Table(title=result.title or result.experiment, title_justify="left")
    table.add_column("")
    workloads = {v.workload for v in result.variants}
    for variant in result.variants:
        name = f"{variant.name}, {variant.workload}" if workloads else variant.name
        if len(workloads) == 1:
            name = variant.name
        table.add_column(name, justify="right")
    for title, read in ROWS:
        table.add_row(title, *(_read(read, variant) for variant in result.variants))
    units = [variant.matrix_unit for variant in result.variants]
    for title, read in UNIT if any(units) else []:
        table.add_row(title, *("-" if unit is None else read(unit) for unit in units))
    return table


def by_task(result: Result) -> Table:
    """One row per variant and point, variants of one point together."""
    table = Table(title=result.title or result.experiment, title_justify="left")
    keys = list(result.variants[0].point or {})
    several = len({v.workload for v in result.variants}) > 1
    for name in [*(["workload"] if several else []), *spoken(keys).values()]:
        table.add_column(name)
    table.add_column("variant")
    for title, _ in SHORT:
        table.add_column(title, justify="right")
    points = list(dict.fromkeys((v.workload, str(v.point)) for v in result.variants))
    for workload, point in points:
        at = (workload, point)
        rows = [v for v in result.variants if (v.workload, str(v.point)) == at]
        for v in rows:
            own = [*([v.workload] if several else []), *(v.point or {}).values()]
            told = (_read(read, v) for _, read in SHORT)
            table.add_row(*own, v.name, *told, end_section=v is rows[-1])
    return table


def _read(read: Any, variant: VariantResult) -> str:
    value = read(variant)
    return "-" if value is None else value


def _number(form: str, scale: float = 1.0) -> Any:
    return lambda x: None if x is None else format(x * scale, form)


def _out(variant: VariantResult) -> Any:
    return variant.links["scale_out"]


def _network(variant: VariantResult) -> str | None:
    if variant.j_per_token is None:
        return None
    parts = variant.energy_j_per_token.items()
    used = sum(joules for cause, joules in parts if cause.startswith("network."))
    return f"{used / variant.j_per_token:.1%}"


def _with_host(variant: VariantResult) -> str:
    hops = _out(variant).hops
    ends = [
        (hop.links_per_accelerator, end) for hop in hops for end in hop.ends.values()
    ]
    watts = sum(n * end.with_host_w["worst"] for n, end in ends)
    return f"{watts / sum(n for n, _ in ends):.2f}"


def _baseline(variant: VariantResult) -> str | None:
    base, now = variant.baseline_j_per_token, variant.j_per_token
    if base is None or now is None:
        return None
    return f"{base:.3f} ({now / base - 1:+.2%})"


ROWS: list[tuple[str, Any]] = [
    ("meets its limits", lambda v: "yes" if v.feasible else "NO"),
    ("J per token at the meter", lambda v: _number(".3f")(v.j_per_token)),
    ("  before the search", _baseline),
    ("tokens/s", lambda v: _number(",.0f")(v.tokens_per_s)),
    ("time of a step, ms", lambda v: _number(".2f", 1e3)(v.step_time_s)),
    ("power at the meter, MW", lambda v: _number(".3f", 1e-6)(v.power_w)),
    ("standing power", lambda v: _number(".1%")(v.static_share)),
    ("network's share of J/token", _network),
    (
        "scale-out, W per 1.6T end, module and laser*",
        lambda v: f"{_out(v).power_w_module_boundary:.2f}",
    ),
    ("  with the host's PHY*", _with_host),
    ("  pJ/bit at full load", lambda v: f"{_out(v).energy_j_per_bit * 1e12:.2f}"),
    (
        "  nJ per delivered bit",
        lambda v: _number(".2f", 1e9)(_out(v).energy_per_delivered_bit_j),
    ),
    ("  log10 BER before FEC*", lambda v: f"{_out(v).log10_ber:.2f}"),
    ("  optical margin, dB*", lambda v: f"{_out(v).margin_db:.2f}"),
    ("  utilisation", lambda v: f"{_out(v).utilisation:.3%}"),
    (
        "  share that the free parameters control",
        lambda v: _number(".2%")(v.controlled_share),
    ),
]
SHORT: list[tuple[str, Any]] = [
    ("limits met", ROWS[0][1]),
    ("J/token", lambda v: _number(".3f")(v.j_per_token)),
    ("before the search", _baseline),
    ("tokens/s", lambda v: _number(",.0f")(v.tokens_per_s)),
    ("MW", lambda v: _number(".3f", 1e-6)(v.power_w)),
    ("network's share", _network),
    ("W per end*", lambda v: f"{_out(v).power_w_module_boundary:.2f}"),
    ("margin, dB*", lambda v: f"{_out(v).margin_db:.2f}"),
    ("utilisation", lambda v: f"{_out(v).utilisation:.3%}"),
]
"""what a row of a sweep has room for"""
UNIT: list[tuple[str, Any]] = [
    ("optical unit, dB of signal over noise", lambda u: f"{u.snr_db:.1f}"),
    ("  effective bits", lambda u: f"{u.effective_bits:.2f}"),
    ("  pJ per operation, busy", lambda u: f"{1e12 / u.flop_per_j:.3f}"),
    ("  PFLOP/s reached", lambda u: f"{u.flop_per_s / 1e15:.2f}"),
    ("  part of the step at work", lambda u: f"{u.busy:.0%}"),
    ("  light of one mesh, W", lambda u: f"{u.laser_w:.2f}"),
    ("  loss from source to detector, dB", lambda u: f"{u.insertion_db:.1f}"),
    ("  all meshes of an accelerator, cm2", lambda u: f"{u.area_m2 * 1e4:,.0f}"),
]
"""rows that only a matrix unit has"""
NOTE = "* mean end (BER and margin: worst link) at the worst corner, end of life"


def show_result(console: Console, result: Result) -> None:
    """The table, the count of modules and the closing sentence."""
    swept = any(variant.point for variant in result.variants)
    console.print(by_task(result) if swept else comparison(result))
    console.print(NOTE, style="dim")
    for note in dict.fromkeys(v.ports.note for v in result.variants if v.ports):
        console.print(f"\nModules: {note}", highlight=False)
    console.print("\nAgainst published watts, vendor's boundary, worst corner:")
    # A point of a sweep that changes no link says the same as the others.
    for line in dict.fromkeys(line for v in result.variants for line in gaps(v)):
        console.print(f"  {line}", highlight=False)
    for variant in result.variants:
        for line in _searched(variant):
            console.print(line, highlight=False)
    if result.summary:
        console.print(f"\n{result.summary}", highlight=False)


def _searched(variant: VariantResult) -> Iterator[str]:
    """How the search of a variant went, and what holds its optimum."""
    search = variant.search
    if search is None:
        return
    arrived, agreeing = search.feasible_share or 0, search.agreeing_share or 0
    name = ", ".join([variant.name, *at_point(variant.point)])
    yield (
        f"\nSearch of {name}: {search.starts} starts; on the winning branch "
        f"{arrived:.0%} arrived and {agreeing:.0%} "
        f"agree within 0.5 % of the watts of an end; KKT residual {search.kkt or 0:.1e}"
    )
    for row in variant.constraints:
        if row.multiplier:
            worth = abs(row.multiplier) * 1e3
            yield (
                f"  {row.name} is at its limit {row.limit:.4g}: "
                f"{worth:.3g} mJ/token per {'unit' if row.unit == '1' else row.unit}"
            )
    for bound in search.bounds:
        worth = abs((bound.multiplier or 0) * bound.value) / 100 * 1e3
        yield (
            f"  {bound.name} is on its {bound.bound} bound, "
            f"{show(bound.value, bound.unit)}: {worth:.3g} mJ/token per 1 %"
        )


def sources_table(rows: list[dict[str, Any]]) -> Table:
    """Citations with what rests on them."""
    table = Table(title="Sources", title_justify="left", show_lines=False)
    for name in ("source", "kind", "citation", "used by"):
        table.add_column(name, overflow="fold")
    for row in rows:
        place = row.get("doi") or row.get("url") or ""
        table.add_row(
            row["key"], row["kind"], f"{row['cite']} {place}", _few(row["paths"])
        )
    return table


def estimates_table(rows: list[dict[str, Any]]) -> Table:
    """Numbers that are stated judgements."""
    table = Table(title="Estimates", title_justify="left")
    for name in ("path", "card", "why"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row["path"], row["card"], row["note"] or "")
    return table


def _few(paths: list[str], most: int = 3) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
