"""The map of the rooms: every module of the package with a sentence, and the ladder."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .markdown import code, page, table


ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "photonflow"


def pages() -> dict[str, str]:
    """The map, with the text that stands above it."""
    head = (ROOT / "docs/rooms.md").read_text("utf-8")
    return {"rooms.md": page(head, "## The ladder", *_ladder(), *_rooms())}


def modules(folder: Path = PACKAGE) -> list[Path]:
    """Every module below a folder, packages before what is in them."""
    return sorted(folder.rglob("*.py"), key=lambda path: path.with_suffix("").parts)


def sentence(path: Path) -> str:
    """What a module says of itself in the first paragraph of its docstring."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def _ladder() -> Iterator[str]:
    """Rungs of the first contract of the import linter, highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    rungs = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rows = []
    for number, rung in enumerate(reversed(rungs), 1):
        names = [name.strip(" ()") for name in rung.split("|")]
        there = [name for name in names if (_file(name)).is_file()]
        cells = (
            ", ".join(f"[{code(name)}](#{name})" for name in there),
            " ".join(sentence(_file(name)) for name in there),
        )
        rows.append((str(number), *cells))
    yield """A module imports only from rungs below its own, and what shares a rung does
not see each other. `make lint` and the tests hold the package to it."""
    yield table(("rung", "room", "what it is for"), reversed(rows))


def _file(name: str) -> Path:
    single = PACKAGE / f"{name}.py"
    return single if single.is_file() else PACKAGE / name / "__init__.py"


def _rooms() -> Iterator[str]:
    yield "## The modules"
    for top in sorted(PACKAGE.iterdir()):
        if top.suffix == ".py" and top.stem != "__init__":
            yield f"### photonflow/{top.name} {{#{top.stem}}}"
            yield sentence(top)
        elif (top / "__init__.py").is_file():
            yield f"### photonflow/{top.name}/ {{#{top.name}}}"
            yield sentence(top / "__init__.py")
            rows = [
                (code(path.relative_to(top)), sentence(path))
                for path in modules(top)
                if path != top / "__init__.py"
            ]
            yield table(("module", "what is in it"), rows)
