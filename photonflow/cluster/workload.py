"""What the cluster is asked to do: a model, a phase, a layout, a request mix."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..compute.base import MatrixProduct
from . import products
from .architecture import DenseDecoder
from .collectives import AllReduce, PointToPoint
from .parallelism import Layout
from .pipeline import Stage, Times, circulating


class Collectives(NamedTuple):
    """Traffic of one accelerator in one stage."""

    all_reduce: AllReduce
    """inside the scale-up domain, for one microbatch"""
    hand_over: PointToPoint
    """to the next stage, over scale-out, for one microbatch"""
    outside: PointToPoint
    """from or to other clusters, over scale-out, for one microbatch; not waited for"""
    gradients: AllReduce
    """among the replicas, over scale-out, once a step"""


class Workload(Component):
    """One phase of one model on one layout.

    The step is the unit of time: every sequence in flight advances by one pass, or in
    training by a pass forward and one back.
    """

    model: eqx.AbstractVar[DenseDecoder]
    layout: eqx.AbstractVar[Layout]
    microbatches: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def layer_products(self) -> list[MatrixProduct]:
        """Products of one layer on one tensor rank, for one microbatch."""

    @abc.abstractmethod
    def head_products(self) -> list[MatrixProduct]:
        """Products of the output head on one tensor rank, for one microbatch."""

    @abc.abstractmethod
    def layer_moved_byte(self) -> Scalar:
        """Bytes that norms, activations and other passes over a layer move."""

    @abc.abstractmethod
    def launches(self) -> Scalar:
        """Launch floors of a layer for one microbatch, in those of a forward pass."""

    @abc.abstractmethod
    def collectives(self) -> Collectives:
        """Traffic of one accelerator in one stage."""

    @abc.abstractmethod
    def exposed_s(self, stage: Stage, reduce_s: Scalar) -> Times:
        """Seconds of a step by cause; the all-reduce of gradients takes `reduce_s`."""

    @abc.abstractmethod
    def tokens_per_step(self) -> Scalar:
        """Tokens that all replicas together finish in one step."""

    @abc.abstractmethod
    def memory_byte(self) -> Scalar:
        """Memory one accelerator needs."""

    def layers_per_stage(self) -> Scalar:
        """Layers of one stage."""
        return self.model.layers / self.layout.pipeline

    def weights_per_accelerator(self) -> Scalar:
        """Parameters that one accelerator holds, in the mean over stages."""
        return self.model.weights() / self.layout.per_replica()

    def closing_byte(self) -> Scalar:
        """Bytes that one accelerator moves once a step, as for its optimiser."""
        return jnp.zeros(())


class Decode(Workload):
    """Autoregressive decode: every sequence in flight gains one token a step.

    A replica keeps `microbatches` of `microbatch` sequences in flight, one or more per
    pipeline stage. Finished sequences are replaced by new ones, whose keys and values
    arrive over scale-out from a prefill cluster that is not part of this one. Each
    tensor rank hands its whole copy of the activations to its peer in the next stage.
    Left out: speculative decoding, preemption, the spread of sequence lengths.
    """

    model: DenseDecoder
    layout: Layout
    microbatch: Scalar = param(
        unit="1", doc="sequences of one microbatch", low=1.0, high=4096.0
    )
    microbatches: Scalar = param(
        unit="1", doc="microbatches in flight per replica", low=1.0, high=1024.0
    )
    prompt: Scalar = param(unit="1", doc="tokens of a prompt", low=1.0, high=1e7)
    output: Scalar = param(unit="1", doc="tokens of an answer", low=1.0, high=1e6)
    context: Scalar = param(
        unit="1", doc="mean tokens in the KV cache of a sequence", low=1.0, high=1e7
    )
    weight_byte: Scalar = param(
        unit="byte", doc="bytes of one weight", low=0.25, high=4.0
    )
    kv_byte: Scalar = param(
        unit="byte", doc="bytes of one number in the KV cache", low=0.25, high=4.0
    )
    activation_byte: Scalar = param(
        unit="byte", doc="bytes of one activation on a link", low=0.5, high=4.0
    )

    def layer_products(self) -> list[MatrixProduct]:
        """Projections and feed-forward, and attention over the cache."""
        ranks, one = self.layout.tensor, jnp.ones(())
        # Activations of a few tokens are below 1e-2 of the weights.
        return [
            *products.forward(
                self.model, ranks, self.microbatch, self.weight_byte, jnp.zeros(())
            ),
            products.attention(
                self.model, ranks, one, self.context, self.microbatch, self.kv_byte
            ),
        ]

    def head_products(self) -> list[MatrixProduct]:
        """Logits of every sequence."""
        ranks = self.layout.tensor
        return [products.head(self.model, ranks, self.microbatch, self.weight_byte)]

    def layer_moved_byte(self) -> Scalar:
        """None, as in the products."""
        return jnp.zeros(())

    def launches(self) -> Scalar:
        """One forward pass."""
        return jnp.ones(())

    def activations_byte(self) -> Scalar:
        """Activations of one microbatch between two layers."""
        return self.microbatch * self.model.hidden * self.activation_byte

    def collectives(self) -> Collectives:
        """Two all-reduces a layer, one hand-over, and a share of new KV caches."""
        stages, ranks = self.layout.pipeline, self.layout.tensor
        reduces = 2 * self.layers_per_stage()
        return Collectives(
            AllReduce(self.activations_byte(), ranks, reduces),
            # The last stage sends token numbers back, too few bytes to count.
            PointToPoint(self.activations_byte(), (stages - 1) / stages),
            PointToPoint(self.cache_byte(self.prompt), self.microbatch / self.output),
            AllReduce(jnp.zeros(()), self.layout.data, jnp.zeros(())),
        )

    def exposed_s(self, stage: Stage, reduce_s: Scalar) -> Times:
        """Microbatches come round for ever; there are no gradients."""
        return circulating(self.microbatches, self.layout.pipeline, stage)

    def cache_byte(self, tokens: Scalar) -> Scalar:
        """Share of one accelerator in the KV cache of a sequence of `tokens`."""
        values = self.model.layers * self.model.kv_values()
        return tokens * values * self.kv_byte / self.layout.per_replica()

    def tokens_per_step(self) -> Scalar:
        """One token for every sequence in flight."""
        return self.layout.data * self.microbatches * self.microbatch

    def memory_byte(self) -> Scalar:
        """Weights and full caches of one accelerator."""
        sequences = self.microbatches * self.microbatch
        weights = self.weights_per_accelerator() * self.weight_byte
        return weights + sequences * self.cache_byte(self.prompt + self.output)
