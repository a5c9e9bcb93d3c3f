"""The summary of a result, and why a variant misses its limits."""

import math
from collections.abc import Sequence

from ..limits import met
from .names import point_labels
from .schema import ConstraintRow, LaserDriveRow, VariantResult


SIX_BIT_DB, RETRAINED_DB = 26.0, 16.5
"""signal over noise at which a model keeps its answers as it is (6-bit weights and
activations), and only when retrained with noise (4-bit weights); estimates, from
Gaussian data"""


def summary(results: Sequence[VariantResult]) -> str:
    """What the last variant saves against the others, as one sentence per workload."""
    workloads = dict.fromkeys(result.workload for result in results)
    sentences = []
    for workload in workloads:
        own = [result for result in results if result.workload == workload]
        sentences.append(_over_points(own) if own[0].point else _compare(own))
    return " ".join(sentences).replace("%", "\N{NO-BREAK SPACE}%")


def _compare(results: list[VariantResult]) -> str:
    searched = [r for r in results if r.baseline_j_per_token is not None]
    ours = (searched or results)[-1]
    if not ours.feasible or ours.j_per_token is None or ours.power_w is None:
        return f"{ours.name} does not meet its limits: {ours.message}."
    if ours.matrix_unit is not None and results[0].matrix_unit is None:
        optical = [r for r in results if r.matrix_unit is not None]
        return " ".join(_unit_sentence(unit, results[0]) for unit in optical)
    others = [r for r in results if r is not ours and r.j_per_token and r.power_w]
    if not others:
        return (
            f"{ours.name} takes {ours.j_per_token:.2f} J per token and "
            f"{ours.power_w / 1e6:.2f} MW at the facility meter."
        )
    changes = []
    for other in others:
        assert other.j_per_token is not None and other.power_w is not None
        share = 1 - ours.j_per_token / other.j_per_token
        mw = (other.power_w - ours.power_w) / 1e6
        verb, more = ("saves", "less") if share >= 0 else ("costs", "more")
        limits = "" if other.feasible else ", which misses its limits"
        changes.append(
            f"{verb} {_share(share)} of the energy per token ({abs(mw):.2f} MW {more} "
            f"at the meter) against {other.name}{limits}"
        )
    used = ours.links["scale_out"].utilisation
    return (
        f"In {ours.workload}, at {ours.tokens_per_s:,.0f} tokens/s, {ours.name} "
        f"{_joined(changes)}; this is standing power, which the links burn idle or "
        f"busy, and not energy per moved bit: scale-out is used to {used:.2%}."
    )


def _share(share: float) -> str:
    """In per cent, with a second digit where one would show nothing."""
    return f"{abs(share):.1%}" if abs(share) >= 1e-3 else f"{abs(share):.2%}"


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)


def _over_points(results: list[VariantResult]) -> str:
    """What the last variant saves against the others, least and most over all points.

    One workload; rows that miss their limits are counted and not compared.
    """
    searched = [r for r in results if r.baseline_j_per_token is not None]
    ours = (searched or results)[-1].name
    rows = [row for row in results if row.feasible and row.j_per_token and row.power_w]
    mine = {str(row.point): row for row in rows if row.name == ours}
    changes = []
    for other in dict.fromkeys(row.name for row in rows if row.name != ours):
        pairs = [
            (1 - _j(mine[str(r.point)]) / _j(r), r, mine[str(r.point)])
            for r in rows
            if r.name == other and str(r.point) in mine
        ]
        if pairs:
            low, high = (f(pairs, key=lambda pair: pair[0]) for f in (min, max))
            changes.append(
                f"{_saved(*low)} to {_saved(*high)} of the energy per token against "
                f"{other}"
            )
    points = len({str(row.point) for row in results})
    missed = len(results) - len(rows)
    short = f" {missed} of {len(results)} rows miss their limits." if missed else ""
    if not changes:
        joules = [_j(row) for row in mine.values()]
        if not joules:
            return f"{ours} meets its limits at none of {points} points.{short}"
        return (
            f"Over {points} points {ours} takes {min(joules):.2f} to "
            f"{max(joules):.2f} J per token.{short}"
        )
    used = [row.links["scale_out"].utilisation for row in mine.values()]
    return (
        f"Over {points} points {ours} saves {' and '.join(changes)}; this is standing "
        "power, which the links burn idle or busy, and not energy per moved bit: "
        f"scale-out is used to {min(used):.2%} to {max(used):.2%}.{short}"
    )


