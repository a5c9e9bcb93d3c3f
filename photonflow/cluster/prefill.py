"""Prefill: prompts are read, their keys and values handed on."""

import jax.numpy as jnp

from ..component import Scalar, param
from ..compute.base import MatrixProduct
from . import products
from .architecture import DenseDecoder
from .collectives import AllReduce, PointToPoint
from .parallelism import Layout
from .pipeline import Stage, Times, flushed
from .workload import Collectives, Workload


class Prefill(Workload):
    """Whole prompts in one forward pass, for a decode cluster elsewhere.

    A step takes `microbatches` of `microbatch` prompts of equal length through the
    stages of every replica and begins with an empty pipeline. Keys and values leave
    over scale-out while the next layer works. Only the last token of a prompt needs
    logits. Causal attention counts half of the square. Left out: cached prefixes,
    chunks, prompts of unequal length, the wait for requests.
    """

    model: DenseDecoder
    layout: Layout
    microbatch: Scalar = param(
        unit="1", doc="prompts of one microbatch", low=1.0, high=4096.0
    )
    microbatches: Scalar = param(
        unit="1", doc="microbatches of a replica in a step", low=1.0, high=1024.0
    )
    prompt: Scalar = param(unit="1", doc="tokens of a prompt", low=1.0, high=1e7)
    weight_byte: Scalar = param(
        unit="byte", doc="bytes of one weight", low=0.25, high=4.0
    )
    kv_byte: Scalar = param(
        unit="byte", doc="bytes of one number in the KV cache", low=0.25, high=4.0
    )
    activation_byte: Scalar = param(
        unit="byte", doc="bytes of one activation", low=0.5, high=4.0
    )

    def tokens(self) -> Scalar:
        """Tokens of one microbatch."""
        return self.microbatch * self.prompt

    def layer_products(self) -> list[MatrixProduct]:
        """Projections and feed-forward, and causal attention."""
        ranks = self.layout.tensor
        return [
            *products.forward(
                self.model,
                ranks,
                self.tokens(),
                self.weight_byte,
                self.activation_byte,
            ),
            products.attention(
                self.model,
                ranks,
                self.prompt,
                self.prompt / 2,
                self.microbatch,
                self.kv_byte,
            ),
        ]

    def head_products(self) -> list[MatrixProduct]:
        """Logits of the last token of every prompt."""
        ranks = self.layout.tensor
        return [products.head(self.model, ranks, self.microbatch, self.weight_byte)]

    def layer_moved_byte(self) -> Scalar:
        """One forward pass."""
        return products.elementwise_byte(
            self.model, self.layout.tensor, self.tokens(), self.activation_byte
        )

    def launches(self) -> Scalar:
        """One forward pass."""
        return jnp.ones(())

    def collectives(self) -> Collectives:
        """Two all-reduces a layer, one hand-over, and all keys and values."""
        stages, ranks = self.layout.pipeline, self.layout.tensor
        passed = self.tokens() * self.model.hidden * self.activation_byte
        cache = self.microbatch * self.cache_byte()
        return Collectives(
            AllReduce(passed, ranks, 2 * self.layers_per_stage()),
            PointToPoint(passed / ranks, (stages - 1) / stages),
            PointToPoint(cache, jnp.ones(())),
            AllReduce(jnp.zeros(()), self.layout.data, jnp.zeros(())),
        )

    def exposed_s(self, stage: Stage, reduce_s: Scalar) -> Times:
        """One pass through an empty pipeline; there are no gradients."""
        return flushed(self.microbatches, self.layout.pipeline, stage, passes=1.0)

    def cache_byte(self) -> Scalar:
        """Share of one accelerator in the KV cache of a prompt."""
        values = self.model.layers * self.model.kv_values()
        return self.prompt * values * self.kv_byte / self.layout.per_replica()

    def tokens_per_step(self) -> Scalar:
        """Tokens read."""
        return self.layout.data * self.microbatches * self.tokens()

    def memory_byte(self) -> Scalar:
        """Weights, the caches of all prompts, and the widest layer at work."""
        weights = self.weights_per_accelerator() * self.weight_byte
        prompts = self.microbatches * self.microbatch
        model = self.model
        wide = 2 * model.hidden + 3 * model.feed_forward / self.layout.tensor
        working = self.tokens() * wide * self.activation_byte
        return weights + prompts * self.cache_byte() + working
