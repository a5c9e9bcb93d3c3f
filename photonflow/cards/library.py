"""Cards to components: finding, checking, building, and who said each number."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import component
from ..component import Component
from ..quantity import InputError
from .classes import accepts, check_static, component_classes, fields, required
from .schema import CAUSES, ESTIMATE, Card, Source, check, read_yaml
from .values import Provenance, complete, number, require_name


SOURCES = "sources.yaml"
NONE = "none"
"""as a part: the optional field stays empty"""


class Citations(NamedTuple):
    """What cards rest on, as plain rows."""

    sources: list[dict[str, Any]]
    """`key, cite, url, doi, kind, note` and the `paths` that rest on it"""
    estimates: list[dict[str, Any]]
    """`path, card, source, low, high, note` of every number that is one"""


def card_root() -> Path:
    """Folder of the shipped cards: package data in a wheel, else the repository."""
    package = Path(__file__).parents[1]
    data = package / "_data"
    return data if data.is_dir() else package.parent


class Library:
    """The cards of some folders; where two have a card of one name, the first wins.

    A folder either has `devices/` and `topologies/` in it, as the repository has, or is
    itself the top of a tree of cards with its own `sources.yaml`. Each file is read
    when first needed and then kept: after an edit, make a new library.
    """

    def __init__(
        self,
        roots: Sequence[Path | str] | None = None,
        registry: Mapping[str, type[Component]] | None = None,
    ):
        self.roots = [card_root()] if roots is None else [Path(root) for root in roots]
        self._registry = registry
        self._cards: dict[str, Card] = {}
        self._built: dict[str, tuple[Component, dict[str, Provenance]]] = {}

    @classmethod
    def with_folders(cls, *folders: Path | str) -> "Library":
        """The shipped cards with a user's `folders` before them."""
        return cls([*folders, card_root()])

    # `Any`: which class it is stands in the card, where no type checker looks.
    def load(self, name: str) -> Any:
        """The component that the card `name` describes, with all its parts."""
        return self._build(name)[0]

    def provenance(self, name: str) -> dict[str, Provenance]:
        """Origin of every number of the component `name`, by dotted Python path."""
        return dict(self._build(name)[1])

    def names(self, kind: str | None = None) -> list[str]:
        """Names of all cards, or of those in the folder `kind`, as `lasers`."""
        if kind is not None:
            require_name(kind, self.kinds(), what="kind of card")
        found = (n for n, p in self._files.items() if kind in (None, p.parent.name))
        return sorted(found)

    def add_file(self, path: Path) -> str:
        """Name of the card in the file `path`, put before all of the same name."""
        if path.suffix != ".yaml":
            raise InputError("a card, `NAME.yaml`", got=str(path), key="CARD")
        self._files[path.stem] = path
        return path.stem

    def kinds(self) -> list[str]:
        """Names of the folders in which the cards lie."""
        return sorted({path.parent.name for path in self._files.values()})

    def label(self, name: str) -> str:
        """How messages call the file of the card `name`."""
        return self._label(self._files[name])

    def card(self, name: str) -> Card:
        """The card itself: checked in its shape, but not yet against its class."""
        if name not in self._cards:
            require_name(name, self._files, what="card")
            path, label = self._files[name], self.label(name)
            card = check(Card, read_yaml(path, label), label)
            if card.name != name:
                raise InputError(
                    f"'{name}', the name of the file",
                    got=card.name,
                    key="name",
                    file=label,
                )
            for cause in card.counts:
                require_name(cause, CAUSES, key="counts", file=label, what="cause")
            self._cards[name] = card
        return self._cards[name]

    def source(self, key: str) -> Source:
        """The row of `sources.yaml` under `key`."""
        home = " of a `sources.yaml` in a folder of cards"
        require_name(key, self._sources, what="source", home=home)
        return self._sources[key]

    def cite(self, *names: str) -> Citations:
        """Sources and estimates that the cards `names` and all their parts rest on.

        Paths are those of `provenance`; with several names, each after its card's name.
        """
        rows: dict[str, dict[str, Any]] = {}
        estimates = []
        for name in names:
            for origin in self.provenance(name).values():
                path = origin.path if len(names) == 1 else f"{name}.{origin.path}"
                if origin.estimate:
                    columns = ("card", "source", "low", "high", "note")
                    row = {column: getattr(origin, column) for column in columns}
                    estimates.append({"path": path, **row})
                if origin.source != ESTIMATE:
                    key = origin.source
                    new = {"key": key, **self.source(key).model_dump(), "paths": []}
                    rows.setdefault(key, new)["paths"].append(path)
        return Citations([rows[key] for key in sorted(rows)], estimates)

    @functools.cached_property
    def _files(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for root in self.roots:
            if not root.is_dir():
                raise InputError("a folder of cards", got=str(root))
            here: dict[str, Path] = {}
            for path in _yaml_files(root):
                if path.name == SOURCES:
                    continue
                if path.stem in here:
                    raise InputError(
                        "one card of a name",
                        problem=f"{self._label(here[path.stem])} has the same name",
                        file=self._label(path),
                    )
                here[path.stem] = path
            files = here | files
        return files

    @functools.cached_property
    def _sources(self) -> dict[str, Source]:
        sources: dict[str, Source] = {}
        for root in self.roots:
            for path in _yaml_files(root):
                if path.name != SOURCES:
                    continue
                label = self._label(path)
                rows = read_yaml(path, label) or {}
                if not isinstance(rows, dict):
                    raise InputError("keys with their sources", got=rows, file=label)
                for key, row in rows.items():
                    if key == ESTIMATE:
                        problem = "a reserved word, it means that there is no source"
                        raise InputError(problem=problem, key=key, file=label)
                    try:
                        sources.setdefault(key, check(Source, row, label))
                    except InputError as error:
                        error.key = f"{key}.{error.key}" if error.key else key
                        raise
        return sources

    def _label(self, path: Path) -> str:
        root = card_root()
        return str(path.relative_to(root) if path.is_relative_to(root) else path)

    def _build(
        self, name: str, chain: tuple[str, ...] = ()
    ) -> tuple[Component, dict[str, Provenance]]:
        component.require_x64("pf.load")
        if name in self._built:
            return self._built[name]
        card = self.card(name)
        file = self.label(name)
        cls = self._class(card, file)
        quantities, static, parts = fields(cls)

        values: dict[str, Any] = {}
        origins: dict[str, Provenance] = {}
        for key in card.values:
            require_name(key, quantities, key="values", file=file, what="quantity")
        complete(card.values, quantities, key="values", file=file)
        for key, spec in quantities.items():
            values[spec.path], origins[spec.path] = number(
                card.values[key], spec, self._sources, card=name, key=key, file=file
            )
        for key, value in card.static.items():
            require_name(key, static, key="static", file=file, what="static field")
            check_static(value, static[key].type, key=f"static.{key}", file=file)
            values[key] = value
        complete(card.static, required(static), key="static", file=file)
        for key, part in card.parts.items():
            require_name(key, parts, key="parts", file=file, what="part")
            values[key] = self._part(part, parts[key], (*chain, name), file)
            for path, origin in self._built.get(part, (None, {}))[1].items():
                path = f"{key}.{path}"
                origins[path] = dataclasses.replace(origin, path=path)
        complete(card.parts, required(parts), key="parts", file=file)
        if card.class_.endswith("Port"):
            self._count_once(card, file)

        try:
            built = cls(**values)
        except ValueError as error:  # a check that the class makes itself
            raise InputError(problem=str(error), file=file) from error
        if card.override:
            built = self._override(built, origins, card, file)
        self._built[name] = built, origins
        return built, origins

    def _class(self, card: Card, file: str) -> type[Component]:
        classes = component_classes() if self._registry is None else self._registry
        require_name(card.class_, classes, key="class", file=file, what="class")
        return classes[card.class_]

    def _part(
        self, name: str, field: Any, chain: tuple[str, ...], file: str
    ) -> Component | None:
        classes, optional = accepts(field.type)
        key = f"parts.{field.name}"
        if name == NONE and optional:
            return None
        if name != NONE:
            require_name(name, self._files, key=key, file=file, what="card")
        if name in chain:
            problem = f"a part contains itself: {' > '.join([*chain, name])}"
            raise InputError(problem=problem, key=key, file=file)
        part = None if name == NONE else self._build(name, chain)[0]
        if part is None or (classes and not isinstance(part, classes)):
            is_a = "" if part is None else f", which is a {type(part).__name__}"
            names = " or ".join(cls.__name__ for cls in classes)
            raise InputError(
                f"a card of class {names}" if names else "a card",
                got=name,
                problem=f"got '{name}'{is_a}",
                key=key,
                file=file,
            )
        return part

    def _override(
        self, built: Component, origins: dict[str, Provenance], card: Card, file: str
    ) -> Component:
        specs = {p.yaml_path: p for p in component.params(built) if "." in p.path}
        new = {}
        for path, value in card.override.items():
            require_name(
                path, specs, key="override", file=file, what="path into the parts"
            )
            spec = specs[path]
            key = f"override.{path}"
            new[spec.path], origins[spec.path] = number(
                value, spec, self._sources, card=card.name, key=key, file=file
            )
        return component.replace(built, new)

    def _count_once(self, card: Card, file: str) -> None:
        """Within one port no two cards may count the same watts."""
        seen: dict[str, str] = {}
        for who, counted in self._counts(card):
            for cause in counted:
                if cause in seen:
                    raise InputError(
                        "each cause once within a port",
                        problem=f"`{cause}` is counted by {seen[cause]} and by {who}",
                        key="counts",
                        file=file,
                    )
                seen[cause] = who

    def _counts(
        self, card: Card, path: str = ""
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Place and causes of a card and of every card below it."""
        yield f"{path or 'the port'} ({card.name})", card.counts
        for key, part in card.parts.items():
            if part != NONE:
                yield from self._counts(
                    self.card(part), f"{path}.{key}" if path else key
                )


def load(name: str) -> Any:
    """The component of the shipped card `name`; a `Library` knows other folders."""
    return Library().load(name)


def provenance(name: str) -> dict[str, Provenance]:
    """Origin of every number of the shipped card `name`, by dotted Python path."""
    return Library().provenance(name)


def cite(*names: str) -> Citations:
    """Sources and estimates that the shipped cards `names` rest on."""
    return Library().cite(*names)


def _yaml_files(root: Path) -> list[Path]:
    tops = [root / "devices", root / "topologies"]
    tops = [folder for folder in tops if folder.is_dir()]
    if not tops and root != card_root():
        tops = [root]
    return sorted(path for top in tops for path in top.rglob("*.yaml"))
