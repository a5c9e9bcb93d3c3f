"""Shapes of language models, as their `config.json` states them."""

from ..component import Component, Scalar, param


class DenseDecoder(Component):
    """A dense decoder with grouped-query attention and a gated feed-forward layer.

    Norms and biases are left out (below 1e-4 of the parameters); embedding and head
    are untied.
    """

    hidden: Scalar = param(unit="1", doc="hidden size", low=64.0, high=65536.0)
    feed_forward: Scalar = param(
        unit="1", doc="inner size of the feed-forward layer", low=64.0, high=262144.0
    )
    layers: Scalar = param(unit="1", doc="layers", low=1.0, high=512.0)
    heads: Scalar = param(unit="1", doc="query heads", low=1.0, high=512.0)
    kv_heads: Scalar = param(unit="1", doc="key and value heads", low=1.0, high=512.0)
    head_size: Scalar = param(unit="1", doc="size of a head", low=16.0, high=512.0)
    vocabulary: Scalar = param(unit="1", doc="tokens", low=256.0, high=1e6)

    def projection_weights(self) -> Scalar:
        """Parameters of queries, keys, values and output of one layer."""
        width = (2 * self.heads + 2 * self.kv_heads) * self.head_size
        return self.hidden * width

    def feed_forward_weights(self) -> Scalar:
        """Parameters of gate, up and down of one layer."""
        return 3 * self.hidden * self.feed_forward

    def layer_weights(self) -> Scalar:
        """Parameters of one layer."""
        return self.projection_weights() + self.feed_forward_weights()

    def head_weights(self) -> Scalar:
        """Parameters of the output head; the embedding has as many."""
        return self.hidden * self.vocabulary

    def weights(self) -> Scalar:
        """All parameters."""
        return self.layers * self.layer_weights() + 2 * self.head_weights()

    def kv_values(self) -> Scalar:
        """Numbers cached for one token in one layer."""
        return 2 * self.kv_heads * self.head_size
