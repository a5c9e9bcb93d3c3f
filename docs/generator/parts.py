"""Cards and their classes: a page for every kind of part, and one of the sources."""

import inspect
from collections.abc import Iterator
from typing import Any

from photonflow.cards import Library, card_root, read_yaml, registry
from photonflow.cards.classes import accepts, fields
from photonflow.cards.library import SOURCES
from photonflow.cards.schema import ESTIMATE, Card, Value
from photonflow.quantity import show

from .markdown import code, page, plain, summary, table


FOLDER = "reference/cards"
WITHOUT_CARDS = "without-cards"


def pages(library: Library) -> dict[str, str]:
    """Path below `docs/` and text of every page on cards."""
    kinds = {kind: _by_class(library, kind) for kind in library.kinds()}
    # Page of every card and of every class.
    homes = dict.fromkeys(registry(), WITHOUT_CARDS)
    for kind, classes in kinds.items():
        for name, cards in classes.items():
            homes |= dict.fromkeys([name, *cards], kind)
    found = {
        f"{FOLDER}/{kind}.md": _kind(library, kind, classes, homes)
        for kind, classes in kinds.items()
    }
    found[f"{FOLDER}/{WITHOUT_CARDS}.md"] = _without_cards(kinds, homes)
    found[f"{FOLDER}/index.md"] = _index(kinds)
    found[f"{FOLDER}/sources.md"] = _sources(library)
    return found


def titles(library: Library) -> list[dict[str, str]]:
    """The same pages as entries of the navigation."""
    kinds = [{_title(kind): f"{FOLDER}/{kind}.md"} for kind in library.kinds()]
    return [
        {"How to read these pages": f"{FOLDER}/index.md"},
        *kinds,
        {"Classes without cards": f"{FOLDER}/{WITHOUT_CARDS}.md"},
        {"Sources": f"{FOLDER}/sources.md"},
    ]


def _title(kind: str) -> str:
    special = {"fec": "Forward error correction", "nics": "Network adapters"}
    return special.get(kind, kind.replace("_", " ").capitalize())


def _by_class(library: Library, kind: str) -> dict[str, list[str]]:
    """Names of the cards of a kind, by class."""
    classes: dict[str, list[str]] = {}
    for name in library.names(kind):
        classes.setdefault(library.card(name).class_, []).append(name)
    return dict(sorted(classes.items()))


def _index(kinds: dict[str, dict[str, list[str]]]) -> str:
    rows = [
        (
            f"[{_title(kind)}]({kind}.md)",
            ", ".join(f"[{code(name)}]({kind}.md#{name})" for name in classes),
            str(sum(map(len, classes.values()))),
        )
        for kind, classes in kinds.items()
    ]
    return page(
        "# Cards and their parameters",
        """A *card* is a YAML file that describes one part: the class that models it, a
number with unit and source for each of its quantities, and the cards of the parts in
it. Each of the following pages shows the classes of one folder of `devices/` or
`topologies/`, made from their declarations, and the cards that are shipped. Every class
has its equations, the references they are from, and what it leaves out.""",
        table(("kind", "classes", "cards"), rows),
        "## How to read the tables",
        """*Quantity* is the name in a card, in `free` of an experiment and in `--set`;
*in Python* is the same quantity, an SI float whose name ends in its unit. *Valid* is
where the model holds: a value outside is refused. The *range* of a value is narrower,
and says what that one part spans; a search may move inside it. A *source* is a key of
[`devices/sources.yaml`](sources.md), or `estimate`, which is a stated judgement and
always has a note and a range.""",
    )


def _kind(
    library: Library, kind: str, classes: dict[str, list[str]], homes: dict[str, str]
) -> str:
    known = registry()
    head = [
        f"# {_title(kind)}",
        table(
            ("class", "what it is", "cards"),
            (
                (f"[{code(name)}](#{name})", summary(known[name].__doc__), str(len(c)))
                for name, c in classes.items()
            ),
        ),
    ]
    body = []
    for name, cards in classes.items():
        body += _class(known[name], homes)
        body += [f"### Cards of this class {{#{name}-cards}}"]
        for card in cards:
            body += _card(library.card(card), known[name], homes)
    return page(*head, *body)


