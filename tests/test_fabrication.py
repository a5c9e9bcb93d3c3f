"""Yield, tails and fronts, where arithmetic knows the answer."""

from typing import Any

import jax
import numpy as np
import pytest

import photonflow as pf
from photonflow.search.fabrication import normal
from search_problems import FREE, problem


SIGMA = 0.1
SPREAD = {"x0": SIGMA}
LIMIT = pf.at_least("made", 0.2)
Q95, TAIL = 1.6449, 2.0627  # of a normal: 5 % lie below -Q95, on average at -TAIL


def made(point):
    return {"made": point.x0, "cost": point.x0**2 + point.x1**2}


def test_draws_are_normal_and_another_seed_is_another_population():
    z = normal(3, 256, 0)
    assert z.shape == (256, 3)
    assert np.abs(z.mean(axis=0)).max() < 0.02
    assert z.std(axis=0) == pytest.approx(np.ones(3), abs=0.02)
    assert not np.allclose(z, normal(3, 256, 1))
    assert np.array_equal(z, normal(3, 256, 0))


def test_a_yield_asked_for_is_a_distance_of_so_many_sigma():
    """95 % of x + sigma z stay above the limit where x is 1.645 sigma above it."""
    asked = pf.over_draws(made, SPREAD, [LIMIT], draws=256)
    best = pf.minimise(
        asked, problem(0), free=FREE[:2], objective=pf.minimum("mean.cost"),
        limits=[pf.at_least("yield", 0.0)],
    )  # fmt: skip
    assert best.feasible
    x = best.design["x0"]
    assert x == pytest.approx(0.2 + Q95 * SIGMA, abs=0.05 * SIGMA)
    # mean of (x + sigma z)^2 is x^2 + sigma^2
    assert best.values["mean.cost"] == pytest.approx(x**2 + SIGMA**2, rel=1e-2)
    fresh = pf.population(made, best.component, SPREAD, [LIMIT])
    assert fresh.share == pytest.approx(0.95, abs=0.01)
    assert fresh.share == np.mean(fresh.values["made"] >= 0.2 - 2e-7)
    at_limit = pf.replace(best.component, {"x0": 0.2})
    half = pf.population(made, at_limit, SPREAD, [LIMIT])
    assert half.share == pytest.approx(0.5, abs=0.02)
    assert half.standard_error == pytest.approx(0.5 / 64, rel=0.01)


def test_a_part_has_to_keep_every_limit():
    """Two that stray apart: 95 % of each are kept, and 95 % squared of both."""

    def two(point):
        return {"first": point.x0, "second": point.x1}

    limits = [pf.at_least(name, 0.0, tolerance=1e-6) for name in ("first", "second")]
    spread = {"x0": SIGMA, "x1": SIGMA}
    point = pf.replace(problem(0), {"x0": Q95 * SIGMA, "x1": Q95 * SIGMA})
    both = pf.population(two, point, spread, limits)
    assert both.share == pytest.approx(0.95**2, abs=0.01)
    slack = {
        wanted: float(
            pf.over_draws(two, spread, limits, wanted=wanted, draws=256)(point)["yield"]
        )
        for wanted in (0.85, 0.95**2, 0.95)
    }
    assert slack[0.85] > 0 > slack[0.95]
    assert slack[0.95**2] == pytest.approx(0.0, abs=0.2 * SIGMA)


def test_paths_may_leave_out_their_unit_and_a_limit_may_stand_alone():
    """A ring's gap, as `gap` or `gap_m`."""

    def gap(ring):
        return {"gap_m": ring.gap_m}

    ring = pf.load("ring-oband-lateral")
    limit = pf.at_least("gap_m", float(ring.gap_m))
    for path in ("gap", "gap_m"):
        found = pf.population(gap, ring, {path: 4e-9}, limit, draws=256)
        assert np.std(found.values["gap_m"]) == pytest.approx(4e-9, rel=0.02)
        assert found.share == pytest.approx(0.5, abs=0.02)
    with pytest.raises(ValueError, match="gap_m: uncertain .* once"):
        pf.population(gap, ring, {"gap": 4e-9, "gap_m": 4e-9}, limit)


def test_tails_of_a_normal():
    point = pf.replace(problem(0), {"x0": 0.0})
    found = pf.over_draws(made, SPREAD, [LIMIT], draws=256)(point)
    assert float(found["mean.made"]) == pytest.approx(0.0, abs=0.02 * SIGMA)
    assert float(found["low.made"]) == pytest.approx(-TAIL * SIGMA, rel=0.02)
    assert float(found["high.made"]) == pytest.approx(TAIL * SIGMA, rel=0.02)


def test_slopes_of_the_population_are_those_of_finite_differences():
    asked = pf.over_draws(made, SPREAD, [LIMIT], draws=64)

    def of(x):
        return asked(pf.replace(problem(0), {"x1": x, "x0": x}))

    h = 1e-5
    slope = jax.jacfwd(of)(0.3)
    for name, value in slope.items():
        fd = (of(0.3 + h)[name] - of(0.3 - h)[name]) / (2 * h)
        assert float(value) == pytest.approx(float(fd), rel=1e-5, abs=1e-9)


