"""What light passes between a fibre and a device: a sum of named losses."""

import math

import jax.numpy as jnp

from ..component import Component, Scalar, param


class FibreCoupler(Component):
    """Edge or grating coupler between a fibre and a guide, at its best wavelength.

    Off the centre a Gaussian passband of full width `bandwidth` at 1 dB is lost; that
    of an edge coupler is wide. Left out: polarisation, reflection, misalignment as a
    separate term (in `insertion`).
    """

    insertion_db: Scalar = param(
        unit="dB", doc="loss at the centre, fibre to guide", low=0.1, high=8.0
    )
    centre_m: Scalar = param(
        unit="m", doc="wavelength of least loss", low=0.8e-6, high=1.7e-6
    )
    bandwidth_m: Scalar = param(
        unit="m", doc="full width at 1 dB below the peak", low=5e-9, high=1e-6
    )

    def loss_db(self, wavelength_m: Scalar) -> Scalar:
        """Loss at a wavelength."""
        off = 2 * (wavelength_m - self.centre_m) / self.bandwidth_m
        return self.insertion_db + jnp.square(off)


class Splitter(Component):
    r"""One guide into N equal ones: $10\log_{10} N$ and an excess for each doubling.

    Left out: imbalance, reflection.
    """

    ways: Scalar = param(unit="1", doc="outputs", low=1.0, high=64.0, whole=True)
    excess_db: Scalar = param(
        unit="dB", doc="beyond the split, each doubling", low=0.0, high=1.5
    )

    def loss_db(self) -> Scalar:
        """From the input to one output."""
        doublings = jnp.log2(self.ways)
        return doublings * (10 * math.log10(2) + self.excess_db)


class ChipPath(Component):
    """Guides, bends, crossings, a split and the coupler between fibre and device.

    All of one cross-section. As the `route` of a port it has no coupler: the port's
    own `coupler_out` and `coupler_receive` are that. Left out: reflections, mode
    conversion, two-photon absorption (below some 20 dBm in a silicon guide).
    """

    coupler: FibreCoupler | None
    splitter: Splitter | None
    length_m: Scalar = param(unit="m", doc="routed guide", low=1e-5, high=0.5)
    guide_db_per_m: Scalar = param(
        unit="dB/m", doc="propagation loss", low=0.1, high=1000.0
    )
    bends: Scalar = param(unit="1", doc="quarter turns", low=0.0, high=100.0)
    bend_db: Scalar = param(
        unit="dB", doc="beyond the guide's, each quarter turn", low=0.0, high=0.5
    )
    crossings: Scalar = param(unit="1", doc="guides crossed", low=0.0, high=100.0)
    crossing_db: Scalar = param(unit="dB", doc="each crossing", low=0.0, high=1.0)

    def losses_db(self, wavelength_m: Scalar) -> dict[str, Scalar]:
        """Every loss by name."""
        split = coupled = jnp.zeros(())
        if self.splitter is not None:
            split = self.splitter.loss_db()
        if self.coupler is not None:
            coupled = self.coupler.loss_db(wavelength_m)
        return {
            "coupler": coupled,
            "splitter": split,
            "guide": self.guide_db_per_m * self.length_m,
            "bends": self.bends * self.bend_db,
            "crossings": self.crossings * self.crossing_db,
        }

    def loss_db(self, wavelength_m: Scalar) -> Scalar:
        """From fibre to device, the sum of `losses_db`."""
        return sum(self.losses_db(wavelength_m).values(), start=jnp.zeros(()))
