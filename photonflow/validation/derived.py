"""Card values that follow from theory or from other cards, computed again.

What a card states as a value, as the end of a range or in a note is held against the
law it was taken from; a bound is held from one side.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp

from ..cards import Library
from ..component import getter
from ..compute import precision
from ..devices import converters, silicon
from ..devices.cmos_scaling import energy_ratio
from ..devices.filters import DropResonance
from ..devices.response import to_db
from ..devices.ring_modulators import MicroringModulator
from ..links import concatenated_fec, fec
from ..links.wdm import RingBus
from ..units import LIGHT_M_PER_S
from .predictions import ROOM_K


TARGET_BER = 1e-15  # behind the decoder
KP4 = dict(n=544, t=15, m=10)
KR4 = dict(n=528, t=7, m=10)
TRANSCODING = 257 / 256
FLIT_BITS = 2048
SERDES_LOGIC, DSP_LOGIC = 0.6, 0.8
"""share of logic in the energy at 7 nm, an estimate of the cards"""
SAMPLED = {
    53.125e9: [
        "serdes-112g-lr-7nm", "serdes-112g-lr-5nm", "serdes-112g-mr",
        "serdes-112g-vsr", "dsp-line-100g-7nm", "dsp-line-100g-5nm",
        "dsp-line-aec-100g",
    ],
    106.25e9: [
        "serdes-224g-lr", "serdes-224g-lr-5nm", "serdes-224g-vsr", "dsp-line-200g",
        "dsp-line-200g-3nm",
    ],
}  # fmt: skip
"""PAM4 symbol rate -> receivers that sample once a symbol; those of extra-short reach
and of UCIe slice without a converter"""
EXTINCTION = 10**0.4


class Derived(NamedTuple):
    """One number that a card states, and what it follows from."""

    card: str
    what: str
    stated: float
    derived: float
    unit: str
    tolerance: float | None
    """relative, by the digits on the card; None where only a least value is derived"""
    law: str

    @property
    def error(self) -> float:
        """What the card states over what it should, less 1."""
        return self.stated / self.derived - 1

    @property
    def met(self) -> bool:
        """Whether the card is inside the tolerance, or not below the least value."""
        if self.tolerance is None:
            return self.stated >= self.derived
        return abs(self.error) <= self.tolerance


class Implied(NamedTuple):
    """A figure that a card does not state but has."""

    card: str
    what: str
    value: float
    unit: str


def derived(library: Library) -> list[Derived]:
    """Every card value that is computed again."""
    sections = (_codes, _retries, _nodes, _receivers, _converters, _rings, _carriers)
    return [Derived(*row) for section in sections for row in section(library)]


def _value(library: Library, card: str, path: str) -> float:
    return float(getter(path)(library.load(card)))


def _noted(library: Library, card: str, path: str, figure: str) -> float:
    """`figure` as a number, which has to stand in the note of that value."""
    note = library.provenance(card)[path].note or ""
    if figure not in note:
        raise ValueError(f"`{card}`: the note of `{path}` does not say {figure}")
    return float(figure.replace(",", ""))


def _codes(library: Library) -> Iterator[tuple]:
    kp4, kr4 = (fec.threshold(TARGET_BER, **code) for code in (KP4, KR4))
    soft, hard = (
        concatenated_fec.threshold(TARGET_BER, KP4["n"], KP4["t"], decoding)
        for decoding in ("soft", "hard")
    )
    around = "RS(544,514) around Hamming (128,120)"
    for card, ber, law in (
        ("kp4", kp4, "RS(544,514)"),
        ("kp4-7nm", kp4, "RS(544,514)"),
        ("kp4-3nm", kp4, "RS(544,514)"),
        ("kr4", kr4, "RS(528,514)"),
        ("kp4-hamming", soft, f"{around}, soft decisions"),
    ):
        stated = _value(library, card, "threshold")
        yield card, "threshold", stated, ber, "", 3e-3, f"{law}, 1e-15 behind it"
    stated = _noted(library, "kp4-hamming", "threshold", "1.4e-3")
    law = f"{around}, hard decisions"
    yield "kp4-hamming", "threshold, hard decisions", stated, hard, "", 4e-2, law
    for card, rate, law in (
        ("kp4", 544 / 514 * TRANSCODING, "257/256 x 544/514"),
        ("kr4", 528 / 514 * TRANSCODING, "257/256 x 528/514"),
        (
            "kp4-hamming",
            544 / 514 * 128 / 120 * 1089 / 1088 * TRANSCODING,
            "257/256 x 544/514 x 128/120 x 1089/1088",
        ),
        ("crc-retry", 256 / 250, "256 bytes for 250"),
    ):
        yield card, "overhead", _value(library, card, "overhead"), rate, "", 1e-4, law


def _retries(library: Library) -> Iterator[tuple]:
    card, path = "crc-retry", "threshold"
    ber = _value(library, card, path)
    stated = library.provenance(card)[path].high
    found = fec.retry_threshold(1e-3, FLIT_BITS)
    law = "one flit of 2,048 bits in 1,000 sent again"
    yield card, "highest threshold", stated, found, "", 5e-2, law
    stated, found = _noted(library, card, path, "2e-5"), fec.retry_share(ber, FLIT_BITS)
    yield card, "flits sent twice", stated, found, "", 5e-2, "1 - (1 - p)^2048"
    stated, found = (
        _noted(library, card, path, "1.4e-29"),
        fec.undetected_error_rate(ber),
    )
    law = "C(1024, 4) p^4 / 2^15 / 1024"
    yield card, "errors unseen, per bit", stated, found, "", 5e-2, law


def _nodes(library: Library) -> Iterator[tuple]:
    energy, host = "energy_j_per_bit", "host_energy_j_per_bit"
    for card, known, path, known_nm, own_nm, logic in (
        ("serdes-112g-lr-5nm", "serdes-112g-lr-7nm", energy, 7, 5, SERDES_LOGIC),
        ("serdes-224g-lr-5nm", "serdes-224g-lr", energy, 3, 5, SERDES_LOGIC),
        ("dsp-line-100g-5nm", "dsp-line-100g-7nm", energy, 7, 5, DSP_LOGIC),
        ("dsp-line-200g-3nm", "dsp-line-100g-5nm", energy, 5, 3, DSP_LOGIC),
        ("dsp-800g-5nm", "dsp-400g-7nm", host, 7, 5, DSP_LOGIC),
        ("dsp-1600g-3nm", "dsp-800g-5nm", host, 5, 3, DSP_LOGIC),
        ("kp4-7nm", "kp4", energy, 5, 7, 1.0),
        ("kp4-3nm", "kp4", energy, 5, 3, 1.0),
    ):
        ratio = energy_ratio(7, own_nm, logic) / energy_ratio(7, known_nm, logic)
        stated, before = (_value(library, c, path) * 1e12 for c in (card, known))
        what = "energy" if path == energy else "energy of the host side"
        law = f"`{known}`, {logic:.0%} logic at 7 nm, {known_nm} to {own_nm} nm"
        yield card, what, stated, before * ratio, "pJ/bit", 7e-3, law


def _receivers(library: Library) -> Iterator[tuple]:
    law = "the best published converter of that SNR and rate"
    for symbol_hz, cards in SAMPLED.items():
        for card in cards:
            phy = library.load(card)
            floor = converters.receiver_floor_j_per_bit(
                phy.receive_snr_db, jnp.asarray(symbol_hz), 2.0
            )
            stated = float(phy.energy_j_per_bit)
            yield (
                card,
                "energy",
                stated * 1e12,
                float(floor) * 1e12,
                "pJ/bit",
                None,
                law,
            )


def _converters(library: Library) -> Iterator[tuple]:
    card, path = "adc-8b-10g", "effective_bits"
    watts = _noted(library, card, path, "14.8") * 1e-3
    clock_hz = _noted(library, card, path, "10") * 1e9
    walden_j = _value(library, card, "walden_j")
    stated, bits = _value(library, card, path), math.log2(watts / clock_hz / walden_j)
    law = "14.8 mW at 10 GS/s over its energy per step"
    yield card, "effective bits", stated, bits, "", 3e-3, law
    least = float(converters.walden_envelope_j(jnp.asarray(clock_hz)))
    law = "the least published at 10 GS/s"
    yield card, "energy per step", walden_j * 1e15, least * 1e15, "fJ", None, law


def _rings(library: Library) -> Iterator[tuple]:
    for card, figure in (
        ("ring-oband-nrz-32g", "9,500"),
        ("ring-oband-lateral", "7000"),
        ("ring-oband-200g-folded", "6,800"),
        ("ring-oband-32g", "9,700"),
    ):
        ring: MicroringModulator = library.load(card)
        middle = ring.resonance(ring.bias_v + ring.drive_v / 2)
        q = float(ring.optical_hz() / middle.linewidth_hz())
        stated = _noted(library, card, "gap_m", figure)
        law = "carrier over linewidth in the middle of the swing"
        yield card, "loaded Q", stated, q, "", 2e-2, law
    card, of_filter = "ring-oband-nrz-32g", "filter-drop-oband"
    drop: DropResonance = library.load(of_filter).resonance()
    stated, found = _noted(library, of_filter, "gap_m", "44"), drop.linewidth_hz() / 1e9
    law = "couplers and loss of one turn"
    yield of_filter, "linewidth", stated, float(found), "GHz", 1e-2, law
    stated = _noted(library, of_filter, "gap_m", "19")
    found, law = (
        -to_db(drop.leakage(jnp.asarray(200e9))),
        "the Airy line of the drop port",
    )
    yield of_filter, "channel 200 GHz away", stated, float(found), "dB down", 2e-2, law
    stated, law = _noted(library, card, "radius_m", "2.04"), f"that of `{of_filter}`"
    found = float(drop.fsr_hz) / 1e12
    yield card, "free spectral range", stated, found, "THz", 3e-3, law


def _carriers(_: Library) -> Iterator[tuple]:
    """The form in lambda squared beside the fits that it was drawn through."""
    per_m3, law = jnp.asarray(1e24), "the form in wavelength squared"
    for at_m, published, scaled in (
        (1.3e-6, silicon.soref_1300_electrons, silicon.soref_electrons),
        (1.3e-6, silicon.soref_1300_holes, silicon.soref_holes),
        (1.55e-6, silicon.soref_1550_electrons, silicon.soref_electrons),
        (1.55e-6, silicon.soref_1550_holes, silicon.soref_holes),
    ):
        carrier = published.__name__.rpartition("_")[2]
        what = f", 1e18 {carrier} per cm^3 at {at_m * 1e6:g} um"
        fit, form = (
            [float(shift.index_drop) * 1e3, float(shift.absorption_per_m) / 100]
            for shift in (published(per_m3), scaled(jnp.asarray(at_m), per_m3))
        )
        yield "Soref 1987", "index drop" + what, fit[0], form[0], "e-3", 2e-2, law
        yield "Soref 1987", "absorption" + what, fit[1], form[1], "1/cm", 5e-2, law


def implied(library: Library) -> Iterator[Implied]:
    """Of shipped codes, couplers of rings, crosstalk of buses, errors of meshes."""
    for name, code in (("kp4", KP4), ("kr4", KR4)):
        log10_ber = math.log10(_value(library, name, "threshold"))
        lost = 10.0 ** fec.log10_codeword_error(log10_ber, **code)
        yield Implied(name, "codewords that fail at the threshold", lost, "")
    for name in library.names("modulators"):
        ring = library.load(name)
        if isinstance(ring, MicroringModulator):
            coupled = 100 * float(ring.kappa2())
            yield Implied(name, "power coupled from bus to ring", coupled, "%")
    for name in library.names("passives"):
        bus = library.load(name)
        if not isinstance(bus, RingBus):
            continue
        again = dataclasses.replace(bus, reused=True)
        seen = again.demultiplex(jnp.asarray(ROOM_K), 4)
        worst = seen.penalties_db(jnp.asarray(EXTINCTION))
        carriers_hz = bus.grid.frequencies_hz()[: int(bus.grid.wavelengths)]
        for what, value, unit in (
            ("shortest wavelength", LIGHT_M_PER_S / carriers_hz[-1] * 1e9, "nm"),
            ("longest wavelength", LIGHT_M_PER_S / carriers_hz[0] * 1e9, "nm"),
            ("all other channels over the own", to_db(seen.leaked), "dB"),
            ("worst penalty of that, 4 dB of extinction", worst["crosstalk"], "dB"),
            ("worst penalty, were wavelengths reused", worst["coherent"], "dB"),
        ):
            yield Implied(name, what, float(value), unit)
    for name in library.names("meshes"):
        size, rms = library.load(name).size, library.load(name).splitter_error
        left = precision.splitter_error(size, rms)
        corrected = precision.corrected_splitter_error(size, rms)
        exact = 100 * precision.coverage(size, rms)
        for what, value, unit in (
            ("signal over splitter errors, as they are", -to_db(left), "dB"),
            ("the same, programmed with knowledge of them", -to_db(corrected), "dB"),
            ("random matrices then without any", exact, "%"),
        ):
            yield Implied(name, what, float(value), unit)
