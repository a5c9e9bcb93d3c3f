r"""A reverse-biased silicon p-n junction, abrupt and one-dimensional.

$$ V_{bi} = \frac{kT}{q}\ln\frac{N_A N_D}{n_i^2}, \qquad
   W = \sqrt{\frac{2\epsilon (N_A + N_D)(V_{bi} + V_r)}{q N_A N_D}} $$

with $V_r$ the reverse bias (Sze, Physics of Semiconductor Devices, chapter 2). Left
out: graded profiles, series voltage drop, temperature of the built-in voltage (300 K).
"""

import math
from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import erf

from ..component import Component, Scalar, Values, param
from ..units import BOLTZMANN_J_PER_K, CHARGE_C, VACUUM_F_PER_M
from . import silicon
from .silicon import INTRINSIC_PER_M3, PERMITTIVITY_RATIO


THERMAL_V = BOLTZMANN_J_PER_K * 300.0 / CHARGE_C  # 25.85 mV
CARRIERS = {
    "nedeljkovic": (silicon.nedeljkovic_holes, silicon.nedeljkovic_electrons),
    "soref": (silicon.soref_holes, silicon.soref_electrons),
}


def built_in_v(acceptor_per_m3: Values, donor_per_m3: Values) -> Values:
    """Built-in voltage, 0.9 to 1.0 V for modulator doping."""
    return THERMAL_V * (
        jnp.log(acceptor_per_m3 / INTRINSIC_PER_M3)
        + jnp.log(donor_per_m3 / INTRINSIC_PER_M3)
    )


def depletion_m(
    acceptor_per_m3: Values,
    donor_per_m3: Values,
    reverse_v: Values,
    permittivity_ratio: float = PERMITTIVITY_RATIO,
) -> Values:
    """Depletion width at `reverse_v` >= 0."""
    total = built_in_v(acceptor_per_m3, donor_per_m3) + reverse_v
    inverse_density = 1 / acceptor_per_m3 + 1 / donor_per_m3
    permittivity = permittivity_ratio * VACUUM_F_PER_M
    return jnp.sqrt(2 * permittivity * inverse_density * total / CHARGE_C)


def capacitance_f_per_m(
    depletion_width_m: Values,
    height_m: Values,
    permittivity_ratio: float = PERMITTIVITY_RATIO,
) -> Values:
    """Plate capacitance per length of a junction of `height_m`, without fringe."""
    return permittivity_ratio * VACUUM_F_PER_M * height_m / depletion_width_m


class Sweep(eqx.Module):
    """What a depletion junction does to the mode around it, at one reverse bias."""

    index_rise: Values
    """rise of n_eff over the undepleted, doped guide"""
    absorption_per_m: Values
    """power absorption by the carriers still in the mode"""
    capacitance_f_per_m: Values


class PNJunction(Component):
    r"""A p-n junction in the middle of a guided mode.

    The mode is Gaussian across the junction with effective width $w$, the inverse of
    its peak density. Depletion to a depth $x$ on one side clears
    $$ f = \tfrac12\,\mathrm{erf}(\sqrt{\pi}\, s\, x / w) $$
    of the mode, where $s$ is the junction length per cross-section: 1 for a lateral
    junction, more for L, U, interleaved and vertical shapes, which buy index shift
    with capacitance. Each side holds half the mode. What carriers do is read off the
    fit of `silicon` that `carriers` names.
    Left out: offset junctions, graded doping, forward bias.
    """

    acceptor_per_m3: Scalar = param(unit="1/m^3", doc="p doping", low=5e22, high=1e25)
    donor_per_m3: Scalar = param(unit="1/m^3", doc="n doping", low=5e22, high=1e25)
    shape: Scalar = param(
        unit="1", doc="junction length per cross-section", low=0.8, high=4.0
    )
    height_m: Scalar = param(
        unit="m", doc="height of the junction", low=90e-9, high=400e-9
    )
    fringe: Scalar = param(
        unit="1", doc="capacitance over parallel plate", low=1.0, high=2.5
    )
    series_ohm_m: Scalar = param(
        unit="ohm*m", doc="series resistance times length", low=1e-5, high=2e-2
    )
    carriers: Literal["nedeljkovic", "soref"] = eqx.field(
        static=True, default="nedeljkovic"
    )

    def sweep(
        self, reverse_v: Values, wavelength_m: Scalar, mode_width_m: Scalar
    ) -> Sweep:
        """Index, absorption and capacitance per length at `reverse_v` >= 0."""
        p, n = self.acceptor_per_m3, self.donor_per_m3
        width_m = depletion_m(p, n, reverse_v)
        reach = math.sqrt(math.pi) * self.shape * width_m / mode_width_m
        cleared_p = 0.5 * erf(reach * n / (p + n))
        cleared_n = 0.5 * erf(reach * p / (p + n))
        of_holes, of_electrons = CARRIERS[self.carriers]
        holes, electrons = of_holes(wavelength_m, p), of_electrons(wavelength_m, n)
        index_rise = cleared_p * holes.index_drop + cleared_n * electrons.index_drop
        absorption = (0.5 - cleared_p) * holes.absorption_per_m + (
            0.5 - cleared_n
        ) * electrons.absorption_per_m
        plate = capacitance_f_per_m(width_m, self.height_m)
        return Sweep(index_rise, absorption, plate * self.shape * self.fringe)
