"""The pulse of a linear cascade: timing, folding, and the analogue equaliser."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from helpers import assert_close
from photonflow.devices.response import butterworth2, one_pole, power
from photonflow.signal.pulse import Grid, boosted


GRID = Grid(64, 4)


def lines() -> jnp.ndarray:
    return jnp.asarray(GRID.lines)


def test_a_rectangular_symbol_through_one_pole_has_the_pulse_of_an_rc():
    """1 - exp(-t/tau) while the symbol lasts, then exp(-t/tau)(exp(T/tau) - 1)."""
    pole = 0.35  # of the symbol rate; tau = 1 / (2 pi 0.35) symbols
    tau = 1 / (2 * math.pi * pole)
    grid = Grid(64, 64)  # lines up to 32 times the symbol rate
    x = jnp.asarray(grid.lines)
    # SampledResponse half a symbol after its middle, where it ends.
    spectrum = one_pole(x, pole) * grid.hold() * grid.advance(jnp.asarray(0.5))
    pulse = grid.symbols(grid.fold(spectrum))
    first = 1 - math.exp(-1 / tau)
    expected = first * np.exp(-np.arange(6) / tau)
    # What lies past the last line: sum of 2 pole / (2 pi f^2) from 32, 0.35 %.
    np.testing.assert_allclose(pulse[:6], expected, atol=4e-3)


def test_pulses_of_all_symbols_add_up_to_the_gain_at_rest():
    """Poisson's sum: sum of p_n is H(0), whatever the sampling time."""
    for tau in (0.0, 0.3, 1.7):
        spectrum = butterworth2(lines(), 0.4) * GRID.hold()
        spectrum = spectrum * GRID.advance(jnp.asarray(tau))
        pulse = GRID.symbols(GRID.fold(spectrum))
        assert_close(jnp.sum(pulse), 1.0, rtol=1e-12)


def test_samples_pass_through_the_symbols():
    """Every fourth sample of the whole waveform is what the folded spectrum says."""
    spectrum = butterworth2(lines(), 0.4) * GRID.hold()
    waveform = GRID.samples(spectrum)
    pulse = GRID.symbols(GRID.fold(spectrum))
    np.testing.assert_allclose(waveform[::4], pulse, rtol=0, atol=1e-12)


@pytest.mark.parametrize("symbols", [0.2, 0.5, 3.25, 7.9])
def test_timing_finds_a_mere_delay_however_long(symbols):
    delayed = GRID.advance(jnp.asarray(-symbols))
    assert_close(GRID.delay(delayed), symbols, rtol=1e-12)


def test_timing_makes_the_aliases_at_the_band_edge_add_in_phase():
    cascade = butterworth2(lines(), 0.4) * one_pole(lines(), 0.5)
    for step in (-0.2, 0.2):
        edges = []
        for later in (0.0, step):
            time = GRID.delay(cascade) + later
            spectrum = cascade * GRID.hold() * GRID.advance(time)
            edges.append(float(power(GRID.fold(spectrum)[-1])))
        # 4 |H|^2 cos^2(pi tau), but for the second aliases: 7 % there.
        assert_close(edges[1] / edges[0], math.cos(math.pi * step) ** 2, rtol=0.1)


@pytest.mark.parametrize("peaking_db", [0.0, 6.0, 30.0])
def test_the_analogue_boost_is_what_it_has_and_never_more_than_the_loss(peaking_db):
    cascade = butterworth2(lines(), 0.35)
    boost = boosted(GRID, cascade, jnp.asarray(peaking_db))
    loss_db = 10 * math.log10(1 + (0.5 / 0.35) ** 4)  # 7.1 dB at half the symbol rate
    assert_close(power(boost[0]), 1.0, rtol=1e-12)
    # |C|^2 = (1 + (x / g)^2) / (1 + x^2)(1 + f^2) with x = f / f_z, solved for 1 / g^2.
    f = float(GRID.lines[-1])
    x2 = (2.5 * f) ** 2
    over_g2 = (float(power(boost[-1])) * (1 + x2) * (1 + f**2) - 1) / x2
    wanted_db = min(peaking_db, loss_db)
    # A corner 0.5 dB wide, ln 2 of it at most.
    assert abs(10 * math.log10(over_g2) - wanted_db) < 0.36
