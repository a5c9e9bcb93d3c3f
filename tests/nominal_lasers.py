"""Sources of plausible size for the tests of lasers: no cards, no sources."""

import math
from typing import Any

import nominal
from photonflow.devices.combs import CombSource
from photonflow.devices.coolers import ThermoelectricCooler
from photonflow.devices.sources import AbstractSource, ExternalLaserSource
from photonflow.devices.vcsels import VCSEL


def cooler(**changes: Any) -> ThermoelectricCooler:
    """45 C at 8 % of a reversible machine."""
    values: dict[str, Any] = dict(
        set_k=318.15, carnot=0.08, leak_k_per_w=400.0, span_k=60.0
    )
    return ThermoelectricCooler(**values | changes)


def unit(**changes: Any) -> ExternalLaserSource:
    """8 lasers for 32 lanes, uncooled."""
    values: dict[str, Any] = dict(
        laser=nominal.dfb(),
        lanes_per_laser=4.0,
        lasers_per_unit=8.0,
        excess_db=1.65,
        connectors_db=0.75,
        driver_efficiency=0.82,
        controller_w=0.5,
    )
    return ExternalLaserSource(**values | changes)


def comb(**changes: Any) -> CombSource:
    """8 of some 15 lines for 4 fibres, -135 dB/Hz a line."""
    values: dict[str, Any] = dict(
        laser=nominal.dfb(),
        lines=8.0,
        fibres=4.0,
        band=11.0,
        roll_off=3.7,
        conversion=0.9,
        least_w=0.02,
        partition_per_hz=10**-13.5,
        excess_db=2.4,
        driver_efficiency=0.82,
        controller_w=0.3,
        external=True,
        cooler=cooler(),
    )
    return CombSource(**values | changes)


def vcsel(**changes: Any) -> VCSEL:
    """7 mA and +-3 mA around it; 22 GHz of resonance."""
    values: dict[str, Any] = dict(
        current_a=7e-3,
        swing_a=6e-3,
        threshold_a=0.6e-3,
        optimum_k=323.0,
        width_k=55.0,
        efficiency=0.42,
        t1_k=300.0,
        turn_on_v=1.55,
        series_ohm=60.0,
        thermal_k_per_w=2500.0,
        junction_max_k=398.0,
        wavelength_m=850e-9,
        rin_per_hz=10**-14.5,
        resonance_hz_per_root_a=9e9 / math.sqrt(1e-3),
        k_factor_s=0.22e-9,
        damping_per_s=1.5e10,
        parasitic_hz=28e9,
        wear=nominal.wear(),
    )
    return VCSEL(**values | changes)


def sources() -> dict[str, AbstractSource]:
    """One of every kind."""
    return {
        "module": nominal.engine_port().source,
        "unit": unit(),
        "cooled": unit(cooler=cooler()),
        "comb": comb(),
    }
