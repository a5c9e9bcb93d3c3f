"""What `show` and `cite` print: tables for people, plain data for programs."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
from rich.table import Table

from ..cards import Library, Provenance, apply
from ..component import getter, params
from ..links.base import AbstractLink, Conditions, LinkBudget
from ..links.optical import OpticalLink
from ..quantity import show
from ..report.console import estimates_table, sources_table
from ..report.rows import hop_row, waterfall
from ..report.sentence import why_infeasible
from ..search.drive import set_drive
from .rows import drive_row, sources
from .study import SETTING, Study
from .sweep import points
from .tasks import tasks


PLACE = "cpo-vs-pluggable"
"""shipped study in which a link is shown: its climates and lengths"""


@dataclasses.dataclass(frozen=True)
class Shown:
    """Something to print."""

    data: Any
    tables: list[Any]
    feasible: bool = True
    message: str = ""


def show_card(library: Library, name: str, settings: Mapping[str, str]) -> Shown:
    """A card with all its parts; a link also with its solved budget."""
    card = library.card(name)
    part = apply(library.load(name), settings)
    rows = values(part, library.provenance(name), settings)
    table = Table(title=f"{name}: {card.about}", title_justify="left")
    columns = ("path", "value", "range", "source", "kind")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    data: dict[str, Any] = {
        "name": name,
        "class": card.class_,
        "about": card.about,
        "values": rows,
    }
    if not isinstance(part, AbstractLink):
        return Shown(data, [table])
    return _with_budget(data, table, part, library)


def values(
    part: Any, origins: Mapping[str, Provenance], settings: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One row per number: value, unit, range and who said so."""
    rows = []
    for spec in params(part):
        origin = origins[spec.path]
        changed = spec.yaml_path in settings
        rows.append(
            {
                "path": spec.yaml_path,
                "value": show(spec.value, spec.unit),
                "si": float(spec.value),
                "unit": spec.unit,
                "range": f"{show(origin.low, spec.unit)} to "
                f"{show(origin.high, spec.unit)}",
                "source": SETTING if changed else origin.source,
                "kind": SETTING if changed else origin.kind,
                "doc": spec.doc,
                "note": origin.note,
            }
        )
    return rows


def show_experiment(study: Study) -> Shown:
    """Variants, cards and free parameters of an experiment."""
    settings = study.settings
    title = settings.title or study.name
    workloads = Table(title=title, title_justify="left")
    for column in ("workload", "kind", "model", "layout", "microbatches", "tokens"):
        workloads.add_column(column)
    for name in study.workloads:
        w = study.workload_file(name)
        layout = f"TP{w.layout.tensor} x PP{w.layout.pipeline} x DP{w.layout.data}"
        workloads.add_row(
            name,
            w.kind,
            w.model,
            layout,
            f"{w.microbatches} x {w.microbatch}",
            w.tokens(),
        )
    cards = Table(title="Cards", title_justify="left")
    cards.add_column("part")
    for name in study.variants:
        cards.add_column(name)
    by_variant = {name: study.cards(name) for name in study.variants}
    for path in dict.fromkeys(p for chosen in by_variant.values() for p in chosen):
        cards.add_row(path, *(by_variant[v].get(path, "") for v in study.variants))
    free = Table(title="Free parameters", title_justify="left")
    for column in ("variant", "parameter", "from the card", "ranges"):
        free.add_column(column)
    for variant in study.variants:
        where, ranges = study.space(variant)
        specs = {spec.path: spec for spec in params(study.cluster(variant))}
        for path, branches in ranges.items():
            spec = specs[f"{where[0]}.{path}"]
            told = ", ".join(
                f"{show(low, spec.unit)} to {show(high, spec.unit)}"
                for low, high in branches
            )
            free.add_row(variant, path, show(spec.value, spec.unit), told)
    data = {
        "experiment": settings.model_dump(mode="json"),
        "cards": by_variant,
        "free": {
            variant: {"where": list(where), "ranges": ranges}
            for variant in study.variants
            for where, ranges in [study.space(variant)]
            if ranges
        },
    }
    if not settings.sweep:
        return Shown(data, [workloads, cards, free])
    numbered = Table(title="Tasks, for --task", title_justify="left")
    numbered.add_column("number", justify="right")
    for column in ("workload", "variant", *settings.sweep):
        numbered.add_column(column)
    listed = tasks(study)
    for number, task in enumerate(listed):
        at = (value for _, value in task.point)
        numbered.add_row(str(number), task.workload, task.variant, *at)
    data["tasks"] = [{**t._asdict(), "point": dict(t.point)} for t in listed]
    return Shown(data, [workloads, cards, free, numbered])


