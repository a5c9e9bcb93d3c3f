"""Magnitude responses that more than one kind of part has."""

import jax.numpy as jnp

from ..component import Values


def one_pole(frequency_hz: Values, bandwidth_hz: Values) -> Values:
    """|H|^2 of one real pole: an RC corner, a photodiode's transit."""
    return 1 / (1 + jnp.square(frequency_hz / bandwidth_hz))


def butterworth2(frequency_hz: Values, bandwidth_hz: Values) -> Values:
    """|H|^2 of a maximally flat second-order amplifier."""
    return 1 / (1 + (frequency_hz / bandwidth_hz) ** 4)


def smooth_abs(x: Values, width: float) -> Values:
    """|x| rounded within `width` of zero; relative error width^2 / 2x^2 outside."""
    return jnp.sqrt(jnp.square(x) + width**2)


def smooth_positive(x: Values, width: Values) -> Values:
    """x where x > 0, else 0, rounded within some `width` of zero.

    width ln(1 + exp(x / width)), in a form that neither overflows nor, like the one of
    jax, compiles into branches.
    """
    return jnp.maximum(x, 0.0) + width * jnp.log1p(jnp.exp(-jnp.abs(x) / width))


def from_db(gain_db: Values) -> Values:
    """Power ratio of a gain in dB."""
    return 10.0 ** (gain_db / 10)


def to_db(ratio: Values) -> Values:
    """Gain in dB of a positive power ratio."""
    return 10 * jnp.log10(ratio)
