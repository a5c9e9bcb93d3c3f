"""Searches that are easily wrong: scales, branches, twins, and other problems' ends."""

import itertools
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

import photonflow as pf
from search_problems import ALL, FREE, problem, scalars


HERE = Path(__file__).parent
LEAST = pf.minimum("f")


def searched(function, point=None, **changes):
    settings: dict[str, Any] = dict(free=FREE[:2], objective=LEAST) | changes
    return pf.minimise(function, point or problem(0), **settings)


def at(**coordinates):
    return pf.replace(problem(0), coordinates)


@pytest.mark.parametrize("steep", [10.0, 1.0, 1e-2, 1e-3])
def test_a_limit_of_any_slope_finds_its_price(steep):
    """A linear programme whose limit hardly moves: the price is the inverse slope."""

    def flat(point):
        return {"f": point.x0 + 2.0, "c": 1.0 + steep * (point.x0 - 0.5)}

    found = searched(flat, at(x0=0.7), free=FREE[0], limits=pf.at_least("c", 1.0))
    assert found.status == "converged"
    assert found.multipliers["c"] == pytest.approx(1 / steep, rel=1e-6)
    assert found.values["f"] == pytest.approx(2.5, abs=2e-6 / steep)


@pytest.mark.parametrize("away", [0.0, 1e-6, 1e-3])
@pytest.mark.parametrize("starts", [1, 8])
def test_a_start_next_to_the_optimum_without_limits_sets_no_scale(away, starts):
    def bowl(point):
        return {"f": (point.x0 - 0.3) ** 2 + 1, "x": point.x0}

    found = searched(
        bowl, at(x0=0.3 + away), free=FREE[0], starts=starts,
        limits=pf.at_least("x", 0.8),
    )  # fmt: skip
    assert found.status == "converged"
    assert found.values["f"] == pytest.approx(1.25, abs=1e-6)
    assert found.multipliers["x"] == pytest.approx(1.0, rel=1e-5)


def test_a_front_that_sets_out_from_no_limit_arrives_everywhere():
    def bowl(point):
        return {"f": (point.x0 - 0.3) ** 2 + point.x1**2 + 1, "x": point.x0}

    edges = (-0.5, 0.0, 0.5, 0.6, 0.8)
    front = pf.pareto(
        bowl, at(x0=0.2, x1=0.1), free=FREE[:2], objective=LEAST,
        along=[pf.at_least("x", x) for x in edges],
    )  # fmt: skip
    assert [s.status for s in front] == ["converged"] * 5
    f = [s.values["f"] for s in front]
    assert f == pytest.approx([1 + max(x - 0.3, 0.0) ** 2 for x in edges], abs=1e-6)
    # Each sets out from where the one before it ended.
    homes = [s.race.starts.u[0] for s in front]
    ends = [s.race.design()[1] for s in front]
    assert homes[1:] == [pytest.approx(end, abs=1e-12) for end in ends[:-1]]


def valley(point):
    """0 at the end of a long bent valley below x4 = 0, 1e-3 in a round bowl above."""
    u = [point.x0, point.x1, point.x2, point.x3]
    pairs = itertools.pairwise(u)
    bent = sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairs)
    bowl = 1e-3 + sum(x**2 for x in u)
    return {"f": jnp.where(point.x4 < 0, bent + (point.x4 + 0.5) ** 2, bowl)}


@pytest.mark.parametrize("seed", range(3))
def test_a_branch_that_still_gains_is_waited_for(seed):
    free = [*FREE[:4], pf.Free("x4", boxes=[(0.2, 1.0), (-1.0, -0.2)])]
    found = searched(valley, at(x0=-0.9, x1=0.5), free=free, seed=seed)
    assert found.values["f"] == pytest.approx(0.0, abs=1e-6)
    assert {branch.status for branch in found.branches} == {"found"}


def test_the_best_choice_is_that_of_the_objective_itself():
    """Whatever its size in each: 10 + 5 x, or 2 + x / 5."""

    def either(point):
        x = point.x0
        return {"f": jnp.where(point.x1 > 0.5, 10 + 5 * x, 2 + 0.2 * x)}

    options = {"x1": {"dear": 1.0, "cheap": 0.0}}
    least = searched(either, free=FREE[0], choices=options)
    assert least.values["f"] == pytest.approx(1.8) and least.choices == {"x1": "cheap"}
    most = searched(either, free=FREE[0], choices=options, objective=pf.maximum("f"))
    assert most.values["f"] == pytest.approx(15.0) and most.choices == {"x1": "dear"}


def test_of_choices_that_all_miss_a_limit_the_cheaper_is_shown():
    """Both miss what nothing free moves, and say that no start kept all limits."""

    def outside(point):
        return {"f": (point.x0 - 0.2) ** 2 + point.x1 + 1, "c": 0 * point.x0 - 1.0}

    for options in ([0.5, -0.5], [-0.5, 0.5]):
        found = searched(
            outside, free=FREE[0], choices={"x1": options}, limits=pf.at_least("c", 0)
        )
        assert found.status == "infeasible" and found.choices == {"x1": "-0.5"}
        shown = {(b.status, b.feasible, b.agreeing) for b in found.branches}
        assert shown == {("not found", 0.0, 0.0)}


