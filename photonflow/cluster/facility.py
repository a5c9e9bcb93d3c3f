"""From the rack to the meter: hosts, storage, conversion and cooling."""

from ..component import Component, Scalar, param


class Host(Component):
    """What every accelerator brings along: its share of CPUs, memory, fans, storage."""

    host_w: Scalar = param(
        unit="W", doc="CPU, DRAM, fans per accelerator", low=0.0, high=1000.0
    )
    storage_w: Scalar = param(
        unit="W", doc="storage per accelerator", low=0.0, high=200.0
    )


class Facility(Component):
    r"""Meter power from IT power: $P = P_{IT}\,\eta^{-1}(1 + c)$.

    $\eta$ is the product of grid-to-rack and rack-to-board efficiency; conversion on
    the boards belongs to the boards. $c$ is cooling per watt of heat. A PUE as quoted
    is about $(1+c)/\eta_{grid}$: it must not be applied once more.
    """

    grid_efficiency: Scalar = param(
        unit="1", doc="transformers, UPS and distribution", low=0.7, high=1.0
    )
    rack_efficiency: Scalar = param(
        unit="1", doc="power shelf and bus bar", low=0.7, high=1.0
    )
    cooling: Scalar = param(
        unit="1", doc="cooling watts per watt of heat", low=0.0, high=1.0
    )

    def overheads_w(self, it_w: Scalar) -> dict[str, Scalar]:
        """Watts added between the boards and the meter, by cause."""
        fed_w = it_w / (self.grid_efficiency * self.rack_efficiency)
        return {"conversion": fed_w - it_w, "cooling": fed_w * self.cooling}
