"""The ring modulator of a finished run, put together again from its folder.

`resolved.yaml` of a task has every number of the cluster before the search, the
`design` of its result what the search decided. Cards are not read again: they may have
changed since.
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from ..cards.values import require_name
from ..component import Component
from ..devices.ring_modulators import MicroringModulator
from ..quantity import InputError
from .folder import read_result


_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_C = TypeVar("_C", bound=Component)
MARK = ".junction_fraction"
"""a quantity that only a ring modulator has"""


class Device(NamedTuple):
    """A ring modulator, and where it stands in which cluster."""

    ring: MicroringModulator
    task: str
    """workload.variant"""
    path: str
    same: list[str]
    """other places with the same ring"""
    searched: list[str]
    """quantities of the ring that the search decided"""


def ring_of(folder: Path, variant: str | None = None) -> Device:
    """The ring of `variant`, or of the last variant that has one and a design.

    Of several workloads the last one counts.
    """
    rows = read_result(folder)["variants"]
    if variant is not None:
        require_name(
            variant, [row["name"] for row in rows], file=folder, what="variant"
        )
    with_ring = [row for row in rows if _places(row)]
    names = list(dict.fromkeys(row["name"] for row in with_ring))
    if not names:
        raise InputError(
            "a run with a ring modulator in one of its variants",
            problem=f"no ring in {', '.join(row['name'] for row in rows)}",
            file=folder,
        )
    if variant is None:
        wanted = [row for row in with_ring if row["design"]] or with_ring
    else:
        wanted = [row for row in with_ring if row["name"] == variant]
    if not wanted:
        raise InputError(
            f"one of {', '.join(names)}",
            problem=f"'{variant}' has no ring modulator",
            key="--variant",
            file=folder,
        )
    return _device(folder, wanted[-1])


def _device(folder: Path, row: dict[str, Any]) -> Device:
    """The first ring of one row of a result; a search builds all of them alike."""
    task = f"{row['workload']}.{row['name']}"
    file = folder / "tasks" / task / "resolved.yaml"
    if not file.is_file():
        raise InputError(
            "the folder as `photonflow run` left it", problem="missing", file=file
        )
    resolved = yaml.load(file.read_text("utf-8"), Loader=_SafeLoader)
    values = {path: entry["si"] for path, entry in resolved["values"].items()}
    values |= row["design"]
    places = _places(row)
    path = next((p for p in places if _below(p, row["design"])), places[0])
    ours = _below(path, values)
    return Device(
        ring=_build(MicroringModulator, ours, ""),
        task=task,
        path=path,
        same=[p for p in places if p != path and _below(p, values) == ours],
        searched=list(_below(path, row["design"])),
    )


def _places(row: dict[str, Any]) -> list[str]:
    """Paths of the ring modulators of a variant."""
    return [p.removesuffix(MARK) for p in row["provenance"] if p.endswith(MARK)]


def _below(path: str, values: dict[str, Any]) -> dict[str, Any]:
    """The part of `values` at `path`, by what follows it."""
    head = f"{path}."
    return {k.removeprefix(head): v for k, v in values.items() if k.startswith(head)}


def _build(cls: type[_C], values: dict[str, float], prefix: str) -> _C:
    """A component from its numbers by dotted path."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        path = prefix + field.name
        if "unit" in field.metadata:
            fields[field.name] = values[path]
        elif field.metadata.get("static"):
            continue  # what no number says (locked, which carriers) is as by default
        elif isinstance(field.type, type):
            fields[field.name] = _build(field.type, values, f"{path}.")
    return cls(**fields)
