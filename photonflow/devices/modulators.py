"""Intensity modulators: the interface that every kind of them has."""

import abc
import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import roots
from ..component import Component, Scalar, Transfer, Values
from ..limits import limit
from .response import smooth_abs, to_db


SWING = limit(
    "swing",
    "drive swing",
    missed="the drive swings {used:.3g} half-wave voltages, at most 1",
    order=5,
    nominal=True,
)
EXTINCTION = limit(
    "extinction",
    "outer extinction ratio above 0 dB",
    missed="the extinction ratio is {short:.3g} dB too small",
    unit="dB",
)
HALVINGS, NEWTON_STEPS = 12, 3  # to rounding where the curve has a slope
FLAT = 1e-7  # of the input light per full swing; an open eye has 1e-1
LEVEL_WIDTH = 1e-5  # of the input light; moves a swing of 0.1 by 5e-9 relative
FORWARD_V, FORWARD_WIDTH_V = 0.5, 0.02  # moves 0 V of reverse bias by 3e-13 V


class AbstractOperation(eqx.Module):
    r"""A modulator at work: all that follows from its bias, swing and input light.

    `drive` is normalised: 0 at the end of the voltage swing that passes the least
    light, 1 at the other, whichever way round the driver has to be wired for it.
    """

    top: eqx.AbstractVar[Scalar]
    """transmission of the highest level, input guide to output guide"""
    bottom: eqx.AbstractVar[Scalar]
    load_f: eqx.AbstractVar[Scalar]
    """capacitance the driver sees; 0 for a terminated line"""
    tuning_w: eqx.AbstractVar[Scalar]
    """watts that hold the operating point"""
    slacks: eqx.AbstractVar[dict[str, Scalar]]
    """operating limits: met when >= 0, falling further as a limit is passed;
    `extinction` is the outer extinction ratio in dB"""

    @abc.abstractmethod
    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """From drive to light behind a driver of `source_ohm`; 1 at f = 0."""

    @abc.abstractmethod
    def static(self, drive: Values) -> Values:
        """Transmission at a drive that stands still: `bottom` at 0, `top` at 1."""

    @abc.abstractmethod
    def waveform(
        self, drive: Float[Array, " samples"], sample_hz: Scalar, source_ohm: Scalar
    ) -> Float[Array, " samples"]:
        """Transmission over time for one period of a repeated drive, memory included.

        `drive` is the open-circuit voltage of a driver of `source_ohm`, sampled at the
        same instants as what is returned; it may overshoot [0, 1].
        """

    def predistort(self, level: Values) -> Values:
        r"""Drive at which the light stands `level` of the way from `bottom` to `top`.

        On a curve that folds within the swing (see the slacks) some crossing is taken.
        """

        def excess(drive, operation, wanted, upward):
            return upward * (operation.static(drive) - wanted)

        level = jnp.asarray(level)
        dark, bright = self.static(jnp.array([0.0, 1.0]))
        wanted = dark + level * (bright - dark)
        upward = jnp.where(bright >= dark, 1.0, -1.0)
        return roots.root(
            excess,
            jnp.zeros_like(level),
            1.0,
            self,
            wanted,
            upward,
            halvings=HALVINGS,
            steps=NEWTON_STEPS,
            flat=FLAT,
        )


class AbstractMemorylessOperation(AbstractOperation):
    """Light follows the voltage at once: a linear circuit, then the static curve.

    What such a kind does in time follows from its `transfer` and `static` alone.
    """

    def waveform(
        self, drive: Float[Array, " samples"], sample_hz: Scalar, source_ohm: Scalar
    ) -> Float[Array, " samples"]:
        """The circuit filters the drive, light follows its static curve."""
        moved = filtered(drive, sample_hz, lambda f: self.transfer(f, source_ohm))
        return self.static(moved)


class AbstractModulator(Component):
    """Interface of intensity modulators."""

    wavelength_m: eqx.AbstractVar[Scalar]
    drive_v: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def operate(self, input_w: Scalar) -> AbstractOperation:
        """The modulator at work with `input_w` of light at its input."""


def extinction_db(top: Scalar, bottom: Scalar) -> Scalar:
    """Outer extinction ratio; 60 dB at most, so that a dark level stays finite."""
    return to_db((top + 1e-6) / (bottom + 1e-6))


def filtered(
    drive: Float[Array, " samples"],
    sample_hz: Scalar,
    transfer: Callable[[Values], Transfer],
) -> Float[Array, " samples"]:
    """One period of a repeated drive behind a linear circuit."""
    samples = drive.shape[0]
    frequency_hz = jnp.fft.rfftfreq(samples) * sample_hz
    return jnp.fft.irfft(jnp.fft.rfft(drive) * transfer(frequency_hz), samples)


def eye(shallow: Scalar, deep: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """Top, bottom and `polarity` of two positive transmissions, however small."""
    middle = (shallow + deep) / 2
    rise = (deep - shallow) / (deep + shallow + 1e-30)
    contrast = smooth_abs(rise, LEVEL_WIDTH) / math.sqrt(1 + LEVEL_WIDTH**2)
    return middle * (1 + contrast), middle * (1 - contrast), polarity(rise)


def polarity(rise: Scalar) -> Scalar:
    """+1 or -1: which way light follows the voltage, as smooth as `smooth_abs`."""
    return rise / smooth_abs(rise, LEVEL_WIDTH)
