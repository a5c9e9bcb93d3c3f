"""Card values that follow from theory or from other cards, computed again.

What a card states as a value, as the end of a range or in a note is held against the
law it was taken from; a bound is held from one side.
"""

import dataclasses
import math
from typing import NamedTuple

import jax.numpy as jnp

from ..cards import Library
from ..component import getter
from ..compute import precision
from ..compute.imperfections import sqnr_db
from ..devices import converters, silicon
from ..devices.cmos_scaling import energy_ratio
from ..devices.filters import RingFilter
from ..devices.response import to_db
from ..devices.ring_modulators import MicroringModulator
from ..links import concatenated_fec, fec
from ..links.wdm import RingBus
from ..units import LIGHT_M_PER_S
from .predictions import ROOM_K


TARGET_BER = 1e-15  # behind the decoder
FLIT_BITS = 2048
KP4 = dict(n=544, t=15, m=10)
KR4 = dict(n=528, t=7, m=10)
TRANSCODING = 257 / 256
LOGIC = {"serdes": 0.6, "dsp": 0.8, "fec": 1.0}
"""share of logic in the energy at 7 nm: an estimate of the cards"""
PAM4_BITS = 2.0


class Derived(NamedTuple):
    """One number that a card states, and what it follows from."""

    card: str
    what: str
    stated: float
    derived: float
    unit: str
    tolerance: float
    """relative, as many digits as the card prints"""
    law: str
    bound: bool = False
    """whether what is derived is only the least that a part may have"""

    @property
    def error(self) -> float:
        """What the card states over what it should, less 1."""
        return self.stated / self.derived - 1

    @property
    def met(self) -> bool:
        """Whether the card is inside the tolerance, or not below the bound."""
        if self.bound:
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
    sections = (_codes, _retries, _nodes, _converters, _rings)
    return [row for section in sections for row in section(library)] + _carriers()


def _value(library: Library, card: str, path: str) -> float:
    return float(getter(path)(library.load(card)))


def _noted(library: Library, card: str, path: str, figure: str) -> float:
    """`figure` as a number, which has to stand in the note of that value."""
    note = library.provenance(card)[path].note or ""
    if figure not in note:
        raise ValueError(f"`{card}`: the note of `{path}` does not say {figure}")
    return float(figure.replace(",", ""))


def _codes(library: Library) -> list[Derived]:
    hamming = {
        decoding: concatenated_fec.threshold(TARGET_BER, KP4["n"], KP4["t"], decoding)
        for decoding in ("soft", "hard")
    }
    kp4 = fec.threshold(TARGET_BER, **KP4)
    kr4 = fec.threshold(TARGET_BER, **KR4)
    thresholds = {
        "kp4": (kp4, "RS(544,514)"),
        "kp4-7nm": (kp4, "RS(544,514)"),
        "kp4-3nm": (kp4, "RS(544,514)"),
        "kr4": (kr4, "RS(528,514)"),
        "kp4-hamming": (hamming["soft"], "RS(544,514) around Hamming (128,120), soft"),
    }
    overheads = {
        "kp4": (TRANSCODING * 544 / 514, "257/256 x 544/514"),
        "kr4": (TRANSCODING * 528 / 514, "257/256 x 528/514"),
        "kp4-hamming": (
            TRANSCODING * 544 / 514 * 128 / 120 * 1089 / 1088,
            "257/256 x 544/514 x 128/120 x 1089/1088",
        ),
        "crc-retry": (256 / 250, "256 bytes for 250"),
    }
    hard = _noted(library, "kp4-hamming", "threshold", "1.4e-3")
    return [
        *(
            Derived(card, "threshold", _value(library, card, "threshold"), value, "",
                    3e-3, f"{law}, 1e-15 behind it")
            for card, (value, law) in thresholds.items()
        ),
        Derived("kp4-hamming", "threshold, hard decisions", hard, hamming["hard"], "",
                4e-2, "the same, hard"),
        *(
            Derived(card, "overhead", _value(library, card, "overhead"), value, "",
                    1e-4, law)
            for card, (value, law) in overheads.items()
        ),
    ]  # fmt: skip


