r"""The pulse of a linear cascade at the sampler, on a periodic stretch of symbols.

A period of $N$ symbols has lines at $f_k = k f_s/N$, kept up to half of `oversampling`
samples per symbol. A rectangular symbol $\mathrm{sinc}(f T)$ sent through the cascade
$H$ and sampled once per symbol at time $\tau$ has the folded spectrum
$$ P_m = \sum_j H(f_{m+jN})\,\mathrm{sinc}(f_{m+jN}T)\,e^{2\pi i f_{m+jN}\tau}, \qquad
   p_n = \frac1N\sum_m P_m e^{2\pi i m n/N}. $$

*Timing.* What is left of $P$ at the band edge is $2|H|\cos(\pi\tau/T+\operatorname{arg}
H)$ at $f_s/2$: the sum of two aliases. Recovery by the band edge [1] takes the $\tau$
that adds them in phase, the phase delay at $f_s/2$, which is the best one for an
unlimited equaliser with one tap a symbol. The phase is summed over the lines, so that
it never wraps and the time is a smooth function of the cascade.

Left out: whatever lies past the highest line, tails longer than the period (they fold).

1. Godard 1978, doi:10.1109/TCOM.1978.1094107
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Shaped

from ..component import Scalar
from ..devices.response import complex_, from_db, power, smooth_positive, to_db


class Grid(eqx.Module):
    """The lines of a periodic signal, from 0 up."""

    period: int = eqx.field(static=True)
    """symbols, even"""
    oversampling: int = eqx.field(static=True)
    """samples per symbol, even"""

    @property
    def lines(self) -> np.ndarray:
        """Frequencies over the symbol rate."""
        return np.arange(self.period * self.oversampling // 2) / self.period

    def frequencies_hz(self, symbol_hz: Scalar) -> Float[Array, " lines"]:
        """The lines in hertz."""
        return jnp.asarray(self.lines) * symbol_hz

    def hold(self) -> Complex[Array, " lines"]:
        """Spectrum of one rectangular symbol, centred on t = 0."""
        return complex_(jnp.asarray(np.sinc(self.lines)), 0.0)

    def slope(self, lines: Complex[Array, " lines"]) -> Complex[Array, " lines"]:
        """Of the time derivative, per symbol."""
        omega = 2 * math.pi * jnp.asarray(self.lines)
        return complex_(-omega * lines.imag, omega * lines.real)

    @jax.jit
    def delay(self, cascade: Complex[Array, " lines"]) -> Scalar:
        """Phase delay at the band edge, in symbols."""
        inside = cascade[: self.period // 2 + 1]
        # Of a dead cascade the squares below would underflow.
        size = jnp.abs(inside.real) + jnp.abs(inside.imag)
        size = jax.lax.stop_gradient(size)
        inside = complex_(inside.real / size, inside.imag / size)
        turn = inside[1:] * jnp.conj(inside[:-1])
        return -jnp.sum(jnp.arctan2(turn.imag, turn.real)) / math.pi

    @jax.jit
    def advance(self, symbols: Scalar) -> Complex[Array, " lines"]:
        """exp(2 pi i f tau) for a `tau` in symbols.

        Lines are a coarse step and a fine one; so are their phases, and few of them
        take a sine.
        """
        fine = self.lines[: self.period // 4]
        coarse = self.lines[:: self.period // 4]
        a, b = 2 * math.pi * symbols * coarse, 2 * math.pi * symbols * fine
        # A product of matrices, because XLA takes the sines of any other anew for
        # every line.
        left = jnp.stack([jnp.cos(a), jnp.sin(a)], axis=1)
        cosine, sine = jnp.cos(b), jnp.sin(b)
        real = left @ jnp.stack([cosine, -sine])
        return complex_(real, left @ jnp.stack([sine, cosine])).reshape(-1)

    @jax.jit
    def fold(self, lines: Shaped[Array, "*rest lines"]) -> Shaped[Array, "*rest half"]:
        """Spectrum of what is left at one sample a symbol, lines 0 .. period / 2.

        Of an amplitude, complex, or of a density of power, real.
        """
        whole = np.ones((1,) * (lines.ndim - 1) + (len(self.lines),), lines.dtype)
        whole[..., 0] = 0.5
        rows = (lines * whole).reshape(*lines.shape[:-1], -1, self.period)
        positive, half = jnp.sum(rows, axis=-2), self.period // 2 + 1
        mirrored = jnp.concatenate(
            [positive[..., :1], positive[..., :-half:-1]], axis=-1
        )
        return positive[..., :half] + jnp.conj(mirrored)

    @property
    def folded_weights(self) -> np.ndarray:
        """Weights of the mean of a folded density over the period."""
        weights = np.full(self.period // 2 + 1, 2 / self.period)
        weights[[0, -1]] /= 2
        return weights

    def lags(self, density: Float[Array, "*rest half"]) -> Float[Array, "*rest period"]:
        """Autocorrelation of a folded density."""
        return self.symbols(complex_(density, 0.0))

    def symbols(
        self, folded: Complex[Array, "*rest half"]
    ) -> Float[Array, "*rest period"]:
        """One sample a symbol, from a folded spectrum."""
        return jnp.fft.irfft(folded, self.period)

    def samples(self, lines: Complex[Array, " lines"]) -> Float[Array, " samples"]:
        """All samples of a signal whose line 0 is its sum over the period."""
        n = self.period * self.oversampling
        padded = jnp.concatenate([lines, jnp.zeros_like(lines[:1])])
        return jnp.fft.irfft(padded, n) * self.oversampling

    def phases(
        self, samples: Float[Array, "*rest samples"]
    ) -> Float[Array, "*rest phases period"]:
        """Samples sorted by their place in the symbol: t = n + j / oversampling."""
        rows = samples.reshape(*samples.shape[:-1], self.period, self.oversampling)
        return jnp.swapaxes(rows, -1, -2)

    def backwards(
        self, samples: Float[Array, "*rest samples"]
    ) -> Complex[Array, "*rest phases half"]:
        """Spectra of the samples at t = n - j / oversampling, over n."""
        earlier = jnp.roll(samples[..., ::-1], 1, axis=-1)
        # Those of -t, so that their spectra are conjugate.
        return jnp.conj(jnp.fft.rfft(self.phases(earlier)))


@jax.jit
def boosted(
    grid: Grid, cascade: Complex[Array, " lines"], peaking_db: Scalar
) -> Complex[Array, " lines"]:
    r"""The analogue equaliser ahead of a converter, 1 at f = 0.

    $$ C(f) = \frac{1 + i f/(g f_z)}{(1 + i f/f_z)(1 + i f/f_s)}, \quad
       f_z = f_s/2.5, $$
    the continuous-time filter of the channel operating margin [1] with its gain $1/g$
    set to the loss of `cascade` at the Nyquist frequency, `peaking` dB at most; the two
    meet with a corner 0.5 dB wide.

    1. IEEE 802.3 annex 93A, eq. 93A-22
    """
    loss_db = -to_db(power(cascade[grid.period // 2]))
    some_db = smooth_positive(loss_db, 0.5)
    boost_db = some_db - smooth_positive(some_db - peaking_db, 0.5)
    boost = from_db(boost_db / 2)
    x = jnp.asarray(grid.lines)
    unpeaked = jnp.asarray(1 / ((1 + 2.5j * grid.lines) * (1 + 1j * grid.lines)))
    return complex_(1.0, 2.5 * x * boost) * unpeaked
