r"""Pattern by pattern: the path of modulators whose pulses do not add up.

A periodic de Bruijn sequence holds every run of `memory` symbols once. It is driven
through the linear chain of the transmitter, the modulator's own large-signal model and
the linear chain of the receiver, and sampled once a symbol at the time of `pulse`. Taps
are found by least squares on the sequence with the noise on top (`equaliser`), and
every symbol $n$ of it is a Gaussian of its own mean $y_n$ and variance, with the noise
of the light as bright as the pattern makes it,
$$ \sigma_n^2 = \dots + \int h^2(t_n-t)\,\big(2q(I(t)+I_d) + RIN\,I^2(t)\big)\,dt, $$
between thresholds that make the fewest errors. Jitter moves every sample by the slope
of its own waveform, and the taps add their squares (`equaliser`). This is exact for
patterns of the sequence and for Gaussian noise.

The transmitter predistorts: it spaces the inner levels of the drive so that the light
would stand at even levels. Left out: patterns longer than `memory`, driver noise and
sent distortion on anything but the mean slope (they go the way of small signals).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Complex, Float

from ..component import Scalar, Values
from ..devices.modulators import AbstractOperation
from ..devices.response import complex_, from_db, power
from . import decision
from .debruijn import de_bruijn
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


OVERSAMPLING = 8


def light(
    operation: AbstractOperation,
    chain: Complex[Array, " lines"],
    symbols: np.ndarray,
    pam: int,
    symbol_hz: Scalar,
    source_ohm: Scalar,
) -> Float[Array, " samples"]:
    """The pattern's light, 0 at the lowest static level and 1 at the highest.

    `chain` is what lies between the symbols and the modulator, at the lines of a `Grid`
    of `OVERSAMPLING` samples a symbol. `LEAK` of the symbols is on top: a modulator
    that moves no light at all would leave equations without a solution.
    """
    grid = Grid(len(symbols), OVERSAMPLING)
    sent = operation.predistort(jnp.linspace(0.0, 1.0, pam))[symbols]
    spectrum = jnp.fft.fft(complex_(sent, 0.0))
    lines = jnp.tile(spectrum, OVERSAMPLING // 2) * chain * grid.hold()
    drive = grid.samples(lines)
    sample_hz = symbol_hz * OVERSAMPLING
    passed = operation.waveform(drive, sample_hz, source_ohm)
    swung = (passed - operation.bottom) / (operation.top - operation.bottom)
    return swung + LEAK * np.repeat(symbols / (pam - 1), OVERSAMPLING)


LEAK = 1e-9  # of the swing


class PatternedFeedForward(AbstractTaps):
    """Feed-forward taps, judged on a pattern with all runs of `memory` symbols.

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
        grid = self.grid(pam)
        sampled = SampledResponse.of(grid, transmitter, receiver)
        assert transmitter.light is not None
        samples, slopes = _samples(grid, transmitter.light, sampled)
        return PatternSlicer(
            levels_a=levels_a(transmitter, receiver, channel, pam),
            samples=samples,
            slopes=slopes,
            light=transmitter.light,
            sampled=sampled,
            transmitter=transmitter,
            receiver=receiver,
            channel=channel,
            equaliser=self,
            pam=pam,
        )


def _samples(
    grid: Grid, light: Float[Array, " samples"], sampled: SampledResponse
) -> tuple[Complex[Array, " half"], Complex[Array, " half"]]:
    """Folded spectra of a pattern at its sampling time, and of its slope."""
    spectrum = jnp.fft.rfft(light)[:-1] / OVERSAMPLING
    lines = spectrum * sampled.behind["light"] * grid.advance(sampled.delay)
    return grid.fold(lines), grid.fold(grid.slope(lines))


