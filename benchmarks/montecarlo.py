"""Analytic error rates against errors counted in time, over a table of designs.

Each design is a shipped link with some values changed. Its optical loss is set so that
the analytic error rate is `TARGET` (3e-4 to 1e-2 in practice), and the same link is run
in time (`photonflow.timedomain.montecarlo`) until `ERRORS` bits are wrong. Direction a
to b, worst corner; reflections of the path are set aside, because time has no model of
them.

Linear designs are computed by their pulse (`FeedForward`), rings by patterns
(`PatternedFeedForward`). The swing of a ring is in half linewidths at half maximum.

Both receivers sample where errors are fewest. Shipped cards sample at the band edge and
judge rings by shorter runs of symbols (`SHIPPED`); what they would say of the same ring
at the same loss stands beside it.
"""

import os
import time
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

import photonflow as pf
from photonflow.component import replace
from photonflow.links.base import Conditions
from photonflow.links.optical import OpticalLink
from photonflow.signal.equaliser import FeedForward
from photonflow.signal.pattern import PatternedFeedForward
from photonflow.signal.taps import LEAST_ERRORS
from photonflow.timedomain import montecarlo


TARGET = -2.7
ERRORS = 1000
MEMORY = {2: 7, 4: 5}
"""symbols of a run, by levels: the long sequences keep products of neighbours, which a
bent modulator makes, out of the reach of taps"""
SHIPPED = "equaliser-15-taps-ring"
JITTER = dict(jitter_s=94e-15, even_odd_s=188e-15)
"""0.01 symbols of random and 0.02 of dual-Dirac jitter at 106.25 GBd"""


class Design(NamedTuple):
    """A shipped link with changes; paths are of the link."""

    name: str
    link: str
    changes: dict[str, float]
    pam: int = 4
    taps: int = 15
    target: float = TARGET


MOD, TIA = "end_a.modulator.", "end_b.tia.bandwidth_hz"
PLUG, LINEAR, RING = "dsp-dr8-1600g", "lpo-dr8-1600g", "cpo-ring-1600g"

LINEAR_DESIGNS = (
    Design("as shipped", PLUG, {}),
    Design("drive 1.5 V, less extinction", PLUG, {MOD + "drive_v": 1.5}),
    Design("drive 4 V, bent by the sine", PLUG, {MOD + "drive_v": 4.0}),
    Design("modulator 35 GHz", PLUG, {MOD + "bandwidth_hz": 35e9}, taps=31),
    Design("TIA 30 GHz", PLUG, {TIA: 30e9}, taps=31),
    Design("PAM-2", PLUG, {"rate_bps": 0.8e12}, pam=2),
    Design("PAM-6, 85 GBd", PLUG, {}, pam=6, target=-2.3),
    Design("PAM-8, 53 GBd", PLUG, {"rate_bps": 1.2e12}, pam=8, target=-2.3),
    Design("linear host, 16 dB of trace", LINEAR, {}, target=-2.5),
    Design(
        "linear host, 8 dB of trace ahead of TIA 70 GHz",
        LINEAR,
        {"end_a.trace.loss_db": 8.0, "end_b.trace.loss_db": 8.0, TIA: 70e9},
        taps=31,
        target=-3.2,
    ),
)

RING_DESIGNS = (
    Design("as shipped", RING, {}),
    Design("drive 1 V", RING, {MOD + "drive_v": 1.0}),
    Design("drive 0.6 V, PAM-2", RING, {MOD + "drive_v": 0.6, "rate_bps": 0.8e12}, 2),
    Design("laser at 0.5 half linewidths", RING, {MOD + "detuning": 0.5}),
    Design("laser at 1.3 half linewidths", RING, {MOD + "detuning": 1.3}),
    Design("laser on the red side", RING, {MOD + "detuning": -0.9}),
    Design("gap 180 nm", RING, {MOD + "gap_m": 180e-9}),
    Design("gap 130 nm, 31 taps", RING, {MOD + "gap_m": 130e-9}, taps=31),
    Design("TIA 35 GHz, 31 taps", RING, {TIA: 35e9}, taps=31),
    Design("PAM-2, 53 GBd", RING, {"rate_bps": 0.4e12}, pam=2, target=-3.2),
    Design("drive 3 V", RING, {MOD + "drive_v": 3.0}),
    Design("drive 4 V, PAM-2", RING, {MOD + "drive_v": 4.0, "rate_bps": 0.8e12}, pam=2),
)


def wide(gap_m: float, rate_bps: float, **changes: float) -> dict[str, float]:
    """4 V over a ring of high Q, the laser where the swing stays on one flank."""
    named = {MOD + name: value for name, value in changes.items()}
    ring = {MOD + "drive_v": 4.0, MOD + "detuning": 1.0, MOD + "gap_m": gap_m}
    return ring | named | {"rate_bps": rate_bps}


