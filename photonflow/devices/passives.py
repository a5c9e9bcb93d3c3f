"""Waveguides of rings, and the glass or copper between two ends of a link."""

import abc
import math

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, Transfer, Values, param
from ..units import LIGHT_M_PER_S, LN10
from .response import REFERENCE_HZ, complex_, from_db, power_law, smooth_positive


PAIR_WIDTH = 0.02  # connectors; leaves 0.007 of a pair at one, nothing from two on


class RibWaveguide(Component):
    r"""A silicon guide as a ring needs it: index, mode, loss, and coupling to another.

    Bend loss falls exponentially, $\alpha_b(R) = \alpha_{b0} e^{-R/R_0}$, and the
    splitting of two guides a gap $g$ apart as $\Delta n_0 e^{-\gamma g}$. All values
    belong to one cross-section at one wavelength. Left out: their dispersion.
    """

    group_index: Scalar = param(unit="1", doc="group index", low=3.5, high=4.6)
    mode_width_m: Scalar = param(
        unit="m", doc="inverse peak density of the mode", low=150e-9, high=600e-9
    )
    confinement: Scalar = param(
        unit="1", doc="d n_eff / d n of the whole core", low=0.4, high=1.3
    )
    scatter_db_per_m: Scalar = param(
        unit="dB/m", doc="loss of the straight undoped guide", low=20.0, high=2000.0
    )
    bend_db_per_m: Scalar = param(
        unit="dB/m", doc="bend loss as R goes to 0", low=1.0, high=1e7
    )
    bend_decay_m: Scalar = param(
        unit="m", doc="radius over which bend loss falls by e", low=0.2e-6, high=2e-6
    )
    splitting: Scalar = param(
        unit="1", doc="index splitting of two guides at zero gap", low=0.05, high=0.6
    )
    splitting_decay_per_m: Scalar = param(
        unit="1/m", doc="decay of the splitting with the gap", low=5e6, high=1.6e7
    )

    def loss_per_m(self, radius_m: Scalar) -> Scalar:
        """Power loss of a bend of `radius_m`, carriers excluded, 1/m."""
        bend = self.bend_db_per_m * jnp.exp(-radius_m / self.bend_decay_m)
        return (self.scatter_db_per_m + bend) * (LN10 / 10)


class ChromaticDispersion(Component):
    r"""Of single-mode fibre around its zero: $D = \frac{S_0}{4}(\lambda -
    \lambda_0^4 / \lambda^3)$, ITU-T G.652, valid from 1260 to 1625 nm.

    The standard bounds the zero (1300 to 1324 nm) and the slope (up to
    0.092 ps/nm^2/km); the worst fibre of a wavelength has its zero at the far end.
    """

    zero_m: Scalar = param(
        unit="m", doc="wavelength of zero dispersion", low=1.29e-6, high=1.33e-6
    )
    slope_s_per_m3: Scalar = param(
        unit="s/m^3", doc="slope at the zero", low=60.0, high=110.0
    )

    def s_per_m2(self, wavelength_m: Values) -> Values:
        """D at a wavelength; 1e-6 s/m^2 is 1 ps/nm/km."""
        beyond = wavelength_m - self.zero_m**4 / wavelength_m**3
        return self.slope_s_per_m3 / 4 * beyond

    def transfer(
        self, frequency_hz: Values, wavelength_m: Scalar, length_m: Scalar
    ) -> Transfer:
        r"""What is left of an intensity tone, $\cos(\pi\lambda^2 D L f^2 / c)$ [1].

        Both sidebands of a modulator without chirp, small signals, direct detection.
        Near its first null (0.8 rad and beyond) large signals beat among themselves and
        the form fails. Left out: chirp, polarisation-mode dispersion, the delay itself.

        1. Wang and Petermann 1992, doi:10.1109/50.108743
        """
        spread = wavelength_m**2 * self.s_per_m2(wavelength_m) * length_m
        phase = math.pi / LIGHT_M_PER_S * spread * jnp.square(frequency_hz)
        return complex_(jnp.cos(phase), jnp.zeros_like(phase))


