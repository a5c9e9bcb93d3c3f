"""What reaches the slicer: one end's light in another end's receiver.

`Transmitter` and `Receiver` hold all that one end does to a signal, as numbers and
responses at the frequencies the equaliser asks for, whatever it is built of: a ring and
a Mach-Zehnder look alike from here, so that every direction of every optical link is
one computation. What equalises decides how the rest is computed (`equaliser`,
`pattern`).
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..component import Component, Scalar, Values
from ..devices.response import from_db
from . import decision


STRAY_A = 1e-60  # 500 dB below anything that a receiver notices


class Transmitter(eqx.Module):
    """One lane of an end's transmitter."""

    top_w: Scalar
    """highest level in the fibre"""
    bottom_w: Scalar
    transfer: Complex[Array, " nodes"]
    """from symbols to light"""
    chip: Complex[Array, " nodes"]
    """the part of `transfer` ahead of the driver's input"""
    rin_per_hz: Scalar
    distortion: Scalar
    """sent noise and distortion over the variance of the signal"""
    driver_v2: Scalar
    """noise at the driver's input, in the Nyquist band, over the square of its swing"""
    light: Float[Array, " samples"] | None = None
    """of the periodic pattern, 0 at the lowest static level and 1 at the highest"""


class Receiver(eqx.Module):
    """One lane of an end's receiver."""

    a_per_w: Scalar
    """photocurrent per watt in the fibre"""
    dark_a: Scalar
    thermal_a2_per_hz: Scalar
    photodiode: Complex[Array, " nodes"]
    """up to the amplifier's input"""
    amplifier: Complex[Array, " nodes"]
    """of the amplifier and the trace behind it"""
    front: Complex[Array, " nodes"]
    """of the front end ahead of the converter"""
    input_per_hz: Scalar
    """noise density at the front end over the square of the swing there"""
    peaking_db: Scalar
    conversion: Scalar
    """converter noise over the variance of the signal"""


class Channel(eqx.Module):
    """What lies between, what equalises, and what the slicer must keep."""

    equaliser: "AbstractEqualiser"
    loss_db: Scalar
    interference: Scalar
    """multi-path: variance over the product of a level and the mean level"""
    crosstalk: Scalar
    """data of other wavelengths over the variance of the signal"""
    reserve_db: Scalar
    symbol_hz: Scalar
    log10_allowed: Scalar
    """BER left to the optics by the electrical segments"""


class Received(eqx.Module):
    """The optical segment of one direction."""

    log10_ber: Scalar
    log10_ber_reserve: Scalar
    margin_db: Scalar
    noise_share: dict[str, Scalar]


class AbstractSlicer(eqx.Module):
    """The end of one direction: photocurrents, and how often they are mistaken."""

    levels_a: eqx.AbstractVar[Float[Array, " levels"]]
    """photocurrent of every static level, lowest first"""

    @abc.abstractmethod
    def error_rate(self, loss_db: Scalar) -> tuple[Scalar, dict[str, Scalar]]:
        """log10 BER behind `loss_db` more of optical loss, equalised anew.

        And the share of each noise in the variance of the noisiest level there.
        """

    def log10_ber(self, loss_db: Scalar) -> Scalar:
        """Error rate behind more loss."""
        return self.error_rate(loss_db)[0]

    def received(self, reserve_db: Scalar, log10_allowed: Scalar) -> "Received":
        """As it is, with the reserve lost, and the margin.

        The margin is the extra optical loss (negative: gain) at which `log10_allowed`
        is met; +-`MARGIN_SPAN_DB` where that is farther away, or nowhere, because the
        ceiling of a link lies above the threshold. What is with the reserve lost needs
        nothing of the rest, so that a search, which asks for it, compiles no other.
        """
        log10_ber, noise_share = _error_rate(self, jnp.zeros_like(reserve_db))
        log10_ber_reserve = _error_rate(self, reserve_db)[0]
        known = (
            jnp.stack([jnp.zeros_like(reserve_db), reserve_db]),
            jnp.stack(
                [_excess(ber, log10_allowed) for ber in (log10_ber, log10_ber_reserve)]
            ),
        )
        return Received(
            log10_ber=log10_ber,
            log10_ber_reserve=log10_ber_reserve,
            margin_db=_margin_db(self, log10_allowed, jax.lax.stop_gradient(known)),
            noise_share=noise_share,
        )


@jax.jit
def _error_rate(
    slicer: AbstractSlicer, loss_db: Scalar
) -> tuple[Scalar, dict[str, Scalar]]:
    return slicer.error_rate(loss_db)


def _excess(log10_ber: Scalar, log10_allowed: Scalar) -> Scalar:
    """Of an error rate over the allowed one, > 0 where it is too high.

    Nearly straight in dB of loss, where the BER itself spans hundreds of decades.
    """
    return jnp.log(-log10_allowed) - jnp.log(-log10_ber)


MARGIN_SPAN_DB = 40.0
TRIPS = 30  # at most; eight where nothing is odd
STEP_DB = 1e-6  # of a last step, whose end is nearer by orders of magnitude
EXACT = 1e-9  # excess of a loss that is a root already


