"""Unit strings to SI floats and back: the only importer of pint.

Strings with units exist in files and on the command line; they are read here once, and
no pint quantity travels further. pint takes half a second to import, so functions do
it. The registry is our own and small: pint's default one reads `pJ/b` as picojoule per
barn, `Gb/s` as gilbert per second, and lets bit/s pass for hertz. Here bit and FLOP
have dimensions of their own, and what is not defined is an error. Logarithmic units and
degrees Celsius, which have no factor, are read by hand.
"""

import difflib
import functools
import math
import re
from collections.abc import Iterable
from typing import Any

from . import units


_PREFIXES = {
    "a": 1e-18,
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "c": 1e-2,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
# No unit here contains a mass, so the joule can stand for energy.
_DEFINITIONS = {
    "m": "[length]",
    "s": "[time]",
    "A": "[current]",
    "K": "[temperature]",
    "J": "[energy]",
    "bit": "[information]",
    "FLOP": "[operation]",
    "byte": "8 * bit = B",
    "Hz": "1 / s",
    "Bd": "1 / s",
    "W": "J / s",
    "V": "W / A",
    "ohm": "V / A",
    "S": "A / V",
    "C": "A * s",
    "F": "C / V",
    "H": "V * s / A",
    "eV": f"{units.CHARGE_C!r} * J",
    "minute": "60 * s = min",
    "h": "3600 * s",
    "day": "86400 * s",
    "Wh": "3600 * J",
    "FIT": "1e-9 / h",
    "degC": "K",  # in a quotient such as mW/degC; alone it is read by hand
    "rad": "[]",
    "deg": f"{math.pi / 180!r} * rad",
    "percent": "0.01",
    "ppm": "1e-6",
}
# What a reader would write, for the messages; other units show themselves.
_EXAMPLES = {
    "1": "a plain number such as '0.85' or '85 %'",
    "m": "a length such as '25 nm'",
    "m^2": "an area such as '2 mm^2'",
    "1/m^3": "a density such as '1e18 1/cm^3'",
    "s": "a time such as '5 ns'",
    "s/m^3": "a dispersion slope such as '0.092 ps/nm^2/km'",
    "1/s": "a rate of decay such as '20 1/ns'",
    "Hz": "a frequency such as '50 GHz' or '53.125 GBd'",
    "1/Hz": "a noise density such as '-152 dB/Hz'",
    "V^2/Hz": "a noise density such as '4 nV^2/Hz'",
    "Hz/A^0.5": "a resonance over root current such as '8 GHz/mA^0.5'",
    "V": "a voltage such as '1.5 V'",
    "V*m": "a half-wave voltage times length such as '2.3 V*cm'",
    "A": "a current such as '20 mA'",
    "F": "a capacitance such as '25 fF'",
    "ohm": "a resistance such as '50 ohm'",
    "W": "a power such as '3 mW' or '3 dBm'",
    "K": "a temperature such as '70 degC' or '343 K'",
    "K/W": "a thermal resistance such as '1.5 K/mW'",
    "J": "an energy such as '10 pJ'",
    "J/bit": "an energy per bit such as '5 pJ/bit'",
    "bit/s": "a rate such as '200 Gbit/s'",
    "byte": "a size such as '80 GB'",
    "byte/s": "a rate such as '3.35 TB/s'",
    "FLOP/s": "a rate such as '989 TFLOP/s'",
    "dB": "a ratio such as '3 dB'",
    "dB/m": "a loss such as '2 dB/cm'",
    "dBm": "a power such as '3 dBm'",
    "FIT": "failures in 1e9 hours such as '50 FIT'",
}
_SPELLING = str.maketrans(
    {"−": "-", "µ": "u", "μ": "u", "Ω": "ohm", "·": "*", "²": "^2", "³": "^3"}
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_EXPONENT = re.compile(r"(?:\^|\*\*)\s*(\(-?\d(?:\.\d+)?\)|-?\d(?:\.\d+)?)(?![\d.])")
_PREFIXABLE = {"m", "s", "Hz", "V", "A", "F", "ohm", "W", "J", "bit", "byte", "FLOP"}


class InputError(ValueError):
    """What a user wrote cannot be used: where it stands, what came, what is allowed."""

    def __init__(
        self,
        allowed: str = "",
        *,
        got: Any = None,
        problem: str | None = None,
        key: str | None = None,
        file: Any = None,
        nearest: str | None = None,
    ):
        self.allowed = allowed
        self.got = got
        self.problem = problem
        self.key = key
        self.file = None if file is None else str(file)
        self.nearest = nearest
        super().__init__(allowed)

    def at(self, *, file: Any = None, key: str | None = None) -> "InputError":
        """The same error with its place added where that was not yet known."""
        return type(self)(
            self.allowed,
            got=self.got,
            problem=self.problem,
            key=self.key or key,
            file=self.file or file,
            nearest=self.nearest,
        )

    def __str__(self) -> str:
        place = [self.file] if self.file else []
        place += [f"`{self.key}`"] if self.key else []
        what = [self.problem or f"got {self.got!r}"]
        what += [f"expected {self.allowed}"] if self.allowed else []
        what += [f"did you mean `{self.nearest}`?"] if self.nearest else []
        return ": ".join([*place, "; ".join(what)])


TIE = 0.02  # of the likeness of two words


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Those of `names` that `name` was most likely meant to be, or None.

    Two at most, and the second only if it is about as near as the first.
    """
    lower = {}
    for candidate in names:
        lower.setdefault(candidate.lower(), candidate)
    found = difflib.get_close_matches(str(name).lower(), lower, n=2, cutoff=0.6)
    ratios = [
        difflib.SequenceMatcher(None, other, str(name).lower()).ratio()
        for other in found
    ]
    close = [
        n for n, ratio in zip(found, ratios, strict=True) if ratio > ratios[0] - TIE
    ]
    return "` or `".join(lower[other] for other in close) or None


def parse(text: Any, unit: str, *, bare: bool = False, delta: bool = False) -> float:
    """SI value of `text`, which has to have the dimension of `unit`.

    `unit` is a key of `units.SUFFIX`. With `bare` a number without a unit is taken as
    SI; otherwise only a pure number may go without one. With `delta` the text is a
    difference or a spread: then '20 degC' is 20 K, and a field in dBm takes dB.
    """
    if unit not in units.SUFFIX:
        raise KeyError(f"`{unit}` is not a unit of `units.SUFFIX`")
    if bare and isinstance(text, int | float) and not isinstance(text, bool):
        return _finite(float(text), text, unit)
    if not isinstance(text, str):
        raise InputError(f"{expected(unit)}, written as a string in quotes", got=text)
    number = _NUMBER.match(text := text.strip().translate(_SPELLING))
    if number is None:
        raise InputError(expected(unit), got=text)
    amount, tail = float(number[0]), text[number.end() :].strip()
    if not tail:
        if not (bare or unit == "1"):
            raise InputError(f"{expected(unit)}; a unit is missing", got=text)
        value = amount
    elif re.match(r"dB[a-z]?(\W|$)", tail):
        value = _from_decibels(amount, tail, unit, text, delta)
    elif tail in ("degC", "°C") and unit == "K":
        value = amount + (0.0 if delta else units.ZERO_CELSIUS_K)
    elif unit == "dBm" and not delta:
        watts = amount * _factor(tail, "W", unit, text)
        if watts <= 0:
            raise InputError("a power above zero", got=text)
        value = 10 * math.log10(watts / 1e-3)
    else:
        value = amount * _factor(tail, unit, unit, text)
    # 15 digits: '5 um' is the decimal 5e-6 and not 5 * 1e-6 = 4.9999999999999996e-06,
    # so that a value on the edge of its range is inside.
    return _finite(float(f"{value:.15g}"), text, unit)


def expected(unit: str) -> str:
    """What a value of `unit` looks like, for messages and documentation."""
    if unit in _EXAMPLES:
        return f"{_EXAMPLES[unit]} (dimension of {unit})"
    return f"a value such as '1 {unit}' (dimension of {unit})"


def show(value_si: Any, unit: str) -> str:
    """`value_si` for people: four digits and an SI prefix, in a form `parse` reads."""
    value = float(value_si)
    head, power, rest = _split(unit)
    if unit == "1":
        whole = value.is_integer() and abs(value) < 1e6
        return f"{value:.0f}" if whole else _digits(value)
    if value and math.isfinite(value):
        value = float(f"{value:.4g}")  # first, or 999.96 nm would print as 1000 nm
        allowed = {"m": "afpnumk", "s": "afpnum"}.get(head, "afpnumkMGTPE")
        steps = [("", 1.0)] if head not in _PREFIXABLE else _steps(allowed)
        inside = [(p, f) for p, f in steps if abs(value) >= f**power * (1 - 1e-9)]
        prefix, factor = max(inside or steps[:1], key=lambda step: step[1])
        value, head = value / factor**power, prefix + head
    exponent = f"^{power}" if power > 1 else ""
    short = "B" if head.endswith("byte") else ""
    head = head.removesuffix("byte") + short if short else head
    return f"{_digits(value)} {head}{exponent}{rest}"


def _steps(allowed: str) -> list[tuple[str, float]]:
    return sorted(
        [("", 1.0), *((p, _PREFIXES[p]) for p in allowed)], key=lambda step: step[1]
    )


def _split(unit: str) -> tuple[str, int, str]:
    """Leading unit, its power, and what follows: `V^2/Hz` is `V`, 2, `/Hz`."""
    found = re.match(r"(\w+)(?:\^(\d))?(.*)", unit)
    assert found is not None
    return found[1], int(found[2] or 1), found[3]


def _digits(value: float) -> str:
    text = f"{value:.4g}"
    if "e" in text and 1 <= abs(value) < 1e7:
        return f"{float(text):.0f}"
    return text


def _finite(value: float, text: Any, unit: str) -> float:
    if not math.isfinite(value):
        raise InputError(f"{expected(unit)}, finite", got=text)
    return value


def _from_decibels(
    amount: float, tail: str, unit: str, text: str, delta: bool
) -> float:
    # Past 3000 dB a float overflows; infinity is then refused with the others.
    ratio = 10 ** (amount / 10) if amount < 3000 else math.inf
    below = re.fullmatch(r"dB\s*/\s*(\w+)", tail)
    if unit == "dB/m" and below:
        return amount / _factor(below[1], "m", unit, text)
    if tail == "dB" and (unit == "dB" or (unit == "dBm" and delta)):
        return amount
    if tail == "dBm" and not delta and unit in ("dBm", "W"):
        return amount if unit == "dBm" else 1e-3 * ratio
    if re.fullmatch(r"dBc?\s*/\s*Hz", tail) and unit == "1/Hz" and not delta:
        return ratio
    hint = ""
    if unit == "1" and tail == "dB":
        hint = "; only a field in dB takes dB, -3 dB as a pure number is 0.501"
    elif delta and unit in ("1/Hz", "W"):
        hint = "; a spread is in linear units, not in dB"
    raise InputError(expected(unit) + hint, got=text)


def _factor(tail: str, target: str, unit: str, text: str) -> float:
    """How many `target` are in one of the unit that `tail` spells."""
    if target.startswith("dB"):
        raise InputError(expected(unit), got=text)
    tail = re.sub(r"failures?\s*/\s*1e9\s*h(ours?)?\b", "FIT", tail)
    tail = re.sub(r"sqrt\((\w+)\)", r"\1**0.5", tail).replace("%", " percent ").strip()
    if bit := re.search(r"\b[kMGTP]?b(ps)?\b|\b[kMGTP]?[bB]ps\b", tail):
        hint = (
            f"; `{bit[0]}` is ambiguous, write bit or byte, as in 'Gbit/s' or 'pJ/bit'"
        )
        raise InputError(expected(unit) + hint, got=text)
    expression = "1" + tail if tail.startswith("/") else tail
    plain = _EXPONENT.sub("", expression)
    # A second number is a slip, and numbers raised to numbers could run for ever.
    if re.search(r"\d|[^\w\s*/()]|\*\*|//", re.sub(r"^1\s*/", "", plain)):
        raise InputError(f"{expected(unit)}; one number, then its unit", got=text)
    if re.search(r"/\s*[\w.]+\s+\w", plain):
        hint = "; after a slash write `*` or brackets, as in 'K*m/W'"
        raise InputError(expected(unit) + hint, got=text)
    import pint

    read = _registry().parse_expression
    try:
        # The quotient of pure numbers is a bare float, hence the constructor.
        ratio = _registry().Quantity(read(expression) / read(target)).to_base_units()
    except pint.UndefinedUnitError as error:
        unknown = str(sorted(error.unit_names)[0])
        raise InputError(
            expected(unit),
            got=text,
            problem=f"got {text!r}, where `{unknown}` is not a unit",
            nearest=nearest(unknown, _spellings()),
        ) from error
    except Exception as error:  # pint raises bare Python errors for broken syntax
        raise InputError(expected(unit), got=text) from error
    if not ratio.dimensionless:
        raise InputError(expected(unit), got=text)
    return float(ratio.magnitude)


def _spellings() -> list[str]:
    names = [*_DEFINITIONS, "B"]
    return names + [prefix + name for name in names for prefix in _PREFIXES]


@functools.cache
def _registry() -> Any:
    import pint

    # pint types the file of definitions as text; None means that there is none.
    registry = pint.UnitRegistry(None)  # type: ignore[arg-type]
    for prefix, factor in _PREFIXES.items():
        registry.define(f"{prefix}- = {factor!r}")
    for name, meaning in _DEFINITIONS.items():
        registry.define(f"{name} = {meaning}")
    return registry
