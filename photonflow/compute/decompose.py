r"""Phases of a mesh from the unitary matrix it should have.

Anti-diagonals of U are nulled in turn from the right by $T^\dagger$ on two columns and
from the left by $T$ on two rows, until a diagonal D is left [1]; then each
$T^\dagger D$ on the left becomes $D' T'$, which puts all phases at the outputs. Every
step is a rotation, so rounding grows no faster than the number of columns.

1. Clements et al. 2016, arXiv:1603.08788
"""

import cmath
import math
from typing import Any

import numpy as np

from .mesh import MZIMesh, columns


def clements(u: Any) -> MZIMesh:
    """The lossless, error-free mesh whose matrix is the unitary `u`, two modes or more.

    `theta` is in [0, pi], the other phases in [-pi, pi]. Computed in double precision
    by numpy, outside any trace; the mesh is float64 where jax is.
    """
    u = _unitary(u)
    n = len(u)
    right, left = _null(u)
    # Phasors, since a sum of angles loses a digit for every ten turns.
    d = np.diagonal(u) / abs(np.diagonal(u))
    moved = []
    for mode, theta, phi in reversed(left):
        above, below = d[mode], d[mode + 1]
        # T^H D = D' T' with the same theta; T^H carries -exp(-i theta) against T.
        d[mode + 1] = -np.exp(-1j * theta) * below
        d[mode] = np.exp(-1j * phi) * d[mode + 1]
        moved.append((mode, theta, np.angle(above * np.conj(below))))
    theta, phi = np.zeros((2, columns(n), n // 2))
    free = np.zeros(n, int)  # first column that a mode is free in
    for mode, a, b in right + moved:
        column = max(free[mode], free[mode + 1], mode % 2)
        theta[column, mode // 2], phi[column, mode // 2] = a, b
        free[mode : mode + 2] = column + 1
    return MZIMesh(theta, phi, np.angle(d))


def _null(u: np.ndarray) -> tuple[list, list]:
    """Make `u` diagonal; (mode, theta, phi) of the rotations right and left of it."""
    n = len(u)
    right, left = [], []
    for i in range(n - 1):
        for j in range(i + 1):
            if i % 2 == 0:
                row, mode = n - 1 - j, i - j
                a, b = u[row, mode], u[row, mode + 1]
                theta, phi = 2 * math.atan2(abs(b), abs(a)), cmath.phase(-a * b.conj())
                t = _cell(theta, phi)
                u[:, mode : mode + 2] = u[:, mode : mode + 2] @ t.conj().T
                u[row, mode] = 0
                right.append((mode, theta, phi))
            else:
                column, mode = j, n - 2 - i + j
                a, b = u[mode, column], u[mode + 1, column]
                theta, phi = 2 * math.atan2(abs(a), abs(b)), cmath.phase(b * a.conj())
                u[mode : mode + 2] = _cell(theta, phi) @ u[mode : mode + 2]
                u[mode + 1, column] = 0
                left.append((mode, theta, phi))
    return right, left


def _cell(theta: float, phi: float) -> np.ndarray:
    """T of ideal splitters, $i e^{i\\theta/2}$ times a rotation by $\\theta/2$."""
    front = 1j * cmath.exp(0.5j * theta)
    s, c = front * math.sin(theta / 2), front * math.cos(theta / 2)
    outer = cmath.exp(1j * phi)
    return np.array([[outer * s, c], [outer * c, -s]])


def _unitary(u: Any) -> np.ndarray:
    """A complex128 copy of `u`, or an error that says why it has no mesh."""
    u = np.asarray(u)
    if u.ndim != 2 or u.shape[0] != u.shape[1] or len(u) < 2:
        raise ValueError(
            f"`u` has shape {u.shape}; a mesh needs a square matrix of 2 modes or more"
        )
    if not np.issubdtype(u.dtype, np.number) or not np.all(np.isfinite(u)):
        raise ValueError("`u` has elements that are not finite numbers")
    # Rounding of the precision that `u` came in passes, and nothing else.
    inexact = u.dtype if np.issubdtype(u.dtype, np.inexact) else np.float64
    tolerance = float(np.sqrt(np.finfo(inexact).eps))
    u = u.astype(np.complex128)
    off = float(np.max(abs(u.conj().T @ u - np.eye(len(u)))))
    if off > tolerance:
        raise ValueError(
            f"`u` is not unitary: ||U^H U - I||_max is {off:.3g}, and {tolerance:.1g} "
            "is allowed. A mesh without gain is unitary: split any other matrix by "
            "`numpy.linalg.svd` and give the two unitary factors a mesh each"
        )
    return u
