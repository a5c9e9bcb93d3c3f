r"""Counted errors of one direction of a link: the oracle of the analytic path.

Random symbols run through the link in time (`waveform`, the modulator by its
differential equation in `dynamics`), a receiver is trained on the first stretch of them
(`receiver_training`), and wrong bits are counted on further stretches until there are
enough. Of the closed forms of `signal`, `equaliser` and `pattern` nothing is used: what
both sides share are the parts themselves and their responses.

Bits are Gray-coded per symbol for PAM-2, 4 and 8. PAM-6 carries 5 bits on two symbols,
by labels of the cross 32-QAM, whose points differ from their neighbours by 7/6 of a bit
on average [1] (60/52 over all pairs of neighbours); a pair that falls into a corner
that is not sent goes to the nearer of its two neighbours. The interval is Wilson's [2].

Left out, besides what `waveform` leaves out: errors that wrong decisions fed back
cause, and the codes behind.

1. Smith 1975, doi:10.1109/TCOM.1975.1092805
2. Wilson 1927, doi:10.1080/01621459.1927.10502953
"""

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.optimize import brentq

from ..causes import DirectionName
from ..compilation import LEAN, persistent_jit
from ..component import Scalar
from ..links.base import AbstractLink, Conditions
from ..links.modulated_port import ModulatedPort
from ..links.optical import OpticalLink
from ..signal import decision
from ..signal.equaliser import FeedForward
from ..signal.pattern import PatternedFeedForward
from ..signal.pulse import Grid
from .dynamics import has_dynamics
from .receiver_training import TrainedEqualiser, subtract_feedback, train
from .waveform import Key, Lane


GRID = Grid(16384, 16)
"""symbols of a stretch, and samples of a symbol"""
LONG = 63
"""taps where the link's equaliser is unlimited"""
CROSS = np.array(
    [
        [-1, 4, 5, 7, 6, -1],
        [0, 12, 13, 15, 14, 2],
        [1, 8, 9, 11, 10, 3],
        [17, 24, 25, 27, 26, 19],
        [16, 28, 29, 31, 30, 18],
        [-1, 20, 21, 23, 22, -1],
    ]
)
"""5 bits of a pair of PAM-6 symbols: an 8 x 4 Gray code, its outer columns folded to
the top and the bottom"""
SPAN_DB = 30.0


def no_time_domain_model(link: AbstractLink) -> str | None:
    """Why `link` cannot be simulated here, in words; None where it can."""
    if not isinstance(link, OpticalLink):
        return f"a {type(link).__name__} has no model in time: optical links have"
    for end in (link.end_a, link.end_b):
        if not isinstance(end, ModulatedPort):
            return f"the laser of a {type(end).__name__} has no model in time"
        # Its class is all that is asked, so that nothing is computed.
        operation = eqx.filter_eval_shape(end.modulator.operate, jnp.zeros(()))
        if not has_dynamics(type(operation)):
            return f"a {type(end.modulator).__name__} has no model in time"
    return None


class Counted(NamedTuple):
    """Wrong bits, and how sure that makes of the error rate."""

    errors: int
    bits: int
    wrong_symbols: int
    symbols: int
    low: float
    """Wilson's interval of the error rate at 95 %"""
    high: float

    @property
    def ber(self) -> float:
        """Wrong bits over bits."""
        return self.errors / self.bits

    @property
    def log10_ber(self) -> float:
        """-inf without an error."""
        return math.log10(self.ber) if self.errors else -math.inf


class Waveforms(NamedTuple):
    """A stretch of signal ahead of the decision, as numpy arrays.

    Traces have `oversampling` samples per symbol, symbol k centred on sample
    k * oversampling, in units of the outer swing with 0 halfway between the levels.
    """

    sent: np.ndarray
    """levels, counted from 0"""
    converter: np.ndarray
    """ahead of the taps, noise included"""
    converter_clean: np.ndarray
    equalised: np.ndarray
    """behind the taps, noise included"""
    equalised_clean: np.ndarray
    levels: np.ndarray
    """what each level is behind the taps, on average"""
    thresholds: np.ndarray
    oversampling: int
    swing_a: float
    """photocurrent that the outer swing stands for"""
    symbol_hz: float


