r"""Levels, noise and error rate of PAM at the slicer.

Noise of level $k$ carrying photocurrent $I_k$ is solved jointly, per level:
$$ \sigma_k^2 = S_{th} + 2q(\tilde I_k+I_d)B_s + RIN\,\widetilde{I_k^2} B_s
   + X I_k\bar I + \rho\,I_{pp}^2 , $$
where every $B$ is the Nyquist band times the noise enhancement of the equaliser for
that noise, $X$ is multi-path interference and $\rho$ gathers what scales with the
signal (converter noise and distortion of both ends, driver and SerDes input noise,
residual ISI, jitter). An equaliser gathers the noise of several symbols: a share $s$
falls into the symbol itself, $\tilde I_k = s I_k + (1-s)\bar I$, likewise for squares.
Thresholds stand where both tails are equal [1], which is the optimum for equal noise
on both levels (6 % above the least error rate where one is twice as noisy):
$$ SER = \sum_k (p_k+p_{k+1})\,Q\Big(\frac{I_{k+1}-I_k}{\sigma_k+\sigma_{k+1}}\Big),
   \qquad BER = G\,SER/b $$
with level $k$ sent with probability $p_k$, $b$ bits a symbol and $G$ wrong bits per
wrong symbol. BER travels as log10, by `norm.logsf`, finite at any signal-to-noise
ratio.

PAM-2, 4 and 8 are Gray-coded, $G = 1$. PAM-6 carries 5 bits on two symbols: the 36
pairs without the four corners are the cross 32-QAM, whose labels cannot be Gray, and
its outer levels are the rarer ones. Of the 112 steps from a pair that is sent to a
neighbour 8 end in corners, which are put right; the others change 60/52 of a bit of the
quasi-Gray labels [2]: $G = (104/112)(60/52) = 15/14$.

1. Säckinger, Broadband Circuits for Optical Fiber Communication, Wiley 2005, ch. 4
2. Smith 1975, doi:10.1109/TCOM.1975.1092805
"""

import math
from typing import Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from ..component import Scalar
from ..units import CHARGE_C, LN10


NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2  # mean over [0, 1]


def nyquist_nodes_hz(symbol_hz: Scalar) -> Float[Array, " nodes"]:
    """Quadrature frequencies between 0 and half the symbol rate."""
    return jnp.asarray(NODES) * (symbol_hz / 2)


def enhancement(response: Float[Array, " nodes"]) -> Scalar:
    """Mean of 1/|H|^2 over the Nyquist band: what zero forcing does to white noise."""
    return jnp.sum(jnp.asarray(WEIGHTS) / response)


LEVEL_SHARES = {
    2: np.full(2, 1 / 2),
    4: np.full(4, 1 / 4),
    6: np.array([4, 6, 6, 6, 6, 4]) / 32,
    8: np.full(8, 1 / 8),
}
"""how often each level is sent"""
Pam = Literal[2, 4, 6, 8]
BITS = {2: 1.0, 4: 2.0, 6: 2.5, 8: 3.0}
WRONG_BITS = {2: 1.0, 4: 1.0, 6: 15 / 14, 8: 1.0}
"""wrong bits per wrong symbol"""


def pam_levels(top: Scalar, bottom: Scalar, pam: int) -> Float[Array, " levels"]:
    """Evenly spaced levels from bottom to top."""
    steps = jnp.linspace(0.0, 1.0, pam)
    return bottom + (top - bottom) * steps


def mean_square(pam: int) -> float:
    """Variance of evenly spaced levels over the swing squared, as they are sent."""
    if pam == 6:
        return 1 / 10  # 2 (4 * 5^2 + 6 * 3^2 + 6 * 1^2) / 32 over 10^2
    return uniform_mean_square(pam)


def uniform_mean_square(pam: int) -> float:
    """The same with every level sent equally often."""
    return (pam + 1) / (12 * (pam - 1))


def mean(values: Float[Array, " levels"]) -> Scalar:
    """Over the levels as they are sent."""
    return jnp.sum(jnp.asarray(LEVEL_SHARES[values.shape[0]]) * values)


def bits_from_symbols(log_ser: Scalar, pam: int) -> Scalar:
    """log10 BER of a natural logarithm of SER."""
    return (log_ser + math.log(WRONG_BITS[pam] / BITS[pam])) / LN10


def pam_log10_ber(
    levels: Float[Array, " levels"], sigma: Float[Array, " levels"]
) -> Scalar:
    """log10 BER of PAM with a noise of its own on every level."""
    pam = levels.shape[0]
    q = (levels[1:] - levels[:-1]) / (sigma[1:] + sigma[:-1])
    sent = LEVEL_SHARES[pam]
    log_ser = logsumexp(norm.logsf(q) + jnp.asarray(np.log(sent[1:] + sent[:-1])))
    return bits_from_symbols(log_ser, pam)


class Noise(eqx.Module):
    """Noise of a receiver as variances of photocurrent, ready for any light level."""

    thermal_a2: Scalar
    shot_a: Scalar
    """times current: 2 q B"""
    dark_a: Scalar
    rin: Scalar
    """times current squared: RIN B"""
    interference: Scalar
    """multi-path: times current and mean current"""
    own: Scalar
    """share of shot noise and RIN that belongs to the symbol itself"""
    relative: dict[str, Scalar]
    """times the square of the outer swing"""

    def variances(
        self, levels_a: Float[Array, " levels"]
    ) -> dict[str, Float[Array, " levels"]]:
        """Every noise on every level."""
        swing2 = jnp.square(levels_a[-1] - levels_a[0])
        flat = jnp.ones_like(levels_a)
        scaled = {name: r * swing2 * flat for name, r in self.relative.items()}
        squares = jnp.square(levels_a)
        return {
            "thermal": self.thermal_a2 * flat,
            "shot": self.shot_a * (self._shared(levels_a) + self.dark_a),
            "rin": self.rin * self._shared(squares),
            "interference": self.interference * levels_a * mean(levels_a),
        } | scaled

    def _shared(self, values: Float[Array, " levels"]) -> Float[Array, " levels"]:
        return self.own * values + (1 - self.own) * mean(values)

    def error_rate(
        self, levels_a: Float[Array, " levels"]
    ) -> tuple[Scalar, dict[str, Scalar]]:
        """log10 of the pre-FEC error rate, and noises by their share.

        Each as a part of the variance of the noisiest level.
        """
        parts = self.variances(levels_a)
        total = sum(parts.values(), start=jnp.zeros_like(levels_a))
        return pam_log10_ber(levels_a, jnp.sqrt(total)), worst_shares(parts)

    def log10_ber(self, levels_a: Float[Array, " levels"]) -> Scalar:
        """Pre-FEC error rate at these photocurrents."""
        return self.error_rate(levels_a)[0]

    def shares(self, levels_a: Float[Array, " levels"]) -> dict[str, Scalar]:
        """Share of each noise in the variance of the noisiest level."""
        return self.error_rate(levels_a)[1]


def worst_shares(parts: dict[str, Float[Array, " levels"]]) -> dict[str, Scalar]:
    """Share of each part where their sum is largest."""
    each = jnp.stack(list(parts.values()))
    total = jnp.sum(each, axis=0)
    worst = jnp.argmax(total)
    return dict(zip(parts, each[:, worst] / total[worst], strict=True))


def shot_a(symbol_hz: Scalar, enhanced: Scalar) -> Scalar:
    """2 q B of a Nyquist receiver."""
    return 2 * CHARGE_C * symbol_hz / 2 * enhanced
