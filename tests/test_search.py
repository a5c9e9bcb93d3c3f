"""The search over a cluster, laser drives and what its numbers are worth."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonflow.cluster.derivatives import PROGRAMS
from photonflow.cluster.step import evaluate
from photonflow.component import getter, replace
from photonflow.links.family import FAMILIES
from photonflow.search.design_space import DesignSpace, Free
from photonflow.search.laser_drive import set_drive
from photonflow.search.optimise import _OPTICS, optimise
from photonflow.search.sensitivity import elasticities
from ring_cluster import (
    DETUNING,
    HOST_A,
    HOST_B,
    SWITCH_A,
    SWITCH_B,
    decode_405b,
    ring_cluster,
)


@pytest.fixture(scope="module")
def cluster():
    return ring_cluster()


@pytest.fixture(scope="module")
def decode():
    return decode_405b()


def engines(bandwidth=(20e9, 90e9)):
    """One engine, built three times."""
    return Free.group(
        where=[HOST_A, SWITCH_A, SWITCH_B],
        parameters={
            "modulator.radius": (4e-6, 12e-6),
            "modulator.gap": (100e-9, 300e-9),
            "modulator.drive": (0.6, 2.5),
            "modulator.detuning": DETUNING,
            "source.laser.current": (0.04, 0.8),
            "tia.bandwidth": bandwidth,
        },
    )


FOLD = {"fold": 0.2}


@pytest.fixture(scope="module")
def solution(cluster, decode):
    return optimise(cluster, decode, free=engines(), minima=FOLD)


def test_packing_then_unpacking_leaves_a_cluster_as_it_was(cluster):
    space = DesignSpace.of(cluster, engines())
    again = space.unpack(space.pack(cluster), cluster)
    for path in space.paths:
        before, after = getter(path)(cluster), getter(path)(again)
        assert float(after) == pytest.approx(float(before), rel=1e-12)


def test_u_runs_from_the_low_to_the_high_of_a_range_and_log_variables_by_ratio(cluster):
    space = DesignSpace.of(cluster, engines())
    ends = [space.values(np.full(6, u)) for u in (0.0, 0.5, 1.0)]
    gap = [e["modulator.gap"] for e in ends]
    assert gap == pytest.approx([1e-7, 1e-7 * 3**0.5, 3e-7], rel=1e-12)
    assert [e["modulator.detuning"] for e in ends] == pytest.approx([-2.5, 0, 2.5])


def test_two_groups_of_equal_names_keep_all_their_values(cluster):
    one = Free.group([HOST_A], {"modulator.gap": (100e-9, 300e-9)})
    two = Free.group([SWITCH_A, SWITCH_B], {"modulator.gap": (120e-9, 200e-9)})
    space = DesignSpace.of(cluster, one + two)
    assert space.names == (f"{HOST_A}.modulator.gap", f"{SWITCH_A}.modulator.gap")
    found = space.design(np.array([0.0, 1.0]))
    assert found == pytest.approx(
        {
            f"{HOST_A}.modulator.gap_m": 100e-9,
            f"{SWITCH_A}.modulator.gap_m": 200e-9,
            f"{SWITCH_B}.modulator.gap_m": 200e-9,
        },
        rel=1e-12,
    )


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"modulator.gop": (1e-7, 2e-7)}, r"end_a\.modulator\.gop.*modulator\.gap"),
        (
            {"modulator.gap": (1e-9, 2e-7)},
            r"leaves \[8e-08, 4e-07\] m",
        ),
        ({"modulator.gap": (2e-7, 1e-7)}, "nothing lies between"),
    ],
)
def test_a_range_outside_the_model_or_a_wrong_name_says_what_is_allowed(
    cluster, parameters, message
):
    with pytest.raises(ValueError, match=message):
        DesignSpace.of(cluster, Free.group([SWITCH_A], parameters))


def test_an_optimum_keeps_its_limits_and_most_starts_agree(solution):
    assert solution.status == "converged" and solution.feasible
    assert solution.kkt <= 1e-6
    assert min(solution.slacks.values()) >= -1e-6
    assert solution.agreement >= 0.8
    assert solution.values["j_per_token"] < solution.baseline["j_per_token"]
    assert solution.relax == {}


def test_the_blue_side_wins_and_the_error_rate_is_what_binds(solution):
    (won,) = (branch for branch in solution.branches if branch.won)
    assert won.box["modulator.detuning"][0] > 0
    active = [n for n, price in solution.multipliers.items() if price > 1e-9]
    assert active and all(name.endswith(".ber") for name in active)
    assert [solution.slacks[n] for n in active] == pytest.approx(
        [0] * len(active), abs=1e-6
    )


def test_a_multiplier_is_what_a_tighter_limit_costs(cluster, decode, solution):
    # Central difference of the re-optimised J/token in the least BER slack.
    d = 1e-3
    j = [
        optimise(cluster, decode, free=engines(), minima=FOLD | {"ber": b}).values[
            "j_per_token"
        ]
        for b in (d, -d)
    ]
    # All BER limits move together.
    active = sum(p for name, p in solution.multipliers.items() if ".ber" in name)
    assert active == pytest.approx((j[0] - j[1]) / (2 * d), rel=1e-3)


def compilations():
    programs = [f for family in FAMILIES.values() for f in family.programs]
    return len(programs), len(PROGRAMS)


def test_other_limits_other_cards_and_other_bounds_do_not_compile_again(
    cluster, decode, solution
):
    before = compilations()
    other = replace(cluster, {f"{HOST_B}.tia.bandwidth_hz": 52e9})
    free = engines(bandwidth=(25e9, 80e9))
    optimise(other, decode, free=free, seed=3, iterations=10)
    assert compilations() == before


def test_another_workload_starts_where_the_optics_have_their_optimum(
    cluster, decode, solution
):
    """Whoever came first: the optics depend on the cluster alone."""
    other = replace(decode, {"microbatch": 16.0})
    after = optimise(cluster, other, free=engines(), minima=FOLD)
    assert after.earlier is solution.earlier
    _OPTICS.clear()
    first = optimise(cluster, other, free=engines(), minima=FOLD)
    assert first.design == after.design and first.multipliers == after.multipliers
    assert first.values == after.values and first.iterations == after.iterations


def test_an_impossible_limit_is_named(cluster, decode, solution):
    found = optimise(cluster, decode, free=engines(), minima={"ber": 1.5})
    assert found.status == "infeasible" and not found.feasible
    assert any(name.endswith(".ber") for name in found.relax)
    assert found.agreement == 0.0


def test_a_limit_of_a_link_that_nothing_free_moves_is_named(cluster, decode, solution):
    """Nobody has set the drive of the pluggable at the other end."""
    dim = replace(cluster, {f"{HOST_B}.source.laser.current_a": 0.015})
    found = optimise(dim, decode, free=engines(), minima=FOLD, starts=1)
    assert found.status == "infeasible"
    name = "worst.scale_out.host_link.b_to_a.launch"
    assert name in found.outside and found.outside[name] < 0
    assert f"no free parameter moves {name}" in found.message


def test_an_interrupted_search_has_the_best_so_far_and_goes_on_to_the_same_end(
    cluster, decode, solution
):
    def stop(progress):
        if progress.iteration >= 8:
            raise KeyboardInterrupt

    _OPTICS.clear()
    part = optimise(cluster, decode, free=engines(), minima=FOLD, callback=stop)
    assert part.status == "interrupted"
    end = optimise(cluster, decode, free=engines(), minima=FOLD, resume=part)
    assert end.status == "converged"
    assert end.design == solution.design and end.values == solution.values


def test_a_solved_current_meets_its_limit_and_a_dark_link_says_by_how_much(cluster):
    driven, drives = set_drive(cluster)
    assert [d.binding for d in drives] == ["ber", "launch", "ber", "ber"]
    assert all(d.reachable and d.solved and not d.ceiling for d in drives)

    dark = replace(cluster, {"scale_out.switch_link.path.connectors_db": 30.0})
    _, (drive,) = set_drive(dark, ends=[SWITCH_A])
    assert not drive.reachable and not drive.ceiling
    less = {"scale_out.switch_link.path.connectors_db": 30.0 - drive.shortfall_db}
    _, (drive,) = set_drive(replace(cluster, less), ends=[SWITCH_A])
    assert drive.slack == pytest.approx(0, abs=1e-6)


def test_noise_that_scales_with_light_is_a_ceiling_no_laser_can_pass(cluster):
    loud = replace(cluster, {f"{SWITCH_A}.source.laser.rin_per_hz": 1e-13})
    _, (drive,) = set_drive(loud, ends=[SWITCH_A])
    assert drive.ceiling and not drive.reachable
    assert drive.limiting == "rin"
    assert drive.shortfall_db > 0


@pytest.mark.slow
def test_elasticities_are_derivatives_of_the_solved_problem(cluster, decode):
    driven, drives = set_drive(cluster)
    found = elasticities(driven, decode, drives=drives)
    for drive in drives:
        assert abs(found.values[drive.path]) < 1e-12
    for path, step in (
        (f"{HOST_A}.modulator.gap_m", 1e-3),
        (f"{HOST_A}.coupler_out_db", 1e-3),
        (f"{HOST_B}.tia.bandwidth_hz", 1e-3),
        ("worst.coolant_k", 1e-4),
        ("workload.microbatch", 1e-3),
    ):
        inside = path.removeprefix("workload.")
        tree = decode if path != inside else driven
        x = float(getter(inside)(tree))
        h = step * x

        def log_j(y, tree=tree, inside=inside):
            moved = replace(tree, {inside: y})
            c, w = (driven, moved) if tree is decode else (moved, decode)
            return float(jnp.log(evaluate(set_drive(c)[0], w).j_per_token))

        fd = 8 * (log_j(x + h) - log_j(x - h)) - (log_j(x + 2 * h) - log_j(x - 2 * h))
        fd = fd / (12 * h) * (x if found.relative[path] else 1)
        assert found.values[path] == pytest.approx(fd, rel=1e-5, abs=1e-9)


def test_limits_that_are_always_equal_share_their_multiplier(cluster, solution):
    """Both ends of the switch link are searched as one; either may move alone."""
    prices = solution.multipliers
    forward = [n for n, x in prices.items() if "switch_link.a_to_b" in n and x > 1e-9]
    assert forward, [*prices]
    for name in forward:
        assert prices[name] == prices[name.replace("a_to_b", "b_to_a")] > 0


@pytest.mark.slow
def test_elasticities_of_an_optimum_vanish_for_its_interior_variables(
    cluster, decode, solution
):
    found = elasticities(solution.component, decode, solution.multipliers)
    interior = ("modulator.gap", "source.laser.current", "modulator.detuning")
    for v in DesignSpace.of(cluster, engines()).variables:
        if v.name not in interior:
            continue
        total = sum(found.values[path] for path in v.paths)
        assert abs(total) < 1e-6
