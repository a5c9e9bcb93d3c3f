"""Drivers that switch between two levels."""

from typing import ClassVar

from ..component import Scalar, param
from .electronics import AbstractDriver


class SwitchingDriver(AbstractDriver):
    r"""CMOS inverter chain that charges a lumped modulator, two levels only.

    Of random bits one in four charges the load, and the charge comes from the supply
    $V_s = V_{pp} + V_h$ ($V_h$ is the drop of a regulator, or what a low-swing stage
    wastes). Predrivers tapered by $s$ add their gates, a
    geometric series; the retiming stage clocks $C_k$ every symbol:
    $$ P = m f \left[\tfrac14 \frac{s}{s-1}\,(C + C_0)\,V_{pp} + C_k V_s\right] V_s . $$
    A differential modulator counts both sides in $C$ and $C_0$. Left out: leakage and
    short circuit as separate terms (in `overhead`), the serialiser, resizing of the
    chain with `bandwidth`.

    1. Rabaey, Chandrakasan and Nikolić, Digital Integrated Circuits, 2003, chapter 5
    """

    linear: ClassVar[bool] = False
    output_f: Scalar = param(
        unit="F", doc="own output capacitance", low=1e-15, high=200e-15
    )
    taper: Scalar = param(
        unit="1", doc="size of a stage over the one before", low=1.5, high=8.0
    )
    clocked_f: Scalar = param(
        unit="F", doc="capacitance clocked every symbol", low=1e-16, high=200e-15
    )

    def power_w(self, drive_v: Scalar, load_f: Scalar, symbol_hz: Scalar) -> Scalar:
        """Supply power of one lane at `symbol_hz`."""
        supply_v = drive_v + self.headroom_v
        chain = self.taper / (self.taper - 1)
        data_c = chain / 4 * (load_f + self.output_f) * drive_v
        per_symbol_j = (data_c + self.clocked_f * supply_v) * supply_v
        return self.overhead * symbol_hz * per_symbol_j