@jax.custom_jvp
def _margin_db(
    slicer: AbstractSlicer, log10_allowed: Scalar, known: tuple[Array, Array]
) -> Scalar:
    """Loss at which the excess is 0, from two losses and their excess.

    Inverse interpolation through the last three losses. Where that leaves the bracket
    the end of the span is tried, and where it hardly gains the middle of the bracket.
    """
    losses, values = known
    span = jnp.full_like(log10_allowed, MARGIN_SPAN_DB)
    low = jnp.max(jnp.where(values < 0, losses, -span))
    high = jnp.min(jnp.where(values < 0, span, losses))
    untried = jnp.stack([jnp.all(values >= 0), jnp.all(values < 0)])

    def next_loss(low: Any, high: Any, untried, losses, values) -> Any:
        found: Any = _interpolated(losses, values)
        inside = (found > low) & (found < high)
        gained = jnp.abs(values[0]) < jnp.abs(values[1]) / 2
        middle = jnp.where(gained & inside, found, (low + high) / 2)
        end = jnp.where(untried[0], low, high)
        return jnp.where(jnp.any(untried), jnp.where(inside, found, end), middle)

    def unsettled(state):
        trip, moved, *_ = state
        return (trip < TRIPS) & (jnp.abs(moved) > STEP_DB)

    def step(state: Any) -> Any:
        trip, _, loss, low, high, untried, losses, values = state
        value: Any = _excess(_error_rate(slicer, loss)[0], log10_allowed)
        low = jnp.where(value < 0, loss, low)
        high = jnp.where(value < 0, high, loss)
        at_end = jnp.stack([low <= -span, high >= span]) & (jnp.abs(loss) < span)
        untried = untried & at_end
        losses = jnp.concatenate([loss[None], losses[:2]])
        values = jnp.concatenate([value[None], values[:2]])
        new = next_loss(low, high, untried, losses, values)
        return trip + 1, new - loss, new, low, high, untried, losses, values

    thrice = losses[jnp.array([1, 0, 0])], values[jnp.array([1, 0, 0])]
    first = next_loss(low, high, untried, *thrice)
    # A drive that was set to keep an error rate has its root among the known losses.
    exact = jnp.abs(values) < EXACT
    first = jnp.where(jnp.any(exact), losses[jnp.argmax(exact)], first)
    moved = jnp.where(jnp.any(exact), 0.0, span)
    state = (0, moved, first, low, high, untried, *thrice)
    return jax.lax.while_loop(unsettled, step, state)[2]


@_margin_db.defjvp
def _margin_db_jvp(primals: tuple, tangents: tuple) -> tuple[Scalar, Scalar]:
    """The implicit derivative; 0 at an end of the span."""
    slicer, log10_allowed, _ = primals
    margin_db = _margin_db(*primals)

    def excess(slicer, loss_db, log10_allowed):
        return _excess(_error_rate(slicer, loss_db)[0], log10_allowed)

    at = (slicer, margin_db, log10_allowed)
    moved: Any
    slope: Any
    _, moved = jax.jvp(
        excess, at, (tangents[0], jnp.zeros_like(margin_db), tangents[1])
    )
    still = jax.lax.stop_gradient(at)
    one = jnp.ones_like(margin_db)
    _, slope = jax.jvp(lambda x: excess(still[0], x, still[2]), (still[1],), (one,))
    inside = (jnp.abs(margin_db) < MARGIN_SPAN_DB) & (slope > 1e-9)
    safe: Any = jnp.where(inside, slope, 1.0)
    return margin_db, -moved * jnp.where(inside, 1 / safe, 0.0)


def _interpolated(
    losses: Float[Array, " three"], values: Float[Array, " three"]
) -> Scalar:
    """Where the parabola of losses over values is at 0; a line through two points."""
    a, b, c = values
    line = losses[0] - a * (losses[1] - losses[0]) / (b - a)
    bent = (losses[2] - losses[1]) / (c - b) - (losses[1] - losses[0]) / (b - a)
    curved = line + a * b * bent / (c - a)
    return jnp.where(jnp.isfinite(curved), curved, line)


class AbstractEqualiser(Component):
    """What stands between the converter and the slicer of a receiver."""

    @abc.abstractmethod
    def frequencies_hz(self, symbol_hz: Scalar, pam: int) -> Values:
        """Where the responses of both ends are wanted."""

    @abc.abstractmethod
    def symbols(self, pam: int) -> np.ndarray | None:
        """Periodic pattern whose light is wanted, levels counted from 0, if any."""

    @abc.abstractmethod
    def equalise(
        self, transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
    ) -> AbstractSlicer:
        """The slicer behind this equaliser."""


def levels_a(
    transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
) -> Float[Array, " levels"]:
    """Photocurrent of every static level, lowest first, at least `STRAY_A` apart.

    Rings out of their range and long guides dim light by thousands of dB, more than a
    floating number holds; noise over the swing squared has to stay one.
    """
    scale = receiver.a_per_w * from_db(-channel.loss_db)
    top_a, bottom_a = scale * transmitter.top_w + STRAY_A, scale * transmitter.bottom_w
    return decision.pam_levels(top_a, bottom_a, pam)


def receive(
    transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
) -> Received:
    """Error rate now and with the reserve lost, and the margin."""
    # Data of other wavelengths pass what our own pass: so much more distortion of it.
    distortion = transmitter.distortion + channel.crosstalk
    transmitter = eqx.tree_at(lambda s: s.distortion, transmitter, distortion)
    slicer = channel.equaliser.equalise(transmitter, receiver, channel, pam)
    return slicer.received(channel.reserve_db, channel.log10_allowed)
