"""The classes that cards can name, and what each of them asks of a card.

A class of a user's own needs no entry anywhere: any concrete `Component` that has been
imported can be named in a card. A script imports it and loads cards; from a shell,

    python -c "import my_parts, photonflow.cli as p; p.app()" link my-link --cards DIR

runs the command line with it. No card and no experiment ever imports code.
"""

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from ..component import DECLARED, Component, Param
from ..quantity import InputError


PACKAGES = ("devices", "signal", "links", "compute", "cluster")


@functools.cache
def registry() -> dict[str, type[Component]]:
    """Every concrete class of component in the package, by name."""
    top = __name__.split(".")[0]
    found: dict[str, type[Component]] = {}
    for name in PACKAGES:
        package = importlib.import_module(f"{top}.{name}")
        inside = pkgutil.walk_packages(package.__path__, f"{top}.{name}.")
        for module in [package, *(importlib.import_module(i.name) for i in inside)]:
            for cls in filter(_concrete, vars(module).values()):
                if cls.__module__ == module.__name__:
                    other = found.setdefault(cls.__name__, cls)
                    assert other is cls, f"two classes are called {cls.__name__}"
    return found


def component_classes() -> dict[str, type[Component]]:
    """Those of the package and all others imported so far, by name.

    Of two that a user gives one name the later counts, as in a notebook whose cell is
    run again.
    """
    shipped = registry()
    found = dict(shipped)
    for cls in filter(_concrete, _below(Component)):
        name = cls.__name__
        if not _of_package(cls):
            if name in shipped:
                raise InputError(
                    "a name of its own",
                    got=f"{cls.__module__}.{name}",
                    problem=f"`{name}` is a class of photonflow",
                )
            found[name] = cls
    return found


def _below(cls: type) -> Iterator[type]:
    """Every subclass, in order of definition at each level."""
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)


def _of_package(cls: type) -> bool:
    return cls.__module__.split(".")[0] == __name__.split(".")[0]


def _concrete(thing: Any) -> bool:
    return (
        isinstance(thing, type)
        and issubclass(thing, Component)
        and not inspect.isabstract(thing)
        and not thing.__name__.startswith(("Abstract", "_"))
    )


def fields(cls: type) -> tuple[dict[str, Param], dict[str, Any], dict[str, Any]]:
    """Quantities by YAML name, static fields and parts by Python name."""
    quantities, static, parts = {}, {}, {}
    for field in dataclasses.fields(cls):
        if "unit" in field.metadata:
            declared = {key: field.metadata[key] for key in DECLARED}
            spec = Param(field.name, None, **declared)
            quantities[spec.yaml_path] = spec
        elif field.init:
            kind = static if field.metadata.get("static") else parts
            kind[field.name] = field
    return quantities, static, parts


def required(fields: dict[str, Any]) -> list[str]:
    """Names of the fields that have no default."""
    return [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]


def accepts(annotation: Any) -> tuple[tuple[type, ...], bool]:
    """Classes that a field may hold, and whether it may be empty."""
    union = get_origin(annotation) in (Union, types.UnionType)
    options = get_args(annotation) if union else (annotation,)
    classes = [o for o in options if isinstance(o, type) and o is not types.NoneType]
    return tuple(classes), types.NoneType in options


def check_static(value: Any, annotation: Any, *, key: str, file: str) -> None:
    """Raise unless `value` fits a static field of the type `annotation`."""
    if get_origin(annotation) is Literal:
        options = get_args(annotation)
        # 4.0 and 4 are equal, and so are True and 1.
        fits = any(type(value) is type(o) and value == o for o in options)
        allowed = f"one of {', '.join(map(str, options))}"
    elif annotation in (int, str, bool):
        fits, allowed = (
            type(value) is annotation,
            f"a value of type {annotation.__name__}",
        )
    else:
        return
    if not fits:
        raise InputError(allowed, got=value, key=key, file=file)
