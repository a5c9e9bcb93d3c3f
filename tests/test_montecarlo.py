"""The time-domain Monte-Carlo: its parts against laws, its counts against forms."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

import nominal
from benchmarks.montecarlo import (
    LARGE_SWINGS,
    LINEAR_DESIGNS,
    RING_DESIGNS,
    built,
    compared,
    corner,
)
from helpers import assert_close
from photonflow.report.eye import eye_figure
from photonflow.signal.decision import WRONG_BITS
from photonflow.signal.pulse import Grid
from photonflow.timedomain import dynamics as dynamics_module
from photonflow.timedomain.dynamics import dynamics
from photonflow.timedomain.montecarlo import CROSS, simulate
from photonflow.timedomain.receiver_training import best_thresholds, train
from photonflow.timedomain.waveform import PAIRS, Lane


STEP_S = 0.5e-12


def ring_at_work(**changes) -> Any:
    ring = nominal.ring(**changes)
    return dynamics(ring.operate(jnp.asarray(1e-3)))


@eqx.filter_jit
def light(modulator, drive):
    return modulator.light(drive, jnp.asarray(STEP_S), 16)


# Modulators in time


@pytest.mark.parametrize("detuning", [0.9, -0.9, 0.3])
@pytest.mark.parametrize("lines", [20, 62, 124], ids=["9.8G", "30G", "61G"])
def test_a_small_sine_in_a_ring_follows_its_transfer_function(detuning, lines):
    """Loss that moves with the resonance included; 20 mV of swing, so that the second
    order is 1e-3 of the first. Line k of 4096 samples of 0.5 ps is k * 488 MHz."""
    ring = ring_at_work(drive_v=0.2, detuning=detuning)
    samples = 64 * 64
    phase = jnp.asarray(2 * np.pi * lines * np.arange(samples) / samples)
    passed = light(ring, 0.5 + 0.05 * jnp.cos(phase))
    seen = jnp.fft.rfft(passed)[lines] / (samples / 2) / 0.05
    slope = (ring.static(jnp.asarray(0.51)) - ring.static(jnp.asarray(0.49))) / 0.02
    f = jnp.asarray([lines / (samples * STEP_S)])
    source_ohm = jnp.asarray(15.0)
    work = ring.operation
    expected = work.transfer(f, source_ohm) / ring.electrical(f, source_ohm)
    assert_close(seen.real, expected[0].real * slope, rtol=0.02, atol=0.01 * abs(slope))
    assert_close(seen.imag, expected[0].imag * slope, rtol=0.02, atol=0.01 * abs(slope))


def test_a_held_ring_passes_what_the_all_pass_formula_says():
    """Coupled modes are its limit of high finesse; finesse 40 here, so 1e-3."""
    ring = ring_at_work()
    for drive in (0.0, 0.4, 1.0):
        passed = light(ring, jnp.full(64 * 16, drive))
        assert_close(passed[-1], ring.static(jnp.asarray(drive)), rtol=1e-3)
        assert_close(passed, passed[-1] * jnp.ones_like(passed), rtol=1e-4)


def test_shorter_steps_move_less_than_1e_4_of_the_light(monkeypatch):
    """Behind random symbols, for a nominal ring and for one more strongly coupled."""
    sent = np.random.default_rng(0).integers(0, 4, 128)
    drive = jnp.asarray(np.repeat(sent / 3, 16))
    for changes in ({}, {"gap_m": 100e-9}):
        ring = ring_at_work(**changes)
        shipped = ring.light(drive, jnp.asarray(STEP_S), 16)
        monkeypatch.setattr(dynamics_module, "FASTEST", 0.05)
        finer = ring.light(drive, jnp.asarray(STEP_S), 16)
        monkeypatch.undo()
        assert 0.0 < float(jnp.max(jnp.abs(shipped - finer))) < 1e-4


def test_predistorted_drives_settle_at_even_levels():
    ring = ring_at_work(drive_v=3.0)
    work = ring.operation
    wanted = np.linspace(float(work.bottom), float(work.top), 4)
    drives = ring.predistorted(jnp.asarray(wanted))
    assert_close(ring.static(drives), wanted, rtol=1e-5)
    # 3 V bend the flank: the inner drives are not at a third and two thirds.
    assert float(jnp.abs(drives[1] - 1 / 3)) > 0.02


# The chain and the receiver


GRID = Grid(1024, 16)


def lane(**changes):
    port = nominal.pluggable_port(**changes)
    link = nominal.optical_link(port, port)
    return Lane.of(link, nominal.worst(), "a_to_b", GRID, jnp.zeros(()))


def test_electronic_noise_drawn_has_the_power_of_its_density():
    """Without light the waveform is that noise: its variance is the integral of its
    density, within 4 standard errors of 8192 independent draws: 4 sqrt(2 / 8192)."""
    mine = lane()
    seen = mine.received(jnp.zeros(1024 * 16), jax.random.key(0))
    line_hz = float(mine.symbol_hz) / 1024
    power = float(jnp.sum(mine.electronics)) * line_hz
    assert_close(float(jnp.var(seen)), power, rtol=4 * (2 / 8192) ** 0.5)


def test_light_is_noisier_where_it_is_brighter():
    """Density 2 q (I + I_d) + RIN I^2, half the sampling rate wide."""
    mine = lane()
    samples, step_s = 1024 * 16, 1 / (float(mine.symbol_hz) * 16)
    for drive in (0.0, 1.0):
        held = jnp.full(samples, drive)
        noisy = mine.light(held, jax.random.key(1))
        current_a = float(mine.a * mine.modulator.static(jnp.asarray(drive)))
        density = 2 * 1.602176634e-19 * (current_a + float(mine.dark_a))
        density += float(mine.rin_per_hz) * current_a**2
        sigma_a = float(jnp.std(noisy) * mine.swing_a)
        assert_close(sigma_a**2, density / (2 * step_s), rtol=4 * (2 / samples) ** 0.5)


def test_taps_learnt_undo_a_known_echo():
    """y_k = a_k + a_{k-1} / 2 is undone by 1, -1/2, 1/4 ...: after n taps (-1/2)^n of
    the symbol n before is left, and a decision fed back undoes it."""
    sent = jax.random.randint(jax.random.key(0), (4096,), 0, 4)
    levels = jnp.linspace(-0.5, 0.5, 4)
    wave = jnp.repeat(levels[sent] + 0.5 * levels[jnp.roll(sent, 1)], 4)
    quiet = jnp.zeros(4096)
    left = []
    for taps, past in ((3, 0), (6, 0), (1, 1)):
        learnt = train(
            wave + 1e-4 * jax.random.normal(jax.random.key(1), wave.shape),
            wave, sent, levels, jnp.asarray(0.0), None, quiet, 4, taps, past,
        )  # fmt: skip
        left.append(float(learnt.mean_square_error))
        # Between outermost symbols, which chance moves by 1/64 of a step of 1/3.
        assert_close(learnt.thresholds, [-1 / 3, 0.0, 1 / 3], rtol=0.02, atol=0.005)
    # Mean square of the best 3 taps: 1 / (1 + 4 + 16 + 64) = 0.0118, of 6: 1.8e-4.
    assert_close(left[0], 1 / 85, rtol=0.15)
    assert_close(left[1], 1 / 5461, rtol=0.3)
    # 4096 symbols are correlated by chance, 1/64; a tap fed back keeps the square.
    assert left[2] < 4 / 64**2


def test_thresholds_leave_the_longer_tail_of_a_skewed_level_more_room():
    """Half of the upper level stands at 0.4, half at 0.9, the lower one at 0 with the
    same sigma of 0.05: as good as halfway to 0.4, where errors stop being fewest at
    0.2 + sigma^2 ln 2 / 0.4 for half as many above. Between the means: 0.325."""
    n = 4096
    sent = jnp.arange(n) % 2
    upper = jnp.where(jnp.arange(n) % 4 == 1, 0.4, 0.9)
    quiet = jnp.where(sent == 1, upper, 0.0)
    noise = jnp.where(jnp.arange(n) % 8 < 4, 0.05, -0.05)
    found, log_errors = best_thresholds(quiet, noise, sent, 2)
    # Twelve golden sections of 0.65 leave 0.002.
    best = 0.2 + 0.05**2 * np.log(2) / 0.4
    assert_close(found, [best], rtol=0.0065)
    errors = n / 2 * ndtr(-best / 0.05) + n / 4 * ndtr((best - 0.4) / 0.05)
    assert_close(log_errors, np.log(errors), rtol=1e-3)


def test_labels_of_pam_6_differ_in_seven_sixths_of_a_bit_between_neighbours():
    """Mean over the 32 points of the mean over their neighbours (Smith 1975)."""
    found = []
    for x, y in PAIRS:
        near = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
        words = [int(CROSS[p]) for p in near if p in {tuple(q) for q in PAIRS}]
        found.append(np.mean([(w ^ int(CROSS[x, y])).bit_count() for w in words]))
    assert sorted(CROSS[CROSS >= 0]) == list(range(32))
    assert_close(np.mean(found), 7 / 6, rtol=1e-12)


def test_wrong_bits_of_pam_6_are_those_of_tails_that_do_not_end_in_a_corner():
    """A pair has a tail over each of its inner neighbours in the square of 36."""
    sent = {tuple(pair) for pair in PAIRS}
    square = [(x, y) for x in range(6) for y in range(6)]
    tails = [
        (p, q) for p in sent for q in square if abs(p[0] - q[0]) + abs(p[1] - q[1]) == 1
    ]
    wrong = [(int(CROSS[p]) ^ int(CROSS[q])).bit_count() for p, q in tails if q in sent]
    assert (len(tails), len(wrong)) == (112, 104)
    assert_close(WRONG_BITS[6], sum(wrong) / len(tails), rtol=1e-12)


# Counted against computed


def within(row, limit):
    """`limit` on the difference in log10 BER, counted errors enough to say so."""
    assert row["errors"] >= 200
    assert -3.6 < row["counted_log10_ber"] < -1.9
    assert abs(row["difference"]) <= limit, row


@pytest.fixture(scope="module")
def pluggable():
    """400 errors: one standard deviation is 0.022 in log10."""
    return compared(LINEAR_DESIGNS[0], errors=400)


def test_counted_errors_of_a_mach_zehnder_link_agree_with_the_pulse(pluggable):
    within(pluggable, 0.15)


@pytest.mark.slow
@pytest.mark.parametrize("design", LINEAR_DESIGNS[1:], ids=lambda d: d.name)
def test_counted_errors_of_linear_modulators_agree(design):
    within(compared(design), 0.15)


@pytest.mark.slow
@pytest.mark.parametrize("design", RING_DESIGNS, ids=lambda d: d.name)
def test_counted_errors_of_rings_agree(design):
    row = compared(design)
    assert row["swing_hwhm"] <= 1
    within(row, 0.15)


@pytest.mark.slow
@pytest.mark.parametrize("design", LARGE_SWINGS, ids=lambda d: d.name)
def test_counted_errors_of_rings_with_large_swings_agree(design):
    row = compared(design)
    assert row["swing_hwhm"] > 1
    within(row, 0.3)


# Figures


@pytest.fixture(scope="module")
def seen(pluggable):
    """The link that has been counted: its receiver is compiled already."""
    link, key = built(LINEAR_DESIGNS[0]), jax.random.key(0)
    loss_db = pluggable["loss_db"]
    return simulate(link, corner(), "a_to_b", key, errors=50, loss_db=loss_db)


def test_an_eye_behind_the_equaliser_is_open_where_the_thresholds_are(seen):
    """Without noise no symbol stands on the wrong side of a threshold."""
    _, shown = seen
    sampled = shown.equalised_clean[:: shown.oversampling]
    assert np.all(np.diff(shown.levels) > 0)
    decided = np.searchsorted(shown.thresholds, sampled)
    assert np.mean(decided != shown.sent) < 1e-3


def test_an_eye_diagram_shows_error_rate_levels_and_thresholds(seen, tmp_path):
    counted, shown = seen
    figure = eye_figure("some link", shown, counted)
    figure.savefig(tmp_path / "eye.png")
    assert (tmp_path / "eye.png").stat().st_size > 20_000
    title = " ".join(figure.get_suptitle().split())
    assert f"{counted.ber:.1e}" in title and "106.25 GBd" in title
    last = figure.axes[-1]
    drawn = np.array([np.asarray(line.get_ydata())[0] for line in last.get_lines()])
    for threshold in shown.thresholds:
        assert np.any(np.isclose(drawn, threshold * shown.swing_a * 1e6, rtol=1e-9))
