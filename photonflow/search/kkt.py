r"""Optimality conditions: how far a design is from them, and its multipliers.

At an optimum the gradient is a sum, with weights that are not negative, of those of
the limits that hold and of the bounds that are touched,
$$ \nabla f = \sum_{c_i \le 0} \lambda_i \nabla c_i + \nu_l - \nu_h . $$
Least squares without negative weights [1] give the multipliers and what is left over.
They need no history: limits that are equal or nearly so leave the same rest whoever
carries the weight.

1. Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls


ON_BOUND = 1e-9
"""of the box: nearer than this a variable is on its bound"""
LEAST_SLOPE = 1e-3
"""a residual counts against the objective's gradient, or against this if it is less:
of an objective of the size of 1, or of its logarithm, over the whole of a box"""


class Certificate(NamedTuple):
    """What one design is worth as an optimum."""

    multipliers: np.ndarray
    """of the limits (m,)"""
    bounds: np.ndarray
    """of the bounds (n,): below 0 at the upper one, 0 inside"""
    residual: float
    """inf-norm of the rest over that of the objective's gradient, `LEAST_SLOPE` at
    least"""


def certificate(
    u: np.ndarray,
    g: np.ndarray,
    c: np.ndarray,
    jacobian: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    tolerance: float,
    least_slope: float = LEAST_SLOPE,
) -> Certificate:
    """Multipliers of one design, of limits that hold to `tolerance`."""
    n = len(u)
    holds = np.flatnonzero(c <= tolerance)
    touched = [
        np.flatnonzero(u - low <= ON_BOUND),
        np.flatnonzero(high - u <= ON_BOUND),
    ]
    units = np.eye(n)
    columns = np.concatenate(
        [jacobian[holds].T, units[:, touched[0]], -units[:, touched[1]]], axis=1
    )
    size = np.linalg.norm(columns, axis=0)
    size = np.where(size > 0, size, 1.0)
    if columns.shape[1]:
        weights = nnls(columns / size, g)[0] / size
    else:
        weights = np.zeros(0)
    rest = g - columns @ weights
    multipliers, bounds = np.zeros(len(c)), np.zeros(n)
    multipliers[holds] = weights[: len(holds)]
    ends = np.split(weights[len(holds) :], [len(touched[0])])
    bounds[touched[0]] += ends[0]
    bounds[touched[1]] -= ends[1]
    scale = max(least_slope, np.abs(g).max())
    return Certificate(multipliers, bounds, float(np.abs(rest).max() / scale))


def residual(
    u: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Inf-norm of the projected gradient of the Lagrangian, of many designs."""
    return np.abs(np.clip(u - slope, low, high) - u).max(axis=1)