class PatternSlicer(AbstractTappedSlicer):
    """Every symbol of the pattern for itself, behind taps that follow the light."""

    levels_a: Float[Array, " levels"]
    samples: Complex[Array, " half"]
    slopes: Complex[Array, " half"]
    light: Float[Array, " samples"]
    sampled: SampledResponse
    transmitter: Transmitter
    receiver: Receiver
    channel: Channel
    equaliser: PatternedFeedForward
    pam: int = eqx.field(static=True)

    def delayed(self, symbols: Scalar) -> "PatternSlicer":
        """The same, sampled so much later."""
        grid = self.equaliser.grid(self.pam)
        sampled = self.sampled.delayed(grid, symbols)
        moved = (sampled, *_samples(grid, self.light, sampled))
        return eqx.tree_at(lambda s: (s.sampled, s.samples, s.slopes), self, moved)

    def error_rate_as_sampled(
        self, loss_db: Scalar
    ) -> tuple[Scalar, dict[str, Scalar]]:
        """Error rate and shares at this sampling time.

        Interference is the spread of the symbols of a level.
        """
        means, parts = self.symbols_at(self.levels_a * from_db(-loss_db))
        total = sum(parts.values(), start=jnp.zeros_like(means))
        members = members_of(self._sent, self.pam)
        log_ser = log_error_rate(means, jnp.sqrt(total), members)
        by_level = {
            name: jnp.mean(part[members], axis=1) for name, part in parts.items()
        }
        by_level["isi"] = jnp.var(means[members], axis=1)
        shares = decision.worst_shares(by_level)
        return decision.bits_from_symbols(log_ser, self.pam), shares

    @property
    def _sent(self) -> np.ndarray:
        return self.equaliser.symbols(self.pam)

    @property
    def jitter(self) -> Float[Array, " period"]:
        """Variance that jitter adds to every sample, over the swing squared."""
        slopes = self.equaliser.grid(self.pam).symbols(self.slopes)
        return self.equaliser.jitter2(self.channel.symbol_hz) * jnp.square(slopes)

    def weights(self, levels: Float[Array, " levels"]) -> Float[Array, " taps"]:
        """Least squares on the sequence, noise on top, up to a factor."""
        grid = self.equaliser.grid(self.pam)
        taps, ahead = self.equaliser.taps, self.equaliser.ahead
        variance = decision.mean_square(self.pam)
        alternating = self.samples.at[0].set(0.0)
        received = power(alternating) / grid.period
        spectrum = received
        spectrum += variance * self.transmitter.distortion * power(self.sampled.pulse)
        for name, density in noise_densities(
            self.transmitter, self.receiver, self.channel, levels
        ).items():
            spectrum += density * grid.fold_power(power(self.sampled.behind[name]))
        lags = grid.lags(spectrum)[:taps]
        sent = self._sent / (self.pam - 1)
        wanted = np.fft.rfft(sent - sent.mean()) / grid.period
        wanted = complex_(jnp.asarray(wanted.real), jnp.asarray(wanted.imag))
        common = grid.symbols(alternating * jnp.conj(wanted))
        places = (ahead - np.arange(taps)) % grid.period
        white = self.receiver.conversion * grid.lags(received)[0] + jnp.mean(
            self.jitter
        )
        correlation = toeplitz(lags) + white * jnp.eye(taps)
        weights = least_squares(correlation, common[places])
        # The mean slope from symbols sent to symbols found becomes 1.
        return weights * (variance / jnp.sum(weights * common[places]))

    def symbols_at(
        self, levels: Float[Array, " levels"]
    ) -> tuple[Float[Array, " period"], dict[str, Float[Array, " period"]]]:
        """Mean of every symbol at the slicer and variances, over the swing."""
        grid = self.equaliser.grid(self.pam)
        weights = self.weights(levels)
        response = taps_spectrum(grid, weights, self.equaliser.ahead)
        inside = response[: grid.period // 2 + 1]
        means = grid.symbols(self.samples * inside)
        variance = decision.mean_square(self.pam)
        swing_a = levels[-1] - levels[0]
        flat = jnp.ones(grid.period)
        density = noise_densities(self.transmitter, self.receiver, self.channel, levels)
        one_sided = jnp.asarray(grid.one_sided)

        def enhanced(name: str) -> Scalar:
            gain = power(self.sampled.behind[name]) * power(response)
            return density[name] * jnp.sum(one_sided * gain)

        pulse = grid.symbols(self.sampled.pulse * inside)
        received = jnp.var(grid.symbols(self.samples))
        light_a = levels[0] + swing_a * self.light
        squares = taps_spectrum(grid, jnp.square(weights), self.equaliser.ahead)
        jitter = jnp.fft.rfft(self.jitter) * squares[: grid.period // 2 + 1]
        unit = decision.shot_a(self.channel.symbol_hz, jnp.ones(()))
        rin = self.transmitter.rin_per_hz * self.channel.symbol_hz / 2
        shot = unit * (self._heard(light_a, response) + self.receiver.dark_a)
        return means, {
            "thermal": enhanced("thermal") * flat,
            "shot": shot / jnp.square(swing_a),
            "rin": rin
            * self._heard(jnp.square(light_a), response)
            / jnp.square(swing_a),
            "interference": self.channel.interference
            * decision.mean(levels)
            * levels[jnp.asarray(self._sent)]
            / jnp.square(swing_a),
            "transmitter": variance
            * self.transmitter.distortion
            * jnp.sum(jnp.square(pulse))
            * flat,
            "driver": enhanced("driver") * flat,
            "phy_input": enhanced("phy_input") * flat,
            "converter": self.receiver.conversion
            * received
            * jnp.sum(jnp.square(weights))
            * flat,
            "jitter": grid.symbols(jitter),
        }

    def _heard(
        self, brightness: Float[Array, " samples"], response: Complex[Array, " lines"]
    ) -> Float[Array, " period"]:
        """Noise of the light at the slicer over its white density in Nyquist bands."""
        grid = self.equaliser.grid(self.pam)
        turned = grid.advance(self.sampled.delay) * response
        heard = grid.samples(self.sampled.behind["light"] * turned)
        spectrum = jnp.fft.rfft(jnp.square(heard)) * jnp.fft.rfft(brightness)
        return grid.symbols(grid.fold(spectrum[:-1])) / (OVERSAMPLING**2)


def members_of(sent: np.ndarray, pam: int) -> np.ndarray:
    """Where in the pattern each level is sent, a row for every level.

    A de Bruijn sequence sends all of them equally often.
    """
    return np.argsort(sent, kind="stable").reshape(pam, -1)


def log_error_rate(
    means: Float[Array, " period"], sigma: Float[Array, " period"], members: np.ndarray
) -> Scalar:
    """ln SER of a pattern of Gaussians between the thresholds that err least.

    Thresholds are found outside the gradient, to rounding, by bisection and Newton
    steps: where errors are fewest, the slope of their number in the threshold is 0.
    """
    pam = members.shape[0]
    likely = np.log(decision.LEVEL_SHARES[pam] / members.shape[1])[:, None]
    still, spread = jax.lax.stop_gradient((means[members], sigma[members]))
    log_spread = jnp.asarray(likely) - jnp.log(spread)

    def early(threshold):
        """By how much the level below is the likelier one, as a logarithm."""
        below, above = slice(None, -1), slice(1, None)
        densities = [
            logsumexp(
                log_spread[level]
                - jnp.square((threshold[:, None] - still[level]) / spread[level]) / 2,
                axis=1,
            )
            for level in (below, above)
        ]
        return densities[0] - densities[1]

    def halve(bracket, _):
        low, high = bracket
        middle = (low + high) / 2
        rising = early(middle) > 0
        return (jnp.where(rising, middle, low), jnp.where(rising, high, middle)), None

    def step(threshold, _):
        value, slope = jax.jvp(early, (threshold,), (jnp.ones_like(threshold),))
        # Likelier to be above the further up: a slope that is not is noise.
        moved = threshold - value / jnp.minimum(jnp.asarray(slope), -1e-30)
        return jnp.clip(moved, low, high), None

    centres = jnp.mean(still, axis=1)
    bracket = (centres[:-1], centres[1:])
    (low, high), _ = jax.lax.scan(halve, bracket, length=HALVINGS)
    threshold, _ = jax.lax.scan(step, (low + high) / 2, length=NEWTON_STEPS)
    threshold = threshold[:, None]

    middles, spreads = means[members], sigma[members]
    tails = jnp.stack(
        [
            norm.logsf((threshold - middles[:-1]) / spreads[:-1]) + likely[:-1],
            norm.logsf((middles[1:] - threshold) / spreads[1:]) + likely[1:],
        ]
    )
    return logsumexp(tails)


HALVINGS, NEWTON_STEPS = 7, 4  # 4e-3 of the gap, squared four times
