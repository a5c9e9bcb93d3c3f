"""A small shelf of cards and the classes that they describe."""

import textwrap
from typing import Literal

import equinox as eqx
import pytest

from photonflow.cards import Library
from photonflow.component import Component, Scalar, param
from photonflow.quantity import InputError


class Ring(Component):
    radius_m: Scalar = param(unit="m", doc="bend", low=1e-6, high=1e-4)
    gap_m: Scalar = param(unit="m", doc="coupling gap", low=5e-8, high=1e-6)
    pam: int = eqx.field(static=True, default=2)
    port: Literal["through", "drop"] = eqx.field(static=True, default="through")


class Driver(Component):
    power_w: Scalar = param(unit="W", doc="class-A stage", low=1e-4, high=1.0)
    warm_k: Scalar = param(unit="K", doc="hottest case", low=273.0, high=400.0)


class EnginePort(Component):
    modulator: Ring
    driver: Driver
    retimer: Driver | None
    lanes: Scalar = param(unit="1", doc="lanes each way", low=1.0, high=64.0)


class Link(Component):
    end_a: EnginePort
    end_b: EnginePort

    def __check_init__(self):
        if self.end_a.retimer is not None and self.end_b.retimer is None:
            raise ValueError("`end_b` needs a retimer where `end_a` has one")


REGISTRY = {cls.__name__: cls for cls in (Ring, Driver, EnginePort, Link)}

FILES = {
    "devices/sources.yaml": """
        bogaerts2012: {cite: "Bogaerts et al. 2012", doi: 10.1002/x, kind: measured}
        sheet: {cite: "A data sheet", url: "https://example.com", kind: datasheet}
        fit: {cite: "Our own fit", kind: calibrated}
        """,
    "devices/modulators/ring.yaml": """
        name: ring
        class: Ring
        about: a ring
        boundary: module
        counts: [modulator]
        values:
          radius:
            {value: 5 um, range: [3 um, 15 um], source: bogaerts2012, spread: 20 nm}
          gap: {value: 150 nm, range: [80 nm, 400 nm], source: estimate, note: drawn}
        static: {pam: 4}
        """,
    "devices/electronics/driver.yaml": """
        name: driver
        class: Driver
        about: a driver
        boundary: module
        counts: [driver]
        includes: {driver: "both stages"}
        values:
          power: {value: 20 mW, source: sheet}
          warm: {value: 70 degC, source: sheet, spread: 5 degC}
        """,
    "devices/electronics/retimer.yaml": """
        name: retimer
        class: Driver
        about: a retimer
        boundary: module
        counts: [dsp]
        values:
          power: {value: 0.5 W, source: sheet}
          warm: {value: 343 K, source: sheet}
        """,
    "devices/links/engine.yaml": """
        name: engine
        class: EnginePort
        about: one end
        boundary: module
        values:
          lanes: {value: "8", source: sheet}
        parts: {modulator: ring, driver: driver, retimer: none}
        """,
    "devices/links/link.yaml": """
        name: link
        class: Link
        about: two ends
        boundary: module
        parts: {end_a: engine, end_b: engine}
        override:
          end_b.modulator.gap: {value: 200 nm, source: bogaerts2012}
        """,
}
RING = "devices/modulators/ring.yaml"
DRIVER = "devices/electronics/driver.yaml"
ENGINE = "devices/links/engine.yaml"
LINK = "devices/links/link.yaml"


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), "utf-8")


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def library(folder):
    return Library([folder], REGISTRY)


def refused(folder, name="link"):
    """The error of a card that cannot be loaded."""
    with pytest.raises(InputError) as caught:
        library(folder).load(name)
    return caught.value
