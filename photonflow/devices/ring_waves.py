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
from .response import complex_, power


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
    rate = complex_(decay, turn)
    moved = complex_(-decay / sample_hz, -turn / sample_hz)
    mu = jnp.sqrt(2 * coupled)
    # Relative to where each step would settle, a state only decays and turns.
    settled = complex_(0.0, mu) / rate
    step = jnp.exp(moved)
    before = periodic(step, settled * (1 - step))
    state = settled + jnp.exp(moved / 2) * (before - settled)
    return power(1 + complex_(0.0, mu) * state)


def periodic(step: Transfer, push: Transfer) -> Transfer:
    """The repeating x of x[n+1] = step[n] x[n] + push[n], for |step| < 1."""

    def walk(before, now):
        after = (now[0] * before[0], now[0] * before[1] + now[1])
        return after, before

    # A prefix tree is no faster over a batch and takes several times the compilation.
    one = jnp.ones_like(step[0])
    last, before = lax.scan(walk, (one, 0.0 * one), (step, push), unroll=4)
    return before[0] * (last[1] / (1 - last[0])) + before[1]
