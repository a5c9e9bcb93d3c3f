"""Light for the modulators of a link: diodes in the module, or in a unit apart."""

import abc

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from .coolers import COOLER, ThermoelectricCooler
from .diodes import AbstractDiode
from .lasers import DFBLaser
from .response import from_db, to_db


class Light(eqx.Module):
    """A source at work.

    What is bought, fails and is switched on is a *unit*: one diode with its share of
    the driver, a module of many diodes, a comb. A unit serves `lanes_per_unit` lanes.
    """

    diode_w: Scalar
    """out of one diode"""
    lane_w: Scalar
    """handed to one lane, ahead of the engine's own coupler; to the worst, where lanes
    differ"""
    rin_per_hz: Scalar
    """relative intensity noise of the light of one lane"""
    slacks: dict[str, Scalar]
    """met when >= 0, falling further as a limit is passed"""
    budget_db: dict[str, Scalar]
    """`laser` in dBm, then every gain in dB down to the lane"""
    lanes_per_unit: Scalar
    unit_w: Scalar
    """electrical watts of one unit"""
    unit_fit: Scalar
    """failures of lasers in one unit in 1e9 hours, no spare"""

    def electrical_w(self, lanes: Scalar) -> Scalar:
        """Electrical watts of `lanes` lanes, in shares of units: smooth, for search."""
        return lanes / self.lanes_per_unit * self.unit_w

    def fit(self, lanes: Scalar) -> Scalar:
        """Failures of lasers behind `lanes` lanes in 1e9 hours, in shares of units."""
        return lanes / self.lanes_per_unit * self.unit_fit

    def whole_units(self, lanes: Scalar) -> Scalar:
        """Units that `lanes` lanes need: for reports, its gradient is 0."""
        # A lane count that is a multiple but for rounding needs no further unit.
        return jnp.ceil(lanes / self.lanes_per_unit * (1 - 1e-12))

    def whole_electrical_w(self, lanes: Scalar) -> Scalar:
        """Electrical watts of whole units, each with all its lasers on."""
        return self.whole_units(lanes) * self.unit_w


class LitDiode(eqx.Module):
    """A diode at work in a box: its light and its heat, cooled or not."""

    light_w: Scalar
    electrical_w: Scalar
    """diode and cooler, before the driver"""
    fit: Scalar
    slacks: dict[str, Scalar]


def lit(
    laser: AbstractDiode, cooler: ThermoelectricCooler | None, box_k: Scalar
) -> LitDiode:
    """`laser` in a box at `box_k`, on its cooler if there is one."""
    case_k = box_k if cooler is None else cooler.set_k
    junction_k = laser.junction_k(case_k)
    light_w, electrical_w = laser.light_w(junction_k), laser.electrical_w()
    slacks = laser.slacks(junction_k)
    if cooler is not None:
        slacks = slacks | {COOLER.name: cooler.slack(box_k)}
        heat_w = electrical_w - light_w
        electrical_w = electrical_w + cooler.power_w(heat_w, box_k)
    return LitDiode(light_w, electrical_w, laser.wear.fit(junction_k), slacks)


class AbstractSource(Component):
    """Interface of light sources."""

    laser: eqx.AbstractVar[DFBLaser]
    external: eqx.AbstractVar[bool]
    """in a box of its own at the coolant's temperature, with its own converters; else
    inside the module, at the temperature of its case and fed by its converter"""

    @abc.abstractmethod
    def emit(self, case_k: Scalar, coolant_k: Scalar) -> Light:
        """The source at work between a case and a coolant."""

    def box_k(self, case_k: Scalar, coolant_k: Scalar) -> Scalar:
        """Where the source sits."""
        return coolant_k if self.external else case_k


