"""What the commands say: progress on stderr, tables or one JSON document on stdout."""

import json
import sys
from pathlib import Path
from typing import Any

import typer


DONE, BAD_INPUT, INFEASIBLE = 0, 2, 3


class ProgressLine:
    """Messages on stderr: the current one beside a spinner, all of them if verbose."""

    def __init__(self, quiet: bool, verbose: bool):
        from rich.console import Console

        self.quiet, self.verbose = quiet, verbose
        self.console = Console(stderr=True)
        self.status = self.console.status("photonflow")

    def __enter__(self) -> "ProgressLine":
        if not self.quiet:
            self.status.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.status.stop()

    def __call__(self, text: str) -> None:
        """Say `text`."""
        if self.quiet:
            return
        self.status.update(text)
        # A skipped task must leave a line, and a log file has no spinner.
        if self.verbose or not self.console.is_terminal or "skipped" in text:
            self.console.print(text, highlight=False)


def print_result(result: dict[str, Any], as_json: bool) -> None:
    """The whole result, as tables or as JSON."""
    if as_json:
        print_json(result)
        return
    from ..report.console import show_result
    from ..result.schema import Result

    show_result(console(), Result.model_validate(result))


def print_task(row: Any, now: bool, folder: Path, as_json: bool) -> None:
    """One task of many, `now` or found done."""
    from ..result.names import task_name

    if as_json:
        print_json(row.model_dump(mode="json"))
        return
    name = task_name(row.workload, row.name, row.point)
    joules = (
        "no result" if row.j_per_token is None else f"{row.j_per_token:.3f} J/token"
    )
    done = "written to" if now else "was already in"
    print(f"{name}: {joules}, {done} {folder / 'tasks' / name}")


def leave(result: dict[str, Any]) -> None:
    """Exit code 3 where a variant cannot meet its limits."""
    from ..result.names import task_name

    failed = [v for v in result["variants"] if not v["feasible"]]
    for variant in failed:
        name = task_name(variant["workload"], variant["name"], variant.get("point"))
        print(f"photonflow: {name}: {variant['message']}", file=sys.stderr)
    if failed:
        raise typer.Exit(INFEASIBLE)


def console() -> Any:
    """Standard output, wide enough where it is a pipe."""
    from rich.console import Console

    terminal = Console()
    # A pipe has no width; a table cut to 80 columns would lose figures.
    return terminal if terminal.is_terminal else Console(width=160)


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table of texts."""
    from ..report.table import terminal, text_table

    console().print(terminal(text_table(title, columns, rows)))


def print_json(data: Any) -> None:
    """One JSON document that other readers accept."""
    print(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False))
