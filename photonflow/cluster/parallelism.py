"""How a model is laid out over accelerators."""

from ..component import Component, Scalar, param


class Layout(Component):
    """Tensor, pipeline and data parallelism, as integer-valued array leaves.

    Tensor ranks share a scale-up domain; the stages of a replica lie in different
    domains, so that the scale-out network carries the hand-over between them.
    """

    tensor: Scalar = param(unit="1", doc="tensor-parallel ranks", low=1.0, high=256.0)
    pipeline: Scalar = param(unit="1", doc="pipeline stages", low=1.0, high=512.0)
    data: Scalar = param(unit="1", doc="replicas", low=1.0, high=1e6)

    def per_replica(self) -> Scalar:
        """Accelerators of one replica."""
        return self.tensor * self.pipeline

    def accelerators(self) -> Scalar:
        """Accelerators in all."""
        return self.per_replica() * self.data
