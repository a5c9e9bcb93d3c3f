"""An optical matrix unit: light, converters and a mesh around one product."""

import math

import equinox as eqx
import jax.numpy as jnp

from ..causes import NOISE
from ..component import Scalar, param
from ..devices.converters import AnalogueToDigital, DigitalToAnalogue, effective_bits
from ..devices.detectors import Photodiode
from ..devices.drivers import AbstractDriver
from ..devices.lasers import CoherentSource
from ..devices.mesh_power import SvdMesh
from ..devices.modulators import SWING
from ..devices.receivers import TransimpedanceAmplifier
from ..devices.response import from_db, smooth_positive, to_db
from ..devices.shifters import FieldModulator
from ..limits import limit
from . import precision
from .base import AbstractMatrixUnit, ComputeCost, MatrixProduct


LASER = limit("laser", "light of the source left", unit="dB", light="more")
RIN = limit("rin", "noise target below the ceiling of laser RIN", unit="dB")
MEMORY = limit("memory", "last vector below the noise target", unit="dB")


class SvdUnit(AbstractMatrixUnit):
    r"""`units` meshes of one accelerator, each a tile of weights with its converters.

        source -+- tree - N x (DAC, driver, modulator) - mesh - N x homodyne, TIA, ADC
                +- local oscillators ---------------------------'

    *Light.* A detector needs the mean signal power $P$ that meets `receiver_snr`
    against shot and thermal noise (`precision.Homodyne`), and $\rho P$ of oscillator.
    A full-scale input has $F^2$ times the mean power, and a matrix scaled by its
    largest singular value passes only $1/c$, $c = N\sigma_{max}^2/\|M\|_F^2$ (4 for
    Gaussian weights, whose $\sigma_{max} = 2\sqrt N$). A unitary loses no power to
    fan-out, so
    $$ P_{laser} = N P\,\big[F^2\, c\, L_{tree} L_{mod} L_{mesh} L_{rx}
       + \rho\, L_{tree} L_{rx}\big] . $$

    *Time.* A matrix of $m \times k$ is $mk/N^2$ tiles, each loaded in `reload` and then
    met by one vector per clock; tiles spread over the units, and where there are fewer
    tiles than units the vectors do. The count of tiles is smooth: exact for multiples
    of N, of which `padded` makes others.

    *Watts.* What runs at the clock burns idle or busy, as in a link: light, drivers,
    converters and amplifiers are static, for no published part states a sleep mode.
    Dynamic are loading a tile and the memory of activations and partial sums, which
    add digitally. Weights still come from the accelerator's memory, as phases:
    `phase_bits` per weight instead of the bits of a number.

    Left out: memory from vector to vector (`memory` slack only), wavelengths in
    parallel, power conversion, digital logic besides memory, noise of the drivers, and
    the decomposition: it is done off-line, so the unit takes weights but no attention.
    """

    mesh: SvdMesh
    source: CoherentSource
    modulator: FieldModulator
    driver: AbstractDriver
    dac: DigitalToAnalogue
    adc: AnalogueToDigital
    photodiode: Photodiode
    tia: TransimpedanceAmplifier
    units: Scalar = param(unit="1", doc="per accelerator", low=1.0, high=1e5)
    clock_hz: Scalar = param(unit="Hz", doc="vectors a second", low=1e8, high=5e10)
    reload_s: Scalar = param(
        unit="s", doc="to load a tile, no vector passes", low=1e-9, high=1e-2
    )
    receiver_snr_db: Scalar = param(
        unit="dB", doc="against shot and thermal noise", low=5.0, high=60.0
    )
    oscillator: Scalar = param(
        unit="1", doc="local oscillator over mean signal", low=1.0, high=1e5
    )
    rejection_db: Scalar = param(
        unit="dB", doc="common-mode rejection, of power", low=0.0, high=60.0
    )
    peak_db: Scalar = param(
        unit="dB", doc="N sigma_max^2 / ||M||^2 of the weights", low=0.0, high=20.0
    )
    tree_db: Scalar = param(
        unit="dB", doc="chip coupler and excess of the splitters", low=0.0, high=20.0
    )
    receive_db: Scalar = param(
        unit="dB", doc="hybrid and path to the diodes", low=0.0, high=10.0
    )
    case_k: Scalar = param(unit="K", doc="case temperature", low=250.0, high=400.0)
    partial_byte: Scalar = param(unit="byte", doc="a partial sum", low=1.0, high=4.0)
    sram_j_per_byte: Scalar = param(
        unit="J/byte", doc="access of the unit's memory", low=1e-14, high=1e-11
    )

    def receiver(self) -> precision.Homodyne:
        """One output: two diodes on one amplifier, the only filter, of second order.

        Integrating each vector alone would see half the clock instead, 3.5 dB less
        noise for an amplifier as fast as the clock.
        """
        diode, tia = self.photodiode, self.tia
        density = tia.noise_a2_per_hz(2 * diode.capacitance_f, self.case_k)
        band_hz = tia.bandwidth_hz * math.pi / (2 * math.sqrt(2))
        return precision.Homodyne(
            responsivity_a_per_w=diode.responsivity_a_per_w,
            dark_a=2 * diode.dark_a,
            thermal_a2=density * band_hz,
            bandwidth_hz=band_hz,
            ratio=self.oscillator,
        )

    def insertion_db(self) -> Scalar:
        """Source to detector, for a full-scale field at open attenuators."""
        ends_db = self.tree_db + self.modulator.loss_db() + self.receive_db
        return ends_db + self.mesh.loss_db()

    def laser_w(self) -> Scalar:
        """Light of one unit out of its source, oscillators included."""
        signal_w = self.receiver().signal_w(from_db(self.receiver_snr_db))
        crest = precision.FULL_SCALE**2
        signal = crest * from_db(self.peak_db + self.insertion_db())
        oscillator = self.oscillator * from_db(self.tree_db + self.receive_db)
        return self.mesh.size * signal_w * (signal + oscillator)

    def noise(self) -> dict[str, Scalar]:
        """By cause of `causes.NOISE`."""
        mesh, receiver = self.mesh, self.receiver()
        n, peak = mesh.size, from_db(self.peak_db)
        step = precision.phase_step(mesh.converter.bits)
        phases = precision.phase_error(n, n * (n - 1), step)
        # A column of single cells has its splitters calibrated away as well.
        splitter = precision.corrected_splitter_error(n, mesh.splitter_error)
        signal_w = receiver.signal_w(from_db(self.receiver_snr_db))
        rejection = from_db(-self.rejection_db)
        return {
            "phase_dac": precision.svd_noise(phases, step**2, peak),
            "splitter": precision.svd_noise(splitter, jnp.zeros_like(n), peak),
            "input_dac": precision.quantisation(self.dac.effective_bits()),
            "laser": receiver.laser(self.source.rin_per_hz, rejection),
            "shot": receiver.shot(signal_w),
            "thermal": receiver.thermal(signal_w),
            "adc": precision.quantisation(self.adc.effective_bits),
        }

    def static_w(self) -> dict[str, Scalar]:
        """Watts of all units for the whole step, by cause of `causes.COMPUTE`."""
        signal_w = self.receiver().signal_w(from_db(self.receiver_snr_db))
        light_w = (1 + self.oscillator) * signal_w
        # A terminated electrode loads its driver with no capacitance of its own.
        drive_v = self.modulator.drive_v
        swing_w = self.driver.power_w(drive_v, jnp.zeros(()), self.clock_hz)
        diodes_w = 2 * self.photodiode.power_w(light_w / 2)
        lanes = self.units * self.mesh.size
        return {
            "optical_laser": self.units * self.laser_w() / self.source.efficiency,
            "optical_modulator": lanes * (swing_w + self.modulator.bias_w),
            "optical_dac": lanes * self.dac.power_w(self.clock_hz),
            "optical_adc": lanes * self.adc.power_w(self.clock_hz),
            "optical_tia": lanes * (self.tia.power_w() + diodes_w),
            "optical_holding": self.units * self.mesh.holding_w(),
        }

    def cost(self, product: MatrixProduct) -> ComputeCost:
        """Time and dynamic energy of `product` on the units of one accelerator."""
        if product.kind == "attention":
            raise ValueError(
                "an `SvdUnit` holds weights that were decomposed beforehand; "
                "leave products of kind `attention` to the accelerator"
            )
        n = self.mesh.size
        tiles = product.rows * product.inner / n**2
        rounds = tiles / self.units
        # At least one load each, with a corner 0.02 wide; then all units load alike.
        loads = 1 + smooth_positive(rounds - 1, 0.02)
        vectors_s = rounds * product.columns / self.clock_hz
        moved_byte = n * (product.operand_byte + 2 * self.partial_byte)
        moved_byte = tiles * product.columns * moved_byte
        program_j = self.units * loads * self.mesh.program_j()
        return ComputeCost(
            time_s={"optical": product.count * (vectors_s + loads * self.reload_s)},
            energy_j={
                "optical_reprogram": product.count * program_j,
                "sram": product.count * moved_byte * self.sram_j_per_byte,
            },
        )

    def padded(self, product: MatrixProduct) -> MatrixProduct:
        """`product` with rows and inner size filled up to whole tiles; not smooth."""
        n = self.mesh.size
        sizes = [jnp.ceil(x / n) * n for x in (product.rows, product.inner)]
        return eqx.tree_at(lambda p: [p.rows, p.inner], product, sizes)

    def peak_flop_per_s(self) -> Scalar:
        """Of all units while vectors pass; a multiply-add is 2."""
        return 2 * self.units * self.mesh.size**2 * self.clock_hz

    def utilisation(self, columns: Scalar) -> Scalar:
        """Part of the time in which vectors pass, `columns` of them a load."""
        return columns / (columns + self.reload_s * self.clock_hz)

    def phase_bits(self) -> Scalar:
        """Bits to fetch per weight: 2 N^2 - N phases stand for N^2 numbers."""
        mesh = self.mesh
        return mesh.shifters() * mesh.converter.bits / mesh.size**2

    def slacks(self) -> dict[str, Scalar]:
        """Operating limits: met when >= 0, falling further as one is passed.

        `laser`: one source has the light, dB. `rin`: the target lies below the ceiling
        of intensity noise, dB; power alone cannot pass it. `memory`: what a filter of
        second order keeps of the last vector, at most exp(-sqrt(2) pi B / f), lies
        below the noise of the target, dB. `swing`: the drive ends at the modulator's
        peak. `reach`: see the mesh.
        """
        rejection = from_db(-self.rejection_db)
        rin = self.receiver().laser(self.source.rin_per_hz, rejection)
        decay = math.sqrt(2) * math.pi * self.tia.bandwidth_hz / self.clock_hz
        return {
            LASER.name: to_db(self.source.limit_w / self.laser_w()),
            RIN.name: -to_db(rin) - self.receiver_snr_db,
            MEMORY.name: 20 / math.log(10) * decay - self.receiver_snr_db,
            SWING.name: 1 - self.modulator.swing(),
            **self.mesh.slacks(),
        }

    def summary(self, products: list[MatrixProduct]) -> "Summary":
        """Noise, energy and throughput of `products`, with nothing idle in between."""
        noise, costs = self.noise(), [self.cost(product) for product in products]
        time_s = sum((c.time_s["optical"] for c in costs), start=jnp.zeros(()))
        energy_j = {cause: watts * time_s for cause, watts in self.static_w().items()}
        for cost in costs:
            for cause, joules in cost.energy_j.items():
                energy_j[cause] = energy_j.get(cause, 0.0) + joules
        macs = sum((p.count * p.flop / 2 for p in products), start=jnp.zeros(()))
        mac_j = {cause: joules / macs for cause, joules in energy_j.items()}
        of_kind = {
            kind: {c: x for c, x in noise.items() if NOISE[c] == kind}
            for kind in ("weight", "additive")
        }
        snr_db = precision.snr_db(noise)
        return Summary(
            noise=noise,
            snr_db=snr_db,
            weight_snr_db=precision.snr_db(of_kind["weight"]),
            additive_snr_db=precision.snr_db(of_kind["additive"]),
            effective_bits=effective_bits(snr_db),
            mac_j=mac_j,
            flop_per_s=2 * macs / time_s,
            flop_per_j=2 / sum(mac_j.values(), start=jnp.zeros(())),
            peak_flop_per_s=self.peak_flop_per_s(),
            laser_w=self.laser_w(),
            insertion_db=self.insertion_db(),
            path_m=self.mesh.length_m(),
            area_m2=self.units * self.mesh.area_m2(),
            slacks=self.slacks(),
        )


class Summary(eqx.Module):
    """A matrix unit at full load."""

    noise: dict[str, Scalar]
    snr_db: Scalar
    weight_snr_db: Scalar
    additive_snr_db: Scalar
    effective_bits: Scalar
    mac_j: dict[str, Scalar]
    """of one multiply-add, static watts included, by cause of `causes.COMPUTE`"""
    flop_per_s: Scalar
    flop_per_j: Scalar
    peak_flop_per_s: Scalar
    laser_w: Scalar
    """light of one unit"""
    insertion_db: Scalar
    path_m: Scalar
    """of light through one mesh"""
    area_m2: Scalar
    """of all meshes"""
    slacks: dict[str, Scalar]
