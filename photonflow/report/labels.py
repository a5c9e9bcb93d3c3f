"""Plain names, colours and numbers: what tables and figures share."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from .. import causes, limits
from ..limits import Limit
from ..quantity import show
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

# In the order of the light.
BUDGET = {
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
    "published": "published, not told apart",
}

WAYS = {
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
    name = slack_name(last)
    where = [WAYS.get(word, word.replace("_", " ")) for word in place]
    return f"{name} ({', '.join(where)})" if where else name


def slack_name(name: str) -> str:
    """`drop_fsr` for people."""
    return limit(name).label


def limit(name: str) -> Limit:
    """The declaration of a limit, which stands beside the model that computes it."""
    if not limits.declared(name):
        # A stored result is drawn without the models: look for it in all of them.
        from ..cards.classes import registry

        registry()
    return limits.find(name)


def stage_name(name: str) -> str:
    """`demux_drop` for people."""
    return BUDGET.get(name, name.replace("_", " "))


def noise_name(name: str) -> str:
    """`phy_input` for people."""
    return NOISES.get(name, name.replace("_", " "))


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


def minus(text: str) -> str:
    """The typographic minus where a number starts."""
    return "−" + text[1:] if text.startswith("-") else text


def labels(variants: list[dict[str, Any]]) -> list[str]:
    """A name for every row of the result: the variant, and what else tells it apart."""
    several = len({variant["workload"] for variant in variants}) > 1
    found = []
    for v in variants:
        words = [v["name"], *([v["workload"]] if several else [])]
        found.append(", ".join([*words, *at_point(v.get("point"))]))
    return found


def at_point(point: Mapping[str, str] | None) -> list[str]:
    """`accelerators per port 2` for every swept key."""
    names = spoken(point or {})
    return [f"{names[key]} {value}" for key, value in (point or {}).items()]


def spoken(keys: Iterable[str]) -> dict[str, str]:
    """Short names of swept keys, for people."""
    return {key: name.replace("_", " ") for key, name in short_names(keys).items()}


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """The last words of every dotted key, as many as tell it from the others."""
    keys = list(keys)
    found = {}
    for key in keys:
        words = key.split(".")
        ends = [".".join(words[-n:]) for n in range(1, len(words) + 1)]
        others = [other for other in keys if other != key]
        found[key] = next(
            (e for e in ends if not any(f".{o}".endswith(f".{e}") for o in others)), key
        )
    return found


def task_name(workload: str, variant: str, point: Mapping[str, str] | None) -> str:
    """Name of a task and of its folder: `decode.cpo.oversubscription=2,rail=128`.

    What no file system could take is written as in a URL, after blanks are left out: at
    `85 %` it is `85%25`.
    """
    names = short_names(point or {})
    words = [f"{in_a_name(names[k])}={in_a_name(v)}" for k, v in (point or {}).items()]
    ends = [",".join(words)] if words else []
    return ".".join([in_a_name(workload), in_a_name(variant), *ends])


def in_a_name(text: str) -> str:
    """`text` as part of the name of a folder."""
    return quote(re.sub(r"\s+", "", text), safe="+")


def reference(
    variants: list[dict[str, Any]], variant: dict[str, Any]
) -> dict[str, Any]:
    """The first variant of the same workload at the same point of a sweep."""
    return next(v for v in variants if place(v) == place(variant))


def place(variant: Mapping[str, Any]) -> tuple[Any, ...]:
    """Workload and point of the sweep: only rows that share both are compared."""
    return variant["workload"], tuple((variant.get("point") or {}).items())


def group_j(variant: dict[str, Any]) -> dict[str, float]:
    """J/token of every one of `GROUPS`."""
    energy = variant["energy_j_per_token"]
    return {
        name: math.fsum(energy.get(cause, 0.0) for cause in inside)
        for name, (inside, _) in GROUPS.items()
    }


def shown_hop(
    variant: dict[str, Any], tier: str = "scale_out"
) -> dict[str, Any] | None:
    """The link between switches, or the last kind of hop where there is none."""
    hops = (variant.get("links") or {}).get(tier, {}).get("hops") or []
    named = [hop for hop in hops if hop["name"] == "switch_link"]
    return (named or hops[-1:] or [None])[0]
