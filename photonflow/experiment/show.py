"""What `show` and `cite` print: tables for people, plain data for programs."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from ..cards import Library, Provenance
from ..cards.library import NONE
from ..cards.overrides import override, require_paths
from ..component import getter, params, quantities
from ..links.base import AbstractLink
from ..quantity import show
from ..report.details import sources as sources_table
from ..report.link_tables import link_tables
from ..report.table import Table, terminal, text_table
from .diagnosis import diagnose
from .link import solve_link, split
from .rows import sources
from .schema import Choices
from .study import Study
from .tasks import Task, tasks


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
    # What begins with a climate is no path into the card; `link` checks it.
    part = library.load(name)
    own = settings if not isinstance(part, AbstractLink) else split(settings)[0]
    found = override(part, own, library, "--set", origins=library.provenance(name))
    require_paths(own, found.used, found.tree)
    part = found.tree
    rows = values(part, found.origins)
    columns = ("path", "value", "range", "source", "kind")
    cells = [[str(row[column]) for column in columns] for row in rows]
    tables = [terminal(text_table(f"{name}: {card.about}", columns, cells))]
    below = cards_below(library, name)
    if below:
        pairs = [list(pair) for pair in below.items()]
        tables.append(terminal(text_table("Parts", ["path", "card"], pairs)))
    data: dict[str, Any] = {
        "name": name,
        "class": card.class_,
        "about": card.about,
        "parts": below,
        "values": rows,
    }
    if not isinstance(part, AbstractLink):
        return Shown(data, tables)
    result = diagnose(solve_link(name, settings, library))
    full = data | {
        "feasible": result.feasible,
        "budget": result.hops[0].model_dump(mode="json"),
        "drives": [drive.model_dump(mode="json") for drive in result.drives],
    }
    tables += link_tables(result)
    return Shown(full, tables, result.feasible, result.message or "")


def cards_below(library: Library, name: str, place: str = "") -> dict[str, str]:
    """The card of every part, by its path."""
    found = {}
    for part, card in library.card(name).parts.items():
        if card != "none":
            found[place + part] = card
            found |= cards_below(library, card, f"{place}{part}.")
    return found


def values(part: Any, origins: Mapping[str, Provenance]) -> list[dict[str, Any]]:
    """One row per number: value, unit, range and who said so."""
    rows = []
    for spec in params(part):
        origin = origins[spec.path]
        rows.append(
            {
                "path": spec.yaml_path,
                "value": show(spec.value, spec.unit),
                "si": float(spec.value),
                "unit": spec.unit,
                "range": f"{show(origin.low, spec.unit)} to "
                f"{show(origin.high, spec.unit)}",
                "source": origin.source,
                "kind": origin.kind,
                "doc": spec.doc,
                "note": origin.note,
            }
        )
    return rows


def show_experiment(study: Study) -> Shown:
    """Variants, cards and free parameters of an experiment."""
    settings = study.settings
    by_variant = {name: study.cards(name) for name in study.variants}
    tables = [_workloads(study), _cards(by_variant), _free(study)]
    data = {
        "experiment": settings.model_dump(mode="json"),
        "cards": by_variant,
        "free": {
            variant: [
                {"name": one.name, "paths": one.paths, "boxes": one.boxes}
                for one in study.free(variant)
            ]
            for variant in study.variants
            if study.groups(variant)
        },
        "choices": {
            variant: [
                {"paths": paths, "options": list(options)}
                for paths, options in found.items()
            ]
            for variant in study.variants
            if (found := study.choices(variant))
        },
    }
    if settings.sweep:
        listed = tasks(study)
        data["tasks"] = [{**t._asdict(), "point": dict(t.point)} for t in listed]
        tables.append(_tasks(listed, tuple(settings.sweep)))
    return Shown(data, [terminal(table) for table in tables])


def _workloads(study: Study) -> Table:
    rows = []
    for name in study.workloads:
        w = study.workload_file(name)
        layout = f"TP{w.layout.tensor} x PP{w.layout.pipeline} x DP{w.layout.data}"
        microbatches = f"{w.microbatches} x {w.microbatch}"
        rows.append([name, w.kind, w.model, layout, microbatches, w.tokens()])
    columns = ("workload", "kind", "model", "layout", "microbatches", "tokens")
    return text_table(study.settings.title or study.name, columns, rows)


def _cards(by_variant: Mapping[str, Mapping[str, str]]) -> Table:
    paths = dict.fromkeys(path for chosen in by_variant.values() for path in chosen)
    rows = [
        [path, *(chosen.get(path, "") for chosen in by_variant.values())]
        for path in paths
    ]
    return text_table("Cards", ["part", *by_variant], rows)


def _free(study: Study) -> Table:
    rows = []
    for variant in study.variants:
        specs = {spec.path: spec for spec in params(study.cluster(variant))}
        for one in study.free(variant):
            spec = specs[one.paths[0]]
            shown = ", ".join(
                f"{show(low, spec.unit)} to {show(high, spec.unit)}"
                for low, high in one.boxes
            )
            name = one.name or spec.yaml_path
            yaml_paths = [specs[path].yaml_path for path in one.paths]
            where = ", ".join(path.removesuffix(f".{name}") for path in yaml_paths)
            rows.append([variant, name, where, show(spec.value, spec.unit), shown])
        rows += _choices(study, variant)
    columns = ("variant", "parameter", "where", "from the card", "ranges or choices")
    return text_table("Free parameters", columns, rows)


def _choices(study: Study, variant: str) -> list[list[str]]:
    """Rows of what is tried one by one."""
    cluster, cards = study.cluster(variant), _all_cards(study, variant)
    numbers, rows = quantities(cluster), []
    for group in study.groups(variant):
        for path, given in group.parameters.items():
            if isinstance(given, Choices):
                full = f"{group.where[0]}.{path}"
                if full in numbers:
                    now = show(numbers[full].value, numbers[full].unit)
                else:
                    now = cards.get(full) or str(getter(full)(cluster))
                options = " or ".join(map(str, given.choices))
                rows.append([variant, path, ", ".join(group.where), now, options])
    return rows


def _all_cards(study: Study, variant: str) -> dict[str, str]:
    """Card of every part by its path, those of inner parts included."""
    found: dict[str, str] = {}
    cards = study.cards(variant)
    for path in sorted(cards, key=lambda path: path.count(".")):
        found = {k: v for k, v in found.items() if not k.startswith(f"{path}.")}
        found[path] = cards[path]
        if cards[path] != NONE:
            found |= cards_below(study.library, cards[path], f"{path}.")
    return found


def _tasks(listed: Sequence[Task], swept: tuple[str, ...]) -> Table:
    rows = [
        [str(number), task.workload, task.variant, *(value for _, value in task.point)]
        for number, task in enumerate(listed)
    ]
    columns = ("number", "workload", "variant", *swept)
    return text_table("Tasks, for --task", columns, rows)


def citations(study: Study) -> Shown:
    """Sources with the paths that rest on them, and estimates apart."""
    found = sources(study)
    seen: dict[str, dict[str, Any]] = {}
    for point, variant in itertools.product(study.points(), study.variants):
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
    estimates = text_table(
        "Estimates",
        ["path", "card", "why"],
        [(row["path"], row["card"], row["note"] or "") for row in once.values()],
    )
    data = {"sources": [row.model_dump() for row in found], "estimates": judged}
    return Shown(data, [terminal(sources_table(found)), terminal(estimates)])
