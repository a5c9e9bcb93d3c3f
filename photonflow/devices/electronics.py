"""Electronics of a port: SerDes, retiming DSP, host trace, housekeeping."""

import equinox as eqx

from ..component import Component, Scalar, Transfer, Values, param
from .response import REFERENCE_HZ as REFERENCE_HZ
from .response import butterworth2, from_db, power_law, smooth_positive, to_db


class SerDes(Component):
    """A full-duplex electrical PHY of one reach class (LR, VSR, XSR), Tx and Rx.

    `energy` is Tx plus Rx watts over the rate of one direction, counted once per
    interface. What it does to the signal: distortion on sending, the noise density at
    its input, and the noise of its converter. An analogue equaliser ahead of the
    converter undoes up to `peaking` dB of loss at the Nyquist frequency (in
    proportion to frequency); what loss is left, the digital equaliser undoes together
    with the converter's noise. Left out: jitter as a separate term, skew of lanes.
    """

    energy_j_per_bit: Scalar = param(
        unit="J/bit",
        doc="Tx and Rx watts over one-direction rate",
        low=1e-14,
        high=3e-11,
    )
    transmit_snr_db: Scalar = param(
        unit="dB", doc="signal to noise and distortion sent", low=15.0, high=60.0
    )
    receive_snr_db: Scalar = param(
        unit="dB", doc="converter signal to noise and distortion", low=15.0, high=60.0
    )
    peaking_db: Scalar = param(
        unit="dB", doc="analogue boost at the Nyquist frequency", low=0.0, high=25.0
    )
    noise_v2_per_hz: Scalar = param(
        unit="V^2/Hz", doc="input noise density, one-sided", low=1e-19, high=1e-15
    )
    swing_v: Scalar = param(
        unit="V", doc="differential peak-to-peak sent", low=0.2, high=1.5
    )
    bandwidth_hz: Scalar = param(
        unit="Hz", doc="of the analogue front ends", low=10e9, high=150e9
    )
    latency_s: Scalar = param(
        unit="s", doc="Tx plus Rx, equaliser included", low=1e-10, high=1e-6
    )

    def transfer(self, frequency_hz: Values) -> Transfer:
        """One analogue front end."""
        return butterworth2(frequency_hz, self.bandwidth_hz)


def analogue(response: Values, peaking_db: Scalar, nyquist: Values) -> Values:
    """|H|^2 at the converter for `response` ahead, `nyquist` = f over Nyquist.

    The boost never exceeds the loss; the two meet with a corner 0.5 dB wide.
    """
    left_db = -to_db(response) - peaking_db * nyquist
    return from_db(-smooth_positive(left_db, 0.5))


class Trace(Component):
    r"""Copper between a chip and what it drives: loss at 53.125 GHz, $\propto f^m$."""

    loss_db: Scalar = param(
        unit="dB", doc="bump to bump at 53.125 GHz", low=0.0, high=40.0
    )
    exponent: Scalar = param(
        unit="1", doc="0.5 skin effect, 1 dielectric", low=0.4, high=1.2
    )

    def transfer(self, frequency_hz: Values) -> Transfer:
        """Loss and its causal phase; a floor of -300 dB keeps a dead trace finite."""
        return power_law(frequency_hz / REFERENCE_HZ, self.loss_db, self.exponent)


class Dsp(Component):
    """Retiming DSP of a pluggable module, host side and line side.

    `host_energy` is the part spent on the SerDes that faces the host. Its line side
    sends and receives like a `SerDes`, next to the driver and the TIA. A half-retimed
    module (TRO) retimes what it sends only: then `receives` is false, its watts are
    those of one direction (still over the rate of one direction), and from the TIA to
    the host the module is linear.
    """

    line: SerDes
    host_energy_j_per_bit: Scalar = param(
        unit="J/bit", doc="host-side SerDes of the DSP", low=1e-14, high=1e-11
    )
    host_log10_ber: Scalar = param(
        unit="1", doc="log10 BER the electrical segments add", low=-20.0, high=-3.0
    )
    receives: bool = eqx.field(static=True, default=True)


class Housekeeping(Component):
    """Controller of a module or engine, and efficiency of its power converters."""

    control_w: Scalar = param(
        unit="W", doc="controller, monitors, sensors of one end", low=1e-3, high=5.0
    )
    conversion: Scalar = param(
        unit="1", doc="efficiency of the converters inside", low=0.6, high=1.0
    )
