"""The page of benchmarks: what each measures, its command, what it last gave."""

import ast
import json
from pathlib import Path
from typing import Any

from .markdown import page, plain, table
from .rooms import ROOT


BENCHMARKS = ROOT / "benchmarks"
RECORDS = ROOT / "docs/measured"
"""what `--record` keeps"""


def pages() -> dict[str, str]:
    """The page, under the text that stands above it."""
    head = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    return {"benchmarks.md": page(head, *map(_benchmark, names()))}


def names() -> list[str]:
    """Every benchmark: the modules that have `rows`."""
    return [path.stem for path in sorted(BENCHMARKS.glob("*.py")) if _measures(path)]


def _measures(path: Path) -> bool:
    tree = ast.parse(path.read_text("utf-8"))
    return any(isinstance(n, ast.FunctionDef) and n.name == "rows" for n in tree.body)


def _benchmark(name: str) -> str:
    tree = ast.parse((BENCHMARKS / f"{name}.py").read_text("utf-8"))
    return page(
        f"## {name} {{#{name}}}",
        ast.get_docstring(tree) or "",
        f"```sh\npython -m benchmarks {name}\n```",
        _record(RECORDS / f"{name}.json"),
    )


def _record(path: Path) -> str:
    """What was measured last, and on what."""
    if not path.is_file():
        return "No measurement is kept: run it on your own machine."
    record = json.loads(path.read_text("utf-8"))
    rows = record["rows"]
    # A condition that all rows share is said once.
    conditions = {row.get("conditions") for row in rows}
    columns = dict.fromkeys(key for row in rows for key in row if key != "name")
    if len(conditions) == 1:
        columns.pop("conditions", None)
    said = f" {plain(*conditions)}." if len(conditions) == 1 and any(conditions) else ""
    return page(
        f"Measured {record['date']} on {plain(record['machine'])}.{said}",
        table(
            [plain(column.replace("_", " ")) for column in columns],
            ([_cell(row.get(column)) for column in columns] for row in rows),
        ),
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else plain(value)
