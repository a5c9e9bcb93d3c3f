"""Changing what cards say: whole parts, static fields, quantities, by dotted path.

`--set`, `variants.*.set`, a sweep and `pf.replace` all come here. A path is written
with or without its unit (`gap`, `gap_m`). Parts go first, the outer before the inner,
so that a quantity may be one of a part that has just been put in.
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

from .. import component
from ..component import Component, params, parts, put, quantities, static_fields
from ..quantity import InputError
from .classes import accepts, check_static
from .library import NONE, Library
from .values import Provenance, read, require_name


SETTING = "setting"
"""as a source: whoever changed the number says so"""


class Overridden(NamedTuple):
    """A component after changes, and where its numbers come from now."""

    tree: Any
    origins: dict[str, Provenance]
    used: dict[str, str]
    """path as it was given -> card, where a part was put in; else an empty text"""


def override(
    tree: Any,
    settings: Mapping[str, Any],
    library: Library,
    owner: str = "",
    *,
    file: Any = "--set",
    origins: Mapping[str, Provenance] | None = None,
) -> Overridden:
    """`tree` with those of `settings` that are paths in it.

    A value is the name of a card for a part, a string with its unit or an SI number for
    a quantity, else what the static field takes. `owner` is who changes, for the
    `origins` of what is changed; `file` names where the settings come from.
    """
    now = dict(origins or {})
    used: dict[str, str] = {}
    for path in sorted(settings, key=lambda path: path.count(".")):
        if path in (places := parts(tree)):
            card, part = _part(settings[path], places[path], library, path, file)
            tree = _put(tree, path, part, file)
            now = {k: v for k, v in now.items() if not k.startswith(f"{path}.")}
            if isinstance(card, str) and card != NONE:
                now |= below(path, library.provenance(card))
            used[path] = card or NONE
    for path, field in static_fields(tree).items():
        if path in settings:
            value = _static(settings[path], field, path, file)
            tree = _put(tree, path, value, file)
            used[path] = ""
    values = {}
    for given, spec in quantities(tree).items():
        if given in settings:
            if spec.path in values:
                problem = f"`{spec.yaml_path}` and `{spec.path}` are one quantity"
                raise InputError("one of them", problem=problem, key=given, file=file)
            value = read(settings[given], spec, key=given, file=file, bare=True)
            values[spec.path] = value
            used[given] = ""
            if spec.path in now:
                now[spec.path] = dataclasses.replace(
                    now[spec.path], card=owner, source=SETTING, kind=SETTING,
                    estimate=False,
                )  # fmt: skip
    tree = component.replace(tree, values) if values else tree
    return Overridden(tree, now, used)


def require_paths(
    given: Collection[str], used: Collection[str], tree: Any, file: Any = "--set"
) -> None:
    """Raise for the first of `given` that was not `used`: it is no path in `tree`."""
    names = {spec.yaml_path for spec in params(tree)}
    names |= set(parts(tree)) | set(static_fields(tree))
    for path in given:
        if path not in used:
            require_name(path, names, key=path, file=file, what="path of a quantity")


def apply(tree: Any, settings: Mapping[str, Any], file: Any = "--set") -> Any:
    """A copy of `tree` with shipped cards, fields and quantities set, all by path."""
    return changed(tree, settings, Library(), file)


def changed(
    tree: Any, settings: Mapping[str, Any], library: Library, file: Any = "--set"
) -> Any:
    """`override` of paths that all have to be there."""
    if not settings:
        return tree
    found = override(tree, settings, library, file=file)
    require_paths(settings, found.used, found.tree, file)
    return found.tree


def replace(tree: Any, values: Mapping[str, Any]) -> Any:
    """A copy of `tree` with what is at dotted paths replaced.

    A number at a quantity is in SI and may be traced, so its range is not checked; a
    string has its unit (`"150 nm"`) and is. A part takes a component or the name of a
    shipped card, a static field such as `pam` its value. Paths are written with or
    without the unit (`gap`, `gap_m`). InputError, with the nearest names, where a path
    or a card does not exist.
    """
    names = quantities(tree)
    numbers = {
        names[path].path: value
        for path, value in values.items()
        if path in names and not isinstance(value, str)
    }
    rest = {path: value for path, value in values.items() if path not in names}
    rest |= {p: x for p, x in values.items() if p in names and isinstance(x, str)}
    if not rest:
        return component.replace(tree, numbers)
    whole, late = {}, {}
    for path, value in rest.items():
        (whole if path in names or not _inside(path, rest) else late)[path] = value
    tree = changed(tree, whole, Library(), "replace")
    tree = replace(tree, late) if late else tree
    return component.replace(tree, numbers) if numbers else tree


def _inside(path: str, others: Collection[str]) -> bool:
    return any(path.startswith(f"{other}.") for other in others)


def below(prefix: str, origins: Mapping[str, Provenance]) -> dict[str, Provenance]:
    """Provenance of a card as provenance of a part."""
    moved = ((f"{prefix}.{path}", origin) for path, origin in origins.items())
    return {path: dataclasses.replace(origin, path=path) for path, origin in moved}


def _put(tree: Any, path: str, value: Any, file: Any) -> Any:
    try:
        return put(tree, path, value)
    except ValueError as error:  # a check that a class makes itself
        raise InputError(problem=str(error), key=path, file=file) from error


def _part(
    value: Any, field: dataclasses.Field, library: Library, key: str, file: Any
) -> tuple[str | None, Component | None]:
    """Card and component that are to stand in `field`."""
    classes, optional = accepts(field.type)
    if optional and value in (NONE, None):
        return NONE, None
    card = None
    if not isinstance(value, Component):
        card = str(value)
        require_name(card, library.names(), key=key, file=file, what="card")
        value = library.load(card)
    if classes and not isinstance(value, classes):
        wanted = " or ".join(cls.__name__ for cls in classes)
        raise InputError(
            f"a card of class {wanted}",
            problem=f"got '{card or value}', which is a {type(value).__name__}",
            key=key,
            file=file,
        )
    return card, value


def _static(value: Any, field: dataclasses.Field, key: str, file: Any) -> Any:
    """A static field's value, from text where it was given as such."""
    kind: Any = field.type
    options = get_args(kind) if get_origin(kind) is Literal else ()
    if isinstance(value, str) and (kind is int or {*map(type, options)} == {int}):
        value = int(value) if value.lstrip("-").isdecimal() else value
    if isinstance(value, str) and kind is bool:
        value = {"true": True, "false": False}.get(value.lower(), value)
    check_static(value, kind, key=key, file=file)
    return value
