"""The figure of optical matrix units: where joules go, and what makes them inexact."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..result.schema import VariantResult
from .drawing import below, canvas, headline, span, stack
from .figures import decimals
from .labels import CAUSES


if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENERGY = {
    "optical_laser": "#D55E00",
    "optical_modulator": "#E69F00",
    "optical_dac": "#0072B2",
    "optical_adc": "#56B4E9",
    "optical_tia": "#009E73",
    "optical_holding": "#CC79A7",
    "optical_reprogram": "#999999",
    "sram": "#4D4D4D",
}
NOISE = {
    "phase_dac": ("phase settings", "#CC79A7"),
    "splitter": ("splitters", "#F0E442"),
    "input_dac": ("input DAC", "#0072B2"),
    "laser": ("laser intensity", "#D55E00"),
    "shot": ("shot", "#E69F00"),
    "thermal": ("amplifier", "#009E73"),
    "adc": ("ADC", "#56B4E9"),
}


def matrix_unit(variants: Sequence[VariantResult]) -> "Figure | None":
    """pJ of an operation by cause, and noise by cause, of every kind of unit."""
    units = {u.technology: u for v in variants if (u := v.matrix_unit)}
    if not units:
        return None
    figure, (joules, noise) = canvas(2.6 + 0.42 * len(units), 2)
    total = [1e12 / u.flop_per_j for u in units.values()]
    decibels = [u.snr_db for u in units.values()]
    headline(
        figure,
        f"An optical operation takes {span(total, decimals(total))} pJ and comes out "
        f"with {span(decibels, '.1f')} dB of signal over noise",
    )
    parts = {
        CAUSES[cause].removeprefix("optical unit: "): (
            [u.energy_j_per_mac.get(cause, 0.0) / 2 * 1e12 for u in units.values()],
            colour,
        )
        for cause, colour in ENERGY.items()
    }
    stack(joules, list(units), parts, decimals(total))
    joules.set_xlabel("pJ per operation, busy")
    joules.set_title("energy of an operation", loc="left", size=10)
    below(joules, 3)
    shares = {
        name: ([u.noise[cause] * 1e3 for u in units.values()], colour)
        for cause, (name, colour) in NOISE.items()
    }
    sums = [math.fsum(u.noise.values()) * 1e3 for u in units.values()]
    stack(noise, list(units), shares, decimals(sums))
    noise.set_xlabel("noise over signal, thousandths (2.5 is 26 dB)")
    noise.set_title("what makes it inexact", loc="left", size=10)
    below(noise, 3)
    return figure
