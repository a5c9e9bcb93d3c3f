"""Cards: the YAML files that hold the numbers of parts, with their sources.

`schema` says what a card looks like and reads YAML strictly, `classes` what the class
of a card asks of it, `values` turns one entry into an SI number with its provenance,
`library` finds cards and builds components, `overrides` changes what they say.
"""

from .classes import registry
from .library import Citations, Library, card_root, cite, load, provenance
from .overrides import apply
from .schema import Card, Source, Value, check, read_yaml
from .values import Provenance


__all__ = [
    "Card",
    "Citations",
    "Library",
    "Provenance",
    "Source",
    "Value",
    "apply",
    "card_root",
    "check",
    "cite",
    "load",
    "provenance",
    "read_yaml",
    "registry",
]
