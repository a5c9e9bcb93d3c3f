"""The run folder: written atomically, and read again to go on.

```
resolved.yaml  result.json  report.html  figures/  trace.parquet
tasks/<workload>.<variant>/  resolved.yaml  result.json  trace.parquet
```

Every file is written beside its place and moved there, `result.json` last: a folder
with a `result.json` is complete.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ..quantity import InputError
from ..report.result import VariantResult


TraceRow = dict[str, Any]
"""one step of a search"""

_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Folder:
    """A run folder, which need not exist yet."""

    def __init__(self, path: Path):
        self.path = path
        if path.exists() and not path.is_dir():
            raise InputError("a folder", problem="is a file", key="--out", file=path)

    def find(
        self, task: str, setting: dict[str, Any], progress: Callable[[str], None]
    ) -> tuple[VariantResult, list[TraceRow]] | None:
        """What the task came to, if it is finished with just these settings."""
        place = self.path / "tasks" / task
        if not (place / "result.json").is_file():
            return None
        if (place / "resolved.yaml").read_text("utf-8") != as_yaml(setting):
            progress(f"{task}: settings differ from {place}, done again")
            return None
        text = (place / "result.json").read_text("utf-8")
        result = VariantResult.model_validate_json(text)
        progress(f"{task}: already in {place}, skipped")
        return result, read_trace(place)

    def keep(
        self,
        task: str,
        setting: dict[str, Any],
        result: VariantResult,
        trace: list[TraceRow],
    ) -> None:
        """Writes one finished task."""
        with replacing(self.path / "tasks" / task) as new:
            (new / "resolved.yaml").write_text(as_yaml(setting), "utf-8")
            write_trace(new, trace)
            (new / "result.json").write_text(as_json(result.model_dump(mode="json")))

    def finish(
        self,
        settings: dict[str, dict[str, Any]],
        result: dict[str, Any],
        trace: list[TraceRow],
        progress: Callable[[str], None],
    ) -> None:
        """Writes what belongs to the whole study, the page included."""
        text, tasks = as_json(result), as_yaml({"tasks": settings})
        if _is(self.path / "result.json", text) and (
            _is(self.path / "resolved.yaml", tasks)
        ):
            return
        progress("report: figures and page")
        with replacing(self.path) as new:
            (new / "resolved.yaml").write_text(tasks, "utf-8")
            write_trace(new, trace)
            page(new, result, trace)
            (new / "result.json").write_text(text, "utf-8")


def page(folder: Path, result: dict[str, Any], trace: list[TraceRow]) -> None:
    """The HTML page and its figures, into `folder`."""
    from ..report.page import write_page

    estimates = [
        {"variant": variant["name"], "workload": variant["workload"], **row}
        for variant in result["variants"]
        for row in variant["estimates"]
    ]
    write_page(folder, result, trace or None, result["sources"], estimates)


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new folder, whose files move to `folder` when all of them are written."""
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        yield new
        files = sorted(path for path in new.rglob("*") if path.is_file())
        if (new / "result.json").exists():
            # The old one goes first and the new one comes last: in between, and after
            # a crash, the folder is seen to be unfinished.
            (folder / "result.json").unlink(missing_ok=True)
        for path in sorted(files, key=lambda p: p.name == "result.json"):
            target = folder / path.relative_to(new)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def read_result(folder: Path) -> dict[str, Any]:
    """The `result.json` of a run folder."""
    path = folder / "result.json"
    if not path.is_file():
        raise InputError(
            "a folder that `photonflow run` has finished",
            problem="there is no result.json",
            file=folder,
        )
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError("JSON", problem=str(error), file=path) from error


def write_trace(folder: Path, rows: list[TraceRow]) -> None:
    """`trace.parquet`, also where there was no search: then without rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    pq.write_table(pa.table(columns), folder / "trace.parquet")


def read_trace(folder: Path) -> list[TraceRow]:
    """The rows of `trace.parquet`."""
    import pyarrow.parquet as pq

    path = folder / "trace.parquet"
    return pq.read_table(path).to_pylist() if path.is_file() else []


def as_json(data: Any) -> str:
    """JSON that other readers accept: no NaN, no infinity."""
    return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def as_yaml(data: Any) -> str:
    """YAML in the order of the data."""
    return yaml.dump(
        data, Dumper=_SafeDumper, sort_keys=False, allow_unicode=True, width=100
    )


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text
