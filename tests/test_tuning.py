"""Placement of rings and the heat that holds them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from gradient_rule import assert_finite, assert_rule, box, case, ends
from helpers import assert_close
from photonflow.component import replace
from photonflow.links.tuning import (
    BarrelShift,
    FullThermal,
    ThermalCoupling,
    holding_w,
    hz_per_k,
)


ROUNDED = 1e-5  # (1 GHz / 2 x)^2 from 160 GHz on
FSR_HZ, PER_K = jnp.asarray(2e12), jnp.asarray(11e9)
AMBIENT_K, N = jnp.asarray(320.0), jnp.asarray(8.0)


def full(**changes):
    values = dict(
        local_hz=30e9,
        systematic_hz=150e9,
        coldest_k=290.0,
        hottest_k=370.0,
        assist_hz=0.0,
        reach_k=250.0,
    )
    return FullThermal(**values | changes)


def barrel(**changes):
    values = dict(local_hz=30e9, share=0.5, assist_hz=0.0, reach_k=100.0)
    return BarrelShift(**values | changes)


def coupling(**changes):
    """5 % at 50 um, 1 % at 100 um: e-fold of 50 um / ln 5, 25 % at no distance."""
    values = dict(pitch_m=50e-6, contact=0.25, decay_m=50e-6 / math.log(5))
    return ThermalCoupling(**values | changes)


def place(tuning, n=N, ambient_k=AMBIENT_K):
    return tuning.place(FSR_HZ, n, ambient_k, PER_K)


def test_a_drawn_offset_of_three_sigma_reaches_every_ring():
    """Of 100,000 rings drawn, the mean and the farthest at either end of the range."""
    random = np.random.default_rng(2)
    error_hz = random.normal(0, math.hypot(30e9, 150e9), 100_000)
    drawn_hz = 3 * math.hypot(30e9, 150e9) + 80 * 11e9  # blue of the channel at 290 K
    held_hz = drawn_hz + error_hz - 30 * 11e9  # at 320 K
    placed = place(full())
    assert_close(placed.mean_hz, held_hz.mean(), rtol=2e-3)
    # 3 sigma on either side are 99.7 % of all.
    cold_hz, hot_hz = drawn_hz + error_hz, drawn_hz + error_hz - 80 * 11e9
    assert np.mean(cold_hz <= placed.worst_hz) > 0.998
    assert np.mean(hot_hz >= 0) > 0.998


def test_a_barrel_holds_half_a_channel_when_resonances_fall_evenly():
    """2 THz / 8 = 250 GHz apart; a bank whose offset is anything."""
    offset_hz = np.random.default_rng(2).uniform(0, 2e12, 100_000)
    red_hz = -offset_hz % 250e9
    placed = place(barrel())
    assert_close(placed.mean_hz, red_hz.mean(), rtol=5e-3)
    assert_close(placed.worst_hz, 250e9 + 6 * 30e9, rtol=ROUNDED)


def test_half_a_range_is_what_one_barrel_shifted_ring_holds():
    """`RingHeater.hold` of half an FSR stands for N = 1."""
    assert_close(place(barrel(), n=jnp.ones(())).hold(FSR_HZ), 0.5, rtol=ROUNDED)


def test_heat_alone_does_not_care_how_many_wavelengths_there_are():
    assert place(full(), n=jnp.ones(())).mean_hz == place(full()).mean_hz


def test_a_bank_costs_the_same_however_it_is_divided():
    watts = [n * float(place(barrel(), n=jnp.asarray(n)).mean_hz) for n in (2.0, 16.0)]
    assert_close(watts[0], watts[1], rtol=10 * ROUNDED)


@pytest.mark.parametrize("tuning", [full, barrel])
def test_tuning_range_slack_falls_as_rings_spread_and_is_0_at_the_limit(tuning):
    spread = jnp.linspace(1e9, 1e12, 40)
    slack = jax.vmap(
        lambda s: place(replace(tuning(), {"local_hz": s})).slacks["tuning_range"]
    )(spread)
    assert jnp.all(jnp.diff(slack) < 0)
    assert slack[0] > 0 > slack[-1]
    needed_k = float(place(tuning()).worst_hz / PER_K)
    exact = place(replace(tuning(), {"reach_k": needed_k})).slacks["tuning_range"]
    assert abs(float(exact)) < ROUNDED


def test_ambient_slack_is_0_at_the_hottest():
    ambient_k = jnp.linspace(290.0, 400.0, 23)
    slack = jnp.asarray(
        jax.vmap(lambda k: place(full(), ambient_k=k).slacks["ambient"])(ambient_k)
    )
    assert jnp.all(jnp.diff(slack) < 0)
    assert float(slack[0]) == 1 and abs(float(slack[16])) < 1e-12  # 370 K


def test_heaters_never_cool_however_much_is_tuned_electrically():
    assist_hz = jnp.linspace(0.0, 2e11, 41)
    held_hz = jnp.asarray(
        jax.vmap(lambda a: place(replace(barrel(), {"assist_hz": a})).mean_hz)(
            assist_hz
        )
    )
    assert jnp.all(held_hz > 0) and jnp.all(jnp.diff(held_hz) < 0)
    # 125 GHz less 50 GHz, and next to nothing 75 GHz past 125 GHz.
    assert_close(held_hz[10], 75e9, rtol=1e-4)
    assert held_hz[-1] < 1e7


def test_watts_of_a_ring_are_its_shift_over_its_heating():
    """100 GHz / (5e-5 / K * 228.8 THz) = 8.74 K, over 0.1446 K m/W / 37.7 um."""
    ring = nominal.ring()
    per_k = hz_per_k(ring.heater, ring.optical_hz())
    watts = holding_w(ring.heater, ring.radius_m, per_k, jnp.asarray(100e9))
    rise_k = 100e9 / (5e-5 * 299792458 / 1.31e-6)
    assert_close(watts - 1.5e-3, rise_k * 2 * math.pi * 6e-6 / 0.1446, rtol=1e-9)


def test_a_modulator_that_holds_a_placement_burns_what_the_placement_says():
    """The wiring: `heater.hold` set from the strategy, in the dark."""
    ring = nominal.ring()
    per_k = hz_per_k(ring.heater, ring.optical_hz())
    placed = barrel().place(ring.fsr_hz(), N, AMBIENT_K, per_k)
    held = replace(ring, {"heater.hold": float(placed.hold(ring.fsr_hz()))})
    watts = held.operate(jnp.zeros(())).tuning_w
    expected_w = holding_w(ring.heater, ring.radius_m, per_k, placed.mean_hz)
    assert_close(watts, expected_w, rtol=1e-9)


# Thermal coupling


def inverse(rows: ThermalCoupling, n: int) -> np.ndarray:
    """K^-1 of n rings, entry by entry: 1 on the diagonal, c exp(-p |i - j| / l) off."""
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    reached = float(rows.contact) * np.exp(
        -apart * float(rows.pitch_m) / float(rows.decay_m)
    )
    return np.linalg.inv(np.where(apart > 0, reached, 1.0))


CORNERS = [
    {},
    {"contact": 0.6},
    {"contact": 0.6, "pitch_m": 10e-6, "decay_m": 200e-6},
    {"contact": 1e-3, "pitch_m": 500e-6, "decay_m": 5e-6},
]


@pytest.mark.parametrize("n", [1, 2, 3, 8, 16])
@pytest.mark.parametrize("changes", CORNERS)
def test_a_row_shares_its_heat_as_the_inverted_matrix_says(changes, n):
    rows = coupling(**changes)
    found = rows.thermal_crosstalk(jnp.asarray(float(n)))
    assert_close(found.share, inverse(rows, n).sum() / n, rtol=1e-9)


@pytest.mark.parametrize("changes", CORNERS)
def test_no_heater_of_a_row_is_needed_less_than_the_middle_one_of_a_long_row(changes):
    """Mean over spread of each heater's power; within 2 % from 8 rings on."""
    rows = coupling(**changes)
    for n in (1, 2, 3, 8, 16):
        k = inverse(rows, n)
        exact = (np.linalg.norm(k, axis=1) / k.sum(axis=1)).max()
        bound = float(rows.thermal_crosstalk(jnp.asarray(float(n))).spread)
        assert bound >= exact * (1 - 1e-12)
        assert n < 8 or bound <= 1.02 * exact


