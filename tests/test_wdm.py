"""Rings on a bus: each figure against the same sum done the long way."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from gradient_rule import assert_finite, assert_rule, box, case, ends, interior
from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.devices.filters import RingFilter
from photonflow.devices.response import power
from photonflow.links import wdm
from photonflow.links.tuning import BarrelShift, FullThermal, ThermalCoupling
from photonflow.links.wdm import RingBus, WavelengthGrid


CASE_K = jnp.asarray(343.15)
LIBRARY = Library()


def ring_filter(**changes):
    """6 um, FSR 2.04 THz, gaps that differ: 5 % of the light stay on the bus.

    Near equal couplings what stays is so little that its dB are no matter of slopes.
    """
    ring = nominal.ring()
    values: dict[str, Any] = dict(
        guide=ring.guide,
        heater=ring.heater,
        radius_m=6e-6,
        gap_m=140e-9,
        drop_gap_m=170e-9,
        wavelength_m=1.31e-6,
        offset=0.1,
    )
    return RingFilter(**values | changes)


def grid(**changes):
    """8 channels 200 GHz apart in arrays for 16."""
    values: dict[str, Any] = dict(
        wavelengths=8.0, spacing_hz=200e9, centre_m=1.31e-6, slots=16
    )
    return WavelengthGrid(**values | changes)


def barrel(**changes):
    values = dict(local_hz=40e9, share=0.5, assist_hz=0.0, reach_k=150.0)
    return BarrelShift(**values | changes)


def full(**changes):
    values = dict(
        local_hz=40e9,
        systematic_hz=200e9,
        coldest_k=280.0,
        hottest_k=380.0,
        assist_hz=50e9,
        reach_k=250.0,
    )
    return FullThermal(**values | changes)


def coupling():
    """5 % at 50 um, 1 % at 100 um."""
    return ThermalCoupling(pitch_m=50e-6, contact=0.25, decay_m=50e-6 / math.log(5))


def bus(tuning=None, reused=True, **changes):
    parts: dict[str, Any] = dict(
        grid=grid(), filter=ring_filter(), tuning=tuning or barrel()
    )
    return RingBus(**parts | changes, reused=reused)


# Grids


def test_channels_stand_evenly_around_the_centre():
    """8 channels of 200 GHz: -700 GHz to 700 GHz about c / 1310 nm."""
    found = grid()
    f = np.asarray(found.frequencies_hz())[:8] - 299792458 / 1.31e-6
    assert_close(f, 200e9 * (np.arange(8) - 3.5), rtol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 16])
def test_the_middle_channel_sees_all_others(n):
    """Against the matrix of all pairs; of an even number the mean of two channels."""
    found = grid(wavelengths=float(n))

    def leak(offset_hz):  # lopsided, so that both sides are told apart
        return 1 / (1 + (offset_hz / 1e11 - 0.3) ** 2)

    f = 200e9 * np.arange(n)
    pairs = np.where(np.eye(n) > 0, 0.0, leak(f[None, :] - f[:, None])).sum(1)
    middle = (pairs[(n - 1) // 2] + pairs[n // 2]) / 2
    assert_close(found.neighbours(leak), middle, rtol=1e-12)


@pytest.mark.parametrize("spacing_hz", [100e9, 200e9, 254e9])
def test_no_channel_of_a_grid_that_fits_is_worse_off_than_the_middle(spacing_hz):
    """Images of the next order included: FSR / spacing is 20.4, 10.2 and 8.03."""
    ring = ring_filter(offset=0.0).resonance()
    f = spacing_hz * np.arange(8)
    pairs = np.asarray(ring.leakage(jnp.asarray(f[None, :] - f[:, None])))
    each = pairs.sum(1) - 1
    middle = grid(spacing_hz=spacing_hz).neighbours(ring.leakage)
    assert_close(each.max(), middle, rtol=1e-12)


def test_an_image_of_the_next_order_leaks_as_much_as_a_neighbour():
    ring = ring_filter().resonance()
    beside = jnp.asarray(150e9)
    assert_close(ring.leakage(beside + ring.fsr_hz), ring.leakage(beside), rtol=1e-9)


def test_fsr_slack_is_0_where_the_grid_fills_the_ring_and_falls_beyond():
    fsr_hz = ring_filter().resonance().fsr_hz
    exact = grid(spacing_hz=float(fsr_hz) / 8).slacks(fsr_hz)["fsr"]
    assert abs(float(exact)) < 1e-12
    counts = jnp.arange(1.0, 17.0)
    slack = jnp.asarray(jax.vmap(lambda n: of_count(n).slacks(fsr_hz)["fsr"])(counts))
    assert jnp.all(jnp.diff(slack) < 0)
    assert slack[9] > 0 > slack[10]  # FSR / 200 GHz = 10.2


def of_count(n):
    return WavelengthGrid(n, jnp.asarray(200e9), jnp.asarray(1.31e-6), 16)


# Buses


def test_one_wavelength_knows_no_neighbours():
    alone = bus(grid=grid(wavelengths=1.0))
    seen = alone.demultiplex(CASE_K, 4)
    assert seen.leaked == seen.relative["crosstalk"] == 0
    assert seen.losses_db["demux_through"] == 0
    sent = alone.multiplex(
        nominal.ring(), jnp.asarray(0.5), jnp.asarray(0.2), CASE_K, 4
    )
    assert sent.losses_db["mux_through"] == sent.relative["intermodulation"] == 0


def test_a_row_of_filters_shares_light_out_as_the_closed_forms_say():
    """Light of eight channels walks down the bus, ring by ring, fields squared.

    The first ring sees all channels at full power: its crosstalk is X of the closed
    form. The last has only what the others left: its own loss is the closed form's.
    """
    ring = ring_filter().resonance()
    f = 200e9 * np.arange(8)
    order = [3, 0, 1, 2, 5, 6, 7, 4]  # both middle channels at the ends
    left, dropped = np.ones(8), {}
    for own in order:
        offset_hz = jnp.asarray(f - f[own])
        dropped[own] = left * np.asarray(ring.dropped(offset_hz))
        left = left * np.asarray(ring.passed(offset_hz))
    first, last = dropped[3], dropped[4]
    seen = bus().demultiplex(CASE_K, 4)
    others = np.delete(first / first[3], 3)
    assert_close(seen.leaked, others.sum(), rtol=0.02)  # mean of two lopsided middles
    # 5/36 of the squared swing is the variance of PAM4.
    assert_close(seen.relative["crosstalk"], 5 / 36 * np.sum(others**2), rtol=0.02)
    total_db = sum(float(loss) for loss in seen.losses_db.values())
    assert_close(total_db, -10 * math.log10(last[4]), rtol=0.01)


def test_crosstalk_variance_is_that_of_random_symbols():
    """A million random PAM4 symbols on each of 7 aggressors."""
    ring = ring_filter().resonance()
    x = np.asarray(
        ring.leakage(jnp.asarray(200e9 * np.array([-4, -3, -2, -1, 1, 2, 3])))
    )
    symbols = np.random.default_rng(1).integers(0, 4, (200_000, 7)) / 3
    variance = np.var(symbols @ x)
    seen = bus().demultiplex(CASE_K, 4)
    # 1 % of sampling, and the mean of the two middle channels.
    assert_close(seen.relative["crosstalk"], variance, rtol=0.02)


def test_modulators_on_the_way_take_light_and_write_on_it():
    """Channel by channel, with random symbols on the seven others."""
    ring = nominal.ring()
    passing = wdm.modulator_transmission(ring)
    offset_hz = jnp.asarray(200e9 * np.array([-4.0, -3, -2, -1, 1, 2, 3]))
    levels = np.asarray(passing(offset_hz))  # aggressors, two levels
    symbols = np.random.default_rng(1).integers(0, 2, (200_000, 7))
    passed = np.prod(levels[np.arange(7), symbols], axis=1)
    top, bottom = jnp.asarray(0.5), jnp.asarray(0.2)
    sent = bus().multiplex(ring, top, bottom, CASE_K, 2)
    mean_db = -10 * math.log10(np.prod(levels.mean(1)))
    assert_close(sent.losses_db["mux_through"], mean_db, rtol=0.02)
    # The top level rises and falls by this, over a swing of 0.3.
    variance = np.var(passed) / np.mean(passed) ** 2 * (0.5 / 0.3) ** 2
    assert_close(sent.relative["intermodulation"], variance, rtol=0.03)


def test_wider_spacing_leaks_less_and_a_narrower_filter_too():
    def leaked(spacing_hz):
        return (
            bus(grid=replace(grid(), {"spacing_hz": spacing_hz}))
            .demultiplex(CASE_K, 4)
            .leaked
        )

    wide = [float(leaked(s)) for s in (100e9, 150e9, 200e9, 250e9)]
    assert wide == sorted(wide, reverse=True)
    gaps = (120e-9, 150e-9, 180e-9)
    narrow = [
        float(
            bus(filter=ring_filter(gap_m=g, drop_gap_m=g)).demultiplex(CASE_K, 4).leaked
        )
        for g in gaps
    ]
    assert narrow == sorted(narrow, reverse=True)


def test_what_a_drop_leaves_matters_only_where_the_wavelength_is_used_again():
    ring = ring_filter().resonance()
    again = bus(reused=True).demultiplex(CASE_K, 4)
    once = bus(reused=False).demultiplex(CASE_K, 4)
    zero = jnp.zeros(())
    assert_close(again.residual, ring.passed(zero) / ring.dropped(zero), rtol=1e-12)
    assert_close(again.interference, 2 * again.residual, rtol=1e-12)
    assert once.residual == once.interference == 0


def test_the_beat_of_a_leftover_has_twice_its_power_as_variance():
    """P_k P 4 x <cos^2> of random phases."""
    phase = np.random.default_rng(1).uniform(0, 2 * math.pi, 400_000)
    x, level, mean = 1e-3, 0.8, 0.5
    beat = 2 * np.sqrt(x * level * mean) * np.cos(phase)
    assert_close(np.var(beat), 2 * x * level * mean, rtol=0.01)


def test_penalties_are_those_of_a_worst_case_eye():
    """X = 0.03 at 6 dB: -10 log10(1 - 0.03 (3.98 + 1) / (3.98 - 1)) = 0.224 dB."""
    r = 10**0.6
    expected_db = -10 * math.log10(1 - 0.03 * (r + 1) / (r - 1))
    ours = wdm.crosstalk_penalty_db(jnp.asarray(0.03), jnp.asarray(r))
    assert_close(ours, expected_db, rtol=1e-12)
    # Levels 1 and 1/r with an interferer of 1e-3 in the worst phase.
    top = 1 - 2 * math.sqrt(1e-3)
    bottom = 1 / r + 2 * math.sqrt(1e-3 / r)
    closed_db = -10 * math.log10((top - bottom) / (1 - 1 / r))
    ours = wdm.coherent_penalty_db(jnp.asarray(1e-3), jnp.asarray(r))
    assert_close(ours, closed_db, rtol=1e-4)  # rounded within 1e-12 of x = 0
    assert wdm.coherent_penalty_db(jnp.zeros(()), jnp.asarray(r)) == 0


def test_the_penalty_of_a_shut_eye_is_finite_and_still_grows():
    closed = jnp.asarray([0.5, 0.98, 0.99, 1.0, 3.0])
    penalty = jax.vmap(wdm.eye_closure_db)(closed)
    assert jnp.all(jnp.isfinite(penalty)) and jnp.all(jnp.diff(penalty) > 0)
    slopes = jax.vmap(jax.grad(wdm.eye_closure_db))(jnp.asarray([0.989999, 0.990001]))
    assert_close(slopes[0], slopes[1], rtol=1e-3)


@pytest.mark.parametrize("tuning", [barrel, full])
def test_rows_of_both_ends_share_the_heat_of_their_heaters(tuning):
    """Heaters less lock loops, over those of isolated rings: the share of the row."""
    near, apart = bus(tuning(), coupling=coupling()), bus(tuning())
    thermal = coupling().thermal_crosstalk(near.grid.wavelengths)
    ring, levels = nominal.ring(), (jnp.asarray(0.5), jnp.asarray(0.2))
    placed = [b.multiplex(ring, *levels, CASE_K, 2).placement for b in (near, apart)]
    heated = [
        b.demultiplex(CASE_K, 2).tuning_w - b.filter.heater.loop_w
        for b in (near, apart)
    ]
    # Both rows ask for the guard, both rows share: one and the same factor.
    ratio = placed[0].mean_hz / placed[1].mean_hz
    assert_close(heated[0] / heated[1], ratio, rtol=1e-3)  # rounded assist
    assert thermal.share < ratio < 1.05
    assert (
        near.demultiplex(CASE_K, 2).slacks["tuning_range"]
        < apart.demultiplex(CASE_K, 2).slacks["tuning_range"]
    )


def test_counts_of_wavelengths_are_one_batch():
    """1, 4 and 16 in arrays of 16, each as in arrays of its own size."""
    counts = jnp.asarray([1.0, 4.0, 16.0])
    whole = bus()

    def leaked(n):
        grids = eqx.tree_at(lambda b: b.grid.wavelengths, whole, n)
        return grids.demultiplex(CASE_K, 4).leaked

    together = jax.jit(jax.vmap(leaked))(counts)
    for n, found in zip((1, 4, 16), together, strict=True):
        alone = bus(grid=grid(wavelengths=float(n), slots=n)).demultiplex(CASE_K, 4)
        assert_close(found, alone.leaked, rtol=1e-12)


@pytest.mark.parametrize("name", LIBRARY.names("passives"))
def test_shipped_buses_meet_their_limits_with_the_shipped_ring(name):
    """At 55 degC; the modulators are as large as the filters."""
    if not isinstance(LIBRARY.load(name), RingBus):
        return
    whole, ring = LIBRARY.load(name), LIBRARY.load("ring-oband-lateral")
    warm_k = jnp.asarray(328.15)
    sent = whole.multiplex(ring, jnp.asarray(0.5), jnp.asarray(0.2), warm_k, 2)
    seen = whole.demultiplex(warm_k, 2)
    for slacks in (sent.slacks, seen.slacks):
        assert all(slack >= 0 for slack in slacks.values()), slacks
    # A demultiplexer of usual figures: some dB, below 0.4 dB of worst-case penalty at
    # 200 GHz; half the spacing takes nearly four times the crosstalk.
    allowed_db = 0.4 if whole.grid.spacing_hz > 150e9 else 1.6
    assert 0 < sum(seen.losses_db.values()) < 1.5
    assert seen.penalties_db(jnp.asarray(10**0.5))["crosstalk"] < allowed_db


# Gradients


def stages(whole, modulator, k):
    sent = whole.multiplex(modulator, jnp.asarray(0.5), jnp.asarray(0.2), k, 4)
    seen = whole.demultiplex(k, 4)
    f = jnp.asarray([10e9, 40e9])
    response = power(whole.transfer(f))
    out = {f"mux.{name}": value for name, value in sent.losses_db.items()}
    out |= {f"demux.{name}": value for name, value in seen.losses_db.items()}
    # One wavelength alone has neither.
    out["intermodulation"] = jnp.log(sent.relative["intermodulation"] + 1e-9)
    out["crosstalk"] = jnp.log(seen.relative["crosstalk"] + 1e-9)
    out["residual"] = jnp.log(seen.residual)
    out["tuning"] = jnp.log(seen.tuning_w)
    out["hold"] = jnp.log(sent.placement.hold(modulator.fsr_hz()))
    out |= {f"response.{i}": jnp.log(response[i]) for i in range(2)}
    out |= {f"mux.slack.{name}": value for name, value in sent.slacks.items()}
    out |= {f"demux.slack.{name}": value for name, value in seen.slacks.items()}
    # What is left behind a drop this unequal shuts an eye: its penalty is tested apart.
    return out | {"penalty": seen.penalties_db(jnp.asarray(4.0))["crosstalk"]}


@pytest.mark.parametrize("residual", [0.0, 1e-9, 1e-4, 1e-2, 0.3])
def test_the_coherent_penalty_has_a_slope_everywhere(residual):
    r = jnp.asarray(4.0)
    slope = jax.grad(wdm.coherent_penalty_db)(jnp.asarray(residual), r)
    step = 1e-4 * residual + 1e-16
    ends = [
        float(wdm.coherent_penalty_db(jnp.asarray(residual + s), r)) for s in (step, 0)
    ]
    assert slope > 0 and jnp.isfinite(slope)
    if residual:
        assert_close(slope, (ends[0] - ends[1]) / step, rtol=2e-3)


@pytest.fixture(scope="module", params=["barrel", "full"])
def built(request):
    tuning = {"barrel": barrel, "full": full}[request.param]()
    # Between integers sums run straight; at one their slope jumps.
    whole = bus(tuning, grid=grid(wavelengths=7.5), coupling=coupling())
    tree = (whole, nominal.ring())
    return case(tree, ["bus", "modulator"], lambda b, m: stages(b, m, CASE_K))


def test_gradients_match_finite_differences(built):
    """At the nominal point and 64 within 3 % of each range, their counts between the
    same integers."""
    x = interior(built, 64, 0.03, {})
    count = x[:, built.paths.index("bus.grid.wavelengths")]
    np.clip(count, 7.2, 7.8, out=count)
    assert_rule(built, np.concatenate([built.nominal[None], x]))


def test_all_is_finite_over_the_whole_box(built):
    """Both ends of every parameter, and 4,096 corners and points of the box."""
    assert_finite(built, np.concatenate([ends(built), box(built, 4096)]))


SILENT = {
    "bus.grid.centre_m",  # losses and crosstalk know spacings only
    "bus.filter.guide.mode_width_m",  # no junction in a filter
    "bus.filter.guide.confinement",
    "bus.filter.heater.hold",  # the tuning strategy says
    "bus.filter.heater.absorbed",  # a weak signal, and dropped
}


def test_only_parameters_with_a_reason_have_no_gradient(built):
    values = built.values(built.nominal[None])
    slopes = abs(built.pull(built.nominal[None], np.ones_like(values)))[0]
    dead = {path for path, slope in zip(built.paths, slopes, strict=True) if slope == 0}
    of_bus = {path for path in dead if path.startswith("bus.")}
    assert of_bus == SILENT
