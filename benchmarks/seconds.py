"""CPU-seconds of what a person waits for, with an empty cache and with a full one.

Each case is two commands, each in a process and a folder of its own. *Cold* is the
first run ever: nothing compiled is kept. *Warm* finds the programs of the cold one; of
the study it asks for other numbers. Seconds are those of user and system, of the
process and all its children; those on the clock stand beside them. The tests are left
out: `time make test` in a clean checkout.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


COMMAND = (sys.executable, "-m", "photonflow.cli")
STUDY = (*COMMAND, "run", "cpo-vs-pluggable", "--out", "run")
OTHER = ("--set", "scale_out.switch_length=300 m")
JOBS = {
    "run cpo-vs-pluggable": (STUDY, (*STUDY, *OTHER)),
    **{
        name: ((*COMMAND, *name.split()),) * 2
        for name in (
            "evaluate cpo-vs-pluggable --json",
            "link cpo-ring-1600g --out link",
            "link cpo-ring-1600g --json",
            "link dsp-dr8-1600g --json",
            "show cpo-vs-pluggable",
            "show cpo-ring-1600g",
            "show ring-oband-200g-folded",
            "run cpo-vs-pluggable --set foo.bar=3",
            "--help",
        )
    },
}
ROOT = Path(__file__).parents[1]


def rows() -> list[dict]:
    """One row a command: CPU-seconds and seconds on the clock, cold and warm."""
    found = []
    for case, commands in JOBS.items():
        row = {"name": "seconds", "case": case}
        with tempfile.TemporaryDirectory() as cache:
            for state, command in zip(("cold", "warm"), commands, strict=True):
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
            cwd=folder,
            env={
                **os.environ,
                "PHOTONFLOW_CACHE_DIR": cache,
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.DEVNULL,
            check=False,  # one of them is refused
        )
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, wall_s
