"""TDECQ: its identities, its reference receiver, and a standard's budget."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import nominal
from helpers import assert_close
from photonflow.devices.response import butterworth2, complex_, one_pole, power
from photonflow.signal.debruijn import de_bruijn
from photonflow.signal.pulse import Grid
from photonflow.signal.receiver import Channel, Receiver, Transmitter
from photonflow.signal.tdecq import REFERENCE_DB, bessel_thomson, tdecq_db


# As many taps as the reference receiver, and no jitter: TDECQ knows none.
EQUALISER = nominal.patterned(taps=5, memory=3, jitter_s=1e-17, even_odd_s=1e-17)
SYMBOLS, GRID = EQUALISER.symbols(4), EQUALISER.grid(4)
LINES = jnp.asarray(GRID.lines)
SYMBOL_HZ = 53.125e9


def light(response, symbols=SYMBOLS, grid=GRID) -> jax.Array:
    """The pattern's light through `response`."""
    sent = np.tile(np.fft.fft(symbols / 3), grid.oversampling // 2)
    sent = complex_(jnp.asarray(sent.real), jnp.asarray(sent.imag))
    return grid.samples(sent * grid.hold() * response)


@jax.jit
def tdecq(response, noise):
    return tdecq_db(light(response), SYMBOLS, noise)


def edges(symbols: float, grid=GRID):
    """Raised-cosine edges that last so many symbols."""
    x = grid.lines * symbols
    near = np.isclose(x, 1.0)
    shape = np.sinc(x) / np.where(near, 1.0, 1 - x**2)
    return complex_(jnp.asarray(np.where(near, 0.5, shape)), 0.0)


def test_bessel_thomson_is_3_db_down_at_its_bandwidth():
    h = bessel_thomson(jnp.array([0.0, 0.5]), 0.5)
    assert_close(power(h), [1.0, 0.5], rtol=1e-6)


@functools.cache
def unfiltered():
    """TDECQ of an ideal transmitter without a receiver filter, of its noise.

    Of 256 symbols: those of a short cycle are not quite uncorrelated, which taps use.
    Of 8 samples each: no filter takes away what edges have above two symbol rates.
    """
    symbols = de_bruijn(4, 4)
    grid = Grid(len(symbols), 8)
    ideal = light(edges(0.5, grid), symbols, grid)
    return jax.jit(lambda noise: tdecq_db(ideal, symbols, noise, bandwidth=None))


def test_an_ideal_transmitter_has_no_tdecq_on_an_unfiltered_receiver():
    assert abs(float(unfiltered()(jnp.zeros(())))) < 0.01


def test_the_reference_receiver_costs_an_ideal_transmitter_its_penalty():
    out = tdecq(edges(0.02), jnp.zeros(()))
    assert abs(float(out) - REFERENCE_DB) < 0.03


@pytest.mark.parametrize("noise", [0.01, 0.02, 0.03, 0.04])
def test_noise_of_the_transmitter_is_missing_from_what_may_be_added(noise):
    """-10 log10 sqrt(1 - (6 Q_t s / OMA)^2), Q_t = 3.414."""
    out = unfiltered()(jnp.asarray(noise))
    expected = -10 * math.log10(math.sqrt(1 - (6 * 3.414 * noise) ** 2))
    assert abs(float(out) - expected) < 0.02


def test_a_slower_transmitter_has_more_tdecq():
    out = [
        float(tdecq(one_pole(LINES, b), jnp.zeros(()))) for b in (1.0, 0.7, 0.5, 0.35)
    ]
    assert all(b > a for a, b in zip(out, out[1:], strict=False))


def test_tdecq_has_the_gradient_of_its_differences():
    def of(pole):
        return tdecq(one_pole(LINES, pole), jnp.zeros(()))

    ours = jax.jit(jax.grad(of))(jnp.asarray(0.5))
    step = 1e-4
    theirs = (of(jnp.asarray(0.5 + step)) - of(jnp.asarray(0.5 - step))) / (2 * step)
    assert_close(ours, theirs, rtol=1e-4)


# 400GBASE-DR4


@functools.cache
def passed() -> float:
    """Noise bandwidth of the reference filter, in symbol rates."""
    f = np.linspace(0.0, 2.0, 2001)
    with jax.ensure_compile_time_eval():
        gain = power(bessel_thomson(jnp.asarray(f), 0.5))
    return float(np.trapezoid(np.asarray(gain), f))


def transmitter(response, noise: jax.Array, oma_w: jax.Array) -> Transmitter:
    """Extinction of 5 dB; white noise that a reference filter passes `noise` of."""
    r = 10**0.5
    return Transmitter(
        top_w=oma_w * r / (r - 1),
        bottom_w=oma_w / (r - 1),
        transfer=response,
        chip=response,
        rin_per_hz=jnp.asarray(1e-16),
        distortion=jnp.zeros(()),
        # Half the symbol rate of it counts as the Nyquist band.
        driver_v2=jnp.square(noise) / passed() / 2,
        light=light(response),
    )


def optical_receiver(thermal_a2_per_hz: jax.Array) -> Receiver:
    """A photodiode of 50 GHz, an amplifier of 30 and a front end of 50."""
    f = LINES * SYMBOL_HZ
    return Receiver(
        a_per_w=jnp.asarray(0.9),
        dark_a=jnp.asarray(1e-8),
        thermal_a2_per_hz=thermal_a2_per_hz,
        photodiode=one_pole(f, 50e9),
        amplifier=butterworth2(f, 30e9),
        front=butterworth2(f, 50e9),
        input_per_hz=jnp.asarray(1e-18),
        peaking_db=jnp.asarray(0.1),
        conversion=jnp.asarray(10**-3.5),
    )


@jax.jit
def excess(response, noise, oma_dbm, log_thermal):
    """Decades of BER above 2.4e-4, that of an SER of 4.8e-4."""
    channel = Channel(
        equaliser=EQUALISER,
        loss_db=jnp.zeros(()),
        interference=jnp.zeros(()),
        crosstalk=jnp.zeros(()),
        reserve_db=jnp.zeros(()),
        symbol_hz=jnp.asarray(SYMBOL_HZ),
        log10_allowed=jnp.asarray(math.log10(2.4e-4)),
    )
    sent = transmitter(response, noise, 1e-3 * 10 ** (oma_dbm / 10))
    slicer = EQUALISER.equalise(
        sent, optical_receiver(jnp.exp(log_thermal)), channel, 4
    )
    return slicer.log10_ber(jnp.zeros(())) - math.log10(2.4e-4)


def root(function, low: float, high: float) -> float:
    found: Any = brentq(lambda x: float(function(jnp.asarray(x))), low, high, xtol=1e-5)
    return found


@functools.cache
def stressed_noise() -> float:
    """ln of the noise at which a stressed signal needs its -1.9 dBm.

    Stressed to SECQ 3.4 dB: 1.9 dB of it by a Bessel-Thomson filter, then noise.
    """
    band = root(lambda b: tdecq(bessel_thomson(LINES, b), 0.0 * b) - 1.9, 0.25, 3.0)
    filtered = bessel_thomson(LINES, jnp.asarray(band))
    noise = root(lambda s: tdecq(filtered, s) - 3.4, 1e-6, 0.0475)
    floor = jnp.asarray(-1.9)
    return root(lambda t: excess(filtered, jnp.asarray(noise), floor, t), -56.0, -43.0)


@pytest.mark.parametrize("pole", [None, 0.45, 3.0], ids=["slow", "both", "noisy"])
def test_a_transmitter_of_3_4_db_closes_400gbase_dr4(pole):
    """1.2 dBm sent (3.4 - 2.2), 3.0 dB of channel and 0.1 dB of MPI leave -1.9 dBm.

    Whether it is slow, noisy or both, our receiver then errs as often as on the stress
    it was specified with, within 0.3 dB of light.
    """
    if pole is None:
        pole = root(lambda b: tdecq(one_pole(LINES, b), 0.0 * b) - 3.4, 0.18, 1.0)
        noise = 0.0
    else:
        filtered = one_pole(LINES, jnp.asarray(pole))
        noise = root(lambda s: tdecq(filtered, s) - 3.4, 1e-6, 0.0475)
    response = one_pole(LINES, jnp.asarray(pole))
    log_thermal = jnp.asarray(stressed_noise())
    needed_dbm = root(
        lambda d: excess(response, jnp.asarray(noise), d, log_thermal), -8.0, 3.0
    )
    print(f"pole {pole}, noise {noise:.4f}: {needed_dbm:.2f} dBm needed")
    received_dbm = (-2.2 + 3.4) - 3.0 - 0.1
    assert abs(needed_dbm - received_dbm) < 0.3
