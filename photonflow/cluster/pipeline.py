"""How microbatches travel through the stages of a replica: what of it is exposed."""

from typing import NamedTuple

import jax.numpy as jnp

from ..component import Scalar


Times = dict[str, Scalar]
"""seconds by cause of `causes.TIME`"""


class Stage(NamedTuple):
    """What one microbatch takes on its way."""

    layers_s: Times
    """on every stage, all its layers"""
    head_s: Times
    """on the last stage besides"""
    hand_s: Scalar
    """one hand-over to the next stage"""
    host_s: Scalar
    """of the host, once a step: sampling, scheduling, optimiser launches"""


def circulating(microbatches: Scalar, stages: Scalar, stage: Stage) -> Times:
    r"""Exposed seconds of a step in which every microbatch comes round once.

    $M$ microbatches travel round $S$ stages for ever, as decode does. A step lasts
    until the busiest stage, the last one with the head, has served all of them,
    $M t_{last}$, and until one of them has come round,
    $S (t_{stage} + t_{hand}) + t_{head} + t_{host}$; the two join as a smooth maximum
    (exponent 64: at most 1.1 % above the larger, 0.1 % when they are 4 % apart). What a
    step lasts beyond its busiest stage and its hand-overs is the bubble: the head of
    the other stages, sampling and scheduling.
    """
    exposed_s = _both(stage, microbatches)
    last_s = total(exposed_s)
    local_s = stages * total(stage.layers_s) + total(stage.head_s) + stage.host_s
    without_s = smooth_maximum(last_s, local_s)
    step_s = smooth_maximum(last_s, local_s + stages * stage.hand_s)
    # Exposed is what the step would save if hand-overs took no time.
    exposed_s["scale_out"] += step_s - without_s
    exposed_s["bubble"] += without_s - last_s
    return exposed_s


def flushed(microbatches: Scalar, stages: Scalar, stage: Stage, passes: float) -> Times:
    r"""Exposed seconds of a step that starts and ends with an empty pipeline.

    $M$ microbatches pass $S$ stages, the last of which is the busiest, and nothing is
    left in between: one forward, one backward (1F1B) in training,
    $$ T = M t_{last} + (S - 1)(t_{stage} + n t_{hand}) + t_{host} , $$
    with $n$ passes, 2 where there is a backward one. The bubble is $(S-1) t_{stage}$
    [1]. Left out: interleaved stages, which divide it; hand-overs that delay a full
    pipeline.

    1. Narayanan et al. 2021, doi:10.1145/3458817.3476209
    """
    exposed_s = _both(stage, microbatches)
    filling = stages - 1
    exposed_s["bubble"] += filling * total(stage.layers_s)
    exposed_s["scale_out"] += filling * passes * stage.hand_s
    exposed_s["launch"] += stage.host_s
    return exposed_s


def total(times: Times) -> Scalar:
    """Sum over all causes."""
    return sum(times.values(), start=jnp.zeros(()))


def smooth_maximum(x: Scalar, y: Scalar, exponent: float = 64.0) -> Scalar:
    """(x^p + y^p)^(1/p) of two positive numbers."""
    scale = x + y
    powers = (x / scale) ** exponent + (y / scale) ** exponent
    return scale * powers ** (1 / exponent)


def _both(stage: Stage, microbatches: Scalar) -> Times:
    """All microbatches on the last stage."""
    return {
        cause: microbatches * (seconds + stage.head_s[cause])
        for cause, seconds in stage.layers_s.items()
    }
