"""One end of a link, whatever it is built of: its electronics, its room, its watts."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from .. import causes
from ..component import Component, Scalar, param
from ..devices.electronics import Dsp, Housekeeping, SerDes
from .fec import Fec


class Footprint(Component):
    r"""Room and reliability of one end.

    The edge is that of the box the end sits at: faceplate of a switch for a pluggable,
    fibre row of an engine, die edge for copper. `per_pair` positions of a `pitch`
    serve a pair of fibres or wires (one each way), so that $n$ pairs take
    $n\,n_{pair}\,p$ of it; fibres that only bring laser light count, and the rows of a
    faceplate divide. Failures come at a constant rate, lasers apart: those have their
    own, by the heat of their junctions. Left out: spare lasers, connectors, software.
    """

    pitch_m: Scalar = param(
        unit="m", doc="width of a position on the edge", low=1e-5, high=0.1
    )
    per_pair: Scalar = param(
        unit="1", doc="positions for one fibre or wire each way", low=1e-3, high=16.0
    )
    area_m2: Scalar = param(
        unit="m^2", doc="module, engine or chip of the end", low=1e-8, high=0.1
    )
    electronics_fit: Scalar = param(
        unit="FIT", doc="failures of all but lasers in 1e9 h", low=0.1, high=5000.0
    )

    def edge_m(self, pairs: Scalar) -> Scalar:
        """Length of edge of `pairs` fibres or wires each way."""
        return self.pitch_m * self.per_pair * pairs


class PortBudget(eqx.Module):
    """Watts of one end of a link, full duplex, by cause of `causes.LINK`."""

    static_w: dict[str, Scalar]
    """burnt busy or idle"""
    dynamic_j_per_bit: dict[str, Scalar]
    """burnt only when payload moves, per payload bit sent or received"""
    boundary: tuple[tuple[str, str], ...] = eqx.field(static=True)
    """(cause, box of `causes.BOUNDARIES` that pays it)"""
    shoreline_bps_per_m: Scalar
    """payload of one direction per length of edge"""
    area_m2: Scalar
    fit: Scalar
    """failures in 1e9 hours, electronics and lasers"""

    def power_w(self) -> Scalar:
        """All static watts of this end."""
        return sum(self.static_w.values(), start=jnp.zeros(()))

    def vendor_w(self) -> Scalar:
        """Watts at the vendor's boundary: module or engine and its laser, no host."""
        inside = [cause for cause, box in self.boundary if box != "host"]
        return sum((self.static_w[cause] for cause in inside), start=jnp.zeros(()))


class LaserBudget(NamedTuple):
    """All lasers of one end."""

    electrical_w: Scalar
    fit: Scalar = 0.0
    """failures in 1e9 hours"""
    external: bool = False
    """in a box of their own, with converters of their own"""


class AbstractPort(Component):
    """One end of a link: a host's SerDes and what may follow it in a module.

    The outermost SerDes on the way to the medium drives it and equalises what comes
    back: the retimer's line side where there is a retimer, else the host's. A half
    retimer has one for what it sends and none for what arrives. The electrical segments
    that a retimer ends are known by their error rate.
    """

    host: eqx.AbstractVar[SerDes]
    retimer: eqx.AbstractVar[Dsp | None]
    housekeeping: eqx.AbstractVar[Housekeeping | None]
    footprint: eqx.AbstractVar[Footprint]
    lanes: eqx.AbstractVar[Scalar]

    def transmit_phy(self) -> SerDes:
        """The SerDes that drives the medium, or the modulator into it."""
        return self.host if self.retimer is None else self.retimer.line

    def receive_phy(self) -> SerDes:
        """The SerDes that equalises what arrives."""
        if self.retimer is None or not self.retimer.receives:
            return self.host
        return self.retimer.line

    def transmit_segments(self) -> list[Scalar]:
        """log10 BER of the electrical segments ahead of the medium."""
        return [] if self.retimer is None else [self.retimer.host_log10_ber]

    def receive_segments(self) -> list[Scalar]:
        """log10 BER of the electrical segments behind the medium."""
        if self.retimer is None or not self.retimer.receives:
            return []
        return [self.retimer.host_log10_ber]

    def latency_s(self) -> Scalar:
        """Of all chips of this end, Tx plus Rx."""
        if self.retimer is None:
            return self.host.latency_s
        passed = 1.0 if self.retimer.receives else 0.5
        return self.host.latency_s + passed * self.retimer.line.latency_s

    def port_budget(
        self,
        fec: Fec,
        rate_bps: Scalar,
        module_w: dict[str, Scalar] | None = None,
        lasers: LaserBudget | None = None,
        pairs: Scalar | None = None,
    ) -> PortBudget:
        """Watts by cause, for `pairs` of fibres or wires, else as many as lanes.

        To `module_w`, by cause, come retimer and controller, which counts as `tuning`
        with the heaters that it runs. All of the module is fed through its converters,
        lasers too unless they are external. Host SerDes and FEC are the host's.
        """
        module_w = dict(module_w or {})
        lasers = lasers or LaserBudget(jnp.zeros(()))
        conversion = 1.0
        if self.retimer is not None:
            module_w["dsp"] = rate_bps * self.retimer.line.energy_j_per_bit
            module_w["serdes_module"] = rate_bps * self.retimer.host_energy_j_per_bit
        if self.housekeeping is not None:
            heaters_w = module_w.get("tuning", 0.0)
            module_w["tuning"] = heaters_w + self.housekeeping.control_w
            conversion = self.housekeeping.conversion
        converted_w = sum(module_w.values(), start=jnp.zeros(()))
        if not lasers.external:
            converted_w = converted_w + lasers.electrical_w
        static_w = by_cause(
            **module_w,
            laser=lasers.electrical_w,
            power_conversion=converted_w * (1 / conversion - 1),
            serdes_host=rate_bps * self.host.energy_j_per_bit,
            fec=rate_bps * fec.energy_j_per_bit,
        )
        box = dict.fromkeys(static_w, "module") | {
            "laser": "laser_source" if lasers.external else "module",
            "serdes_host": "host",
            "fec": "host",
        }
        pairs = self.lanes if pairs is None else pairs
        return PortBudget(
            static_w,
            by_cause(),
            tuple(box.items()),
            shoreline_bps_per_m=rate_bps / self.footprint.edge_m(pairs),
            area_m2=self.footprint.area_m2,
            fit=self.footprint.electronics_fit + lasers.fit,
        )


def by_cause(**watts: Scalar) -> dict[str, Scalar]:
    """`watts` with every other cause of a link at zero, in the fixed order."""
    unknown = set(watts) - set(causes.LINK)
    if unknown:
        raise ValueError(f"`{unknown}` are not causes of a link: {causes.LINK}")
    return {cause: watts.get(cause, jnp.zeros(())) for cause in causes.LINK}
