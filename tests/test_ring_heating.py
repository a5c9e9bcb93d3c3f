"""A ring warmed by its own light: the cold branch, its fold, and a published one."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from helpers import assert_close
from photonflow.component import replace
from photonflow.devices.ring_heating import settle
from photonflow.devices.ring_modulators import MicroringModulator


def free(ring: MicroringModulator) -> MicroringModulator:
    """The same ring with its heater held steady."""
    return dataclasses.replace(ring, locked=False)


@eqx.filter_jit
def rest(ring: MicroringModulator, input_w):
    middle, heating, _ = ring.warmed(input_w)
    cold_hz = ring.detuning * middle.linewidth_hz() / 2
    return settle(heating, cold_hz), heating, cold_hz


def roots_hz(heating, cold_hz: float) -> np.ndarray:
    """Every state of the ring, on 400,000 offsets."""
    levels = heating.levels
    offset = cold_hz + np.linspace(0.0, float(heating.reach_hz), 400_000)
    lost = 0.0
    for a, moved in zip(levels.a, heating.moved_hz, strict=True):
        phase = 2 * math.pi * (offset + float(moved)) / float(levels.fsr_hz)
        twist = 4 * float(a * levels.t) * np.sin(phase / 2) ** 2
        dark, wide = float(a - levels.t) ** 2, float(1 - a * levels.t) ** 2
        lost = lost + (1 - (dark + twist) / (wide + twist)) / 2
    left = offset - cold_hz - float(heating.reach_hz) * lost
    at = np.nonzero(np.sign(left[:-1]) != np.sign(left[1:]))[0]
    return offset[at] + (offset[at + 1] - offset[at]) * left[at] / (
        left[at] - left[at + 1]
    )


@pytest.mark.parametrize("input_w", [1e-5, 3e-4, 1e-3, 2e-3, 4e-3, 1e-2])
@pytest.mark.parametrize("detuning", [-3.0, -2.4, -1.0, 0.8])
def test_the_ring_comes_to_rest_in_the_coldest_of_its_states(detuning, input_w):
    settled, heating, cold_hz = rest(
        nominal.ring(detuning=detuning), jnp.asarray(input_w)
    )
    states = roots_hz(heating, float(cold_hz))
    # a grid of 1 in 400,000 of the reach, straight between its points
    assert_close(settled.offset_hz, states[0], rtol=1e-6, atol=1e3)
    assert len(states) in (1, 3)
    if len(states) == 3:
        assert float(settled.fold) > 0


def test_a_window_of_two_states_opens_and_closes_with_the_light():
    """One state, then three of which the cold one is taken, then only the warm one."""
    ring = nominal.ring(detuning=-3.0)
    seen = []
    for input_w in np.geomspace(1e-4, 2e-2, 60):
        settled, heating, cold_hz = rest(ring, jnp.asarray(input_w))
        states = len(roots_hz(heating, float(cold_hz)))
        seen.append((states, float(settled.fold), float(settled.offset_hz)))
    counts = [states for states, _, _ in seen]
    first, last = counts.index(3), len(counts) - counts[::-1].index(3)
    assert counts == [1] * first + [3] * (last - first) + [1] * (len(counts) - last)
    assert all(fold > 0 for _, fold, _ in seen[:last])
    assert all(fold < 0 for _, fold, _ in seen[last:])
    folds = [fold for _, fold, _ in seen[first:]]
    assert all(np.diff(folds) < 0)
    # The jump crosses the resonance, from red to blue.
    assert seen[last - 1][2] < 0 < seen[last][2]


def test_no_light_leaves_the_ring_where_it_was():
    settled, _, cold_hz = rest(nominal.ring(detuning=-2.0), jnp.zeros(()))
    assert_close(settled.offset_hz, cold_hz, rtol=1e-9)
    assert_close(settled.fold, 1.0, rtol=1e-6)


def test_a_locked_ring_and_a_held_one_agree_on_the_hot_state():
    """Lock a ring, read its dark detuning off the heat it makes, and let go."""
    ring, input_w = nominal.ring(detuning=-0.6), jnp.asarray(5e-4)
    locked = ring.operate(input_w)
    middle, heating, _ = ring.warmed(input_w)
    cold_hz = locked.detuning_hz - heating.shift_hz(locked.detuning_hz)
    dark = replace(ring, {"detuning": cold_hz / (middle.linewidth_hz() / 2)})
    held = free(dark).operate(input_w)
    assert_close(held.detuning_hz, locked.detuning_hz, rtol=1e-9)
    assert_close(held.top, locked.top, rtol=1e-9)
    assert_close(held.slacks["fold"], locked.slacks["fold"], rtol=1e-6)


def test_a_substrate_removed_ring_turns_bistable_near_100_microwatts():
    """Zheng et al. 2012 saw it from about 100 uW; 3 mW an FSR, Q of about 7,000.

    By hand, for a notch to the ground: gain = P 0.63 g (3 sqrt 3 / 8) / half width,
    g = FSR / 3 mW, so P = 16 GHz / (0.63 * 0.65 * 2 THz / 3 mW) = 58 uW.
    """
    ring = nominal.ring(gap_m=190e-9, drive_v=0.2, detuning=-3.0)
    heater = replace(ring.heater, {"absorbed": 0.63, "thermal_k_m_per_w": 1.0})
    per_w = heater.hz_per_w(ring.radius_m, ring.optical_hz())
    k_m_per_w = ring.fsr_hz() / 3e-3 / per_w
    heater = replace(heater, {"thermal_k_m_per_w": k_m_per_w})
    ring = eqx.tree_at(lambda r: r.heater, ring, heater)
    detunings = jnp.linspace(-3.0, 0.0, 31)

    @jax.jit
    def least(input_w):
        def fold(detuning):
            return rest(replace(ring, {"detuning": detuning}), input_w)[0].fold

        return jnp.min(jax.vmap(fold)(detunings))

    powers_w = np.geomspace(1e-5, 1e-3, 41)
    bistable = powers_w[[float(least(jnp.asarray(w))) < 0 for w in powers_w]]
    assert 50e-6 < bistable[0] < 200e-6


@pytest.mark.parametrize(
    "detuning, input_w",
    [(-2.5, 1e-3), (-1.2, 2e-3), (0.8, 2e-3), (-3.0, 8e-3)],
    ids=["cold", "steep", "blue", "past the fold"],
)
def test_the_settled_state_knows_its_gradient(detuning, input_w):
    names = ["gap_m", "radius_m", "drive_v", "detuning"]
    ring = nominal.ring(detuning=detuning)
    span = np.array([float(abs(getattr(ring, name))) for name in names])

    @jax.jit
    def out(u):
        moved = {
            name: getattr(ring, name) + u[i] * span[i] for i, name in enumerate(names)
        }
        changed = replace(ring, moved)
        settled, _, _ = rest(changed, input_w * (1 + u[4]))
        work = free(changed).operate(input_w * (1 + u[4]))
        return jnp.stack([settled.offset_hz / 1e9, settled.fold, jnp.log(work.top)])

    at = jnp.zeros(5)
    ours, h = jax.jacrev(out)(at), 3e-4
    for i in range(5):
        step = h * jnp.eye(5)[i]
        central = 8 * (out(step) - out(-step)) - (out(2 * step) - out(-2 * step))
        assert_close(ours[:, i], central / (12 * h), rtol=1e-5, atol=1e-7)


def test_everything_is_finite_over_the_box_past_the_fold_and_before():
    keys = jax.random.split(jax.random.key(3), 4)
    count = 4096
    corner = jax.random.bernoulli(keys[0], shape=(count, 5)).astype(float)
    inside = jax.random.uniform(keys[1], (count, 5))
    low = jnp.array([80e-9, 3e-6, 0.2, -3.0, 1e-7])
    high = jnp.array([400e-9, 20e-6, 4.0, 3.0, 0.1])

    def out(u):
        gap, radius, drive, detuning, light = low + u * (high - low)
        changes = dict(gap_m=gap, radius_m=radius, drive_v=drive, detuning=detuning)
        work = free(replace(nominal.ring(), changes)).operate(light)
        return jnp.stack([work.top, work.bottom, *work.slacks.values()])

    def both(u):
        return out(u), jax.jacfwd(out)(u)

    for u in (corner, inside):
        for leaf in jax.jit(jax.vmap(both))(u):
            assert bool(jnp.all(jnp.isfinite(leaf)))
