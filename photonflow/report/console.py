"""A result in a terminal."""

from rich.console import Console
from rich.text import Text

from ..result.schema import Result
from .details import branches, design, limits, ports, published_gaps, search_text
from .labels import labels
from .table import terminal
from .tables import comparison


NOTE = "Watts, error rates and margins of links: at the worst corner, at end of life."


def show_result(console: Console, result: Result) -> None:
    """The comparison, the count of modules, how searches went, and the summary."""

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style), highlight=False)

    console.print(terminal(comparison(result)))
    line(NOTE, "dim")
    for note in ports(result.variants):
        line(f"\nModules: {note}")
    gaps = published_gaps(result.variants, result.published)
    if gaps:
        line("\nAgainst published watts, vendor's boundary, worst corner:")
    for gap in gaps:
        line(f"  {gap}")
    for name, variant in zip(labels(result.variants), result.variants, strict=True):
        if variant.search is None:
            continue
        line(f"\nSearch of {name}: {search_text(variant)}")
        console.print(terminal(design(variant)))
        found = branches(variant)
        if found is not None:
            console.print(terminal(found))
        console.print(terminal(limits(variant, only_active=True)))
    if result.summary:
        line(f"\n{result.summary}")
