"""The Python interface: directives that mkdocstrings fills from the docstrings."""

import importlib
import inspect
import types
from typing import Any

import photonflow
from photonflow.cards.classes import PACKAGES
from photonflow.component import Component

from .markdown import page
from .rooms import PACKAGE, modules


ROOMS = (*PACKAGES, "timedomain", "search")


def pages() -> dict[str, str]:
    """Public names, and the classes that a new part derives from."""
    return {
        "reference/python.md": _public(),
        "reference/interfaces.md": _interfaces(),
    }


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
    return page(
        "# Python",
        """`import photonflow as pf` gives these names, and loads what is behind one
only when it is used. Anything else in the package is open to read and to use, but may
change without notice.""",
        *(
            f"::: {_path(value)}\n    options:\n      heading: pf.{name}\n"
            for name, value in public_names().items()
        ),
    )


def _path(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _interfaces() -> str:
    return page(
        "# Interfaces",
        """A new part subclasses one of these, and answers its abstract methods.
[How to add a part](../add-a-part.md) goes through one.""",
        *(f"::: {_path(cls)}" for cls in interfaces()),
    )


def interfaces() -> list[type]:
    """Every abstract class of component."""
    found = []
    for room in ROOMS:
        for path in modules(PACKAGE / room):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            module = importlib.import_module(name)
            found += [
                cls
                for cls in vars(module).values()
                if inspect.isclass(cls)
                and issubclass(cls, Component)
                and cls.__module__ == name
                and inspect.isabstract(cls)
            ]
    return found
