"""Labels of limits, of noises and of the stages of an optical budget."""

import math

from .. import limits
from ..limits import Limit
from ..quantity import show


DIFFERENCE_K = 200.0
"""No part of a link works below: a range that goes there is of differences."""

# In the order of the light.
STAGES = {
    "laser": "laser diode",
    "comb": "one line of the comb",
    "split": "split to the lanes",
    "source_excess": "loss in the source",
    "coupler_in": "coupler into the chip",
    "modulator_oma": "modulator (light to swing)",
    "mux_through": "past the other modulators",
    "chip_out": "guide to the coupler",
    "coupler_out": "coupler to the fibre",
    "path": "fibre and connectors",
    "ageing": "ageing",
    "coupler_receive": "coupler to the receiver",
    "chip_receive": "guide from the coupler",
    "demux_through": "past the other filters",
    "demux_drop": "into the drop filter",
    "swing": "transmitter swing",
    "channel": "channel",
    "noise": "noise at the slicer",
}

NOISES = {
    "thermal": "thermal, receiver",
    "shot": "shot",
    "rin": "laser RIN",
    "interference": "interference of paths",
    "transmitter": "transmitter",
    "driver": "driver input",
    "phy_input": "receiving SerDes input",
    "converter": "converter",
    "residual": "residual ISI and jitter",
    "isi": "residual ISI",
    "jitter": "jitter",
    "crosstalk": "crosstalk",
    "published": "published, not separated",
}


def limit(name: str) -> Limit:
    """The declaration of a limit, which stands beside the model that computes it."""
    if not limits.declared(name):
        # A stored result is drawn without the models: look for it in all of them.
        from ..cards.classes import registry

        registry()
    return limits.find(name)


def stage_name(name: str) -> str:
    """`demux_drop` for people."""
    return STAGES.get(name, name.replace("_", " "))


def noise_name(name: str) -> str:
    """`phy_input` for people."""
    return NOISES.get(name, name.replace("_", " "))


def show_quantity(value: float, unit: str, low: float = DIFFERENCE_K) -> str:
    """A value in the unit of the field: noise per hertz in dB, temperatures in degC.

    `low` is the low end of its range, which tells a temperature from a difference.
    """
    if unit == "1/Hz" and value > 0:
        return f"{10 * math.log10(value):.4g} dB/Hz"
    if unit == "K" and low >= DIFFERENCE_K:
        return f"{value - 273.15:.4g} degC"
    return show(value, unit)
