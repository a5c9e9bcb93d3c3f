"""What reaches the slicer: one end's light in another end's receiver.

`Sender` and `Taker` hold all that one end does to a signal, as numbers and responses
at the quadrature frequencies, whatever it is built of: a ring and a Mach-Zehnder look
alike from here, so that every direction of every optical link is one computation.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..component import Scalar
from ..devices.electronics import analogue
from ..devices.response import from_db, power
from . import signal


class Sender(eqx.Module):
    """One lane of an end's transmitter."""

    top_w: Scalar
    """highest level in the fibre"""
    bottom_w: Scalar
    transfer: Complex[Array, " nodes"]
    """from symbols to light"""
    rin_per_hz: Scalar
    distortion: Scalar
    """sent noise and distortion over the variance of the signal"""
    driver_v2: Scalar
    """noise at the driver's input over the square of its swing"""


class Taker(eqx.Module):
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
    """What lies between, and what the slicer must keep."""

    loss_db: Scalar
    reserve_db: Scalar
    symbol_hz: Scalar
    residual: Scalar
    """residual ISI and jitter over the variance of the signal"""
    log10_allowed: Scalar
    """BER left to the optics by the electrical segments"""


class Received(eqx.Module):
    """The optical segment of one direction."""

    log10_ber: Scalar
    log10_ber_reserve: Scalar
    margin_db: Scalar
    noise_share: dict[str, Scalar]


def at_slicer(
    sender: Sender, taker: Taker, channel: Channel, pam: int
) -> tuple[signal.Noise, Float[Array, " levels"]]:
    """Every noise and the photocurrent of every level, lowest first."""
    band_hz = channel.symbol_hz / 2
    input_a = sender.transfer * taker.photodiode
    output_v = input_a * taker.amplifier
    at_light = signal.enhancement(power(sender.transfer))
    nyquist = jnp.asarray(signal.NODES)
    at_converter = analogue(power(output_v * taker.front), taker.peaking_db, nyquist)
    variance = signal.mean_square(pam)
    noise = signal.Noise(
        thermal_a2=taker.thermal_a2_per_hz
        * band_hz
        * signal.enhancement(power(input_a)),
        shot_a=signal.shot_a(channel.symbol_hz, at_light),
        dark_a=taker.dark_a,
        rin=sender.rin_per_hz * band_hz * at_light,
        relative={
            "transmitter": variance * sender.distortion,
            "driver": sender.driver_v2,
            "phy_input": taker.input_per_hz
            * band_hz
            * signal.enhancement(power(output_v)),
            "converter": variance * taker.conversion * signal.enhancement(at_converter),
            "residual": variance * channel.residual,
        },
    )
    scale = taker.a_per_w * from_db(-channel.loss_db)
    levels_a = signal.pam_levels(scale * sender.top_w, scale * sender.bottom_w, pam)
    return noise, levels_a


def receive(sender: Sender, taker: Taker, channel: Channel, pam: int) -> Received:
    """Error rate now and with the reserve lost, and the margin."""
    noise, levels_a = at_slicer(sender, taker, channel, pam)

    def behind(loss_db: Scalar) -> Array:
        return jnp.asarray(noise.log10_ber(levels_a * from_db(-loss_db)))

    log10_ber = jax.vmap(behind)(jnp.array([0.0, 1.0]) * channel.reserve_db)
    return Received(
        log10_ber=log10_ber[0],
        log10_ber_reserve=log10_ber[1],
        margin_db=noise.margin_db(levels_a, channel.log10_allowed),
        noise_share=noise.shares(levels_a),
    )
