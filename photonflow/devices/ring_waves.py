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
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ..component import Scalar, Transfer
from .response import complex_, inverse


BLOCKS = 16
"""pieces of a sequence that are followed side by side: twice the work of one after the
other, at a third of the time"""


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
    fsr = fsr_hz / sample_hz
    coupled = -fsr * jnp.log(t)
    turn = 2 * math.pi / sample_hz * detuning_hz
    rate = jnp.stack([coupled - fsr * jnp.log(a), turn])
    # One array to read from, which XLA takes less time over than five that are rolled.
    around = jnp.concatenate([rate[:, -2:], rate, rate[:, :3]], axis=1)
    six = [around[:, first : first + rate.shape[1]] for first in range(6)]
    weighed = 802 * (six[2] + six[3]) - 93 * (six[1] + six[4]) + 11 * (six[0] + six[5])
    mean, rise = weighed / 1440, (six[3] - six[2]) / 12
    decay, angle = jnp.exp(mean[0] / -2), mean[1] / -2
    half = complex_(decay * jnp.cos(angle), decay * jnp.sin(angle))
    step, settled = half * half, inverse(*mean)
    state = periodic(step, settled - step * settled - half * complex_(*rise))
    mu2 = 2 * coupled
    return jnp.square(1 - mu2 * state.real) + jnp.square(mu2 * state.imag)


@jax.custom_jvp
def periodic(step: Transfer, push: Transfer) -> Transfer:
    """The repeating x of x[n+1] = step[n] x[n] + push[n], |step| < 1."""
    return _solver(step)(push)


@periodic.defjvp
def _periodic_jvp(primals: tuple, tangents: tuple) -> tuple[Transfer, Transfer]:
    """What moves x is more push along the same steps."""
    step, push = primals
    solve = _solver(step)
    x = solve(push)
    # jax transposes a scan that it has differentiated, and no other.
    return x, jax.jvp(solve, (push,), (tangents[0] * x + tangents[1],))[1]


def _solver(step: Transfer) -> Callable[[Transfer], Transfer]:
    """x for any push: linear in it, in blocks that are each a step of a shorter x."""
    blocks = math.gcd(len(step), BLOCKS)

    def columns(x):
        return x.reshape(blocks, -1).T

    one, zero = jnp.ones((), step.dtype), jnp.zeros((), step.dtype)

    def multiply(x, step):
        return step * x, x

    def follow(x, now):
        step, push = now
        return step * x + push, x

    def each(x):
        return jnp.broadcast_to(x, blocks)

    whole, before = lax.scan(multiply, each(one), columns(step))
    turn, reached = lax.scan(multiply, one, whole)

    def solve(push):
        ends, inside = lax.scan(follow, each(zero), (columns(step), columns(push)))
        end, starts = lax.scan(follow, zero, (whole, ends))
        starts = starts + reached * (end / (1 - turn))
        return (before * starts[None] + inside).T.reshape(-1)

    return solve
