"""What searches are compared on: components, and what is asked of them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp

import photonflow as pf
from photonflow.component import Component
from photonflow.links.optical import OpticalLink


SIX = (
    ("modulator.radius", 4e-6, 12e-6),
    ("modulator.gap", 100e-9, 300e-9),
    ("modulator.drive", 0.6, 2.5),
    ("modulator.detuning", 0.1, 2.5),
    ("source.laser.current", 0.06, 0.6),
    ("tia.bandwidth", 25e9, 90e9),
)
TEN = (
    *SIX,
    ("modulator.bias", 0.0, 1.5),
    ("modulator.junction_fraction", 0.6, 0.9),
    ("modulator.junction.acceptor", 1e24, 5e24),
    ("modulator.junction.donor", 1e24, 5e24),
)
ENDS = ("end_a", "end_b")
LIGHT_W, BAND_HZ, SOURCE_OHM = 1e-3, 45e9, 15.0


class Problem(NamedTuple):
    """One search."""

    name: str
    function: Callable[[Any], dict[str, Any]]
    component: Any
    free: list[pf.Free]
    objective: Any
    limits: list[Any]
    multimodal: bool = False


class Pair(Component):
    """Two links that have nothing in common but the bill."""

    near: OpticalLink
    far: OpticalLink


def problems(names: tuple[str, ...] = ()) -> list[Problem]:
    """All of them, or those whose names begin so."""
    made = [
        make(form, size)
        for form in ("closed form", "patterns")
        for size in (6, 12, 20, 40)
    ]
    made += [both_sides(), islands()]
    return [p for p in made if not names or p.name.startswith(names)]


def make(form: str, size: int) -> Problem:
    """Least watts of co-packaged ring links at their error rate, all limits kept."""
    card = {"closed form": "equaliser-unlimited", "patterns": "equaliser-15-taps-ring"}
    link = eqx.tree_at(
        lambda x: x.equaliser, pf.load("cpo-ring-1600g"), pf.load(card[form])
    )
    at = pf.load("room-worst").at(link.path.reach_m)
    if size == 6:
        component, where = link, [tuple(ENDS)]
    elif size in (12, 20):
        component, where = link, [(end,) for end in ENDS]
    else:
        longer = pf.replace(link, {"path.connectors_db": 1.5})
        component = Pair(near=link, far=longer)
        where = [(f"{part}.{end}",) for part in ("near", "far") for end in ENDS]
    parameters = SIX if size in (6, 12) else TEN
    free = [
        pf.Free([f"{place}.{path}" for place in places], low, high)
        for places in where
        for path, low, high in parameters
    ]
    links = [""] if size < 40 else ["near.", "far."]
    names = {
        f"{part}{side}.{slack}"
        for part in links
        for side in ("a_to_b", "b_to_a")
        for slack in link.budget(at).a_to_b.slacks
    }
    limits = [pf.at_least(name, _least(name), tolerance=1e-6) for name in sorted(names)]

    def scalars(component):
        parts = [component] if size < 40 else [component.near, component.far]
        watts, found = jnp.zeros(()), {}
        for prefix, one in zip(links, parts, strict=True):
            budget = one.budget(at)
            watts = watts + budget.end_a.power_w() + budget.end_b.power_w()
            for side in ("a_to_b", "b_to_a"):
                for slack, value in getattr(budget, side).slacks.items():
                    found[f"{prefix}{side}.{slack}"] = value
        return {"watts": watts} | found

    name = f"{form}, {size}"
    watts = pf.minimum("watts", log=True)
    return Problem(name, scalars, component, free, watts, limits)


def _least(name: str) -> float:
    return {"fold": 0.2, "extinction": 3.5}.get(name.rsplit(".", 1)[-1], 0.0)


def both_sides() -> Problem:
    """Most swing out of one ring, either side of its resonance, under its fold."""
    ring = pf.load("ring-oband-lateral")
    free = [
        pf.Free("radius", 4e-6, 12e-6),
        pf.Free("gap", 100e-9, 300e-9),
        pf.Free("detuning", -2.5, 2.5),
        pf.Free("drive", 0.6, 2.5),
    ]
    limits = [
        pf.at_least("er_db", 3.5),
        pf.at_least("band_db", -6.0),
        pf.at_least("fold", 0.2),
    ]
    swing = pf.maximum("oma_w", log=True)
    return Problem("both sides", ring_scalars, ring, free, swing, limits, True)


def ring_scalars(ring):
    """What one ring does to 1 mW."""
    at = ring.operate(LIGHT_W)
    band = jnp.abs(at.transfer(BAND_HZ, SOURCE_OHM))
    return {
        "oma_w": LIGHT_W * (at.top - at.bottom),
        "er_db": at.slacks["extinction"],
        "fold": at.slacks["fold"],
        "band_db": 20 * jnp.log10(band),
    }


def islands() -> Problem:
    """The same ring, of radii alone that resonate at the laser without heat.

    A resonance within 3 % of the free spectral range of the laser, one island for each
    number of waves in the ring; the best of them differ by 1 %. Waves are counted with
    the group index, as cards give no other: islands are closer together than in
    silicon, which is harder on a search and says nothing of rings.
    """
    ring = pf.load("ring-oband-lateral")

    def scalars(ring):
        waves = ring.guide.group_index * 2 * math.pi * ring.radius_m / ring.wavelength_m
        return ring_scalars(ring) | {"cold": jnp.cos(2 * math.pi * waves)}

    free = [
        pf.Free("radius", 4.5e-6, 5.0e-6),
        pf.Free("gap", 100e-9, 300e-9),
        pf.Free("detuning", 0.1, 2.5),
        pf.Free("drive", 0.6, 2.5),
    ]
    limits = [
        pf.at_least("er_db", 3.5),
        pf.at_least("band_db", -6.0),
        pf.at_least("fold", 0.2),
        pf.at_least("cold", math.cos(2 * math.pi * 0.03)),
    ]
    swing = pf.maximum("oma_w", log=True)
    return Problem("islands", scalars, ring, free, swing, limits, True)
