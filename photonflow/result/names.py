"""Names of tasks and of the points of a sweep."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote


def task_name(workload: str, variant: str, point: Mapping[str, str] | None) -> str:
    """Name of a task and of its folder: `decode.cpo.oversubscription=2,rail=128`.

    What no file system could take is written as in a URL, after blanks are left out: at
    `85 %` it is `85%25`.
    """
    point = point or {}
    names = short_keys(point)
    values = [f"{escaped(names[k])}={escaped(value)}" for k, value in point.items()]
    ends = [",".join(values)] if values else []
    return ".".join([escaped(workload), escaped(variant), *ends])


def escaped(text: str) -> str:
    """`text` as part of the name of a folder."""
    return quote(re.sub(r"\s+", "", text), safe="+")


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """The last words of every dotted key, as many as tell it from the others."""
    keys = list(keys)
    found = {}
    for key in keys:
        words = key.split(".")
        ends = [".".join(words[-n:]) for n in range(1, len(words) + 1)]
        others = [other for other in keys if other != key]
        found[key] = next(
            (e for e in ends if not any(f".{o}".endswith(f".{e}") for o in others)), key
        )
    return found


def key_labels(keys: Iterable[str]) -> dict[str, str]:
    """Short names of swept keys, for people: `accelerators per port`."""
    return {key: name.replace("_", " ") for key, name in short_keys(keys).items()}


def point_labels(point: Mapping[str, str] | None) -> list[str]:
    """`accelerators per port 2` for every swept key."""
    names = key_labels(point or {})
    return [f"{names[key]} {value}" for key, value in (point or {}).items()]
