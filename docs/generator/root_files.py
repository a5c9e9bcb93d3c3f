"""Pages that are files at the root of the repository."""

from .rooms import ROOT


FILES = {"contributing.md": "CONTRIBUTING.md", "changes.md": "CHANGELOG.md"}


def pages() -> dict[str, str]:
    """Each file as it is, but for links into `docs/`, where the pages lie."""
    return {
        page: (ROOT / file).read_text("utf-8").replace("](docs/", "](")
        for page, file in FILES.items()
    }
