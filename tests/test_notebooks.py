"""Every notebook runs, as a script and as a notebook, and its figures can be read."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "experiments" / "notebooks").glob("*.py"))
# About a minute of compiling on two idle cores; ten times that on a busy machine.
TIMEOUT_S = 600

SCRIPT = """
import json, runpy, sys

runpy.run_path(sys.argv[1], run_name="__main__")

import matplotlib.pyplot as plt

def told(figure):
    title = figure.get_suptitle()
    return [title, [[ax.get_xlabel(), ax.get_ylabel()] for ax in figure.axes]]

with open("figures.json", "w") as file:
    json.dump([told(plt.figure(n)) for n in plt.get_fignums()], file)
"""


def environment(folder):
    """Without a display, and with this working copy before any installed package."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return os.environ | {
        "MPLBACKEND": "Agg",
        "PYTHONPATH": path,
        # Jupyter writes into the home folder otherwise.
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }


def test_there_are_notebooks_and_each_is_a_percent_script():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        cells = re.findall(r"^# %%(.*)$", path.read_text(), re.M)
        assert cells[0] == " [markdown]" and "" in cells, path.name


def test_prose_of_a_notebook_states_no_result():
    """A result in prose would go stale; it has to be printed by a cell.

    Names, rates and shapes of parts may have digits: `8 x 200G`, `1.6 Tbit/s`.
    """
    results = r"\d+(\.\d+)?\s?(%|J\b|mJ\b|MW\b|W\b|mA\b|nm\b|dB\b|s\b)"
    for path in NOTEBOOKS:
        for cell in re.split(r"^# %%", path.read_text(), flags=re.M):
            if cell.startswith(" [markdown]"):
                assert not re.search(results, cell), (path.name, cell)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_a_script_and_its_figures_say_what_they_show(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(path)],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures
    for title, axes in figures:
        # What was found is a sentence and has a number in it.
        assert re.search(r"\d", title), title
        # Axes that share theirs with the row below have no label of their own.
        assert all(x or y for x, y in axes), title


@pytest.mark.slow
def test_the_first_notebook_runs_in_a_kernel(tmp_path):
    missing = [
        name
        for name in ("ipykernel", "jupytext", "nbmake")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    path = NOTEBOOKS[0]
    notebook = tmp_path / f"{path.stem}.ipynb"
    convert = ["jupytext", "--quiet", "--to", "ipynb", str(path), "-o", str(notebook)]
    # A root of its own: the settings of our pytest are not for notebooks.
    execute = ["pytest", "-q", "--nbmake", f"--nbmake-timeout={TIMEOUT_S}", "-p"]
    execute += [
        "no:cacheprovider",
        "--overwrite",
        f"--rootdir={tmp_path}",
        notebook.name,
    ]
    for command in (convert, execute):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    cells = json.loads(notebook.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    assert any(cell["outputs"] for cell in code)