def _without_cards(
    kinds: dict[str, dict[str, list[str]]], homes: dict[str, str]
) -> str:
    used = {name for classes in kinds.values() for name in classes}
    rest = {name: cls for name, cls in sorted(registry().items()) if name not in used}
    return page(
        "# Classes without cards",
        """No card names these classes. They are put together from an experiment: the
cluster, the workloads that run on it, the shapes of models, and the conditions in which
a link is solved.""",
        *(block for cls in rest.values() for block in _class(cls, homes)),
    )


def _class(cls: type, homes: dict[str, str]) -> Iterator[str]:
    """Heading, docstring and declared fields of a class."""
    quantities, static, parts = fields(cls)
    yield f"## {cls.__name__} {{#{cls.__name__}}}"
    yield code(f"{cls.__module__}.{cls.__name__}")
    yield inspect.getdoc(cls) or ""
    yield table(
        ("quantity", "in Python", "unit", "meaning", "valid from", "to"),
        (
            (
                code(name),
                code(spec.path),
                plain(spec.unit),
                plain(spec.doc),
                plain(show(spec.low, spec.unit)),
                plain(show(spec.high, spec.unit)),
            )
            for name, spec in quantities.items()
        ),
    )
    yield table(
        ("part", "takes", "may be left out"),
        ((code(name), *_takes(field.type, homes)) for name, field in parts.items()),
    )
    yield table(
        ("setting", "type", "default"),
        (
            (code(name), code(_type(field.type)), _default(field.default))
            for name, field in static.items()
        ),
    )


def _takes(annotation: Any, homes: dict[str, str]) -> tuple[str, str]:
    """Classes whose cards a field may name, and whether it may name none."""
    classes, optional = accepts(annotation)
    names = [
        _link(name, homes)
        for name, cls in sorted(registry().items())
        if issubclass(cls, classes)
    ]
    may = "yes, as `none`" if optional else "no"
    return ", ".join(names) or code(_type(annotation)), may


def _type(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation).replace(
        "typing.", ""
    )


def _default(value: Any) -> str:
    return code(value) if isinstance(value, (bool, int, str)) else ""


def _card(card: Card, cls: type, homes: dict[str, str]) -> Iterator[str]:
    yield f"#### {card.name} {{#{card.name}}}"
    paid = (
        "" if card.boundary == "none" else f" Its watts are paid by: {card.boundary}."
    )
    yield f"{plain(card.about)}.{paid}".replace("..", ".")
    yield table(
        ("quantity", "value", "range", "source", "note"),
        (_value(name, value) for name, value in _in_order(card, cls)),
    )
    links = [
        f"{code(field)}: {_link(part, homes)}" for field, part in card.parts.items()
    ]
    settings = [f"{code(key)}: {code(value)}" for key, value in card.static.items()]
    if links:
        yield f"Parts: {', '.join(links)}."
    if settings:
        yield f"Settings: {', '.join(settings)}."


def _in_order(card: Card, cls: type) -> list[tuple[str, Value]]:
    """Values as the class declares them, then those that replace a part's own."""
    order = list(fields(cls)[0])
    own = sorted(card.values.items(), key=lambda item: order.index(item[0]))
    return [*own, *card.override.items()]


def _value(name: str, value: Value) -> tuple[str, ...]:
    source = plain(value.source)
    if value.source != ESTIMATE:
        source = f"[{source}](sources.md#{value.source})"
    spread = f" ± {value.spread}" if value.spread else ""
    return (
        code(name),
        plain(value.value + spread),
        plain(" to ".join(value.range)) if value.range else "",
        source,
        plain(value.note or ""),
    )


def _link(name: str, homes: dict[str, str]) -> str:
    """To a card or a class; `none` is neither."""
    return f"[{code(name)}]({homes[name]}.md#{name})" if name in homes else code(name)


def _sources(library: Library) -> str:
    rows = []
    for key in sorted(read_yaml(card_root() / "devices" / SOURCES)):
        source = library.source(key)
        doi = f"https://doi.org/{source.doi}" if source.doi else None
        where = source.url or doi
        rows.append(
            (
                f'<span id="{key}"></span>{code(key)}',
                f"[{plain(source.cite)}]({where})" if where else plain(source.cite),
                source.kind,
                source.level or "",
                plain(source.note or ""),
            )
        )
    return page(
        "# Sources",
        f"""Everything that the numbers of the cards rest on, as `devices/{SOURCES}`
lists it. *Kind* says how good a source is, *level* whether its watts are those of one
part or of a whole module. `photonflow cite EXPERIMENT` prints those of one study.""",
        table(("key", "citation", "kind", "level", "note"), rows),
    )
