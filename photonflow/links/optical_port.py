"""Ends of optical links: what their transmitters and receivers have in common."""

import abc

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, Values
from ..devices.chip import ChipPath
from ..devices.detectors import AbstractPhotodiode
from ..devices.drivers import AbstractDriver
from ..devices.electronics import Trace
from ..devices.receivers import AbstractTransimpedanceAmplifier
from ..devices.response import from_db
from ..signal.receiver import AbstractEqualiser, Receiver, Transmitter
from .base import Conditions
from .fec import Fec
from .port import AbstractPort, PortBudget
from .wdm import Demultiplexed, RingBus


class AbstractOpticalPort(AbstractPort):
    """One end of an optical link: electronics and receiver; subclasses make the light.

    ```
    host SerDes ── trace ──[ retimer ]── driver ──── light ─── coupler_out ── fibre
                     └─────[ retimer ]── TIA ── photodiode ── coupler_receive ── fibre
    ```

    Without a retimer the host's SerDes equalises through the trace: what it sends ahead
    of the driver, which costs swing at the driver's noisy input, and what comes from
    the TIA behind its own input noise. The signal path of all lanes is the same.
    """

    trace: eqx.AbstractVar[Trace]
    driver: eqx.AbstractVar[AbstractDriver]
    photodiode: eqx.AbstractVar[AbstractPhotodiode]
    tia: eqx.AbstractVar[AbstractTransimpedanceAmplifier]
    coupler_receive_db: eqx.AbstractVar[Scalar]
    wdm: eqx.AbstractVar[RingBus | None]
    """multiplexer and demultiplexer of the wavelengths of a fibre"""
    route: eqx.AbstractVar[ChipPath | None]
    """guide between devices and fibre couplers, one way; None: in the couplers"""

    @abc.abstractmethod
    def wavelength_m(self) -> Scalar:
        """Of the light it sends, in vacuum."""

    @abc.abstractmethod
    def operating_point(self, at: Conditions) -> "AbstractOperatingPoint":
        """Laser, modulator and light of this end, settled under `at`."""

    def demultiplexer(self, at: Conditions, pam: int) -> Demultiplexed | None:
        """Its drop filters; None where a fibre carries one wavelength."""
        return None if self.wdm is None else self.wdm.demultiplex(at.case_k, pam)

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
        """Losses from the coupler, past the other filters, into the channel's own."""
        demultiplexed = self.demultiplexer(at, 2)  # at any number of levels
        losses_db = {} if demultiplexed is None else demultiplexed.losses_db
        return self.route_losses_db("chip_receive") | losses_db

    def route_losses_db(self, name: str) -> dict[str, Scalar]:
        """Loss of the route, if there is one, under `name`."""
        if self.route is None:
            return {}
        return {name: self.route.loss_db(self.wavelength_m())}


class AbstractOperatingPoint(eqx.Module):
    """The transmitter of one end, laser and modulator settled."""

    @abc.abstractmethod
    def transmitter(
        self, symbol_hz: Scalar, equaliser: AbstractEqualiser, pam: int
    ) -> Transmitter:
        """One lane of the transmitter, with the responses that `equaliser` needs."""

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
