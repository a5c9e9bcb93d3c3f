"""The Python interface: directives that mkdocstrings fills from the docstrings."""

import importlib
import inspect
import types
from typing import Any

import photonflow
from photonflow.cards.classes import PACKAGES
from photonflow.component import Component

from .markdown import code, page, summary, table
from .rooms import PACKAGE, modules


ROOMS = (*PACKAGES, "timedomain", "search")


def pages() -> dict[str, str]:
    """Public names, and what every module of physics says, interfaces first."""
    return {
        "reference/python.md": _public(),
        "reference/models/index.md": _interfaces(),
        **{_place(room): _room(room) for room in ROOMS},
    }


def titles() -> list[dict[str, str]]:
    """The pages on models as entries of the navigation."""
    rooms = [{room: _place(room)} for room in ROOMS]
    return [{"Interfaces": "reference/models/index.md"}, *rooms]


def _place(room: str) -> str:
    return f"reference/models/{room}.md"


def public_names() -> dict[str, object]:
    """Every public name and what it is, those of public packages with a dot in them."""
    found = {}
    for name in (*photonflow._HOME, *photonflow._ROOMS):
        value = getattr(photonflow, name)
        if isinstance(value, types.ModuleType):
            found |= {f"{name}.{inner}": getattr(value, inner) for inner in value._HOME}
        else:
            found[name] = value
    return found


def _public() -> str:
    # The same objects are on the pages of their packages: links go there.
    options = "    options:\n      skip_local_inventory: true\n      heading: pf."
    return page(
        "# Python",
        """`import photonflow as pf` gives these names, and loads what is behind one
only when it is used. Anything else in the package is open to read and to use, but may
change without notice.""",
        *(
            f"::: {_path(value)}\n{options}{name}\n"
            for name, value in public_names().items()
        ),
    )


def _path(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _interfaces() -> str:
    rows = [
        (
            f"[{code(cls.__name__)}]({cls.__module__.split('.')[1]}.md#{_path(cls)})",
            summary(cls.__doc__),
        )
        for cls in interfaces()
    ]
    return page(
        "# Models and interfaces",
        """The pages of this chapter show what every module says of its physics:
equations, where they are from, and what they leave out, and below it the functions and
classes. A new part derives from one of the abstract classes and answers its abstract
methods; [Contributing](../../contributing.md) goes through one.""",
        table(("interface", "what it is"), rows),
    )


def interfaces() -> list[type]:
    """Every abstract class of component."""
    return [
        thing
        for module in modules_of_physics()
        for thing in vars(module).values()
        if inspect.isabstract(thing)
        and issubclass(thing, Component)
        and thing.__module__ == module.__name__
    ]


def modules_of_physics() -> list[types.ModuleType]:
    """Every module of the rooms, imported."""
    found = []
    for room in ROOMS:
        for path in modules(PACKAGE / room):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            found.append(importlib.import_module(name))
    return found


def _room(room: str) -> str:
    options = ("show_submodules: true", "show_root_heading: false")
    lines = "".join(f"      {option}\n" for option in options)
    return page(f"# {room}", f"::: photonflow.{room}\n    options:\n{lines}")
