r"""A receiver that learns: sampling time, taps and thresholds from known symbols.

The samples $y_{kS+o+iS}$ of $n$ taps around symbol $k$ are fitted to the symbols sent,
$$ \min_{w, b, c}\ \sum_k \Big(a_k - c - \sum_i w_i\,y_{kS+o+iS}
   + \sum_j b_j\,a_{k-j}\Big)^2 , $$
over every offset $o$ of a fine grid: time of sampling and place of the cursor are the
best there are, as a receiver with recovered timing finds them. Thresholds are those
between Gaussians of the mean and the spread that each level is seen to have. Nothing
is known of the link but its waveform.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..component import Scalar


class Learned(eqx.Module):
    """What was found: how to turn a waveform into one number per symbol."""

    weights: Float[Array, " taps"]
    feedback: Float[Array, " past"]
    constant: Scalar
    offset: Int[Array, ""]
    """samples from a symbol to its earliest tap"""
    conversion_sigma: Scalar
    """converter noise"""
    thresholds: Float[Array, " gaps"]
    mean_square_error: Scalar
    """over the variance of the symbols"""
    oversampling: int = eqx.field(static=True)

    def sampled(
        self,
        waveform: Float[Array, " samples"],
        late: Float[Array, " symbols"] | None,
        drawn: Float[Array, " symbols"],
    ) -> Float[Array, " symbols"]:
        """The converter's output at the earliest tap of every symbol.

        `late` is jitter in samples, `drawn` converter noise of unit variance.
        """
        first = sample(waveform, self.offset, self.oversampling, late)
        return first + self.conversion_sigma * drawn

    def equalised(self, samples: Float[Array, " symbols"]) -> Float[Array, " symbols"]:
        """Ahead of the feedback."""
        return filtered(samples, self.weights) + self.constant

    def traced(self, waveform: Float[Array, " samples"]) -> Float[Array, " samples"]:
        """A whole waveform through the taps, aligned with its symbols: an eye."""
        rows = waveform.reshape(-1, self.oversampling).T
        out = jax.vmap(lambda row: filtered(row, self.weights))(rows)
        return jnp.roll(out.T.reshape(-1), -self.offset) + self.constant


def sample(
    waveform: Float[Array, " samples"],
    offset: Int[Array, ""],
    oversampling: int,
    late: Float[Array, " symbols"] | None,
) -> Float[Array, " symbols"]:
    """Every `oversampling`-th sample from `offset` on, each `late` by some samples."""
    turned = jnp.roll(waveform, -offset)
    if late is None:
        return turned[::oversampling]
    whole = jnp.floor(late)
    x = late - whole
    at = jnp.arange(0, waveform.shape[0], oversampling) + whole.astype(int)
    near = turned[(at[None] + jnp.arange(-1, 3)[:, None]) % waveform.shape[0]]
    weights = [  # the cubic of Lagrange through -1, 0, 1, 2
        -x * (x - 1) * (x - 2) / 6,
        (x + 1) * (x - 1) * (x - 2) / 2,
        -(x + 1) * x * (x - 2) / 2,
        (x + 1) * x * (x - 1) / 6,
    ]
    return jnp.sum(near * jnp.stack(weights), axis=0)


def filtered(
    samples: Float[Array, " symbols"], weights: Float[Array, " taps"]
) -> Float[Array, " symbols"]:
    """sum_i w_i y_{k+i} of a periodic sequence."""
    n = samples.shape[0]
    taps = jnp.fft.rfft(weights, n)
    return jnp.fft.irfft(jnp.fft.rfft(samples) * jnp.conj(taps), n)


def learn(
    waveform: Float[Array, " samples"],
    clean: Float[Array, " samples"],
    sent: Int[Array, " symbols"],
    levels: Float[Array, " levels"],
    conversion: Scalar,
    late: Float[Array, " symbols"] | None,
    drawn: Float[Array, " symbols"],
    oversampling: int,
    taps: int,
    past: int,
) -> Learned:
    """Fit to `waveform`, sent as `sent`; `clean` is the same without noise."""
    wanted = levels[sent]
    phases = jnp.arange(oversampling)
    rows = jax.vmap(lambda o: sample(waveform, o, oversampling, late))(phases)
    sigma = jnp.sqrt(conversion * jnp.var(clean.reshape(-1, oversampling), axis=0))
    rows = rows + sigma[:, None] * drawn[None]
    sums = [jax.vmap(lambda row: correlations(row, wanted))(rows)]
    lags, cross = sums[0]

    # Whole symbols by which the strongest sample lags behind its symbol.
    delay = jnp.argmax(jnp.max(jnp.abs(cross), axis=0))
    firsts = delay + jnp.arange(-taps + 1, 2)

    def solve(phase, first):
        matrix = lags[phase][
            np.abs(np.subtract.outer(np.arange(taps), np.arange(taps)))
        ]
        known = cross[phase][(first + jnp.arange(taps)) % sent.shape[0]]
        for j in range(1, past + 1):
            behind = cross[phase][(first + jnp.arange(taps) + j) % sent.shape[0]]
            matrix = matrix - jnp.outer(behind, behind) / jnp.var(wanted)
        weights = jnp.linalg.solve(matrix, known)
        return weights, weights @ known

    def of_phase(phase):
        return jax.lax.map(lambda first: solve(phase, first), firsts)

    weights, explained = jax.lax.map(of_phase, phases)
    best = jnp.argmax(explained)
    phase, place = best // firsts.shape[0], best % firsts.shape[0]
    weights, first = weights[phase, place], firsts[place]
    row = rows[phase]
    ahead = filtered(jnp.roll(row, -first), weights)
    feedback = jnp.stack(
        [
            jnp.mean((ahead - jnp.mean(ahead)) * jnp.roll(wanted, j)) / jnp.var(wanted)
            for j in range(1, past + 1)
        ]
        or [jnp.zeros(())]
    )[:past]
    behind = fed_back(ahead, wanted, feedback)
    constant = jnp.mean(wanted) - jnp.mean(behind)
    behind = behind + constant
    return Learned(
        weights=weights,
        feedback=feedback,
        constant=constant,
        offset=first * oversampling + phase,
        conversion_sigma=sigma[phase],
        thresholds=between(behind, sent, levels.shape[0]),
        mean_square_error=jnp.var(behind - wanted) / jnp.var(wanted),
        oversampling=oversampling,
    )


def correlations(
    samples: Float[Array, " symbols"], wanted: Float[Array, " symbols"]
) -> tuple[Float[Array, " symbols"], Float[Array, " symbols"]]:
    """mean(y_k y_{k+d}) and mean(a_k y_{k+d}) of periodic sequences, means removed."""
    n = samples.shape[0]
    y = jnp.fft.rfft(samples - jnp.mean(samples))
    a = jnp.fft.rfft(wanted - jnp.mean(wanted))
    power = jax.lax.complex(jnp.square(y.real) + jnp.square(y.imag), 0.0 * y.real)
    return jnp.fft.irfft(power, n) / n, jnp.fft.irfft(jnp.conj(a) * y, n) / n


def fed_back(
    ahead: Float[Array, " symbols"],
    wanted: Float[Array, " symbols"],
    feedback: Float[Array, " past"],
) -> Float[Array, " symbols"]:
    """What is left when known symbols are fed back."""
    for j in range(feedback.shape[0]):
        ahead = ahead - feedback[j] * jnp.roll(wanted, j + 1)
    return ahead


def between(
    seen: Float[Array, " symbols"], sent: Int[Array, " symbols"], pam: int
) -> Float[Array, " gaps"]:
    """Thresholds between the Gaussians of neighbouring levels."""
    is_level = jax.nn.one_hot(sent, pam, dtype=seen.dtype)
    count = jnp.sum(is_level, axis=0)
    means = seen @ is_level / count
    spread = jnp.sqrt(jnp.square(seen) @ is_level / count - jnp.square(means))
    return (means[:-1] * spread[1:] + means[1:] * spread[:-1]) / (
        spread[1:] + spread[:-1]
    )
