"""A ring modulator as a mask, and the mask as a circuit: gdsfactory, klayout and SAX.

`cells` draws, `extraction` reads what was drawn back as a SAX circuit, `comparison`
measures that circuit beside photonflow's own figures, `rules` measures the polygons,
`picture` shows them. gdsfactory and SAX take seconds to import: modules load on first
use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from . import cells as cells
    from . import comparison as comparison
    from . import draw as draw
    from . import extraction as extraction
    from . import picture as picture
    from . import process as process
    from . import rules as rules

_MODULES = ("cells", "comparison", "draw", "extraction", "picture", "process", "rules")


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return import_module(f".{name}", __name__)