class FibrePath(Component):
    r"""Single-mode fibre and its connectors between two ends.

    *Multi-path interference.* Light reflected twice arrives late and out of phase. A
    pair of reflections $R_i, R_j$ adds the beat $2\sqrt{R_i R_j P\,P'}\cos\phi$ to the
    power $P$, with $P'$ the power sent a round trip earlier and as far as the
    polarisations agree. Over all phases and polarisations its variance is
    $$ \sigma^2 = P \bar P \sum_{i<j} R_i R_j , $$
    twice that with polarisations aligned. The pairs are those of two ends and so many
    connectors, the loss between them ignored. It counts as a Gaussian of that variance;
    the beat is bounded and slow, so that a link at its worst phase sees more than this
    for a while, which is what the bounds of the standards are about [1].

    Left out: without `dispersion` also that, which is right below some 2 km near
    1310 nm.

    1. Farhood, Bhatt, Smith and Anderson 2012, IEEE 802.3bm farhood_01_1112_optx
    """

    connectors_db: Scalar = param(
        unit="dB", doc="all mated pairs and splices", low=0.0, high=10.0
    )
    fibre_db_per_m: Scalar = param(unit="dB/m", doc="attenuation", low=1e-5, high=3e-3)
    group_index: Scalar = param(unit="1", doc="group index", low=1.4, high=1.6)
    reach_m: Scalar = param(
        unit="m", doc="longest path to be designed for", low=1.0, high=1e4
    )
    end_return_db: Scalar = param(
        unit="dB", doc="return loss of transmitter and receiver", low=14.0, high=80.0
    )
    return_db: Scalar = param(
        unit="dB", doc="return loss of every connector", low=20.0, high=80.0
    )
    reflections: Scalar = param(
        unit="1", doc="connectors that reflect", low=0.0, high=12.0
    )
    dispersion: ChromaticDispersion | None = None

    def interference(self) -> Scalar:
        """Multi-path: variance over the product of a power and the mean power."""
        end, joint = from_db(-self.end_return_db), from_db(-self.return_db)
        n = self.reflections
        across = jnp.square(end) + 2 * n * end * joint
        # Between no connector and one n (n - 1) / 2 would fall below no pair at all.
        pairs = n * smooth_positive(n - 1, PAIR_WIDTH) / 2
        return across + pairs * jnp.square(joint)

    def loss_db(self, length_m: Scalar) -> Scalar:
        """Loss from end to end."""
        return self.connectors_db + self.fibre_db_per_m * length_m

    def latency_s(self, length_m: Scalar) -> Scalar:
        """Time of flight."""
        return self.group_index * length_m / LIGHT_M_PER_S

    def transfer(
        self, frequency_hz: Values, wavelength_m: Scalar, length_m: Scalar
    ) -> Transfer:
        """What dispersion does to an intensity tone, loss apart."""
        if self.dispersion is None:
            return complex_(jnp.ones_like(frequency_hz), 0.0)
        return self.dispersion.transfer(frequency_hz, wavelength_m, length_m)


class AbstractCopperPath(Component):
    """A passive electrical path between two SerDes, die bump to die bump.

    Losses are at 53.125 GHz; crosstalk is an integrated rms at the receiver.
    """

    loss_db_per_m: eqx.AbstractVar[Scalar]
    fixed_db: eqx.AbstractVar[Scalar]
    crosstalk_v: eqx.AbstractVar[Scalar]
    velocity_index: eqx.AbstractVar[Scalar]
    reach_m: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def exponent(self) -> Scalar:
        """Growth of the loss with frequency."""

    def loss_db(self, length_m: Scalar) -> Scalar:
        """Insertion loss at 53.125 GHz, die bump to die bump."""
        return self.fixed_db + self.loss_db_per_m * length_m

    def latency_s(self, length_m: Scalar) -> Scalar:
        """Time of flight."""
        return self.velocity_index * length_m / LIGHT_M_PER_S

    def transfer(self, frequency_hz: Values, length_m: Scalar) -> Transfer:
        """Loss and its causal phase, without the delay."""
        ratio = frequency_hz / REFERENCE_HZ
        return power_law(ratio, self.loss_db(length_m), self.exponent())


class TwinaxPath(AbstractCopperPath):
    r"""A passive copper cable, its loss growing as $\sqrt f$ (skin effect).

    Connectors and both hosts are in `fixed`. Left out: dielectric loss, which grows
    as $f$, and the boards' own.
    """

    loss_db_per_m: Scalar = param(
        unit="dB/m", doc="insertion loss at 53.125 GHz", low=2.0, high=20.0
    )
    fixed_db: Scalar = param(
        unit="dB", doc="connectors and both hosts, 53.125 GHz", low=0.0, high=40.0
    )
    crosstalk_v: Scalar = param(
        unit="V", doc="integrated crosstalk, rms at the receiver", low=1e-5, high=5e-3
    )
    velocity_index: Scalar = param(unit="1", doc="c over velocity", low=1.1, high=2.2)
    reach_m: Scalar = param(
        unit="m", doc="longest path to be designed for", low=0.1, high=10.0
    )

    def exponent(self) -> Scalar:
        """Skin effect."""
        return jnp.asarray(0.5)


class BoardPath(AbstractCopperPath):
    r"""Traces of a printed board between two packages, its loss growing as $f^m$.

    Packages, vias and sockets are in `fixed`. Left out: reflections at the vias, the
    weave of the glass.
    """

    loss_db_per_m: Scalar = param(
        unit="dB/m", doc="insertion loss at 53.125 GHz", low=20.0, high=200.0
    )
    fixed_db: Scalar = param(
        unit="dB", doc="both packages and vias, 53.125 GHz", low=0.0, high=40.0
    )
    crosstalk_v: Scalar = param(
        unit="V", doc="integrated crosstalk, rms at the receiver", low=1e-5, high=5e-3
    )
    velocity_index: Scalar = param(unit="1", doc="c over velocity", low=1.1, high=2.5)
    reach_m: Scalar = param(
        unit="m", doc="longest path to be designed for", low=0.01, high=2.0
    )
    growth: Scalar = param(
        unit="1", doc="0.5 skin effect, 1 dielectric", low=0.5, high=1.2
    )

    def exponent(self) -> Scalar:
        """Between skin effect and dielectric loss."""
        return self.growth