def test_a_long_row_takes_what_two_infinite_sums_leave():
    """5, 1, 0.2 % ... on either side: 1 / (1 + 2 x 0.05 / (1 - 0.2)) = 0.8889."""
    long = coupling().thermal_crosstalk(jnp.asarray(1000.0))
    assert_close(long.share, 1 / 1.125, rtol=1e-3)  # its ends are 1/1000 of it


def test_drawn_rows_need_heat_at_three_sigma_and_not_much_more():
    """20,000 rows of 8, each drawn blue as the widened spread asks, at the hottest.

    Of 1,000 middle heaters 1.35 would have to cool: one tail of three sigma.
    """
    rows, random = coupling(), np.random.default_rng(3)
    strategy, n = full(local_hz=100e9, systematic_hz=50e9), jnp.asarray(8.0)
    thermal = rows.thermal_crosstalk(n)
    hottest_k = strategy.hottest_k
    drawn = strategy.place(FSR_HZ, n, hottest_k, PER_K, thermal)
    mean_hz = float(drawn.mean_hz / thermal.share)
    asked_hz = mean_hz + random.normal(0, 100e9, (20_000, 8))
    asked_hz = asked_hz + random.normal(0, 50e9, (20_000, 1))
    heat_hz = asked_hz @ inverse(rows, 8)
    assert_close(heat_hz.mean(), drawn.mean_hz, rtol=5e-3)
    cooled = np.mean(heat_hz[:, 3:5] < 0)
    assert 0.3e-3 < cooled < 1.8e-3
    # Without the wider spread more than half as many again would.
    alone_hz = float(strategy.place(FSR_HZ, n, hottest_k, PER_K).mean_hz)
    bare_hz = (asked_hz - mean_hz + alone_hz) @ inverse(rows, 8)
    assert np.mean(bare_hz[:, 3:5] < 0) > 1.5 * cooled


