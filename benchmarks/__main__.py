"""`python -m benchmarks NAME [--json]`: one measurement, as a table or as JSON rows."""

import argparse
import importlib
import json


NAMES = ("chain", "mesh", "rings", "supermodes", "sweep", "training")


def main() -> None:
    """Run one benchmark and print its rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    rows = importlib.import_module(f".{options.name}", __package__).rows()
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print("  ".join(f"{key}={_short(value)}" for key, value in row.items()))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


main()
