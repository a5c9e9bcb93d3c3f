"""Results in words."""

from ..limits import met
from ..report.sweep import over_points
from .matrix_unit import unit_sentence
from .schema import ConstraintRow, LaserDriveRow, VariantResult


def summary(results: list[VariantResult]) -> str:
    """What the last variant saves against the others, as one sentence per workload."""
    workloads = dict.fromkeys(result.workload for result in results)
    told = []
    for workload in workloads:
        own = [result for result in results if result.workload == workload]
        told.append(over_points(own) if own[0].point else _compare(own))
    return " ".join(told)


def _compare(results: list[VariantResult]) -> str:
    searched = [r for r in results if r.baseline_j_per_token is not None]
    ours = (searched or results)[-1]
    if not ours.feasible or ours.j_per_token is None or ours.power_w is None:
        return f"{ours.name} does not meet its limits: {ours.message}."
    if ours.matrix_unit is not None and results[0].matrix_unit is None:
        optical = [r for r in results if r.matrix_unit is not None]
        return " ".join(unit_sentence(unit, results[0]) for unit in optical)
    others = [r for r in results if r is not ours and r.j_per_token and r.power_w]
    if not others:
        return (
            f"{ours.name} takes {ours.j_per_token:.2f} J per token and "
            f"{ours.power_w / 1e6:.2f} MW at the facility meter."
        )
    told = []
    for other in others:
        assert other.j_per_token is not None and other.power_w is not None
        share = 1 - ours.j_per_token / other.j_per_token
        mw = (other.power_w - ours.power_w) / 1e6
        verb = "saves" if share >= 0 else "costs"
        more = "less" if share >= 0 else "more"
        limits = "" if other.feasible else ", which misses its limits"
        told.append(
            f"{verb} {abs(share):.1%} of the energy per token ({abs(mw):.2f} MW {more} "
            f"at the meter) against {other.name}{limits}"
        )
    used = ours.links["scale_out"].utilisation
    text = (
        f"In {ours.workload}, at {ours.tokens_per_s:,.0f} tokens/s, {ours.name} "
        f"{_joined(told)}; this is "
        "standing power, which the links burn idle or busy, and not energy per moved "
        f"bit: scale-out is used to {used:.2%}."
    )
    return text.replace("% of the", " % of the").replace("%.", " %.")


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)


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
