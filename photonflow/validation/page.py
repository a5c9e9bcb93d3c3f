"""The page on links: every published row, what was made of it, misses included."""

from collections.abc import Iterable

from ..cards import Library
from .cases import Case, cases
from .derived import Derived, Implied, derived, implied
from .predictions import NOT_PREDICTED, Prediction, predictions


HEAD = """# Links against published numbers

Made by `python -m photonflow.validation > docs/validation.md`; a test holds it to the
code. Rows are those of `photonflow/validation/link.json`. An *identity* holds by
definition, *arithmetic* holds a data sheet against itself, and only a *prediction* puts
a model beside a measurement, a published design or another tool. Constants of the
models are not fitted to these rows. Card values that follow from theory, or from other
cards, come last.
"""


def page(found: list[Prediction] | None = None) -> str:
    """The page as Markdown, of predictions that are already there or made now."""
    rows = cases("link")
    found = predictions() if found is None else found
    library = Library()
    parts = [HEAD, _predictions(found), _missing(rows, found), _others(rows)]
    parts += [_derived(derived(library)), _implied(implied(library))]
    return "\n".join(parts)


def _predictions(found: list[Prediction]) -> str:
    lines = ["## Predictions", "", _summary(found), ""]
    lines += [
        "| row | compared | ours | published | error | tolerance | met | note |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for p in found:
        met = {True: "yes", False: "**no**", None: ""}[p.met]
        kind = "" if p.independent else "not independent: "
        cells = (
            f"`{p.id}`", p.what, _quantity(p.ours, p.unit), _published(p),
            _error(p), _tolerance(p), met, kind + p.note,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _summary(found: list[Prediction]) -> str:
    held = [p for p in found if p.met is not None]
    real = [p for p in held if p.independent]
    missed = [p for p in held if not p.met]
    names = ", ".join(f"{p.what} of `{p.id}`" for p in missed) or "none"
    return (
        f"n = {len(held)} numbers with a tolerance, {len(held) - len(missed)} of "
        f"them met. Of the n = {len(real)} that are independent of what went into the "
        f"models, {sum(bool(p.met) for p in real)} are met. Missed: {names}."
    )


def _missing(rows: list[Case], found: list[Prediction]) -> str:
    done = {p.id for p in found}
    lines = ["## Not predicted", ""]
    for row in rows:
        if row.class_ == "prediction" and row.id not in done:
            lines.append(f"- `{row.id}`: {NOT_PREDICTED[row.id]}.")
    return "\n".join(lines) + "\n"


def _others(rows: list[Case]) -> str:
    lines = ["## Identities and arithmetic", ""]
    for class_ in ("identity", "arithmetic"):
        own = [row for row in rows if row.class_ == class_]
        lines.append(f"{class_}: n = {len(own)}, each a test in `tests/validation/`.")
    lines += [
        "",
        "*Verified*: whoever gathered the row read or computed its figures again; the",
        "others are partly from memory.",
        "",
        "| row | class | tolerance | verified |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        if row.class_ != "prediction":
            held = ", ".join(f"{k} {v}" for k, v in row.tolerance.items()) or "exact"
            verified = "yes" if row.verified else "no"
            lines.append(f"| `{row.id}` | {row.class_} | {held} | {verified} |")
    return "\n".join(lines) + "\n"


def _derived(found: list[Derived]) -> str:
    met = sum(row.met for row in found)
    lines = [
        "## Derived card values",
        "",
        "What cards state as a value, as the end of a range or in a note, computed",
        f"again: n = {len(found)}, {met} inside what the digits on the card allow.",
        "A bound is the least that a part may need.",
        "",
        "| card | value | on the card | derived | error | tolerance | met | from |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for row in found:
        name = row.card if " " in row.card else f"`{row.card}`"
        error, held = "", "at least"
        if row.tolerance is not None:
            error, held = _percent(row.error), f"{100 * row.tolerance:g}%"
        cells = (
            name, row.what, _quantity(row.stated, row.unit),
            _quantity(row.derived, row.unit), error, held,
            "yes" if row.met else "**no**",
            row.law,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _implied(found: Iterable[Implied]) -> str:
    lines = [
        "## What cards imply",
        "",
        "Figures that a part has and its card does not state. Crosstalk of a ring bus",
        "is that of the worst case; links use its variance instead.",
        "",
        "| card | figure | value |",
        "| --- | --- | ---: |",
    ]
    for row in found:
        value = _quantity(row.value, row.unit, digits=5)
        lines.append(f"| `{row.card}` | {row.what} | {value} |")
    return "\n".join(lines) + "\n"


def _percent(error: float) -> str:
    # 0 without a sign, which rounding would otherwise choose.
    return f"{error if abs(error) > 5e-4 else 0.0:+.1%}"


def _quantity(value: float | None, unit: str, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}g} {unit}".rstrip()


def _published(p: Prediction) -> str:
    ends = [f"{value:.4g}" for value in p.published]
    return f"{' to '.join(ends)} {p.unit}" if ends else "a trend"


def _error(p: Prediction) -> str:
    if p.error is None:
        return ""
    value = p.error if abs(p.error) > 5e-4 else 0.0
    return f"{value:+.2f} dB" if p.level else _percent(value)


def _tolerance(p: Prediction) -> str:
    if p.tolerance is None:
        return ""
    if isinstance(p.tolerance, tuple):
        return " to ".join(f"{end:+g}" for end in p.tolerance) + " dB"
    return f"{p.tolerance:g} dB" if p.level else f"{p.tolerance:.0%}"
