"""Finite equalisers: taps, what they leave, and gradients through them."""

import functools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from gradient_rule import Case, assert_finite, assert_rule, box, case, ends, interior
from helpers import assert_close
from photonflow.component import Scalar
from photonflow.devices.response import power
from photonflow.links.optical import OpticalLink
from photonflow.signal.equaliser import LinearSlicer
from photonflow.signal.taps import TIMINGS


JITTER2 = (100e-15**2 + 180e-15**2) * 106.25e9**2
"""variance of the sampling time of `nominal.feed_forward`, in symbols squared"""


def linear_link(**changes) -> OpticalLink:
    """LinearSlicer pluggables behind 15 taps; 16 dB of trace at either end."""
    port = nominal.pluggable_port(retimed=False)
    equaliser = nominal.feed_forward(**changes)
    return nominal.optical_link(port, port, equaliser=equaliser)


def equalise(link: OpticalLink, at) -> Any:
    transmitter, receiver = (
        link.end(link.end_a, at).transmitter,
        link.receiver(link.end_b, at),
    )
    return link.equaliser.equalise(transmitter, receiver, link.channel(at), link.pam)


@functools.cache
def slicer(**changes) -> LinearSlicer:
    """At the far end, 6 dB past the worst corner."""
    return eqx.filter_jit(equalise)(
        linear_link(**changes), nominal.worst(ageing_db=7.0)
    )


@eqx.filter_jit
def log10_ber(slicer: LinearSlicer) -> Scalar:
    return slicer.log10_ber(jnp.zeros(()))


def test_taps_solve_the_normal_equations_written_out_in_time():
    """P from the pulse itself, noise by its autocorrelation at every lag."""
    ours = slicer()
    grid, taps, ahead = ours.equaliser.grid, 15, 5
    pulse = np.asarray(grid.symbols(ours.sampled.pulse))
    n = grid.period
    # Row i is the sample at tap i, column k the symbol sent at k.
    matrix = np.array(
        [[pulse[(ahead - i - k) % n] for k in range(n)] for i in range(taps)]
    )
    variance = 5 / 36
    wanted = variance * (1 + 10**-3.3) * matrix @ matrix.T
    wanted += variance * 10**-3.2 * np.sum(pulse**2) * np.eye(taps)
    slope = np.asarray(grid.symbols(ours.sampled.slope))
    wanted += variance * JITTER2 * np.sum(slope**2) * np.eye(taps)
    levels = np.asarray(ours.levels_a)
    swing2, band_hz = (levels[-1] - levels[0]) ** 2, 53.125e9
    light_a2 = 2 * 1.602176634e-19 * band_hz * (levels.mean() + 50e-9)
    light_a2 += 10**-15.2 * band_hz * np.mean(levels**2)
    white = {
        "thermal": float(ours.receiver.thermal_a2_per_hz) * band_hz / swing2,
        "light": light_a2 / swing2,
        "phy_input": 8.2e-18 / 0.5**2 * band_hz,
        "driver": float(ours.transmitter.driver_v2),
    }
    lag = np.arange(taps)[:, None] - np.arange(taps)
    for name, density in white.items():
        one_sided = np.where(grid.lines > 0, 2.0, 1.0) / grid.period
        gain = one_sided * np.asarray(power(ours.sampled.behind[name]))
        turn = np.cos(2 * np.pi * grid.lines * lag[..., None])
        wanted += density * (turn @ gain)
    expected = np.linalg.solve(wanted, pulse[ahead - np.arange(taps)])
    found = np.asarray(ours.weights(ours.levels_a))
    # 1e-9 of white noise keeps the equations solvable.
    np.testing.assert_allclose(
        found / found[ahead], expected / expected[ahead], rtol=0, atol=1e-5
    )


def test_more_taps_leave_less_error():
    """The mean square error of a longer equaliser cannot be larger."""
    error = []
    for taps in (3, 5, 9, 15, 31):
        ours = slicer(taps=taps)
        noise = ours.noise(ours.levels_a)
        parts = noise.variances(ours.levels_a)
        error.append(sum(float(jnp.mean(p)) for p in parts.values()))
    assert all(b < a for a, b in zip(error, error[1:], strict=False))


def test_feedback_takes_postcursors_away_and_helps():
    plain, fed = slicer(), slicer(feedback=2)
    pulse = np.asarray(fed.equalised(fed.weights(fed.levels_a)))
    assert pulse[1] == pulse[2] == 0.0
    assert_close(pulse[0], 1.0, rtol=1e-12)
    assert log10_ber(fed) < log10_ber(plain) - 0.1


