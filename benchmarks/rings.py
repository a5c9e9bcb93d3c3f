"""The ring's coupling and modulation against published devices.

*Coupling.* The law of `photonflow.devices.rings.coupling_angle` is fitted (splitting
and decay) to two published simulations of C-band strip couplers and asked for the
third, each left out in turn; gaps of 100 to 250 nm, and 50 to 350 nm. Then the
constants of a mode solution of a C-band rib, not fitted to it, are held against the
three measured couplers found for a rib.

*Modulation.* `PNJunction` against three rings whose doping is published (one paper),
and the half-wave product of the ring card's junction against three published ones
whose doping is not (so that the card's doping is an assumption of the comparison).
"""

import json
from importlib import resources

import jax
import numpy as np
from scipy.optimize import least_squares

import photonflow as pf
from photonflow.devices import rings
from photonflow.devices.junction import PNJunction


RIB_C_BAND = (0.182, 6.37e6)
"""splitting and decay of a 500 x 220 nm rib, slab 90 nm, by two supermodes"""
RIB_MODE_M = 400e-9
"""effective width of the same rib's mode at 1550 nm, an estimate"""


def rows() -> list[dict]:
    """One row a comparison: n, root mean square and worst relative error."""
    pf.enable_x64()
    data = json.loads(
        resources.files(__package__).joinpath("data/rings.json").read_text()
    )
    strips = [p for p in data["coupling"] if p["kind"] == "simulated"]
    ribs = [p for p in data["coupling"] if p["kind"] == "measured"]
    out = []
    for low, high in ((100, 250), (50, 350)):
        window = [p for p in strips if low <= p["gap_nm"] <= high]
        for source in sorted({p["source"] for p in window}):
            asked = [p for p in window if p["source"] == source]
            known = [p for p in window if p["source"] != source]
            case = f"strip, {low}..{high} nm, {source} left out"
            out.append(_row("kappa2(gap)", case, asked, _kappa2(asked, _fit(known))))
    out.append(
        _row(
            "kappa2(gap)",
            "measured rib, nothing fitted",
            ribs,
            _kappa2(ribs, RIB_C_BAND),
        )
    )
    out += [_modulation(ring) for ring in data["modulation"]]
    out += [_half_wave(device) for device in data["half_wave"]]
    return out


def _kappa2(points: list[dict], constants: tuple[float, float]) -> np.ndarray:
    """Predicted power coupling of every point."""
    angle = [
        rings.coupling_angle(
            np.asarray(p["radius_um"] * 1e-6),
            np.asarray(p["gap_nm"] * 1e-9),
            np.asarray(p["wavelength_nm"] * 1e-9),
            *map(np.asarray, constants),
        )
        for p in points
    ]
    return np.sin(np.array(angle)) ** 2


def _fit(points: list[dict]) -> tuple[float, float]:
    """Splitting and decay by least squares in ln(kappa2)."""
    observed = np.array([p["kappa2"] for p in points])

    def residual(x):
        return np.log(_kappa2(points, (x[0], x[1] * 1e6)) / observed)

    splitting, decay = least_squares(residual, [0.13, 9.0]).x
    return splitting, decay * 1e6


def _row(name: str, case: str, points: list[dict], predicted: np.ndarray) -> dict:
    error = predicted / np.array([p["kappa2"] for p in points]) - 1
    worst = error[np.argmax(abs(error))]
    return {
        "name": name,
        "case": case,
        "n": len(points),
        "rms_error": float(np.sqrt(np.mean(error**2))),
        "worst_error": float(worst),
    }


def _index_per_v(junction: PNJunction, reverse_v, wavelength_m, mode_m) -> float:
    """Slope of the effective index with reverse bias, confinement 1."""

    def index(v):
        return junction.sweep(v, wavelength_m, mode_m).index_rise

    return float(jax.grad(index)(np.asarray(reverse_v)))


def _modulation(ring: dict) -> dict:
    card = pf.load("junction-lateral-3e18")
    junction = PNJunction(
        ring["acceptor_per_cm3"] * 1e6,
        ring["donor_per_cm3"] * 1e6,
        1.0,
        card.height_m,
        card.fringe,
        card.series_ohm_m,
    )
    wavelength_m = np.asarray(ring["wavelength_nm"] * 1e-9)
    slope = _index_per_v(
        junction, ring["reverse_v"], wavelength_m, np.asarray(RIB_MODE_M)
    )
    confinement = float(pf.load("rib-oband-400").confinement)
    per_v = slope * confinement * ring["junction_fraction"] / ring["group_index"]
    predicted = per_v * ring["wavelength_nm"] * 1e3
    return {
        "name": "pm/V",
        "case": f"{ring['source']} ring {ring['ring']}, doping published",
        "n": 1,
        "predicted": predicted,
        "published": ring["pm_per_v"],
        "error": predicted / ring["pm_per_v"] - 1,
    }


def _half_wave(device: dict) -> dict:
    """Mean over the swing from 0 to the published bias."""
    junction = pf.load("junction-lateral-3e18")
    guide = pf.load("rib-oband-400")
    wavelength_m = np.asarray(device["wavelength_nm"] * 1e-9)
    deep, flat = (
        junction.sweep(np.asarray(v), wavelength_m, guide.mode_width_m).index_rise
        for v in (float(device["reverse_v"]), 0.0)
    )
    per_v = float(guide.confinement) * float(deep - flat) / device["reverse_v"]
    predicted = device["wavelength_nm"] * 1e-9 / 2 / per_v * 100
    return {
        "name": "V_pi L, V cm",
        "case": f"{device['source']}, {device['wavelength_nm']} nm, doping assumed",
        "n": 1,
        "predicted": predicted,
        "published": device["v_pi_l_v_cm"],
        "error": predicted / device["v_pi_l_v_cm"] - 1,
    }
