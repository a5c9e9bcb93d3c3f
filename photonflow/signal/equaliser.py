r"""Equalisers: unlimited in closed form, or so many taps by least mean square error.

Symbols $a_k$ of variance $\sigma_a^2$ meet the sampler as $x = Pa + n$, with the pulse
of `pulse` in the rows of $P$ and noises of autocorrelation $R_i$, each filtered by what
lies behind the place where it enters. The feed-forward taps
$$ (\sigma_a^2 P_u P_u^T + \textstyle\sum_i R_i)\, w = \sigma_a^2 p_d $$
minimise the mean square error [1]; feedback taps remove their postcursors from $P_u$
exactly (no wrong decision is fed back). The slicer is unbiased: $w$ is scaled to
$g_0 = w^T p_d = 1$, which leaves the least variance of noise and interference that a
slicer with its levels in the right places can have. What remains per symbol,
$$ \sum_{k \ne 0} g_k^2, \qquad |w|^2 \sum_k \dot p_k^2 \,(\sigma_j^2 + A^2), \qquad
   \int |C_i(f) W(f)|^2\,df , $$
is residual interference, timing jitter (rms $\sigma_j$ and dual-Dirac $\pm A$) and
noise behind the responses $C_i$, all by their variances in units of the outer swing;
$\sigma_a^2$ multiplies the first two.

*Jitter* is of the converter's clock and new for every sample. Each tap weighs a sample
with an error of its own: jitter is white noise at the converter, in the taps' eyes as
well. Jitter slower than the taps would move them together, by the slope $\dot g$ of
the equalised pulse, as the channel operating margin has it [2]; behind taps that raise
the band edge that is less, behind one tap it is the same.

1. Proakis and Salehi, Digital Communications, McGraw-Hill 2008, ch. 9
2. IEEE 802.3 annex 93A, eq. 93A-32
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..component import Scalar, Values, param
from ..devices.electronics import analogue
from ..devices.response import from_db, power
from . import decision
from .pulse import Grid
from .receiver import (
    AbstractEqualiser,
    AbstractSlicer,
    Channel,
    Receiver,
    Transmitter,
    levels_a,
)
from .taps import (
    AbstractTappedSlicer,
    AbstractTaps,
    SampledResponse,
    least_squares,
    noise_densities,
    taps_spectrum,
    toeplitz,
)


class Unlimited(AbstractEqualiser):
    r"""Zero forcing by as many taps as it takes, sampled at best: the fast closed form.

    Noise that enters behind response $H$ grows by $\langle|H|^{-2}\rangle$ over the
    Nyquist band, in which symbols are flat. Residual interference and jitter of a real
    equaliser are the number `residual`.
    """

    residual_db: Scalar = param(
        unit="dB", doc="signal to residual ISI and jitter", low=18.0, high=60.0
    )

    def frequencies_hz(self, symbol_hz: Scalar, pam: int) -> Values:
        """Nodes of Gauss between 0 and half the symbol rate."""
        return decision.nyquist_nodes_hz(symbol_hz)

    def symbols(self, pam: int) -> None:
        """None: levels and responses say it all."""

    def equalise(
        self, transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
    ) -> "ClosedFormSlicer":
        """Every noise and the photocurrent of every level."""
        band_hz = channel.symbol_hz / 2
        input_a = transmitter.transfer * receiver.photodiode
        output_v = input_a * receiver.amplifier
        at_light = decision.enhancement(power(transmitter.transfer))
        nyquist = jnp.asarray(decision.NODES)
        at_converter = analogue(
            power(output_v * receiver.front), receiver.peaking_db, nyquist
        )
        variance = decision.mean_square(pam)
        noise = decision.Noise(
            thermal_a2=receiver.thermal_a2_per_hz
            * band_hz
            * decision.enhancement(power(input_a)),
            shot_a=decision.shot_a(channel.symbol_hz, at_light),
            dark_a=receiver.dark_a,
            rin=transmitter.rin_per_hz * band_hz * at_light,
            interference=channel.interference,
            own=jnp.ones(()),
            relative={
                "transmitter": variance * transmitter.distortion,
                "driver": transmitter.driver_v2
                * decision.enhancement(power(transmitter.chip)),
                "phy_input": receiver.input_per_hz
                * band_hz
                * decision.enhancement(power(output_v)),
                "converter": variance
                * receiver.conversion
                * decision.enhancement(at_converter),
                "residual": variance * from_db(-self.residual_db),
            },
        )
        return ClosedFormSlicer(levels_a(transmitter, receiver, channel, pam), noise)


class ClosedFormSlicer(AbstractSlicer):
    """Noise that does not ask how much light there is."""

    levels_a: Float[Array, " levels"]
    noise: decision.Noise

    def error_rate(self, loss_db: Scalar) -> tuple[Scalar, dict[str, Scalar]]:
        """Pre-FEC error rate behind more loss, and what limits it."""
        return self.noise.error_rate(self.levels_a * from_db(-loss_db))


class FeedForward(AbstractTaps):
    """Feed-forward taps and `feedback` taps, by least squares.

    The cursor sits behind a third of the taps, the analogue equaliser `pulse.boosted`
    ahead of them. Left out: wrong decisions fed back, resolution and adaptation of the
    taps, equalisation by the transmitter.
    """

    feedback: int = eqx.field(static=True)

    def __check_init__(self):
        if not 0 <= self.feedback <= 16:
            raise ValueError(f"`feedback` is {self.feedback}, allowed: 0 to 16")

    @property
    def grid(self) -> Grid:
        """A period that holds the taps and the pulse, four samples a symbol."""
        period = 32
        while period < 2 * self.taps + 16:
            period *= 2
        return Grid(period, 4)

    def frequencies_hz(self, symbol_hz: Scalar, pam: int) -> Values:
        """The lines of `grid`."""
        return self.grid.frequencies_hz(symbol_hz)

    def symbols(self, pam: int) -> None:
        """None: pulses add up."""

    def equalise(
        self, transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
    ) -> "LinearSlicer":
        """The cascade sampled; taps are found for every light level anew."""
        return LinearSlicer(
            levels_a=levels_a(transmitter, receiver, channel, pam),
            sampled=SampledResponse.of(self.grid, transmitter, receiver),
            transmitter=transmitter,
            receiver=receiver,
            channel=channel,
            equaliser=self,
            pam=pam,
        )


class LinearSlicer(AbstractTappedSlicer):
    """Pulses that add up, behind taps that follow the light."""

    levels_a: Float[Array, " levels"]
    sampled: SampledResponse
    transmitter: Transmitter
    receiver: Receiver
    channel: Channel
    equaliser: FeedForward
    pam: int = eqx.field(static=True)

    def delayed(self, symbols: Scalar) -> "LinearSlicer":
        """The same, sampled so much later."""
        sampled = self.sampled.delayed(self.equaliser.grid, symbols)
        return eqx.tree_at(lambda s: s.sampled, self, sampled)

    def error_rate_as_sampled(
        self, loss_db: Scalar
    ) -> tuple[Scalar, dict[str, Scalar]]:
        """Error rate and shares at this sampling time."""
        levels = self.levels_a * from_db(-loss_db)
        return self.noise(levels).error_rate(levels)

    def weights(self, levels: Float[Array, " levels"]) -> Float[Array, " taps"]:
        """The feed-forward taps for these photocurrents, their cursor scaled to 1."""
        grid, sampled = self.equaliser.grid, self.sampled
        taps, ahead = self.equaliser.taps, self.equaliser.ahead
        variance = decision.mean_square(self.pam)
        pulse = grid.symbols(sampled.pulse)
        sent = variance * power(sampled.pulse)
        spectrum = sent * (1 + self.transmitter.distortion)
        for name, density in noise_densities(
            self.transmitter, self.receiver, self.channel, levels
        ).items():
            spectrum += density * grid.fold(power(sampled.behind[name]))
        lags = grid.lags(spectrum)[:taps]
        white = sum(self.at_converter().values(), start=jnp.zeros(()))
        correlation = toeplitz(lags) + white * jnp.eye(taps)
        # Column k of P, as the taps see the symbol sent k symbols ago.
        places = ahead - np.arange(taps)
        for k in range(1, self.equaliser.feedback + 1):
            column = pulse[(places + k) % grid.period]
            correlation -= variance * jnp.outer(column, column)
        taken = pulse[places % grid.period]
        weights = least_squares(correlation, taken)
        return weights / jnp.sum(weights * taken)

    def _response(self, weights: Float[Array, " taps"]) -> Complex[Array, " half"]:
        return taps_spectrum(self.equaliser.grid, weights, self.equaliser.ahead)

    def equalised(self, weights: Float[Array, " taps"]) -> Float[Array, " period"]:
        """The pulse at the slicer, its cursor first and what is fed back taken off."""
        grid = self.equaliser.grid
        pulse = grid.symbols(self.sampled.pulse * self._response(weights))
        kept = np.ones(grid.period)
        kept[1 : self.equaliser.feedback + 1] = 0.0
        return pulse * jnp.asarray(kept)

    def noise(self, levels: Float[Array, " levels"]) -> decision.Noise:
        """All that is left at the slicer, for these photocurrents."""
        grid, sampled = self.equaliser.grid, self.sampled
        band_hz = self.channel.symbol_hz / 2
        variance = decision.mean_square(self.pam)
        weights = self.weights(levels)
        response = self._response(weights)
        pulse = self.equalised(weights)
        own_pulse = jnp.sum(jnp.square(grid.symbols(sampled.pulse * response)))
        folded = power(response) * grid.folded_weights

        def enhancement(name: str) -> Scalar:
            return grid.fold(power(sampled.behind[name])) @ folded

        at_light = enhancement("light")
        gain = jnp.sum(jnp.square(weights))
        white = {name: part * gain for name, part in self.at_converter().items()}
        return decision.Noise(
            thermal_a2=self.receiver.thermal_a2_per_hz
            * band_hz
            * enhancement("thermal"),
            shot_a=decision.shot_a(self.channel.symbol_hz, at_light),
            dark_a=self.receiver.dark_a,
            rin=self.transmitter.rin_per_hz * band_hz * at_light,
            interference=self.channel.interference,
            own=self.own_share(response),
            relative={
                "transmitter": variance * self.transmitter.distortion * own_pulse,
                "driver": self.transmitter.driver_v2 * enhancement("driver"),
                "phy_input": self.receiver.input_per_hz
                * band_hz
                * enhancement("phy_input"),
                "isi": variance * jnp.sum(jnp.square(pulse[1:])),
            }
            | white,
        )

    def at_converter(self) -> dict[str, Scalar]:
        """Variance of what is new in every sample, over the swing squared."""
        grid, sampled = self.equaliser.grid, self.sampled
        variance = decision.mean_square(self.pam)
        sent = jnp.sum(jnp.square(grid.symbols(sampled.pulse)))
        slope = jnp.sum(jnp.square(grid.symbols(sampled.slope)))
        return {
            "converter": variance * self.receiver.conversion * sent,
            "jitter": variance * self.equaliser.jitter2(self.channel.symbol_hz) * slope,
        }

    def own_share(self, response: Complex[Array, " half"]) -> Scalar:
        r"""Part of the noise of the light that was light of the symbol itself.

        $\int h^2(-t)\,q(t)\,dt / \int h^2\,dt$ with $h$ from the light to the slicer
        and $q$ the pulse of light of one symbol: exact for shot noise, which is linear
        in the light, and for RIN as far as a symbol keeps its level while it lasts
        (within 8 %; 18 % at the lowest level of a linear pluggable).
        """
        grid = self.equaliser.grid
        behind = self.sampled.behind["light"] * grid.advance(self.sampled.delay)
        phases = jnp.fft.rfft(grid.phases(grid.samples(behind)))
        impulse2 = jnp.square(grid.symbols(phases * response[None]))
        sent = grid.samples(self.transmitter.transfer * grid.hold())
        earlier = grid.phases(jnp.roll(sent[::-1], 1))
        return jnp.sum(impulse2 * earlier) / jnp.sum(impulse2)
