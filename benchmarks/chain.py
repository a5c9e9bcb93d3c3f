"""Designs per second through the whole chain, from a ring's gap to J/token.

Designs of the ring engine (six free parameters, the laser on the blue side) in one
`vmap` of `evaluate`: PAM-4, free laser current, laser junction and ring self-heating
solved, float64, every error rate, margin and slack of the scale-out links in both
climates. 10^5 of them in closed form, 2,048 pattern by pattern behind 15 taps, as the
study has them. The gradient is that of a penalised objective, in all six parameters.
Compilation apart.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

import photonflow as pf
from photonflow.search.design_space import DesignSpace
from photonflow.search.link_limits import link_limits

from .batches import value_and_gradient


CASES = (("equaliser-unlimited", 100_000), ("equaliser-15-taps-ring", 2_048))
REPEATS = 3


def rows() -> list[dict]:
    """Value, value and gradient, and their ratio, for either equaliser."""
    pf.enable_x64()
    study = pf.study("cpo-vs-pluggable")
    space = DesignSpace.of(study.cluster("cpo"), study.free("cpo"))
    low, high = space.boxes()[0]
    out = []
    for card, designs in CASES:
        cluster = _equalised(study.cluster("cpo"), pf.load(card))
        draw = jax.random.uniform(jax.random.key(0), (designs, low.shape[0]))
        u = low[None] + (high - low)[None] * draw
        parts = (u, cluster, study.workload("decode"))
        out += value_and_gradient(
            "chain", card, _objective(space), *parts, repeats=REPEATS
        )
    return out


def _equalised(cluster, equaliser):
    """A cluster whose scale-out links end in this equaliser."""
    return eqx.tree_at(
        lambda c: (c.scale_out.host_link.equaliser, c.scale_out.switch_link.equaliser),
        cluster,
        (equaliser, equaliser),
    )


def _objective(space):
    """J/token, penalised where a slack is below 0."""

    def value(u, cluster, workload):
        report = pf.evaluate(space.unpack(u, cluster), workload)
        slacks = jnp.stack([limit.read(report) for limit in link_limits(report)])
        return jnp.log(report.j_per_token) + jnp.sum(jnp.minimum(slacks, 0.0) ** 2)

    return value
