"""Matrix units: what a product of matrices costs in time and joules."""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from .base import MatrixProduct as MatrixProduct
    from .decompose import clements as clements
    from .imperfections import corrected as corrected
    from .imperfections import matrix_error as matrix_error
    from .imperfections import quantised as quantised
    from .imperfections import sqnr_db as sqnr_db
    from .imperfections import unreachable as unreachable
    from .imperfections import with_splitter_errors as with_splitter_errors
    from .mesh import MZIMesh as MZIMesh

# On first use, as in the package itself: a name should not cost jax.
_HOME = {
    "MatrixProduct": "base",
    "clements": "decompose",
    "MZIMesh": "mesh",
    "corrected": "imperfections",
    "matrix_error": "imperfections",
    "quantised": "imperfections",
    "sqnr_db": "imperfections",
    "unreachable": "imperfections",
    "with_splitter_errors": "imperfections",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
