"""What holds for the package as a whole, whatever it computes."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jaxtyping
import pytest

import photonflow
from photonflow import units


ROOT = Path(__file__).parents[1]
HEAVY = {"jax", "gdsfactory", "sax", "matplotlib"}

HELP = """
import sys
sys.argv = ["photonflow", "--help"]
from photonflow.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def heavy_modules_after(code: str) -> set[str]:
    """Those of `HEAVY` that a fresh interpreter holds once it has run `code`."""
    code += "\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return HEAVY & set(done.stderr.split())


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    out = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    return [path for name in out.split("\0") if (path := ROOT / name).is_file()]


def test_modules_import_only_from_rungs_below():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_is_light():
    assert not heavy_modules_after("import photonflow")


def test_help_of_the_command_line_is_light():
    assert not heavy_modules_after(HELP)


@pytest.mark.parametrize("name", photonflow._HOME)
def test_public_name_resolves(name):
    assert name in dir(photonflow)
    assert getattr(photonflow, name) is not None


def test_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="`no_such_name`"):
        _ = photonflow.no_such_name


def test_annotations_of_the_package_are_checked_under_test():
    with pytest.raises(jaxtyping.TypeCheckError, match="name"):
        units.stem(1, "1")  # pyright: ignore[reportArgumentType]


def test_lock_has_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    lock = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[<>=\[]", name)[0] for name in wanted} <= locked


PLANNED = {"training", "calibration", "fabrics"}
"""extras of packages that nothing imports yet"""
CAPPED = {"click"}
"""held back for what imports it, and imported by nothing of ours"""
TOOLS = {
    "beartype": "pyproject.toml",
    "import-linter": "Makefile",
    "ipykernel": "tests/test_notebooks.py",
    "jupytext": "tests/test_notebooks.py",
    "mkdocs-material": "mkdocs.yml",
    "mkdocstrings": "mkdocs.yml",
    "nbmake": "tests/test_notebooks.py",
    "pyright": "Makefile",
    "pytest-xdist": "Makefile",
    "ruff": "Makefile",
}
"""what runs as a command or a plug-in -> the file that asks for it"""
ASKED = {
    "import-linter": "lint-imports",
    "mkdocs-material": "name: material",
    "pytest-xdist": "--numprocesses",
}
MODULES = {"pyyaml": "yaml"}


def declared() -> dict[str, set[str]]:
    """Names of the packages of every extra, and of `""`: what all users need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {"": project["dependencies"]} | project["optional-dependencies"]
    return {
        extra: {re.split(r"[<>=\[]", name)[0] for name in names}
        for extra, names in extras.items()
    }


def imported(*folders: str) -> set[str]:
    """Top modules that the files of `folders` import, or test for."""
    form = r"(?:^\s*(?:from|import) |importorskip\(.|import_module\(.)(\w+)"
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {
        name
        for path in files
        for name in re.findall(form, path.read_text("utf-8"), re.M)
    }


def test_every_dependency_is_imported():
    """By the package; those of an extra by whatever has use for it."""
    used = imported("photonflow")
    needed = declared()[""] - CAPPED
    assert {name for name in needed if MODULES.get(name, name) not in used} == set()
    used = imported("photonflow", "tests", "benchmarks", "docs")
    for extra, names in declared().items():
        loose = {name for name in names - CAPPED if MODULES.get(name, name) not in used}
        if extra in PLANNED:
            assert loose == names, f"`{extra}` is imported: no longer planned"
        else:
            assert loose <= set(TOOLS)
    for name, file in TOOLS.items():
        assert ASKED.get(name, name) in (ROOT / file).read_text("utf-8"), name


def test_no_dependency_is_declared_twice():
    names = [name for names in declared().values() for name in names]
    assert sorted(names) == sorted(set(names))


def test_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert photonflow.__version__ == project["version"]


def test_no_file_of_the_package_is_over_400_lines():
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / "photonflow").rglob("*.py")
    }
    assert {name: n for name, n in lines.items() if n > 400} == {}


def test_no_tracked_file_names_a_registry_host():
    # Each host is written backwards, or this file would find itself.
    backwards = ("gro.ipyp", "gro.detsohnohtyp", ".sjmpn", "gro.adnoc")
    hosts = [host[::-1] for host in backwards]
    found = [
        (str(path.relative_to(ROOT)), host)
        for path in tracked_files()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]
    assert found == []
