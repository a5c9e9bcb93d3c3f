"""The files a user touches, read from the schemas that `photonflow schema` prints."""

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

from photonflow import cli

from .markdown import code, page, plain, table


def pages() -> dict[str, str]:
    """One page of all files that have a schema."""
    return {
        "reference/files.md": page(
            "# Files",
            """Every file that photonflow reads or writes is checked against a schema,
and an unknown key is an error. `photonflow schema NAME` prints one as JSON Schema, for
an editor that completes and checks. Of results, fields are only ever added.""",
            *(block for name in cli.SCHEMAS for block in _file(name)),
        )
    }


def schema(name: str) -> dict[str, Any]:
    """What `photonflow schema NAME` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        cli.schema(name)
    return json.loads(text.getvalue())


def _file(name: str) -> Iterator[str]:
    whole = schema(name)
    yield f"## {name} {{#{name}}}"
    yield plain(whole.get("description", ""))
    yield _table(name, whole)
    if "oneOf" in whole:
        yield f"One of: {_type(name, whole)}."
    for title, part in whole.get("$defs", {}).items():
        yield f"### {title} {{#{name}-{title}}}"
        yield plain(part.get("description", ""))
        yield _table(name, part)


def _table(name: str, part: dict[str, Any]) -> str:
    needed = part.get("required", [])
    return table(
        ("key", "type", "default", "meaning"),
        (
            (
                code(key),
                _type(name, row),
                "*required*" if key in needed else _default(row),
                plain(row.get("description", "")),
            )
            for key, row in part.get("properties", {}).items()
        ),
    )


def _default(row: dict[str, Any]) -> str:
    default = row.get("default")
    return code("none" if default in (None, {}, [], "") else default)


def _type(name: str, row: dict[str, Any]) -> str:
    """The type of a value, a link where it has a table of its own."""
    if "$ref" in row:
        title = row["$ref"].rpartition("/")[2]
        return f"[{title}](#{name}-{title})"
    for union in ("anyOf", "oneOf", "allOf"):
        if union in row:
            return " or ".join(dict.fromkeys(_type(name, each) for each in row[union]))
    if "const" in row:
        return code(json.dumps(row["const"]))
    if "enum" in row:
        return ", ".join(code(value) for value in row["enum"])
    if "prefixItems" in row:
        return f"[{', '.join(_type(name, each) for each in row['prefixItems'])}]"
    if row.get("type") == "array":
        return f"list of {_type(name, row.get('items', {}))}"
    if isinstance(inner := row.get("additionalProperties"), dict):
        return f"name to {_type(name, inner)}"
    return row.get("type", "anything")
