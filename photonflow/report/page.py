"""The page of a run: one HTML file that needs nothing else, and its figures as SVG."""

import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..result.schema import Result
from . import design, details, figures, link_figures, sweep, tables, yield_figures
from . import matrix_unit_figures as unit_figures
from .labels import labels, number


if TYPE_CHECKING:
    from matplotlib.figure import Figure

Trace = Sequence[Mapping[str, Any]]
"""one row for each piece of a search"""

# Text stays text, to be searched and read aloud; ids do not change from run to run.
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "photonflow",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "hatch.color": "white",
    "hatch.linewidth": 0.8,
    # A `$` in a name is a dollar and starts no formula.
    "text.parse_math": False,
}
_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}

CAPTIONS = {
    "sweep": "A line per variant; the numbers beside the last one are its change "
    "against the first variant at the same point. A cross misses a limit. The other "
    "figures show the first and the last point of the sweep, or the first alone where "
    "they show a link.",
    "energy": "Left: everything that the facility meter pays for one token. "
    "Right: the scale-out part alone, before conversion and cooling of the site, on a "
    "scale of its own.",
    "standing": "Static is what burns for the whole step whether or not it works: "
    "lasers, SerDes, DSPs, idle chips, hosts. Almost all of a link is static, so a "
    "busier link costs no more, and a slower step makes all of it dearer per token.",
    "step_time": "Exposed time only: what runs behind something else is not counted. "
    "The parts sum to the time per step.",
    "matrix_unit": "One optical matrix unit with nothing idle in between. Left: joules "
    "of one operation (a multiply-add is two); light, converters and receivers are "
    "clocked and burn all the time. Right: noise over signal of a product's output, "
    "Gaussian data; a model keeps its answers up to 2.5 thousandths as it is, and up "
    "to 22 if it was retrained with noise (estimates).",
    "utilisation": "The energy per delivered bit is the full-load figure divided by "
    "this share: savings in a link are savings of standing power.",
    "budget": "One lane from switch to switch, a to b, at the worst corner (hot, old, "
    "longest path). Each blue bar is a loss in dB; the modulator's turns light "
    "into outer modulation amplitude. Green is what could still be lost before the FEC "
    "fails, in the worse direction. Another link, such as the host's, may have less: "
    "the comparison gives the worst.",
    "port_watts": "Plain colours are inside the vendor's box (module or engine, with "
    "its laser); hatched ones are in the host chip, which a vendor does not count. The "
    "link is the one between switches. Diamonds are published claims.",
    "fabrication": "Lane pairs of one design as fabrication leaves them: gap, doping, "
    "losses, laser and receiver stray by what their cards say, set-points of locks are "
    "trimmed on every part. A draw is one lane with what serves it at either end; a "
    "link has several, which share a laser and a chip: the share of whole links lies "
    "between that of independent lanes and that of lane pairs. Left: how many lane "
    "pairs keep every limit by at least some slack; those right of the dashed line "
    "work. Right: which limits the others miss.",
    "search_trace": "The search descends from many starts at once. Left: the best "
    "design so far that keeps all limits; nothing is drawn before there is one. "
    "Middle: what is left of the gradient of the best, limits and bounds taken into "
    "account. Right: a start ends where it has arrived, has come to a better one, or "
    "belongs to a branch in which none keeps all limits.",
}
MISSING = {
    "budget": "No optical scale-out link in this result: nothing to draw in dB.",
    "search_trace": "No search was run: all variants are as their cards describe them.",
}


def write_page(folder: Path, result: Result, trace: Trace | None) -> None:
    """Writes `report.html` and `figures/*.svg` into `folder`.

    `trace` are the rows of `trace.parquet`.
    """
    drawn = draw(result, trace)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, svg in drawn.items():
        if svg is not None:
            _write(folder / "figures" / f"{name}.svg", svg)
    _write(folder / "report.html", html(result, drawn))


def draw(result: Result, trace: Trace | None) -> dict[str, str | None]:
    """Every figure as SVG by name; None where there is nothing to draw."""
    import matplotlib

    everything = result.variants
    variants, swept = sweep.first_and_last(everything), sweep.swept(everything)
    with matplotlib.rc_context(_STYLE):
        unit = unit_figures.matrix_unit(everything)
        parts = yield_figures.fabrication(everything)
        found = {
            **({"sweep": sweep.j_per_token(everything)} if swept else {}),
            "energy": figures.energy(variants),
            "standing": figures.standing(variants),
            "step_time": figures.step_time(variants),
            **({"matrix_unit": unit} if unit else {}),
            **({"fabrication": parts} if parts else {}),
            "utilisation": figures.utilisation(variants),
            "budget": link_figures.budget(variants),
            "port_watts": link_figures.port_watts(variants, result.published),
            "search_trace": figures.search_trace(everything, trace),
        }
        return {name: fig and _svg(fig) for name, fig in found.items()}


def html(result: Result, drawn: Mapping[str, str | None]) -> str:
    """The page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    pictures = [
        {
            "name": name,
            "svg": None if svg is None else Markup(inline(svg, name)),
            "caption": CAPTIONS[name],
            "missing": MISSING.get(
                name, "Nothing to draw: no variant has these numbers."
            ),
        }
        for name, svg in drawn.items()
    ]
    variants = result.variants
    named = list(zip(labels(variants), variants, strict=True))
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("template.html")
    return page.render(
        title=result.title or result.experiment,
        result=result,
        swept=sweep.swept(variants),
        warnings=[
            (name, v.message or "a limit is missed")
            for name, v in named
            if not v.feasible
        ],
        comparison=tables.comparison(result),
        by_cause=[
            tables.energy_by_cause(variants),
            tables.step_time_by_cause(variants),
        ],
        pictures=pictures,
        published=details.published(result),
        designs=[
            (
                name,
                number(v.controlled_share, ".2%") if v.controlled_share else "",
                design.search_text(v),
                design.design(v),
                design.branches(v),
            )
            for name, v in named
            if v.design
        ],
        limits=[(name, details.limits(v)) for name, v in named],
        sensitivities=[
            (name, details.sensitivities(v), details.estimated_sensitivities(v))
            for name, v in named
            if v.elasticities
        ],
        ports=details.ports(variants),
        sources=details.sources(result.sources),
        estimates=details.estimates(variants),
    )


def inline(svg: str, name: str) -> str:
    """`svg` as an element of a page: no prolog, ids of its own, no fixed size."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    # A page sets the width; the viewBox keeps the shape.
    head, rest = body.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} role="img">{rest}'


def _svg(figure: "Figure") -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text, metadata=_METADATA)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """Written beside its place and moved there: a reader never sees half of it."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
