"""What several test files share."""

from typing import Any

import numpy as np


def assert_close(actual: Any, desired: Any, rtol: float, atol: float = 0.0) -> None:
    """Equal within `rtol`; NaN equals nothing.

    `atol` is 0 because numpy's and jax's 1e-8 would call any two femtojoules equal.
    """
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, equal_nan=False)
