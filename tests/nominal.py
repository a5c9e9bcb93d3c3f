"""Devices and links of plausible size for the tests of models: no cards, no sources.

Three families share everything but their scale-out links: retimed pluggables, linear
pluggables, and co-packaged ring engines that face pluggables at the adapter.
"""

from typing import Any

from photonflow.devices.detectors import Photodiode
from photonflow.devices.diodes import WearOut
from photonflow.devices.drivers import CapacitiveDriver, TerminatedDriver
from photonflow.devices.electronics import Dsp, Housekeeping, SerDes, Trace
from photonflow.devices.junction import PNJunction
from photonflow.devices.lasers import DFBLaser
from photonflow.devices.mach_zehnder import MachZehnderModulator
from photonflow.devices.passives import FibrePath, RibWaveguide, TwinaxPath
from photonflow.devices.receivers import TransimpedanceAmplifier
from photonflow.devices.ring_heating import RingHeater
from photonflow.devices.ring_modulators import MicroringModulator
from photonflow.devices.sources import LaserSource
from photonflow.links.base import AbstractLink, Conditions, LinkBudget
from photonflow.links.copper import CopperLink, CopperPort
from photonflow.links.family import budgets_of
from photonflow.links.fec import Fec
from photonflow.links.modulated_port import ModulatedPort
from photonflow.links.optical import OpticalLink
from photonflow.links.port import Footprint
from photonflow.signal.equaliser import FeedForward, Unlimited
from photonflow.signal.pattern import PatternedFeedForward


FAMILIES = ("pluggable", "lpo", "cpo")


def dfb(**changes: Any) -> DFBLaser:
    """O-band DFB of a few 100 mA: 12 mA threshold, RIN -152 dB/Hz."""
    values: dict[str, Any] = dict(
        current_a=0.28,
        threshold_a=0.012,
        efficiency=0.55,
        t0_k=60.0,
        t1_k=200.0,
        turn_on_v=0.95,
        series_ohm=1.2,
        thermal_k_per_w=12.0,
        junction_max_k=383.0,
        wavelength_m=1.31e-6,
        rin_per_hz=10**-15.2,
        wear=wear(),
    )
    return DFBLaser(**values | changes)


def wear() -> WearOut:
    """50 FIT at 60 C, 0.97 eV."""
    return WearOut(failures_fit=50.0, reference_k=333.15, activation_j=1.554e-19)


def junction(**changes: Any) -> PNJunction:
    """2e18 per cm^3 on both sides, folded 1.6 times, in a 220 nm layer."""
    values: dict[str, Any] = dict(
        acceptor_per_m3=2e24,
        donor_per_m3=2e24,
        shape=1.6,
        height_m=220e-9,
        fringe=1.3,
        series_ohm_m=1.6e-3,
    )
    return PNJunction(**values | changes)


def ring(**changes: Any) -> MicroringModulator:
    """Ring of 6 um, gap 150 nm, 1.8 V, laser 0.9 half linewidths to the blue."""
    values: dict[str, Any] = dict(
        guide=RibWaveguide(
            group_index=3.9,
            mode_width_m=280e-9,
            confinement=0.9,
            scatter_db_per_m=300.0,
            bend_db_per_m=3.4e6,
            bend_decay_m=0.376e-6,
            splitting=0.175,
            splitting_decay_per_m=7.25e6,
        ),
        junction=junction(),
        heater=RingHeater(
            thermal_k_m_per_w=0.1446,
            shift_per_k=5e-5,
            hold=0.5,
            absorbed=0.6,
            loop_w=1.5e-3,
        ),
        radius_m=6e-6,
        gap_m=150e-9,
        drive_v=1.8,
        bias_v=0.2,
        detuning=0.9,
        wavelength_m=1.31e-6,
        junction_fraction=0.75,
        pad_f=20e-15,
        insertion_db=0.5,
    )
    return MicroringModulator(**values | changes)


def mach_zehnder(**changes: Any) -> MachZehnderModulator:
    """2.5 V on a half-wave voltage of 6 V, 4 dB of loss, 55 GHz."""
    values: dict[str, Any] = dict(
        drive_v=2.5,
        half_wave_v=6.0,
        insertion_db=4.0,
        bandwidth_hz=55e9,
        bias_w=5e-3,
        wavelength_m=1.31e-6,
    )
    return MachZehnderModulator(**values | changes)


