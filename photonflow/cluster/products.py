"""Matrix products of one decoder layer and of the head, on one tensor rank.

Queries, keys, values, gate and up are split by rows, output and down by inner size, so
that a layer needs one all-reduce after attention and one after the feed-forward part.
"""

from ..component import Scalar
from ..compute.base import MatrixProduct
from .architecture import DenseDecoder


def forward(
    model: DenseDecoder, ranks: Scalar, columns: Scalar, weight_byte: Scalar
) -> list[MatrixProduct]:
    """Products with the weights of one layer, for `columns` tokens."""

    def product(rows: Scalar, inner: Scalar, kind: str) -> MatrixProduct:
        streamed = rows * inner * weight_byte
        one = ranks / ranks
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
    one = ranks / ranks
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
    one = ranks / ranks
    return MatrixProduct(
        2 * keys, model.head_size, columns, read, kv_byte, one, "attention"
    )
