"""What `photonflow link` does: solve, diagnose, simulate, draw, write."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ..cards import Library
from ..links.optical import OpticalLink
from ..result.link_schema import CountedRow, CountRow, LinkResult
from .diagnosis import diagnose
from .folder import Folder, OnProgress, as_json, replacing
from .link import Solved, solve_link


if TYPE_CHECKING:
    from ..timedomain.montecarlo import Counted, Waveforms

DPI = 150
ERRORS, SYMBOLS = 200, 300_000
"""a count ends at so many wrong bits, or after so many symbols"""
AIMS = (-3.0, -2.4, -1.8)
"""log10 BER of the points that are counted behind more loss: quick ones"""


def link_result(
    card: str,
    settings: Mapping[str, str],
    library: Library,
    progress: OnProgress,
) -> tuple[Solved, LinkResult]:
    """The link of `card` and its document, diagnosis included."""
    progress(f"{card}: laser currents and budget")
    solved = solve_link(card, settings, library)
    return solved, diagnose(solved, progress)


def write_link(
    solved: Solved,
    result: LinkResult,
    folder: Path,
    progress: OnProgress,
) -> tuple[LinkResult, list[str]]:
    """Simulates, and writes document and figures, all or none; what was written.

    The eye is that of the direction with less margin; a link whose parts have no model
    in time has none.
    """
    from ..report.eye import eye_figure
    from ..report.link_curves import curve_figure
    from ..timedomain.montecarlo import no_time_domain_model

    Folder(folder).tidy()
    eye, reason = None, no_time_domain_model(solved.link)
    if reason is not None:
        progress(f"{solved.name}: no simulation and no eye, {reason}")
    elif isinstance(solved.link, OpticalLink):
        progress(f"{solved.name}: simulating the worse direction")
        counted, waveforms, found = _simulate(solved.link, solved.at["worst"], result)
        result = result.model_copy(update={"counted": counted})
        name = f"{solved.name}, {counted.direction.replace('_', ' ')}"
        eye = eye_figure(name, waveforms, found)
    progress(f"{solved.name}: figures")
    with replacing(folder) as new:
        curve_figure(result).savefig(new / "ber.png", dpi=DPI)
        if eye is not None:
            eye.savefig(new / "eye.png", dpi=DPI)
        data = result.model_dump(mode="json", by_alias=True)
        (new / "link.json").write_text(as_json(data), "utf-8")
        return result, sorted(path.name for path in new.iterdir())


def _simulate(
    link: OpticalLink, at: Any, result: LinkResult
) -> "tuple[CountedRow, Waveforms, Counted]":
    """Counts and one stretch of the direction with less margin."""
    from ..timedomain import montecarlo

    ways = result.directions
    side = min(ways, key=lambda way: ways[way].margin_db)
    curve = result.ber_curve[side]
    key, show = jax.random.split(jax.random.key(0))
    losses = [0.0]
    if curve.log10_ber[0] < AIMS[0]:
        losses += list(np.interp(AIMS, curve.log10_ber, curve.loss_db))
    counts, trained, found = [], [], []
    for loss_db, own in zip(losses, jax.random.split(key, len(losses)), strict=True):
        train, run = jax.random.split(own)
        trained.append(montecarlo.train_receiver(link, at, side, train, float(loss_db)))
        found.append(montecarlo.count(trained[-1], run, ERRORS, SYMBOLS))
        now = found[-1]
        row = CountRow(
            loss_db=float(loss_db),
            errors=now.errors,
            bits=now.bits,
            low=float(now.low),
            high=float(now.high),
        )
        counts.append(row)
    waveforms = montecarlo.waveforms(trained[0], show)
    return CountedRow(direction=side, counts=counts), waveforms, found[0]