@pytest.mark.parametrize("tuning", [full, barrel])
def test_neighbours_save_heat_and_cost_range(tuning):
    thermal = coupling().thermal_crosstalk(N)
    alone = place(tuning(local_hz=10e9))
    among = tuning(local_hz=10e9).place(FSR_HZ, N, AMBIENT_K, PER_K, thermal)
    assert among.mean_hz < alone.mean_hz
    assert among.worst_hz > alone.worst_hz
    assert among.slacks["tuning_range"] < alone.slacks["tuning_range"]


def test_farther_apart_rings_are_nearly_alone():
    pitch_m = jnp.asarray([20e-6, 50e-6, 100e-6, 500e-6])
    found = jax.vmap(
        lambda p: replace(coupling(), {"pitch_m": p}).thermal_crosstalk(
            jnp.asarray(8.0)
        )
    )(pitch_m)
    share, spread = map(np.asarray, found)
    assert np.all(np.diff(share) > 0) and np.all(np.diff(spread) < 0)
    assert_close([share[-1], spread[-1]], [1.0, 1.0], rtol=1e-6)


# Gradients


def stages(both, rows):
    out, thermal = {}, rows.thermal_crosstalk(N)
    for name, tuning in both.items():
        placed = tuning.place(FSR_HZ, N, AMBIENT_K, PER_K, thermal)
        out |= {f"{name}.mean": jnp.log(placed.mean_hz)}
        out |= {f"{name}.worst": jnp.log(placed.worst_hz)}
        out |= {f"{name}.{slack}": value for slack, value in placed.slacks.items()}
    return out | {
        "share": thermal.share,
        "spread": jnp.log(thermal.spread),
    }


@pytest.fixture(scope="module", params=["full", "barrel"])
def built(request):
    tuning = {"full": full, "barrel": barrel}[request.param](assist_hz=4e10)
    tree = (tuning, coupling())
    return case(tree, ["tuning", "rows"], lambda t, r: stages({"t": t}, r))


def test_gradients_match_finite_differences(built):
    """Inside the middle 98 % of the box, where shifts exceed what is tuned by volts."""
    random = np.random.default_rng(4)
    x = built.at(random.uniform(0.01, 0.99, (400, len(built.paths))))
    mean = built.values(x)[:, built.outputs.index("t.mean")]
    x = x[mean > math.log(5 * 1e9)][:64]
    assert_rule(built, np.concatenate([built.nominal[None], x]))


def test_all_is_finite_over_the_whole_box(built):
    """Both ends of every parameter, and 4,096 corners and points of the box."""
    assert_finite(built, np.concatenate([ends(built), box(built, 4096)]))
