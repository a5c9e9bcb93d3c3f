"""The time-domain Monte-Carlo: its parts against laws, its counts against forms."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from helpers import assert_close
from photonflow.links.dynamics import dynamics


STEP_S = 0.5e-12


def ring_at_work(**changes):
    ring = nominal.ring(**changes)
    return dynamics(ring, ring.operate(jnp.asarray(1e-3)))


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


def test_predistorted_drives_settle_at_even_levels():
    ring = ring_at_work(drive_v=3.0)
    work = ring.operation
    wanted = np.linspace(float(work.bottom), float(work.top), 4)
    drives = ring.predistorted(jnp.asarray(wanted))
    assert_close(ring.static(drives), wanted, rtol=1e-5)
    # 3 V bend the flank: the inner drives are not at a third and two thirds.
    assert float(jnp.abs(drives[1] - 1 / 3)) > 0.02
