"""A cluster of ring engines and pluggables, for searches that are told its answers."""

import nominal
from photonflow.cluster.architecture import DenseDecoder
from photonflow.cluster.facility import Facility, Host
from photonflow.cluster.parallelism import Layout
from photonflow.cluster.step import Cluster
from photonflow.cluster.topology import (
    Climate,
    FatTree,
    Nic,
    SwitchBox,
    SwitchedDomain,
)
from photonflow.cluster.workload import Decode
from photonflow.compute.accelerator import Accelerator
from photonflow.devices.detectors import Photodiode
from photonflow.devices.drivers import CapacitiveDriver, TerminatedDriver
from photonflow.devices.electronics import Dsp, Housekeeping, SerDes, Trace
from photonflow.devices.junction import PNJunction
from photonflow.devices.mach_zehnder import MachZehnderModulator
from photonflow.devices.passives import RibWaveguide, TwinaxPath
from photonflow.devices.receivers import TransimpedanceAmplifier
from photonflow.devices.ring_heating import RingHeater
from photonflow.devices.ring_modulators import MicroringModulator
from photonflow.devices.sources import LaserSource
from photonflow.links.copper import CopperLink, CopperPort
from photonflow.links.fec import Fec
from photonflow.links.modulated_port import ModulatedPort


HOST_A, HOST_B = "scale_out.host_link.end_a", "scale_out.host_link.end_b"
SWITCH_A, SWITCH_B = "scale_out.switch_link.end_a", "scale_out.switch_link.end_b"
DETUNING = [(0.1, 2.5), (-2.5, -0.1)]


def serdes(pj, noisy=33.0):
    return SerDes(pj * 1e-12, noisy, noisy - 1, 10.0, 8.2e-18, 0.8, 70e9, 5e-9)


def laser(current_a):
    return nominal.dfb(current_a=current_a, rin_per_hz=6e-16)


def tia(bandwidth_hz):
    return TransimpedanceAmplifier(
        bandwidth_hz, 600e9, 5.0, 25e-15, 0.1, bandwidth_hz, 1.5, 0.4
    )


def engine():
    ring = MicroringModulator(
        guide=RibWaveguide(3.9, 280e-9, 0.9, 300.0, 3.4e6, 0.376e-6, 0.175, 7.25e6),
        junction=PNJunction(2e24, 2e24, 1.6, 220e-9, 1.3, 1.6e-3),
        heater=RingHeater(0.1446, 5e-5, 0.5, 0.6, 1.5e-3),
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
    return ModulatedPort(
        host=serdes(2.3),
        trace=Trace(4.0, 0.7),
        retimer=None,
        driver=CapacitiveDriver(70e9, 0.7, 2.0, 8.2e-18, 15.0, 20e-15),
        source=LaserSource(
            laser=laser(0.28),
            lanes_per_laser=4.0,
            excess_db=1.5,
            driver_efficiency=0.85,
            external=True,
        ),
        modulator=ring,
        photodiode=Photodiode(0.9, 50e-9, 15e-15, 60e9, 2.0),
        tia=tia(45e9),
        housekeeping=Housekeeping(0.3, 0.9),
        footprint=nominal.footprint(),
        lanes=8.0,
        launch_dbm=-40.0,
        coupler_in_db=1.2,
        coupler_out_db=1.2,
        coupler_receive_db=1.2,
    )


def pluggable():
    return ModulatedPort(
        host=serdes(4.5),
        trace=Trace(16.0, 0.7),
        retimer=Dsp(serdes(5.5, 34.0), 2.5e-12, -6.0),
        driver=TerminatedDriver(65e9, 1.5, 2.0, 8.2e-18, 50.0, 100.0),
        source=LaserSource(
            laser=laser(0.2),
            lanes_per_laser=4.0,
            excess_db=0.3,
            driver_efficiency=0.85,
            external=False,
        ),
        modulator=MachZehnderModulator(2.5, 6.0, 4.0, 55e9, 5e-3, 1.31e-6),
        photodiode=Photodiode(0.9, 50e-9, 25e-15, 55e9, 2.5),
        tia=tia(50e9),
        housekeeping=Housekeeping(0.5, 0.88),
        footprint=nominal.footprint(),
        lanes=8.0,
        launch_dbm=0.0,
        coupler_in_db=1.2,
        coupler_out_db=1.5,
        coupler_receive_db=1.2,
    )


def ring_cluster():
    fec = Fec(2.26e-4, 1.0625, 0.2e-12, 60e-9)
    port = CopperPort(host=serdes(4.5), footprint=nominal.footprint(), lanes=36.0)

    def optical(a, b):
        return nominal.optical_link(a, b, fec=fec)

    copper = CopperLink(
        end_a=port,
        path=TwinaxPath(7.5, 15.0, 3e-4, 1.4, 1.5),
        end_b=port,
        fec=fec,
        rate_bps=7.2e12,
        reserve_db=1.0,
        residual_db=25.0,
        pam=4,
    )
    return Cluster(
        accelerator=Accelerator(
            4.5e15, 7.7e12, 180e9, 0.92, 0.7, 0.8, 1.5, 38e-6, 1e-3, 350.0,
            0.12e-12, 36e-12, 1000.0, 33.0,
        ),
        scale_up=SwitchedDomain(
            copper, SwitchBox(200.0, 130.0, 4.0, 3e-7), 72.0, 1.2, 25e-6, 0.65, 0.75
        ),
        scale_out=FatTree(
            optical(engine(), pluggable()), optical(engine(), engine()),
            SwitchBox(1600.0, 518.0, 72.0, 6e-7), Nic(35.0, 3.6, 7e-7),
            3.0, 1.0, 2.0, 128.0, 50.0, 500.0, 8e-6, 0.9,
        ),
        host=Host(150.0, 20.0),
        facility=Facility(0.95, 0.97, 0.08),
        nominal=Climate(328.15, 308.15, 0.0),
        worst=Climate(343.15, 323.15, 1.0),
        accelerators=9216.0,
    )  # fmt: skip


def decode_405b():
    model = DenseDecoder(16384.0, 53248.0, 126.0, 128.0, 8.0, 128.0, 128256.0)
    return Decode(
        model, Layout(8.0, 9.0, 128.0), 8.0, 9.0, 8192.0, 1024.0, 8704.0, 1.0, 1.0, 2.0
    )