def test_what_is_trimmed_finds_its_best_place_on_every_part():
    """A set-point that has to follow what strays: without, half of all miss."""

    def matched(point):
        off = point.x1 - point.x0
        return {"match": 1 - 25 * off**2, "cost": point.x0 * 0 + point.x1 * 0 + 1}

    limit = pf.at_least("match", 0.9, tolerance=1e-6)
    point = pf.replace(problem(0), {"x0": 0.1, "x1": 0.1})
    as_made = pf.population(matched, point, SPREAD, [limit], draws=512)
    trimmed = pf.population(
        matched, point, SPREAD, [limit], draws=512,
        trimmed=[pf.Trim("x1", ("match",), 0.15)],
    )  # fmt: skip
    # |z| sigma < sqrt(0.1 / 25) for 47 %; the trim reaches 3 sigma.
    assert as_made.share == pytest.approx(0.47, abs=0.03)
    assert trimmed.share > 0.99
    inside = np.abs(trimmed.values["match"] - 1) < 1e-2
    assert inside.mean() > 0.99


def test_a_trim_balances_two_limits():
    """One rises and one falls: the best place is where both are equal."""

    def two(point):
        off = point.x1 - point.x0
        return {"up": 0.1 + off, "down": 0.1 - off}

    limits = [pf.at_least(n, 0.0, tolerance=1e-6) for n in ("up", "down")]
    point = pf.replace(problem(0), {"x0": 0.0, "x1": 0.02})
    found = pf.population(
        two, point, {"x0": 0.03}, limits, draws=64,
        trimmed=[pf.Trim("x1", ("up", "down"), 0.08)],
    )  # fmt: skip
    gap = found.values["up"] - found.values["down"]
    assert np.abs(gap).max() < 0.02
    assert found.share == 1.0


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(draws=1), "2 to 256"),
        (dict(draws=1000), "2 to 256"),
        (dict(wanted=1.0), "between 0 and 1"),
        (dict(spread={}), "`spread` is empty"),
        (dict(spread={"x9": 0.1}), "`x9` is not a parameter"),
        (dict(trimmed=[pf.Trim("x0", ("made",), 0.1)]), "uncertain or trimmed"),
        (dict(trimmed=[pf.Trim("x1", (), 0.1)]), "trimmed for no limit"),
        (dict(limits=[pf.at_least("mode", 0.0)]), "returns no `mode`"),
        (dict(limits=[]), "`limits` is empty"),
        (dict(spread={"x0": float("nan")}), "a standard deviation of nan"),
        (
            dict(trimmed=[pf.Trim("x1", ("mode",), 0.1)]),
            "no limit is on `mode`; .*made",
        ),
        (dict(trimmed=[pf.Trim("x1", ("made",), 0.0)]), "a step of 0.0 is not above 0"),
        (dict(trimmed=[pf.Trim("x1", ("made",), 0.1)] * 2), "x1: .* once, not twice"),
        (dict(wanted=0.999, draws=64), "less than one may fail; a share of 0.984"),
    ],
)
def test_bad_input_is_one_sentence(changes, message):
    settings = dict(spread=SPREAD, limits=[LIMIT]) | changes
    with pytest.raises(ValueError, match=message):
        pf.over_draws(made, **settings)(problem(0))


@pytest.mark.parametrize("wanted, draws", [(0.5, 2), (0.9, 10), (0.95, 20)])
def test_a_share_needs_draws_of_which_one_may_fail(wanted, draws):
    """As decimals say, whatever their last bit: 1 - 0.9 is below 0.1."""
    settings: dict[str, Any] = dict(spread=SPREAD, limits=[LIMIT], wanted=wanted)
    assert pf.over_draws(made, draws=draws, **settings)
    with pytest.raises(ValueError, match=r"2 to 256|less than one may fail"):
        pf.over_draws(made, draws=draws - 1, **settings)


def test_spreads_are_those_of_the_card():
    found = pf.spreads(pf.provenance("ring-oband-lateral"))
    assert found["gap_m"] == pytest.approx(4e-9)
    assert "radius_m" not in found
    inner = pf.spreads(pf.provenance("cpo-ring-1600g"), "end_a.modulator.")
    assert {"end_a.modulator." + path for path in found} == set(inner)


def test_a_front_is_that_of_solving_each_limit_alone():
    def scalars(point):
        return {"cost": point.x0**2 + point.x1**2, "gain": point.x0 + 2 * point.x1}

    settings: dict[str, Any] = dict(free=FREE[:2], objective=pf.minimum("cost"))
    along = [pf.at_least("gain", x) for x in (0.5, 1.0, 1.5)]
    front = pf.pareto(scalars, problem(0), along=along, **settings)
    # The least with x0 + 2 x1 = g is g (1, 2) / 5: cost g^2 / 5, price 2 g / 5.
    assert [s.status for s in front] == ["converged"] * 3
    cost = [s.values["cost"] for s in front]
    assert cost == pytest.approx([g**2 / 5 for g in (0.5, 1.0, 1.5)], rel=1e-6)
    price = [s.multipliers["gain"] for s in front]
    assert price == pytest.approx([2 * g / 5 for g in (0.5, 1.0, 1.5)], rel=1e-4)
    assert front[1].evaluations < front[0].evaluations
    with pytest.raises(ValueError, match="one scalar and one side"):
        mixed = [*along, pf.at_most("gain", 2.0)]
        pf.pareto(scalars, problem(0), along=mixed, **settings)
    with pytest.raises(ValueError, match="at least one limit"):
        pf.pareto(scalars, problem(0), along=[], **settings)
