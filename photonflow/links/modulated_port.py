"""One end of an optical link: its electronics, its light and its receiver."""

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, param
from ..devices.chip import ChipPath
from ..devices.detectors import AbstractPhotodiode
from ..devices.drivers import AbstractDriver
from ..devices.electronics import Dsp, Housekeeping, SerDes, Trace
from ..devices.modulators import AbstractModulator, AbstractOperation
from ..devices.receivers import AbstractTransimpedanceAmplifier
from ..devices.response import from_db, power, to_db
from ..devices.ring_modulators import MicroringModulator
from ..devices.sources import AbstractSource, Light
from ..limits import DROP
from ..signal.decision import mean_square
from ..signal.pattern import light
from ..signal.receiver import AbstractEqualiser, Transmitter
from .base import LAUNCH, Conditions
from .fec import Fec
from .optical_port import AbstractOperatingPoint, AbstractOpticalPort
from .port import Footprint, LaserBudget, PortBudget
from .tuning import hz_per_k
from .wdm import Multiplexed, RingBus


class ModulatedPort(AbstractOpticalPort):
    """One end of an optical link with a modulator: pluggable, linear, or engine.

    ```
    driver ── modulator ──[ other rings of the bus ]─[ route ]─ coupler_out ── fibre
    source ─ coupler_in ┘
    photodiode ──[ drop filter ]─[ route ]─ coupler_receive ── fibre
    ```

    With `wdm` each fibre carries as many lanes as the bus has wavelengths; every lane
    needs a ring modulator, held where the tuning of the bus puts it.
    """

    host: SerDes
    trace: Trace
    retimer: Dsp | None
    driver: AbstractDriver
    source: AbstractSource
    modulator: AbstractModulator
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
    coupler_in_db: Scalar = param(
        unit="dB", doc="source to modulator", low=0.0, high=6.0
    )
    coupler_out_db: Scalar = param(
        unit="dB", doc="modulator to fibre", low=0.0, high=6.0
    )
    coupler_receive_db: Scalar = param(
        unit="dB", doc="fibre to photodiode", low=0.0, high=6.0
    )
    wdm: RingBus | None = None
    route: ChipPath | None = None

    def __check_init__(self):
        if self.wdm and not isinstance(self.modulator, MicroringModulator):
            raise ValueError("`wdm` needs a ring `modulator`: it multiplexes as well")

    def wavelength_m(self) -> Scalar:
        """Where its modulator works."""
        return self.modulator.wavelength_m

    def operating_point(self, at: Conditions) -> "ModulatedOperatingPoint":
        """Light and modulator under `at`."""
        light = self.source.emit(at.case_k, at.coolant_k)
        input_w = light.lane_w * from_db(-self.coupler_in_db)
        modulator = self.modulator
        if self.wdm is not None and isinstance(modulator, MicroringModulator):
            per_k = hz_per_k(modulator.heater, modulator.optical_hz())
            fsr_hz = modulator.fsr_hz()
            hold = self.wdm.place(fsr_hz, at.case_k, per_k).hold(fsr_hz)
            modulator = eqx.tree_at(lambda m: m.heater.hold, modulator, hold)
        return ModulatedOperatingPoint(
            self, at, light, input_w, modulator.operate(input_w)
        )


class ModulatedOperatingPoint(AbstractOperatingPoint):
    """An end with its laser lit and its modulator driven."""

    port: ModulatedPort
    at: Conditions
    light: Light
    input_w: Scalar
    """light at the modulator's input"""
    modulation: AbstractOperation

    def bus(self, pam: int) -> Multiplexed | None:
        """What the modulators of the other wavelengths do to its light."""
        port, modulation = self.port, self.modulation
        if port.wdm is None or not isinstance(port.modulator, MicroringModulator):
            return None
        top, bottom = modulation.top, modulation.bottom
        return port.wdm.multiplex(port.modulator, top, bottom, self.at.case_k, pam)

    def transmitter(
        self, symbol_hz: Scalar, equaliser: AbstractEqualiser, pam: int
    ) -> Transmitter:
        """One lane of the transmitter, with the responses that `equaliser` needs."""
        port, phy = self.port, self.port.transmit_phy()
        f, symbols = equaliser.frequencies_hz(symbol_hz, pam), equaliser.symbols(pam)
        chip = phy.transfer(f)
        driven = chip * port.driver.transfer(f)
        modulated = self.modulation.transfer(f, port.driver.source_ohm)
        swing_v2 = jnp.square(phy.swing_v)
        if port.retimer is None:
            swing_v2 = swing_v2 * power(port.trace.transfer(symbol_hz / 2))
        passed_db = sum(self._transmit_losses_db().values(), start=port.coupler_out_db)
        in_fibre_w = self.input_w * from_db(-passed_db)
        distortion = from_db(-phy.transmit_snr_db)
        bus = self.bus(pam)
        if bus is not None:
            # The neighbours' data look like more distortion of the same band.
            written = bus.relative["intermodulation"]
            distortion = distortion + written / mean_square(pam)
        return Transmitter(
            top_w=in_fibre_w * self.modulation.top,
            bottom_w=in_fibre_w * self.modulation.bottom,
            transfer=driven * modulated,
            chip=chip,
            rin_per_hz=self.light.rin_per_hz,
            distortion=distortion,
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
        slacks = {LAUNCH.name: launch} | self.light.slacks | self.modulation.slacks
        # What limits a bus is the same at any number of levels.
        bus, demultiplexed = self.bus(2), self.port.demultiplexer(self.at, 2)
        if bus is not None and demultiplexed is not None:
            filters = {
                f"{DROP}{name}": slack for name, slack in demultiplexed.slacks.items()
            }
            slacks = slacks | bus.slacks | filters
        return slacks

    def launch_dbm(self) -> Scalar:
        """Outer OMA in the fibre."""
        swing = self.modulation.top - self.modulation.bottom
        lost_db = sum(
            self._transmit_losses_db().values(), start=self.port.coupler_out_db
        )
        return to_db(swing * self.input_w / 1e-3) - lost_db

    def _transmit_losses_db(self) -> dict[str, Scalar]:
        """Losses past the other modulators of a bus, and on the way to the coupler."""
        bus = self.bus(2)
        losses_db = {} if bus is None else bus.losses_db
        return losses_db | self.port.route_losses_db("chip_out")

    def waterfall(self) -> dict[str, Scalar]:
        """Laser power in dBm, then every dB down to the outer OMA in the fibre."""
        swing = self.modulation.top - self.modulation.bottom
        return self.light.budget_db | {
            "coupler_in": -self.port.coupler_in_db,
            "modulator_oma": to_db(swing),
            **{name: -loss for name, loss in self._transmit_losses_db().items()},
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
        module_w = {
            "modulator": lanes * charging_w,
            "driver": lanes * driver_w,
            "tuning": lanes * modulation.tuning_w,
            "receiver": lanes * (port.tia.power_w() + photodiode_w),
        }
        pairs, demultiplexed = lanes, port.demultiplexer(self.at, pam)
        if port.wdm is not None and demultiplexed is not None:
            pairs = lanes / port.wdm.grid.wavelengths
            module_w["tuning"] = module_w["tuning"] + lanes * demultiplexed.tuning_w
        lasers = LaserBudget(
            self.light.electrical_w(lanes), self.light.fit(lanes), port.source.external
        )
        return port.port_budget(fec, rate_bps, module_w, lasers, pairs)
