r"""An all-pass ring in the time domain, by coupled modes.

$$ \frac{da}{dt} = -\big(\gamma_e + \gamma_l + 2\pi i\,\delta\big)\,a + i\mu, \qquad
   s = 1 + i\mu a, \qquad \mu^2 = 2\gamma_e, $$
with $\gamma_e = -\mathrm{FSR}\ln t$ by coupling, $\gamma_l = -\mathrm{FSR}\ln a_{rt}$
by loss and the laser $\delta$ above the resonance (Little et al. 1997,
doi:10.1109/50.588673). Standing still, $|s|^2$ is `rings.all_pass` to a relative
$\tfrac13\ln a_{rt}\ln t$, at most 5e-4 at a finesse of 40; its small signals are
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
    r"""Transmitted power over time, for one period of a repeated modulation.

    Between samples $h$ apart the rate $\lambda = \gamma + 2\pi i\delta$ is the quintic
    through six of them, of mean $\bar\lambda$ and rise $\Delta\lambda$:
    $$ a_{n+1} = e^{-h\bar\lambda} a_n + i\mu\Big[\frac{1 - e^{-h\bar\lambda}}
       {\bar\lambda} - \frac{h^2}{12}\Delta\lambda\,e^{-h\bar\lambda/2}\Big] , $$
    of fourth order in $h$.
    """
    coupled = -jnp.log(t) * fsr_hz
    rate = jnp.stack([coupled - jnp.log(a) * fsr_hz, 2 * math.pi * detuning_hz])
    rate = rate / sample_hz
    after = jnp.roll(rate, -1, axis=1)
    near = jnp.roll(rate, 1, axis=1) + jnp.roll(rate, -2, axis=1)
    far = jnp.roll(rate, 2, axis=1) + jnp.roll(rate, -3, axis=1)
    mean = (802 * (rate + after) - 93 * near + 11 * far) / 1440
    rise = (after - rate) / 12
    mu = jnp.sqrt(2 * coupled / sample_hz)
    half = jnp.exp(complex_(-mean[0] / 2, -mean[1] / 2))
    state = periodic(half, inverse(*mean), complex_(*rise))
    return power(1 - complex_(jnp.square(mu), 0.0) * state)


def periodic(half: Transfer, settled: Transfer, rise: Transfer) -> Transfer:
    """The repeating x of x[n+1] = s + half[n]^2 (x[n] - s) - half[n] rise[n].

    s is `settled`[n], where x would come to rest, and |half| < 1.
    """

    def walk(before, now):
        half, settled, rise = now
        step = half * half
        push = settled - step * settled - half * rise
        after = (step * before[0], step * before[1] + push)
        return after, before

    # A prefix tree is no faster over a batch and takes several times the compilation.
    one = jnp.ones_like(half[0])
    inputs = (half, settled, rise)
    last, before = lax.scan(walk, (one, 0.0 * one), inputs, unroll=4)
    return before[0] * (last[1] / (1 - last[0])) + before[1]
