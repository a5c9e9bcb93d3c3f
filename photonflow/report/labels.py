"""Plain names, colours and numbers: what tables and figures share."""

import math
from collections.abc import Sequence
from typing import Any

from .. import causes
from ..quantity import show
from ..result.labels import limit
from ..result.names import point_labels
from ..result.schema import HopRow, TierRow, VariantResult
from ..units import SUFFIX


Number = float | int
"""as JSON has it: 1.0 may come back as 1"""

NONE = "–"
"""shown where a number does not exist"""

CAUSES = {
    "laser": "laser",
    "modulator": "modulator",
    "driver": "modulator driver",
    "tuning": "ring tuning (heaters)",
    "receiver": "receiver (TIA)",
    "dsp": "module DSP",
    "serdes_host": "host SerDes",
    "serdes_module": "module SerDes",
    "fec": "FEC",
    "power_conversion": "power conversion and control",
    "switch": "switch cores",
    "nic": "network adapters",
    "matmul": "matrix products",
    "attention": "attention",
    "hbm": "memory (HBM)",
    "sram": "on-chip memory",
    "idle": "accelerator, idle",
    "optical_laser": "optical unit: laser",
    "optical_modulator": "optical unit: modulator",
    "optical_dac": "optical unit: DAC",
    "optical_adc": "optical unit: ADC",
    "optical_tia": "optical unit: receiver",
    "optical_holding": "optical unit: holding",
    "optical_reprogram": "optical unit: reprogramming",
    "host": "host processors",
    "storage": "storage",
    "conversion": "power conversion of the site",
    "cooling": "cooling",
    "launch": "kernel launches",
    "scale_up": "scale-up network",
    "scale_out": "scale-out network",
    "bubble": "pipeline bubble",
    "optical": "optical matrix unit",
}

# Okabe and Ito's palette, which readers of all kinds of colour vision tell apart,
# and greys for what is no optics.
LINK_COLOURS = {
    "laser": "#D55E00",
    "modulator": "#F0E442",
    "driver": "#E69F00",
    "tuning": "#CC79A7",
    "receiver": "#009E73",
    "dsp": "#0072B2",
    "serdes_host": "#56B4E9",
    "serdes_module": "#B3DDF5",
    "fec": "#6A51A3",
    "power_conversion": "#4D4D4D",
    "switch": "#A6A6A6",
    "nic": "#D9D9D9",
}

GROUPS: dict[str, tuple[tuple[str, ...], str]] = {
    "matrix products": (("compute.matmul",), "#08519C"),
    "attention": (("compute.attention",), "#4292C6"),
    "memory": (("compute.hbm", "compute.sram"), "#9ECAE1"),
    "accelerator, idle": (("compute.idle",), "#DEEBF7"),
    "optical matrix unit": (
        tuple(c for c in causes.ENERGY if c.startswith("compute.optical")),
        "#009E73",
    ),
    "host and storage": (("facility.host", "facility.storage"), "#BDBDBD"),
    "site conversion and cooling": (
        ("facility.conversion", "facility.cooling"),
        "#737373",
    ),
    "scale-up network": (
        tuple(c for c in causes.ENERGY if c.startswith("network.scale_up.")),
        "#E69F00",
    ),
    "scale-out network": (
        tuple(c for c in causes.ENERGY if c.startswith("network.scale_out.")),
        "#D55E00",
    ),
}
"""what J/token is summed into for the eye: causes and colour"""

TIME_COLOURS = {
    "matmul": "#08519C",
    "attention": "#4292C6",
    "hbm": "#9ECAE1",
    "launch": "#BDBDBD",
    "scale_up": "#E69F00",
    "scale_out": "#D55E00",
    "bubble": "#737373",
    "optical": "#009E73",
}

PLACES = {
    "a_to_b": "a to b",
    "b_to_a": "b to a",
    "worst": "worst corner",
    "scale_up": "scale-up",
    "scale_out": "scale-out",
}


