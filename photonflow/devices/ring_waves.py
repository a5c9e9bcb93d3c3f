r"""An all-pass ring in the time domain, by coupled modes.

$$ \frac{da}{dt} = -\big(\gamma_e + \gamma_l + 2\pi i\,\delta\big)\,a + i\mu, \qquad
   s = 1 + i\mu a, \qquad \mu^2 = 2\gamma_e, $$
with $\gamma_e = -\mathrm{FSR}\ln t$ by coupling, $\gamma_l = -\mathrm{FSR}\ln a_{rt}$
by loss and the laser $\delta$ above the resonance (Little et al. 1997,
doi:10.1109/50.588673). Standing still, $|s|^2$ is `rings.all_pass` to a relative
$\tfrac13\ln a_{rt}\ln t$, 2e-3 at a finesse of 40; its small signals are
`rings.small_signal`. Left out: delays shorter than a round trip.
"""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ..component import Scalar, Transfer
from .response import complex_, inverse, power


def through(
    detuning_hz: Float[Array, " samples"],
    a: Float[Array, " samples"],
    t: Scalar,
    fsr_hz: Scalar,
    sample_hz: Scalar,
) -> Float[Array, " samples"]:
    """Transmitted power over time, for one period of a repeated modulation.

    Each value holds from half a sample before its instant to half a sample after it;
    for such steps the solution is exact, for smooth ones of second order.
    """
    coupled = -jnp.log(t) * fsr_hz
    decay, turn = coupled - jnp.log(a) * fsr_hz, 2 * math.pi * detuning_hz
    mu = jnp.sqrt(2 * coupled)
    half_s = 1 / (2 * sample_hz)
    half = jnp.exp(complex_(-decay * half_s, -turn * half_s))
    settled = complex_(0.0, mu) * inverse(decay, turn)
    return power(1 + complex_(0.0, mu) * periodic(half, settled))


def periodic(half: Transfer, settled: Transfer) -> Transfer:
    """The repeating state in the middle of every step.

    Relative to where each step would settle, the state decays and turns by `half` in
    either half of it, |half| < 1.
    """

    def walk(before, now):
        half, settled = now
        middle = (half * before[0], settled + half * (before[1] - settled))
        after = (half * middle[0], settled + half * (middle[1] - settled))
        return after, middle

    # A prefix tree is no faster over a batch and takes several times the compilation.
    one = jnp.ones_like(half[0])
    last, middle = lax.scan(walk, (one, 0.0 * one), (half, settled), unroll=4)
    return middle[0] * (last[1] / (1 - last[0])) + middle[1]
