"""Transfer functions that more than one kind of part has.

Complex amplitudes for the time convention exp(+j 2 pi f t), causal, 1 at f = 0.
"""

import math

import jax
import jax.numpy as jnp

from ..component import Transfer, Values
from ..units import LN10


REFERENCE_HZ = 53.125e9
"""where losses of copper are stated: the Nyquist frequency of 106.25 GBd"""
TINY = 1e-12  # of the reference frequency


def complex_(real: Values, imaginary: Values) -> Transfer:
    """real + i imaginary, which strict promotion of types asks to spell out."""
    return jax.lax.complex(*jnp.broadcast_arrays(jnp.asarray(real), imaginary))


def inverse(real: Values, imaginary: Values) -> Transfer:
    """1 / (real + i imaginary): without the scaling of a complex division, faster."""
    size2 = jnp.square(real) + jnp.square(imaginary)
    return complex_(real / size2, -imaginary / size2)


@jax.jit
def one_pole(frequency_hz: Values, bandwidth_hz: Values) -> Transfer:
    """One real pole: an RC corner, a photodiode's transit."""
    return inverse(1.0, frequency_hz / bandwidth_hz)


@jax.jit
def butterworth2(frequency_hz: Values, bandwidth_hz: Values) -> Transfer:
    """A maximally flat second-order amplifier, |H|^2 = 1 / (1 + x^4)."""
    x = frequency_hz / bandwidth_hz
    return inverse(1 - jnp.square(x), math.sqrt(2) * x)


def power_law(ratio: Values, loss_db: Values, exponent: Values) -> Transfer:
    r"""A lossy line: `loss_db` at `ratio` = f / f_0 = 1, growing as ratio**exponent.

    The phase is the causal one of a power-law medium (Kramers and Kronig) without the
    straight line that is a mere delay: $\theta = -A\tan\frac{\pi m}{2}(x^m - x)$ for an
    attenuation of $A x^m$ nepers, 0 < m < 2, with the limit $\frac2\pi A x\ln x$ at
    m = 1. A floor of -300 dB keeps a dead line finite.
    """
    nepers = loss_db * (LN10 / 20)
    x = ratio + TINY  # ln x is finite at f = 0, where it is multiplied by 0
    away = exponent - 1
    # -tan(pi m / 2) = (2 / pi away) (pi away / 2) / tan(pi away / 2), without 0 / 0
    bend = 2 / math.pi * jnp.cos(math.pi / 2 * away) / jnp.sinc(away / 2)
    theta = nepers * bend * x * jnp.log(x) * _exprel(away * jnp.log(x))
    return jnp.exp(complex_(-nepers * x**exponent, theta)) + 1e-15


def _exprel(x: Values) -> Values:
    """(exp(x) - 1) / x, also at x = 0."""
    small = jnp.abs(x) < 1e-6
    safe: Values = jnp.where(small, 1.0, x)
    return jnp.where(small, 1 + x / 2, jnp.expm1(safe) / safe)


def power(amplitude: Transfer) -> Values:
    """|H|^2, with a gradient that is finite where H is 0."""
    return jnp.square(amplitude.real) + jnp.square(amplitude.imag)


def smooth_abs(x: Values, width: float) -> Values:
    """|x| rounded within `width` of zero; relative error width^2 / 2x^2 outside."""
    return jnp.sqrt(jnp.square(x) + width**2)


@jax.jit
def smooth_positive(x: Values, width: Values) -> Values:
    """x where x > 0, else 0, rounded within some `width` of zero.

    width ln(1 + exp(x / width)), in a form that neither overflows nor, like the one of
    jax, compiles into branches.
    """
    # (x + |x|) / 2 and not max(x, 0): jax gives |x| the slope 1 at 0, and with half of
    # it here the sum has its own slope there, 1 / 2.
    away = jnp.abs(x)
    return (x + away) / 2 + width * jnp.log1p(jnp.exp(-away / width))


def from_db(gain_db: Values) -> Values:
    """Power ratio of a gain in dB."""
    return 10.0 ** (gain_db / 10)


def to_db(ratio: Values) -> Values:
    """Gain in dB of a positive power ratio."""
    return 10 * jnp.log10(ratio)
