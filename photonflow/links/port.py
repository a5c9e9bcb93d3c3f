"""What all ends of optical links share: who drives, who listens, who pays."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, Values
from ..devices.chip import ChipPath
from ..devices.detectors import Photodiode
from ..devices.electronics import AbstractDriver, Dsp, Housekeeping, SerDes, Trace
from ..devices.receivers import TransimpedanceAmplifier
from ..devices.response import from_db
from ..signal.receiver import AbstractEqualiser, Receiver, Transmitter
from .base import Conditions, PortBudget, by_cause
from .fec import Fec
from .footprint import Footprint
from .wdm import Demultiplexed, RingBus


class AbstractOpticalPort(Component):
    """What an end needs besides that which makes its light: electronics and receiver.

    ```
    host SerDes ── trace ──[ retimer ]── driver ──── light ─── coupler_out ── fibre
                     └─────[ retimer ]── TIA ── photodiode ── coupler_receive ── fibre
    ```

    Whoever drives also equalises: the DSP where there is one, else the host's SerDes
    through the trace. Toward the light the trace is undone ahead of the driver,
    which costs swing at the driver's noisy input; from the TIA it is undone behind the
    SerDes' input noise. The signal path of all lanes is the same. The controller of
    the module counts as `tuning`, with the heaters and lock loops it runs. A
    half-retimed pluggable has a retimer for what it sends and none for what arrives.
    """

    host: eqx.AbstractVar[SerDes]
    trace: eqx.AbstractVar[Trace]
    retimer: eqx.AbstractVar[Dsp | None]
    driver: eqx.AbstractVar[AbstractDriver]
    photodiode: eqx.AbstractVar[Photodiode]
    tia: eqx.AbstractVar[TransimpedanceAmplifier]
    housekeeping: eqx.AbstractVar[Housekeeping]
    footprint: eqx.AbstractVar[Footprint]
    lanes: eqx.AbstractVar[Scalar]
    coupler_receive_db: eqx.AbstractVar[Scalar]
    wdm: eqx.AbstractVar[RingBus | None]
    """what puts many wavelengths on a fibre and takes them apart"""
    route: eqx.AbstractVar[ChipPath | None]
    """guide between devices and fibre couplers, one way; None: in the couplers"""

    @abc.abstractmethod
    def wavelength_m(self) -> Scalar:
        """Of the light it sends, in vacuum."""

    @abc.abstractmethod
    def operating_point(self, at: Conditions) -> "AbstractOperatingPoint":
        """The light of this end under `at`, solved once for all that asks."""

    def demultiplexer(self, at: Conditions, pam: int) -> Demultiplexed | None:
        """Its drop filters; None where a fibre carries one wavelength."""
        return None if self.wdm is None else self.wdm.demultiplex(at.case_k, pam)

    def transmit_phy(self) -> SerDes:
        """Who sends the modulator's drive."""
        return self.host if self.retimer is None else self.retimer.line

    def receive_phy(self) -> SerDes:
        """Who takes the TIA's output."""
        if self.retimer is None or not self.retimer.receives:
            return self.host
        return self.retimer.line

    def transmit_segments(self) -> list[Scalar]:
        """log10 BER of the electrical segments ahead of the driver."""
        return [] if self.retimer is None else [self.retimer.host_log10_ber]

    def receive_segments(self) -> list[Scalar]:
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

    def receiver(self, at: Conditions, frequency_hz: Values) -> Receiver:
        """One lane of the receiver, responses at `frequency_hz`."""
        f, phy, tia = frequency_hz, self.receive_phy(), self.tia
        amplifier = tia.transfer(f)
        if phy is self.host:
            amplifier = amplifier * self.trace.transfer(f)
        lost_db, photodiode = self.coupler_receive_db, self.photodiode.transfer(f)
        lost_db = sum(self.receive_losses_db(at).values(), start=lost_db)
        if self.wdm is not None:
            photodiode = photodiode * self.wdm.transfer(f)
        coupled = from_db(-lost_db)
        return Receiver(
            a_per_w=self.photodiode.responsivity_a_per_w * coupled,
            dark_a=self.photodiode.dark_a,
            thermal_a2_per_hz=tia.noise_a2_per_hz(
                self.photodiode.capacitance_f, at.case_k
            ),
            photodiode=photodiode,
            amplifier=amplifier,
            front=phy.transfer(f),
            input_per_hz=phy.noise_v2_per_hz / jnp.square(tia.output_v),
            peaking_db=phy.peaking_db,
            conversion=from_db(-phy.receive_snr_db),
        )

    def receive_losses_db(self, at: Conditions) -> dict[str, Scalar]:
        """Losses on the way from the coupler past other filters into its own."""
        demultiplexed = self.demultiplexer(at, 2)  # at any number of levels
        losses_db = {} if demultiplexed is None else demultiplexed.losses_db
        return self.route_losses_db("chip_receive") | losses_db

    def route_losses_db(self, name: str) -> dict[str, Scalar]:
        """Loss of the route, if there is one, under `name`."""
        if self.route is None:
            return {}
        return {name: self.route.loss_db(self.wavelength_m())}

    def port_budget(
        self,
        fec: Fec,
        rate_bps: Scalar,
        inside_w: dict[str, Scalar],
        lasers: "Lasers",
        pairs: Scalar,
    ) -> PortBudget:
        """Watts by cause: `inside_w` and the lasers, DSP, conversion and host."""
        inside_w = dict(inside_w)
        if self.retimer is not None:
            inside_w["dsp"] = rate_bps * self.retimer.line.energy_j_per_bit
            inside_w["serdes_module"] = rate_bps * self.retimer.host_energy_j_per_bit
        converted_w = sum(inside_w.values(), start=jnp.zeros(()))
        if not lasers.external:
            converted_w = converted_w + lasers.electrical_w
        static_w = by_cause(
            **inside_w,
            laser=lasers.electrical_w,
            power_conversion=converted_w * (1 / self.housekeeping.conversion - 1),
            serdes_host=rate_bps * self.host.energy_j_per_bit,
            fec=rate_bps * fec.energy_j_per_bit,
        )
        box = dict.fromkeys(static_w, "module") | {
            "laser": "laser_source" if lasers.external else "module",
            "serdes_host": "host",
            "fec": "host",
        }
        return PortBudget(
            static_w,
            by_cause(),
            tuple(box.items()),
            shoreline_bps_per_m=rate_bps / self.footprint.edge_m(pairs),
            area_m2=self.footprint.area_m2,
            fit=self.footprint.electronics_fit + lasers.fit,
        )


class Lasers(NamedTuple):
    """All lasers of an end, for its books."""

    electrical_w: Scalar
    fit: Scalar
    """failures in 1e9 hours"""
    external: bool
    """in a box of their own, with converters of their own"""


class AbstractOperatingPoint(eqx.Module):
    """What a link asks of an end that sends."""

    @abc.abstractmethod
    def transmitter(
        self, symbol_hz: Scalar, equaliser: AbstractEqualiser, pam: int
    ) -> Transmitter:
        """One lane of the transmitter, as far as `equaliser` wants to know."""

    @abc.abstractmethod
    def slacks(self) -> dict[str, Scalar]:
        """Limits of the transmitter; `launch` in units of 10 dB."""

    @abc.abstractmethod
    def waterfall(self) -> dict[str, Scalar]:
        """Laser power in dBm, then every dB down to the outer OMA in the fibre."""

    @abc.abstractmethod
    def budget(
        self, fec: Fec, rate_bps: Scalar, symbol_hz: Scalar, pam: int
    ) -> PortBudget:
        """Watts of this end, by cause."""
