r"""Errors of a built mesh: splitters and phases, their size, and their correction.

Splitters are off by some angle, phases come from converters of finite resolution. The
first can be corrected cell by cell once known [1], the second cannot.

1. Bandyopadhyay, Hamerly, Englund 2021, arXiv:2103.04993
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Inexact

from ..component import Scalar, Values
from .mesh import MZIMesh, exists
from .propagate import transfer


def with_splitter_errors(mesh: MZIMesh, key: Any, sigma: Values) -> MZIMesh:
    """`mesh` with both splitters of every cell drawn anew, Gaussian of `sigma` rad.

    Independent, which is pessimistic for a wafer that is off as a whole.
    """
    draw = jax.random.normal(key, (2, *mesh.theta.shape), mesh.theta.dtype)
    sigma = jnp.asarray(sigma, draw.dtype)
    alpha, beta = jnp.where(exists(mesh.n)[None], sigma * draw, 0.0)
    return eqx.tree_at(lambda m: (m.alpha, m.beta), mesh, (alpha, beta))


def quantised(mesh: MZIMesh, bits: int) -> MZIMesh:
    """`mesh` with every phase rounded to one of 2^bits settings of a turn.

    A staircase: its gradient is zero, so search on `precision.phase_error`.
    """
    step = 2 * math.pi / 2**bits
    phases = (mesh.theta, mesh.phi, mesh.output)
    rounded = tuple(step * jnp.round(phase / step) for phase in phases)
    return eqx.tree_at(lambda m: (m.theta, m.phi, m.output), mesh, rounded)


def matrix_error(u: Inexact[Array, "n n"], ideal: Inexact[Array, "n n"]) -> Scalar:
    r"""$E = \lVert U' - U \rVert_F / \sqrt N$, `ideal` being U."""
    return jnp.linalg.norm(u - ideal) / ideal.shape[0] ** 0.5


def sqnr_db(error: Values) -> Values:
    r"""$-20\log_{10} E$: signal over noise of isotropic inputs through the matrix."""
    return -20 * jnp.log10(error)


def unreachable(mesh: MZIMesh) -> Bool[np.ndarray, "columns cells"]:
    r"""Cells that cannot split light as `theta` asks.

    Splitter errors leave the bar power in $[\sin^2(\alpha+\beta),
    \cos^2(\alpha-\beta)]$; the cross state suffers first.
    """
    short = [power < 0 for power in _powers(mesh)]
    return exists(mesh.n) & np.logical_or(*short)


def corrected(mesh: MZIMesh) -> MZIMesh:
    r"""Phases that make `mesh`, with its splitters, do what they did without errors.

    Each `theta` is turned until the cell splits power as asked, or as nearly as it can;
    `phi` and the phases of the next column take up the rest, the output phases what is
    left at the end. Exact where no cell is `unreachable`; the others keep the right
    phases at the wrong power. By numpy, outside any trace; the limit is a kink.
    """
    bar, cross = (np.sqrt(np.maximum(power, 0)) for power in _powers(mesh))
    theta = 2 * np.arctan2(bar, cross)
    zero = jnp.zeros_like(mesh.theta)
    asked = np.stack(transfer(mesh.theta, mesh.phi, zero, zero))
    given = np.stack(
        transfer(jnp.asarray(theta, zero.dtype), zero, mesh.alpha, mesh.beta)
    )
    # What light lacks in phase: amplitudes asked for = diag(lag) amplitudes given.
    lag = np.ones(mesh.n, asked.dtype)
    phi = np.zeros_like(theta)
    for column, there in enumerate(exists(mesh.n)):
        top = 2 * np.flatnonzero(there) + column % 2
        want = asked[:, column, there] * np.stack([lag[top], lag[top + 1]] * 2)
        have = given[:, column, there]
        match = want * have.conj()
        # The four phases of a unitary are bound by one relation, so that three matched
        # ones match the fourth. Summing leaves out whichever element is dark.
        outer = _phase(match[0] * match[1].conj() + match[2] * match[3].conj())
        lag[top] = _phase(match[0] * outer.conj() + match[1])
        lag[top + 1] = _phase(match[2] * outer.conj() + match[3])
        phi[column, there] = np.angle(outer)
    output = np.angle(lag * np.exp(1j * np.asarray(mesh.output)))
    new = [jnp.asarray(phase, zero.dtype) for phase in (theta, phi, output)]
    return eqx.tree_at(lambda m: (m.theta, m.phi, m.output), mesh, tuple(new))


def _powers(mesh: MZIMesh) -> tuple[np.ndarray, np.ndarray]:
    r"""$\sin^2(\theta'/2)$ and $\cos^2(\theta'/2)$ asked for, both times one scale.

    $\sin^2 x - \sin^2 y = \sin(x+y)\sin(x-y)$ and its like lose no digits near a limit.
    A negative one is a split out of reach.
    """
    half = np.asarray(mesh.theta) / 2
    total = np.asarray(mesh.alpha + mesh.beta)
    apart = np.asarray(mesh.alpha - mesh.beta)
    bar = np.sin(half + total) * np.sin(half - total)
    cross = np.cos(half + apart) * np.cos(half - apart)
    return bar, cross


def _phase(z: np.ndarray) -> np.ndarray:
    """z / |z|, and 1 for zero."""
    size = abs(z)
    return np.where(size > 0, z, 1) / np.where(size > 0, size, 1)
