"""Training steps against published ones, nothing of them fitted.

Rows of Megatron Bridge 25.11 [1] on GB200 NVL72 in FP8 that the model covers: no
experts, no sharded optimiser. The 405B row interleaves four stages per accelerator,
which is not in the model, and hides part of its tensor-parallel traffic, which the
model exposes.

1. github.com/NVIDIA-NeMo/Megatron-Bridge, docs/performance-summary.md at 00b7660b
"""

import jax

import photonflow as pf
from photonflow.cluster.architecture import DenseDecoder
from photonflow.cluster.parallelism import Layout
from photonflow.cluster.training import Training


SHAPES = {  # hidden, feed-forward, layers, heads
    "llama-3.1-405b": (16384.0, 53248.0, 126.0, 128.0),
    "llama-3-8b": (4096.0, 14336.0, 32.0, 32.0),
}
PUBLISHED = (
    # model, (tensor, pipeline, data), sequences of a microbatch, microbatches, s
    ("llama-3.1-405b", (4.0, 16.0, 4.0), 1.0, 384.0, 60.4576),
    ("llama-3-8b", (1.0, 1.0, 8.0), 2.0, 8.0, 4.16),
)


def rows() -> list[dict]:
    """Seconds of a step, ours over theirs."""
    pf.enable_x64()
    cluster = pf.study("cpo-vs-pluggable").cluster("pluggable")
    step_s = jax.jit(lambda workload: pf.evaluate(cluster, workload).step_s)
    found = []
    for model, layout, microbatch, microbatches, published_s in PUBLISHED:
        hidden, feed_forward, layers, heads = SHAPES[model]
        decoder = DenseDecoder(
            hidden, feed_forward, layers, heads, 8.0, 128.0, 128256.0
        )
        workload = Training(
            model=decoder,
            layout=Layout(*layout),
            microbatch=microbatch,
            microbatches=microbatches,
            sequence=8192.0,
            weight_byte=1.0,
            gradient_byte=2.0,
            activation_byte=2.0,
            state_byte=18.0,
        )
        ours_s = float(step_s(workload))
        found.append(
            {
                "name": "training",
                "case": model,
                "ours": ours_s,
                "peer": "published",
                "peer_value": published_s,
                "unit": "s",
                "ratio": ours_s / published_s,
                "conditions": "GB200, FP8, sequences of 8,192",
            }
        )
    return found
