"""`python -m benchmarks NAME [--json]`: one measurement, as a table or as JSON rows."""

import argparse
import importlib
import json
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path


NAMES = (
    "chain",
    "links",
    "mesh",
    "montecarlo",
    "predictions",
    "ring_sweep",
    "rings",
    "search",
    "seconds",
    "supermodes",
    "technologies",
    "training",
)
RECORDS = Path(__file__).parents[1] / "docs" / "measured"
"""what the page of benchmarks shows"""


def main() -> None:
    """Run one benchmark and print its rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    parser.add_argument(
        "--record", action="store_true", help="keep the rows for the documentation"
    )
    options = parser.parse_args()
    module = importlib.import_module(f".{options.name}", __package__)
    rows = module.rows()
    if hasattr(module, "PAGE"):
        module.PAGE.write_text(module.page(rows), "utf-8")
    if options.record:
        RECORDS.mkdir(exist_ok=True)
        record = {"machine": _machine(), "date": f"{date.today()}", "rows": rows}
        text = json.dumps(record, indent=1) + "\n"
        (RECORDS / f"{options.name}.json").write_text(text, "utf-8")
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print("  ".join(f"{key}={_short(value)}" for key, value in row.items()))


def _machine() -> str:
    cpu = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        lines = facts.read_text("utf-8").splitlines()
        names = [line for line in lines if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    return (
        f"{os.cpu_count()} cores of {cpu}, Python {platform.python_version()}, "
        f"jax {version('jax')}"
    )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


main()