class TrainedReceiver(eqx.Module):
    """A lane and the equaliser trained for it."""

    lane: Lane
    equaliser: TrainedEqualiser
    jitter: tuple[Scalar, Scalar] | None
    """random and dual-Dirac, in samples"""

    def stretch(self, key: Key) -> tuple[Int[Array, " symbols"], Array]:
        """Symbols sent and the numbers that reach the decision, feedback included."""
        keys = jax.random.split(key, 3)
        sent, waveform = self.lane.run(keys[0])
        late = _late(self.jitter, keys[1], sent.shape)
        drawn = jax.random.normal(keys[2], sent.shape)
        samples = self.equaliser.sampled(waveform, late, drawn)
        ahead = self.equaliser.equalised(samples)
        wanted = jnp.linspace(-0.5, 0.5, self.lane.pam)[sent]
        return sent, subtract_feedback(ahead, wanted, self.equaliser.feedback)


def train_receiver(
    link: OpticalLink,
    at: Conditions,
    direction: DirectionName,
    key: Key,
    loss_db: float = 0.0,
    grid: Grid = GRID,
) -> TrainedReceiver:
    """One direction of `link`, its taps and thresholds trained on a stretch.

    Taps, feedback and jitter are those of the link's equaliser; for the unlimited one
    they are `LONG`, none and none (what its `residual` stands for is simulated).
    """
    return _train_receiver(link, at, key, jnp.asarray(loss_db), direction, grid)


@functools.partial(persistent_jit, static_argnums=(4, 5), compiler_options=LEAN)
def _train_receiver(
    link: OpticalLink,
    at: Conditions,
    key: Key,
    loss_db: Scalar,
    direction: DirectionName,
    grid: Grid,
) -> TrainedReceiver:
    lane = Lane.of(link, at, direction, grid, loss_db)
    taps, past, jitter = LONG, 0, None
    if isinstance(link.equaliser, FeedForward):
        past = link.equaliser.feedback
    if isinstance(link.equaliser, FeedForward | PatternedFeedForward):
        taps = link.equaliser.taps
        samples_hz = lane.symbol_hz * grid.oversampling
        jitter = (
            link.equaliser.jitter_s * samples_hz,
            link.equaliser.even_odd_s * samples_hz,
        )
    keys = jax.random.split(key, 3)
    sent, waveform = lane.run(keys[0])
    _, clean = lane.run(keys[0], noise=False)
    equaliser = train(
        waveform,
        clean,
        sent,
        jnp.linspace(-0.5, 0.5, lane.pam),
        lane.conversion,
        _late(jitter, keys[1], sent.shape),
        jax.random.normal(keys[2], sent.shape),
        grid.oversampling,
        taps,
        past,
    )
    return TrainedReceiver(lane, equaliser, jitter)


def _late(
    jitter: tuple[Scalar, Scalar] | None, key: Key, shape: tuple[int, ...]
) -> Float[Array, " symbols"] | None:
    """How late each sample is taken, in samples."""
    if jitter is None:
        return None
    random, dirac = jax.random.split(key)
    drawn = jitter[0] * jax.random.normal(random, shape)
    return drawn + jitter[1] * jax.random.rademacher(dirac, shape, float)


def count(
    trained: TrainedReceiver, key: Key, errors: int = 200, symbols: int = 10_000_000
) -> Counted:
    """Run stretches until `errors` bits are wrong or `symbols` have been sent."""
    wrong, wrong_symbols, sent = 0, 0, 0
    while wrong < errors and sent < symbols:
        key, now = jax.random.split(key)
        bits, marks = _wrong(trained, now)
        wrong, wrong_symbols = wrong + int(bits), wrong_symbols + int(marks)
        sent += trained.lane.grid.period
    bits = round(sent * decision.BITS[trained.lane.pam])
    return Counted(wrong, bits, wrong_symbols, sent, *_wilson(wrong, bits))


def _wilson(wrong: int, bits: int) -> tuple[float, float]:
    """Between which error rates 95 % of the confidence lies [2]."""
    z2 = 1.959963984540054**2
    centre = (wrong + z2 / 2) / (bits + z2)
    spread = math.sqrt(z2 * (wrong * (bits - wrong) / bits + z2 / 4)) / (bits + z2)
    return max(centre - spread, 0.0), min(centre + spread, 1.0)


@functools.partial(persistent_jit, compiler_options=LEAN)
def _wrong(trained: TrainedReceiver, key: Key) -> tuple[Array, Array]:
    """Wrong bits and wrong symbols of a stretch."""
    sent, seen = trained.stretch(key)
    thresholds, pam = trained.equaliser.thresholds, trained.lane.pam
    decisions = jnp.searchsorted(thresholds, seen).astype(sent.dtype)
    if pam == 6:
        decisions = jnp.asarray(
            _inside(decisions.reshape(-1, 2), seen.reshape(-1, 2), thresholds)
        )
        pairs = sent.reshape(-1, 2)
        cross = jnp.asarray(CROSS)
        words = [cross[p[:, 0], p[:, 1]] for p in (pairs, decisions)]
        decisions = decisions.reshape(-1)
    else:
        words = [word ^ (word >> 1) for word in (sent, decisions)]
    wrong = jax.lax.population_count(words[0] ^ words[1])
    return jnp.sum(wrong), jnp.sum(sent != decisions)


