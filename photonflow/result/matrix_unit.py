"""What an optical matrix unit did: joules per operation, and how exact it is."""

from ..cluster.step import OFFLOADED, Report
from ..limits import find
from .rows import floats
from .schema import ConstraintRow, MatrixUnitRow


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


def unit_constraints(report: Report) -> list[ConstraintRow]:
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
