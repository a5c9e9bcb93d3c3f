"""What a cluster is made of, before anything runs on it."""

from ..component import Component, Scalar, param
from ..compute.accelerator import Accelerator
from ..compute.matrix_unit import SvdUnit
from .facility import Facility, Host
from .topology import Climate, FatTree, Hop, SwitchedDomain


class Cluster(Component):
    """Accelerators, the two tiers of network between them, and what feeds them."""

    accelerator: Accelerator
    scale_up: SwitchedDomain
    scale_out: FatTree
    host: Host
    facility: Facility
    nominal: Climate
    worst: Climate
    accelerators: Scalar = param(unit="1", doc="in all", low=1.0, high=1e7, whole=True)
    matrix_unit: SvdUnit | None = None
    """takes the feed-forward products, where there is one"""

    def topologies(self) -> dict[str, SwitchedDomain | FatTree]:
        """Tiers of the network, innermost first."""
        return {"scale_up": self.scale_up, "scale_out": self.scale_out}

    def hops(self) -> dict[str, dict[str, Hop]]:
        """Kinds of links of every tier."""
        return {tier: topology.hops() for tier, topology in self.topologies().items()}