def test_a_part_is_chosen_before_what_is_in_it():
    """In whichever order they are given."""
    link = pf.load("cpo-ring-1600g")
    folded = pf.load("ring-oband-200g-folded")
    gaps = {"end_a.modulator.gap": [150e-9, 170e-9]}
    parts = {"end_a.modulator": {"folded": folded}}

    def gap(link):
        return {"f": link.end_a.modulator.gap_m * link.end_a.modulator.drive_v}

    for choices in (gaps | parts, parts | gaps):
        found = pf.minimise(
            gap, link, free=pf.Free("end_a.modulator.drive", 1.0, 2.0),
            objective=pf.minimum("f", log=True), choices=choices, starts=1,
        )  # fmt: skip
        assert found.values["f"] == pytest.approx(150e-9)
        assert len(found.tries) == 2


def test_limits_that_part_only_at_the_end_are_both_kept():
    def twins(point):
        x = point.x0
        return {
            "f": (x + 0.9) ** 2,
            "x": x + 2,
            "y": jnp.where(x < -0.6, x + 0.7, x + 2),
        }

    limits = [pf.at_least(n, 0.0, tolerance=1e-6) for n in ("x", "y")]
    found = searched(twins, at(x0=0.9), free=FREE[0], starts=1, seed=3, limits=limits)
    assert found.feasible
    assert found.design["x0"] == pytest.approx(-0.7, abs=1e-6)


def test_a_slope_that_vanishes_at_the_start_is_looked_for_elsewhere():
    def flat_at_home(point):
        return {"f": point.x0 + point.x1**2}

    found = searched(flat_at_home, at(x0=0.5, x1=0.0), starts=1)
    assert found.values["f"] == pytest.approx(-1.0)


@pytest.mark.parametrize("seed", [3, 33, 103])
def test_converged_is_said_of_the_design_that_is_reported(seed):
    def steep(point):
        found = scalars(point)
        return found | {"g": jnp.exp(2 * found["f"])}

    found = searched(
        steep, problem(seed), free=FREE, starts=1, limits=ALL,
        objective=pf.maximum("g", log=True),
    )  # fmt: skip
    assert found.status == "converged" and found.kkt <= 1e-6


def test_two_limits_that_read_alike_have_a_price_each():
    def line(point):
        return {"f": point.x0**2, "x": point.x0}

    found = searched(line, free=FREE[0], limits=[pf.at_least("x", 0.8)] * 2)
    assert set(found.multipliers) == {"x at least 0.8", "x at least 0.8 (2)"}
    assert sum(found.multipliers.values()) == pytest.approx(1.6, rel=1e-5)


def test_a_bound_says_what_going_on_is_worth():
    def bowl(point):
        return {"f": (point.x0 - 1.0) ** 2 + point.x1**2}

    def best(high):
        return searched(bowl, free=[pf.Free("x0", -1.0, high), FREE[1]])

    (bound,) = best(0.5).bounds
    assert (bound.name, bound.end, bound.value) == ("x0", "high", 0.5)
    slope = (best(0.501).values["f"] - best(0.499).values["f"]) / 0.002
    assert bound.multiplier == pytest.approx(slope, rel=1e-3)


def test_a_design_that_misses_limits_has_no_prices():
    found = searched(scalars, problem(4), free=FREE, limits=ALL)
    assert found.status == "infeasible"
    assert found.multipliers == {} and found.bounds == [] and found.elasticities == []
    assert all(f"{name} (by" in found.message for name in found.relax)


def test_slsqp_out_of_iterations_says_so():
    found = searched(
        scalars, problem(30), free=FREE, limits=ALL, solver="slsqp", iterations=2
    )
    assert found.status == "limit" or not found.feasible
    assert "kink" not in found.message


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_progress_never_forgets_the_best(seed):
    seen = []
    searched(
        scalars, problem(seed), free=FREE, limits=ALL, starts=2, callback=seen.append
    )
    best = [now.best for now in seen if now.best is not None]
    assert best == sorted(best, reverse=True) and best


def cut(now):
    if now.iteration >= 4:
        raise KeyboardInterrupt


