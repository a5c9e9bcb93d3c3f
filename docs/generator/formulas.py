"""What docstrings have that Markdown does not: formulas and examples.

LaTeX becomes MathML, which browsers set without a script or a font of ours.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor


# What `pymdownx.arithmatex` makes of a dollar or two.
_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.S
)
_FENCED = re.compile(r"(^```.*?^```)", re.S | re.M)
# A prompt and all lines below it up to an empty one.
_EXAMPLE = re.compile(r"^(>>> .*(?:\n.*\S.*)*)", re.M)
_DISPLAY = re.compile(r"\s*\$\$(.+?)\$\$\s*", re.S)


class OwnParagraphs(Extension):
    """Displayed formulas and examples as paragraphs, whatever stands around them."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802, markdown calls it so
        """Before everything else: 40 is above `normalize_whitespace`."""
        md.preprocessors.register(_OwnParagraphs(md), "own_paragraphs", 40)


class _OwnParagraphs(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        pieces = _FENCED.split("\n".join(lines))
        # Every second piece is a block of code.
        pieces[::2] = map(self._apart, pieces[::2])
        return "".join(pieces).split("\n")

    @staticmethod
    def _apart(text: str) -> str:
        text = _DISPLAY.sub(r"\n\n$$\1$$\n\n", text)
        return _EXAMPLE.sub(r"\n```pycon\n\1\n```\n", text)


def with_mathml(page: str) -> str:
    """A page whose marked formulas are MathML."""
    return _MARKED.sub(_mathml, page)


def _mathml(found: re.Match[str]) -> Any:
    display = "block" if found["tag"] == "div" else "inline"
    return convert(html.unescape(found["tex"]), display=display)
