"""What a search is asked for: one objective, and limits that a design has to keep.

Both name scalars that the searched function returns.

```python
objective=pf.maximum("oma_w", log=True)
limits=[pf.at_least("er_db", 3.5), pf.at_most("heater_w", 5e-3)]
```
"""

import difflib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np


Number = float | int

TOLERANCE = 1e-6
"""a limit is met to this part of its own size"""


class Objective(NamedTuple):
    """The scalar that is made small, or large."""

    name: str
    sign: float
    """1 to minimise, -1 to maximise"""
    log: bool
    """of the logarithm: for what is positive and spans decades"""

    def of(self, value: Any, slopes: Any) -> tuple[Any, Any]:
        """What is minimised, and its slopes; not a number where a logarithm has none.

        `value` (k,) and `slopes` (k, n) of the named scalar.
        """
        if not self.log:
            return self.sign * value, self.sign * slopes
        positive = np.where(value > 0, value, np.nan)
        return self.sign * np.log(positive), self.sign * slopes / positive[:, None]


class Inequality(NamedTuple):
    """A scalar that has to stay on one side of a value."""

    name: str
    value: float
    sign: float
    """1 at least, -1 at most"""
    tolerance: float | None = None
    """in the unit of the scalar; None: `TOLERANCE` of the value's size"""
    unit: str = ""
    """for messages"""

    def slack(self, value: Any) -> Any:
        """What is left, in the unit of the scalar: met when >= 0."""
        return self.sign * (value - self.value)

    def scale(self, seen: np.ndarray) -> float:
        """What a slack is divided by, so that `TOLERANCE` of it is the tolerance.

        The size of the value; for a limit at 0 the median size of the scalar in the
        designs that were `seen`, and 1 at most.
        """
        if self.tolerance is not None:
            return self.tolerance / TOLERANCE
        if self.value != 0:
            return abs(self.value)
        sizes = np.abs(seen[np.isfinite(seen)])
        typical = float(np.median(sizes)) if sizes.size else 1.0
        return min(typical, 1.0) or 1.0

    def __str__(self) -> str:
        side = "at least" if self.sign > 0 else "at most"
        return f"{self.name} {side} {self.value:g} {self.unit}".rstrip()


def minimum(name: str, log: bool = False) -> Objective:
    """Make the scalar `name` small; with `log` its logarithm, for what is positive."""
    return Objective(name, 1.0, log)


def maximum(name: str, log: bool = False) -> Objective:
    """Make the scalar `name` large; with `log` its logarithm, for what is positive."""
    return Objective(name, -1.0, log)


def at_least(
    name: str, value: Number, *, tolerance: Number | None = None, unit: str = ""
) -> Inequality:
    """The scalar `name` may not be below `value`, both in SI or in what `name` says.

    It is met to `tolerance`, 1e-6 of the size of `value` unless given. `unit` is for
    messages alone.
    """
    return _inequality(name, value, 1.0, tolerance, unit)


def at_most(
    name: str, value: Number, *, tolerance: Number | None = None, unit: str = ""
) -> Inequality:
    """The scalar `name` may not be above `value`; see `at_least`."""
    return _inequality(name, value, -1.0, tolerance, unit)


def _inequality(name, value, sign, tolerance, unit) -> Inequality:
    for what, given in (("value", value), ("tolerance", tolerance)):
        if what == "tolerance" and given is None:
            continue
        if not isinstance(given, int | float | np.number) or not np.isfinite(given):
            raise ValueError(f"limit on `{name}`: {what} {given!r} is not a number")
    if tolerance is not None and not tolerance > 0:
        raise ValueError(f"limit on `{name}`: tolerance {tolerance} is not above 0")
    return Inequality(name, float(value), sign, tolerance, unit)


def require_scalar(name: str, names: Collection[str], what: str) -> None:
    """Raise ValueError unless the function returns `name`."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
        guess = f"; the nearest is `{near[0]}`" if near else ""
        few = ", ".join(names) if len(names) <= 20 else f"{len(names)} others"
        raise ValueError(f"{what}: the function returns no `{name}`, but {few}{guess}")


def require_limit(name: str, names: Collection[str], what: str) -> None:
    """Raise ValueError unless some limit is on `name`."""
    if name not in names:
        raise ValueError(
            f"{what}: no limit is on `{name}`; there are {', '.join(sorted(names))}"
        )


def limits_listed(limits: Any) -> tuple[Inequality, ...]:
    """One limit, or several, as a tuple. ValueError where it is anything else."""
    one = isinstance(limits, Inequality | str)
    listed: tuple[Any, ...] = (limits,) if one else tuple(limits or ())
    for limit in listed:
        if not isinstance(limit, Inequality):
            raise ValueError(f"a limit is `pf.at_least(name, value)`, not {limit!r}")
    return listed


def require_objective(objective: Any) -> None:
    """Raise ValueError unless it is one."""
    if not isinstance(objective, Objective):
        raise ValueError(f"an objective is `pf.minimum(name)`, not {objective!r}")


def limit_keys(limits: Sequence[Inequality]) -> list[str]:
    """Names of limits, each its own.

    That of the scalar; in full where it has several limits, and numbered where two of
    them read the same.
    """
    names = [limit.name for limit in limits]
    found: list[str] = []
    for limit in limits:
        key = full = limit.name if names.count(limit.name) == 1 else str(limit)
        number = 1
        while key in found:
            number += 1
            key = f"{full} ({number})"
        found.append(key)
    return found
