r"""A receiver that learns: sampling time, taps and thresholds from known symbols.

The samples $y_{kS+o+iS}$ of $n$ taps around symbol $k$ are fitted to the symbols sent,
$$ \min_{w, b, c}\ \sum_k \Big(a_k - c - \sum_i w_i\,y_{kS+o+iS}
   + \sum_j b_j\,a_{k-j}\Big)^2 , $$
over every offset $o$ of a fine grid. At each time of sampling the place of the cursor
is the best there is; of the `CLOSEST` times with the least squares that one is taken,
and of all thresholds those, that err least: every symbol is a Gaussian about where it
stands without noise, with the spread that noise is seen to give its level. Of the link
nothing is known but its waveform, with noise and without. Symbols fed back are taken as
independent of each other, which chance makes true to one over the root of their number.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Int

from ..component import Scalar


CLOSEST = 6
"""times of sampling, of the 16 in a symbol, whose errors are looked at"""
GOLDEN = (math.sqrt(5) - 1) / 2
SECTIONS = 12
"""golden sections that find a threshold, to 0.3 % of the space between levels"""


class TrainedEqualiser(eqx.Module):
    """What was found: how to turn a waveform into one number per symbol."""

    weights: Float[Array, " taps"]
    feedback: Float[Array, " past"]
    constant: Scalar
    thresholds: Float[Array, " gaps"]
    mean_square_error: Scalar
    """over the variance of the symbols"""
    offset: Int[Array, ""]
    """samples from a symbol to its earliest tap"""
    conversion_sigma: Scalar
    """converter noise"""
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


def train(
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
) -> TrainedEqualiser:
    """Fit to `waveform`, sent as `sent`; `clean` is the same without noise."""
    wanted = levels[sent]
    phases = jnp.arange(oversampling)
    rows = jax.vmap(lambda o: sample(waveform, o, oversampling, late))(phases)
    sigma = jnp.sqrt(conversion * jnp.var(clean.reshape(-1, oversampling), axis=0))
    rows = rows + sigma[:, None] * drawn[None]
    lags, cross = jax.vmap(lambda row: correlations(row, wanted))(rows)

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

    def placed(phase):
        """The place of the cursor that explains most of the symbols."""
        tried, explained = jax.lax.map(lambda first: solve(phase, first), firsts)
        best = jnp.argmax(explained)
        return tried[best], firsts[best], explained[best]

    def decided(found):
        phase, weights, first = found
        quiet = clean.reshape(-1, oversampling)[:, phase]
        seen = [jnp.roll(samples, -first) for samples in (rows[phase], quiet)]
        equaliser, log_errors = fit_thresholds(
            seen, weights, wanted, sent, levels.shape[0], past
        )
        place = {
            "offset": first * oversampling + phase,
            "conversion_sigma": sigma[phase],
        }
        return TrainedEqualiser(
            **equaliser, **place, oversampling=oversampling
        ), log_errors

    weights, places, explained = jax.lax.map(placed, phases)
    few = jnp.argsort(-explained)[:CLOSEST]
    equaliser, log_errors = jax.lax.map(decided, (few, weights[few], places[few]))
    best = jnp.argmin(log_errors)
    return jax.tree.map(lambda leaf: leaf[best], equaliser)


def fit_thresholds(
    seen: list[Float[Array, " symbols"]],
    weights: Float[Array, " taps"],
    wanted: Float[Array, " symbols"],
    sent: Int[Array, " symbols"],
    pam: int,
    past: int,
) -> tuple[dict[str, Array], Scalar]:
    """What `TrainedEqualiser` is but for its place, behind `weights`, and ln of the
    errors.

    `seen` are the samples of the earliest tap, with noise and without.
    """
    noisy, quiet = (filtered(samples, weights) for samples in seen)
    lone = (noisy - jnp.mean(noisy)) / jnp.var(wanted)
    back = [jnp.mean(lone * jnp.roll(wanted, j)) for j in range(1, past + 1)]
    feedback = jnp.array(back)
    noisy, quiet = (
        subtract_feedback(ahead, wanted, feedback) for ahead in (noisy, quiet)
    )
    constant = jnp.mean(wanted) - jnp.mean(noisy)
    noisy, quiet = noisy + constant, quiet + constant
    thresholds, log_errors = best_thresholds(quiet, noisy - quiet, sent, pam)
    return {
        "weights": weights,
        "feedback": feedback,
        "constant": constant,
        "thresholds": thresholds,
        "mean_square_error": jnp.var(noisy - wanted) / jnp.var(wanted),
    }, log_errors


def correlations(
    samples: Float[Array, " symbols"], wanted: Float[Array, " symbols"]
) -> tuple[Float[Array, " symbols"], Float[Array, " symbols"]]:
    """mean(y_k y_{k+d}) and mean(a_k y_{k+d}) of periodic sequences, means removed."""
    n = samples.shape[0]
    y = jnp.fft.rfft(samples - jnp.mean(samples))
    a = jnp.fft.rfft(wanted - jnp.mean(wanted))
    power = jax.lax.complex(jnp.square(y.real) + jnp.square(y.imag), 0.0 * y.real)
    return jnp.fft.irfft(power, n) / n, jnp.fft.irfft(jnp.conj(a) * y, n) / n


def subtract_feedback(
    ahead: Float[Array, " symbols"],
    wanted: Float[Array, " symbols"],
    feedback: Float[Array, " past"],
) -> Float[Array, " symbols"]:
    """What is left when known symbols are fed back."""
    for j in range(feedback.shape[0]):
        ahead = ahead - feedback[j] * jnp.roll(wanted, j + 1)
    return ahead


def best_thresholds(
    quiet: Float[Array, " symbols"],
    noise: Float[Array, " symbols"],
    sent: Int[Array, " symbols"],
    pam: int,
) -> tuple[Float[Array, " gaps"], Scalar]:
    """Thresholds between neighbouring levels that err least, and ln of their errors.

    Interference is as skewed as it is, noise a Gaussian for each level. Errors are
    weighed by their logarithm, which an open eye leaves finite.
    """
    is_level = jax.nn.one_hot(sent, pam, dtype=quiet.dtype)
    count = jnp.sum(is_level, axis=0)
    means = quiet @ is_level / count
    spread = jnp.sqrt(jnp.square(noise) @ is_level / count)[sent]

    def errors(threshold, level):
        side = jnp.where(sent == level, 1.0, -1.0)
        near = (sent == level) | (sent == level + 1)
        tails = norm.logsf(side * (threshold - quiet) / spread)
        return logsumexp(jnp.where(near, tails, -jnp.inf))

    def best(level):
        """By golden sections, as if errors fell towards the best from either side."""

        def narrow(_, found):
            (low, left, right, high), counted = found
            lower = counted[0] < counted[1]
            low, kept, high = jnp.where(
                lower, jnp.stack([low, left, right]), jnp.stack([left, right, high])
            )
            new = low + high - kept  # the two inside lie evenly
            pairs = (
                jnp.stack([kept, new]),
                jnp.stack([jnp.min(counted), errors(new, level)]),
            )
            inner, counted = (jnp.where(lower, pair[::-1], pair) for pair in pairs)
            return jnp.stack([low, *inner, high]), counted

        low, high = means[level], means[level + 1]
        across = GOLDEN * (high - low)
        at = jnp.stack([low, high - across, low + across, high])
        counted = jnp.stack([errors(at[1], level), errors(at[2], level)])
        at, counted = jax.lax.fori_loop(0, SECTIONS, narrow, (at, counted))
        return at[1:3][jnp.argmin(counted)], jnp.min(counted)

    thresholds, log_errors = jax.lax.map(best, jnp.arange(pam - 1))
    return thresholds, logsumexp(log_errors)
