"""What SAX sees of the extracted circuit, measured as on a bench, beside photonflow's.

A resonance is the middle between its two flanks at half depth and a linewidth their
distance, each flank by root finding on the circuit itself. Depth counts from 1, because
the bus of the circuit has no loss.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.signal import find_peaks

from ..devices.ring_modulators import MicroringModulator
from ..quantity import InputError
from ..units import LIGHT_M_PER_S
from .extraction import Spectrum, resonance_hz
from .process import EFFECTIVE_INDEX


RINGS = 8
SCAN = 1600  # points that count the notches of a row, before each is measured
SHALLOW = 0.05  # a dip of less transmission does not count


class Notch(NamedTuple):
    """One measured resonance."""

    centre_hz: float
    linewidth_hz: float
    floor: float
    """transmission at the bottom"""


def notch(power: Spectrum, low_hz: float, high_hz: float) -> Notch:
    """The only resonance between two frequencies that lie on either side of it."""
    found: Any = minimize_scalar(
        power, bounds=(low_hz, high_hz), method="bounded", options={"xatol": 1e3}
    )
    floor = float(found.fun)
    half = (1 + floor) / 2

    def above(frequency_hz: float) -> float:
        return float(power(frequency_hz)) - half

    if min(above(low_hz), above(high_hz)) <= 0:
        raise InputError(
            "a finesse above 2",
            problem="the resonance is too broad to have a linewidth",
            got=f"transmission {floor:.3g} on resonance",
            key="ring",
        )

    def flank(end_hz: float) -> float:
        return float(np.asarray(brentq(above, end_hz, found.x, xtol=1e-3)))

    red, blue = flank(low_hz), flank(high_hz)
    return Notch((red + blue) / 2, blue - red, floor)


def compare(power: Spectrum, ring: MicroringModulator) -> list[dict[str, Any]]:
    """FSR, linewidth and depth: photonflow's, and those measured on the circuit."""
    fsr_hz, at_hz = float(ring.fsr_hz()), resonance_hz(ring)
    # Wide enough to hold a resonance wherever it is; the flanks decide.
    first, second = (
        notch(power, at_hz + (i - 0.45) * fsr_hz, at_hz + (i + 0.45) * fsr_hz)
        for i in (0, 1)
    )
    middle = ring.resonance(ring.bias_v + ring.drive_v / 2)
    ours = {
        "FSR": ("Hz", fsr_hz),
        "linewidth": ("Hz", float(middle.linewidth_hz())),
        "on resonance": ("1", float(middle.transmission(0.0))),
    }
    theirs = (second.centre_hz - first.centre_hz, first.linewidth_hz, first.floor)
    return [
        {
            "quantity": name,
            "unit": unit,
            "photonflow": value,
            "sax": found,
            "relative": found / value - 1,
        }
        for (name, (unit, value)), found in zip(ours.items(), theirs, strict=True)
    ]


def row_radii_m(ring: MicroringModulator) -> list[float]:
    r"""Radii of a row whose resonances lie FSR / 8 apart, all of one mode number.

    Ring k resonates at $f_k = f_0 - k\,FSR/8$, so that
    $R_k = m c / 2\pi[n_0 f + n_g(f_k - f)]$ with the laser at $f$: steps of about
    $\lambda / 16\pi n_0$, whatever the radius.
    """
    laser_hz, start_hz = float(ring.optical_hz()), resonance_hz(ring)
    group, radius_m = float(ring.guide.group_index), float(ring.radius_m)
    step_hz = float(ring.fsr_hz()) / RINGS

    def index_hz(frequency_hz: float) -> float:
        """Effective index times frequency."""
        return EFFECTIVE_INDEX * laser_hz + group * (frequency_hz - laser_hz)

    order = index_hz(start_hz) * 2 * math.pi * radius_m / LIGHT_M_PER_S
    return [
        order * LIGHT_M_PER_S / (2 * math.pi * index_hz(start_hz - k * step_hz))
        for k in range(RINGS)
    ]


def compare_row(power: Spectrum, ring: MicroringModulator) -> dict[str, Any]:
    """Notches of the row over the FSR it fills, and their spacing against FSR / 8."""
    top_hz, step_hz = resonance_hz(ring), float(ring.fsr_hz()) / RINGS
    span = top_hz + step_hz * np.linspace(0.5 - RINGS, 0.5, SCAN)
    seen = np.array([float(power(f)) for f in span])
    dips = find_peaks(-seen, prominence=SHALLOW)[0]
    # Half way to the neighbours a notch has ended; between, it is the only one.
    edges = [span[0], *((span[dips[1:]] + span[dips[:-1]]) / 2), span[-1]]
    lines = (
        [notch(power, a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        if len(dips)
        else []
    )
    centres = np.array([line.centre_hz for line in lines[::-1]])
    spacing = -np.diff(centres)
    return {
        "rings": RINGS,
        "notches": len(lines),
        "intended_spacing_hz": step_hz,
        "spacing_hz": [float(x) for x in spacing],
        "worst_spacing": float(np.max(abs(spacing / step_hz - 1)))
        if len(lines) > 1
        else None,
        "resonances_hz": [float(x) for x in centres],
        "floors": [line.floor for line in lines[::-1]],
    }