def serdes(**changes: Any) -> SerDes:
    """Long-reach class: 4.5 pJ/bit, 33 and 32 dB, 8.2e-18 V^2/Hz."""
    values: dict[str, Any] = dict(
        energy_j_per_bit=4.5e-12,
        transmit_snr_db=33.0,
        receive_snr_db=32.0,
        peaking_db=14.0,
        noise_v2_per_hz=8.2e-18,
        swing_v=0.8,
        bandwidth_hz=70e9,
        latency_s=10e-9,
    )
    return SerDes(**values | changes)


def dsp() -> Dsp:
    """Retimer of 8 pJ/bit; its electrical segment adds a BER of 1e-6."""
    line = serdes(
        energy_j_per_bit=5.5e-12,
        transmit_snr_db=34.0,
        receive_snr_db=33.0,
        latency_s=50e-9,
    )
    return Dsp(line, host_energy_j_per_bit=2.5e-12, host_log10_ber=-6.0)


def fec() -> Fec:
    """KP4: 2.26e-4, 6.25 % (544/514 x 257/256), 0.2 pJ/bit, 60 ns."""
    return Fec(
        threshold=2.26e-4, overhead=1.0625, energy_j_per_bit=0.2e-12, latency_s=60e-9
    )


def tia(**changes: Any) -> TransimpedanceAmplifier:
    """45 GHz behind 600 GHz of gain-bandwidth, 100 mW."""
    values: dict[str, Any] = dict(
        bandwidth_hz=45e9,
        gain_bandwidth_hz=600e9,
        noise_factor=5.0,
        input_f=25e-15,
        reference_w=0.1,
        reference_bandwidth_hz=45e9,
        power_exponent=1.5,
        output_v=0.4,
    )
    return TransimpedanceAmplifier(**values | changes)


def footprint(**changes: Any) -> Footprint:
    """Fibres at 127 um, one of light for four lanes, 40 mm^2, 10 failures in 1e9 h."""
    values: dict[str, Any] = dict(
        pitch_m=127e-6, per_pair=2.25, area_m2=40e-6, electronics_fit=10.0
    )
    return Footprint(**values | changes)


def engine_port(**changes: Any) -> ModulatedPort:
    """Co-packaged ring engine, driven straight from the switch, external laser."""
    values: dict[str, Any] = dict(
        host=serdes(energy_j_per_bit=2.3e-12, latency_s=5e-9),
        trace=Trace(loss_db=4.0, exponent=0.7),
        retimer=None,
        driver=CapacitiveDriver(
            bandwidth_hz=70e9,
            headroom_v=0.7,
            overhead=2.0,
            noise_v2_per_hz=8.2e-18,
            source_ohm=15.0,
            output_f=20e-15,
        ),
        source=LaserSource(
            laser=dfb(),
            lanes_per_laser=4.0,
            excess_db=1.5,
            driver_efficiency=0.85,
            external=True,
        ),
        modulator=ring(),
        photodiode=Photodiode(
            responsivity_a_per_w=0.9,
            dark_a=50e-9,
            capacitance_f=15e-15,
            bandwidth_hz=60e9,
            bias_v=2.0,
        ),
        tia=tia(),
        housekeeping=Housekeeping(control_w=0.3, conversion=0.9),
        footprint=footprint(),
        lanes=8.0,
        launch_dbm=-40.0,
        coupler_in_db=1.2,
        coupler_out_db=1.2,
        coupler_receive_db=1.2,
    )
    return ModulatedPort(**values | changes)


