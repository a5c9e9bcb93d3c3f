"""What a search may change: named numbers of a component, as numbers from 0 to 1."""

import difflib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..component import Param, getter, quantities, replace


Box = tuple[float, float]


@dataclass(frozen=True, init=False)
class Free:
    """One number that a search may move, at one place or tied over several.

    ```python
    pf.Free("gap", 100e-9, 300e-9)
    pf.Free(["end_a.modulator.gap", "end_b.modulator.gap"])  # one value for both
    pf.Free("detuning", boxes=[(0.1, 2.5), (-2.5, -0.1)])  # two branches
    ```
    Paths are as in `pf.params`, with or without their unit. Values are SI. Without an
    end the range ends where the card's does, if `pf.minimise` is given its provenance,
    else where the model ceases to be valid.
    """

    paths: tuple[str, ...]
    low: float | None
    high: float | None
    boxes: tuple[Box, ...]
    """separate ranges, each searched for itself"""
    name: str | None
    """for tables; else that of the first path"""

    def __init__(
        self,
        path_or_paths: str | Iterable[str],
        low: float | int | None = None,
        high: float | int | None = None,
        boxes: Iterable[Any] | None = None,
        name: str | None = None,
    ):
        single = isinstance(path_or_paths, str)
        paths = (path_or_paths,) if single else tuple(path_or_paths)
        boxes = () if boxes is None else tuple((a, b) for a, b in boxes)
        ends = [*itertools.chain(*boxes), *(x for x in (low, high) if x is not None)]
        for end in ends:
            if not isinstance(end, int | float | np.number):
                raise ValueError(f"`{paths[0]}`: ends are numbers in SI, not {end!r}")
        if not paths:
            raise ValueError("a free parameter needs at least one path")
        if boxes and not (low is None and high is None):
            raise ValueError(f"`{paths[0]}`: either `low` and `high` or `boxes`")
        for key, value in (
            ("paths", paths), ("low", low), ("high", high), ("boxes", boxes),
            ("name", name),
        ):  # fmt: skip
            object.__setattr__(self, key, value)

    @classmethod
    def group(cls, where: Sequence[str], parameters: Mapping[str, Any]) -> list["Free"]:
        """Each of `parameters` at every place of `where`, tied together.

        `parameters` is path below `where` -> (low, high), or a list of such boxes.
        """
        found = []
        for name, ranges in parameters.items():
            one = len(ranges) == 2 and not isinstance(ranges[0], Iterable)
            paths = [f"{prefix}.{name}" for prefix in where]
            found.append(cls(paths, boxes=[ranges] if one else ranges, name=name))
        return found


class Variable(NamedTuple):
    """One number of a search: the leaves it moves together and where it may go."""

    name: str
    """unique among those of a search"""
    paths: tuple[str, ...]
    """Python paths into the component, all of which take this one value"""
    boxes: tuple[Box, ...]
    """one, or several that are searched one by one"""
    unit: str

    @property
    def low(self) -> float:
        """Of all boxes."""
        return min(box[0] for box in self.boxes)

    @property
    def high(self) -> float:
        """Of all boxes."""
        return max(box[1] for box in self.boxes)

    @property
    def log(self) -> bool:
        """Whether steps are ratios."""
        return self.low > 0


