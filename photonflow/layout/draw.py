"""From a modulator to `layout.gds`, `layout.png` and the figures beside them."""

import time
from pathlib import Path
from typing import Any

from ..component import replace
from ..devices.ring_modulators import MicroringModulator
from . import cells, picture, process, rules
from .comparison import compare, compare_row, row_radii_m
from .extraction import netlist, spectrum
from .process import EFFECTIVE_INDEX, UM


SCHEMA = "photonflow.layout/1"


def lay_out(ring: MicroringModulator, folder: Path) -> dict[str, Any]:
    """Draw `ring` and a row of eight into `folder`; what was drawn and measured.

    In `layout.gds` the top cell `ring_row...` has eight `ring_modulator...`, of which
    the first is `ring` itself. All values are plain data in SI units.
    """
    process.activate()
    began = time.perf_counter()
    radius, gap, fraction = (
        float(x) for x in (ring.radius_m * UM, ring.gap_m * UM, ring.junction_fraction)
    )
    one = cells.ring_modulator(radius, gap, fraction)
    radii = [r * UM for r in row_radii_m(ring)]
    # The first is the ring itself, to the last digit: one cell serves both.
    row = cells.ring_row((radius, *radii[1:]), gap, fraction)
    row.write_gds(folder / "layout.gds", with_metadata=False)
    step_nm = (radii[-1] - radii[0]) / (len(radii) - 1) * 1e3
    sizes = {
        "radius": radius,
        "gap": gap,
        "fraction": fraction,
        "last": radii[-1],
        "step_nm": step_nm,
        "rings": len(radii),
    }
    picture.draw(folder / "layout.png", one, row, sizes)
    drawing_s = time.perf_counter() - began
    found = rules.drawn(one)
    as_drawn = replace(ring, {"gap_m": found["gap_m"]})
    middle = as_drawn.resonance(ring.bias_v + ring.drive_v / 2)
    return {
        "schema": SCHEMA,
        "asked": {
            "radius_m": float(ring.radius_m),
            "gap_m": float(ring.gap_m),
            "junction_fraction": fraction,
        },
        "drawn": found | {"grid_m": process.GRID / UM, "rib_m": process.RIB / UM},
        "linewidth_at_drawn_gap_hz": float(middle.linewidth_hz()),
        "effective_index": EFFECTIVE_INDEX,
        "netlist": netlist(one),
        "comparison": compare(spectrum(one, ring), ring),
        "row": {"radii_m": [r / UM for r in radii]}
        | compare_row(spectrum(row, ring), ring),
        "rules": rules.check(row),
        "seconds": {
            "drawing": drawing_s,
            "all": time.perf_counter() - began,
        },
    }
