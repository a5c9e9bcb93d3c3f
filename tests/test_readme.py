"""What the README shows has to run."""

import re
import subprocess
import sys
from pathlib import Path

import photonflow
from helpers import assert_close


ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
TOUR = (ROOT / "docs/tour.md").read_text("utf-8")


def test_the_ten_lines_print_what_the_tour_shows():
    """The tour takes the script out of the README; only its output stands there."""
    (script,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in script.splitlines() if line.strip()]) <= 11
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (shown,) = re.findall(r"```text\n(\(Array.*?)```", TOUR, re.S)
    value, slope = _numbers(done.stdout)
    assert slope != 0
    # The page has ten digits; another machine adds up in another order.
    assert_close([value, slope], _numbers(shown), rtol=1e-6)


def test_the_quick_start_is_two_commands_of_one_line():
    part = README.split("## Quick start")[1].split("\n## ")[0]
    assert re.findall(r"```sh\n(.*?)```", part, re.S) == ["make run\n", "make test\n"]


def test_every_public_name_resolves():
    for name in dir(photonflow):
        assert getattr(photonflow, name) is not None


def _numbers(printed: str) -> list[float]:
    return [float(x) for x in re.findall(r"Array\(([-\d.e+]+)", printed)]