LONG = {"junction_fraction": 1.0}
LARGE_SWINGS = (
    Design("gap 240 nm, PAM-2, 53 GBd", RING, wide(240e-9, 0.4e12), pam=2),
    Design("gap 240 nm, 53 GBd", RING, wide(240e-9, 0.8e12)),
    Design("gap 240 nm, PAM-2, 31 taps", RING, wide(240e-9, 0.8e12), 2, 31),
    Design(
        "gap 260 nm, junction all round, PAM-2, 53 GBd",
        RING,
        wide(260e-9, 0.4e12, **LONG),
        pam=2,
    ),
    Design(
        "gap 260 nm, junction all round, 53 GBd", RING, wide(260e-9, 0.8e12, **LONG)
    ),
    Design(
        "gap 300 nm, junction all round, 27 GBd", RING, wide(300e-9, 0.4e12, **LONG)
    ),
    Design(
        "gap 340 nm, junction all round, PAM-2, 27 GBd",
        RING,
        wide(340e-9, 0.2e12, **LONG | {"detuning": 1.3}),
        pam=2,
    ),
)

SHORT = (Design("5 taps", PLUG, {}, taps=5),)
"""few taps, which cannot move the sampling time"""

GROUPS = {
    "linear": LINEAR_DESIGNS,
    "ring": RING_DESIGNS,
    "ring, large swing": LARGE_SWINGS,
    "short equaliser": SHORT,
}


def corner() -> Conditions:
    """70 C case, 50 C coolant, 500 m, 1 dB of ageing."""
    return Conditions(case_k=343.15, coolant_k=323.15, length_m=500.0, ageing_db=1.0)


def built(design: Design) -> OpticalLink:
    """The link of a design."""
    shipped: Any = pf.load(design.link)
    kind: dict[str, Any] = dict(taps=design.taps, timing=LEAST_ERRORS, **JITTER)
    ring = hasattr(shipped.end_a.modulator, "gap_m")
    equaliser = (
        PatternedFeedForward(memory=MEMORY[design.pam], **kind)
        if ring
        else FeedForward(feedback=0, **kind)
    )
    names = ("end_a", "path", "end_b", "fec", "rate_bps", "reserve_db")
    link = OpticalLink(
        **{name: getattr(shipped, name) for name in names},
        equaliser=equaliser,
        pam=design.pam,
    )
    quiet = {"path.end_return_db": 80.0, "path.return_db": 80.0}
    return replace(link, quiet | design.changes)


def swing(link: OpticalLink) -> float | None:
    """How far the drive moves a ring, in half linewidths; None where there is none."""
    ring: Any = link.end_a.modulator
    if not hasattr(ring, "gap_m"):
        return None
    drive = jnp.array([0.0, 0.5, 1.0]) * ring.drive_v
    at = ring.resonance(ring.bias_v + drive)
    moved_hz = at.shift_hz[2] - at.shift_hz[0]
    return float(moved_hz / (at.linewidth_hz()[1] / 2))


def as_shipped(link: OpticalLink) -> OpticalLink | None:
    """A ring link judged with memory and timing of the shipped card."""
    own, card = link.equaliser, pf.load(SHIPPED)
    if not isinstance(own, PatternedFeedForward):
        return None
    judge = PatternedFeedForward(
        jitter_s=own.jitter_s,
        even_odd_s=own.even_odd_s,
        taps=own.taps,
        memory=card.memory,
        timing=card.timing,
    )
    return eqx.tree_at(lambda link: link.equaliser, link, judge)


def compared(design: Design, seed: int = 0, errors: int = ERRORS) -> dict[str, Any]:
    """One row of the table."""
    link, at = built(design), corner()
    loss_db = montecarlo.loss_to(link, at, "a_to_b", design.target)
    train, run = jax.random.split(jax.random.key(seed))
    began = time.perf_counter()
    trained = montecarlo.train_receiver(link, at, "a_to_b", train, loss_db)
    counted = montecarlo.count(trained, run, errors, 4_000_000)
    computed = float(montecarlo.computed(link, at, "a_to_b", jnp.asarray(loss_db)))
    shipped = as_shipped(link)
    return {
        "name": "analytic against counted BER",
        "case": design.name,
        "link": design.link,
        "swing_hwhm": swing(link),
        "loss_db": loss_db,
        "analytic_log10_ber": computed,
        "counted_log10_ber": counted.log10_ber,
        "log10_ber_as_shipped_cards_judge": shipped
        and float(montecarlo.computed(shipped, at, "a_to_b", jnp.asarray(loss_db))),
        "low": counted.low,
        "high": counted.high,
        "errors": counted.errors,
        "symbols": counted.symbols,
        "difference": computed - counted.log10_ber,
        "seconds": time.perf_counter() - began,
        "conditions": f"float64, {os.cpu_count()} cores, compilation included",
    }


def rows() -> list[dict]:
    """All designs, group by group."""
    pf.enable_x64()
    out = []
    for group, designs in GROUPS.items():
        for design in designs:
            out.append({"group": group} | compared(design))
    return out
