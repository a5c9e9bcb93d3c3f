import os

import jax
import pytest


os.environ.setdefault("MPLBACKEND", "Agg")

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True)
def _dtype_promotion(request):
    # optax's Adam raises a float to an integer step count, which `strict` forbids.
    standard = request.node.get_closest_marker("standard_promotion")
    with jax.numpy_dtype_promotion("standard" if standard else "strict"):
        yield
