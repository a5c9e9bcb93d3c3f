"""CPU-seconds of what a person waits for, with empty caches and with full ones.

Each command runs twice, in a process of its own. *Cold* is the first run ever: nothing
compiled is kept. *Warm* is the second, which finds the programs of the first. Seconds
are those of user and system, of the process and all its children; those on the clock
stand beside them. The tests run as `make test` has them, on every core.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


COMMAND = (sys.executable, "-m", "photonflow.cli")
JOBS = {
    "run cpo-vs-pluggable": (*COMMAND, "run", "cpo-vs-pluggable", "--out", "run"),
    "evaluate cpo-vs-pluggable": (*COMMAND, "evaluate", "cpo-vs-pluggable", "--json"),
    "link cpo-ring-1600g": (*COMMAND, "link", "cpo-ring-1600g", "--out", "link"),
    "link dsp-dr8-1600g --json": (*COMMAND, "link", "dsp-dr8-1600g", "--json"),
    "show cpo-vs-pluggable": (*COMMAND, "show", "cpo-vs-pluggable"),
    "show cpo-ring-1600g": (*COMMAND, "show", "cpo-ring-1600g"),
    "show ring-oband-200g-folded": (*COMMAND, "show", "ring-oband-200g-folded"),
    "--help": (*COMMAND, "--help"),
    "tests": (
        *(sys.executable, "-m", "pytest", "-q", "-m", "not slow"),
        *("--numprocesses=logical", "--maxprocesses=8"),
    ),
}
ROOT = Path(__file__).parents[1]


def rows() -> list[dict]:
    """One row a command: CPU-seconds and seconds on the clock, cold and warm."""
    found = []
    for case, command in JOBS.items():
        row = {"name": "seconds", "case": case}
        with tempfile.TemporaryDirectory() as cache:
            for state in ("cold", "warm"):
                cpu_s, wall_s = _timed(command, cache)
                row |= {f"{state}_cpu_s": cpu_s, f"{state}_wall_s": wall_s}
        found.append(row | {"conditions": f"{os.cpu_count()} cores"})
    return found


def _timed(command: tuple[str, ...], cache: str) -> tuple[float, float]:
    """CPU-seconds and seconds of a command that writes into a folder of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            command,
            cwd=ROOT if "pytest" in command else folder,
            env={
                **os.environ,
                "PHOTONFLOW_CACHE_DIR": cache,
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.DEVNULL,
            check=True,
        )
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, wall_s
