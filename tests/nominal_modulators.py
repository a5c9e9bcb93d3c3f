"""Modulators of plausible size beside those of `nominal`: no cards, no sources."""

from typing import Any

import nominal
from photonflow.devices.electro_absorption import ElectroAbsorptionModulator
from photonflow.devices.lumped_mach_zehnder import LumpedMachZehnderModulator
from photonflow.devices.mach_zehnder import TravellingWaveModulator
from photonflow.devices.travelling_wave import TravellingWaveElectrode


def electrode(**changes: Any) -> TravellingWaveElectrode:
    """3 mm matched to 50 ohm, slower than its light by 0.4, 15 dB/cm at 50 GHz."""
    values: dict[str, Any] = dict(
        length_m=3e-3,
        loss_db_per_m=1500.0,
        microwave_index=4.2,
        optical_index=3.8,
        line_ohm=50.0,
        load_ohm=50.0,
    )
    return TravellingWaveElectrode(**values | changes)


def travelling(**changes: Any) -> TravellingWaveModulator:
    values: dict[str, Any] = dict(
        electrode=electrode(),
        drive_v=2.5,
        half_wave_v_m=0.02,
        arm_db_per_m=1000.0,
        splitters_db=0.5,
        bias_w=5e-3,
        wavelength_m=1.31e-6,
    )
    return TravellingWaveModulator(**values | changes)


def lumped(**changes: Any) -> LumpedMachZehnderModulator:
    """0.4 mm of the nominal ring's guide and junction, 3 V."""
    values: dict[str, Any] = dict(
        guide=nominal.ring().guide,
        junction=nominal.junction(),
        length_m=4e-4,
        drive_v=3.0,
        bias_v=0.2,
        pad_f=20e-15,
        splitters_db=0.5,
        hold_w=5e-3,
        wavelength_m=1.31e-6,
    )
    return LumpedMachZehnderModulator(**values | changes)


def absorber(**changes: Any) -> ElectroAbsorptionModulator:
    """40 um of GeSi: 1.2 nepers unbiased, 2.4 at 3 V."""
    values: dict[str, Any] = dict(
        length_m=40e-6,
        drive_v=2.0,
        bias_v=0.5,
        idle_per_m=2e4,
        added_per_m=4e4,
        reference_v=3.0,
        exponent=1.6,
        warm_k=0.0,
        drift_per_k=0.8 / 1550,
        tail_m=40e-9,
        collected=0.9,
        capacitance_f=15e-15,
        pad_f=15e-15,
        series_ohm=60.0,
        insertion_db=2.0,
        wavelength_m=1.55e-6,
    )
    return ElectroAbsorptionModulator(**values | changes)


KINDS = {"travelling": travelling, "lumped": lumped, "absorber": absorber}
