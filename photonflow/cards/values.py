"""Entries of a card to SI numbers, each with its provenance and within its bounds.

Three bounds are nested: a `param` says where the model is valid, the card's `range`
what the part spans, and the value lies in both.
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from ..component import Param
from ..quantity import InputError, nearest, parse, show
from .schema import ESTIMATE, Source, Value


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Who said one number of a component, and how sure it is. Values are SI."""

    path: str
    """dotted Python path from the loaded component: `end_a.modulator.gap_m`"""
    card: str
    source: str
    kind: str
    estimate: bool
    low: float
    high: float
    """what the part spans; without a `range` in the card, where the model is valid"""
    ranged: bool
    """whether the card states that range"""
    spread: float | None
    """one standard deviation"""
    note: str | None
    level: str | None = None
    """`part` or `module`: what the figure was read of; None where nobody said"""


def require_name(
    name: str,
    names: Collection[str],
    *,
    key: str | None = None,
    file: Any = None,
    what: str = "name",
    home: str = "",
) -> None:
    """Raise unless `name` is one of `names`, which are `what` and kept in `home`."""
    if name in names:
        return
    options = sorted(names)
    # A reader takes in a short list; of a long one the nearest name has to do.
    few = 0 < len(options) <= 20
    listed = f"one of {', '.join(options)}" if few else f"a {what}{home}"
    raise InputError(
        listed,
        got=name,
        problem=f"unknown {what} '{name}'",
        key=key,
        file=file,
        nearest=nearest(name, options),
    )


def complete(
    given: Collection[str], needed: Collection[str], *, key: str, file: Any
) -> None:
    """Raise unless everything in `needed` is given."""
    missing = [name for name in needed if name not in given]
    if missing:
        raise InputError(problem=f"missing {', '.join(missing)}", key=key, file=file)


def read(text: Any, spec: Param, *, key: str, file: Any, bare: bool = False) -> float:
    """SI value of `text`, inside the range in which the model is valid."""
    try:
        number = parse(text, spec.unit, bare=bare)
    except InputError as error:
        raise error.at(key=key, file=file) from error
    if not spec.low <= number <= spec.high:
        # What was written without a unit may have been meant in another.
        hint = f"; without a unit it is taken in {spec.unit}"
        raise InputError(
            f"{show(spec.low, spec.unit)} to {show(spec.high, spec.unit)}, "
            f"where the model is valid{hint if _lacks_unit(text, spec.unit) else ''}",
            got=text,
            key=key,
            file=file,
        )
    if spec.whole and not number.is_integer():
        raise InputError(
            f"a whole number, {show(spec.low, spec.unit)} to "
            f"{show(spec.high, spec.unit)}",
            got=text,
            key=key,
            file=file,
        )
    return number


def _lacks_unit(text: Any, unit: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return unit != "1"


def number(
    value: Value,
    spec: Param,
    sources: Mapping[str, Source],
    *,
    card: str,
    key: str,
    file: Any,
) -> tuple[float, Provenance]:
    """SI value and provenance of one entry of a card."""
    result = read(value.value, spec, key=key, file=file)
    low, high = _range(value, result, spec, key=key, file=file)
    kind = _kind(value, sources, key=key, file=file)
    origin = Provenance(
        path=spec.path,
        card=card,
        source=value.source,
        kind=kind,
        estimate=kind == ESTIMATE,
        low=low,
        high=high,
        ranged=value.range is not None,
        spread=_spread(value, spec, key=key, file=file),
        note=value.note,
        level=_level(value, sources, key=key, file=file),
    )
    return result, origin


def _range(
    value: Value, inside: float, spec: Param, *, key: str, file: Any
) -> tuple[float, float]:
    if value.range is None:
        return float(spec.low), float(spec.high)
    ends = f"{key}.range"
    low, high = (read(end, spec, key=ends, file=file) for end in value.range)
    if low > high:
        raise InputError(
            "the lower end first", got=list(value.range), key=ends, file=file
        )
    if not low <= inside <= high:
        raise InputError(
            f"a value inside its own range, {value.range[0]} to {value.range[1]}",
            got=value.value,
            key=key,
            file=file,
        )
    return low, high


def _spread(value: Value, spec: Param, *, key: str, file: Any) -> float | None:
    if value.spread is None:
        return None
    key = f"{key}.spread"
    try:
        spread = parse(value.spread, spec.unit, delta=True)
    except InputError as error:
        raise error.at(key=key, file=file) from error
    if spread < 0:
        raise InputError("a spread of at least 0", got=value.spread, key=key, file=file)
    return spread


def _level(
    value: Value, sources: Mapping[str, Source], *, key: str, file: Any
) -> str | None:
    """That of the source; an estimate has none and says its own."""
    if value.source == ESTIMATE:
        return value.level
    if value.level is not None:
        raise InputError(
            f"no `level`: that of the source `{value.source}` holds",
            got=value.level,
            key=f"{key}.level",
            file=file,
        )
    return sources[value.source].level


def _kind(value: Value, sources: Mapping[str, Source], *, key: str, file: Any) -> str:
    """Kind of the source, once the entry says as much as that kind asks for."""
    if value.source == ESTIMATE:
        kind = ESTIMATE
        if not (value.note or "").strip():
            raise InputError(
                "`note: why this number`",
                problem="an estimate needs a note",
                key=f"{key}.note",
                file=file,
            )
    else:
        names = [*sources, ESTIMATE]
        require_name(value.source, names, key=f"{key}.source", file=file, what="source")
        kind = sources[value.source].kind
    # A calibrated constant without its interval could not be told from a measured one.
    if value.range is None and (value.source == ESTIMATE or kind == "calibrated"):
        raise InputError(
            "`range: [low, high]`",
            problem=f"a value of kind {kind} needs a range",
            key=f"{key}.range",
            file=file,
        )
    return kind
