"""The one way a physical part is written: `Component` with `param` fields.

A field declared by `param` carries its SI unit, its meaning and the range in which
the model around it is valid. The card loader, the documentation, the optimiser and
the generic tests all read that one declaration.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import core
from jax._src import config
from jaxtyping import Array, Complex, Float

from . import units


if TYPE_CHECKING:  # Static checkers know `eqx.field`, but no wrapper around it.
    from equinox import field as param

    Scalar = float | Array
    Values = Any  # a union with float would make every index an error
    Transfer = Any
else:
    # Compiled programs hand back numpy's numbers: hundreds of jax's take milliseconds.
    Scalar = Float[Array, ""] | np.floating
    # Any shape: what is evaluated at many frequencies or voltages at once.
    Values = Float[Array, "..."] | float
    # Complex amplitude over frequency, 1 at f = 0 unless said otherwise.
    Transfer = Complex[Array, "..."]

    def param(*, unit: str, doc: str, low: float, high: float, whole: bool = False):
        """A physical quantity: SI `unit`, meaning, and range of validity.

        `whole` numbers are checked where they are read from a file or a setting; a
        model runs smoothly between them, so that it has a slope everywhere.
        The converter turns a Python float into an array, because a float leaf would
        be static under `eqx.filter_jit` and every new card value would recompile.
        """
        metadata = dict(unit=unit, doc=doc, low=low, high=high, whole=whole)
        return eqx.field(converter=_as_leaf, metadata=metadata)


def _as_leaf(x: Any) -> Any:
    # Tree surgery (masks, axes, strings) passes through constructors as well.
    return jnp.asarray(x, float) if isinstance(x, (int, float)) else x


DECLARED = ("unit", "doc", "low", "high", "whole")
"""what a field made by `param` says; equinox keeps its converter there as well"""


class Component(eqx.Module):
    """A physical part: a frozen pytree whose array leaves are `param` fields."""


class Param(NamedTuple):
    """One `param` leaf of a tree, with the declaration it was made from."""

    path: str
    """dotted Python path, unit suffix included: `end_a.modulator.gap_m`"""
    value: Any
    unit: str
    doc: str
    low: float
    high: float
    whole: bool = False
    """whether it is an integer"""

    @property
    def yaml_path(self) -> str:
        """The same path as YAML and `--set` write it: `end_a.modulator.gap`."""
        head, _, name = self.path.rpartition(".")
        name = units.stem(name, self.unit)
        return f"{head}.{name}" if head else name


def params(tree: Any, prefix: str = "") -> Iterator[Param]:
    """Every `param` of `tree`, depth first, in order of declaration."""
    if not dataclasses.is_dataclass(tree):
        return
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        path = f"{prefix}.{field.name}" if prefix else field.name
        if "unit" in field.metadata:
            about = {key: field.metadata[key] for key in DECLARED}
            yield Param(path, value, **about)
        else:
            yield from params(value, path)


def quantities(tree: Any) -> dict[str, Param]:
    """Every `param` of `tree` by either form of its path: `gap` and `gap_m`."""
    found: dict[str, Param] = {}
    for spec in params(tree):
        found[spec.path] = found[spec.yaml_path] = spec
    return found


def getter(path: str) -> Callable[[Any], Any]:
    """Function that reads the leaf at a dotted Python path, for `eqx.tree_at`."""

    def get(tree: Any) -> Any:
        for name in path.split("."):
            tree = getattr(tree, name)
        return tree

    return get


def replace(tree: Any, values: dict[str, Any]) -> Any:
    """A copy of `tree` with the leaves at dotted Python paths replaced.

    In SI units; ranges are not checked, as a value may be traced: `cards.apply` does.
    """
    gets = [getter(path) for path in values]
    new = [jnp.asarray(value, float) for value in values.values()]
    return eqx.tree_at(lambda t: [get(t) for get in gets], tree, new)


def parts(tree: Any, prefix: str = "") -> dict[str, dataclasses.Field]:
    """Path -> declaration of every part of `tree`, empty places included."""
    found = {}
    for field in dataclasses.fields(tree):
        value, path = getattr(tree, field.name), f"{prefix}{field.name}"
        if isinstance(value, Component):
            found |= {path: field} | parts(value, f"{path}.")
        elif value is None and field.init:
            found[path] = field
    return found


def static_fields(tree: Any, prefix: str = "") -> dict[str, dataclasses.Field]:
    """Path -> declaration of every field that is neither quantity nor part."""
    found = {}
    for field in dataclasses.fields(tree):
        value, path = getattr(tree, field.name), f"{prefix}{field.name}"
        if field.metadata.get("static") and field.init:
            found[path] = field
        elif isinstance(value, Component):
            found |= static_fields(value, f"{path}.")
    return found


def put(tree: Any, path: str, value: Any) -> Any:
    """A copy of `tree` with a part or a static field at `path` replaced.

    Everything above it is built anew, so that its own checks run again.
    """
    head, _, rest = path.partition(".")
    if rest:
        value = put(getattr(tree, head), rest, value)
    return dataclasses.replace(tree, **{head: value})


def is_traced(tree: Any) -> bool:
    """Whether jax is differentiating, batching or compiling through some leaf."""
    return any(isinstance(leaf, core.Tracer) for leaf in jax.tree.leaves(tree))


class Packing:
    """The numbers of a tree as one vector: what compiled functions are called with.

    A component has hundreds of leaves, and handing them over one by one takes longer
    than most of what is computed with them. Every leaf has to be a single number.
    """

    def __init__(self, tree: Any):
        with_path, self.structure = jax.tree_util.tree_flatten_with_path(tree)
        self.names = tuple(
            jax.tree_util.keystr(path, simple=True, separator=".")
            for path, _ in with_path
        )
        self.place = {name: i for i, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def pack(self, tree: Any) -> np.ndarray:
        """The numbers of `tree`, which has the structure of the first one.

        ValueError where a leaf is an array of several.
        """
        leaves = jax.tree.leaves(tree)
        try:
            return np.array([float(leaf) for leaf in leaves])
        except TypeError:
            shapes = dict(zip(self.names, map(np.shape, leaves), strict=True))
            wide = next((name for name, shape in shapes.items() if shape), None)
            if wide is None:
                raise
            raise ValueError(
                f"`{wide}` has shape {shapes[wide]}, one number is allowed: "
                "for many designs at once, call from inside `jax.vmap`"
            ) from None

    def unpack(self, vector: Any) -> Any:
        """The tree of a vector, traced or not; of several along leading axes."""
        if isinstance(vector, np.ndarray):
            leaves = list(np.moveaxis(vector, -1, 0))
        else:
            parts = jax.lax.split(vector, [1] * len(self), axis=vector.ndim - 1)
            leaves = [part.reshape(vector.shape[:-1]) for part in parts]
        return jax.tree.unflatten(self.structure, leaves)


def vmap_alike(function: Callable[..., Any], calls: list[tuple]) -> list[Any]:
    """`[function(*args) for args in calls]`, tracing each kind of `args` only once.

    Calls whose arguments are alike in structure and static fields run as one `vmap`:
    two equal ends, two climates or four links of a family cost one compilation. A leaf
    that is one and the same array in all of them is not stacked, and what depends on
    such leaves alone is computed once.
    """
    results: list[Any] = [None] * len(calls)
    kinds: dict[Any, list[int]] = {}
    halves = [eqx.partition(args, eqx.is_array) for args in calls]
    for i, (arrays, static) in enumerate(halves):
        fixed, shape = jax.tree.flatten(static)
        kind = (jax.tree.structure(arrays), tuple(fixed), shape)
        kinds.setdefault(kind, []).append(i)
    for (structure, _, _), members in kinds.items():
        static = halves[members[0]][1]
        columns = list(
            zip(*(jax.tree.leaves(halves[i][0]) for i in members), strict=True)
        )
        varies = [any(x is not column[0] for x in column) for column in columns]

        def one(moving, columns=columns, varies=varies, like=structure, static=static):
            moving = iter(moving)
            pairs = zip(columns, varies, strict=True)
            leaves = [next(moving) if v else column[0] for column, v in pairs]
            return function(*eqx.combine(jax.tree.unflatten(like, leaves), static))

        pairs = zip(columns, varies, strict=True)
        stacks = [jnp.stack(column) for column, v in pairs if v]
        if stacks:
            out = eqx.filter_vmap(one)(stacks)
            for i, row in zip(members, _rows(out, len(members)), strict=True):
                results[i] = row
        else:
            out = one([])
            for i in members:
                results[i] = out
    return results


def _rows(tree: Any, count: int) -> list[Any]:
    """Trees of the rows of every array of `tree`."""
    leaves, structure = jax.tree.flatten(tree)
    columns = [jnp.unstack(x) if eqx.is_array(x) else (x,) * count for x in leaves]
    rows = zip(*columns, strict=True)
    return [jax.tree.unflatten(structure, row) for row in rows]


def enable_x64() -> None:
    """Switch jax to float64; call it before the first array is made."""
    jax.config.update("jax_enable_x64", True)


def require_x64(what: str) -> None:
    """Raise unless float64 is on: link noise spans more decades than float32 has."""
    on = jax.config.jax_enable_x64  # type: ignore[attr-defined]
    # Links are solved in other threads too, where a context of this one does not count.
    if not on or not config.enable_x64.get_global():
        raise RuntimeError(f"`{what}` needs float64: call `pf.enable_x64()` first")
