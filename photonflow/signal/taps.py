"""Taps one symbol apart: when they sample, what they see, and how they are found.

*When.* Clocks are recovered from the band edge (`pulse`), which is nearly the best time
as long as the taps can move it by themselves: many of them, and a modulator whose
pulses add up. A ring of high Q that is driven far, or a handful of taps, asks for
another time, and `least_errors` finds it, for twenty times the work.
"""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..component import Scalar, Transfer, param
from ..devices.response import complex_
from . import decision
from .pulse import Grid, boosted
from .receiver import AbstractEqualiser, AbstractSlicer, Channel, Receiver, Transmitter


BAND_EDGE, LEAST_ERRORS = TIMINGS = ("band_edge", "least_errors")
TRIED, NEWTON_STEPS = 17, 5
NEAR = 1e-3  # symbols


class AbstractTaps(AbstractEqualiser):
    """`taps` feed-forward taps one symbol apart behind a converter that jitters."""

    jitter_s: Scalar = param(
        unit="s", doc="random timing jitter, rms, both ends", low=1e-17, high=2e-11
    )
    even_odd_s: Scalar = param(
        unit="s", doc="dual-Dirac jitter, +- this much", low=1e-17, high=2e-11
    )
    taps: int = eqx.field(static=True)
    timing: str = eqx.field(static=True, default=BAND_EDGE, kw_only=True)
    """when to sample: `band_edge`, as clocks are recovered (`pulse`), or
    `least_errors`, as a receiver finds that tries all times of a symbol"""

    def __check_init__(self):
        if not 1 <= self.taps <= 64:
            raise ValueError(f"`taps` is {self.taps}, allowed: 1 to 64")
        if self.timing not in TIMINGS:
            allowed = " or ".join(f"`{name}`" for name in TIMINGS)
            raise ValueError(f"`timing` is {self.timing!r}, allowed: {allowed}")

    @property
    def ahead(self) -> int:
        """Taps ahead of the cursor."""
        return self.taps // 3

    def jitter2(self, symbol_hz: Scalar) -> Scalar:
        """Variance of the sampling time in symbols squared."""
        return (jnp.square(self.jitter_s) + jnp.square(self.even_odd_s)) * jnp.square(
            symbol_hz
        )


class SampledResponse(eqx.Module):
    """A cascade as the sampler sees it, at its sampling time."""

    cascade: Complex[Array, " lines"]
    """from symbols to the sampler, without the shape of a symbol"""
    pulse: Complex[Array, " half"]
    """folded spectrum of the pulse"""
    slope: Complex[Array, " half"]
    """of its time derivative, per symbol"""
    behind: dict[str, Transfer]
    """amplitude from where a noise enters to the sampler"""
    delay: Scalar
    """sampling time, in symbols"""

    @classmethod
    def of(
        cls, grid: Grid, transmitter: Transmitter, receiver: Receiver
    ) -> "SampledResponse":
        """SampledResponse at the time of `Grid.delay`."""
        front = receiver.front
        whole = transmitter.transfer * receiver.photodiode * receiver.amplifier * front
        front = front * boosted(grid, whole, receiver.peaking_db)
        output_v = receiver.amplifier * front
        light = receiver.photodiode * output_v
        cascade = transmitter.transfer * light
        behind = {
            "thermal": output_v,
            "light": light,
            "phy_input": front,
            "driver": cascade / transmitter.chip,
        }
        return cls._at(grid, cascade, behind, grid.delay(cascade))

    def delayed(self, grid: Grid, symbols: Scalar) -> "SampledResponse":
        """The same, sampled so much later."""
        return self._at(grid, self.cascade, self.behind, self.delay + symbols)

    @classmethod
    def _at(
        cls, grid: Grid, cascade: Transfer, behind: dict[str, Transfer], delay: Scalar
    ) -> "SampledResponse":
        lines = cascade * grid.hold() * grid.advance(delay)
        pulse, slope = grid.fold(lines), grid.fold(grid.slope(lines))
        return cls(cascade, pulse, slope, behind, delay)


