"""What the README shows has to run."""

import re
import subprocess
import sys
from pathlib import Path

import photonflow


README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_script_of_the_readme_runs_and_its_gradient_is_not_zero():
    (script,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in script.splitlines() if line.strip()]) <= 11
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    value, slope = map(float, re.findall(r"Array\(([-\d.e+]+)", done.stdout))
    assert 20 < value < 50 and slope != 0


def test_the_quick_start_is_two_commands_of_one_line():
    part = README.split("## Quick start")[1].split("\n## ")[0]
    assert re.findall(r"```sh\n(.*?)```", part, re.S) == ["make run\n", "make test\n"]


def test_every_public_name_resolves():
    for name in dir(photonflow):
        assert getattr(photonflow, name) is not None
