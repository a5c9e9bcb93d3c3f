"""Cases to validate against: files of rows beside this module.

A row holds what goes in, what should come out and how near. Where `class` is `identity`
it holds by definition and where it is `arithmetic` a data sheet is held against itself;
only a `prediction` is validation. `verified` says that the numbers were computed again:
a row without is shown, but counts in no figure of a group.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..quantity import InputError, nearest


def _tolerance(value: Any) -> float | str:
    """A number, or words: `one octave` is a tolerance, `1%` is a number misspelt."""
    if isinstance(value, str) and not value[:1].isalpha():
        raise ValueError("a number, or a sentence where none can say it")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a number, or a sentence where none can say it")
    return value if isinstance(value, str) else float(value)


class Case(BaseModel):
    """One row; `class` is `class_` in Python."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(description="unique in its file", pattern="^[A-Za-z0-9_.]+$")
    kind: str = Field(description="the part that it is about")
    class_: Literal["identity", "arithmetic", "prediction"] = Field(alias="class")
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    tolerance: dict[str, Annotated[Any, AfterValidator(_tolerance)]] = Field(
        description="by kind, such as `rel` or `abs_dB`, a number or, for what none "
        "can say, a sentence; empty where exact"
    )
    source: str = Field(min_length=1)
    note: str
    verified: bool


def cases(name: str) -> list[Case]:
    """All rows of the file `name`, such as `optical`, in its order."""
    folder = Path(__file__).parent
    known = sorted(file.stem for file in folder.glob("*.json"))
    if name not in known:
        raise InputError(
            f"one of {', '.join(known)}",
            got=name,
            key="cases",
            nearest=nearest(name, known),
        )
    file = folder / f"{name}.json"
    return read(file.read_text("utf-8"), file=f"validation/{file.name}")


def read(text: str, file: str) -> list[Case]:
    """Rows of the JSON `text`, each checked, no id twice; `file` is for errors."""
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError("JSON", problem=str(error), file=file) from error
    if not isinstance(rows, list):
        raise InputError("a list of cases", got=type(rows).__name__, file=file)
    found: dict[str, Case] = {}
    for i, row in enumerate(rows):
        label = row.get("id", i) if isinstance(row, dict) else i
        try:
            case = Case.model_validate(row)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in (label, *first["loc"]))
            raise InputError(problem=first["msg"], key=path, file=file) from error
        if case.id in found:
            raise InputError(
                "each id once", problem="comes twice", key=case.id, file=file
            )
        found[case.id] = case
    return list(found.values())