def _inside(
    decisions: Int[Array, "pairs 2"],
    seen: Float[Array, "pairs 2"],
    thresholds: Float[Array, " gaps"],
) -> Int[Array, "pairs 2"]:
    """Pairs in a corner that is not sent, moved to the nearer neighbour."""
    outer = (decisions == 0) | (decisions == 5)
    corner = jnp.all(outer, axis=1, keepdims=True)
    beyond = jnp.where(decisions == 0, thresholds[0] - seen, seen - thresholds[-1])
    nearer = beyond == jnp.min(beyond, axis=1, keepdims=True)
    inward = jnp.where(decisions == 0, 1, 4)
    return jnp.where(corner & nearer, inward, decisions)


def waveforms(trained: TrainedReceiver, key: Key) -> Waveforms:
    """One stretch with and without noise, for an eye diagram; see `report.eye`."""
    sent, traces, means = _traces(trained, key)
    lane = trained.lane
    return Waveforms(
        np.asarray(sent),
        *(np.asarray(trace) for trace in traces),
        levels=np.asarray(means),
        thresholds=np.asarray(trained.equaliser.thresholds),
        oversampling=lane.grid.oversampling,
        swing_a=float(lane.swing_a),
        symbol_hz=float(lane.symbol_hz),
    )


@functools.partial(persistent_jit, compiler_options=LEAN)
def _traces(
    trained: TrainedReceiver, key: Key
) -> tuple[Array, tuple[Array, ...], Array]:
    lane, equaliser = trained.lane, trained.equaliser
    grid = lane.grid
    sent, noisy = lane.run(key)
    _, clean = lane.run(key, noise=False)
    # Ahead of the taps a symbol is where its largest tap takes it.
    cursor = (
        equaliser.offset + jnp.argmax(jnp.abs(equaliser.weights)) * grid.oversampling
    )
    after = [equaliser.traced(trace) for trace in (noisy, clean)]
    before = [jnp.roll(trace, -cursor) for trace in (noisy, clean)]
    is_level = jax.nn.one_hot(sent, lane.pam, dtype=noisy.dtype)
    means = after[1][:: grid.oversampling] @ is_level / jnp.sum(is_level, axis=0)
    return sent, (*before, *after), means


def simulate(
    link: OpticalLink,
    at: Conditions,
    direction: DirectionName,
    key: Key,
    errors: int = 200,
    symbols: int = 10_000_000,
    loss_db: float = 0.0,
) -> tuple[Counted, Waveforms]:
    """Counted errors and a stretch of waveform of one direction of `link`."""
    train, run, show = jax.random.split(key, 3)
    trained = train_receiver(link, at, direction, train, loss_db)
    return count(trained, run, errors, symbols), waveforms(trained, show)


@functools.partial(persistent_jit, static_argnums=(2,))
def computed(
    link: OpticalLink, at: Conditions, direction: DirectionName, loss_db: Scalar
) -> Scalar:
    """What the link's own equaliser says: log10 BER of the optics, nothing counted."""
    ends = (link.end_a, link.end_b)
    tx, rx = ends if direction == "a_to_b" else ends[::-1]
    channel = link.channel(at, tx, rx)
    transmitter, receiver = link.end(tx, at).transmitter, link.receiver(rx, at)
    slicer = channel.equaliser.equalise(transmitter, receiver, channel, link.pam)
    return slicer.log10_ber(loss_db)


def loss_to(
    link: OpticalLink, at: Conditions, direction: DirectionName, log10_ber: float
) -> float:
    """Extra optical loss (negative: more laser power) that brings `computed` there.

    NaN where the link does not get there within +-`SPAN_DB`.
    """

    def excess(loss_db: float) -> float:
        out = computed(link, at, direction, jnp.asarray(loss_db))
        return float(out) - log10_ber

    if excess(-SPAN_DB) > 0 or excess(SPAN_DB) < 0:
        return math.nan
    return float(brentq(excess, -SPAN_DB, SPAN_DB, xtol=1e-4))  # type: ignore[arg-type]
