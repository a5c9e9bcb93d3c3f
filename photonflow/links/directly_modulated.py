"""One end of an optical link whose laser is its own modulator."""

import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..devices.detectors import AbstractPhotodiode
from ..devices.drivers import AbstractDriver
from ..devices.electronics import Dsp, Housekeeping, SerDes, Trace
from ..devices.receivers import AbstractTransimpedanceAmplifier
from ..devices.response import from_db, power, to_db
from ..devices.vcsels import VCSEL, VCSELOperation
from ..signal.receiver import AbstractEqualiser, Transmitter
from .base import LAUNCH, Conditions
from .fec import Fec
from .optical_port import AbstractOperatingPoint, AbstractOpticalPort
from .port import Footprint, LaserBudget, PortBudget


class DirectlyModulatedSource(Component):
    """A VCSEL for every lane, with what feeds its bias."""

    laser: VCSEL
    driver_efficiency: Scalar = param(
        unit="1", doc="diode power over the bias source's input", low=0.3, high=1.0
    )


class DirectlyModulatedPort(AbstractOpticalPort):
    """One end with directly modulated lasers, as of active optical cables.

    ```
    host SerDes ── trace ──[ retimer ]── driver ── laser ── coupler_out ── fibre
    ```

    Bias and swing of the laser are given, not solved: speed and wear set them, and the
    link has what margin it has. The driver's own response is in the laser's parasitic
    pole as far as the two share a load, and in `driver.bandwidth` otherwise; its swing
    in volts is that of its load. Left out: modal noise and bandwidth of the fibre,
    nonlinear levels.
    """

    host: SerDes
    trace: Trace
    retimer: Dsp | None
    driver: AbstractDriver
    source: DirectlyModulatedSource
    photodiode: AbstractPhotodiode
    tia: AbstractTransimpedanceAmplifier
    housekeeping: Housekeeping
    footprint: Footprint
    lanes: Scalar = param(
        unit="1", doc="lanes, each way", low=1.0, high=256.0, whole=True
    )
    launch_dbm: Scalar = param(
        unit="dBm",
        doc="outer OMA a lane must put into the fibre; -40 where no standard asks",
        low=-40.0,
        high=10.0,
    )
    coupler_out_db: Scalar = param(unit="dB", doc="laser to fibre", low=0.0, high=6.0)
    coupler_receive_db: Scalar = param(
        unit="dB", doc="fibre to photodiode", low=0.0, high=6.0
    )

    @property
    def wdm(self) -> None:
        """One wavelength in each fibre."""
        return None

    @property
    def route(self) -> None:
        """What lies between laser and fibre is in the coupler."""
        return None

    def wavelength_m(self) -> Scalar:
        """Of the laser."""
        return self.source.laser.wavelength_m

    def operating_point(self, at: Conditions) -> "DirectlyModulatedOperatingPoint":
        """The laser modulated under `at`."""
        return DirectlyModulatedOperatingPoint(
            self, self.source.laser.operate(at.case_k)
        )


class DirectlyModulatedOperatingPoint(AbstractOperatingPoint):
    """An end with its lasers modulated."""

    port: DirectlyModulatedPort
    modulation: VCSELOperation

    def transmitter(
        self, symbol_hz: Scalar, equaliser: AbstractEqualiser, pam: int
    ) -> Transmitter:
        """One lane of the transmitter; a pattern of light is that of pulses."""
        port, phy = self.port, self.port.transmit_phy()
        f = equaliser.frequencies_hz(symbol_hz, pam)
        if equaliser.symbols(pam) is not None:
            raise ValueError("a laser that modulates itself has no pattern response")
        chip = phy.transfer(f)
        swing_v2 = jnp.square(phy.swing_v)
        if port.retimer is None:
            swing_v2 = swing_v2 * power(port.trace.transfer(symbol_hz / 2))
        kept = from_db(-port.coupler_out_db)
        return Transmitter(
            top_w=kept * self.modulation.top_w,
            bottom_w=kept * self.modulation.bottom_w,
            transfer=chip * port.driver.transfer(f) * self.modulation.transfer(f),
            chip=chip,
            rin_per_hz=self.modulation.rin_per_hz,
            distortion=from_db(-phy.transmit_snr_db),
            driver_v2=port.driver.noise_v2_per_hz * (symbol_hz / 2) / swing_v2,
        )

    def launch_dbm(self) -> Scalar:
        """Outer OMA in the fibre."""
        swing_w = self.modulation.top_w - self.modulation.bottom_w
        return to_db(swing_w / 1e-3) - self.port.coupler_out_db

    def slacks(self) -> dict[str, Scalar]:
        """Limits of the transmitter; `launch` in units of 10 dB."""
        launch = (self.launch_dbm() - self.port.launch_dbm) / 10
        return {LAUNCH.name: launch} | self.modulation.slacks

    def waterfall(self) -> dict[str, Scalar]:
        """Light of the bias in dBm, then every dB to the outer OMA in the fibre."""
        light_w = self.modulation.light_w
        swing_w = self.modulation.top_w - self.modulation.bottom_w
        return {
            "laser": to_db(light_w / 1e-3),
            "modulator_oma": to_db(swing_w / light_w),
            "coupler_out": -self.port.coupler_out_db,
        }

    def budget(
        self, fec: Fec, rate_bps: Scalar, symbol_hz: Scalar, pam: int
    ) -> PortBudget:
        """Watts of this end, by cause."""
        port, lanes = self.port, self.port.lanes
        laser = port.source.laser
        # The driver swings the laser through its own resistance.
        drive_v = laser.swing_a * laser.series_ohm
        driver_w = port.driver.power_w(drive_v, jnp.zeros(()), symbol_hz)
        # Bias of the photodiode at the light this end sends, as in `port`.
        passed_w = self.modulation.light_w * from_db(-port.coupler_out_db)
        photodiode_w = port.photodiode.power_w(passed_w)
        module_w = {
            "driver": lanes * driver_w,
            "receiver": lanes * (port.tia.power_w() + photodiode_w),
        }
        bias_w = self.modulation.electrical_w / port.source.driver_efficiency
        lasers = LaserBudget(lanes * bias_w, lanes * self.modulation.fit)
        return port.port_budget(fec, rate_bps, module_w, lasers)
