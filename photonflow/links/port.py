"""One end of an optical link: its electronics, its light and its receiver."""

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, Values, param
from ..devices.detectors import Photodiode
from ..devices.electronics import (
    AbstractDriver,
    Dsp,
    Housekeeping,
    SerDes,
    Trace,
)
from ..devices.modulators import AbstractModulator, AbstractOperation
from ..devices.receivers import TransimpedanceAmplifier
from ..devices.response import from_db, power, to_db
from ..devices.sources import AbstractSource, Light
from .base import Conditions, PortBudget, by_cause
from .detection import AbstractEqualiser, Sender, Taker
from .fec import Fec
from .footprint import Footprint
from .pattern import light


class OpticalPort(Component):
    """One end of an optical link: pluggable with a DSP, linear pluggable, or engine.

    A half-retimed pluggable has a retimer for what it sends and none for what arrives.

    ```
    host SerDes ── trace ──[ retimer ]── driver ── modulator ── coupler_out ── fibre
                     │                      source ─ coupler_in ┘
                     └─────[ retimer ]── TIA ── photodiode ── coupler_receive ── fibre
    ```

    Whoever drives also equalises: the DSP where there is one, else the host's SerDes
    through the trace. Toward the modulator the trace is undone ahead of the driver,
    which costs swing at the driver's noisy input; from the TIA it is undone behind the
    SerDes' input noise. The signal path of all lanes is the same. The controller of
    the module counts as `tuning`, with the heaters and lock loops it runs.
    """

    host: SerDes
    trace: Trace
    retimer: Dsp | None
    driver: AbstractDriver
    source: AbstractSource
    modulator: AbstractModulator
    photodiode: Photodiode
    tia: TransimpedanceAmplifier
    housekeeping: Housekeeping
    footprint: Footprint
    lanes: Scalar = param(unit="1", doc="lanes, each way", low=1.0, high=64.0)
    launch_dbm: Scalar = param(
        unit="dBm",
        doc="outer OMA a lane must put into the fibre; -40 where no standard asks",
        low=-40.0,
        high=10.0,
    )
    coupler_in_db: Scalar = param(
        unit="dB", doc="source to modulator", low=0.0, high=6.0
    )
    coupler_out_db: Scalar = param(
        unit="dB", doc="modulator to fibre", low=0.0, high=6.0
    )
    coupler_receive_db: Scalar = param(
        unit="dB", doc="fibre to photodiode", low=0.0, high=6.0
    )

    def sends_by(self) -> SerDes:
        """Who sends the modulator's drive."""
        return self.host if self.retimer is None else self.retimer.line

    def takes_by(self) -> SerDes:
        """Who takes the TIA's output."""
        if self.retimer is None or not self.retimer.receives:
            return self.host
        return self.retimer.line

    def segments_sent(self) -> list[Scalar]:
        """log10 BER of the electrical segments ahead of the driver."""
        return [] if self.retimer is None else [self.retimer.host_log10_ber]

    def segments_taken(self) -> list[Scalar]:
        """log10 BER of the electrical segments behind the TIA."""
        if self.retimer is None or not self.retimer.receives:
            return []
        return [self.retimer.host_log10_ber]

    def latency_s(self) -> Scalar:
        """Of all chips of this end, Tx plus Rx."""
        if self.retimer is None:
            return self.host.latency_s
        passed = 1.0 if self.retimer.receives else 0.5
        return self.host.latency_s + passed * self.retimer.line.latency_s

    def work(self, at: Conditions) -> "PortAtWork":
        """Light and modulator under `at`, solved once for all that asks."""
        light = self.source.shine(at.case_k, at.coolant_k)
        input_w = light.lane_w * from_db(-self.coupler_in_db)
        return PortAtWork(self, light, input_w, self.modulator.operate(input_w))

    def takes(self, at: Conditions, frequency_hz: Values) -> Taker:
        """One lane of the receiver, responses at `frequency_hz`."""
        f, phy, tia = frequency_hz, self.takes_by(), self.tia
        amplifier = tia.transfer(f)
        if phy is self.host:
            amplifier = amplifier * self.trace.transfer(f)
        coupled = from_db(-self.coupler_receive_db)
        return Taker(
            a_per_w=self.photodiode.responsivity_a_per_w * coupled,
            dark_a=self.photodiode.dark_a,
            thermal_a2_per_hz=tia.noise_a2_per_hz(
                self.photodiode.capacitance_f, at.case_k
            ),
            photodiode=self.photodiode.transfer(f),
            amplifier=amplifier,
            front=phy.transfer(f),
            input_per_hz=phy.noise_v2_per_hz / jnp.square(tia.output_v),
            peaking_db=phy.peaking_db,
            conversion=from_db(-phy.receive_snr_db),
        )


