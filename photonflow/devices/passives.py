"""Waveguides, and the glass between two ends of a link."""

import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..units import LIGHT_M_PER_S, LN10
from .response import from_db


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

    Left out: dispersion (below 2 km in the O-band).

    1. Farhood, Bhatt, Smith and Anderson 2012, IEEE 802.3bm farhood_01_1112_optx
    """

    connectors_db: Scalar = param(
        unit="dB", doc="all mated pairs and splices", low=0.0, high=10.0
    )
    fibre_db_per_m: Scalar = param(unit="dB/m", doc="attenuation", low=1e-5, high=3e-3)
    group_index: Scalar = param(unit="1", doc="group index", low=1.4, high=1.6)
    reach_m: Scalar = param(
        unit="m", doc="longest path to be designed for", low=1.0, high=2000.0
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

    def interference(self) -> Scalar:
        """Multi-path: variance over the product of a power and the mean power."""
        end, joint = from_db(-self.end_return_db), from_db(-self.return_db)
        n = self.reflections
        across = jnp.square(end) + 2 * n * end * joint
        return across + n * (n - 1) / 2 * jnp.square(joint)

    def loss_db(self, length_m: Scalar) -> Scalar:
        """Loss from end to end."""
        return self.connectors_db + self.fibre_db_per_m * length_m

    def latency_s(self, length_m: Scalar) -> Scalar:
        """Time of flight."""
        return self.group_index * length_m / LIGHT_M_PER_S


class TwinaxPath(Component):
    r"""A passive copper cable, its loss growing as $\sqrt f$ (skin effect).

    `loss` is per metre at 53.125 GHz, connectors included in `fixed`; crosstalk is an
    integrated rms at the receiver. Left out: dielectric loss, which grows as $f$.
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

    def loss_db(self, length_m: Scalar) -> Scalar:
        """Insertion loss at 53.125 GHz, die bump to die bump."""
        return self.fixed_db + self.loss_db_per_m * length_m

    def latency_s(self, length_m: Scalar) -> Scalar:
        """Time of flight."""
        return self.velocity_index * length_m / LIGHT_M_PER_S