def citations(study: Study) -> Shown:
    """Sources with the paths that rest on them, and estimates apart."""
    found = sources(study)
    seen: dict[str, dict[str, Any]] = {}
    for point, variant in itertools.product(points(study), study.variants):
        for path, origin in study.at(point).provenance(variant).items():
            if origin.estimate:
                row = {"path": path, "card": origin.card, "note": origin.note}
                new = {**row, "low": origin.low, "high": origin.high, "variants": []}
                names = seen.setdefault(f"{path} {origin.card}", new)["variants"]
                if variant not in names:
                    names.append(variant)
    judged = list(seen.values())
    # A path differs between places where one card is used; people read the card.
    once = {(row["card"], row["path"].split(".")[-1]): row for row in judged}
    tables = [sources_table(found), estimates_table(list(once.values()))]
    return Shown({"sources": found, "estimates": judged}, tables)


@dataclasses.dataclass(frozen=True)
class Solved:
    """A link in a place of the shipped study, with the lasers it needs there."""

    place: str
    length_m: float
    drives: list[Any]
    worst: LinkBudget
    nominal: LinkBudget


def solve(link: AbstractLink, library: Library) -> Solved:
    """Laser currents at the worst corner, then the budget there and at nominal."""
    cluster = Study(PLACE, library=library).cluster("pluggable")
    optical = isinstance(link, OpticalLink)
    place = "scale_out.host_link" if optical else "scale_up.link"
    cluster = eqx.tree_at(getter(place), cluster, link)
    drives = []
    if optical:
        ends = [f"{place}.end_a", f"{place}.end_b"]
        cluster, drives = set_drive(cluster, ends)
    tier, name = place.split(".")
    hop = getattr(cluster, tier).hops()[name]
    worst, nominal = (
        _budget(hop.link, climate.at(hop.length_m))
        for climate in (cluster.worst, cluster.nominal)
    )
    return Solved(place, float(hop.length_m), drives, worst, nominal)


@eqx.filter_jit
def _budget(link: AbstractLink, at: Conditions) -> LinkBudget:
    return link.budget(at)


def _with_budget(
    data: dict[str, Any], table: Table, link: AbstractLink, library: Library
) -> Shown:
    solved = solve(link, library)
    ways = {"a to b": solved.worst.a_to_b, "b to a": solved.worst.b_to_a}
    budget = Table(
        title=f"Worst corner, as {solved.place} of {PLACE} ({solved.length_m:g} m)",
        title_justify="left",
    )
    budget.add_column("")
    for way in ways:
        budget.add_column(way, justify="right")
    stages = waterfall(solved.worst.a_to_b)
    for name in stages:
        unit = "dBm" if name == "laser" else "dB"
        told = [f"{float(d.budget_db[name]):.2f}" for d in ways.values()]
        budget.add_row(f"{name}, {unit}", *told)
    if "laser" in stages:
        received = [sum(waterfall(d).values()) for d in ways.values()]
        budget.add_row("received OMA, dBm", *(f"{x:.2f}" for x in received))
    for title, read in (
        ("log10 BER before FEC", lambda d: f"{float(d.log10_ber):.2f}"),
        ("margin, dB", lambda d: f"{float(d.margin_db):.2f}"),
        ("largest noise", lambda d: max(d.noise_share, key=d.noise_share.get)),
    ):
        budget.add_row(title, *(read(d) for d in ways.values()))

    row = hop_row(
        solved.place.split(".")[1], data["name"], 1.0, 1.0, solved.nominal, solved.worst
    )
    watts = Table(title="Watts of an end, nominal", title_justify="left")
    for column in ("cause", "paid by", "end a", "end b"):
        watts.add_column(column, justify="right" if "end" in column else "left")
    a, b = row.ends["a"], row.ends["b"]
    for cause, box in a.boundary.items():
        if a.power_w[cause] or b.power_w[cause]:
            pair = (f"{end.power_w[cause]:.3f}" for end in (a, b))
            watts.add_row(cause, box, *pair)
    for title, read in (
        ("vendor's boundary, worst corner", lambda e: e.vendor_w["worst"]),
        ("with the host, worst corner", lambda e: e.with_host_w["worst"]),
    ):
        watts.add_row(title, "", *(f"{read(end):.2f}" for end in (a, b)))

    told = [drive_row(drive) for drive in solved.drives]
    lasers = Table(title="Laser currents", title_justify="left")
    for column in ("end", "current", "set by", "limiting noise"):
        lasers.add_column(column)
    for drive in told:
        lasers.add_row(
            drive.path.split(".")[2],
            show(drive.amps, "A"),
            drive.binding,
            drive.limiting or "",
        )
    feasible = all(drive.reachable for drive in told)
    full = {
        **data,
        "feasible": feasible,
        "budget": row.model_dump(mode="json"),
        "drives": [drive.model_dump(mode="json") for drive in told],
    }
    tables = [table, budget, watts, *([lasers] if told else [])]
    return Shown(full, tables, feasible, "" if feasible else why_infeasible([], told))