class LaserSource(AbstractSource):
    """Laser diodes feeding the lanes of one end: in the module, or external.

    One diode of `laser` feeds `lanes_per_laser` modulators through a splitter; the
    unit is the diode. An external source here is a share of something larger, reached
    through polarisation-maintaining fibre and connectors, all of them in `excess`;
    `ExternalLaserSource` knows its units. Left out: standby lasers.
    """

    laser: DFBLaser
    lanes_per_laser: Scalar = param(
        unit="1", doc="modulators fed by one diode", low=1.0, high=16.0, whole=True
    )
    excess_db: Scalar = param(
        unit="dB", doc="splitter excess, fibre and connectors", low=0.0, high=10.0
    )
    driver_efficiency: Scalar = param(
        unit="1", doc="diode power over the driver's input", low=0.3, high=1.0
    )
    external: bool = eqx.field(static=True)
    cooler: ThermoelectricCooler | None = None

    def emit(self, case_k: Scalar, coolant_k: Scalar) -> Light:
        """The source at work between a case and a coolant."""
        diode = lit(self.laser, self.cooler, self.box_k(case_k, coolant_k))
        return Light(
            diode_w=diode.light_w,
            lane_w=diode.light_w / self.lanes_per_laser * from_db(-self.excess_db),
            rin_per_hz=self.laser.rin_per_hz,
            slacks=diode.slacks,
            budget_db={
                "laser": to_db(diode.light_w / 1e-3),
                "split": -to_db(self.lanes_per_laser),
                "source_excess": -self.excess_db,
            },
            lanes_per_unit=self.lanes_per_laser,
            unit_w=diode.electrical_w / self.driver_efficiency,
            unit_fit=diode.fit,
        )


class ExternalLaserSource(AbstractSource):
    r"""Replaceable unit of lasers on the faceplate, shared by the engines behind it.

    ```
    driver ── diode ── coupling ── splitter ══ PM fibre, connectors ══ engine
     x lasers_per_unit              1 : lanes_per_laser
    ```

    `lasers_per_unit` diodes stand on a controller and, if there is one, on coolers,
    one per diode. All diodes of a unit are on together: a unit that serves fewer lanes
    than it could burns the same (`Light.whole_electrical_w`); a search sees shares of
    units, which in a switch with many ports is the same to a few per cent. Connectors
    keep the polarisation; what they turn is lost in the modulator and part of
    `connectors_db`. Left out: standby lasers, uneven splitters.
    """

    laser: DFBLaser
    lanes_per_laser: Scalar = param(
        unit="1", doc="modulators fed by one diode", low=1.0, high=16.0, whole=True
    )
    lasers_per_unit: Scalar = param(
        unit="1", doc="diodes in one unit", low=1.0, high=32.0, whole=True
    )
    excess_db: Scalar = param(
        unit="dB", doc="diode to fibre and splitter excess", low=0.0, high=10.0
    )
    connectors_db: Scalar = param(
        unit="dB", doc="polarisation-maintaining connectors", low=0.0, high=5.0
    )
    driver_efficiency: Scalar = param(
        unit="1", doc="diode power over the driver's input", low=0.3, high=1.0
    )
    controller_w: Scalar = param(
        unit="W", doc="controller and monitors of one unit", low=1e-3, high=10.0
    )
    cooler: ThermoelectricCooler | None = None

    @property
    def external(self) -> bool:
        """A box of its own."""
        return True

    def emit(self, case_k: Scalar, coolant_k: Scalar) -> Light:
        """A unit at work; `coolant_k` is the temperature of its case."""
        diode = lit(self.laser, self.cooler, self.box_k(case_k, coolant_k))
        lost_db = self.excess_db + self.connectors_db
        diodes_w = self.lasers_per_unit * diode.electrical_w
        return Light(
            diode_w=diode.light_w,
            lane_w=diode.light_w / self.lanes_per_laser * from_db(-lost_db),
            rin_per_hz=self.laser.rin_per_hz,
            slacks=diode.slacks,
            budget_db={
                "laser": to_db(diode.light_w / 1e-3),
                "split": -to_db(self.lanes_per_laser),
                "source_excess": -lost_db,
            },
            lanes_per_unit=self.lasers_per_unit * self.lanes_per_laser,
            unit_w=diodes_w / self.driver_efficiency + self.controller_w,
            unit_fit=self.lasers_per_unit * diode.fit,
        )