def test_own_share_is_the_noise_of_a_symbol_averaged_over_its_neighbours():
    """Shot noise of 2,000 random symbols one by one, at the slicer."""
    ours = slicer()
    grid = ours.equaliser.grid
    weights = np.asarray(ours.weights(ours.levels_a))
    later = np.arange(len(weights)) - ours.equaliser.ahead
    response = np.exp(-2j * np.pi * grid.lines[:, None] * later) @ weights
    noise = ours.noise(ours.levels_a)
    behind = ours.sampled.behind["light"] * grid.advance(ours.sampled.delay)
    heard = np.asarray(grid.samples(behind * response))
    shape = np.asarray(grid.samples(ours.transmitter.transfer * grid.hold()))
    random = np.random.default_rng(3)
    sent = random.integers(0, 4, (2000, grid.period))
    impulses = np.zeros((2000, grid.period * grid.oversampling))
    impulses[:, :: grid.oversampling] = np.asarray(ours.levels_a)[sent]
    light_a = np.fft.irfft(np.fft.rfft(impulses) * np.fft.rfft(shape))
    # Symbol 0 hears the light of all times through h^2.
    kernel = np.roll(heard[::-1], 1) ** 2
    shot = (light_a @ kernel) / kernel.sum()
    rin = (light_a**2 @ kernel) / kernel.sum()
    for level in range(4):
        mine = sent[:, 0] == level
        amps = float(ours.levels_a[level])
        mean_a = float(jnp.mean(ours.levels_a))
        mean2 = float(jnp.mean(ours.levels_a**2))
        own = float(noise.own)
        expected = own * amps + (1 - own) * mean_a
        # 500 patterns: the neighbours' light is known to about 1 %.
        assert_close(shot[mine].mean(), expected, rtol=0.02)
        expected2 = own * amps**2 + (1 - own) * mean2
        # Light changes level within a symbol, which its square notices: 18 % less at
        # the lowest level, where RIN matters least, and 7 % at the highest.
        assert_close(rin[mine].mean(), expected2, rtol=0.2 if level == 0 else 0.08)
    assert 0.3 < own < 1.0


def test_jitter_is_the_slope_of_the_pulse_in_every_tap():
    """Sampling 1e-4 symbols later changes a sample by its slope times that; all of
    them have a jitter of their own, so that the taps add squares."""
    ours = slicer()
    grid, step = ours.equaliser.grid, 1e-4
    early, late = (
        ours.sampled.delayed(grid, jnp.asarray(side * step)) for side in (-1, 1)
    )
    slope = np.asarray(grid.symbols(late.pulse - early.pulse)) / (2 * step)
    weights = np.asarray(ours.weights(ours.levels_a))
    expected = 5 / 36 * JITTER2 * np.sum(slope**2) * np.sum(weights**2)
    noise = ours.noise(ours.levels_a)
    assert_close(noise.relative["jitter"], expected, rtol=1e-6)


def test_behind_one_tap_jitter_is_that_of_the_channel_operating_margin():
    """Equation 93A-32: the slope of the pulse at the slicer, equalised or not."""
    ours = slicer(taps=1)
    grid = ours.equaliser.grid
    weights = ours.weights(ours.levels_a)
    inside = ours._response(weights)[: grid.period // 2 + 1]
    slope = np.asarray(grid.symbols(ours.sampled.slope * inside))
    expected = 5 / 36 * JITTER2 * np.sum(slope**2)
    noise = ours.noise(ours.levels_a)
    assert_close(noise.relative["jitter"], expected, rtol=1e-12)


def test_an_unlimited_equaliser_is_what_many_taps_come_near_to():
    """Residue and jitter off; 31 taps pay for rectangular symbols and folded noise."""
    link = linear_link(taps=31, jitter_s=1e-17, even_odd_s=1e-17)
    at = nominal.worst(ageing_db=7.0)
    finite = eqx.filter_jit(equalise)(link, at)
    link = eqx.tree_at(lambda x: x.equaliser, link, nominal.Unlimited(residual_db=60.0))
    closed = eqx.filter_jit(equalise)(link, at)
    few, many = finite.noise(finite.levels_a).relative, closed.noise.relative
    # Rectangles lose 1/sinc^2 at the band edge: between 0 and 3.9 dB for white noise.
    ratio = float(few["phy_input"] / many["phy_input"])
    assert 0.3 < ratio < 10 ** (0.39)
    assert_close(few["transmitter"], many["transmitter"], rtol=0.02)


def stages(link, at) -> dict:
    ours = equalise(link, at)
    return {"ber": ours.log10_ber(jnp.zeros(()))}


@functools.cache
def built(timing: str) -> Case:
    tree = (linear_link(taps=9, feedback=1, timing=timing), nominal.worst())
    return case(tree, ["link", "at"], stages)


@pytest.mark.parametrize(
    "timing",
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "least_errors" else name
        for name in TIMINGS
    ],
)
def test_gradients_match_finite_differences(timing):
    """At the nominal point and 16 within 2 % of the ranges around it."""
    this = built(timing)
    assert_rule(this, this.nominal[None])
    assert_rule(this, interior(this, 16, 0.02, {}))


@pytest.mark.parametrize("timing", TIMINGS)
def test_value_and_gradient_are_finite_over_the_box(timing):
    this = built(timing)
    assert_finite(this, ends(this))
    assert_finite(this, box(this, 256))


def test_a_lost_decibel_is_equalised_anew():
    """Taps follow the light: behind 3 dB of loss they are those of 3 dB more ageing."""
    link = linear_link()
    bright = eqx.filter_jit(equalise)(link, nominal.worst())
    dim = eqx.filter_jit(equalise)(link, nominal.worst(ageing_db=4.0))
    behind = bright.log10_ber(jnp.asarray(3.0))
    assert_close(behind, dim.log10_ber(jnp.zeros(())), rtol=1e-9)
