r"""Pattern by pattern: the path of modulators whose pulses do not add up.

A periodic de Bruijn sequence holds every run of `memory` symbols once. It is driven
through the linear chain of the transmitter, the modulator's own large-signal model and
the linear chain of the receiver, and sampled once a symbol at the time of `pulse`. Taps
are found by least squares on the sequence with the noise on top (`equaliser`), and
every symbol $n$ of it is a Gaussian of its own mean $y_n$ and variance, with the noise
of the light as bright as the pattern makes it,
$$ \sigma_n^2 = \dots + \tfrac12\int h^2(t_n-t)\,
   \big(2q(I(t)+I_d) + RIN\,I^2(t)\big)\,dt, $$
between thresholds that make the fewest errors. Jitter moves every sample by the slope
of its own waveform, and the taps add their squares (`equaliser`). This is exact for
patterns of the sequence and for Gaussian noise.

The transmitter predistorts: it spaces the inner levels of the drive so that the light
would stand at even levels, at rest. Behind the taps they are even no more, and drives
trained on the received eye would need less light. Left out besides that: patterns
longer than `memory`, driver noise and sent distortion on anything but the mean slope
(they go the way of small signals).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..component import Scalar, Values
from ..devices.modulators import AbstractOperation
from ..devices.response import complex_, from_db, power
from . import decision
from .debruijn import de_bruijn
from .gaussian import log_tails
from .pulse import Grid
from .receiver import Channel, Receiver, Transmitter, levels_a
from .taps import (
    AbstractTappedSlicer,
    AbstractTaps,
    SampledResponse,
    least_squares,
    noise_densities,
    taps_spectrum,
    toeplitz,
)


OVERSAMPLING = 4
"""samples a symbol: with twice as many, error rates of shipped rings move by 0.002
decades, by 0.006 where 4 V swing a ring of high Q"""
LEAK = 1e-9  # of the swing


def light(
    operation: AbstractOperation,
    chain: Complex[Array, " lines"],
    symbols: np.ndarray,
    pam: int,
    symbol_hz: Scalar,
    source_ohm: Scalar,
) -> Float[Array, " samples"]:
    """The pattern's light, 0 at the lowest static level and 1 at the highest.

    `chain` is what lies between the symbols and the modulator, at the lines of a
    `Grid`. `LEAK` of the symbols is on top: a modulator that moves no light at all
    would leave equations without a solution.
    """
    oversampling = 2 * len(chain) // len(symbols)
    grid = Grid(len(symbols), oversampling)
    sent = operation.predistort(jnp.linspace(0.0, 1.0, pam))[symbols]
    spectrum = jnp.fft.fft(complex_(sent, 0.0))
    lines = jnp.tile(spectrum, oversampling // 2) * chain * grid.hold()
    drive = grid.samples(lines)
    sample_hz = symbol_hz * oversampling
    passed = operation.waveform(drive, sample_hz, source_ohm)
    swung = (passed - operation.bottom) / (operation.top - operation.bottom)
    return swung + LEAK * np.repeat(symbols / (pam - 1), oversampling)


class PatternedFeedForward(AbstractTaps):
    """Feed-forward taps on a pattern with all runs of `memory` symbols.

    The sequence is made longer where the taps ask for it. No feedback taps.
    """

    memory: int = eqx.field(static=True)

    def __check_init__(self):
        if not 3 <= self.memory <= 7:
            raise ValueError(f"`memory` is {self.memory}, allowed: 3 to 7")

    def grid(self, pam: int) -> Grid:
        """As long as the pattern."""
        return Grid(len(self.symbols(pam)), OVERSAMPLING)

    def symbols(self, pam: int) -> np.ndarray:
        """The de Bruijn sequence, at least twice the taps and 16 symbols."""
        memory = self.memory
        while pam**memory < max(64, 2 * self.taps + 16):
            memory += 1
        return de_bruijn(pam, memory)

    def frequencies_hz(self, symbol_hz: Scalar, pam: int) -> Values:
        """The lines of `grid`."""
        return self.grid(pam).frequencies_hz(symbol_hz)

    def equalise(
        self, transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
    ) -> "PatternSlicer":
        """The pattern sampled; taps are found for every light level anew."""
        sampled = SampledResponse.of(self.grid(pam), transmitter, receiver)
        assert transmitter.light is not None
        levels = levels_a(transmitter, receiver, channel, pam)
        return PatternSlicer(
            levels_a=levels,
            pattern=SampledPattern.of(
                self, transmitter.light, sampled, levels, channel.symbol_hz, pam
            ),
            light=transmitter.light,
            sampled=sampled,
            transmitter=transmitter,
            receiver=receiver,
            channel=channel,
            equaliser=self,
            pam=pam,
        )


class SampledPattern(eqx.Module):
    """What a pattern is at its sampling time, whatever the taps and the loss."""

    samples: Complex[Array, " half"]
    """spectrum of the samples, one a symbol"""
    jitter: Complex[Array, " half"]
    """spectrum of the variance that jitter adds to them, over the swing squared"""
    common: Float[Array, " taps"]
    """correlation of each tap's sample with the symbol to be found"""
    density: dict[str, Float[Array, " half"]]
    """folded spectra of power of all that the taps filter: the pattern (`received`),
    its linear part (`pulse`), and white noises from where they enter"""
    response: Complex[Array, "phases half"]
    """from the light to the sampler, a spectrum for each sample of a symbol"""
    brightness: Complex[Array, "two phases half"]
    """of the photocurrent and of its square, at the same samples, time reversed"""

    @classmethod
    def of(
        cls,
        equaliser: PatternedFeedForward,
        light: Float[Array, " samples"],
        sampled: SampledResponse,
        levels_a: Float[Array, " levels"],
        symbol_hz: Scalar,
        pam: int,
    ) -> "SampledPattern":
        """Sampled where the response to a pulse is."""
        grid, sent = equaliser.grid(pam), equaliser.symbols(pam) / (pam - 1)
        behind = sampled.behind["light"] * grid.advance(sampled.delay)
        lines = jnp.fft.rfft(light)[:-1] / grid.oversampling * behind
        samples, slopes = grid.fold(jnp.stack([lines, grid.slope(lines)]))
        jitter = equaliser.jitter2(symbol_hz) * jnp.square(grid.symbols(slopes))
        alternating = samples.at[0].set(0.0)
        wanted = jnp.asarray(np.conj(np.fft.rfft(sent - sent.mean())) / grid.period)
        places = (equaliser.ahead - np.arange(equaliser.taps)) % grid.period
        names = list(sampled.behind)
        noises = grid.fold(power(jnp.stack([sampled.behind[name] for name in names])))
        current_a = levels_a[0] + (levels_a[-1] - levels_a[0]) * light
        return cls(
            samples=samples,
            jitter=jnp.fft.rfft(jitter),
            common=grid.symbols(alternating * wanted)[places],
            density={
                "received": power(alternating) / grid.period,
                "pulse": power(sampled.pulse),
                **dict(zip(names, noises, strict=True)),
            },
            response=jnp.fft.rfft(grid.phases(grid.samples(behind))),
            brightness=grid.backwards(jnp.stack([current_a, jnp.square(current_a)]))
            / grid.oversampling,
        )


