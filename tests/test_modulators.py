"""Modulators over time: against their statics, their small signals and an ODE."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import nominal
from helpers import assert_close
from photonflow.devices import ring_waves, rings
from photonflow.devices.response import power


SYMBOL_HZ = 53.125e9
PER_SYMBOL = 32
SAMPLE_HZ = jnp.asarray(PER_SYMBOL * SYMBOL_HZ)
SOURCE_OHM = jnp.asarray(30.0)
INPUT_W = jnp.asarray(1e-3)

KINDS = ("ring", "red ring", "mach_zehnder")
waveform = eqx.filter_jit(lambda work, *args: work.waveform(*args))


@functools.cache
def operated(kind):
    """A modulator of `kind` at 1 mW."""
    if kind == "mach_zehnder":
        return nominal.mach_zehnder().operate(INPUT_W)
    changes = {"detuning": -0.9} if kind == "red ring" else {}
    return nominal.ring(**changes).operate(INPUT_W)


@pytest.mark.parametrize("kind", KINDS)
def test_a_drive_that_stands_still_gives_the_levels_of_the_budget(kind):
    """The coupled modes of a ring are the limit of high finesse: 1e-3 of a level."""
    work = operated(kind)
    for drive, level in ((0.0, work.bottom), (1.0, work.top)):
        out = waveform(work, jnp.full(16, drive), SAMPLE_HZ, SOURCE_OHM)
        assert_close(work.static(jnp.asarray(drive)), level, rtol=1e-7)
        assert_close(out, np.full(16, level), rtol=1e-3 if "ring" in kind else 1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_ripple_comes_out_as_the_small_signal_response_says(kind):
    """1e-4 of drive at seven harmonics of a period around mid drive.

    Mid drive is the middle of the voltage, where the small signals are taken.
    """
    work = operated(kind)
    samples = 512
    harmonics = np.array([1, 2, 3, 5, 8, 13, 16])
    n = np.arange(samples)
    phases = 2 * math.pi * harmonics[:, None] * n / samples
    ripple = 1e-4 * np.cos(phases + np.arange(7)[:, None]).sum(axis=0)
    drive = jnp.asarray(0.5 + ripple)
    out = np.fft.rfft(waveform(work, drive, SAMPLE_HZ, SOURCE_OHM))
    ratio = out[harmonics] / np.fft.rfft(ripple)[harmonics]
    frequency_hz = jnp.asarray(harmonics / samples) * SAMPLE_HZ
    expected = np.asarray(work.transfer(frequency_hz, SOURCE_OHM))
    slope = jax.grad(lambda d: work.static(d))(jnp.asarray(0.5))
    # Coupled modes against the slope of the exact ring.
    rtol = 1e-3 if "ring" in kind else 1e-6
    assert_close(ratio / float(slope), expected, rtol=rtol)


# A period of 8 symbols, which is 12 photon lifetimes.
PERIOD_S = 8 / SYMBOL_HZ
HARMONICS = 2 * math.pi * np.array([1, 3, 4]) / PERIOD_S


def loss(time_s):
    """Round-trip amplitude with three harmonics, up to half the symbol rate."""
    return 0.985 + 0.002 * np.sin(np.multiply.outer(time_s, HARMONICS)).sum(-1)


def detuning(time_s):
    """Hertz, likewise: 10 GHz about a linewidth of 25 GHz."""
    return 5e9 + 9e9 * np.cos(np.multiply.outer(time_s, HARMONICS)).sum(-1)


FSR_HZ, SELF_COUPLING = 2e12, 0.975


@functools.cache
def integrated():
    """256 times of a period of |1 + i mu a|^2, by Runge and Kutta to 1e-12, after three
    periods: e^-36 of the beginning is left. da/dt = -(g + 2 pi i d) a + i mu."""
    coupled = -math.log(SELF_COUPLING) * FSR_HZ
    mu = math.sqrt(2 * coupled)

    def slope(time_s, state):
        rate = coupled - np.log(loss(time_s)) * FSR_HZ
        return -(rate + 2j * math.pi * detuning(time_s)) * state + 1j * mu

    run = solve_ivp(
        slope,
        (0.0, 4 * PERIOD_S),
        np.zeros(1, complex),
        t_eval=(3 + np.arange(256) / 256) * PERIOD_S,
        rtol=1e-12,
        atol=1e-20,
        method="DOP853",
    )
    return abs(1 + 1j * mu * run.y[0]) ** 2


def astray(samples):
    """Largest error of the integrator with so many samples a period."""
    time_s = np.arange(samples) * PERIOD_S / samples
    ours = ring_waves.through(
        jnp.asarray(detuning(time_s)),
        jnp.asarray(loss(time_s)),
        jnp.asarray(SELF_COUPLING),
        jnp.asarray(FSR_HZ),
        jnp.asarray(samples / PERIOD_S),
    )
    return np.max(np.abs(np.asarray(ours) - integrated()[:: 256 // samples]))


def test_a_ring_follows_its_differential_equation_between_the_samples():
    """Half the step leaves a sixteenth of the error. With the 4 samples a symbol of a
    pattern it is 3e-4 of the input light."""
    coarse, fine, finest = [astray(samples) for samples in (32, 128, 256)]
    assert coarse < 5e-4
    assert finest < 2e-7
    assert_close(fine / finest, 16.0, rtol=0.1)


@pytest.mark.parametrize("length", [64, 37])
def test_a_repeating_recursion_comes_round_and_so_do_its_slopes(length):
    """In blocks or in one; slopes are held against central differences."""
    draw = np.random.default_rng(length).normal(size=(4, 2, length))
    step, push, step_t, push_t = 0.5 * draw[:, 0] + 0.5j * draw[:, 1]
    step, step_t = step / (1 + abs(step)), 0.1 * step_t

    def seen(by):
        return ring_waves.periodic(
            jnp.asarray(step + by * step_t), jnp.asarray(push + by * push_t)
        )

    x = seen(0.0)
    assert_close(
        abs(np.roll(x, -1) - (step * x + push)), np.zeros(length), rtol=0, atol=1e-14
    )
    moved = jax.jvp(seen, (0.0,), (1.0,))[1]
    about = (seen(1e-6) - seen(-1e-6)) / 2e-6
    assert_close(abs(moved - about), np.zeros(length), rtol=0, atol=1e-8)

    def power(by):
        return jnp.sum(jnp.square(seen(by).real) + jnp.square(seen(by).imag))

    slope = 2 * np.sum(np.real(np.conj(x) * moved))
    assert_close(jax.grad(power)(0.0), slope, rtol=1e-12)


def test_a_ring_standing_still_is_the_all_pass_ring_of_high_finesse():
    a, t, fsr_hz = jnp.asarray(0.98), jnp.asarray(0.97), jnp.asarray(2e12)
    detuning_hz = jnp.linspace(-60e9, 60e9, 25)
    still = jax.vmap(
        lambda d: ring_waves.through(
            jnp.full(4, d), jnp.full(4, a), t, fsr_hz, SAMPLE_HZ
        )[0]
    )(detuning_hz)
    exact = rings.all_pass(2 * math.pi * detuning_hz / fsr_hz, a, t)
    # ln(a) ln(t) / 3 = 2e-4 on resonance, less beside it
    assert_close(still, exact, rtol=2.1e-4)


def test_light_rings_where_a_detuned_laser_is_stepped():
    """A blue laser beats with the light of the moved resonance: overshoot."""
    work = nominal.ring(detuning=2.0).operate(INPUT_W)
    drive = jnp.asarray(np.repeat([0.0, 1.0], 16 * PER_SYMBOL))
    out = waveform(work, drive, SAMPLE_HZ, jnp.asarray(1.0))
    assert float(out.max()) > 1.02 * float(work.top)
    assert_close(out[-1], work.top, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_predistorted_drives_place_the_levels_evenly(kind):
    work = operated(kind)
    wanted = jnp.linspace(0.0, 1.0, 4)
    drives = work.predistort(wanted)
    levels = work.static(drives)
    even = work.bottom + wanted * (work.top - work.bottom)
    assert_close(levels, even, rtol=1e-7)
    assert bool(jnp.all(jnp.diff(drives) > 0))


def test_a_drive_for_a_level_of_the_sine_is_an_arcsine():
    """sin(pi r (d - 1/2)) = (2 l - 1) sin(pi r / 2), r = V_pp / V_pi."""
    work, r = operated("mach_zehnder"), 2.5 / 6.0
    inner = math.asin(math.sin(math.pi * r / 2) / 3) / (math.pi * r)
    assert_close(work.predistort(jnp.asarray(2 / 3)), 0.5 + inner, rtol=1e-9)


def test_a_slow_source_slows_the_light():
    work = operated("ring")
    drive = jnp.asarray(np.repeat([0.0, 1.0], PER_SYMBOL))
    swings = [
        float(jnp.ptp(waveform(work, drive, SAMPLE_HZ, jnp.asarray(ohm))))
        for ohm in (5.0, 50.0, 500.0)
    ]
    assert swings[0] > swings[1] > swings[2]
    assert power(work.transfer(jnp.asarray(0.0), SOURCE_OHM)) == 1.0
