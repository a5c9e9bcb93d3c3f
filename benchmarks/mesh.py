"""A mesh of interferometers against the dense matrix product it stands for.

`MZIMesh.apply` on a batch of vectors, splitter errors and loss included, against
x @ U with the matrix as it is: complex64, the same x, the same loss, one process. The
gradient of the mesh is with respect to x and every phase, splitter and loss, that of
the dense product with respect to x and U. Runs alternate, so that both meet the same
machine; compilation is apart.
"""

import os
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import unitary_group

import photonflow as pf


SIZES = (16, 64, 128)
BATCHES = {128: 200, 4096: 20}
"""repeats by number of vectors"""


def rows() -> list[dict]:
    """Forward, value and gradient of every size and batch."""
    cases = [(n, batch) for batch in BATCHES for n in SIZES]
    return [row for case in cases for row in _case(*case)]


def _case(n: int, batch: int) -> list[dict]:
    random = np.random.default_rng(n)
    mesh = pf.compute.clements(unitary_group.rvs(n, random_state=random))
    mesh = pf.compute.with_splitter_errors(mesh, jax.random.key(0), 0.01)
    mesh = mesh.astype(jnp.float32)
    x = random.normal(size=(batch, n)) + 1j * random.normal(size=(batch, n))
    x = jnp.asarray(x, jnp.complex64)
    weight = jnp.asarray(random.normal(size=(batch, n)), jnp.float32)
    transposed = mesh.matrix().T

    def dense(u: Any, x: Any) -> Any:
        return x @ u

    def ours(mesh: Any, x: Any) -> Any:
        return mesh.apply(x)

    def loss(way: Any) -> Any:
        # Weighted powers: of plain ones a unitary keeps the sum.
        def value(matrix: Any, x: Any) -> Any:
            y = way(matrix, x)
            return jnp.sum(weight * (jnp.square(y.real) + jnp.square(y.imag)))

        return jax.value_and_grad(value, argnums=(0, 1))

    out = []
    for name, pair in (
        ("forward", (ours, dense)),
        ("value and gradient", (loss(ours), loss(dense))),
    ):
        built = [
            _compiled(function, matrix, x)
            for function, matrix in zip(pair, (mesh, transposed), strict=True)
        ]
        seconds = [[], []]
        for _ in range(BATCHES[batch]):
            for (run, _), spent in zip(built, seconds, strict=True):
                began = time.perf_counter()
                jax.block_until_ready(run())
                spent.append(time.perf_counter() - began)
        least = [min(spent) for spent in seconds]
        median = [float(np.median(spent)) for spent in seconds]
        out.append(
            {
                "name": "mesh",
                "case": f"{name}, N = {n}, {batch} vectors",
                "ours": least[0],
                "peer": "dense complex matrix product",
                "peer_value": least[1],
                "unit": "s",
                "ratio": least[0] / least[1],
                "ours_median": median[0],
                "peer_median": median[1],
                "median_ratio": median[0] / median[1],
                "compile_s": built[0][1],
                "conditions": f"complex64, minimum of {BATCHES[batch]} alternating "
                f"runs, {os.cpu_count()} cores, jax {jax.__version__}",
            }
        )
    return out


def _compiled(function: Any, *arguments: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    spent = time.perf_counter() - began
    return lambda: compiled(*arguments), spent