class PatternSlicer(AbstractTappedSlicer):
    """Every symbol of the pattern for itself, behind taps that follow the light."""

    levels_a: Float[Array, " levels"]
    pattern: SampledPattern
    light: Float[Array, " samples"]
    sampled: SampledResponse
    transmitter: Transmitter
    receiver: Receiver
    channel: Channel
    equaliser: PatternedFeedForward
    pam: int = eqx.field(static=True)

    def delayed(self, symbols: Scalar) -> "PatternSlicer":
        """The same, sampled so much later."""
        sampled = self.sampled.delayed(self.grid, symbols)
        pattern = SampledPattern.of(
            self.equaliser,
            self.light,
            sampled,
            self.levels_a,
            self.channel.symbol_hz,
            self.pam,
        )
        return eqx.tree_at(lambda s: (s.sampled, s.pattern), self, (sampled, pattern))

    @property
    def grid(self) -> Grid:
        """Of the pattern."""
        return self.equaliser.grid(self.pam)

    def error_rate_as_sampled(
        self, loss_db: Scalar
    ) -> tuple[Scalar, dict[str, Scalar]]:
        """Error rate and shares at this sampling time.

        Interference is the spread of the symbols of a level.
        """
        means, parts = self.symbols_at(from_db(-loss_db))
        total = sum(parts.values(), start=jnp.zeros_like(means))
        log_ser = log_error_rate(means, jnp.sqrt(total))
        by_level = {
            name: jnp.mean(jnp.broadcast_to(part, means.shape), axis=1)
            for name, part in parts.items()
        }
        by_level["isi"] = jnp.var(means, axis=1)
        shares = decision.worst_shares(by_level)
        return decision.bits_from_symbols(log_ser, self.pam), shares

    def densities(self, passed: Scalar) -> dict[str, Scalar]:
        """Of every spectrum of `SampledPattern.density` but the pattern's own."""
        levels = self.levels_a * passed
        variance = decision.mean_square(self.pam)
        return {"pulse": variance * self.transmitter.distortion} | noise_densities(
            self.transmitter, self.receiver, self.channel, levels
        )

    def weights(self, passed: Scalar) -> Float[Array, " taps"]:
        """Least squares on the sequence, noise on top, with `passed` of the light."""
        grid, pattern = self.grid, self.pattern
        taps = self.equaliser.taps
        spectrum = pattern.density["received"]
        for name, density in self.densities(passed).items():
            spectrum += density * pattern.density[name]
        lags = grid.lags(spectrum)[:taps]
        white = self.conversion + pattern.jitter[0].real / grid.period
        correlation = toeplitz(lags) + white * jnp.eye(taps)
        weights = least_squares(correlation, pattern.common)
        # The mean slope from symbols sent to symbols found becomes 1; the sequence has
        # every level equally often.
        variance = decision.uniform_mean_square(self.pam)
        return weights * (variance / jnp.sum(weights * pattern.common))

    @property
    def conversion(self) -> Scalar:
        """Variance that the converter adds to every sample, over the swing squared."""
        received = self.pattern.density["received"]
        return self.receiver.conversion * (received @ self.grid.folded_weights)

    def symbols_at(
        self, passed: Scalar
    ) -> tuple[Float[Array, "levels same"], dict[str, Values]]:
        """Mean of every symbol at the slicer and variances, over the swing.

        With `passed` of the light left. A row for each level sent.
        """
        grid, pattern = self.grid, self.pattern
        levels = self.levels_a
        swing2 = jnp.square(levels[-1] - levels[0])
        weights = self.weights(passed)
        squares = jnp.square(weights)
        response, spread = taps_spectrum(
            grid, jnp.stack([weights, squares]), self.equaliser.ahead
        )
        enhancement = power(response) * grid.folded_weights
        densities = self.densities(passed)
        enhanced = {name: pattern.density[name] @ enhancement for name in densities}
        scalars = {name: densities[name] * enhanced[name] for name in densities}
        heard = jnp.square(grid.symbols(pattern.response * response[None]))
        lit = jnp.sum(jnp.fft.rfft(heard)[None] * pattern.brightness, axis=1)
        of_light = jnp.stack(
            [pattern.samples * response, pattern.jitter * spread, lit[0], lit[1]]
        )
        members = members_of(self.equaliser.symbols(self.pam), self.pam)
        means, jitter, current, square = grid.symbols(of_light)[:, members]
        unit = decision.shot_a(self.channel.symbol_hz, jnp.ones(()))
        dark = self.receiver.dark_a * enhanced["light"]
        shot = unit * (current / passed + dark / jnp.square(passed))
        rin = self.transmitter.rin_per_hz * self.channel.symbol_hz / 2
        return means, {
            "thermal": scalars["thermal"],
            "shot": shot / swing2,
            "rin": rin * square / swing2,
            "interference": self.channel.interference
            * decision.mean(levels)
            * levels[:, None]
            / swing2,
            "transmitter": scalars["pulse"],
            "driver": scalars["driver"],
            "phy_input": scalars["phy_input"],
            "converter": self.conversion * jnp.sum(squares),
            "jitter": jitter,
        }


