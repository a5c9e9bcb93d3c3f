"""Training: forward and backward through a pipeline, then gradients are added up."""

import jax.numpy as jnp

from ..component import Scalar, param
from ..compute.base import MatrixProduct
from ..devices.response import smooth_positive
from . import products
from .architecture import DenseDecoder
from .collectives import AllReduce, PointToPoint
from .parallelism import Layout
from .pipeline import Stage, Times, flushed, total
from .workload import Collectives, Workload


MAIN_GRADIENT_BYTE = 4.0  # gradients are summed over microbatches in fp32
BACKWARD = 2 / 3  # part of a microbatch's time; a little more where attention is redone
JOINT = 0.02  # width of the joint between hidden and exposed, of what can be hidden


class Training(Workload):
    r"""Synchronous training with tensor, pipeline and data parallelism.

    Every replica passes `microbatches` through its stages, one forward and one backward
    at a time (1F1B), then all replicas add up their gradients and every accelerator
    updates its weights. Recompute is selective: the core of attention and the product
    of gate and up are done twice instead of being kept [1]. Tensor ranks also split
    norms and residuals (sequence parallelism): an all-reduce is a reduce-scatter and an
    all-gather of as many bytes, and a stage hands over a slice per rank. Causal
    attention counts half of the square.

    Between forward and backward a layer keeps, in numbers per token [1],
    $$ 4h + 2 h_q + 2 h_{kv} + 2 f $$
    (inputs and outputs of two norms, queries and attention's output, keys and values,
    gate and up), split among tensor ranks; the first stage holds it for $\min(S, M)$
    microbatches, which is taken as $S$, and the embedding besides its layers.

    The all-reduce hides behind the backward pass of the last microbatch and no other;
    those inside a layer are exposed. Left out: interleaved stages, uneven stages,
    sharded optimiser states, time of the embedding, checkpoints, failures,
    tensor-parallel overlap, the all-gather that repeats split inputs on the way back
    and hides behind products.

    1. Korthikanti et al. 2022, arXiv:2205.05198
    """

    model: DenseDecoder
    layout: Layout
    microbatch: Scalar = param(
        unit="1", doc="sequences of one microbatch", low=1.0, high=4096.0
    )
    microbatches: Scalar = param(
        unit="1", doc="microbatches of a replica in a step", low=1.0, high=4096.0
    )
    sequence: Scalar = param(unit="1", doc="tokens of a sequence", low=1.0, high=1e7)
    weight_byte: Scalar = param(
        unit="byte", doc="bytes of one weight as products take it", low=0.5, high=4.0
    )
    gradient_byte: Scalar = param(
        unit="byte", doc="bytes of one gradient on a link", low=0.5, high=4.0
    )
    activation_byte: Scalar = param(
        unit="byte", doc="bytes of one activation", low=0.5, high=4.0
    )
    state_byte: Scalar = param(
        unit="byte",
        doc="weight, gradient, master copy and moments of one parameter",
        low=4.0,
        high=24.0,
    )

    def tokens(self) -> Scalar:
        """Tokens of one microbatch."""
        return self.microbatch * self.sequence

    def layer_products(self) -> list[MatrixProduct]:
        """Forward, backward, and attention once more."""
        ranks = self.layout.tensor
        forward = products.forward(
            self.model, ranks, self.tokens(), self.weight_byte, self.activation_byte
        )
        core = products.attention(
            self.model,
            ranks,
            self.sequence,
            self.sequence / 2,  # causal: half of all keys, in the mean
            self.microbatch,
            self.activation_byte,
        )
        return [*_with_backward(forward), products.times(core, 4.0)]

    def head_products(self) -> list[MatrixProduct]:
        """Logits of every token, and back."""
        ranks = self.layout.tensor
        logits = products.head(self.model, ranks, self.tokens(), self.weight_byte)
        return _with_backward([logits])

    def layer_moved_byte(self) -> Scalar:
        """Three times a forward pass."""
        return 3 * products.elementwise_byte(
            self.model, self.layout.tensor, self.tokens(), self.activation_byte
        )

    def launches(self) -> Scalar:
        """One forward pass, and twice as many kernels backward."""
        return jnp.asarray(3.0)

    def collectives(self) -> Collectives:
        """Four all-reduces a layer, two hand-overs, and the gradients."""
        stages, ranks = self.layout.pipeline, self.layout.tensor
        passed = self.tokens() * self.model.hidden * self.activation_byte
        gradients = self.weights_per_accelerator() * self.gradient_byte
        nothing = jnp.zeros(())
        return Collectives(
            AllReduce(passed, ranks, 4 * self.layers_per_stage()),
            PointToPoint(passed / ranks, 2 * (stages - 1) / stages),
            PointToPoint(nothing, nothing),
            AllReduce(gradients, self.layout.data, jnp.ones(())),
        )

    def exposed_s(self, stage: Stage, reduce_s: Scalar) -> Times:
        """A flushed pipeline, then what of the gradients' all-reduce is left."""
        exposed_s = flushed(self.microbatches, self.layout.pipeline, stage, passes=2.0)
        hidden_s = BACKWARD * total(stage.layers_s)
        left_s = smooth_positive(reduce_s - hidden_s, JOINT * hidden_s)
        exposed_s["scale_out"] += left_s
        return exposed_s

    def closing_byte(self) -> Scalar:
        """The optimiser reads and writes all of the state, 20 % more than it must."""
        return 2 * self.state_byte * self.weights_per_accelerator()

    def tokens_per_step(self) -> Scalar:
        """The global batch."""
        return self.layout.data * self.microbatches * self.tokens()

    def memory_byte(self) -> Scalar:
        """State and activations of the first stage, which holds most."""
        model, stages = self.model, self.layout.pipeline
        layers = self.layers_per_stage() * model.layer_weights()
        own = (layers + model.head_weights()) / self.layout.tensor  # and the embedding
        return own * self.state_byte + stages * self.kept_byte()

    def kept_byte(self) -> Scalar:
        """What one microbatch leaves on a stage between forward and backward."""
        model = self.model
        query = model.heads * model.head_size
        numbers = 4 * model.hidden + 2 * query + model.kv_values()
        numbers = numbers + 2 * model.feed_forward
        per_layer = self.tokens() * numbers * self.activation_byte / self.layout.tensor
        return per_layer * self.layers_per_stage()


def _with_backward(forward: list[MatrixProduct]) -> list[MatrixProduct]:
    """Products with weights, each with its two gradients."""
    pairs = [products.backward(p, MAIN_GRADIENT_BYTE) for p in forward]
    return [*forward, *(p for pair in pairs for p in pair)]