def _retries(library: Library) -> list[Derived]:
    card = "crc-retry"
    ber = _value(library, card, "threshold")
    highest = library.provenance(card)["threshold"].high
    rows = [
        ("highest threshold", highest, fec.retry_threshold(1e-3, FLIT_BITS),
         "one flit of 2,048 bits in a thousand sent again"),
        ("flits sent twice", _noted(library, card, "threshold", "2e-5"),
         fec.retry_share(ber, FLIT_BITS), "1 - (1 - p)^2048"),
        ("errors unseen, per bit", _noted(library, card, "threshold", "7e-30"),
         fec.undetected_error_rate(ber), "four errors in 1,024 bits pass 16 of check"),
    ]  # fmt: skip
    return [
        Derived(card, what, stated, value, "", 5e-2, law)
        for what, stated, value, law in rows
    ]


def _nodes(library: Library) -> list[Derived]:
    energy, host = "energy_j_per_bit", "host_energy_j_per_bit"
    pairs = [
        ("serdes-112g-lr-7nm", "serdes-112g-lr-5nm", energy, 7, 5, "serdes"),
        ("serdes-224g-lr-5nm", "serdes-224g-lr", energy, 5, 3, "serdes"),
        ("dsp-line-100g-7nm", "dsp-line-100g-5nm", energy, 7, 5, "dsp"),
        ("dsp-line-100g-5nm", "dsp-line-200g-3nm", energy, 5, 3, "dsp"),
        ("dsp-400g-7nm", "dsp-800g-5nm", host, 7, 5, "dsp"),
        ("dsp-800g-5nm", "dsp-1600g-3nm", host, 5, 3, "dsp"),
        ("kp4-7nm", "kp4", energy, 7, 5, "fec"),
        ("kp4", "kp4-3nm", energy, 5, 3, "fec"),
    ]
    rows = []
    for older, newer, path, from_nm, to_nm, kind in pairs:
        share = LOGIC[kind]
        ratio = energy_ratio(7, to_nm, share) / energy_ratio(7, from_nm, share)
        predicted = _value(library, older, path) * ratio
        law = f"`{older}`, {share:.0%} logic at 7 nm, {from_nm} to {to_nm} nm: "
        rows.append(
            Derived(newer, path.removesuffix("_j_per_bit").replace("_", " "),
                    _value(library, newer, path) * 1e12, predicted * 1e12, "pJ/bit",
                    7e-3, law + f"x {ratio:.3f}")
        )  # fmt: skip
    return rows


def _converters(library: Library) -> list[Derived]:
    # Parts of extra-short reach and of UCIe slice without a converter.
    sampled = {
        53.125e9: ("serdes-112g-lr-7nm", "serdes-112g-lr-5nm", "serdes-112g-mr",
                   "serdes-112g-vsr", "dsp-line-100g-7nm", "dsp-line-100g-5nm",
                   "dsp-line-aec-100g"),
        106.25e9: ("serdes-224g-lr", "serdes-224g-lr-5nm", "serdes-224g-vsr",
                   "dsp-line-200g", "dsp-line-200g-3nm"),
    }  # fmt: skip
    rows = []
    for symbol_hz, cards in sampled.items():
        for card in cards:
            phy = library.load(card)
            floor = converters.receiver_floor_j_per_bit(
                phy.receive_snr_db, jnp.asarray(symbol_hz), PAM4_BITS
            )
            rows.append(
                Derived(card, "energy", float(phy.energy_j_per_bit) * 1e12,
                        float(floor) * 1e12, "pJ/bit", 0.0,
                        "the best published converter of that SNR and rate", bound=True)
            )  # fmt: skip
    adc = "adc-8b-10g"
    note = "effective_bits"
    watts = _noted(library, adc, note, "14.8") * 1e-3
    clock_hz = _noted(library, adc, note, "10") * 1e9
    walden_j = _value(library, adc, "walden_j")
    bits = math.log2(watts / clock_hz / walden_j)
    floor_j = float(converters.walden_envelope_j(jnp.asarray(clock_hz)))
    return [
        *rows,
        Derived(adc, "effective bits", _value(library, adc, note), bits, "", 3e-3,
                "14.8 mW at 10 GS/s over its energy per step"),
        Derived(adc, "energy per step", walden_j * 1e15, floor_j * 1e15, "fJ", 0.0,
                "the least published at 10 GS/s", bound=True),
    ]  # fmt: skip