def members_of(sent: np.ndarray, pam: int) -> np.ndarray:
    """Where in the pattern each level is sent, a row for every level.

    A de Bruijn sequence sends all of them equally often.
    """
    return np.argsort(sent, kind="stable").reshape(pam, -1)


NEWTON_STEPS = 6  # 4 to rounding, where eyes are about to close


@jax.jit
def log_error_rate(
    means: Float[Array, "levels same"], sigma: Float[Array, "levels same"]
) -> Scalar:
    """ln SER of a pattern of Gaussians between the thresholds that err least.

    Thresholds are found outside the gradient, to rounding: where errors are fewest,
    the slope of their number in the threshold is 0.
    """
    pam, same = means.shape
    likely = jnp.asarray(decision.LEVEL_SHARES[pam] / same)[:, None]
    both = jnp.stack([means[:-1], means[1:]]), jnp.stack([sigma[:-1], sigma[1:]])
    still, spread = jax.lax.stop_gradient(both)
    log_peak = jnp.log(jnp.stack([likely[:-1], likely[1:]]) / spread)

    def balance(threshold):
        """How much likelier is the level below, as a logarithm, and its slope."""
        away = (threshold[None, :, None] - still) / spread
        exponent = log_peak - jnp.square(away) / 2
        largest = jnp.max(exponent, axis=2, keepdims=True)
        bell = jnp.exp(exponent - largest)
        total = jnp.sum(bell, axis=2)
        value = jnp.log(total) + largest[..., 0]
        slope = -jnp.sum(bell * away / spread, axis=2) / total
        return value[0] - value[1], slope[0] - slope[1]

    def step(threshold, _):
        value, slope = balance(threshold)
        # Likelier to be above the further up: a slope that is not is noise.
        moved = threshold - value / jnp.minimum(slope, -1e-30)
        return jnp.clip(moved, middle[0], middle[1]), None

    # Where two Gaussians of the same means and variances are equally far.
    middle = jnp.mean(still, axis=2)
    width = jnp.sqrt(jnp.var(still, axis=2) + jnp.mean(jnp.square(spread), axis=2))
    first = (middle[0] * width[1] + middle[1] * width[0]) / (width[0] + width[1])
    threshold, _ = jax.lax.scan(step, first, length=NEWTON_STEPS)
    distance = (threshold[None, :, None] - both[0]) / both[1]
    signed = jnp.concatenate([distance[0], -distance[1]])
    return log_tails(signed, jnp.concatenate([likely[:-1], likely[1:]]))
