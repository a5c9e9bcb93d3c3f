"""What reaches the slicer: one end's light in another end's receiver.

`Transmitter` and `Receiver` hold all that one end does to a signal, as numbers and
responses at the frequencies the equaliser asks for, whatever it is built of: a ring and
a Mach-Zehnder look alike from here, so that every direction of every optical link is
one computation. What equalises decides how the rest is computed (`equaliser`,
`pattern`).
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..component import Component, Scalar, Values
from ..devices.response import from_db
from . import decision


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
        is met: a bisection over +-`MARGIN_SPAN_DB`, Newton steps from its last bracket,
        and one more that is differentiated. A link whose ceiling lies above the
        threshold returns the end of the bracket. The three share nothing, so that a
        search, which asks for the second, compiles and runs no other.
        """

        def excess(slicer, loss_db, allowed):
            # Nearly straight in dB where the BER itself spans hundreds of decades.
            return jnp.log(-allowed) - jnp.log(-slicer.log10_ber(loss_db))

        still, allowed = jax.lax.stop_gradient((self, log10_allowed))

        def halve(bracket, _):
            low, high = bracket
            middle = (low + high) / 2
            bad = excess(still, middle, allowed) > 0
            return (jnp.where(bad, low, middle), jnp.where(bad, middle, high)), None

        span = jnp.full_like(self.levels_a[0], MARGIN_SPAN_DB)
        (low, high), _ = jax.lax.scan(halve, (-span, span), length=BISECTIONS)

        def polish(guess, _):
            value, slope = jax.jvp(
                lambda loss_db: excess(still, loss_db, allowed),
                (guess,),
                (jnp.ones_like(guess),),
            )
            slope = jnp.where(jnp.asarray(slope) > 1e-9, slope, 1.0)
            return jnp.clip(guess - value / slope, low, high), slope

        guess, slopes = jax.lax.scan(polish, (low + high) / 2, length=POLISH)
        step = excess(self, guess, log10_allowed) / slopes[-1]
        found = jnp.abs(guess) < MARGIN_SPAN_DB - 1e-2
        log10_ber, noise_share = self.error_rate(jnp.zeros_like(guess))
        return Received(
            log10_ber=log10_ber,
            log10_ber_reserve=self.log10_ber(reserve_db),
            margin_db=jnp.where(found, guess - step, jnp.sign(guess) * MARGIN_SPAN_DB),
            noise_share=noise_share,
        )


MARGIN_SPAN_DB = 40.0
BISECTIONS = 13  # 80 dB to 0.01 dB
POLISH = 3  # to 1e-5, 1e-11 and rounding


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


STRAY_A = 1e-60  # 500 dB below anything that a receiver notices


def receive(
    transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
) -> Received:
    """Error rate now and with the reserve lost, and the margin."""
    # Data of other wavelengths pass what our own pass: so much more distortion of it.
    distortion = transmitter.distortion + channel.crosstalk
    transmitter = eqx.tree_at(lambda s: s.distortion, transmitter, distortion)
    slicer = channel.equaliser.equalise(transmitter, receiver, channel, pam)
    return slicer.received(channel.reserve_db, channel.log10_allowed)
