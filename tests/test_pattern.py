"""Patterns: their symbols, the light of rings, and agreement with pulses."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from helpers import assert_close
from photonflow.signal.debruijn import de_bruijn
from photonflow.signal.pattern import OVERSAMPLING, light, members_of
from photonflow.signal.pulse import Grid


@pytest.mark.parametrize("levels, memory", [(2, 7), (4, 3), (4, 4), (6, 3), (8, 3)])
def test_every_run_of_symbols_occurs_once(levels, memory):
    cycle = de_bruijn(levels, memory)
    assert len(cycle) == levels**memory
    runs = {tuple(np.roll(cycle, -i)[:memory]) for i in range(len(cycle))}
    assert len(runs) == len(cycle)


@pytest.mark.parametrize("levels, memory", [(2, 7), (4, 4), (6, 4), (8, 3)])
def test_symbols_of_a_field_are_as_good_as_uncorrelated(levels, memory):
    """One 0 too many moves a lag by a few symbols of the whole cycle."""
    cycle = de_bruijn(levels, memory) / (levels - 1) - 0.5
    lags = [
        np.mean(cycle * np.roll(cycle, i)) / np.mean(cycle**2) for i in range(1, 31)
    ]
    assert np.max(np.abs(lags)) < 0.11


@pytest.mark.parametrize("levels, memory", [(2, 7), (2, 8), (4, 5), (8, 3)])
def test_what_a_bent_modulator_mixes_is_out_of_the_reach_of_taps(levels, memory):
    """Products of symbols up to 3 apart against symbols up to 21 apart. A sequence of a
    recurrence has every product of two levels again as one of its symbols."""
    cycle = de_bruijn(levels, memory) / (levels - 1) - 0.5
    for apart in (1, 2, 3):
        product = cycle * np.roll(cycle, apart)
        found = [
            np.corrcoef(product, np.roll(cycle, lag))[0, 1] for lag in range(-21, 22)
        ]
        assert np.max(np.abs(found)) < 0.11


def operation(modulator):
    return eqx.filter_jit(lambda m: m.operate(jnp.asarray(1e-3)))(modulator)


def test_a_small_swing_of_a_mach_zehnder_is_its_linear_response():
    """0.05 V of 6 V: a sine that is straight to 3e-5; pattern and cascade agree."""
    work = operation(nominal.mach_zehnder(drive_v=0.5))
    symbols = de_bruijn(4, 3)
    grid = Grid(64, 8)
    symbol_hz = jnp.asarray(50e9)
    f = grid.frequencies_hz(symbol_hz)
    chain = nominal.serdes().transfer(f)
    out = light(work, chain, symbols, 4, symbol_hz, jnp.asarray(50.0))
    drives = work.predistort(jnp.linspace(0.0, 1.0, 4))[symbols]
    sent = jnp.tile(jnp.fft.fft(drives.astype(complex)), 4)
    lines = sent * chain * work.transfer(f, jnp.asarray(50.0)) * grid.hold()
    np.testing.assert_allclose(out, grid.samples(lines), rtol=0, atol=5e-3)


def equalise(link, at) -> Any:
    transmitter, receiver = (
        link.end(link.end_a, at).transmitter,
        link.receiver(link.end_b, at),
    )
    return link.equaliser.equalise(transmitter, receiver, link.channel(at), link.pam)


@eqx.filter_jit
def both(link, at):
    return equalise(link, at).log10_ber(jnp.zeros(()))


def test_pattern_and_pulse_agree_where_the_modulator_is_straight():
    """A Mach-Zehnder at a quarter of V_pi, at a BER near 1e-3: within 0.1 decades."""
    port = nominal.pluggable_port(modulator=nominal.mach_zehnder(drive_v=1.5))
    at = nominal.worst(ageing_db=7.0)
    out = [
        float(both(nominal.optical_link(port, port, equaliser=equaliser), at))
        for equaliser in (nominal.feed_forward(), nominal.patterned())
    ]
    assert -6 < out[0] < -2
    assert abs(out[1] - out[0]) < 0.1


def test_jitter_of_a_pattern_is_that_of_samples_moved_one_by_one():
    """2000 draws, a time of its own for every sample, the slope by a difference: the
    variance of every symbol within 5 standard errors of sqrt(2 / 2000)."""
    port = nominal.engine_port()
    link = nominal.optical_link(port, port, equaliser=nominal.patterned())
    ours = eqx.filter_jit(equalise)(link, nominal.worst(ageing_db=6.0))
    grid, equaliser = ours.equaliser.grid(4), ours.equaliser
    weights = np.asarray(ours.weights(jnp.ones(())))
    step = 1e-4  # of a symbol
    fine = jnp.fft.rfft(ours.light)[:-1] / OVERSAMPLING * ours.sampled.behind["light"]
    early, late = (
        np.asarray(grid.symbols(grid.fold(fine * grid.advance(delay))))
        for delay in (ours.sampled.delay - step, ours.sampled.delay + step)
    )
    slope = (late - early) / (2 * step)
    sigma = np.hypot(equaliser.jitter_s, equaliser.even_odd_s) * 106.25e9
    moved = np.random.default_rng(0).normal(size=(2000, grid.period)) * sigma * slope
    ahead = equaliser.taps // 3
    # Tap i looks `ahead` - i symbols past the cursor.
    found = sum(w * np.roll(moved, i - ahead, axis=1) for i, w in enumerate(weights))
    jitter = ours.symbols_at(jnp.ones(()))[1]["jitter"]
    members = members_of(equaliser.symbols(4), 4)
    assert_close(jitter, np.var(found, axis=0)[members], rtol=5 * (2 / 2000) ** 0.5)


@pytest.mark.slow
def test_error_rate_of_a_ring_pattern_has_the_gradient_of_its_differences():
    port = nominal.engine_port()
    link = nominal.optical_link(port, port, equaliser=nominal.patterned(memory=3))
    at = nominal.worst(ageing_db=6.0)

    @jax.jit
    def of(detuning, drive_v):
        moved = eqx.tree_at(
            lambda x: (x.end_a.modulator.detuning, x.end_a.modulator.drive_v),
            link,
            (detuning, drive_v),
        )
        return both(moved, at)

    x = (jnp.asarray(0.9), jnp.asarray(1.8))
    ours = jax.jit(jax.grad(of, argnums=(0, 1)))(*x)
    for i, step in enumerate((1e-4, 1e-4)):
        up = [v + step * (k == i) for k, v in enumerate(x)]
        down = [v - step * (k == i) for k, v in enumerate(x)]
        assert_close(ours[i], (of(*up) - of(*down)) / (2 * step), rtol=1e-5)
