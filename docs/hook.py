"""What mkdocs calls while it builds: pages made from the code, formulas as MathML."""

from typing import Any

from generator import (
    commands,
    contracts,
    interface,
    limits,
    measurements,
    parts,
    rooms,
    root_files,
)
from generator.formulas import OwnParagraphs, with_mathml
from mkdocs.structure.files import File, Files

from photonflow.cards import Library


CHAPTERS = {"PARTS": lambda: parts.titles(Library()), "MODELS": interface.titles}
"""what stands in the navigation for pages made from the code"""


def on_config(config: Any) -> Any:
    """Put the chapters made from the code into the navigation."""
    config.markdown_extensions.append(OwnParagraphs())
    _expand(config.nav)
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages made from the code."""
    makers = (commands, contracts, interface, limits, measurements, root_files, rooms)
    made = parts.pages(Library())
    for maker in makers:
        made |= maker.pages()
    for path, text in made.items():
        old = files.get_file_from_path(path)
        if old is not None:  # its head, which the maker has read
            files.remove(old)
        files.append(File.generated(config, path, content=text))
    return files


def on_page_content(text: str, **_: Any) -> str:
    """Formulas as MathML."""
    return with_mathml(text)


def _expand(nav: list) -> None:
    for entry in nav:
        for title, inside in entry.items() if isinstance(entry, dict) else ():
            if isinstance(inside, list):
                _expand(inside)
            elif inside in CHAPTERS:
                entry[title] = CHAPTERS[inside]()
