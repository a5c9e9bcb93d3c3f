"""A table, described once for the terminal and for the page."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .labels import Number


if TYPE_CHECKING:
    from rich.table import Table as RichTable

STYLES = {
    "good": "green",
    "bad": "bold red",
    "active": "bold",
    "zero": "dim",
}
"""mark of a cell -> how a terminal shows it; the page has CSS classes of these names"""
LISTED = 3
"""names of a long list that a terminal shows"""


class Column(NamedTuple):
    """One column: numbers are aligned at the right, text at the left."""

    label: str
    align: str = "right"
    note: str = ""
    """the longer label, where the head has no room for it"""


class Cell(NamedTuple):
    """What is read, and the number in `result.json` that it stands for."""

    text: str
    value: Number | bool | None = None
    mark: str = ""
    note: str = ""
    """smaller, on a line of its own"""
    code: bool = False
    """the text is a name in a file"""
    url: str = ""
    """where the note leads"""
    many: tuple[str, ...] = ()
    """a long list, folded away on the page"""
    many_label: str = ""


class Row(NamedTuple):
    """Cells of all columns; a section ends with a line."""

    cells: Sequence[Cell]
    ends_section: bool = False


class Table(NamedTuple):
    """Title, columns and rows."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]


def text_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> Table:
    """A table of plain texts."""
    return Table(
        title,
        [Column(label, "left") for label in columns],
        [Row([Cell(text) for text in row]) for row in rows],
    )


def terminal(table: Table, notes: bool = True) -> "RichTable":
    """`table` for a terminal, perhaps without notes. Nothing in it is markup.

    A note that the cell above has as well is not repeated.
    """
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(table.title, "bold") if table.title else None
    shown = RichTable(title=title, title_justify="left")
    for column in table.columns:
        align = "right" if column.align == "right" else "left"
        shown.add_column(Text(column.label), justify=align, overflow="fold")
    above = [""] * len(table.columns)
    for row in table.rows:
        cells = []
        for i, cell in enumerate(row.cells):
            text = Text(cell.text, STYLES.get(cell.mark, ""))
            if notes and cell.note and cell.note != above[i]:
                text.append(f"\n{cell.note}", "dim")
            above[i] = cell.note
            if cell.many:
                more = len(cell.many) - LISTED
                rest = f" and {more} more" if more > 0 else ""
                text.append(f"\n{', '.join(cell.many[:LISTED])}{rest}", "dim")
            cells.append(text)
        shown.add_row(*cells, end_section=row.ends_section)
    return shown
