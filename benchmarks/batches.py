"""How many designs a second a function takes, compiled for a batch of them."""

import os
import time
from collections.abc import Callable
from typing import Any

import jax


def value_and_gradient(
    name: str, case: str, function: Callable, u: Any, *rest: Any, repeats: int
) -> list[dict]:
    """Rows of the value, of value and gradient in the design, and of their ratio.

    `u` has a design in every row, `rest` is common to all. The best of `repeats` runs,
    compilation apart.
    """
    rows = [
        {"name": name, "case": f"{case}, {what}"} | _timed(computed, u, rest, repeats)
        for what, computed in (
            ("value", function),
            ("value and gradient", jax.value_and_grad(function)),
        )
    ]
    ratio = rows[0]["designs_per_s"] / rows[1]["designs_per_s"]
    rows.append({"name": name, "case": f"{case}, gradient over value", "ratio": ratio})
    return rows


def _timed(function: Callable, u: Any, rest: tuple, repeats: int) -> dict:
    batch = jax.jit(jax.vmap(function, in_axes=(0, *[None] * len(rest))))
    began = time.perf_counter()
    compiled = batch.lower(u, *rest).compile()
    compile_s = time.perf_counter() - began
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(compiled(u, *rest))
        seconds.append(time.perf_counter() - began)
    return {
        "designs_per_s": len(u) / min(seconds),
        "median_s": sorted(seconds)[repeats // 2],
        "compile_s": compile_s,
        "conditions": f"float64, {len(u)} designs, {os.cpu_count()} cores",
    }
