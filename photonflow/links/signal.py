r"""Levels, noise and error rate of PAM behind a zero-forcing equaliser.

Noise of level $k$ carrying photocurrent $I_k$ is solved jointly, per level:
$$ \sigma_k^2 = S_{th} + 2q(I_k+I_d)B_s + RIN\,I_k^2 B_s + \rho\,I_{pp}^2 , $$
where every $B$ is the Nyquist band times the noise enhancement of the equaliser for a
noise that enters behind response $H$, $\langle |H|^{-2}\rangle$ over the band, and
$\rho$ gathers what scales with the signal (converter noise and distortion of both ends,
driver and SerDes input noise, residual ISI). Thresholds are optimal between
neighbouring levels [1]:
$$ SER = \frac2M\sum_k Q\Big(\frac{I_{k+1}-I_k}{\sigma_k+\sigma_{k+1}}\Big), \qquad
   BER = SER/\log_2 M . $$
BER travels as log10, by `norm.logsf`, finite at any signal-to-noise ratio.

1. Säckinger, Broadband Circuits for Optical Fiber Communication, Wiley 2005, ch. 4
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from ..component import Scalar
from ..devices.response import from_db
from ..units import CHARGE_C, LN10


NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2  # mean over [0, 1]


def nyquist_nodes_hz(symbol_hz: Scalar) -> Float[Array, " nodes"]:
    """Quadrature frequencies between 0 and half the symbol rate."""
    return jnp.asarray(NODES) * (symbol_hz / 2)


def enhancement(response: Float[Array, " nodes"]) -> Scalar:
    """Mean of 1/|H|^2 over the Nyquist band: what zero forcing does to white noise."""
    return jnp.sum(jnp.asarray(WEIGHTS) / response)


def pam_levels(top: Scalar, bottom: Scalar, pam: int) -> Float[Array, " levels"]:
    """Evenly spaced levels from bottom to top."""
    steps = jnp.linspace(0.0, 1.0, pam)
    return bottom + (top - bottom) * steps


def mean_square(pam: int) -> float:
    """Variance of equally likely, evenly spaced levels over the swing squared."""
    return (pam + 1) / (12 * (pam - 1))


def pam_log10_ber(
    levels: Float[Array, " levels"], sigma: Float[Array, " levels"]
) -> Scalar:
    """log10 BER of Gray-coded PAM with a noise of its own on every level."""
    pam = levels.shape[0]
    q = (levels[1:] - levels[:-1]) / (sigma[1:] + sigma[:-1])
    log_ser = logsumexp(norm.logsf(q)) + math.log(2 / pam)
    return (log_ser - math.log(math.log2(pam))) / LN10


class Noise(eqx.Module):
    """Noise of a receiver as variances of photocurrent, ready for any light level."""

    thermal_a2: Scalar
    shot_a: Scalar
    """times current: 2 q B"""
    dark_a: Scalar
    rin: Scalar
    """times current squared: RIN B"""
    relative: dict[str, Scalar]
    """times the square of the outer swing"""

    def variances(
        self, levels_a: Float[Array, " levels"]
    ) -> dict[str, Float[Array, " levels"]]:
        """Every noise on every level."""
        swing2 = jnp.square(levels_a[-1] - levels_a[0])
        flat = jnp.ones_like(levels_a)
        scaled = {name: r * swing2 * flat for name, r in self.relative.items()}
        return {
            "thermal": self.thermal_a2 * flat,
            "shot": self.shot_a * (levels_a + self.dark_a),
            "rin": self.rin * jnp.square(levels_a),
        } | scaled

    def log10_ber(self, levels_a: Float[Array, " levels"]) -> Scalar:
        """Pre-FEC error rate at these photocurrents."""
        ratio = sum(self.relative.values(), start=jnp.zeros(()))
        swing2 = jnp.square(levels_a[-1] - levels_a[0])
        total = (
            self.thermal_a2
            + ratio * swing2
            + self.shot_a * (levels_a + self.dark_a)
            + self.rin * jnp.square(levels_a)
        )
        return pam_log10_ber(levels_a, jnp.sqrt(total))

    def shares(self, levels_a: Float[Array, " levels"]) -> dict[str, Scalar]:
        """Share of each noise in the variance of the noisiest level."""
        parts = self.variances(levels_a)
        total = sum(parts.values(), start=jnp.zeros_like(levels_a))
        worst = jnp.argmax(total)
        return {name: part[worst] / total[worst] for name, part in parts.items()}

    def margin_db(
        self, levels_a: Float[Array, " levels"], log10_threshold: Scalar
    ) -> Scalar:
        """Extra optical loss (negative: gain) at which the threshold is met.

        Bisection over +-`MARGIN_SPAN_DB` and one implicitly differentiated Newton step;
        a link whose ceiling lies above the threshold returns the end of the bracket.
        """

        def excess(loss_db, noise, levels):
            return noise.log10_ber(levels * from_db(-loss_db)) - log10_threshold

        still = jax.lax.stop_gradient((self, levels_a))

        def halve(bracket, _):
            low, high = bracket
            middle = (low + high) / 2
            bad = excess(middle, *still) > 0
            return (jnp.where(bad, low, middle), jnp.where(bad, middle, high)), None

        span = jnp.full_like(self.thermal_a2, MARGIN_SPAN_DB)
        (low, high), _ = jax.lax.scan(halve, (-span, span), length=40)
        guess = jax.lax.stop_gradient((low + high) / 2)
        slope: Array = jax.grad(excess)(guess, *still)  # type: ignore[assignment]
        slope = jax.lax.stop_gradient(slope)
        step = excess(guess, self, levels_a) / jnp.where(slope > 1e-6, slope, 1.0)
        found = jnp.abs(guess) < MARGIN_SPAN_DB - 1e-3
        return guess - jnp.where(found, step, 0.0)


MARGIN_SPAN_DB = 40.0


def shot_a(symbol_hz: Scalar, enhanced: Scalar) -> Scalar:
    """2 q B of a Nyquist receiver."""
    return 2 * CHARGE_C * symbol_hz / 2 * enhanced
