"""The add-drop ring: power, field and modulation, each against the round trips."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.integrate import solve_ivp

import nominal
from helpers import assert_close
from photonflow.devices import rings
from photonflow.devices.filters import RingFilter
from photonflow.devices.response import power


def test_light_that_goes_into_an_add_drop_ring_comes_out_or_is_lost():
    """In - through - drop = (1 - a^2) times the power that runs past the loss... of a
    lossless ring: nothing."""
    phase = jnp.linspace(-math.pi, math.pi, 101)
    t1, t2 = 0.93, 0.97
    lossless = rings.through(phase, 1.0, t1, t2) + rings.drop(phase, 1.0, t1, t2)
    assert_close(lossless, 1.0, rtol=1e-12)
    lossy = rings.through(phase, 0.98, t1, t2) + rings.drop(phase, 0.98, t1, t2)
    assert jnp.all(lossy < 1)


@pytest.mark.parametrize("phase", [0.0, 0.03, -0.7, 3.0])
def test_the_dropped_power_is_that_of_the_sum_over_all_round_trips(phase):
    """-kappa1 kappa2 sqrt(a) e^{-i phi/2} sum_n (t1 t2 a e^{-i phi})^n, 4000 turns."""
    a, t1, t2 = 0.99, 0.95, 0.96
    turn = t1 * t2 * a * np.exp(-1j * phase)
    coupled = -math.sqrt((1 - t1**2) * (1 - t2**2) * a) * np.exp(-0.5j * phase)
    summed = coupled * np.sum(turn ** np.arange(4000))
    ours = rings.drop(jnp.asarray(phase), a, t1, t2)
    assert_close(ours, abs(summed) ** 2, rtol=1e-10)


def test_the_line_of_a_drop_filter_is_half_as_high_half_a_linewidth_away():
    a, t1, t2, fsr = 0.97, 0.9, 0.8, 2e12
    half = math.pi * rings.linewidth_hz(a * t2, t1, fsr) / fsr
    peak, side = rings.drop(0.0, a, t1, t2), rings.drop(half, a, t1, t2)
    assert_close(side / peak, 0.5, rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.7, -1.5])
def test_a_modulated_carrier_passes_the_filter_as_in_the_time_domain(offset):
    """d/dt field = -(1 + i x0) field + (1 + e cos wt), time in 1 / (pi linewidth)."""
    omega, depth = 1.3, 1e-5

    def rhs(time, field):
        light = 1 + depth * math.cos(omega * time)
        return -(1 + 1j * offset) * field + light

    period, turns, samples = 2 * math.pi / omega, 4, 64
    times = 30 * period + np.arange(turns * samples) * period / samples
    still = 1 / (1 + 1j * offset)
    done = solve_ivp(rhs, (0, times[-1]), [still], t_eval=times, rtol=1e-11, atol=1e-13)
    seen = np.abs(done.y[0]) ** 2
    tone = 2 * np.mean(seen * np.exp(-1j * omega * times))
    # Slowly, the power dropped follows the light: 2 e |still|^2.
    expected = tone / (2 * depth * abs(still) ** 2)
    width_hz = 40e9
    ours = rings.drop_small_signal(
        omega * width_hz / 2, offset * width_hz / 2, width_hz
    )
    assert_close(complex(ours), expected, rtol=1e-4)


def test_a_filter_on_resonance_cuts_the_band_at_half_its_linewidth():
    ring = nominal.ring()
    found = RingFilter(
        guide=ring.guide,
        heater=ring.heater,
        radius_m=6e-6,
        gap_m=150e-9,
        drop_gap_m=170e-9,
        wavelength_m=1.31e-6,
        offset=0.0,
    ).resonance()
    half = found.linewidth_hz() / 2
    assert_close(power(found.transfer(half)), 0.5, rtol=1e-12)
    assert_close(found.dropped(half) / found.dropped(0.0), 0.5, rtol=1e-12)


def test_no_angle_keeps_more_light_in_the_bus_than_there_is():
    """At 0 and at full transfer, where a rounded root could exceed 1 or stall."""
    angle = jnp.asarray([0.0, 1e-9, 1e-4, 0.3, math.pi / 2, 1.6])
    t = rings.self_coupling(angle)
    assert jnp.all((t <= 1) & (t > 0))
    assert_close(t[4], 1e-6, rtol=1e-6)
    assert_close(1 - t[3] ** 2, math.sin(0.3) ** 2, rtol=1e-11)


@pytest.mark.parametrize("points", [rings.SWEEP - 1, rings.SWEEP])
def test_a_sweep_has_the_slopes_of_its_points(points):
    """Long sweeps take another way to the same derivative, the second one included."""
    phase = jnp.linspace(-2.0, 3.0, points)
    weight = jnp.cos(7 * phase)

    def swept(loss, shift):
        ring = (phase + shift, 1 - loss, 0.95, 0.97)
        return jnp.sum(weight * (rings.through(*ring) + rings.drop(*ring)))

    at = (jnp.asarray(0.02), jnp.asarray(0.1))
    check_grads(swept, at, order=2, modes=["fwd", "rev"], rtol=1e-4)
    slope = jax.jit(jax.grad(lambda p: rings.drop(p, 0.98, 0.95, 0.97)))
    few = jnp.asarray([0, 1, points // 2, points - 1])
    every = jax.grad(lambda p: jnp.sum(rings.drop(p, 0.98, 0.95, 0.97)))(phase)
    assert_close(every[few], [slope(phase[i]) for i in few], rtol=1e-9)
