"""Text and tables that Markdown leaves as they are."""

import html
import re
from collections.abc import Iterable, Sequence


# What would start a formula, an emphasis, a link or another cell.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>$|#~^])")


def plain(text: object) -> str:
    """`text` with everything escaped that Markdown would take for its own.

    Only what stands between two backticks stays code.
    """
    pieces = " ".join(str(text).split()).split("`")
    if len(pieces) % 2 == 0:  # one backtick is alone
        return _escaped("`".join(pieces))
    return "".join(
        code(piece) if place % 2 else _escaped(piece)
        for place, piece in enumerate(pieces)
    )


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def code(text: object) -> str:
    """`text` in the type of a program, as a cell of a table can hold it."""
    return f"<code>{html.escape(str(text)).replace('|', '&#124;')}</code>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of finished cells; nothing where there are no rows."""
    rows = list(rows)
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def summary(docstring: str | None) -> str:
    """First sentence of a docstring, on one line."""
    first = (docstring or "").strip().split("\n\n")[0]
    return " ".join(first.split())


def page(*blocks: str) -> str:
    """Blocks one under the other."""
    return "\n\n".join(block.strip() for block in blocks if block.strip()) + "\n"
