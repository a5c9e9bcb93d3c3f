"""The five steps of CONTRIBUTING, taken as they are written there."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
STEPS = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Add a part")[1]


@pytest.fixture
def folder(tmp_path) -> Path:
    """The class and the cards of the example, in folders as the steps have them."""
    (tmp_path / "code").mkdir()
    code = "\n\n".join(_blocks("python"))
    (tmp_path / "code/directional_couplers.py").write_text(code, "utf-8")
    (card,) = _blocks("yaml")
    name = re.findall(r"^name: (.*)$", card, re.M)[0]
    for room in ("modulators", "ports", "links"):
        shutil.copytree(ROOT / "devices" / room, tmp_path / "devices" / room)
    (tmp_path / f"devices/modulators/{name}.yaml").write_text(card, "utf-8")
    (copy,) = [block for block in _blocks("sh") if "sed" in block]
    subprocess.run(["sh", "-ec", copy], cwd=tmp_path, check=True)
    return tmp_path


def test_the_class_and_the_cards_of_the_example_make_a_link(folder):
    printed = _python(
        folder,
        """
        pf.enable_x64()
        link = Library.with_folders(folder).load("coupler-800g")
        point = link.end_a.modulator.operate(1e-3)
        print(type(link.end_b.modulator).__name__, point.static(1.0) / point.top)
        """,
    )
    assert printed == "CouplerModulator 1.000001\n"


@pytest.mark.slow
def test_the_link_of_the_example_is_solved_and_simulated(folder):
    printed = _python(
        folder,
        """
        out = folder + "/out"
        app(["link", "coupler-800g", "--cards", folder, "--out", out, "--quiet"])
        """,
    )
    assert "switching voltage of the coupler left" in printed
    assert "Simulated in time" in printed


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", STEPS, re.S | re.M)


def _python(folder: Path, script: str) -> str:
    """What a script prints when the example's module is one of `photonflow.devices`."""
    head = f"""
        import photonflow as pf
        import photonflow.devices
        from photonflow.cards import Library
        from photonflow.cli import app
        folder = {str(folder)!r}
        photonflow.devices.__path__.append(folder + "/code")
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(script)],
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
