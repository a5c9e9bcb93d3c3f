"""Optical links: two ends, each with its own electronics, and fibre between them."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..component import Component, Scalar, param, together
from ..devices.detectors import Photodiode
from ..devices.electronics import (
    AbstractDriver,
    Dsp,
    Housekeeping,
    SerDes,
    Trace,
)
from ..devices.lasers import LaserSource, Light
from ..devices.modulators import AbstractModulator, AbstractOperation
from ..devices.passives import FibrePath
from ..devices.receivers import TransimpedanceAmplifier
from ..devices.response import from_db, to_db
from ..units import LN10
from . import signal
from .base import (
    AbstractLink,
    Conditions,
    Direction,
    LinkBudget,
    PortBudget,
    ber_slack,
    by_cause,
)
from .fec import Fec


class OpticalPort(Component):
    """One end of an optical link: pluggable with a DSP, linear pluggable, or engine.

    ```
    host SerDes ── trace ──[ retimer ]── driver ── modulator ── coupler_out ── fibre
                     │                      source ─ coupler_in ┘
                     └─────[ retimer ]── TIA ── photodiode ── coupler_receive ── fibre
    ```

    Whoever drives also equalises: the DSP where there is one, else the host's SerDes
    through the trace. Toward the modulator the trace is undone ahead of the driver,
    which costs swing at the driver's noisy input; from the TIA it is undone behind the
    SerDes' input noise. The signal path of all lanes is the same.
    """

    host: SerDes
    trace: Trace
    retimer: Dsp | None
    driver: AbstractDriver
    source: LaserSource
    modulator: AbstractModulator
    photodiode: Photodiode
    tia: TransimpedanceAmplifier
    housekeeping: Housekeeping
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

    def phy(self) -> SerDes:
        """Who sends the modulator's drive and takes the TIA's output."""
        return self.host if self.retimer is None else self.retimer.line

    def work(self, at: Conditions) -> "PortAtWork":
        """Light and modulator under `at`, solved once for all that asks."""
        light = self.source.shine(at.case_k, at.coolant_k)
        input_w = light.lane_w * from_db(-self.coupler_in_db)
        return PortAtWork(self, light, input_w, self.modulator.operate(input_w))


class PortAtWork(eqx.Module):
    """An end with its laser lit and its modulator driven."""

    port: OpticalPort
    light: Light
    input_w: Scalar
    """light at the modulator's input"""
    modulation: AbstractOperation

    def budget(
        self, fec: Fec, rate_bps: Scalar, symbol_hz: Scalar, pam: int
    ) -> PortBudget:
        """Watts of this end, by cause."""
        port, modulation = self.port, self.modulation
        lanes, drive_v = port.lanes, port.modulator.drive_v
        # Charging the junction is part of what the class-A driver draws.
        charging = (pam + 1) / (6 * pam)
        charging_w = charging * modulation.load_f * drive_v**2 * symbol_hz
        driver_w = port.driver.power_w(drive_v, modulation.load_f) - charging_w
        # What one modulator lets through is about what the photodiode gets.
        passed_w = self.input_w * (modulation.top + modulation.bottom) / 2
        photodiode_w = port.photodiode.power_w(passed_w)
        laser_w = port.source.electrical_w(lanes)
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
        return PortBudget(static_w, by_cause(), tuple(box.items()))


