"""The search over any component: right where it says so, and sentences where not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import photonflow as pf
from photonflow.search.race import STALLED_ITERATIONS
from search_problems import ALL, FREE, KINDS, problem, scalars


LEAST = pf.minimum("f")
LIGHT_W = jnp.asarray(1e-3)
CONVERGED = 30  # a problem whose optimum lies on a limit and off most bounds


def searched(point, function=scalars, **changes):
    settings: dict[str, Any] = dict(free=FREE, objective=LEAST, limits=ALL)
    settings |= changes
    return pf.minimise(function, point, **settings)


@pytest.fixture(scope="module")
def found():
    return searched(problem(CONVERGED))


def same(one, other):
    """Bit for bit, but for the clock."""
    kept = ("status", "design", "values", "slacks", "multipliers", "kkt", "iterations")
    assert [getattr(one, k) for k in kept] == [getattr(other, k) for k in kept]
    for a, b in zip(one.trace, other.trace, strict=True):
        assert np.array_equal(a[:-1], b[:-1], equal_nan=True)


@pytest.mark.parametrize("seed", range(50))
def test_fifty_random_problems_end_where_slsqp_does(seed):
    """With limits that are equal, nearly equal, redundant, and that exclude all."""
    ours = searched(problem(seed))
    theirs = searched(problem(seed), solver="slsqp", starts=4)
    assert ours.feasible == theirs.feasible
    if not theirs.feasible:
        assert ours.status == "infeasible" and ours.relax
        assert KINDS[seed % len(KINDS)] == "infeasible" or min(ours.slacks.values()) < 0
        return
    assert ours.status == "converged" and ours.kkt <= 1e-6
    assert min(ours.slacks.values()) >= -1e-6
    assert ours.values["f"] <= theirs.values["f"] + 1e-6


def test_an_infeasible_problem_ends_at_the_least_violation_and_says_what_to_relax():
    # Rows 0 and 1 are opposite and 1 apart: half of it is missed by each at best, and
    # curvature takes as much from both.
    ours = searched(problem(4))
    lost = ours.relax
    assert set(lost) == {"c0", "c1"}
    assert lost["c0"] == pytest.approx(ours.slacks["c0"])
    assert list(lost.values()) == sorted(lost.values())
    assert ours.message.startswith("infeasible: the nearest design found misses c")
    relaxed = [x._replace(value=lost.get(x.name, 0.0)) for x in ALL]
    assert searched(problem(4), limits=relaxed).feasible


def test_a_multiplier_is_what_moving_its_limit_costs(found):
    active = {n: m for n, m in found.multipliers.items() if abs(m) > 1e-6}
    assert active
    for name, price in active.items():
        f = [
            searched(
                problem(CONVERGED),
                limits=[x._replace(value=h if x.name == name else 0.0) for x in ALL],
            ).values["f"]
            for h in (1e-3, -1e-3)
        ]
        assert price == pytest.approx((f[0] - f[1]) / 2e-3, rel=0.02)


def test_multipliers_and_elasticities_are_in_physical_units():
    """Of a ring, in watts per decibel, and against solving again."""

    def ring_scalars(ring):
        at = ring.operate(LIGHT_W)
        band = at.transfer(jnp.asarray(45e9), jnp.asarray(15.0))
        return {
            "oma_w": LIGHT_W * (at.top - at.bottom),
            "er_db": at.slacks["extinction"],
            "h_db": 20 * jnp.log10(jnp.abs(band)),
        }

    def at(er_db, **changes):
        ring = pf.replace(pf.load("ring-oband-lateral"), changes)
        return pf.minimise(
            ring_scalars, ring, objective=pf.maximum("oma_w", log=True),
            free=[pf.Free("gap"), pf.Free("radius"), pf.Free("detuning", 0.1, 2.5)],
            limits=[pf.at_least("er_db", er_db, unit="dB"), pf.at_least("h_db", -4)],
        )  # fmt: skip

    best = at(3.5)
    assert best.status == "converged"
    fd = (at(3.51).values["oma_w"] - at(3.49).values["oma_w"]) / 0.02
    assert best.multipliers["er_db"] == pytest.approx(fd, rel=0.02)
    slope = {e.path: e for e in best.elasticities}["drive_v"]
    moved = [at(3.5, drive=v).values["oma_w"] for v in (2.01, 1.99)]
    assert slope.slope == pytest.approx((moved[0] - moved[1]) / 0.02, rel=0.02)
    assert slope.elasticity == pytest.approx(slope.slope * 2 / best.values["oma_w"])
    moves = [abs(e.moves) for e in best.elasticities]
    assert moves == sorted(moves, reverse=True)
    # At the optimum nothing is left to win by what is free.
    (gap,) = (e for e in best.elasticities if e.path == "gap_m")
    assert gap.elasticity == pytest.approx(0.0, abs=1e-5)


def test_one_start_is_judged_by_every_limit():
    one = searched(problem(CONVERGED), starts=1)
    assert one.status == "converged"
    assert min(one.slacks.values()) >= -1e-6
    alone = searched(problem(4), starts=1)
    assert alone.status == "infeasible" and not alone.feasible


def test_a_limit_that_no_free_parameter_moves_makes_it_infeasible_by_name():
    def with_outside(point):
        return scalars(point) | {"outside": point.linear[0] * 0 - 1.0}

    limits = [*ALL, pf.at_least("outside", 0.0)]
    found = searched(problem(CONVERGED), with_outside, limits=limits, starts=1)
    assert found.status == "infeasible"
    assert found.outside == {"outside": -1.0} and found.relax == {"outside": -1.0}
    assert "no free parameter moves outside" in found.message


def test_a_limit_that_is_not_a_number_anywhere_is_named():
    def broken(point):
        return scalars(point) | {"c2": point.x0 * jnp.nan}

    found = searched(problem(CONVERGED), broken)
    assert found.status == "infeasible" and not found.feasible
    assert found.message == "infeasible: c2 is not a number at any start"


def test_starts_that_are_not_a_number_are_drawn_again_and_never_win():
    def partly(point):
        f = scalars(point)["f"]
        return scalars(point) | {"f": jnp.where(point.x0 > 0.3, jnp.nan, f)}

    found = searched(problem(CONVERGED), partly)
    assert found.status == "converged" and found.redrawn > 0
    assert "drawn again" in found.message
    whole = searched(problem(CONVERGED))
    assert found.values["f"] == pytest.approx(whole.values["f"], abs=1e-8)


def noisy(size):
    """Slopes of the objective off by `size`, differently at every point."""

    @jax.custom_jvp
    def same(f, x):
        return f

    @same.defjvp
    def _(primals, tangents):
        (f, x), (by_f, by_x) = primals, tangents
        return f, by_f + size * jnp.sin(1e9 * x) @ by_x

    def function(point):
        found = scalars(point)
        return found | {"f": same(found["f"], point.x())}

    return function


@pytest.mark.parametrize("size", [1e-6, 1e-4])
def test_noise_in_the_slopes_ends_a_search_and_is_said(size, found):
    noise = searched(problem(CONVERGED), noisy(size))
    assert noise.status in ("converged", "stalled")
    if noise.kkt > 1e-6:
        assert noise.status == "stalled" and "noise" in noise.message
    assert noise.feasible and noise.iterations < 40
    assert noise.values["f"] == pytest.approx(found.values["f"], abs=100 * size**2)
    assert noise.agreement >= 0.8
    if size > 1e-5:
        assert noise.status == "stalled"


def test_a_start_that_stands_still_ends():
    """Before the race itself does, which waits longer."""
    alone = searched(problem(CONVERGED), noisy(1e-4), starts=1)
    assert alone.race.outcome.tolist() == ["stalled"]
    assert alone.iterations < STALLED_ITERATIONS


def test_the_same_seed_gives_the_same_bits():
    same(searched(problem(3), seed=5), searched(problem(3), seed=5))


def test_an_interrupted_search_goes_on_from_any_iteration_to_the_same_end(found):
    for stop in range(found.iterations):

        def cut(now, stop=stop):
            if now.iteration >= stop:
                raise KeyboardInterrupt

        part = searched(problem(CONVERGED), callback=cut)
        assert part.status == "interrupted"
        same(searched(problem(CONVERGED), resume=part), found)


def test_another_search_cannot_be_taken_up(found):
    with pytest.raises(ValueError, match="of another search"):
        searched(problem(CONVERGED), free=FREE[:3], resume=found)
    with pytest.raises(ValueError, match="of another search"):
        searched(problem(CONVERGED), limits=ALL[:2], resume=found)


def test_a_limit_that_no_start_moves_is_carried_once_the_end_shows_that_it_does():
    """Flat wherever the search sets out, and steep where it leads."""

    def saturating(point):
        x = point.x0
        return {"f": (x + 0.9) ** 2, "c": jnp.where(x < -0.6, x + 0.7, 0.1)}

    start = pf.replace(problem(0), {"x0": 0.9})
    found = pf.minimise(
        saturating, start, free=pf.Free("x0"), objective=LEAST, starts=1, seed=3,
        limits=pf.at_least("c", 0.0, tolerance=1e-6),
    )  # fmt: skip
    assert found.feasible and found.outside == {}
    assert found.design["x0"] == pytest.approx(-0.7, abs=1e-6)


def test_out_of_iterations_is_a_status(found):
    early = searched(problem(CONVERGED), iterations=2)
    assert early.status == "limit"
    assert "after 2 iterations" in early.message or not early.feasible


def test_boxes_and_choices_are_searched_one_by_one():
    point = problem(CONVERGED)
    free = [pf.Free("x0", boxes=[(-1.0, -0.2), (0.2, 1.0)]), *FREE[1:4]]
    found = searched(point, free=free, choices={"x4": [-0.5, 0.5]})
    assert len(found.branches) == 4
    assert {tuple(b.choices.items()) for b in found.branches} == {
        (("x4", "-0.5"),),
        (("x4", "0.5"),),
    }
    (won,) = (b for b in found.branches if b.won)
    least = min(b.objective for b in found.branches if b.objective is not None)
    assert won.objective == least == pytest.approx(found.values["f"], abs=1e-8)
    assert won.choices == found.choices


BAD = {
    "no such path": (dict(free=[pf.Free("x9")]), "`x9` is not a parameter.*x0"),
    "empty range": (dict(free=[pf.Free("x1", 0.5, 0.2)]), "between"),
    "outside the model": (dict(free=[pf.Free("x1", -3.0, 0.0)]), r"leaves \[-1, 1\]"),
    "free twice": (dict(free=[*FREE, pf.Free("x1")]), "free twice"),
    "nothing free": (dict(free=[]), "nothing is free"),
    "no such scalar": (dict(limits=[pf.at_least("c9", 0)]), "returns no `c9`.*`c"),
    "no such objective": (dict(objective=pf.minimum("g")), "objective: .* no `g`"),
    "no starts": (dict(starts=0), "at least 1"),
    "no such solver": (dict(solver="adam"), "`adam` is none of sqp, slsqp"),
    "no such choice": (dict(choices={"pam": [2, 4]}), "`pam` is no part"),
    "free and chosen": (dict(choices={"x4": [0.0]}), "`x4` is both free and"),
    "no option": (dict(choices={"x4": []}), "at least one option"),
}


@pytest.mark.parametrize("changes, message", BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        searched(problem(0), **changes)


def test_a_parameter_that_moves_nothing_is_named():
    def narrow(point):
        return {"f": point.x0**2, "c": point.x1}

    free = FREE[:3]
    with pytest.raises(ValueError, match="`x2` moves neither the objective `f` nor"):
        searched(problem(0), narrow, free=free, limits=[pf.at_least("c", 0.0)])
    with pytest.raises(ValueError, match="`f` does not move with any.*`x1`"):
        searched(problem(0), narrow, free=[FREE[1]], limits=[pf.at_least("c", 0.0)])


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda p: p.x0, "a dict of scalars"),
        (lambda p: {}, "not an empty dict"),
        (lambda p: {"f": p.x()}, r"`f` has shape \(5,\)"),
        (lambda p: {"f": "two"}, "`f`: a searched function returns numbers"),
    ],
)
def test_a_function_that_returns_no_named_scalars_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        searched(problem(0), function, limits=())


def test_a_limit_is_met_to_a_part_of_its_size():
    seen = np.array([1e-3, 2e-3, np.nan])
    assert pf.at_least("x", 3.5).scale(seen) == 3.5
    assert pf.at_most("x", -4.0).scale(seen) == 4.0
    assert pf.at_least("x", 0.0).scale(seen) == pytest.approx(1.5e-3)
    assert pf.at_least("x", 0.0, tolerance=1e-9).scale(seen) == pytest.approx(1e-3)
    with pytest.raises(ValueError, match="not a number"):
        pf.at_least("x", float("nan"))


def test_ranges_end_where_the_card_does():
    ring, origins = pf.load("ring-oband-lateral"), pf.provenance("ring-oband-lateral")

    def swing(ring):
        at = ring.operate(LIGHT_W)
        return {"oma_w": LIGHT_W * (at.top - at.bottom)}

    found = pf.minimise(
        swing, ring, free=pf.Free("gap"), objective=pf.maximum("oma_w"),
        provenance=origins,
    )  # fmt: skip
    assert found.branches[0].box == {"gap": (100e-9, 300e-9)}
    with pytest.raises(ValueError, match="what the card 'ring-oband-lateral' spans"):
        pf.minimise(
            swing, ring, free=pf.Free("gap", 90e-9, 300e-9), provenance=origins,
            objective=pf.maximum("oma_w"),
        )  # fmt: skip


@pytest.mark.slow
def test_both_solvers_agree_on_the_end_of_one_link():
    """Least current of one laser at its error rate: what `link` solves by brackets."""
    from photonflow.search.laser_drive import CURRENT, link_drives

    link = pf.load("cpo-ring-1600g")
    at = pf.load("room-worst").at(link.path.reach_m)
    (drive, _) = link_drives(link, at)

    def sent(link):
        slacks = link.budget(at).a_to_b.slacks
        amps = link.end_a.source.laser.current_a
        return {"amps": amps, "ber": slacks["ber"], "launch": slacks["launch"]}

    for solver in ("sqp", "slsqp"):
        found = pf.minimise(
            sent, link, free=pf.Free(f"end_a.{CURRENT}", 0.06, 0.6), solver=solver,
            objective=pf.minimum("amps", log=True), starts=4,
            limits=[pf.at_least("ber", 0.0), pf.at_least("launch", 0.0)],
        )  # fmt: skip
        assert found.values["amps"] == pytest.approx(drive.amps, rel=1e-5)
