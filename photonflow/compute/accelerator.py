"""An electronic accelerator as a smooth roofline with floors."""

from ..component import Scalar, param
from ..devices.response import smooth_positive
from .base import AbstractMatrixUnit, ComputeCost, MatrixProduct


class Accelerator(AbstractMatrixUnit):
    r"""A GPU-class accelerator: memory and arithmetic overlap in part, launches do not.

    Time of a product that streams $b$ bytes and does $f$ operations,
    $$ t = \Big[\Big(\frac{b}{\eta_b BW}\Big)^p + \Big(\frac{f}{\eta_f F}\Big)^p
       \Big]^{1/p}, $$
    where $p = 1$ adds and $p\to\infty$ overlaps fully; decode measurements ask for 1.3
    to 1.7. $F$ halves, and the energy of an operation doubles, with every doubling of
    the operands' bytes. A layer adds a floor of launches, norms and rotary embedding; a
    step adds sampling and scheduling. Left out: efficiency that depends on the size of
    a product, the power limit, clock against temperature, quantisation passes.

    `idle` is what a resident serving loop draws before any byte or operation, links of
    the package included (`included_phy`, moved to the links by the cluster).
    """

    peak_flop_per_s: Scalar = param(
        unit="FLOP/s", doc="peak dense with one-byte operands", low=1e13, high=1e17
    )
    bandwidth_byte_per_s: Scalar = param(
        unit="byte/s", doc="peak memory bandwidth", low=1e11, high=1e14
    )
    memory_byte: Scalar = param(unit="byte", doc="memory", low=1e9, high=2e12)
    usable: Scalar = param(
        unit="1", doc="part of memory for weights, caches, states", low=0.5, high=1.0
    )
    flop_efficiency: Scalar = param(
        unit="1", doc="reached part of peak arithmetic", low=0.1, high=1.0
    )
    stream_efficiency: Scalar = param(
        unit="1", doc="reached part of peak bandwidth", low=0.1, high=1.0
    )
    overlap: Scalar = param(
        unit="1", doc="exponent p of the roofline", low=1.0, high=8.0
    )
    layer_s: Scalar = param(
        unit="s", doc="launch, norm and rotary floor of a layer", low=0.0, high=1e-3
    )
    step_s: Scalar = param(
        unit="s", doc="host work of a step: sampling, scheduling", low=0.0, high=2e-2
    )
    idle_w: Scalar = param(
        unit="W", doc="drawn by a resident serving loop", low=20.0, high=1500.0
    )
    operation_j_per_flop: Scalar = param(
        unit="J/FLOP",
        doc="energy of an operation on one-byte operands",
        low=1e-15,
        high=1e-11,
    )
    fetch_j_per_byte: Scalar = param(
        unit="J/byte", doc="energy to bring a byte from memory", low=1e-12, high=1e-9
    )
    limit_w: Scalar = param(unit="W", doc="power limit", low=100.0, high=3000.0)
    included_phy_w: Scalar = param(
        unit="W", doc="scale-up PHY inside `idle`", low=0.0, high=300.0
    )

    def core_w(self) -> Scalar:
        """Idle watts without the scale-up PHY; never below 0 (rounded in 0.1 W)."""
        return smooth_positive(self.idle_w - self.included_phy_w, 0.1)

    def static_w(self) -> dict[str, Scalar]:
        """What the chip draws before any byte or operation."""
        return {"idle": self.core_w()}

    def noise(self) -> dict[str, Scalar]:
        """None: its number format is the reference of all noise."""
        return {}

    def cost(self, product: MatrixProduct) -> ComputeCost:
        """Time and dynamic energy of `product`; the time is split by its shares."""
        stream_s = self._stream_s(product.stream_byte)
        peak_flop_per_s = self.peak_flop_per_s / product.operand_byte
        flop_s = product.flop / (self.flop_efficiency * peak_flop_per_s)
        p = self.overlap
        # Scaled by the larger sum, so that no power of seconds underflows.
        scale = stream_s + flop_s
        shares = (stream_s / scale) ** p, (flop_s / scale) ** p
        norm = shares[0] + shares[1]
        time_s = product.count * scale * norm ** (1 / p)
        operation_j = self.operation_j_per_flop * product.operand_byte
        return ComputeCost(
            time_s={
                "hbm": time_s * shares[0] / norm,
                product.cause: time_s * shares[1] / norm,
            },
            energy_j={
                "hbm": product.count * product.stream_byte * self.fetch_j_per_byte,
                product.cause: product.count * product.flop * operation_j,
            },
        )

    def stream(self, moved_byte: Scalar) -> ComputeCost:
        """Time and dynamic energy to move bytes between memory and chip."""
        return ComputeCost(
            time_s={"hbm": self._stream_s(moved_byte)},
            energy_j={"hbm": moved_byte * self.fetch_j_per_byte},
        )

    def _stream_s(self, moved_byte: Scalar) -> Scalar:
        return moved_byte / (self.stream_efficiency * self.bandwidth_byte_per_s)
