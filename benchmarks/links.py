"""One direction of a ring link, pattern by pattern: designs a second, size, accuracy.

Designs are drawn within 12 % (one sigma) of the ring engine of `cpo-ring-1600g`: six
numbers, PAM-4 at 106.25 GBd behind 15 taps, laser junction and ring self-heating
solved, worst corner, float64. A result has the error rate, the one with the reserve
lost, and the margin; a search asks for the reserve, and for its slopes in six numbers
by forward mode. Designs go in pieces of 64, two at a time, as those of a search do;
seconds are of the clock, compilation apart.
"""

import math
import os
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

import photonflow as pf
from photonflow.compilation import in_pieces
from photonflow.component import getter, replace
from photonflow.links.base import Conditions
from photonflow.signal import pattern
from photonflow.signal.receiver import Received, receive


CARD = "cpo-ring-1600g"
PATHS = (
    "end_a.modulator.radius_m",
    "end_a.modulator.gap_m",
    "end_a.modulator.drive_v",
    "end_a.modulator.detuning",
    "end_a.source.laser.current_a",
    "end_b.tia.bandwidth_hz",
)
DESIGNS, SPREAD = 1024, 0.12
PIECE = 64
REPEATS = 5
FINE = 16  # samples a symbol, of which nothing is missing
WORKING = (-8.0, -2.0)  # log10 of error rates that matter


def rows() -> list[dict]:
    """Costs of a result and of a search, equations, and samples against more."""
    pf.enable_x64()
    link, at = pf.load(CARD), Conditions(343.15, 323.15, 500.0, 1.0)
    shipped = np.array([float(getter(path)(link)) for path in PATHS])
    draw = np.random.default_rng(0).normal(0.0, SPREAD, (DESIGNS, len(PATHS)))
    u = shipped * np.exp(draw)

    def direction(x: Any) -> Received:
        moved = replace(link, dict(zip(PATHS, x, strict=True)))
        end = moved.end(moved.end_a, at)
        receiver = moved.receiver(moved.end_b, at)
        return receive(end.transmitter, receiver, moved.channel(at), moved.pam)

    def reserve(x: Any) -> Any:
        return direction(x).log10_ber_reserve

    def slopes(x: Any) -> Any:
        one = lambda d: jax.jvp(reserve, (x,), (d,))  # noqa: E731
        return jax.vmap(one, out_axes=(None, 0))(jnp.eye(len(PATHS)))

    _, exact_s = _timed(direction, u)
    coarse, search_s = _timed(reserve, u)
    _, gradient_s = _timed(jax.value_and_grad(reserve), u)
    _, slopes_s = _timed(slopes, u)
    with patch.object(pattern, "OVERSAMPLING", FINE):
        fine, _ = _timed(lambda x: reserve(x), u)
    working = (fine > WORKING[0]) & (fine < WORKING[1])
    astray = float(np.max(np.where(working, np.abs(coarse - fine), 0.0)))
    budget = jax.make_jaxpr(lambda link, at: link.budget(at))(link, at)
    per_s = "designs per second"
    return [
        _row("error rates and margin", 1 / exact_s, per_s),
        _row("reserve, as a search asks", 1 / search_s, per_s),
        _row("reserve and its gradient, reverse mode", 1 / gradient_s, per_s)
        | _peer("its value alone", 1 / search_s, gradient_s / search_s),
        _row("reserve and its six slopes, forward mode", 1 / slopes_s, per_s)
        | _peer("its value alone", 1 / search_s, slopes_s / search_s),
        _row("worst deviation of working error rates", astray, "decades")
        | _peer(f"{FINE} samples a symbol", 0.0, None),
        _row("one budget, equations", float(equations(budget.jaxpr)), "1"),
    ]


def _row(case: str, ours: float, unit: str) -> dict:
    assert math.isfinite(ours)
    conditions = f"{CARD}, float64, {DESIGNS} designs, {os.cpu_count()} cores"
    none = _peer(None, None, None)
    return (
        {"name": "links", "case": case, "ours": ours, "unit": unit}
        | none
        | {"conditions": conditions}
    )


def _peer(peer: str | None, value: float | None, ratio: float | None) -> dict:
    return {"peer": peer, "peer_value": value, "ratio": ratio}


def _timed(function: Callable, u: Any) -> tuple[Any, float]:
    """What it returns for all designs, and seconds a design."""
    batch = jax.jit(jax.vmap(function))

    def run() -> Any:
        return in_pieces(lambda piece: batch(*piece), PIECE, u)

    found, seconds = run(), []
    for _ in range(REPEATS):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return found, min(seconds) / len(u)


def equations(jaxpr: Any, seen: set[int] | None = None) -> int:
    """Of a program; functions that are called several times count once."""
    seen = set() if seen is None else seen
    count = 0
    for equation in jaxpr.eqns:
        count += 1
        for value in equation.params.values():
            for each in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(each, "jaxpr", each)
                if hasattr(inner, "eqns") and id(inner) not in seen:
                    seen.add(id(inner))
                    count += equations(inner, seen)
    return count
