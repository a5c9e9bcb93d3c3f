"""The run folder: written atomically, and read again to go on.

```
resolved.yaml  result.json  report.html  figures/  trace.parquet
tasks/<task>/  resolved.yaml  result.json  trace.parquet
```

What is written is written beside its place and moved there: a task as a whole, the
files of a study one by one with `result.json` last, so a folder with a `result.json` is
complete. Several processes may work in one folder at once; what a killed one leaves
begins with `.part-` and is never read.
"""

import contextlib
import itertools
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ..cards.schema import check
from ..quantity import InputError
from ..result.schema import Result, VariantResult


OnProgress = Callable[[str], None]
"""takes one line about what is being done"""
TraceRow = dict[str, Any]
"""one step of a search"""

STALE_S = 86400.0
"""how long nothing moves in a `.part-` folder that another machine left behind"""

_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Folder:
    """A run folder, which need not exist yet."""

    def __init__(self, path: Path):
        self.path = path
        if path.exists() and not path.is_dir():
            raise InputError("a folder", problem="is a file", key="--out", file=path)

    def find(
        self, task: str, setting: dict[str, Any], progress: OnProgress
    ) -> tuple[VariantResult, list[TraceRow]] | None:
        """What the task came to, if it is finished with just these settings."""
        place = self.path / "tasks" / task
        try:
            before = (place / "resolved.yaml").read_text("utf-8")
            text = (place / "result.json").read_text("utf-8")
            if before != as_yaml(setting):
                progress(f"{task}: settings differ from {place}, done again")
                return None
            result, trace = VariantResult.model_validate_json(text), read_trace(place)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # a disk that was full, a file that was edited
            progress(f"{task}: {place} cannot be read, done again")
            return None
        progress(f"{task}: already in {place}, skipped")
        return result, trace

    def keep(
        self,
        task: str,
        setting: dict[str, Any],
        result: VariantResult,
        trace: list[TraceRow],
    ) -> None:
        """Writes one finished task, all of it or nothing."""
        tasks = self.path / "tasks"
        text = as_json(result.model_dump(mode="json"))
        with _part(tasks) as new:
            (new / "resolved.yaml").write_text(as_yaml(setting), "utf-8")
            write_trace(new, trace)
            (new / "result.json").write_text(text, "utf-8")
            _swap(new, tasks / task)

    def tidy(self) -> None:
        """Makes the folder, and removes what killed processes left half-written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot be made: {error.strerror}"
            raise InputError(
                "a folder", problem=problem, key="--out", file=self.path
            ) from error
        for folder in (self.path, self.path / "tasks"):
            for part in folder.glob(".part-*"):
                if _abandoned(part):
                    shutil.rmtree(part, ignore_errors=True)

    def finish(
        self,
        settings: dict[str, dict[str, Any]],
        result: dict[str, Any],
        trace: list[TraceRow],
        progress: OnProgress,
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

    write_page(folder, Result.model_validate(result), trace or None)


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new folder, whose files move to `folder` when all of them are written."""
    with _part(folder) as new:
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


@contextlib.contextmanager
def _part(folder: Path) -> Iterator[Path]:
    """A new folder inside `folder`, which is gone in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    # No `tempfile`: what it makes is for the owner alone, and this becomes the result.
    owner = f"{socket.gethostname()}-{os.getpid()}"
    new = folder / f".part-{owner}-{secrets.token_hex(8)}"
    new.mkdir()
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: Path, place: Path) -> None:
    """Moves the folder `new` to `place`; what was there goes as a whole.

    A folder cannot take the place of a full one. In between there is none, and a reader
    finds the task unfinished, never the half of one and the half of another.
    """
    for turn in itertools.count():
        old = new.with_name(f"{new.name}.old{turn}")
        with contextlib.suppress(FileNotFoundError):
            place.rename(old)
            shutil.rmtree(old, ignore_errors=True)
        try:
            new.rename(place)
            return
        except OSError:  # another process was quicker: its turn to be replaced
            if not place.exists():
                raise


def _abandoned(part: Path) -> bool:
    """Whether the process that wrote `part` is gone, as far as can be told here."""
    try:
        last = max(path.stat().st_mtime for path in (part, *part.rglob("*")))
    except FileNotFoundError:  # it has just been moved
        return False
    owner = part.name.removeprefix(".part-").rpartition("-")[0]
    host, _, process = owner.rpartition("-")
    if time.time() - last > STALE_S:
        return True
    if host != socket.gethostname() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


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
        data = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError("JSON", problem=str(error), file=path) from error
    return check(Result, data, path).plain()


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
