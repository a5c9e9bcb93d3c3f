"""What several test files share."""

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
