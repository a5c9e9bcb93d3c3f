"""What `photonflow link` does: solve, diagnose, draw, write."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..cards import Library
from ..report.link import LinkResult
from .diagnosis import diagnose
from .folder import Folder, as_json, replacing
from .link import Solved, misses, solve_link


DPI = 150


def link_result(
    card: str,
    settings: Mapping[str, str],
    library: Library,
    progress: Callable[[str], None],
) -> tuple[Solved, LinkResult]:
    """The link of `card` and its document, diagnosis included."""
    progress(f"{card}: laser currents and budget")
    solved = solve_link(card, settings, library)
    if misses(solved):
        progress(f"{card}: limits are missed, looking for what would do")
    return solved, diagnose(solved)


def write_link(
    solved: Solved,
    result: LinkResult,
    folder: Path,
    progress: Callable[[str], None],
) -> list[str]:
    """Document and figures, all or none, into `folder`; their names."""
    from ..report.link_curves import curve_figure

    Folder(folder).tidy()
    progress(f"{solved.name}: figures")
    with replacing(folder) as new:
        curve_figure(result).savefig(new / "ber.png", dpi=DPI)
        data = result.model_dump(mode="json", by_alias=True)
        (new / "link.json").write_text(as_json(data), "utf-8")
        return sorted(path.name for path in new.iterdir())
