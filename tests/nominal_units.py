"""Optical matrix units of plausible size for the tests: no cards, no sources."""

from typing import Any

import jax.numpy as jnp

import nominal
from photonflow.compute.base import MatrixProduct
from photonflow.compute.matrix_unit import SvdUnit
from photonflow.devices.converters import (
    AnalogueToDigital,
    DigitalToAnalogue,
    HoldConverter,
)
from photonflow.devices.detectors import Photodiode
from photonflow.devices.drivers import TerminatedDriver
from photonflow.devices.lasers import CoherentSource
from photonflow.devices.mesh_power import SvdMesh
from photonflow.devices.shifters import (
    ElectroOpticShifter,
    FieldModulator,
    ThermoOpticShifter,
)


def svd_mesh(**changes: Any) -> SvdMesh:
    """32 lanes, 2.3 V cm over 2.5 mm, 0.17 dB a column, 11-bit phases."""
    values: dict[str, Any] = dict(
        shifter=ElectroOpticShifter(
            half_wave_v_m=0.023,
            length_m=2.5e-3,
            capacitance_f_per_m=1.5e-10,
            insertion_db=0.0,
        ),
        converter=HoldConverter(bits=11.0, swing_v=10.0, hold_w=5e-5, set_j=1e-11),
        size=32.0,
        coupler_db=0.03,
        propagation_db_per_m=20.0,
        routing_m=5e-4,
        pitch_m=1e-4,
        splitter_error=0.015,
    )
    return SvdMesh(**values | changes)


def heater() -> ThermoOpticShifter:
    """30 mW for half a turn, which is held on average."""
    return ThermoOpticShifter(
        half_wave_w=30e-3, held=1.0, heater_ohm=1e3, length_m=2e-4, insertion_db=0.01
    )


def svd_unit(**changes: Any) -> SvdUnit:
    """200 units of 32 lanes at 10 GHz, 30 dB at the receiver, 5.9-bit ADCs."""
    values: dict[str, Any] = dict(
        mesh=svd_mesh(),
        source=CoherentSource(efficiency=0.15, rin_per_hz=1e-15, limit_w=10.0),
        modulator=FieldModulator(
            drive_v=1.5, half_wave_v=1.5, insertion_db=0.6, bias_w=1e-3
        ),
        driver=TerminatedDriver(
            bandwidth_hz=15e9,
            headroom_v=0.5,
            overhead=1.2,
            noise_v2_per_hz=8.2e-18,
            source_ohm=50.0,
            load_ohm=50.0,
        ),
        dac=DigitalToAnalogue(
            bits=8.0,
            lost_bits=1.0,
            reference_w=50e-3,
            reference_bits=8.0,
            reference_clock_hz=14e9,
        ),
        adc=AnalogueToDigital(effective_bits=5.9, walden_j=25e-15),
        photodiode=Photodiode(
            responsivity_a_per_w=0.9,
            dark_a=1e-8,
            capacitance_f=25e-15,
            bandwidth_hz=60e9,
            bias_v=2.0,
        ),
        tia=nominal.tia(
            bandwidth_hz=10e9,
            gain_bandwidth_hz=100e9,
            noise_factor=8.0,
            reference_w=6e-3,
            reference_bandwidth_hz=10e9,
            power_exponent=1.0,
        ),
        units=200.0,
        clock_hz=10e9,
        reload_s=1e-7,
        receiver_snr_db=30.0,
        oscillator=300.0,
        rejection_db=25.0,
        peak_db=6.02,
        tree_db=3.0,
        receive_db=0.5,
        case_k=328.15,
        partial_byte=3.0,
        sram_j_per_byte=5e-13,
    )
    return SvdUnit(**values | changes)


def product(**changes: Any) -> MatrixProduct:
    """Gate and up of a 70B model over eight ranks, 32768 tokens, FP8."""
    values: dict[str, Any] = dict(
        rows=7168.0, inner=8192.0, columns=32768.0, operand_byte=1.0
    )
    values |= dict(stream_byte=7168.0 * 8192.0, count=1.0) | changes
    arrays = {name: jnp.asarray(value) for name, value in values.items()}
    return MatrixProduct(**arrays, kind="feed_forward")
