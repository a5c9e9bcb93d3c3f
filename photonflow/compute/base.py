"""Interface of matrix units: time, energy and noise of a matrix product."""

import abc

import equinox as eqx

from ..component import Component, Scalar


KINDS = {
    "projection": "matmul",
    "feed_forward": "matmul",
    "weight_gradient": "matmul",
    "head": "matmul",
    "attention": "attention",
}
"""kinds of products, each with the cause of its arithmetic"""


class MatrixProduct(eqx.Module):
    """`count` products of one kind, already divided among tensor ranks.

    A matrix of `rows` by `inner` numbers meets `columns` vectors. Counts are numbers,
    not shapes: one compilation serves every layout.
    """

    rows: Scalar
    """outputs"""
    inner: Scalar
    """inputs, over which a product sums"""
    columns: Scalar
    """vectors: tokens of a microbatch"""
    stream_byte: Scalar
    """read from memory once per product: weights, or keys and values"""
    operand_byte: Scalar
    """of one number in the format of the arithmetic"""
    count: Scalar
    kind: str = eqx.field(static=True)
    """one of `KINDS`"""

    @property
    def cause(self) -> str:
        """Cause in `causes.COMPUTE` and `causes.TIME` of its arithmetic."""
        return KINDS[self.kind]

    @property
    def flop(self) -> Scalar:
        """Operations of one product; a multiply-add is 2."""
        return 2 * self.rows * self.inner * self.columns


class ComputeCost(eqx.Module):
    """Time and dynamic energy of all `count` products together."""

    time_s: dict[str, Scalar]
    """by cause of `causes.TIME`; the sum is the time"""
    energy_j: dict[str, Scalar]
    """dynamic, by cause of `causes.COMPUTE`"""


class AbstractMatrixUnit(Component):
    """Hardware that multiplies matrices: a roofline chip or an optical mesh."""

    @abc.abstractmethod
    def cost(self, product: MatrixProduct) -> ComputeCost:
        """Time and dynamic energy of `product` on the units of one accelerator."""

    @abc.abstractmethod
    def static_w(self) -> dict[str, Scalar]:
        """Watts that burn for the whole step, by cause of `causes.COMPUTE`."""

    @abc.abstractmethod
    def noise(self) -> dict[str, Scalar]:
        """Variance of an output over that of the ideal one, by cause of `causes.NOISE`.

        For independent Gaussian inputs; empty where the number format is the reference.
        """
