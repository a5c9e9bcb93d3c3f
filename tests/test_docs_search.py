"""Every block of `docs/search.md` runs as it stands, one after the other."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


PAGE = Path(__file__).parents[1] / "docs" / "search.md"
PARTS = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.M)[1:]
BLOCKS = {
    part.splitlines()[0]: re.findall(r"^```python\n(.*?)^```", part, re.M | re.S)
    for part in PARTS
}


def test_all_parts_of_the_page_that_promise_code_have_it():
    assert [name for name, blocks in BLOCKS.items() if blocks] == [
        "A ring", "A link", "A matrix unit", "Choices", "Yield", "Fronts",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["A ring", "A link", "A matrix unit"])
def test_a_search_takes_fifteen_lines_of_public_api(name):
    (block,) = BLOCKS[name]
    assert "photonflow." not in block
    assert sum("pf." in line for line in block.splitlines()) <= 15


SCRIPT = "\n".join(block for blocks in BLOCKS.values() for block in blocks)
END = """
import json
print("END", json.dumps([
    [s.status, s.feasible] for s in (best, cheapest, leanest, chosen, robust, *front)
] + [[fresh.share, chosen.choices]]))
"""


@pytest.mark.slow
def test_every_block_runs_and_finds_an_optimum(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + END],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PAGE.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    *states, (share, choices) = json.loads(done.stdout.split("END ")[1])
    assert all(feasible for _, feasible in states)
    smooth = [status for i, (status, _) in enumerate(states) if i != 4]
    assert smooth == ["converged"] * len(smooth)
    assert share >= 0.94
    assert set(choices.values()) <= {"lateral", "folded"}
