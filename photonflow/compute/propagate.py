r"""Light through the columns of a rectangular mesh, forwards and back.

Two columns are one step of a scan, so that compiling does not depend on N. Amplitudes
are kept mode-major, even modes `p` apart from odd modes `q`:

```
        even column   odd column
 p0 ────╮  ╭─────────────────────
        │T0│
 q0 ────╯  ╰────╮  ╭─────────────
                │T0│
 p1 ────╮  ╭────╯  ╰─────────────
        │T1│
 q1 ────╯  ╰─────────────────────
```

Halves are cut and joined by slices: a `roll` would read the same, but keeps XLA from
vectorising the step (three times slower on a CPU).

A lossless column is unitary, so the backward pass needs no stored amplitudes. It runs
the light back through $T^\dagger$ beside the cotangents, which go through $T^T$: memory
does not grow with depth, at the price of one more pass. This is right for any splitter
angle, but not for a column that loses light: loss has to stay outside.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float


Cells = Complex[Array, "steps 4 _"]
"""T00, T01, T10, T11 of the cells of every second column"""
Half = Complex[Array, "_ batch"]
"""amplitudes of the even or of the odd modes"""


def transfer(
    theta: Float[Array, "..."],
    phi: Float[Array, "..."],
    alpha: Float[Array, "..."],
    beta: Float[Array, "..."],
) -> tuple[Array, Array, Array, Array]:
    r"""T00, T01, T10, T11 of a cell with splitters at $\pi/4 + \alpha, \pi/4 + \beta$.

    $$ T = S(\beta)\,\mathrm{diag}(e^{i\theta}, 1)\,S(\alpha)\,
       \mathrm{diag}(e^{i\phi}, 1), \quad
       S(\epsilon) = \begin{pmatrix} \cos & i\sin \\ i\sin & \cos \end{pmatrix}
       (\tfrac{\pi}{4} + \epsilon). $$
    Products of the splitters' sines and cosines are written by sum and difference of
    their errors, which makes them exactly 1/2 where there are none.
    """
    total, apart = alpha + beta, alpha - beta
    cos_cos = (jnp.cos(apart) - jnp.sin(total)) / 2
    sin_sin = (jnp.cos(apart) + jnp.sin(total)) / 2
    # Sine of which splitter: `out` is the second, behind theta.
    sin_out = (jnp.cos(total) - jnp.sin(apart)) / 2
    sin_in = (jnp.cos(total) + jnp.sin(apart)) / 2
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    outer = lax.complex(jnp.cos(phi), jnp.sin(phi))
    return (
        outer * lax.complex(cos_cos * cos - sin_sin, cos_cos * sin),
        lax.complex(-sin_in * sin, sin_in * cos + sin_out),
        outer * lax.complex(-sin_out * sin, sin_out * cos + sin_in),
        lax.complex(cos_cos - sin_sin * cos, -sin_sin * sin),
    )


def scan_columns(even: Cells, odd: Cells, p: Half, q: Half) -> tuple[Half, Half]:
    """Amplitudes behind all columns.

    `even` couples p[j] with q[j], `odd` q[j] with p[j+1]; what is left over passes by.
    """

    def step(light, cells):
        p, q = light
        now, later = cells
        top, q = _couple(now, p[: q.shape[0]], q)
        p = jnp.concatenate([top, p[q.shape[0] :]])
        top, bottom = _couple(later, q[: p.shape[0] - 1], p[1:])
        return (_join_p(p, bottom), _join_q(top, q)), None

    return lax.scan(step, (p, q), (even, odd))[0]


@jax.custom_vjp
def propagate(even: Cells, odd: Cells, p: Half, q: Half) -> tuple[Half, Half]:
    """`scan_columns` of unitary cells: same result, a gradient that stores nothing."""
    return scan_columns(even, odd, p, q)


def _forward(even: Cells, odd: Cells, p: Half, q: Half) -> tuple:
    light = propagate(even, odd, p, q)
    return light, (even, odd, light)


def _backward(kept: tuple, cotangent: tuple[Half, Half]) -> tuple:
    even, odd, light = kept

    def step(state, cells):
        p, q, p_bar, q_bar = state
        now, later = cells
        inner = p.shape[0] - 1
        later_bar, (top, bottom), (top_bar, bottom_bar) = _uncouple(
            later, (q[:inner], p[1:]), (q_bar[:inner], p_bar[1:])
        )
        p, q = _join_p(p, bottom), _join_q(top, q)
        p_bar, q_bar = _join_p(p_bar, bottom_bar), _join_q(top_bar, q_bar)
        n = q.shape[0]
        now_bar, (top, q), (top_bar, q_bar) = _uncouple(
            now, (p[:n], q), (p_bar[:n], q_bar)
        )
        p = jnp.concatenate([top, p[n:]])
        p_bar = jnp.concatenate([top_bar, p_bar[n:]])
        return (p, q, p_bar, q_bar), (now_bar, later_bar)

    state, bars = lax.scan(step, (*light, *cotangent), (even, odd), reverse=True)
    return *bars, *state[2:]


propagate.defvjp(_forward, _backward)


def _couple(t: Array | Sequence[Array], a: Half, b: Half) -> tuple[Half, Half]:
    t00, t01, t10, t11 = (element[:, None] for element in t)
    return t00 * a + t01 * b, t10 * a + t11 * b


def _uncouple(
    t: Array, light: tuple[Half, Half], bar: tuple[Half, Half]
) -> tuple[Array, tuple[Half, Half], tuple[Half, Half]]:
    """Cotangent of `t`, then light and cotangents in front of the cells."""
    transposed = (t[0], t[2], t[1], t[3])
    a, b = _couple([jnp.conj(element) for element in transposed], *light)
    t_bar = jnp.stack([jnp.sum(g * z, 1) for g in bar for z in (a, b)])
    return t_bar, (a, b), _couple(transposed, *bar)


def _join_p(p: Half, inner: Half) -> Half:
    """The first even mode meets no cell of an odd column."""
    return jnp.concatenate([p[:1], inner])


def _join_q(inner: Half, q: Half) -> Half:
    """With N even, neither does the last odd mode."""
    return jnp.concatenate([inner, q[inner.shape[0] :]])