OTHERS = {
    "objective": dict(objective=pf.maximum("f")),
    "logarithm": dict(objective=pf.minimum("f", log=True)),
    "value of a limit": dict(limits=[ALL[0]._replace(value=0.1), *ALL[1:]]),
    "side of a limit": dict(limits=[ALL[0]._replace(sign=-1.0), *ALL[1:]]),
    "box": dict(free=[pf.Free("x0", -0.5, 0.5), *FREE[1:4]]),
    "parameter": dict(free=[FREE[4], *FREE[1:4]]),
    "component": dict(point=problem(10)),
    "function": dict(function=lambda p: scalars(p) | {"f": p.x0**2}),
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_the_end_of_another_search_is_not_taken_up(changes):
    asked = dict(function=scalars, point=problem(5), free=FREE[:4], limits=ALL)
    part = searched(**asked, callback=cut)
    assert part.status == "interrupted"
    with pytest.raises(ValueError, match="`resume` is the solution of another search"):
        searched(**(asked | changes), resume=part)


def test_choices_are_taken_up_where_they_were_left():
    asked = dict(
        function=scalars, point=problem(5), free=FREE[:4], limits=ALL,
        choices={"x4": [-0.5, 0.0, 0.5]},
    )  # fmt: skip
    whole, tried = searched(**asked), []

    def second(now):
        tried.append(now.iteration)
        if tried.count(1) == 2 and now.iteration >= 3:
            raise KeyboardInterrupt

    part = searched(**asked, callback=second)
    assert part.status == "interrupted" and len(part.tries) == 2
    tried.clear()
    ended = searched(**asked, callback=lambda p: tried.append(p.iteration), resume=part)
    assert ended.design == whole.design and ended.choices == whole.choices
    assert tried.count(1) == 1  # the third alone begins anew
    with pytest.raises(ValueError, match="of choices"):
        searched(**(asked | dict(choices={"x4": [0.5, 0.0, -0.5]})), resume=part)


def test_a_solution_that_was_stored_can_be_taken_up():
    asked = dict(function=scalars, point=problem(5), free=FREE, limits=ALL)
    part = pickle.loads(pickle.dumps(searched(**asked, callback=cut)))
    whole = searched(**asked)
    assert searched(**asked, resume=part).design == whole.design
    stored = pickle.loads(pickle.dumps(whole))
    assert stored.message == whole.message
    with pytest.raises(ValueError, match="ask for them before"):
        _ = stored.elasticities


WRONG = {
    "free=['x0']": "`pf.Free(path, low, high)`: 'x0'",
    "free='x0'": "`pf.Free(path, low, high)`: 'x0'",
    "free=pf.Free('x0', '100 nm', 1.0)": "`x0`: ends are numbers in SI, not '100 nm'",
    "free=pf.Free('x0', boxes=[(0.0, None)])": "ends are numbers in SI, not None",
    "objective='f'": "`pf.minimum(name)`, not 'f'",
    "limits='c0'": "`pf.at_least(name, value)`, not 'c0'",
    "limits=pf.at_least('c0', '3 dB')": "value '3 dB' is not a number",
    "limits=pf.at_least('c0', 1.0, tolerance=float('inf'))": "tolerance inf is not a",
    "starts=2.5": "`starts` is 2.5: a whole number",
    "iterations=-5": "`iterations` is -5: a whole number",
    "provenance='ring'": "`pf.provenance(CARD)`, not 'ring'",
    "component='ring'": "`'ring'` has no quantities",
    "component={'x0': 1.0}": "`dict` has no quantities: they are `pf.param` fields",
    "choices={'x4': [-77.0]}": "`x4`: -77 1 leaves [-1, 1]",
    "choices={'x4': [float('nan')]}": "`x4`: nan 1 leaves",
    "choices={'x4': [True]}": "`x4`: a number in 1, not True",
    "choices={'x4': [0.1], ('x3', 'x4'): [0.2]}": "`x4` is chosen twice",
    "component=pf.load('cpo-ring-1600g'), choices={'end_a.lanes': [8.5]}, "
    "free=pf.Free('end_a.modulator.gap')": "`end_a.lanes`: a whole number, not 8.5",
}
ASKING = """
import sys
import photonflow as pf
from search_problems import problem, scalars

pf.enable_x64()
for wrong in sys.argv[1:]:
    asked = dict(
        component=problem(0), free=pf.Free("x0"), objective=pf.minimum("f"), starts=1
    )
    try:
        pf.minimise(scalars, **(asked | eval(f"dict({wrong})")))
    except ValueError as error:
        print(error)
    else:
        print("accepted")
"""


def test_a_wrong_kind_of_argument_is_one_sentence():
    """Outside of these tests, where nothing checks types before the search does."""
    run = subprocess.run(
        [sys.executable, "-c", ASKING, *WRONG], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    said = run.stdout.splitlines()
    for (wrong, message), line in zip(WRONG.items(), said, strict=True):
        assert message in line, wrong


def test_a_range_turned_round_by_the_models_end_says_whose_end_it_is():
    with pytest.raises(ValueError, match=r"between 1\.5 1 and 1 1 \(the model's\)"):
        searched(scalars, free=[pf.Free("x0", 1.5)])


def test_names_of_free_numbers_never_hide_a_path():
    found = searched(
        lambda p: {"f": (p.x0 - 0.1) ** 2 + (p.x1 - 0.3) ** 2},
        free=[pf.Free("x0", name="n"), pf.Free("x1", name="x0")],
    )
    assert found.variables == {"x0": "n", "x1": "x1"}
    assert found.design == {
        "x0": pytest.approx(0.1, abs=1e-5), "x1": pytest.approx(0.3, abs=1e-5)
    }  # fmt: skip
