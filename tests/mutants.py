"""Faults put in by hand, each with the quick test that must notice.

`python tests/mutants.py [WORD]...` applies every one whose name has a WORD to a copy of
the checkout, runs its test there and says `killed`, or `SURVIVED`, or `STALE` where the
line that it changes is no longer there. Exit 1 unless all are killed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple


ROOT = Path(__file__).parent.parent
COPIED = ("photonflow", "devices", "topologies", "experiments", "benchmarks", "tests")


class Mutant(NamedTuple):
    name: str
    file: str
    right: str
    wrong: str
    test: str


MUTANTS = (
    Mutant(
        "no second-order correction",
        "search/sqp.py",
        "again = ~taken & finite & ~state.corrected & ~state.fresh & near",
        "again = np.zeros_like(taken)",
        "test_sqp.py::test_steps_along_a_curved_limit_are_corrected_to_second_order",
    ),
    Mutant(
        "BFGS without damping",
        "search/sqp.py",
        "pull = damp * pull + (1 - damp) * bent",
        "pull = pull",
        "test_sqp.py::test_a_saddle_is_left_for_a_minimum_whatever_its_curvature",
    ),
    Mutant(
        "BFGS of the objective, not of the Lagrangian",
        "search/sqp.py",
        "pull = _lagrangian(trial, state.multipliers) - _lagrangian(",
        "pull = _lagrangian(trial, 0 * state.multipliers) - _lagrangian(",
        "test_sqp.py::test_steps_along_a_curved_limit_are_corrected_to_second_order",
    ),
    Mutant(
        "multipliers of the wrong sign in the residual",
        "search/sqp.py",
        "return at.g - times(at.jacobian.swapaxes(1, 2), multipliers)",
        "return at.g + times(at.jacobian.swapaxes(1, 2), multipliers)",
        "test_sqp.py::test_a_limit_dearer_than_the_first_weight_of_the_merit_is_met",
    ),
    Mutant(
        "weight of the elastic limits never raised",
        "search/sqp.py",
        "np.minimum(factor * weight, WEIGHT_MOST)",
        "weight",
        "test_sqp.py::test_a_limit_dearer_than_the_first_weight_of_the_merit_is_met",
    ),
    Mutant(
        "trust region never widened",
        "search/sqp.py",
        "2 * state.radius, state.radius",
        "state.radius, state.radius",
        "test_sqp.py::test_a_step_that_keeps_its_promise_widens_the_trust_region",
    ),
    Mutant(
        "no final check of all limits",
        "search/explain.py",
        "return bool(np.all(self.scaled >= -TOLERANCE)) and bool(np.isfinite(self.f))",
        "return bool(np.isfinite(self.f))",
        "test_minimise.py::"
        "test_a_limit_that_no_free_parameter_moves_makes_it_infeasible_by_name",
    ),
    Mutant(
        "a start that stands still goes on",
        "search/race.py",
        "stands = (state.still >= STANDSTILL) | (state.radius <= sqp.RADIUS_LEAST)",
        "stands = state.still < 0",
        "test_minimise.py::test_a_start_that_stands_still_ends",
    ),
    Mutant(
        "what is not a number may win",
        "search/race.py",
        'np.where(finite, "running", "void")',
        'np.where(finite, "running", "running")',
        "test_minimise.py::test_a_limit_that_is_not_a_number_anywhere_is_named",
    ),
    Mutant(
        "multipliers of equal limits stay with one of them",
        "search/explain.py",
        "price[members] = price[members].sum() / len(members)",
        "price[members] = price[members]",
        "test_search.py::test_limits_that_are_always_equal_share_their_multiplier",
    ),
    Mutant(
        "the radius shrinks where violations weigh too little",
        "search/sqp.py",
        "taken, again | waits, length)",
        "taken, again, length)",
        "test_search_edges.py::test_a_limit_of_any_slope_finds_its_price",
    ),
    Mutant(
        "the objective is scaled by the first start",
        "search/race.py",
        "float(np.median(steep[steep > 0])) if steep.any()",
        "float(steep[0]) if steep[0] > 0",
        "test_search_edges.py::"
        "test_a_start_next_to_the_optimum_without_limits_sets_no_scale",
    ),
    Mutant(
        "no other branch is waited for",
        "search/race.py",
        "and not self._rivals()",
        "",
        "test_search_edges.py::test_a_branch_that_still_gains_is_waited_for",
    ),
    Mutant(
        "limits that were equal at first are so for ever",
        "search/fixed.py",
        "moved[i] |= not",
        "_ = not",
        "test_search_edges.py::test_limits_that_part_only_at_the_end_are_both_kept",
    ),
    Mutant(
        "the largest of choices wins",
        "search/explain.py",
        "value = asked.objective.sign * solution",
        "value = -asked.objective.sign * solution",
        "test_search_edges.py::test_the_best_choice_is_that_of_the_objective_itself",
    ),
    Mutant(
        "any solution may be taken up",
        "search/minimise.py",
        "if other is not None:",
        "if False:",
        "test_search_edges.py::test_the_end_of_another_search_is_not_taken_up",
    ),
    Mutant(
        "a yield of the first limit alone",
        "search/fabrication.py",
        "jax.nn.logsumexp(-slack / WORST_WIDTH, axis=1)\n        found",
        "jax.nn.logsumexp(-slack[:, :1] / WORST_WIDTH, axis=1)\n        found",
        "test_fabrication.py::test_a_part_has_to_keep_every_limit",
    ),
    Mutant(
        "noise of the light is that of the mean symbol",
        "signal/decision.py",
        "return self.own * values + (1 - self.own) * mean(values)",
        "return 0 * values + mean(values)",
        "test_links.py::test_light_lowers_the_error_rate_down_to_the_rin_ceiling",
    ),
    Mutant(
        "thresholds half-way between levels",
        "signal/decision.py",
        "q = (levels[1:] - levels[:-1]) / (sigma[1:] + sigma[:-1])",
        "q = (levels[1:] - levels[:-1]) / (2 * jnp.maximum(sigma[1:], sigma[:-1]))",
        "test_links.py::test_light_lowers_the_error_rate_down_to_the_rin_ceiling",
    ),
    Mutant(
        "no jitter at the slicer",
        "signal/equaliser.py",
        "variance * self.equaliser.jitter2(self.channel.symbol_hz) * slope",
        "0.0 * variance * self.equaliser.jitter2(self.channel.symbol_hz) * slope",
        "test_equaliser.py::test_jitter_is_the_slope_of_the_pulse_in_every_tap",
    ),
    Mutant(
        "taps whose cursor is not scaled to 1",
        "signal/equaliser.py",
        "return weights / jnp.sum(weights * taken)",
        "return weights",
        "test_equaliser.py::test_feedback_takes_postcursors_away_and_helps",
    ),
    Mutant(
        "an all-reduce sends every byte twice, whatever the ranks",
        "cluster/collectives.py",
        "self.count * 2 * (self.ranks - 1) / self.ranks * self.size_byte",
        "self.count * 2 * self.size_byte",
        "test_cluster.py::test_a_large_all_reduce_runs_at_the_payload_rate",
    ),
    Mutant(
        "a bubble of all stages",
        "cluster/pipeline.py",
        "filling = stages - 1",
        "filling = stages",
        "test_workloads.py::test_a_flushed_pipeline_fills_and_drains",
    ),
    Mutant(
        "a decode pipeline without its round",
        "cluster/pipeline.py",
        "local_s = stages * total(stage.layers_s)",
        "local_s = total(stage.layers_s)",
        "test_workloads.py::test_few_microbatches_wait_for_a_round_of_all_stages",
    ),
    Mutant(
        "conversion of the facility applied twice",
        "cluster/facility.py",
        "fed_w = it_w / (self.grid_efficiency * self.rack_efficiency)",
        "fed_w = it_w / (self.grid_efficiency * self.rack_efficiency) ** 2",
        "test_cluster.py::test_the_meter_sees_conversion_and_cooling",
    ),
    Mutant(
        "SerDes in the switch and in its links as well",
        "cluster/topology.py",
        "smooth_positive(self.power_w - self.included_phy_w, CORE_WIDTH_W)",
        "smooth_positive(self.power_w, CORE_WIDTH_W)",
        "test_cluster.py::test_a_port_occupies_five_switch_ports_in_three_tiers",
    ),
    Mutant(
        "hand-overs forget the leaf",
        "cluster/topology.py",
        "climbs = 1 - self.leaf_share()",
        "climbs = 1.0",
        "test_cluster.py::test_a_hand_over_is_floor_boxes_flight_and_wire",
    ),
    Mutant(
        "a tangent that forgets the steps of a ring",
        "devices/ring_waves.py",
        "(tangents[0] * x + tangents[1],)",
        "(tangents[1],)",
        "test_modulators.py::test_a_repeating_recursion_comes_round_and_so_do_its_slopes",
    ),
    Mutant(
        "a bracket that keeps the wrong half",
        "roots.py",
        "return jnp.where(above, low, middle), jnp.where(above, middle, high)",
        "return jnp.where(above, middle, low), jnp.where(above, high, middle)",
        "test_roots.py::test_the_square_root_and_its_slope_in_both_modes",
    ),
    Mutant(
        "a limit met by no more than zero",
        "limits.py",
        "slack >= -TOLERANCE",
        "slack >= 0.0",
        "test_limits.py::test_a_slack_is_met_to_what_a_root_solve_leaves",
    ),
    Mutant(
        "terms without limits that count at the worst corner alone",
        "links/family.py",
        "if not (worst or find(name).nominal):",
        "if not find(name).nominal:",
        "test_evaluator.py::"
        "test_a_link_is_traced_once_for_budgets_slopes_and_all_numbers",
    ),
    Mutant(
        "the last rows of a batch left out",
        "compilation/pieces.py",
        "for first in range(0, count, size):",
        "for first in range(0, max(count - size, 1), size):",
        "test_evaluator.py::test_rows_past_a_piece_are_solved_like_those_inside",
    ),
    Mutant(
        "a broken program is believed",
        "compilation/cache.py",
        "if not program or data[:CHECKSUM_BYTE] != _checksum(program):",
        "if not data:",
        "test_compilation.py::test_broken_programs_are_compiled_again_and_replaced",
    ),
    Mutant(
        "a trace whatever the text of the package",
        "compilation/traces.py",
        "if _origin(thing) not in KNOWN:",
        "if False:",
        "test_compilation.py::"
        "test_commands_find_a_program_without_a_trace_unless_a_class_is_not_ours",
    ),
)


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if not words or any(w in m.name for w in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name)
        shutil.copy(ROOT / "pyproject.toml", copy)
        verdicts = [judged(mutant, copy) for mutant in chosen]
    return int(any(verdict != "killed" for verdict in verdicts))


def judged(mutant: Mutant, copy: Path) -> str:
    """What becomes of a mutant in `copy`, which is mended again."""
    file = copy / "photonflow" / mutant.file
    source = file.read_text("utf-8")
    if mutant.right not in source:
        verdict = "STALE"
    else:
        file.write_text(source.replace(mutant.right, mutant.wrong), "utf-8")
        verdict = {0: "SURVIVED", 1: "killed"}.get(passed(mutant.test, copy), "BROKEN")
        file.write_text(source, "utf-8")
    print(f"{verdict:8} {mutant.name}: {mutant.test}", flush=True)
    return verdict


def passed(test: str, copy: Path) -> int:
    """Exit status of pytest: 0 where the test passes, 1 where it fails."""
    command = [sys.executable, "-m", "pytest", "-n0", "-q", f"tests/{test}"]
    # The copy wins over an installed photonflow.
    env = os.environ | {"PYTHONPATH": str(copy)}
    return subprocess.run(command, cwd=copy, env=env, capture_output=True).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