class DesignSpace:
    r"""Free numbers of a component, and the map between SI values and $u \in [0, 1]$.

    $x = x_l (x_h/x_l)^u$ where a variable is positive, $x = x_l + u(x_h - x_l)$ else.
    """

    def __init__(self, variables: Sequence[Variable]):
        self.variables = tuple(variables)
        self.log = np.array([v.log for v in variables])
        ends = np.array([(v.low, v.high) for v in variables]).reshape(-1, 2)
        logs = np.log(np.where(self.log[:, None], ends, 1.0))
        self._low, self._high = np.where(self.log[:, None], logs, ends).T

    @classmethod
    def of(
        cls,
        component: Any,
        free: Free | Iterable[Free],
        provenance: Mapping[str, Any] | None = None,
    ) -> "DesignSpace":
        """The space of `free` numbers of `component`.

        ValueError where a path is not there, is free twice, or a range is empty, leaves
        the card's (of `provenance`, by Python path) or the model's.
        """
        free = free_listed(free)
        known = quantities(component)
        if not known:
            raise ValueError(
                f"{_short(component)} has no quantities: they are `pf.param` fields of "
                "a `pf.Component`"
            )
        short = [one.name or one.paths[0] for one in free]
        taken: dict[str, str] = {}
        variables = []
        for one, name in zip(free, short, strict=True):
            found = [find(known, path) for path in one.paths]
            for p in found:
                if p.path in taken:
                    raise ValueError(f"`{p.yaml_path}` is free twice")
                taken[p.path] = name
            # A name that another goes by too, or that is the path of another number.
            own = short.count(name) == 1 and (name not in known or name in one.paths)
            unique = name if own else found[0].yaml_path
            boxes = _boxes(one, found, provenance or {})
            paths = tuple(p.path for p in found)
            variables.append(Variable(unique, paths, boxes, found[0].unit))
        return cls(variables)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(v.name for v in self.variables)

    @property
    def paths(self) -> tuple[str, ...]:
        """Of every leaf that moves."""
        return tuple(path for v in self.variables for path in v.paths)

    def si(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """SI values of the variables at `u` (..., n), and their slopes in u.

        In numpy or, for arrays of jax, in jax.
        """
        xp: Any = jnp if isinstance(u, jax.Array) else np
        y = self._low + u * (self._high - self._low)
        x = xp.where(self.log, xp.exp(xp.where(self.log, y, 0.0)), y)
        return x, xp.where(self.log, x, 1.0) * (self._high - self._low)

    def unit(self, x: Sequence[float] | np.ndarray) -> np.ndarray:
        """The inverse of `si`, cut off at both ends."""
        x = np.asarray(x, float)
        y = np.where(self.log, np.log(np.where(self.log, np.maximum(x, 1e-300), 1)), x)
        return np.clip((y - self._low) / (self._high - self._low), 0.0, 1.0)

    def pack(self, component: Any) -> np.ndarray:
        """Where `component` is; the first of tied leaves speaks for all."""
        return self.unit([float(getter(v.paths[0])(component)) for v in self.variables])

    def unpack(self, u: Any, component: Any) -> Any:
        """`component` moved to `u`, which may be traced."""
        x = self.si(u)[0]
        moved = {p: x[i] for i, v in enumerate(self.variables) for p in v.paths}
        return replace(component, moved)

    def design(self, u: np.ndarray) -> dict[str, float]:
        """SI value by Python path, tied paths included."""
        x = self.values(u)
        return {path: x[v.name] for v in self.variables for path in v.paths}

    def values(self, u: np.ndarray) -> dict[str, float]:
        """SI value of every variable."""
        return dict(zip(self.names, map(float, self.si(u)[0]), strict=True))

    def boxes(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Lower and upper corner, in u, of every combination of boxes."""
        ends = (zip(*each, strict=True) for each in self._combinations())
        return [(self.unit([*low]), self.unit([*high])) for low, high in ends]

    def ranges(self) -> list[dict[str, Box]]:
        """The same in SI, by variable."""
        return [dict(zip(self.names, e, strict=True)) for e in self._combinations()]

    def _combinations(self) -> list[tuple[Box, ...]]:
        return list(itertools.product(*(v.boxes for v in self.variables)))


def free_listed(free: Any) -> list[Free]:
    """One `Free`, or several, as a list. ValueError where it is anything else."""
    listed: list[Any] = [free] if isinstance(free, Free | str) else list(free)
    for one in listed:
        if not isinstance(one, Free):
            raise ValueError(f"`free` is made of `pf.Free(path, low, high)`: {one!r}")
    if not listed:
        raise ValueError("nothing is free: `free` needs at least one `pf.Free`")
    return listed


def _short(component: Any) -> str:
    text = repr(component) if isinstance(component, str) else type(component).__name__
    return f"`{text}`"


def find(known: Mapping[str, Param], path: str) -> Param:
    """The quantity at `path`, in either form. ValueError with the nearest ones."""
    if path in known:
        return known[path]
    near = difflib.get_close_matches(path, known, n=3, cutoff=0.0)
    few = ", ".join(sorted({p.yaml_path for p in known.values()}))
    listed = f"; there are {few}" if len(known) <= 40 else ""
    raise ValueError(
        f"`{path}` is not a parameter; the nearest are "
        f"{', '.join(f'`{n}`' for n in near)}{listed}"
    )


def _boxes(
    one: Free, found: Sequence[Param], provenance: Mapping[str, Any]
) -> tuple[Box, ...]:
    """Ranges of a free number, inside those of all places where it is."""
    low, high = -math.inf, math.inf
    for p in found:
        if p.unit != found[0].unit:
            raise ValueError(
                f"`{p.yaml_path}` is in {p.unit}, `{found[0].yaml_path}` in "
                f"{found[0].unit}: they cannot move as one"
            )
        origin = provenance.get(p.path)
        low = max(low, p.low if origin is None else origin.low)
        high = min(high, p.high if origin is None else origin.high)
    given = one.boxes or (
        (low if one.low is None else one.low, high if one.high is None else one.high),
    )
    # Half an ulp of a decimal must not turn an equal bound into a wider one.
    slip = 1e-9 * (high - low)
    name, unit = found[0].yaml_path, found[0].unit
    for start, end in given:
        origin = provenance.get(found[0].path)
        if not start < end:
            whose = "the card's" if origin else "the model's"
            said = [
                f"{end:g} {unit}" + (f" ({whose})" if given is None else "")
                for end, given in ((start, one.low), (end, one.high))
            ]
            if one.boxes:
                said = [f"{start:g} {unit}", f"{end:g} {unit}"]
            raise ValueError(f"`{name}`: nothing lies between {' and '.join(said)}")
        if start < low - slip or end > high + slip:
            who = f"the card '{origin.card}' spans" if origin else "the model is valid"
            raise ValueError(
                f"`{name}`: the range [{start:g}, {end:g}] {unit} leaves "
                f"[{low:g}, {high:g}] {unit}, {'what' if origin else 'where'} {who}"
            )
    return tuple((float(start), float(end)) for start, end in given)