def cause_name(path: str) -> str:
    """`network.scale_out.laser` for people."""
    words = path.split(".")
    name = CAUSES.get(words[-1], words[-1].replace("_", " "))
    if words[0] == "network" and words[1:-1]:
        return f"{CAUSES.get(words[1], words[1])}: {name}"
    return name


def constraint_name(path: str) -> str:
    """`scale_out.switch_link.a_to_b.fold` for people."""
    *place, last = path.split(".")
    name = limit(last).label
    where = [PLACES.get(word, word.replace("_", " ")) for word in place]
    return f"{name} ({', '.join(where)})" if where else name


def unit_of(path: str) -> str:
    """Unit that the end of a name spells, `1` where it spells none."""
    name = path.rsplit(".", 1)[-1]
    ends = [unit for unit, end in SUFFIX.items() if end and name.endswith("_" + end)]
    return max(ends, key=lambda unit: len(SUFFIX[unit]), default="1")


def si(value: Number | None, path: str) -> str:
    """A value of the quantity at `path`, with its unit and an SI prefix."""
    return NONE if value is None else quantity(value, unit_of(path))


def quantity(value: Number | None, unit: str) -> str:
    """`value` with its unit and an SI prefix."""
    if value is None:
        return NONE
    return minus(show(value, unit).replace(" u", " µ"))


def number(value: Number | None, form: str = ".4g", scale: float = 1.0) -> str:
    """`value` times `scale`, a dash where it is null."""
    if value is None or not math.isfinite(value):
        return NONE
    # No break between a number and its sign of per cent.
    return minus(format(value * scale, form)).replace("%", "\N{NO-BREAK SPACE}%")


def margin_text(margin_db: float, form: str) -> str:
    """A margin in dB; a bound where it is farther away than one is looked for."""
    from ..signal.receiver import MARGIN_SPAN_DB  # imports jax, as links alone do

    if abs(margin_db) < MARGIN_SPAN_DB:
        return number(margin_db, form)
    return f"{'above' if margin_db > 0 else 'below'} {number(margin_db, 'g')}"


def interval(low: Number | None, high: Number | None, unit: str) -> str:
    """Both ends of a range with their unit."""
    if low is None or high is None:
        return NONE
    return f"{quantity(low, unit)} to {quantity(high, unit)}"


def minus(text: str) -> str:
    """The typographic minus where a number starts."""
    return "−" + text[1:] if text.startswith("-") else text


def labels(variants: Sequence[VariantResult]) -> list[str]:
    """A name for every row of the result: the variant, and what else tells it apart."""
    several = len({v.workload for v in variants}) > 1
    return [
        ", ".join([v.name, *([v.workload] if several else []), *point_labels(v.point)])
        for v in variants
    ]


def place(variant: VariantResult) -> tuple[Any, ...]:
    """Workload and point of the sweep: only rows that share both are compared."""
    return variant.workload, tuple((variant.point or {}).items())


def reference(
    variants: Sequence[VariantResult], variant: VariantResult
) -> VariantResult:
    """The first variant of the same workload at the same point of a sweep."""
    return next(v for v in variants if place(v) == place(variant))


def joules(variant: VariantResult) -> float:
    """J/token of a variant that has it."""
    assert variant.j_per_token is not None
    return variant.j_per_token


def group_j(variant: VariantResult) -> dict[str, float]:
    """J/token of every one of `GROUPS`."""
    energy = variant.energy_j_per_token
    return {
        name: math.fsum(energy.get(cause, 0.0) for cause in inside)
        for name, (inside, _) in GROUPS.items()
    }


def scale_out(variant: VariantResult) -> TierRow | None:
    """The network that is compared; None where a variant failed before it."""
    return variant.links.get("scale_out")


def switch_link(variant: VariantResult) -> HopRow | None:
    """The link between switches, or the last kind of hop where there is none."""
    tier = scale_out(variant)
    hops = tier.hops if tier is not None else []
    named = [hop for hop in hops if hop.name == "switch_link"]
    return (named or hops[-1:] or [None])[0]