def pluggable_port(retimed: bool = True, **changes: Any) -> ModulatedPort:
    """Front-panel module with Mach-Zehnders, behind 16 dB of host trace."""
    values: dict[str, Any] = dict(
        host=serdes(),
        trace=Trace(loss_db=16.0, exponent=0.7),
        retimer=dsp() if retimed else None,
        driver=TerminatedDriver(
            bandwidth_hz=65e9,
            headroom_v=1.5,
            overhead=2.0,
            noise_v2_per_hz=8.2e-18,
            source_ohm=50.0,
            load_ohm=100.0,
        ),
        source=LaserSource(
            laser=dfb(current_a=0.2),
            lanes_per_laser=4.0,
            excess_db=0.3,
            driver_efficiency=0.85,
            external=False,
        ),
        modulator=mach_zehnder(),
        photodiode=Photodiode(
            responsivity_a_per_w=0.9,
            dark_a=50e-9,
            capacitance_f=25e-15,
            bandwidth_hz=55e9,
            bias_v=2.5,
        ),
        tia=tia(
            bandwidth_hz=50e9,
            reference_w=0.16,
            reference_bandwidth_hz=50e9,
            output_v=0.5,
        ),
        housekeeping=Housekeeping(control_w=0.5, conversion=0.88),
        footprint=footprint(),
        lanes=8.0,
        launch_dbm=0.0,
        coupler_in_db=1.2,
        coupler_out_db=1.5,
        coupler_receive_db=1.2,
    )
    return ModulatedPort(**values | changes)


def optical_link(
    end_a: ModulatedPort, end_b: ModulatedPort, **changes: Any
) -> OpticalLink:
    """1.6 Tbit/s of PAM4 over 2.75 dB of connectors and 0.5 dB/km."""
    values: dict[str, Any] = dict(
        end_a=end_a,
        path=FibrePath(
            connectors_db=2.75,
            fibre_db_per_m=5e-4,
            group_index=1.468,
            reach_m=500.0,
            end_return_db=26.0,
            return_db=45.0,
            reflections=4.0,
        ),
        end_b=end_b,
        fec=fec(),
        equaliser=Unlimited(residual_db=28.0),
        rate_bps=1.6e12,
        reserve_db=1.0,
        pam=4,
    )
    return OpticalLink(**values | changes)


def feed_forward(**changes: Any) -> FeedForward:
    """15 taps; jitter of 100 fs rms and +-180 fs, 0.01 and 0.02 symbols."""
    values: dict[str, Any] = dict(
        jitter_s=100e-15, even_odd_s=180e-15, taps=15, feedback=0
    )
    return FeedForward(**values | changes)


def patterned(**changes: Any) -> PatternedFeedForward:
    """The same taps and jitter, every run of 4 symbols for itself."""
    values: dict[str, Any] = dict(
        jitter_s=100e-15, even_odd_s=180e-15, taps=15, memory=4
    )
    return PatternedFeedForward(**values | changes)


def copper_link(**changes: Any) -> CopperLink:
    """7.2 Tbit/s over 36 lanes of twinax, 15 dB of fixed loss."""
    port = CopperPort(host=serdes(), footprint=footprint(), lanes=36.0)
    values: dict[str, Any] = dict(
        end_a=port,
        path=TwinaxPath(
            loss_db_per_m=7.5,
            fixed_db=15.0,
            crosstalk_v=3e-4,
            velocity_index=1.4,
            reach_m=1.5,
        ),
        end_b=port,
        fec=fec(),
        rate_bps=7.2e12,
        reserve_db=1.0,
        residual_db=25.0,
        pam=4,
    )
    return CopperLink(**values | changes)


def worst(**changes: Any) -> Conditions:
    """70 C case, 50 C coolant, 500 m, 1 dB of ageing."""
    values: dict[str, Any] = dict(
        case_k=343.15, coolant_k=323.15, length_m=500.0, ageing_db=1.0
    )
    return Conditions(**values | changes)


def links_of(family: str) -> tuple[OpticalLink, OpticalLink]:
    """Host link and switch link of one of `FAMILIES`."""
    plug, linear = pluggable_port(), pluggable_port(retimed=False)
    engine = engine_port()
    ends = {
        "pluggable": ((plug, plug), (plug, plug)),
        "lpo": ((linear, linear), (linear, linear)),
        "cpo": ((engine, plug), (engine, engine)),
    }
    host, switch = ends[family]
    return optical_link(*host), optical_link(*switch)


def budget(link: AbstractLink, at: Conditions) -> LinkBudget:
    """By the program of the link's family, which all tests of a process share."""
    (found,) = budgets_of([(link, at)])
    return found
