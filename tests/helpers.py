"""What several test files share."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import root_scalar


def assert_close(actual: Any, desired: Any, rtol: float, atol: float = 0.0) -> None:
    """Equal within `rtol`; NaN equals nothing.

    `atol` is 0 because numpy's and jax's 1e-8 would call any two femtojoules equal.
    """
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, equal_nan=False)


def root(
    function: Callable[[float], float], low: float, high: float, xtol: float = 2e-12
) -> float:
    """Where `function` crosses 0 between `low` and `high`, by Brent's method."""
    return float(root_scalar(function, bracket=(low, high), xtol=xtol).root)


@functools.cache
def haar(n: int, seed: int = 0) -> np.ndarray:
    """A unitary drawn evenly from all of size `n` [Mezzadri 2007, math-ph/0609050].

    Q of a complex Gaussian matrix, with the diagonal of R made positive.
    """
    random = np.random.default_rng([n, seed])
    gaussian = random.normal(size=(n, n)) + 1j * random.normal(size=(n, n))
    q, r = np.linalg.qr(gaussian / np.sqrt(2))
    diagonal = np.diagonal(r)
    return q * (diagonal / abs(diagonal))
