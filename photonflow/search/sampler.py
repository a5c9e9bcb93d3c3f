"""Named scalars of a component at many designs, with their slopes, compiled once.

What a search asks comes from a sampler: here that of any function of any component.
Slopes are taken along the free parameters in forward mode, or, where there are many
more of them than scalars, back from every scalar in reverse mode
(Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapters 3 and 4).
"""

import abc
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import core

from ..compilation import LEAN, QUICK, compiled, in_pieces
from ..component import Packing, getter, replace
from .design_space import DesignSpace


ROWS = 8
"""designs of one call of a compiled program"""
REVERSE_COST = 2
"""slopes of one scalar in all parameters cost about as much as those of all scalars in
so many parameters"""

Function = Callable[[Any], Mapping[str, Any]]
"""a component to named differentiable scalars"""


class Values(NamedTuple):
    """Named scalars at k designs, and their slopes in n free parameters."""

    values: np.ndarray
    """(k, scalars)"""
    slopes: np.ndarray
    """(k, scalars, n), per SI unit"""


class AbstractSampler(abc.ABC):
    """What a search needs to know of a component."""

    names: tuple[str, ...]
    """of the scalars"""

    @abc.abstractmethod
    def baseline(self) -> np.ndarray:
        """The scalars of the component as it came (scalars,)."""

    @abc.abstractmethod
    def sample(self, x: np.ndarray, wanted: Sequence[str]) -> Values:
        """Scalars where the free parameters are `x` (k, n), in SI.

        Those that are not `wanted` may be missing: not a number.
        """

    @abc.abstractmethod
    def gradient(self, x: np.ndarray, weights: Mapping[str, float]) -> dict[str, float]:
        """Slopes of a weighted sum of scalars, by path of every number there is.

        At the design `x` (n,); per SI unit.
        """


class FunctionSampler(AbstractSampler):
    """The scalars that `function` returns for a component."""

    def __init__(
        self, function: Function, component: Any, space: DesignSpace, rows: int = ROWS
    ):
        self._space, self._component = space, component
        leaves, structure = jax.tree.flatten(component)
        # Handed over once: hundreds of numbers take longer than most functions of them.
        self._leaves = jax.device_put([np.asarray(leaf, float) for leaf in leaves])
        self._start = np.array([float(getter(p)(component)) for p in space.paths])
        # Which variable moves which path.
        self._tie = np.array(
            [[path in v.paths for path in space.paths] for v in space.variables], float
        )
        kept = kept_by(function)
        shapes = tuple(leaf.shape for leaf in self._leaves)
        key = structure, shapes, space.paths, self._tie.tobytes(), rows
        if key not in kept:
            kept[key] = _Programs(function, structure, self._leaves, space.paths, rows)
        self._programs: _Programs = kept[key]
        self.names = self._programs.names

    def baseline(self) -> np.ndarray:
        """The scalars of the component as it came."""
        return self._run(self._start[None]).values[0]

    def sample(self, x: np.ndarray, wanted: Sequence[str]) -> Values:
        """All scalars, wanted or not: they come from one program."""
        return self._run(x @ self._tie)

    def gradient(self, x: np.ndarray, weights: Mapping[str, float]) -> dict[str, float]:
        """By one reverse pass."""
        moved = replace(self._component, self._space.design(self._space.unit(x)))
        row = np.array([float(getter(path)(moved)) for path in self._space.paths])
        weight = np.array([weights.get(name, 0.0) for name in self.names])
        by_leaf, by_path = self._programs.gradient(self._leaves, row, weight)
        names = Packing(self._component).names
        slopes = {n: float(np.sum(s)) for n, s in zip(names, by_leaf, strict=True)}
        for path, slope in zip(self._space.paths, by_path, strict=True):
            slopes[path] += float(slope)
        return slopes

    def _run(self, paths: np.ndarray) -> Values:
        """At numbers (k, paths)."""
        found = self._programs.slopes(self._leaves, paths, self._tie)
        return Values(*map(np.asarray, found))


class _Programs:
    """What is compiled of a function, for components of one structure."""

    def __init__(self, function, structure, leaves, paths, rows):
        self._rows = rows
        names: list[str] = []

        def stacked(leaves, row):
            component = jax.tree.unflatten(structure, leaves)
            component = replace(component, dict(zip(paths, row, strict=True)))
            found = _checked(function(component))
            names[:] = found
            return jnp.stack([jnp.asarray(x, float) for x in found.values()])

        self._traced = jax.make_jaxpr(stacked)(leaves, np.zeros(len(paths)))
        self.names = tuple(names)
        self._slopes: Callable[[list], Any] | None = None
        self._gradient: Callable[[list], Any] | None = None

    def _value(self, leaves: list, row: Any) -> Any:
        return core.eval_jaxpr(self._traced.jaxpr, self._traced.consts, *leaves, row)[0]

    def slopes(self, leaves, paths, tie) -> Any:
        """Scalars of all rows, and their slopes along the rows of `tie`."""
        if self._slopes is None:
            reverse = len(tie) > REVERSE_COST * len(self.names)
            shaped = [np.zeros((self._rows, paths.shape[1])), tie, *leaves]
            static = (lambda *at: self._value(*at)), reverse
            self._slopes = compiled(_slopes, static, shaped, LEAN)
        program = self._slopes
        return in_pieces(lambda rows: program([*rows, tie, *leaves]), self._rows, paths)

    def gradient(self, leaves, row, weight) -> Any:
        """Slopes of a weighted sum in all leaves and in the row of paths."""
        if self._gradient is None:
            shaped = [row, weight, *leaves]
            static = lambda *at: self._value(*at)  # noqa: E731
            self._gradient = compiled(_gradient, static, shaped, QUICK)
        return jax.device_get(self._gradient([row, weight, *leaves]))


def _slopes(static, rows, tie, *leaves):
    value, reverse = static

    def one(row):
        def of_row(row):
            return value(list(leaves), row)

        if reverse:
            found, back = jax.vjp(of_row, row)
            (by_path,) = jax.vmap(back)(jnp.eye(len(found)))
            return found, by_path @ tie.T

        def along(direction):
            return jax.jvp(of_row, (row,), (direction,))

        return jax.vmap(along, out_axes=(None, 1))(tie)

    return jax.vmap(one)(rows)


def _gradient(value, row, weight, *leaves):
    def weighted(leaves, row):
        return jnp.vdot(weight, value(leaves, row))

    return jax.grad(weighted, argnums=(0, 1))(list(leaves), row)


def _checked(found: Any) -> dict[str, Any]:
    """What a searched function returned, if it is named scalars."""
    if not isinstance(found, Mapping):
        raise ValueError(
            f"a searched function returns a dict of scalars, not {type(found).__name__}"
        )
    if not found:
        raise ValueError("a searched function returns named scalars, not an empty dict")
    for name, value in found.items():
        shape = getattr(value, "shape", None)
        if not isinstance(name, str) or (shape is None and not _is_number(value)):
            raise ValueError(
                f"`{name}`: a searched function returns numbers by name, not "
                f"{type(value).__name__}"
            )
        if shape:
            raise ValueError(f"`{name}` has shape {shape}, a scalar is needed")
    return dict(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


_KEPT: "weakref.WeakKeyDictionary[Any, dict]" = weakref.WeakKeyDictionary()
"""programs by function, as long as it is there: another limit compiles nothing"""


def kept_by(function: Function) -> dict:
    """Programs of a function, for components of one structure."""
    try:
        return _KEPT.setdefault(function, {})
    except TypeError:  # it can be neither hashed nor referred to
        return {}