class OpticalLink(AbstractLink):
    r"""Intensity modulation and direct detection over parallel or duplex fibre.

    Each direction is solved for itself: light from one end's laser, the other end's
    photodiode. Without retimers the cascade runs from host SerDes to host SerDes;
    with them, BER adds up over the electrical segments. `reserve` is the optical
    margin a design must keep. Left out: wavelength multiplexing, MPI, TDECQ, a finite
    equaliser (its residue and timing jitter are `residual`).
    """

    end_a: OpticalPort
    path: FibrePath
    end_b: OpticalPort
    fec: Fec
    rate_bps: Scalar = param(
        unit="bit/s", doc="payload of one direction", low=1e10, high=1e14
    )
    reserve_db: Scalar = param(
        unit="dB", doc="optical margin a design must keep", low=0.0, high=6.0
    )
    residual_db: Scalar = param(
        unit="dB", doc="signal to residual ISI and jitter", low=18.0, high=60.0
    )
    pam: int = eqx.field(static=True)

    def budget(self, at: Conditions) -> LinkBudget:
        """Error rate, margin, latency and watts under `at`."""
        ends = [(self.end_a,), (self.end_b,)]
        a, b = together(lambda end: end.work(at), ends)
        budget_a, budget_b = together(
            lambda end: end.budget(
                self.fec, self.rate_bps, self.symbol_hz(end.port), self.pam
            ),
            [(a,), (b,)],
        )
        a_to_b, b_to_a = together(
            lambda tx, rx: self.direction(tx, rx, at), [(a, b.port), (b, a.port)]
        )
        return LinkBudget(
            rate_bps=self.rate_bps,
            line_rate_bps=self.rate_bps * self.fec.overhead,
            latency_s=self.latency_s(at),
            end_a=budget_a,
            end_b=budget_b,
            a_to_b=a_to_b,
            b_to_a=b_to_a,
        )

    def symbol_hz(self, end: OpticalPort) -> Scalar:
        """Symbol rate of one lane."""
        bits = (self.pam - 1).bit_length()
        return self.rate_bps * self.fec.overhead / (end.lanes * bits)

    def latency_s(self, at: Conditions) -> Scalar:
        """One way, FEC included; each SerDes and DSP counts half, Tx or Rx."""
        chips = [self.end_a.host, self.end_b.host]
        retimers = [self.end_a.retimer, self.end_b.retimer]
        chips += [r.line for r in retimers if r is not None]
        electronics = sum((chip.latency_s for chip in chips), start=jnp.zeros(())) / 2
        return electronics + self.fec.latency_s + self.path.latency_s(at.length_m)

    def levels_a(
        self, tx: PortAtWork, rx: OpticalPort, at: Conditions
    ) -> Float[Array, " levels"]:
        """Photocurrents of all levels, lowest first."""
        loss_db = (
            tx.port.coupler_out_db
            + self.path.loss_db(at.length_m)
            + at.ageing_db
            + rx.coupler_receive_db
        )
        scale = rx.photodiode.responsivity_a_per_w * from_db(-loss_db) * tx.input_w
        return signal.pam_levels(
            scale * tx.modulation.top, scale * tx.modulation.bottom, self.pam
        )

    def noise(self, tx: PortAtWork, rx: OpticalPort, at: Conditions) -> signal.Noise:
        """Every noise of one direction, referred to the photocurrent."""
        symbol_hz = self.symbol_hz(tx.port)
        band_hz = symbol_hz / 2
        f = signal.nyquist_nodes_hz(symbol_hz)
        driver, sender, taker = tx.port.driver, tx.port.phy(), rx.phy()
        ahead = sender.response(f) * driver.response(f)
        light = ahead * tx.modulation.response(f, driver.source_ohm)
        input_a = light * rx.photodiode.response(f)
        output_v = input_a * rx.tia.response(f)
        driven_v2 = jnp.square(sender.swing_v)
        if tx.port.retimer is None:
            driven_v2 = driven_v2 * tx.port.trace.response(band_hz)
        if rx.retimer is None:
            output_v = output_v * rx.trace.response(f)
        variance = signal.mean_square(self.pam)
        at_light = signal.enhancement(light)
        thermal = rx.tia.noise_a2_per_hz(rx.photodiode.capacitance_f, at.case_k)
        at_converter = taker.converted(output_v * taker.response(f), f / band_hz)
        digital = signal.enhancement(at_converter)
        swing_v2 = jnp.square(rx.tia.output_v)
        input_v2 = taker.noise_v2_per_hz * band_hz * signal.enhancement(output_v)
        return signal.Noise(
            thermal_a2=thermal * band_hz * signal.enhancement(input_a),
            shot_a=signal.shot_a(symbol_hz, at_light),
            dark_a=rx.photodiode.dark_a,
            rin=tx.port.source.laser.rin_per_hz * band_hz * at_light,
            relative={
                "transmitter": variance * from_db(-sender.transmit_snr_db),
                "driver": driver.noise_v2_per_hz * band_hz / driven_v2,
                "converter": variance * from_db(-taker.receive_snr_db) * digital,
                "phy_input": input_v2 / swing_v2,
                "residual": variance * from_db(-self.residual_db),
            },
        )

    def direction(self, tx: PortAtWork, rx: OpticalPort, at: Conditions) -> Direction:
        """One direction, solved for itself."""
        levels_a = self.levels_a(tx, rx, at)
        noise = self.noise(tx, rx, at)
        loss_db = jnp.array([0.0, 1.0]) * self.reserve_db
        log10_ber = jax.vmap(lambda d: noise.log10_ber(levels_a * from_db(-d)))(loss_db)
        # What the electrical segments leave of the threshold is the optics' to spend.
        rest = self.fec.threshold
        for end in (tx.port, rx):
            if end.retimer is not None:
                segment = end.retimer.host_log10_ber
                log10_ber = jnp.logaddexp(log10_ber * LN10, segment * LN10) / LN10
                rest = rest - 10.0**segment
        log10_rest = jnp.log10(jnp.maximum(rest, 1e-30))
        slacks = {
            "ber": ber_slack(log10_ber[1], self.fec.threshold),
            "launch": self.launch_dbm(tx) / 10 - tx.port.launch_dbm / 10,
            "junction": tx.light.junction_slack,
        } | tx.modulation.slacks
        return Direction(
            log10_ber=log10_ber[0],
            log10_ber_reserve=log10_ber[1],
            margin_db=noise.margin_db(levels_a, log10_rest),
            noise_share=noise.shares(levels_a),
            budget_db=self.waterfall(tx, rx, at),
            slacks=slacks,
        )

    def launch_dbm(self, tx: PortAtWork) -> Scalar:
        """Outer OMA in the fibre."""
        swing = tx.modulation.top - tx.modulation.bottom
        return to_db(swing * tx.input_w / 1e-3) - tx.port.coupler_out_db

    def waterfall(
        self, tx: PortAtWork, rx: OpticalPort, at: Conditions
    ) -> dict[str, Scalar]:
        """Laser power in dBm, then every dB down to the outer OMA at the photodiode."""
        source = tx.port.source
        return {
            "laser": to_db(tx.light.diode_w / 1e-3),
            "split": -to_db(source.lanes_per_laser),
            "source_excess": -source.excess_db,
            "coupler_in": -tx.port.coupler_in_db,
            "modulator_oma": to_db(tx.modulation.top - tx.modulation.bottom),
            "coupler_out": -tx.port.coupler_out_db,
            "path": -self.path.loss_db(at.length_m),
            "ageing": -at.ageing_db,
            "coupler_receive": -rx.coupler_receive_db,
        }
