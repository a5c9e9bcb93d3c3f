"""Active electrical cables: a retimer in either plug, copper between them."""

import jax.numpy as jnp

from ..component import Scalar, param
from ..devices.electronics import Dsp, Housekeeping, SerDes
from .base import PortBudget, by_cause
from .copper import AbstractCopperPort
from .fec import Fec
from .footprint import Footprint


class RetimedCopperPort(AbstractCopperPort):
    """One end of an active electrical cable: host, board, retimer in the plug.

    The retimer ends the host's channel: what that adds in errors is its
    `host_log10_ber`, whatever the board loses below what the host's SerDes is made
    for. Its line side drives the cable. A retimer that does not retime what it
    receives makes no cable.
    """

    host: SerDes
    retimer: Dsp
    housekeeping: Housekeeping
    footprint: Footprint
    lanes: Scalar = param(unit="1", doc="lanes, each way", low=1.0, high=256.0)

    def __check_init__(self):
        if not self.retimer.receives:
            raise ValueError("`retimer` of a cable needs `receives: true`")

    def phy(self) -> SerDes:
        """The cable side of the retimer."""
        return self.retimer.line

    def segments(self) -> list[Scalar]:
        """Between host and retimer."""
        return [self.retimer.host_log10_ber]

    def latency_s(self) -> Scalar:
        """Of host and retimer."""
        return self.host.latency_s + self.retimer.line.latency_s

    def budget(self, fec: Fec, rate_bps: Scalar) -> PortBudget:
        """Watts of this end, by cause."""
        inside = {
            "dsp": rate_bps * self.retimer.line.energy_j_per_bit,
            "serdes_module": rate_bps * self.retimer.host_energy_j_per_bit,
            "tuning": self.housekeeping.control_w,
        }
        used_w = sum(inside.values(), start=jnp.zeros(()))
        static_w = by_cause(
            **inside,
            power_conversion=used_w * (1 / self.housekeeping.conversion - 1),
            serdes_host=rate_bps * self.host.energy_j_per_bit,
            fec=rate_bps * fec.energy_j_per_bit,
        )
        box = dict.fromkeys(static_w, "module") | {"serdes_host": "host", "fec": "host"}
        return PortBudget(
            static_w,
            by_cause(),
            tuple(box.items()),
            shoreline_bps_per_m=rate_bps / self.footprint.edge_m(self.lanes),
            area_m2=self.footprint.area_m2,
            fit=self.footprint.electronics_fit,
        )
