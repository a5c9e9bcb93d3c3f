r"""Data converters: between numbers and volts, at the clock or to hold.

What the best published analogue-to-digital converters need is bounded by two envelopes
over the rate of samples $f$ [1]: the energy per conversion step (Walden) and, where
noise sets it, the figure of merit of Schreier,
$$ \mathrm{FoM}_W = 0.669\,\mathrm{fJ}\,\sqrt{1 + (f / 1.221\,\mathrm{GHz})^2}, \qquad
   \mathrm{FoM}_S = 186.72\,\mathrm{dB}
     - 10\log_{10}\sqrt{1 + (f / 51.44\,\mathrm{MHz})^2} . $$
They follow single best parts of their year: a bound, not a design.

1. Murmann, ADC performance survey 1997-2025, revision 2025-06-09
"""

import jax.numpy as jnp

from ..component import Component, Scalar, Values, param


def effective_bits(sndr_db: Values) -> Values:
    """Bits of the ideal quantiser with this signal to noise and distortion."""
    return (sndr_db - 1.76) / 6.02


def walden_envelope_j(clock_hz: Values) -> Values:
    """Least published energy per conversion step at `clock_hz` samples a second."""
    return 0.669e-15 * jnp.sqrt(1 + jnp.square(clock_hz / 1.221e9))


def schreier_envelope_db(clock_hz: Values) -> Values:
    """Best published Schreier figure of merit at `clock_hz` samples a second, dB."""
    return 186.723 - 5 * jnp.log10(1 + jnp.square(clock_hz / 51.440927e6))


def sampling_floor_w(sndr_db: Values, clock_hz: Values) -> Values:
    r"""Least power of a converter: the larger of what both envelopes ask.

    $P_W = \mathrm{FoM}_W 2^b f$ and
    $P_S = \tfrac f2\,10^{(SNDR - \mathrm{FoM}_S)/10}$; they cross at 12 bits at
    low rates and 7.5 bits at 100 GS/s. A kinked bound for checks, not for a search.
    """
    walden_w = walden_envelope_j(clock_hz) * 2.0 ** effective_bits(sndr_db) * clock_hz
    excess_db = sndr_db - schreier_envelope_db(clock_hz)
    return jnp.maximum(walden_w, clock_hz / 2 * 10.0 ** (excess_db / 10))


def receiver_floor_j_per_bit(
    sndr_db: Values, symbol_hz: Values, bits_per_symbol: float
) -> Values:
    """Least converter energy of a receiver with one sample a symbol, per line bit."""
    return sampling_floor_w(sndr_db, symbol_hz) / (symbol_hz * bits_per_symbol)


class DigitalToAnalogue(Component):
    r"""A converter ahead of an input modulator, one sample per clock.

    $P = P_r\,\frac{2^b / b}{2^{b_r} / b_r}\,\frac{f}{f_r}$ from a reference design: the
    scaling of the Lightening-Transformer simulator [1]. Noise follows the *effective*
    bits, `lost_bits` below the nominal ones that set the watts. Left out: the floor of
    leakage at low clocks, the drop of the lost bits with frequency.

    1. Zhu et al. 2024, arXiv:2305.19533 (its public simulator)
    """

    bits: Scalar = param(unit="1", doc="nominal resolution", low=2.0, high=14.0)
    lost_bits: Scalar = param(
        unit="1", doc="nominal less effective bits", low=0.0, high=4.0
    )
    reference_w: Scalar = param(
        unit="W", doc="power of the reference design", low=1e-4, high=2.0
    )
    reference_bits: Scalar = param(
        unit="1", doc="nominal bits of the reference design", low=2.0, high=14.0
    )
    reference_clock_hz: Scalar = param(
        unit="Hz", doc="sample rate of the reference design", low=1e8, high=2e11
    )

    def effective_bits(self) -> Scalar:
        """Bits of the ideal quantiser with the same noise."""
        return self.bits - self.lost_bits

    def power_w(self, clock_hz: Scalar) -> Scalar:
        """Supply power at `clock_hz` samples a second, whatever the data."""
        levels = 2.0 ** (self.bits - self.reference_bits)
        scale = levels * self.reference_bits / self.bits
        return self.reference_w * scale * clock_hz / self.reference_clock_hz


class AnalogueToDigital(Component):
    r"""A converter behind a receiver, one sample per clock.

    $P = \mathrm{FoM}_W\, 2^{b_{eff}} f$ (Walden), with the same *effective* bits that
    set the noise. Scaling an 8-bit part by its nominal bits, $P \propto b f$, would
    make bits nearly free. Left out: the noise-limited law (Schreier,
    $P \propto 4^{b_{eff}}$), which takes over above about 9 bits.
    """

    effective_bits: Scalar = param(
        unit="1", doc="effective bits up to half the clock", low=2.0, high=10.0
    )
    walden_j: Scalar = param(
        unit="J", doc="energy per conversion step", low=1e-15, high=1e-12
    )

    def power_w(self, clock_hz: Scalar) -> Scalar:
        """Supply power at `clock_hz` samples a second, whatever the data."""
        return self.walden_j * 2.0**self.effective_bits * clock_hz


class HoldConverter(Component):
    r"""One channel of the converters that set and hold the phases of a mesh.

    Its range is one turn of phase, $2\pi$, in $2^b$ uniform steps. `set` is spent by
    the electronics when a new value is written, the load's own charge apart; `hold` as
    long as the mesh is powered. Left out: noise and droop of what is held.
    """

    bits: Scalar = param(
        unit="1", doc="effective resolution of a turn", low=2.0, high=18.0
    )
    swing_v: Scalar = param(
        unit="V", doc="largest voltage of either sign", low=0.5, high=100.0
    )
    hold_w: Scalar = param(unit="W", doc="one channel, idle", low=1e-9, high=1e-1)
    set_j: Scalar = param(
        unit="J", doc="to write one value, without the load", low=1e-15, high=1e-8
    )