def _saved(share: float, other: VariantResult, ours: VariantResult) -> str:
    mw = ((other.power_w or 0.0) - (ours.power_w or 0.0)) / 1e6
    return f"{share:.1%} ({mw:.2f} MW; at {', '.join(point_labels(ours.point))})"


def _j(row: VariantResult) -> float:
    assert row.j_per_token is not None
    return row.j_per_token


def _unit_sentence(ours: VariantResult, other: VariantResult) -> str:
    """What the matrix unit of `ours` does to J/token and precision against `other`."""
    unit = ours.matrix_unit
    assert unit is not None
    change = _j(ours) / _j(other) - 1
    faster = (ours.tokens_per_s or 0.0) / (other.tokens_per_s or 1.0) - 1
    verb, more = ("costs", "more") if change > 0 else ("saves", "less")
    speed = f"{abs(faster):.0%} {'faster' if faster >= 0 else 'slower'}"
    return (
        f"{ours.name} {verb} {abs(change):.0%} {more} energy per token than "
        f"{other.name} and is {speed}; its products have {unit.snr_db:.1f} dB of "
        f"signal over noise, {unit.effective_bits:.1f} effective bits: "
        f"{_precision(unit.snr_db)}. {_break_even(ours, other)}"
    ).rstrip()


def _precision(snr_db: float) -> str:
    untrained = f"the {SIX_BIT_DB:g} dB that a model needs without retraining"
    retrained = f"the {RETRAINED_DB:g} dB that it needs after retraining with noise"
    if snr_db >= SIX_BIT_DB:
        return f"above {untrained} (an estimate)"
    if snr_db >= RETRAINED_DB:
        return f"below {untrained}, above {retrained} (estimates)"
    return f"below {untrained} and {retrained} (estimates)"


def _break_even(ours: VariantResult, other: VariantResult) -> str:
    """What the unit's own joules would have to be, its share of the site included."""
    excess_j = _j(ours) - _j(other)
    if excess_j <= 0:
        return ""
    parts = ours.energy_j_per_token
    site = ("facility.conversion", "facility.cooling")
    boards_j = math.fsum(joules for cause, joules in parts.items() if cause not in site)
    optical = {c: j for c, j in parts.items() if c.startswith("compute.optical")}
    own_j = math.fsum([*optical.values(), parts["compute.sram"]])
    excess_j *= boards_j / _j(ours)  # at the boards, as the parts are
    if excess_j >= own_j:
        return "It would cost more even if the unit itself took no energy at all."
    largest = max(optical, key=lambda cause: optical[cause])
    return (
        f"It would break even if the unit itself took "
        f"{1 - excess_j / own_j:.0%} of the energy that it takes; "
        f"{largest.rpartition('optical_')[2]} is {optical[largest] / own_j:.0%} of it."
    )


def why_infeasible(limits: list[ConstraintRow], drives: list[LaserDriveRow]) -> str:
    """What is missed and by how much, the worst first."""
    lost = [drive for drive in drives if not drive.reachable]
    if lost:
        worst = max(lost, key=lambda drive: (drive.ceiling, drive.shortfall_db or 0.0))
        short = "" if worst.shortfall_db is None else f" by {worst.shortfall_db:.2f} dB"
        noise = f"; the limiting noise is {worst.limiting}" if worst.limiting else ""
        why = ", and no amount of light would do" if worst.ceiling else ""
        return f"{worst.path} misses its {worst.binding} limit{short}{why}{noise}"
    missed = [limit for limit in limits if not met(limit.slack)]
    if not missed:
        return "a result is not a finite number"
    worst = min(missed, key=lambda limit: limit.slack)
    more = f", and {len(missed) - 1} more" if missed[1:] else ""
    return f"{worst.name} is {worst.value:.4g}, its limit is {worst.limit:.4g}{more}"