class AbstractTappedSlicer(AbstractSlicer):
    """Behind taps that follow the light, sampled when `AbstractTaps.timing` says."""

    equaliser: eqx.AbstractVar[AbstractTaps]

    @abc.abstractmethod
    def delayed(self, symbols: Scalar) -> "AbstractTappedSlicer":
        """The same, sampled so much later."""

    @abc.abstractmethod
    def error_rate_as_sampled(
        self, loss_db: Scalar
    ) -> tuple[Scalar, dict[str, Scalar]]:
        """What `judged` returns, at the sampling time as it is."""

    def error_rate(self, loss_db: Scalar) -> tuple[Scalar, dict[str, Scalar]]:
        """Pre-FEC error rate behind more loss, equalised for it, and what limits it.

        Slopes of the noise shares are those at a fixed time.
        """
        if self.equaliser.timing == BAND_EDGE:
            return self.error_rate_as_sampled(loss_db)
        still, lost = jax.lax.stop_gradient((self, loss_db))
        # Where errors are fewest their slope in time is 0: time needs no derivative.
        best = least(
            lambda symbols: still.delayed(symbols).error_rate_as_sampled(lost)[0]
        )
        return self.delayed(jax.lax.stop_gradient(best)).error_rate_as_sampled(loss_db)


def least(errors: Callable[[Scalar], Scalar]) -> Scalar:
    """The time of least `errors` within half a symbol of 0.

    The best of `TRIED` times, then Newton steps between its neighbours. Curvature is
    taken from slopes `NEAR` apart: a second derivative would not see thresholds move.
    """
    times = jnp.linspace(-0.5, 0.5, TRIED)
    first = times[jnp.argmin(jax.lax.map(errors, times))]
    low, high = first - 1 / (TRIED - 1), first + 1 / (TRIED - 1)

    def slope(time):
        return jax.jvp(errors, (time,), (jnp.ones_like(time),))[1]

    def step(time, _):
        before, here, after = jax.lax.map(slope, time + jnp.array([-NEAR, 0.0, NEAR]))
        curvature = (after - before) / (2 * NEAR)
        # A dead channel errs alike at all times.
        moved = jnp.where(curvature > 0, here / jnp.maximum(curvature, 1e-30), 0.0)
        return jnp.clip(time - moved, low, high), None

    return jax.lax.scan(step, first, length=NEWTON_STEPS)[0]


def noise_densities(
    transmitter: Transmitter,
    receiver: Receiver,
    channel: Channel,
    levels: Float[Array, " levels"],
) -> dict[str, Scalar]:
    """White noises where they enter, in the Nyquist band, over the swing squared."""
    band_hz = channel.symbol_hz / 2
    swing2 = jnp.square(levels[-1] - levels[0])
    light_a2 = decision.shot_a(channel.symbol_hz, jnp.ones(())) * (
        decision.mean(levels) + receiver.dark_a
    )
    light_a2 += transmitter.rin_per_hz * band_hz * decision.mean(jnp.square(levels))
    return {
        "thermal": receiver.thermal_a2_per_hz * band_hz / swing2,
        "light": light_a2 / swing2,
        "phy_input": receiver.input_per_hz * band_hz,
        "driver": transmitter.driver_v2,
    }


def toeplitz(lags: Float[Array, " taps"]) -> Float[Array, "taps taps"]:
    """The matrix whose entries depend on the distance from the diagonal."""
    places = np.arange(lags.shape[0])
    return lags[np.abs(places[:, None] - places)]


def least_squares(
    correlation: Float[Array, "taps taps"], wanted: Float[Array, " taps"]
) -> Float[Array, " taps"]:
    """Solution of the normal equations up to a factor, whatever their size.

    White noise 90 dB below the power at the sampler keeps them solvable where a dead
    channel leaves nothing but coloured noise.
    """
    taps = wanted.shape[0]
    size = jnp.trace(correlation) / taps
    matrix = correlation / size + 1e-9 * jnp.eye(taps)
    # Any factor will do: what follows is scaled to a cursor of 1.
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(wanted)))
    return jax.scipy.linalg.solve(matrix, wanted / scale, assume_a="pos")


def taps_spectrum(
    grid: Grid, weights: Float[Array, "*rest taps"], ahead: int
) -> Complex[Array, "*rest half"]:
    """Response of the taps up to half the symbol rate, where it repeats itself.

    The tap behind `ahead` others is at t = 0.
    """
    later = np.arange(weights.shape[-1]) - ahead
    phase = 2 * np.pi * later[:, None] * grid.lines[: grid.period // 2 + 1]
    return complex_(weights @ np.cos(phase), weights @ -np.sin(phase))