def _rings(library: Library) -> list[Derived]:
    rows = []
    noted_q = {
        "ring-oband-nrz-32g": "9,500",
        "ring-oband-lateral": "7000",
        "ring-oband-200g-folded": "6,800",
        "ring-oband-32g": "9,700",
    }
    for card, figure in noted_q.items():
        ring: MicroringModulator = library.load(card)
        middle = ring.resonance(ring.bias_v + ring.drive_v / 2)
        q = float(ring.optical_hz() / middle.linewidth_hz())
        stated = _noted(library, card, "gap_m", figure)
        rows.append(
            Derived(card, "loaded Q", stated, q, "", 2e-2,
                    "carrier over linewidth in the middle of the swing")
        )  # fmt: skip
    name = "filter-drop-oband"
    drop: RingFilter = library.load(name)
    resonance = drop.resonance()
    fsr_hz = float(resonance.fsr_hz)
    beside_db = -float(to_db(resonance.leakage(jnp.asarray(200e9))))
    return [
        *rows,
        Derived(name, "linewidth", _noted(library, name, "gap_m", "44"),
                float(resonance.linewidth_hz()) / 1e9, "GHz", 1e-2,
                "couplers and loss of one turn"),
        Derived(name, "next channel, 200 GHz away",
                _noted(library, name, "gap_m", "19"), beside_db, "dB down", 2e-2,
                "the Airy line of the drop port"),
        Derived("ring-oband-nrz-32g", "free spectral range",
                _noted(library, "ring-oband-nrz-32g", "radius_m", "2.04"),
                fsr_hz / 1e12, "THz", 3e-3, f"that of `{name}`"),
    ]  # fmt: skip


def _carriers() -> list[Derived]:
    """The form in lambda squared beside the fits that it was drawn through."""
    per_m3 = jnp.asarray(1e24)  # 1e18 per cubic centimetre
    pairs = [
        (1.3e-6, silicon.soref_1300_electrons, silicon.soref_electrons),
        (1.3e-6, silicon.soref_1300_holes, silicon.soref_holes),
        (1.55e-6, silicon.soref_1550_electrons, silicon.soref_electrons),
        (1.55e-6, silicon.soref_1550_holes, silicon.soref_holes),
    ]
    rows = []
    for at_m, published, scaled in pairs:
        carrier = published.__name__.rpartition("_")[2]
        fit, form = published(per_m3), scaled(jnp.asarray(at_m), per_m3)
        what = f"1e18 {carrier} per cm^3 at {at_m * 1e6:g} um"
        law = "the form in wavelength squared"
        rows += [
            Derived("Soref 1987", f"index drop, {what}", float(fit.index_drop) * 1e3,
                    float(form.index_drop) * 1e3, "e-3", 2e-2, law),
            Derived("Soref 1987", f"absorption, {what}",
                    float(fit.absorption_per_m) / 100,
                    float(form.absorption_per_m) / 100, "1/cm", 5e-2, law),
        ]  # fmt: skip
    return rows


def implied(library: Library) -> list[Implied]:
    """Channels and crosstalk of shipped ring buses, errors of shipped meshes."""
    rows = []
    extinction = jnp.asarray(10**0.4)  # 4 dB
    for name in library.names("passives"):
        bus = library.load(name)
        if not isinstance(bus, RingBus):
            continue
        at_k = jnp.asarray(ROOM_K)
        once = bus.demultiplex(at_k, 4)
        again = dataclasses.replace(bus, reused=True).demultiplex(at_k, 4)
        worst = again.penalties_db(extinction)
        carriers_hz = bus.grid.frequencies_hz()
        longest_m = LIGHT_M_PER_S / carriers_hz[0]
        shortest_m = LIGHT_M_PER_S / carriers_hz[int(bus.grid.wavelengths) - 1]
        rows += [
            Implied(name, "shortest wavelength", float(shortest_m) * 1e9, "nm"),
            Implied(name, "longest wavelength", float(longest_m) * 1e9, "nm"),
            Implied(name, "all other channels over the own", float(to_db(once.leaked)),
                    "dB"),
            Implied(name, "penalty of that, all conspiring, 4 dB of extinction",
                    float(worst["crosstalk"]), "dB"),
            Implied(name, "penalty, were each wavelength launched again",
                    float(worst["coherent"]), "dB"),
        ]  # fmt: skip
    for name in library.names("meshes"):
        mesh = library.load(name)
        size, rms = mesh.size, mesh.splitter_error
        left = precision.splitter_error(size, rms)
        corrected = precision.corrected_splitter_error(size, rms)
        rows += [
            Implied(name, "signal over splitter errors, as they are",
                    float(sqnr_db(jnp.sqrt(left))), "dB"),
            Implied(name, "the same, programmed with knowledge of them",
                    float(sqnr_db(jnp.sqrt(corrected))), "dB"),
            Implied(name, "random matrices then without any",
                    float(precision.coverage(size, rms)) * 100, "%"),
        ]  # fmt: skip
    return rows