class PortAtWork(eqx.Module):
    """An end with its laser lit and its modulator driven."""

    port: OpticalPort
    light: Light
    input_w: Scalar
    """light at the modulator's input"""
    modulation: AbstractOperation

    def sends(
        self, symbol_hz: Scalar, equaliser: AbstractEqualiser, pam: int
    ) -> Sender:
        """One lane of the transmitter, as far as `equaliser` wants to know."""
        port, phy = self.port, self.port.sends_by()
        f, symbols = equaliser.frequencies_hz(symbol_hz, pam), equaliser.symbols(pam)
        chip = phy.transfer(f)
        driven = chip * port.driver.transfer(f)
        modulated = self.modulation.transfer(f, port.driver.source_ohm)
        swing_v2 = jnp.square(phy.swing_v)
        if port.retimer is None:
            swing_v2 = swing_v2 * power(port.trace.transfer(symbol_hz / 2))
        in_fibre_w = self.input_w * from_db(-port.coupler_out_db)
        return Sender(
            top_w=in_fibre_w * self.modulation.top,
            bottom_w=in_fibre_w * self.modulation.bottom,
            transfer=driven * modulated,
            chip=chip,
            rin_per_hz=self.light.rin_per_hz,
            distortion=from_db(-phy.transmit_snr_db),
            driver_v2=port.driver.noise_v2_per_hz * (symbol_hz / 2) / swing_v2,
            light=None
            if symbols is None
            else light(
                self.modulation,
                driven,
                symbols,
                pam,
                symbol_hz,
                port.driver.source_ohm,
            ),
        )

    def slacks(self) -> dict[str, Scalar]:
        """Limits of the transmitter; `launch` in units of 10 dB."""
        launch = (self.launch_dbm() - self.port.launch_dbm) / 10
        return {"launch": launch} | self.light.slacks | self.modulation.slacks

    def launch_dbm(self) -> Scalar:
        """Outer OMA in the fibre."""
        swing = self.modulation.top - self.modulation.bottom
        return to_db(swing * self.input_w / 1e-3) - self.port.coupler_out_db

    def waterfall(self) -> dict[str, Scalar]:
        """Laser power in dBm, then every dB down to the outer OMA in the fibre."""
        swing = self.modulation.top - self.modulation.bottom
        return self.light.budget_db | {
            "coupler_in": -self.port.coupler_in_db,
            "modulator_oma": to_db(swing),
            "coupler_out": -self.port.coupler_out_db,
        }

    def budget(
        self, fec: Fec, rate_bps: Scalar, symbol_hz: Scalar, pam: int
    ) -> PortBudget:
        """Watts of this end, by cause."""
        port, modulation = self.port, self.modulation
        lanes, drive_v = port.lanes, port.modulator.drive_v
        # Charging the junction is part of what the class-A driver draws.
        charging = (pam + 1) / (6 * pam)
        charging_w = charging * modulation.load_f * drive_v**2 * symbol_hz
        driver_w = port.driver.power_w(drive_v, modulation.load_f, symbol_hz)
        driver_w = driver_w - charging_w
        # Bias of the photodiode is counted at the light this end sends: 5 to 6 dB more
        # than arrives, a few milliwatts of the port.
        passed_w = self.input_w * (modulation.top + modulation.bottom) / 2
        photodiode_w = port.photodiode.power_w(passed_w)
        laser_w = self.light.electrical_w(lanes)
        inside = {
            "modulator": lanes * charging_w,
            "driver": lanes * driver_w,
            "tuning": lanes * modulation.tuning_w + port.housekeeping.control_w,
            "receiver": lanes * (port.tia.power_w() + photodiode_w),
        }
        if port.retimer is not None:
            inside["dsp"] = rate_bps * port.retimer.line.energy_j_per_bit
            inside["serdes_module"] = rate_bps * port.retimer.host_energy_j_per_bit
        converted_w = sum(inside.values(), start=jnp.zeros(()))
        if not port.source.external:
            converted_w = converted_w + laser_w
        loss_w = converted_w * (1 / port.housekeeping.conversion - 1)
        static_w = by_cause(
            **inside,
            laser=laser_w,
            power_conversion=loss_w,
            serdes_host=rate_bps * port.host.energy_j_per_bit,
            fec=rate_bps * fec.energy_j_per_bit,
        )
        box = dict.fromkeys(static_w, "module") | {
            "laser": "laser_source" if port.source.external else "module",
            "serdes_host": "host",
            "fec": "host",
        }
        return PortBudget(
            static_w,
            by_cause(),
            tuple(box.items()),
            shoreline_bps_per_m=rate_bps / port.footprint.edge_m(lanes),
            area_m2=port.footprint.area_m2,
            fit=port.footprint.electronics_fit + self.light.fit(lanes),
        )
