"""What a search may change: named parameters of a cluster, as numbers from 0 to 1."""

import difflib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..cluster.hardware import Cluster
from ..component import Param, getter, params


class Variable(NamedTuple):
    """One number of a search: the leaves it moves together and where it may go."""

    name: str
    """as YAML writes it, relative to the ends it belongs to: `modulator.gap`"""
    paths: tuple[str, ...]
    """Python paths into the cluster, all of which take this one value"""
    low: float
    high: float
    log: bool
    unit: str
    branches: tuple[tuple[float, float], ...] = ()
    """separate boxes inside [low, high], each searched for itself"""


class Coordinates(eqx.Module):
    r"""The map between SI values and $u \in [0, 1]$, as a pytree.

    $x = x_l (x_h/x_l)^u$ where the variable is logarithmic, $x = x_l + u(x_h - x_l)$
    elsewhere. The limits are leaves: other limits do not compile anew.
    """

    paths: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    low: Float[Array, " n"]
    """of ln x where `log`"""
    high: Float[Array, " n"]
    log: Bool[Array, " n"]

    def si(self, u: Float[Array, " n"]) -> Float[Array, " n"]:
        """Values in SI units."""
        y = self.low + u * (self.high - self.low)
        return jnp.where(self.log, jnp.exp(jnp.where(self.log, y, 0.0)), y)

    def unit(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """The inverse of `si`."""
        y = jnp.where(self.log, jnp.log(jnp.where(self.log, x, 1.0)), x)
        return (y - self.low) / (self.high - self.low)

    def insert(self, u: Float[Array, " n"], cluster: Cluster) -> Cluster:
        """`cluster` with every tied leaf replaced."""
        x = self.si(u)
        gets = [getter(path) for tied in self.paths for path in tied]
        new = [x[i] for i, tied in enumerate(self.paths) for _ in tied]
        return eqx.tree_at(lambda c: [get(c) for get in gets], cluster, new)


class DesignSpace(eqx.Module):
    """The free parameters of a cluster.

    ```python
    space = DesignSpace.of(
        cluster,
        where=["scale_out.switch_link.end_a", "scale_out.switch_link.end_b"],
        parameters={
            "modulator.gap": (100e-9, 300e-9),
            "modulator.detuning": [(0.1, 2.5), (-2.5, -0.1)],  # two branches
        },
    )
    ```
    """

    variables: tuple[Variable, ...] = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        where: Sequence[str],
        parameters: Mapping[str, Any],
    ) -> "DesignSpace":
        """Free each of `parameters` at every place of `where`, tied together.

        A range is (low, high) in SI, or a list of such boxes, which become branches.
        It may only narrow the range in which the model is valid.
        """
        known = {}
        for p in params(cluster):
            known[p.path] = known[p.yaml_path] = p
        variables = []
        for name, ranges in parameters.items():
            boxes = _boxes(name, ranges)
            found = [_find(known, f"{prefix}.{name}", boxes) for prefix in where]
            low, high = min(b[0] for b in boxes), max(b[1] for b in boxes)
            prefix = where[0] + "."
            variables.append(
                Variable(
                    name=found[0].yaml_path.removeprefix(prefix),
                    paths=tuple(p.path for p in found),
                    low=low,
                    high=high,
                    log=low > 0,
                    unit=found[0].unit,
                    branches=boxes if len(boxes) > 1 else (),
                )
            )
        return cls(tuple(variables))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(v.name for v in self.variables)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Places whose parameters are free, in order of appearance."""
        tied = (
            path.removesuffix("." + _tail(path, v.name))
            for v in self.variables
            for path in v.paths
        )
        return tuple(dict.fromkeys(tied))

    def coordinates(self) -> Coordinates:
        """The same space as arrays."""

        def scaled(v, x):
            return math.log(x) if v.log else x

        return Coordinates(
            tuple(v.paths for v in self.variables),
            jnp.array([scaled(v, v.low) for v in self.variables]),
            jnp.array([scaled(v, v.high) for v in self.variables]),
            jnp.array([v.log for v in self.variables]),
        )

    def pack(self, cluster: Cluster) -> Float[Array, " n"]:
        """Where `cluster` is in the space; the first of tied leaves speaks for all."""
        x = [getter(v.paths[0])(cluster) for v in self.variables]
        return jnp.clip(self.coordinates().unit(jnp.stack(x)), 0.0, 1.0)

    def unpack(self, u: Float[Array, " n"], cluster: Cluster) -> Cluster:
        """`cluster` moved to `u`."""
        return self.coordinates().insert(u, cluster)

    def values(self, u: Float[Array, " n"]) -> dict[str, float]:
        """SI value of every variable."""
        x = jax.device_get(self.coordinates().si(u))
        return {
            v.name: float(value) for v, value in zip(self.variables, x, strict=True)
        }

    def boxes(self) -> list[tuple[Float[Array, " n"], Float[Array, " n"]]]:
        """Lower and upper corner, in u, of every combination of branches."""
        coordinates = self.coordinates()
        choices = [v.branches or ((v.low, v.high),) for v in self.variables]
        corners = []
        for combination in itertools.product(*choices):
            ends = (jnp.array([box[i] for box in combination]) for i in (0, 1))
            corners.append(tuple(jnp.clip(coordinates.unit(x), 0, 1) for x in ends))
        return corners


def _boxes(name: str, ranges: Any) -> tuple[tuple[float, float], ...]:
    if len(ranges) == 2 and not isinstance(ranges[0], Iterable):
        ranges = [ranges]
    boxes = tuple((float(low), float(high)) for low, high in ranges)
    for low, high in boxes:
        if not low < high:
            raise ValueError(f"`{name}`: the range [{low:g}, {high:g}] is empty")
    return boxes


def _find(known: dict[str, Param], path: str, boxes: tuple) -> Param:
    if path not in known:
        near = difflib.get_close_matches(path, known, n=1, cutoff=0.0)
        raise ValueError(f"`{path}` is not a parameter; the nearest is `{near[0]}`")
    p = known[path]
    for low, high in boxes:
        if low < p.low or high > p.high:
            raise ValueError(
                f"`{path}`: the range [{low:g}, {high:g}] {p.unit} leaves "
                f"[{p.low:g}, {p.high:g}] {p.unit}, where the model is valid"
            )
    return p


def _tail(path: str, name: str) -> str:
    return ".".join(path.split(".")[-len(name.split(".")) :])
