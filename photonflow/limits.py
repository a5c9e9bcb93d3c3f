"""Operating limits: what a slack is called, where it counts and what puts it right.

A model answers with slacks, met when >= 0 and falling further as a limit is passed, and
declares each of them beside its equation:

```python
FOLD = limit("fold", "distance to the thermal fold", light="less", nominal=True)
...
slacks = {FOLD.name: 1 - loop_gain}
```

Search, tables, messages and repair read that declaration, so that a class outside the
package brings its limits along. A name that nobody declared counts at the worst corner
and is shown as it is spelt.
"""

import sys
from typing import Literal, NamedTuple


TOLERANCE = 1e-6
"""a slack this little below 0 is met: what a root solve or a search leaves"""
DROP = "drop_"
PLACES = {DROP: "drop filters"}
"""prefix of the limits of a second set of the same parts -> what those are"""
LAST = 99


class Limit(NamedTuple):
    """One kind of slack."""

    name: str
    """its key among the slacks"""
    label: str
    """for people"""
    missed: str = "{label}: slack {slack:.3g}, met from 0"
    """what is wrong when it is negative: a format of `label`, `slack`, `used`
    (1 - slack), `short` (-slack) and `short_db` (of a slack in units of 10 dB)"""
    unit: str = "1"
    light: Literal["more", "less"] | None = None
    """what puts it right; None where no light could: another design"""
    order: float = LAST
    """of several missed limits with the same `light` the lowest explains the others"""
    nominal: bool = False
    """counts at the nominal climate too, not at the worst corner alone"""

    def explanation(self, slack: float) -> str:
        """What is wrong at a negative `slack`."""
        return self.missed.format(
            label=self.label,
            slack=slack,
            used=1 - slack,
            short=-slack,
            short_db=-10 * slack,
        )


_declared: dict[str, tuple[Limit, str]] = {}


def limit(name: str, label: str, **about) -> Limit:
    """Declares the limit `name`; its fields are those of `Limit`.

    A module may declare a name again, as a notebook does whose cell is run twice; two
    modules that share a limit import it from where it is declared.
    """
    declared = Limit(name, label, **about)
    if name.startswith(tuple(PLACES)):
        raise ValueError(f"limit `{name}`: {', '.join(PLACES)} stands for a place")
    if declared.light not in (None, "more", "less"):
        raise ValueError(
            f"limit `{name}`: `light` is more or less, not {declared.light}"
        )
    declared.explanation(-1.0)  # a wrong field of `missed` is found here, not later
    module = _running_module()
    known, owner = _declared.get(name, (declared, module))
    if declared != known and owner != module:
        raise ValueError(f"limit `{name}` is declared by {owner}: take another name")
    _declared[name] = declared, owner
    return declared


def _running_module() -> str:
    """Name of the module whose top level is being executed."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return frame.f_globals.get("__name__", "")


def find(name: str) -> Limit:
    """The limit called `name`, its prefix of `PLACES` included."""
    if name in _declared:
        return _declared[name][0]
    for prefix, place in PLACES.items():
        base = name.removeprefix(prefix)
        if base != name:
            found = find(base)
            return found._replace(
                name=name,
                label=f"{found.label}, {place}",
                missed=f"{found.missed} ({place})".replace("{label}", found.label),
                order=found.order + 0.5,
            )
    return Limit(name, name.replace("_", " "))


def declared(name: str) -> bool:
    """Whether the module that computes the slack `name` has been imported."""
    return name in _declared or any(
        name.startswith(prefix) and name.removeprefix(prefix) in _declared
        for prefix in PLACES
    )


def names() -> list[str]:
    """Names of all limits that are declared, without those of `PLACES`."""
    return sorted(_declared)


def met(slack: float) -> bool:
    """Whether `slack` keeps its limit; one that is not a number does not."""
    return bool(slack >= -TOLERANCE)
