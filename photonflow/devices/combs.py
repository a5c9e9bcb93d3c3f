"""Comb sources: many wavelengths from one laser."""

import math

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ..component import Scalar, param
from ..limits import limit
from .coolers import ThermoelectricCooler
from .lasers import DFBLaser
from .response import from_db, to_db
from .sources import AbstractSource, Light, lit


COMB = limit(
    "comb",
    "light above that at which the comb starts",
    missed="there is no comb: it takes {used:.3g} times the laser's light",
    light="more",
    order=1,
)


class CombSource(AbstractSource):
    r"""One laser whose light is spread over evenly spaced lines, a lane to each.

    ```
    driver ── laser ── comb ── coupling, splitter ══ fibres x `lines` wavelengths ══
    ```

    A quantum-dot comb *is* its laser (mode-locked in its own gain section: L-I-V of an
    edge emitter, `conversion` near 1); a Kerr comb is pumped by one, and what of the
    pump leaves in the lines is `conversion`. Around the centre the lines follow
    $$ P_k = P_0\,2^{-|2u_k/N_3|^p}, \qquad
       \sum_k P_k = P_0 N_3\,\Gamma(1 + \tfrac1p)\,(\ln 2)^{-1/p} , $$
    $u_k$ lines off the centre, $N_3$ = `band` lines within 3 dB, p = 2 a Gaussian and
    larger a flatter top. Lanes use the `lines` in the middle; light in the others is
    lost, and the outermost, $|u| = (n-1)/2$, decides. The sum over all lines is taken
    as an integral, good to 1e-3 from 4 lines within 3 dB on. Far outside, a floor of
    -60 dB keeps a line finite.

    Noise of one line is more than that of them all, because the lines exchange power
    (`partition`, measured, and independent of the laser's own). `comb` slack: 1 minus
    the least light at which there is a comb over the light there is. Left out: bursts
    and hops of lines, tones of the line spacing, a filter that would flatten the lines
    or drop the unused, and the efficiency of a Kerr comb against its pump.

    1. Buyalo et al. 2024, doi:10.1038/s41598-024-53609-9
    2. Liu et al. 2019, doi:10.1364/OPTICA.6.000128
    """

    laser: DFBLaser
    lines: Scalar = param(
        unit="1", doc="wavelengths used, one lane each", low=2.0, high=128.0, whole=True
    )
    fibres: Scalar = param(
        unit="1",
        doc="fibres that each get all wavelengths",
        low=1.0,
        high=32.0,
        whole=True,
    )
    band: Scalar = param(unit="1", doc="lines within 3 dB", low=4.0, high=256.0)
    roll_off: Scalar = param(
        unit="1", doc="exponent of the envelope, 2 a Gaussian", low=2.0, high=12.0
    )
    conversion: Scalar = param(
        unit="1", doc="light in all lines over light of the laser", low=1e-3, high=1.0
    )
    least_w: Scalar = param(
        unit="W",
        doc="light of the laser below which there is no comb",
        low=1e-4,
        high=1.0,
    )
    partition_per_hz: Scalar = param(
        unit="1/Hz", doc="noise of one line beyond the laser's", low=1e-17, high=1e-12
    )
    excess_db: Scalar = param(
        unit="dB", doc="coupling, splitter excess and connectors", low=0.0, high=10.0
    )
    driver_efficiency: Scalar = param(
        unit="1", doc="diode power over the driver's input", low=0.3, high=1.0
    )
    controller_w: Scalar = param(
        unit="W", doc="controller and monitors of one comb", low=1e-3, high=10.0
    )
    external: bool = eqx.field(static=True)
    cooler: ThermoelectricCooler | None = None

    def line_share(self, offset: Scalar) -> Scalar:
        """Part of the comb in the line `offset` lines off the centre, |offset| > 0."""
        p = self.roll_off
        area = self.band * jnp.exp(gammaln(1 + 1 / p)) * math.log(2) ** (-1 / p)
        return (2.0 ** -((2 * offset / self.band) ** p) + 1e-6) / area

    def emit(self, case_k: Scalar, coolant_k: Scalar) -> Light:
        """The comb at work; `lane_w` is that of the outermost line."""
        diode = lit(self.laser, self.cooler, self.box_k(case_k, coolant_k))
        worst = self.conversion * self.line_share((self.lines - 1) / 2)
        lane_w = diode.light_w * worst / self.fibres * from_db(-self.excess_db)
        return Light(
            diode_w=diode.light_w,
            lane_w=lane_w,
            rin_per_hz=self.laser.rin_per_hz + self.partition_per_hz,
            slacks=diode.slacks | {COMB.name: 1 - self.least_w / diode.light_w},
            budget_db={
                "laser": to_db(diode.light_w / 1e-3),
                "comb": to_db(worst),
                "split": -to_db(self.fibres),
                "source_excess": -self.excess_db,
            },
            lanes_per_unit=self.lines * self.fibres,
            unit_w=diode.electrical_w / self.driver_efficiency + self.controller_w,
            unit_fit=diode.fit,
        )
