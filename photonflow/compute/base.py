"""The question every matrix unit answers: what does this product cost?"""

import abc

import equinox as eqx

from ..component import Component, Scalar


class MatrixProduct(eqx.Module):
    """`count` products of one kind, already divided among tensor ranks.

    Counts are numbers, not shapes: one compilation serves every layout.
    """

    flop: Scalar
    """of one product; a multiply-add is 2"""
    stream_byte: Scalar
    """read from memory once per product: weights, or keys and values"""
    count: Scalar
    kind: str = eqx.field(static=True)
    """cause of its arithmetic: `matmul` or `attention`"""


class ComputeCost(eqx.Module):
    """Of all `count` products together."""

    time_s: dict[str, Scalar]
    """by cause of `causes.TIME`; the sum is the time"""
    energy_j: dict[str, Scalar]
    """dynamic, by cause of `causes.COMPUTE`"""


class AbstractMatrixUnit(Component):
    """A roofline chip or an optical mesh: the same question."""

    @abc.abstractmethod
    def cost(self, product: MatrixProduct) -> ComputeCost:
        """Time and dynamic energy of `product` on one unit."""
