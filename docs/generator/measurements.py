"""The page of benchmarks: what each measures, its command, what it last gave."""

import ast
from pathlib import Path

from .markdown import page
from .rooms import ROOT


BENCHMARKS = ROOT / "benchmarks"


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
        f"```sh\npython -m benchmarks {name}\n```",
        ast.get_docstring(tree) or "",
    )
