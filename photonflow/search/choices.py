"""What no slope reaches: parts, static fields and integers, chosen one by one."""

import difflib
import itertools
import math
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import numpy as np

from ..component import (
    Component,
    params,
    parts,
    put,
    quantities,
    replace,
    static_fields,
)


CHOICES_MOST = 256


def combinations(
    component: Any, choices: Mapping[Any, Any], free: Iterable[str] = ()
) -> list[tuple[dict[str, str], Any]]:
    """Every combination of options, label by path, and the component that has them.

    `choices` is a path, or a tuple of paths -> options, or label -> option; what is
    `free` cannot be chosen as well.
    """
    options = {
        (paths,) if isinstance(paths, str) else tuple(paths): _labelled(paths, given)
        for paths, given in choices.items()
    }
    forms = quantities(component)
    moved = {forms[path].path for path in free if path in forms}
    for path in itertools.chain(*options):
        if path in forms and forms[path].path in moved:
            raise ValueError(f"`{path}` is both free and a choice")
    # A part first, and then what is in it.
    options = dict(sorted(options.items(), key=lambda item: item[0][0].count(".")))
    named = [forms[p].path if p in forms else p for p in itertools.chain(*options)]
    for path in named:
        if named.count(path) > 1:
            raise ValueError(f"`{path}` is chosen twice")
    number = math.prod(map(len, options.values()))
    if number > CHOICES_MOST:
        raise ValueError(f"{number} combinations of choices, {CHOICES_MOST} at most")
    found = []
    for labels in itertools.product(*options.values()):
        taken, chosen = {}, component
        for (paths, given), label in zip(options.items(), labels, strict=True):
            for path in paths:
                taken[path] = label
                chosen = choose(chosen, path, given[label])
        found.append((taken, chosen))
    return found


def _labelled(path: Any, options: Any) -> dict[str, Any]:
    """The options of a choice by their labels."""
    if isinstance(options, Mapping):
        found = {str(label): option for label, option in options.items()}
    elif isinstance(options, Iterable) and not isinstance(options, str):
        options = list(options)
        found = {_label(option, i): option for i, option in enumerate(options)}
    else:
        raise ValueError(f"choice `{path}`: a list of options, or label -> option")
    if not found:
        raise ValueError(f"choice `{path}`: at least one option")
    return found


def _label(option: Any, number: int) -> str:
    if isinstance(option, Component):
        return f"{type(option).__name__} {number + 1}"
    return str(option)


def choose(tree: Any, path: str, option: Any) -> Any:
    """A copy of `tree` with `option` at `path`: a part, a static field or a number.

    ValueError where nothing of that name is there, or the option does not fit.
    """
    numbers = quantities(tree)
    if path in numbers:
        p = numbers[path]
        if isinstance(option, bool) or not isinstance(option, int | float | np.number):
            raise ValueError(f"`{path}`: a number in {p.unit}, not {option!r}")
        if not p.low <= option <= p.high:
            raise ValueError(
                f"`{path}`: {option:g} {p.unit} leaves [{p.low:g}, {p.high:g}], where "
                "the model is valid"
            )
        if p.whole and not float(option).is_integer():
            raise ValueError(f"`{path}`: a whole number, not {option:g}")
        return replace(tree, {p.path: option})
    fields = parts(tree) | static_fields(tree)
    if path not in fields:
        raise ValueError(_no_such(tree, path))
    _fits(fields[path], path, option)
    return put(tree, path, option)


def _fits(field: Any, path: str, option: Any) -> None:
    """Raise ValueError unless `option` may stand in `field`."""
    kind = field.type
    if field.metadata.get("static"):
        if get_origin(kind) is Literal:
            if option not in get_args(kind):
                allowed = ", ".join(map(str, get_args(kind)))
                raise ValueError(f"`{path}`: one of {allowed}, not {option!r}")
        elif isinstance(kind, type) and type(option) is not kind:
            raise ValueError(
                f"`{path}`: a value of type {kind.__name__}, not {option!r}"
            )
    elif isinstance(kind, type | types.UnionType) and not isinstance(option, kind):
        wanted = getattr(kind, "__name__", str(kind))
        card = "; a card is loaded by `pf.load`" if isinstance(option, str) else ""
        raise ValueError(f"`{path}`: a {wanted}, not {option!r}"[:200] + card)


def _no_such(tree: Any, path: str) -> str:
    names = [*static_fields(tree), *parts(tree), *(p.yaml_path for p in params(tree))]
    near = difflib.get_close_matches(path, names, n=3, cutoff=0.0)
    return (
        f"`{path}` is no part, static field or quantity; the nearest are "
        f"{', '.join(f'`{n}`' for n in near)}"
    )
