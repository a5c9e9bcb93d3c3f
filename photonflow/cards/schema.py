"""What a card and a list of sources look like, and how strictly YAML is read.

`read_yaml` and `check` turn every mistake of syntax or shape into an `InputError`; the
experiment files go through the same two functions.
"""

import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field

from ..causes import COMPUTE, FACILITY, NETWORK
from ..quantity import InputError, nearest


Boundary = Literal["host", "module", "laser_source", "chip", "facility", "none"]
Kind = Literal["measured", "datasheet", "claim", "simulated", "calibrated", "estimate"]
Level = Literal["part", "module"]
"""what a figure was read of: one chip or block, or a whole module or engine"""
ESTIMATE = "estimate"
"""as a `source`: no source, only a stated judgement"""


class Strict(BaseModel):
    """A frozen model that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(Strict):
    """One number of a card: `{value: 5 um, range: [3 um, 15 um], source: key}`."""

    value: str = Field(description="number and unit, as in '5 um'")
    range: tuple[str, str] | None = Field(None, description="what the part spans")
    source: str = Field(description="key of sources.yaml, or `estimate`")
    spread: str | None = Field(None, description="one standard deviation")
    level: Level | None = Field(
        None, description="of an estimate: from figures of a part or of a module"
    )
    note: str | None = None


class Card(Strict):
    """One part: its class, its numbers, and the cards of its parts."""

    name: str = Field(description="equal to the name of the file")
    class_: str = Field(alias="class", description="class of the component")
    about: str = Field(description="one line")
    boundary: Boundary = Field(description="which box pays the watts")
    counts: tuple[str, ...] = Field((), description="causes its own watts count")
    includes: dict[str, str | int | float] = Field(
        {}, description="what the figures contain, for people"
    )
    values: dict[str, Value] = {}
    parts: dict[str, str] = Field({}, description="field -> card, or `none`")
    override: dict[str, Value] = Field(
        {}, description="dotted path into the parts -> value that replaces theirs"
    )
    static: dict[str, bool | int | str] = Field(
        {}, description="fields that are no quantity"
    )


class Source(Strict):
    """Where numbers come from."""

    cite: str = Field(description="authors, title, year")
    url: str | None = None
    doi: str | None = None
    kind: Kind
    level: Level | None = Field(
        None, description="whose watts: those of a part, or of a whole module"
    )
    note: str | None = None


CAUSES = NETWORK + COMPUTE + FACILITY

Model = TypeVar("Model", bound=BaseModel)


# The same reader in C, where PyYAML was built with it, is ten times as fast.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):
    """Safe YAML in which a key may stand only once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key}` stands twice", key_node.start_mark
                )
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, label: str | None = None) -> Any:
    """The content of a YAML file; `label` is how messages call the file."""
    label = label or str(path)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(file=label, problem=f"{error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError("text in UTF-8", file=label, problem="not text") from error
    try:
        # A subclass of the safe loader: it builds plain data and runs nothing.
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = f"{where}{error.problem or error.context}"
        raise InputError("YAML", file=label, problem=problem) from error
    except (yaml.YAMLError, ValueError) as error:
        # ValueError: a plain scalar such as 2024-13-45, which YAML takes for a date.
        raise InputError("YAML", file=label, problem=str(error)) from error


def check(model: type[Model], data: Any, file: Any) -> Model:
    """`data` as an instance of `model`; the first mistake becomes an `InputError`."""
    if not isinstance(data, dict):
        raise InputError("a mapping of keys to values", got=data, file=file)
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        raise _readable(model, error.errors(include_url=False), file) from error


def _readable(model: type[BaseModel], errors: list[Any], file: Any) -> InputError:
    # An unknown key first: its misspelling is also the reason why another is missing.
    error = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    loc, got, kind = error["loc"], error["input"], error["type"]
    owner, path = _follow(model, loc)
    key = ".".join(map(str, path))
    if kind == "extra_forbidden" and owner is not None:
        names = _keys(owner)
        return InputError(
            f"one of {', '.join(names)}",
            problem="unknown key",
            got=str(loc[-1]),
            key=key,
            file=file,
            nearest=nearest(str(loc[-1]), names),
        )
    if kind == "missing":
        return InputError(problem="missing", key=key, file=file)
    if kind == "literal_error":
        allowed = error["ctx"]["expected"]
        options = [
            option.strip(" '") for option in allowed.replace(" or", ",").split(",")
        ]
        guess = nearest(str(got), options)
        return InputError(allowed, got=got, key=key, file=file, nearest=guess)
    if kind == "string_type":
        # YAML makes numbers of 8 and 0.5 and truth values of yes and no.
        return InputError("text, in quotes", got=got, key=key, file=file)
    text = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return InputError(text, got=got, key=key, file=file)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _follow(model: Any, loc: tuple) -> tuple[type[BaseModel] | None, list]:
    """The model that owns the last step of `loc`, and the steps that are keys.

    pydantic's own path also names the branches of a union, which no reader wrote.
    """
    here, owner, path = model, None, []
    for step in loc:
        options = [here, *get_args(here)] if _is_union(here) else [here]
        here = None
        for option in options:
            if isinstance(option, type) and issubclass(option, BaseModel):
                owner, here = option, _annotation(option, step)
            elif get_origin(option) in (dict, tuple, list):
                owner, here = None, get_args(option)[-1]
                if here is Ellipsis:
                    here = get_args(option)[0]
            else:
                continue
            path.append(step)
            break
    return owner, path


def _annotation(model: type[BaseModel], step: Any) -> Any:
    for name, field in model.model_fields.items():
        if step in (name, field.alias):
            return field.annotation
    return None


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)
