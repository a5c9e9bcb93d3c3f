r"""Transmitter and dispersion eye closure of PAM4, by its definition (TDECQ, SECQ).

The light passes the reference receiver: fourth-order Bessel-Thomson, 3 dB down at half
the symbol rate, then five taps one symbol apart whose sum is 1, the largest among the
first three. Histograms stand 0.05 symbols before and behind the middle of the eye;
thresholds at the mean power and a third of the outer OMA to either side. With
$\sigma_G$ the noise ahead of the taps that brings the worse histogram to a symbol error
rate of 4.8e-4, which the taps enhance by $C_{eq}$,
$$ TDECQ = 10\log_{10}\frac{OMA}{6\,Q_t\,\sigma_G}, \qquad Q_t = 3.414, $$
where noise of the transmitter counts as noise already there, as bright as it is at the
oscilloscope. SECQ is the same of a stressed signal at a receiver under test. An ideal
signal on an unfiltered receiver has 0 dB; the filter alone costs an ideal transmitter
`REFERENCE_DB`, because it passes half the symbol rate and the taps are few.

Here the waveform is that of a de Bruijn pattern instead of SSPRQ, taps are the
best of a few least mean squares instead of those of least TDECQ (0.02 to 0.05 dB less
for one-pole transmitters of 0.3 to 1 times the symbol rate, by a direct search), and
eyes know which symbol was sent.

1. IEEE 802.3 clause 121.8.5
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Complex, Float

from .. import roots
from ..component import Scalar, Transfer, Values
from ..devices.response import complex_, power
from .pulse import Grid
from .taps import least_squares, taps_spectrum, toeplitz


TARGET_SER = 4.8e-4
Q_T = 3.414
TAPS = 5
PHASES = 16  # sampling times tried per symbol
LOUDNESS = (1.0, 2.0, 4.0)  # noise tried in the mean square, over that of the target
WINDOW = 0.05  # of a symbol, either side of the middle
HALVINGS, NEWTON_STEPS = 12, 4  # ln of a noise to 3e-3, squared four times
REFERENCE_DB = 0.31
"""TDECQ of an ideal transmitter: what the reference receiver itself costs"""


def bessel_thomson(frequency: Values, bandwidth: Values) -> Transfer:
    """Fourth order, 3 dB down at `bandwidth`, 1 at f = 0."""
    from scipy.signal import bessel  # takes longer to import than jax

    design = bessel(4, 1.0, analog=True, output="zpk", norm="mag")
    poles = np.asarray(design[1])  # type: ignore[index]
    x = frequency / bandwidth
    out = complex_(jnp.ones_like(x), 0.0)
    for pole in poles.tolist():
        below = complex_(-pole.real, x - pole.imag)
        out = out * complex(-pole) / below
    return out


def tdecq_db(
    light: Float[Array, " samples"],
    symbols: np.ndarray,
    noise: Scalar = 0.0,
    bandwidth: float | None = 0.5,
    taps: int = TAPS,
) -> Scalar:
    """TDECQ of `light`, so many samples for each symbol of the cycle `symbols`.

    `light` is 0 and 1 at the outer levels of long runs, `noise` the rms the transmitter
    adds at the oscilloscope, over the outer OMA. `bandwidth` is that of the reference
    receiver over the symbol rate, None for no filter.
    """
    grid = Grid(len(symbols), len(light) // len(symbols))
    lines = jnp.fft.rfft(light)[:-1] / grid.oversampling
    flat = complex_(jnp.ones(len(grid.lines)), 0.0)
    if bandwidth is not None:
        flat = bessel_thomson(jnp.asarray(grid.lines), bandwidth)
    lines = lines * flat
    lags = jnp.zeros(taps).at[0].set(1.0)
    if bandwidth is not None:
        lags = grid.lags(grid.fold(power(flat)))[:taps]
        lags = lags / lags[0]

    def one(phase, ahead, loud):
        noisy = lags * loud / (6 * Q_T) ** 2
        taken, weights = _equalise(grid, lines, symbols, noisy, phase, ahead)
        enhanced = weights @ toeplitz(lags) @ weights
        levels = jnp.mean(light) + jnp.array([-1.0, 0.0, 1.0]) / 3
        return jnp.sqrt(_tolerated2(taken, symbols, levels) / enhanced)

    # The largest tap is one of the first three.
    tried = np.meshgrid(
        np.arange(PHASES) / PHASES, np.arange(min(3, taps)), np.array(LOUDNESS)
    )
    sigma = jnp.max(jax.vmap(one)(*(jnp.asarray(axis.ravel()) for axis in tried)))
    left = jnp.maximum(jnp.square(sigma) - jnp.square(noise), 1e-12)
    return -5 * jnp.log10(left) - 10 * math.log10(6 * Q_T)


def _equalise(
    grid: Grid,
    lines: Complex[Array, " lines"],
    symbols: np.ndarray,
    noise: Float[Array, " taps"],
    phase: Scalar,
    ahead: Any,
) -> tuple[Float[Array, "2 period"], Float[Array, " taps"]]:
    """Samples at both histograms, and the taps."""
    taps = noise.shape[0]
    sent = symbols / symbols.max()
    wanted = np.fft.rfft(sent - sent.mean())
    wanted = complex_(jnp.asarray(wanted.real), jnp.asarray(wanted.imag))
    folded = grid.fold(lines * grid.advance(phase))
    alternating = folded.at[0].set(0.0)
    common = grid.symbols(alternating * jnp.conj(wanted)) / grid.period
    whole = jnp.argmax(common)
    places = (whole + ahead - np.arange(taps)) % grid.period
    received = power(alternating) / grid.period
    seen = grid.lags(received)[:taps]
    correlation = toeplitz(seen + noise)
    weights = least_squares(correlation, common[places])
    weights = weights / jnp.sum(weights)
    # The response of the taps with the first at t = 0, then back to the cursor.
    response = taps_spectrum(grid, weights, 0)
    later = phase + (whole + ahead).astype(float)
    sides = [
        grid.symbols(grid.fold(lines * grid.advance(later + side)) * response)
        for side in (-WINDOW, WINDOW)
    ]
    return jnp.stack(sides), weights


def _tolerated2(
    taken: Float[Array, "2 period"], symbols: np.ndarray, thresholds: Values
) -> Scalar:
    """Variance at the slicer at which the worse histogram errs at the target rate."""
    steps = [
        (side, eye, np.flatnonzero(symbols == eye + above))
        for eye in range(3)
        for above, side in ((0, 1.0), (1, -1.0))
    ]

    def excess(log_sigma, taken):
        def log_ser(means):
            q = [s * (thresholds[eye] - means[where]) for s, eye, where in steps]
            tails = norm.logsf(jnp.concatenate(q) / jnp.exp(log_sigma))
            return logsumexp(tails) - math.log(len(symbols))

        worse = jnp.max(jax.vmap(log_ser)(taken))
        return worse - math.log(TARGET_SER)

    log_sigma = roots.root(
        excess, math.log(1e-5), 0.0, taken, halvings=HALVINGS, steps=NEWTON_STEPS
    )
    return jnp.exp(2 * log_sigma)
