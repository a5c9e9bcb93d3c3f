"""A run that is killed at any moment of its search comes to the same end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from photonflow.experiment.io import shipped


ROOT = Path(__file__).parents[1]
KILLS = 20


def command(study: Path, out: Path) -> list[str]:
    start = [sys.executable, "-m", "photonflow.cli", "run"]
    return [*start, str(study), "--out", str(out), "--quiet"]


def outcome(out: Path) -> dict:
    """All of the result but what the clock said."""
    result = json.loads((out / "result.json").read_text("utf-8"))
    for variant in result["variants"]:
        variant["search"].pop("seconds")
    return result


@pytest.mark.slow
def test_twenty_kills_change_no_digit(tmp_path):
    data = yaml.safe_load((shipped() / "cpo-vs-pluggable.yaml").read_text("utf-8"))
    data["variants"] = {"cpo": data["variants"]["cpo"]}
    data["workloads"] = {"decode": data["workloads"]["decode"]}
    study = tmp_path / "cpo-vs-pluggable.yaml"
    study.write_text(yaml.safe_dump(data), "utf-8")
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PHOTONFLOW_CACHE_DIR": str(tmp_path / "cache"),
    }

    def run(out, kill_s=None):
        process = subprocess.Popen(
            command(study, out), env=env, cwd=tmp_path, stdout=subprocess.DEVNULL
        )
        if kill_s is not None:
            time.sleep(kill_s)
            process.send_signal(signal.SIGKILL)
        return process.wait()

    assert run(tmp_path / "whole") == 0  # fills the cache of programs
    began = time.monotonic()
    assert run(tmp_path / "again") == 0
    took_s = time.monotonic() - began
    whole = outcome(tmp_path / "whole")
    assert outcome(tmp_path / "again") == whole
    out = tmp_path / "killed"
    for part in np.linspace(0.2, 0.98, KILLS):
        if run(out, part * took_s) == 0:  # quicker than its kill: begin anew
            out = tmp_path / f"killed-{part:.2f}"
    assert run(out) == 0
    assert outcome(out) == whole
