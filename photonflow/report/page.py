"""The page of a run: one HTML file that needs nothing else, and its figures as SVG."""

import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import details, figures, link_figures, published, sweep, tables
from . import matrix_unit_figures as unit_figures
from .labels import labels


if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = list[dict[str, Any]]

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
    "Gaussian data; a model bears 2.5 thousandths as it is, and 22 if it was retrained "
    "for it (estimates).",
    "utilisation": "The energy per delivered bit is the full-load figure divided by "
    "this share: savings in a link are savings of standing power.",
    "budget": "One lane from switch to switch, a to b, at the worst corner (hot, old, "
    "longest path). Each blue bar is a loss in dB; the modulator's turns light "
    "into outer modulation amplitude. Green is what could still be lost before the FEC "
    "fails, in the worse direction. Another link, such as the host's, may have less: "
    "the comparison gives the worst.",
    "port_watts": "Plain colours are inside the vendor's box (module or engine, with "
    "its laser); hatched ones are in the host chip, which a vendor does not count. "
    + published.NOTE,
    "search_trace": "The search descends from many starts at once. Left: the best of "
    "those that keep all limits so far. Middle: the worst of all starts; a branch that "
    "cannot keep its limits stays high. Right: starts that keep all limits and can "
    "improve no further.",
}
MISSING = {
    "budget": "No optical scale-out link in this result: nothing to draw in dB.",
    "search_trace": "No search was run: all variants are as their cards describe them.",
}


def write_page(
    folder: Path,
    result: dict[str, Any],
    trace: Rows | None,
    sources: Rows,
    estimates: Rows,
) -> None:
    """Writes `report.html` and `figures/*.svg` into `folder`.

    `result` is a parsed `result.json`, `trace` the rows of `trace.parquet`; `sources`
    and `estimates` are the rows that `photonflow cite` prints.
    """
    drawn = draw(result, trace)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, svg in drawn.items():
        if svg is not None:
            _write(folder / "figures" / f"{name}.svg", svg)
    _write(folder / "report.html", html(result, drawn, sources, estimates))


def draw(result: dict[str, Any], trace: Rows | None) -> dict[str, str | None]:
    """Every figure as SVG by name; None where there is nothing to draw."""
    import matplotlib

    everything = result["variants"]
    variants, swept = sweep.ends(everything), sweep.swept(everything)
    with matplotlib.rc_context(_STYLE):
        unit = unit_figures.matrix_unit(everything)
        units = {} if unit is None else {"matrix_unit": unit}
        found = {
            **({"sweep": sweep.j_per_token(everything)} if swept else {}),
            "energy": figures.energy(variants),
            "standing": figures.standing(variants),
            "step_time": figures.step_time(variants),
            **units,
            "utilisation": figures.utilisation(variants),
            "budget": link_figures.budget(variants),
            "port_watts": link_figures.port_watts(variants),
            "search_trace": figures.search_trace(everything, trace),
        }
        return {name: fig and _svg(fig) for name, fig in found.items()}


def html(
    result: dict[str, Any], drawn: dict[str, str | None], sources: Rows, estimates: Rows
) -> str:
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
    variants = result["variants"]
    names = labels(variants)
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("template.html")
    return page.render(
        title=result.get("title") or result["experiment"],
        experiment=result["experiment"],
        objective=result["objective"],
        sentence=tables.manager_sentence(result),
        names=names,
        sweep=sweep.by_task(variants),
        warnings=[
            (name, v.get("message") or "a limit is missed")
            for name, v in zip(names, variants, strict=True)
            if not v["feasible"]
        ],
        comparison=tables.comparison(variants),
        by_cause=tables.by_cause(variants),
        step_time=tables.step_time(variants),
        pictures=pictures,
        designs=[
            (
                name,
                details.design(v),
                details.branches(v),
                v.get("search"),
                v.get("controlled_share"),
            )
            for name, v in zip(names, variants, strict=True)
            if v["design"]
        ],
        limits=[
            (name, details.constraints(v))
            for name, v in zip(names, variants, strict=True)
        ],
        elasticities=[
            (name, details.elasticities(v) + details.slopes(v), details.guesses(v))
            for name, v in zip(names, variants, strict=True)
            if v["elasticities"]
        ],
        ports=details.ports(variants),
        sources=details.sources(sources),
        estimates=details.estimates(estimates),
        number=tables.number,
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
