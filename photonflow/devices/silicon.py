r"""Silicon as an optical material: free carriers change its index and its loss.

Two parametrisations of plasma dispersion are kept, both for carrier densities given
per cubic metre and both returning the *magnitude* of the index drop and the added
power absorption:

* `nedeljkovic`, the one the devices use: power laws fitted to absorption spectra [2],
  tabulated at 1.30 and 1.55 um and interpolated here as straight lines of
  $\log|\Delta n|$ and $\log\Delta\alpha$ over $\log\lambda$ (1.26 to 1.625 um; outside
  that range the lines are extrapolated and not to be trusted).
* `soref`, the alternative: Soref and Bennett's fit [1] with everything scaled as
  $\lambda^2$ [3]; `soref_1300` and `soref_1550` are the fit itself, at its wavelengths.

1. Soref and Bennett 1987, doi:10.1109/JQE.1987.1073206
2. Nedeljkovic, Soref and Mashanovich 2011, doi:10.1109/JPHOT.2011.2171930
3. Chrostowski and Hochberg, Silicon Photonics Design, Cambridge 2015, section 6.1
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..component import Values


PER_CM3 = 1e-6  # 1 m^-3 in cm^-3, the unit of the fits
PER_M = 100.0  # 1 cm^-1 in m^-1
PERMITTIVITY_RATIO = 11.7  # static, bulk silicon at 300 K (Sze, Physics of S. Devices)
INTRINSIC_PER_M3 = 1e16  # at 300 K, the round figure of both sources of the tests


class PlasmaShift(NamedTuple):
    """Change of index and absorption by free carriers of one kind."""

    index_drop: Values
    """magnitude of the fall in refractive index"""
    absorption_per_m: Values
    """added power absorption, 1/m"""


def _between(wavelength_m: Values, density: Values, at_1300, at_1550) -> Values:
    """Line in log-log between two power laws `c * density**p`, density in cm^-3."""
    (c0, p0), (c1, p1) = at_1300, at_1550
    x = jnp.log(wavelength_m / 1.30e-6) / math.log(1.55 / 1.30)
    log_density = jnp.log(density)
    log0 = math.log(c0) + p0 * log_density
    log1 = math.log(c1) + p1 * log_density
    return jnp.exp(log0 + x * (log1 - log0))


@jax.jit
def nedeljkovic_electrons(wavelength_m: Values, per_m3: Values) -> PlasmaShift:
    """Free electrons, `per_m3` of them per cubic metre."""
    n = per_m3 * PER_CM3
    drop = _between(wavelength_m, n, (2.98e-22, 1.016), (5.40e-22, 1.011))
    loss = _between(wavelength_m, n, (3.48e-22, 1.229), (8.88e-21, 1.167))
    return PlasmaShift(drop, loss * PER_M)


@jax.jit
def nedeljkovic_holes(wavelength_m: Values, per_m3: Values) -> PlasmaShift:
    """Free holes, `per_m3` of them per cubic metre."""
    p = per_m3 * PER_CM3
    drop = _between(wavelength_m, p, (1.25e-18, 0.835), (1.53e-18, 0.838))
    loss = _between(wavelength_m, p, (1.02e-19, 1.089), (5.84e-20, 1.109))
    return PlasmaShift(drop, loss * PER_M)


@jax.jit
def soref_electrons(wavelength_m: Values, per_m3: Values) -> PlasmaShift:
    """Free electrons by the lambda-squared form."""
    n, lambda2 = per_m3 * PER_CM3, jnp.square(wavelength_m)
    return PlasmaShift(3.64e-10 * lambda2 * n, 3.52e-6 * lambda2 * n * PER_M)


@jax.jit
def soref_holes(wavelength_m: Values, per_m3: Values) -> PlasmaShift:
    """Free holes by the lambda-squared form."""
    p, lambda2 = per_m3 * PER_CM3, jnp.square(wavelength_m)
    return PlasmaShift(3.51e-6 * lambda2 * p**0.8, 2.4e-6 * lambda2 * p * PER_M)


def _fixed(per_m3: Values, index: float, power: float, loss: float) -> PlasmaShift:
    """`index` N^`power` and `loss` N at one wavelength, N in cm^-3, loss in 1/cm."""
    n = per_m3 * PER_CM3
    return PlasmaShift(index * n**power, loss * n * PER_M)


def soref_1300_electrons(per_m3: Values) -> PlasmaShift:
    """Free electrons at 1.3 um, as published in 1987."""
    return _fixed(per_m3, 6.2e-22, 1.0, 6.0e-18)


def soref_1300_holes(per_m3: Values) -> PlasmaShift:
    """Free holes at 1.3 um, as published in 1987."""
    return _fixed(per_m3, 6.0e-18, 0.8, 4.0e-18)


def soref_1550_electrons(per_m3: Values) -> PlasmaShift:
    """Free electrons at 1.55 um, as published in 1987."""
    return _fixed(per_m3, 8.8e-22, 1.0, 8.5e-18)


def soref_1550_holes(per_m3: Values) -> PlasmaShift:
    """Free holes at 1.55 um, as published in 1987."""
    return _fixed(per_m3, 8.5e-18, 0.8, 6.0e-18)
