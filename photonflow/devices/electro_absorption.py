"""Electro-absorption modulators: germanium and GeSi near their band edge."""

import math

import jax.numpy as jnp

from ..component import Scalar, Transfer, Values, param
from ..units import CHARGE_C, LIGHT_M_PER_S, PLANCK_J_S
from .modulators import (
    EXTINCTION,
    AbstractMemorylessOperation,
    AbstractModulator,
    extinction_db,
    eye,
)
from .response import from_db, one_pole, smooth_positive


BIAS_WIDTH = 1e-4  # of the reference bias
STRAY = 1e-8  # of the input light; adds 2e-7 to a level 20 dB down


class ElectroAbsorptionModulator(AbstractModulator):
    r"""A short p-i-n guide whose band edge the reverse bias pulls over the laser.

    $$ T = IL\,\Big[e^{-A(V)} + \frac{s}{1 + A(V)}\Big], \qquad
       A(V) = e^{\Delta T\,\lambda\beta / \lambda_u}
       \big[A_0 + A_r\,(V/V_r)^m\big]\,L, $$
    with the modal absorption $A_0$ unbiased and $A_r$ added at $V_r$, and a tail of
    $\lambda_u$ along which a band edge that drifts by $\lambda\beta$ per kelvin slides
    when the device is $\Delta T$ off its design temperature (Franz and Keldysh: a fit,
    no theory of the tail). Stray light, $s = 10^{-8}$ and dying slowly, is there for
    the far side of the box: behind hundreds of nepers levels and their logarithms stay
    finite and go on falling. What is absorbed becomes current, and current times bias
    is heat: `tuning_w`, for the supply that holds the bias. Left out: saturation by
    slow holes, chirp, transit time, self-heating by the photocurrent.
    """

    length_m: Scalar = param(unit="m", doc="of the absorber", low=5e-6, high=300e-6)
    drive_v: Scalar = param(unit="V", doc="peak-to-peak swing", low=0.2, high=5.0)
    bias_v: Scalar = param(
        unit="V", doc="reverse bias at the shallow end of the swing", low=0.0, high=4.0
    )
    idle_per_m: Scalar = param(
        unit="1/m", doc="modal absorption unbiased", low=1e2, high=1e5
    )
    added_per_m: Scalar = param(
        unit="1/m", doc="absorption added by the reference bias", low=1e3, high=3e5
    )
    reference_v: Scalar = param(unit="V", doc="reference bias", low=0.5, high=6.0)
    exponent: Scalar = param(unit="1", doc="of the growth with bias", low=1.0, high=4.0)
    warm_k: Scalar = param(
        unit="K", doc="above the design temperature", low=-60.0, high=80.0
    )
    drift_per_k: Scalar = param(
        unit="1/K", doc="relative red drift of the band edge", low=2e-4, high=8e-4
    )
    tail_m: Scalar = param(
        unit="m",
        doc="wavelength over which absorption falls by e",
        low=10e-9,
        high=2e-7,
    )
    collected: Scalar = param(
        unit="1", doc="electrons in the circuit per photon absorbed", low=0.1, high=1.0
    )
    capacitance_f: Scalar = param(
        unit="F", doc="of the junction", low=1e-15, high=200e-15
    )
    pad_f: Scalar = param(unit="F", doc="pad and wiring", low=1e-15, high=200e-15)
    series_ohm: Scalar = param(unit="ohm", doc="contacts", low=1.0, high=500.0)
    insertion_db: Scalar = param(
        unit="dB", doc="loss besides absorption", low=0.0, high=8.0
    )
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )

    def absorbs(self, reverse_v: Values) -> Values:
        """Nepers of power over the length at `reverse_v`; below 0 V as at 0 V."""
        x = smooth_positive(reverse_v / self.reference_v, BIAS_WIDTH) + 1e-9
        drift_m = self.warm_k * self.drift_per_k * self.wavelength_m
        warm = jnp.exp(drift_m / self.tail_m)
        return (
            warm
            * self.length_m
            * (self.idle_per_m + self.added_per_m * x**self.exponent)
        )

    def passes(self, reverse_v: Values) -> Values:
        """Transmission at `reverse_v`."""
        nepers = self.absorbs(reverse_v)
        return from_db(-self.insertion_db) * (jnp.exp(-nepers) + STRAY / (1 + nepers))

    def photocurrent_a(self, reverse_v: Values, input_w: Scalar) -> Values:
        """Current drawn from the bias supply."""
        a_per_w = CHARGE_C * self.wavelength_m / (PLANCK_J_S * LIGHT_M_PER_S)
        reaching_w = input_w * from_db(-self.insertion_db / 2)
        absorbed = -jnp.expm1(-self.absorbs(reverse_v))
        return self.collected * a_per_w * reaching_w * absorbed

    def operate(self, input_w: Scalar) -> "ElectroAbsorptionOperation":
        """The modulator at its bias; light adds photocurrent only."""
        ends_v = self.bias_v + self.drive_v * jnp.array([0.0, 1.0])
        shallow, deep = self.passes(ends_v)
        top, bottom, polarity = eye(shallow, deep)
        heat_w = ends_v * self.photocurrent_a(ends_v, input_w)
        loss = from_db(-self.insertion_db)
        return ElectroAbsorptionOperation(
            top=top,
            bottom=bottom,
            load_f=self.capacitance_f + self.pad_f,
            tuning_w=jnp.mean(heat_w),
            slacks={EXTINCTION.name: extinction_db(top / loss, bottom / loss)},
            modulator=self,
            polarity=polarity,
        )


class ElectroAbsorptionOperation(AbstractMemorylessOperation):
    """An electro-absorption modulator at work."""

    top: Scalar
    bottom: Scalar
    load_f: Scalar
    tuning_w: Scalar
    slacks: dict[str, Scalar]
    modulator: ElectroAbsorptionModulator
    polarity: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """RC of junction, pad and driver."""
        own = self.modulator
        tau_s = own.series_ohm * own.capacitance_f + source_ohm * self.load_f
        return one_pole(frequency_hz, 1 / (2 * math.pi * tau_s))

    def static(self, drive: Values) -> Values:
        """Absorption at the bias of `drive`."""
        own = self.modulator
        part = 0.5 + self.polarity * (drive - 0.5)
        return own.passes(own.bias_v + own.drive_v * part)
