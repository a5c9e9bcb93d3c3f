"""The documentation: built strictly, complete, and readable without a network."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from generator import commands, contracts, interface, limits, measurements, parts, rooms

from photonflow.cards import Library, registry
from photonflow.cli import SCHEMAS


ROOT = Path(__file__).parents[1]
FETCHED = {"script": "src", "img": "src", "link": "href"}


@pytest.fixture(scope="module")
def cards() -> dict[str, str]:
    return parts.pages(Library())


def test_the_documentation_builds_strictly_and_fetches_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-d", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text("utf-8")
        assert not [url for url in _fetched(text) if "//" in url], page
        # Dollars that are left over are a formula that was not understood.
        prose = re.sub(r"<code.*?</code>", "", text, flags=re.S)
        assert "arithmatex" not in prose and "$$" not in prose, page


def test_every_kind_of_card_has_a_page_with_its_classes_and_quantities(cards):
    library = Library()
    for kind in library.kinds():
        text = cards[f"{parts.FOLDER}/{kind}.md"]
        for name in library.names(kind):
            card = library.card(name)
            assert f"{{#{name}}}" in text
            assert f"## {card.class_} {{#{card.class_}}}" in text
            assert all(f"<code>{key}</code>" in text for key in card.values)


def test_every_class_a_card_can_name_is_described_once(cards):
    text = "\n".join(cards.values())
    for name in registry():
        assert text.count(f"\n## {name} {{") == 1, name


def test_every_source_of_a_number_is_listed(cards):
    listed = set(re.findall(r'id="([^"]+)"', cards[f"{parts.FOLDER}/sources.md"]))
    linked = {
        key
        for text in cards.values()
        for key in re.findall(r"sources\.md#([^)]+)\)", text)
    }
    assert linked and linked <= listed


def test_every_module_of_the_package_is_on_the_map():
    text = rooms.pages()["rooms.md"]
    for path in rooms.modules():
        says = rooms.sentence(path)
        assert says and (path.name == "__init__.py" or says in text), path


def test_every_command_and_each_of_its_options_is_described():
    text = commands.pages()["reference/commands.md"]
    for name, command in commands.commands().items():
        section = text.split(f"\n## photonflow {name} ")[1].split("\n## ")[0]
        assert command.help and command.help in section
        for option in command.params:
            assert all(flag in section for flag in option.opts if flag[0] == "-")


def test_every_key_of_every_file_is_described():
    text = contracts.pages()["reference/files.md"]
    for name in SCHEMAS:
        whole = contracts.schema(name)
        for part in (whole, *whole["$defs"].values()):
            for key in part.get("properties", {}):
                assert f"| <code>{key}</code> |" in text


def test_every_public_name_has_its_entry():
    text = interface.pages()["reference/python.md"]
    for name in interface.public_names():
        assert f"heading: pf.{name}\n" in text


def test_every_limit_is_listed_with_the_model_that_declares_it():
    text = limits.pages()["reference/limits.md"]
    for limit, module in limits.declared().items():
        row = next(row for row in text.splitlines() if f"<code>{limit.name}<" in row)
        assert limit.label in row and module.endswith(row.split("<code>")[2][:-9])


def test_every_benchmark_is_on_its_page_with_its_command():
    text = measurements.pages()["benchmarks.md"]
    assert measurements.names()
    for name in measurements.names():
        assert f"python -m benchmarks {name}\n" in text


def _fetched(text: str) -> list[str]:
    """Addresses that a browser opens on its own to show a page."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            url = dict(attrs).get(FETCHED.get(tag, ""))
            if url and dict(attrs).get("rel") not in ("canonical", "next", "prev"):
                found.append(url)

    Reader().feed(text)
    return found
