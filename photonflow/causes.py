"""The closed, ordered vocabulary of where a joule or a second goes.

Every report has every cause; an absent one is 0, so that two reports always compare
and a sum over causes is the total.
"""

from typing import Literal


NETWORK = (
    "laser",
    "modulator",
    "driver",
    "tuning",
    "receiver",
    "dsp",
    "serdes_host",
    "serdes_module",
    "fec",
    "power_conversion",
    "switch",
    "nic",
)
LINK = NETWORK[:10]
"""causes that live in a link; `switch` and `nic` belong to the boxes at its ends"""

COMPUTE = (
    "matmul",
    "attention",
    "hbm",
    "sram",
    "idle",
    "optical_laser",
    "optical_modulator",
    "optical_dac",
    "optical_adc",
    "optical_tia",
    "optical_holding",
    "optical_reprogram",
)
FACILITY = ("host", "storage", "conversion", "cooling")

TIERS = ("scale_up", "scale_out")

DirectionName = Literal["a_to_b", "b_to_a"]
DIRECTIONS: dict[str, DirectionName] = {"end_a": "a_to_b", "end_b": "b_to_a"}
"""end of a link -> the direction in which its light travels"""
ENDS = tuple(DIRECTIONS)

ClimateName = Literal["worst", "nominal"]
CLIMATES: tuple[ClimateName, ...] = ("worst", "nominal")
"""the corner in which a link is designed, and the one in which it burns its watts"""

ENERGY = (
    tuple(f"network.{tier}.{cause}" for tier in TIERS for cause in NETWORK)
    + tuple(f"compute.{cause}" for cause in COMPUTE)
    + tuple(f"facility.{cause}" for cause in FACILITY)
)
TIME = (
    "matmul",
    "attention",
    "hbm",
    "launch",
    "scale_up",
    "scale_out",
    "bubble",
    "optical",
)

NOISE = {
    "phase_dac": "weight",
    "splitter": "weight",
    "input_dac": "additive",
    "laser": "additive",
    "shot": "additive",
    "thermal": "additive",
    "adc": "additive",
}
"""what makes the output of an analogue product uncertain: an error of the matrix, the
same for every vector (`weight`), or new with every one (`additive`)"""

BOUNDARIES = ("host", "module", "laser_source")
"""which box pays a watt of a link: the host chip, the module or optical engine, or
the external laser source"""
