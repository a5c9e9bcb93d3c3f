"""Components without physics, for searches whose answers are known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import photonflow as pf
from photonflow.component import Component, Scalar, param


def number():
    return param(unit="1", doc="a coordinate", low=-1.0, high=1.0)


class Point(Component):
    """Five coordinates, and coefficients that a problem is made of."""

    x0: Scalar = number()
    x1: Scalar = number()
    x2: Scalar = number()
    x3: Scalar = number()
    x4: Scalar = number()
    quadratic: jax.Array = eqx.field(kw_only=True)
    linear: jax.Array = eqx.field(kw_only=True)
    rows: jax.Array = eqx.field(kw_only=True)
    edges: jax.Array = eqx.field(kw_only=True)

    def x(self):
        return jnp.stack([self.x0, self.x1, self.x2, self.x3, self.x4])


LIMITS = 6
KINDS = ("plain", "equal", "nearly equal", "redundant", "infeasible")


def problem(seed):
    """A random problem with curved limits, of each of `KINDS` in turn."""
    rng, kind = np.random.default_rng(seed), KINDS[seed % len(KINDS)]
    root = rng.normal(size=(5, 5))
    rows, edges = rng.normal(size=(LIMITS, 5)), rng.uniform(-0.5, 0.8, LIMITS)
    if kind == "equal":
        rows[1], edges[1] = rows[0], edges[0]
    if kind == "nearly equal":
        rows[1], edges[1] = rows[0] + 1e-8, edges[0] + 1e-9
    if kind == "redundant":
        rows[1], edges[1] = rows[0], edges[0] + 0.3
    if kind == "infeasible":
        rows[1], edges[1] = -rows[0], -edges[0] - 1.0
    return Point(
        *np.clip(rng.normal(size=5) / 2, -1, 1).tolist(),
        quadratic=jnp.asarray(root @ root.T / 5 + 0.1 * np.eye(5)),
        linear=jnp.asarray(rng.normal(size=5)),
        rows=jnp.asarray(rows),
        edges=jnp.asarray(edges),
    )


def scalars(point):
    """A bowl with ripples, and limits that bend."""
    x = point.x()
    f = x @ point.quadratic @ x / 2 + point.linear @ x + 0.2 * jnp.sin(3 * x[0] * x[1])
    c = point.rows @ x + point.edges - 0.1 * jnp.sum(x**2)
    return {"f": f} | {f"c{i}": c[i] for i in range(LIMITS)}


FREE = [pf.Free(f"x{i}") for i in range(5)]
ALL = [pf.at_least(f"c{i}", 0.0, tolerance=1e-6) for i in range(LIMITS)]
