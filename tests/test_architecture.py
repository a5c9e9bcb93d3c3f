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
    # Each host is written in two parts, or this file would find itself.
    parts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", ""), ("conda", "org")]
    hosts = [".".join(part) for part in parts]
    found = [
        (str(path.relative_to(ROOT)), host)
        for path in tracked_files()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]
    assert found == []
