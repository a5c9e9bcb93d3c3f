"""A result in a terminal."""

from rich.console import Console
from rich.text import Text

from ..result.schema import Result
from .design import branches, design, search_text
from .details import limits, ports, published
from .labels import labels
from .table import Table, terminal
from .tables import comparison


NOTE = "Watts, error rates and margins of links: at the worst corner, at end of life."


def show_result(console: Console, result: Result) -> None:
    """The comparison, the count of modules, how searches went, and the summary."""

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style), highlight=False)

    def show(table: Table, notes: bool = False) -> None:
        console.print(terminal(table, notes))

    show(comparison(result))
    line(NOTE, "dim")
    for note in ports(result.variants):
        line(f"\nModules: {note}")
    claims = published(result)
    if claims is not None:
        show(claims)
    for name, variant in zip(labels(result.variants), result.variants, strict=True):
        if variant.search is None:
            continue
        line(f"\nSearch of {name}: {search_text(variant)}")
        show(design(variant), notes=True)  # of ends with equal parameters
        found = branches(variant)
        if found is not None:
            show(found)
        show(limits(variant, only_active=True))
    if result.summary:
        line(f"\n{result.summary}")
