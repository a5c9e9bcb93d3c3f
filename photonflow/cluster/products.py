"""Matrix products of one decoder layer and of the head, on one tensor rank.

Queries, keys, values, gate and up are split by rows, output and down by inner size, so
that a layer needs one all-reduce after attention and one after the feed-forward part.
"""

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar
from ..compute.base import MatrixProduct
from .architecture import DenseDecoder


def forward(
    model: DenseDecoder,
    ranks: Scalar,
    columns: Scalar,
    weight_byte: Scalar,
    activation_byte: Scalar,
) -> list[MatrixProduct]:
    """Products with the weights of one layer, for `columns` tokens.

    They stream their weights, and inputs and outputs of `activation_byte` a number.
    """

    def product(rows: Scalar, inner: Scalar, kind: str) -> MatrixProduct:
        streamed = rows * inner * weight_byte
        streamed = streamed + (rows + inner) * columns * activation_byte
        one = jnp.ones(())
        return MatrixProduct(rows, inner, columns, streamed, weight_byte, one, kind)

    inside = model.heads * model.head_size / ranks
    cached = model.kv_heads * model.head_size / ranks
    wide = model.feed_forward / ranks
    return [
        product(inside + 2 * cached, model.hidden, "projection"),
        product(model.hidden, inside, "projection"),
        product(2 * wide, model.hidden, "feed_forward"),
        product(model.hidden, wide, "feed_forward"),
    ]


def head(
    model: DenseDecoder, ranks: Scalar, columns: Scalar, weight_byte: Scalar
) -> MatrixProduct:
    """Logits of `columns` tokens."""
    rows = model.vocabulary / ranks
    streamed = rows * model.hidden * weight_byte
    one = jnp.ones(())
    return MatrixProduct(
        rows, model.hidden, columns, streamed, weight_byte, one, "head"
    )


def attention(
    model: DenseDecoder,
    ranks: Scalar,
    queries: Scalar,
    keys: Scalar,
    sequences: Scalar,
    kv_byte: Scalar,
) -> MatrixProduct:
    """Scores and weighted sum: two products over the keys and values of a layer.

    `queries` tokens of each sequence see `keys` tokens on average; all that is seen is
    read once, keys and values of a sequence for all of its queries together.
    """
    heads = model.heads / ranks
    read = sequences * keys * model.kv_values() * kv_byte / ranks
    columns = sequences * queries * heads
    one = jnp.ones(())
    return MatrixProduct(
        2 * keys, model.head_size, columns, read, kv_byte, one, "attention"
    )


def backward(product: MatrixProduct, accumulated_byte: float) -> list[MatrixProduct]:
    """Gradients of a product with weights: with respect to its inputs and its weights.

    Each is a product of the same number of operations and moves as many activations.
    The second adds to gradients of `accumulated_byte` per weight, which it reads and
    writes.
    """
    p = product
    weights = p.rows * p.inner
    activations = p.stream_byte - weights * p.operand_byte
    inputs = MatrixProduct(
        p.inner, p.rows, p.columns, p.stream_byte, p.operand_byte, p.count, p.kind
    )
    moved = 2 * accumulated_byte * weights + activations
    gradients = MatrixProduct(
        p.rows, p.columns, p.inner, moved, p.operand_byte, p.count, "weight_gradient"
    )
    return [inputs, gradients]


def times(product: MatrixProduct, count: float) -> MatrixProduct:
    """`product`, `count` times as often."""
    return eqx.tree_at(lambda p: p.count, product, product.count * count)


ELEMENTWISE = 15.0
"""numbers that norms, rotary embedding, activation and residuals of a layer read and
write in a forward pass, per token and hidden unit: two norms with their residual sums
at 4, rotary at 2, gate, up and their product at 3.25 each; estimate, 10 to 22 with what
is fused"""


def elementwise_byte(
    model: DenseDecoder, ranks: Scalar, tokens: Scalar, activation_byte: Scalar
) -> Scalar:
    """What the passes between the products of a layer move, forward.

    Sequence parallelism divides all of it among the tensor ranks.
    """
    return ELEMENTWISE * activation_byte * tokens * model.hidden / ranks
