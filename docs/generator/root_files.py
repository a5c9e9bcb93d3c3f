"""Pages that are files at the root of the repository, or parts of one."""

from .markdown import page
from .rooms import ROOT


FILES = {"contributing.md": "CONTRIBUTING.md", "changes.md": "CHANGELOG.md"}
STUDIES = ("What the study asks, and answers", "Links", "More studies")
"""sections of the README"""


def pages() -> dict[str, str]:
    """Each file as it is, but for links into `docs/`, where the pages lie."""
    texts = {name: (ROOT / file).read_text("utf-8") for name, file in FILES.items()}
    readme = (ROOT / "README.md").read_text("utf-8")
    sections = dict(
        section.split("\n", 1) for section in readme.split("\n## ")[1:] if section
    )
    studies = (f"## {title}\n{sections[title]}" for title in STUDIES)
    texts["studies.md"] = page("# Studies", *studies)
    return {name: text.replace("](docs/", "](") for name, text in texts.items()}
