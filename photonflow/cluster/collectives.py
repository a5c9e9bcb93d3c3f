"""Messages a workload sends, and how long one takes on a switched network."""

import equinox as eqx

from ..component import Scalar


class AllReduce(eqx.Module):
    """`count` all-reduces of `size_byte` among `ranks`."""

    size_byte: Scalar
    ranks: Scalar
    count: Scalar

    def sent_byte(self) -> Scalar:
        """Bytes each rank sends in all: reduce-scatter then all-gather."""
        return self.count * 2 * (self.ranks - 1) / self.ranks * self.size_byte


class PointToPoint(eqx.Module):
    """`count` messages of `size_byte` from each accelerator to a peer."""

    size_byte: Scalar
    count: Scalar

    def sent_byte(self) -> Scalar:
        """Bytes each accelerator sends in all."""
        return self.count * self.size_byte
