"""What an optical matrix unit did: joules per operation, and how exact it is."""

import math

from ..cluster.step import OFFLOADED, Report
from ..limits import find
from .rows import floats
from .schema import ConstraintRow, MatrixUnitRow, VariantResult


SIX_BIT_DB, RETRAINED_DB = 26.0, 16.5
"""signal over noise that a model bears as it is (6-bit weights and activations), and
only when retrained for it (4-bit weights); estimates, from Gaussian data"""


def unit_row(report: Report, card: str | None) -> MatrixUnitRow | None:
    """The matrix unit of one accelerator; None where there is none."""
    unit = report.matrix_unit
    if unit is None or card is None:
        return None
    return MatrixUnitRow(
        technology=card,
        products=OFFLOADED,
        snr_db=float(unit.snr_db),
        weight_snr_db=float(unit.weight_snr_db),
        additive_snr_db=float(unit.additive_snr_db),
        effective_bits=float(unit.effective_bits),
        noise=floats(unit.noise),
        energy_j_per_mac=floats(unit.mac_j),
        flop_per_s=float(unit.flop_per_s),
        peak_flop_per_s=float(unit.peak_flop_per_s),
        flop_per_j=float(unit.flop_per_j),
        busy=float(report.time_s["optical"] / report.step_s),
        laser_w=float(unit.laser_w),
        insertion_db=float(unit.insertion_db),
        path_m=float(unit.path_m),
        area_m2=float(unit.area_m2),
    )


def unit_limits(report: Report) -> list[ConstraintRow]:
    """Operating limits of the unit, as constraints."""
    unit = report.matrix_unit
    slacks = {} if unit is None else floats(unit.slacks)
    return [
        ConstraintRow(
            name=f"matrix_unit.{name}",
            value=slack,
            limit=0.0,
            unit=find(name).unit,
            slack=slack,
            multiplier=None,
        )
        for name, slack in slacks.items()
    ]


def unit_sentence(ours: VariantResult, other: VariantResult) -> str:
    """What the unit of `ours` does to J/token and precision against `other`."""
    unit = ours.matrix_unit
    assert unit is not None and ours.j_per_token and other.j_per_token
    change = ours.j_per_token / other.j_per_token - 1
    faster = (ours.tokens_per_s or 0.0) / (other.tokens_per_s or 1.0) - 1
    verb, spoken = ("costs", "more") if change > 0 else ("saves", "less")
    speed = f"{abs(faster):.0%} {'faster' if faster >= 0 else 'slower'}"
    return (
        f"{ours.name} {verb} {abs(change):.0%} {spoken} energy per token than "
        f"{other.name} and is {speed}; its products have {unit.snr_db:.1f} dB of "
        f"signal over noise, {unit.effective_bits:.1f} effective bits: "
        f"{_precision(unit.snr_db)}. {_break_even(ours, other)}"
    ).replace("%", "\N{NO-BREAK SPACE}%")


def _precision(snr_db: float) -> str:
    if snr_db >= SIX_BIT_DB:
        return f"above the {SIX_BIT_DB:g} dB (estimate) that a model bears untrained"
    if snr_db >= RETRAINED_DB:
        return (
            f"below the {SIX_BIT_DB:g} dB that a model bears untrained, above the "
            f"{RETRAINED_DB:g} dB of one retrained for it (estimates)"
        )
    return f"below the {RETRAINED_DB:g} dB (estimate) that even a retrained model needs"


def _break_even(ours: VariantResult, other: VariantResult) -> str:
    """By how much the unit's own joules would have to fall, the site's share with."""
    assert ours.j_per_token and other.j_per_token
    excess_j = ours.j_per_token - other.j_per_token
    if excess_j <= 0:
        return ""
    parts = ours.energy_j_per_token
    boards_j = math.fsum(
        joules
        for cause, joules in parts.items()
        if cause not in ("facility.conversion", "facility.cooling")
    )
    own_j = math.fsum(
        parts[cause] for cause in parts if cause.startswith("compute.optical")
    )
    own_j = (own_j + parts["compute.sram"]) * ours.j_per_token / boards_j
    if excess_j >= own_j:
        return "Nothing that the unit itself saves would make it pay."
    largest = max(
        (cause for cause in parts if cause.startswith("compute.optical")),
        key=lambda cause: parts[cause],
    )
    share = parts[largest] * ours.j_per_token / boards_j / own_j
    return (
        f"To break even its own joules would have to fall to "
        f"{1 - excess_j / own_j:.0%} of what they are; "
        f"{largest.rpartition('optical_')[2]} is {share:.0%} of them."
    )
