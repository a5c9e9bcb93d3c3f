"""Designs per second through the whole chain, from a ring's gap to J/token.

10^5 designs of the ring engine (six free parameters, both detuning branches' blue side)
in one `vmap` of `evaluate`: PAM-4, free laser current, laser junction and ring
self-heating solved, float64, every error rate and slack of the scale-out links. The
gradient is that of a penalised objective, in all six parameters. Compilation apart.
"""

import os
import time

import jax
import jax.numpy as jnp

import photonflow as pf
from photonflow.search.design import DesignSpace
from photonflow.search.objective import Objective


DESIGNS = 100_000
REPEATS = 5


def rows() -> list[dict]:
    """Value, value and gradient, and their ratio."""
    pf.enable_x64()
    study = pf.study("cpo-vs-pluggable")
    cluster, workload = study.cluster("cpo"), study.workload("decode")
    space = DesignSpace.of(cluster, *study.space("cpo"))
    objective = Objective()
    low, high = space.boxes()[0]

    def value(u, cluster, workload):
        report = pf.evaluate(space.unpack(u, cluster), workload)
        slacks = objective.slacks(report)
        return objective.value(report) + jnp.sum(jnp.minimum(slacks, 0.0) ** 2)

    draw = jax.random.uniform(jax.random.key(0), (DESIGNS, low.shape[0]))
    u = low[None] + (high - low)[None] * draw
    out = []
    for name, function in (
        ("value", value),
        ("value and gradient", jax.value_and_grad(value)),
    ):
        batch = jax.jit(jax.vmap(function, in_axes=(0, None, None)))
        began = time.perf_counter()
        compiled = batch.lower(u, cluster, workload).compile()
        compile_s = time.perf_counter() - began
        seconds = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            jax.block_until_ready(compiled(u, cluster, workload))
            seconds.append(time.perf_counter() - began)
        out.append(
            {
                "name": "chain",
                "case": name,
                "designs": DESIGNS,
                "designs_per_s": DESIGNS / min(seconds),
                "median_s": sorted(seconds)[REPEATS // 2],
                "compile_s": compile_s,
                "conditions": f"float64, {os.cpu_count()} cores",
            }
        )
    ratio = out[0]["designs_per_s"] / out[1]["designs_per_s"]
    out.append({"name": "chain", "case": "gradient over value", "ratio": ratio})
    return out
