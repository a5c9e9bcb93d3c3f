"""What one end of a link takes up besides watts: edge, area, and time to failure."""

from ..component import Component, Scalar, param


class Footprint(Component):
    r"""Room and reliability of one end, whatever it is built of.

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
