r"""From a drawn cell back to its light: extracted netlist, models, SAX circuit.

The netlist says what is drawn: which arcs, how large, how far apart, and what touches
what. photonflow's functions say what light does there: coupling law, bend and junction
loss at mid drive, group index. The effective index is linear in the wavelength,
$n(\lambda) = n_0 - (n_g - n_0)(\lambda - \lambda_0)/\lambda_0$, so that the group index
is the same at every wavelength, as `rings.fsr_hz` has it.

A bus loses nothing here: `insertion_db` of the modulator counts that loss.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import gdsfactory as gf
import jax
import jax.numpy as jnp
import numpy as np
import sax

from ..devices import rings
from ..devices.ring_modulators import MicroringModulator
from ..units import LIGHT_M_PER_S, LN10
from .process import EFFECTIVE_INDEX, UM


Spectrum = Callable[[Any], Any]
"""frequency in Hz -> power from o1 to o2"""

DIGITS = 15  # gdsfactory would round what it extracts to the nanometre
MODELS = ("straight", "ring_junction", "ring_coupler")


def netlist(cell: gf.Component) -> dict[str, dict[str, Any]]:
    """Optical netlist of `cell` and of the cells in it, the topmost first.

    Pads, contacts and heaters have no optical port and are left out; what they connect
    is not checked.
    """
    drawn = cell.get_netlist(
        recursive=True, on_dangling_port="ignore", serialization_max_digits=DIGITS
    )
    kept: dict[str, dict[str, Any]] = {}
    # From the leaves up: a cell is optical if something in it is.
    for name, net in reversed(drawn.items()):
        inside = {
            key: {"component": part["component"], "settings": part["settings"]}
            for key, part in net["instances"].items()
            if part["component"] in kept or part["component"] in MODELS
        }
        if inside:
            ends = [(pair["p1"], pair["p2"]) for pair in net["nets"]]
            kept[name] = {
                "instances": inside,
                "connections": {p1: p2 for p1, p2 in ends if _owner(p1) in inside},
                "ports": {k: p for k, p in net["ports"].items() if _owner(p) in inside},
            }
    return dict(reversed(kept.items()))


def spectrum(cell: gf.Component, ring: MicroringModulator) -> Spectrum:
    """Transmission of `cell`, whose junctions are those of `ring` at mid drive."""
    with _sax_rules():
        circuit, _ = sax.circuit(netlist(cell), models(ring))

    @jax.jit
    def power(frequency_hz: Any) -> Any:
        s = circuit(wl=LIGHT_M_PER_S / frequency_hz * UM)
        return jnp.square(jnp.abs(s["o1", "o2"]))

    def call(frequency_hz: Any) -> Any:
        with _sax_rules():
            return np.asarray(power(jnp.asarray(frequency_hz, float)))

    return call


def resonance_hz(ring: MicroringModulator, radius_m: Any = None) -> float:
    r"""The resonance next to the laser, of a ring whose heater is off.

    $2\pi R\,[n_0 f_0 + n_g (f - f_0)] = m c$, with the effective index of `process`.
    """
    radius = float(ring.radius_m if radius_m is None else radius_m)
    laser_hz, group = float(ring.optical_hz()), float(ring.guide.group_index)
    order = round(EFFECTIVE_INDEX * laser_hz * 2 * math.pi * radius / LIGHT_M_PER_S)
    path_hz = order * LIGHT_M_PER_S / (2 * math.pi * radius)
    return laser_hz + (path_hz - EFFECTIVE_INDEX * laser_hz) / group


def models(ring: MicroringModulator) -> dict[str, Callable[..., Any]]:
    """A SAX model for every optical part; lengths in micrometres."""
    guide = ring.guide
    swept = ring.junction.sweep(
        ring.bias_v + ring.drive_v / 2, ring.wavelength_m, guide.mode_width_m
    )
    carriers_per_m = guide.confinement * swept.absorption_per_m

    def line(wl: Any, length: Any, loss_per_m: Any) -> Any:
        """Amplitude after `length`."""
        s = sax.models.straight(
            wl=wl,
            wl0=ring.wavelength_m * UM,
            neff=EFFECTIVE_INDEX,
            ng=guide.group_index,
            length=length,
            loss_dB_cm=loss_per_m * (10 / LN10 / 100),
        )
        return s["in0", "out0"]

    def straight(*, wl: Any = 1.31, length: Any = 10.0) -> Any:
        return sax.reciprocal({("o1", "o2"): line(wl, length, 0.0)})

    def ring_junction(*, wl: Any = 1.31, radius: Any = 6.0, angle: Any = 270.0) -> Any:
        loss = guide.loss_per_m(_metres(radius)) + carriers_per_m
        return sax.reciprocal({("o1", "o2"): line(wl, _arc(radius, angle), loss)})

    def ring_coupler(
        *,
        wl: Any = 1.31,
        radius: Any = 6.0,
        gap: Any = 0.2,
        angle: Any = 90.0,
        length: Any = 12.0,
    ) -> Any:
        t = _kept(ring, radius, gap)
        point = sax.models.coupler_ideal(wl=wl, coupling=1 - t**2)
        bus = line(wl, length / 2, 0.0)
        arc = line(wl, _arc(radius, angle) / 2, guide.loss_per_m(_metres(radius)))
        # in0 and out0 are the bus, in1 and out1 the ring.
        return sax.reciprocal(
            {
                ("o1", "o4"): bus * point["in0", "out0"] * bus,
                ("o1", "o3"): bus * point["in0", "out1"] * arc,
                ("o2", "o4"): arc * point["in1", "out0"] * bus,
                ("o2", "o3"): arc * point["in1", "out1"] * arc,
            }
        )

    found = (straight, ring_junction, ring_coupler)
    return {model.__name__: model for model in found}


def _metres(um: Any) -> Any:
    return jnp.asarray(um, float) / UM


def _arc(radius: Any, angle: Any) -> Any:
    return radius * angle * (math.pi / 180)


def _kept(ring: MicroringModulator, radius: Any, gap: Any) -> Any:
    """Amplitude kept in the bus at the drawn radius and gap."""
    guide = ring.guide
    angle = rings.coupling_angle(
        _metres(radius),
        _metres(gap),
        ring.wavelength_m,
        guide.splitting,
        guide.splitting_decay_per_m,
    )
    return rings.self_coupling(angle)


def _owner(port: str) -> str:
    return port.partition(",")[0]


@contextlib.contextmanager
def _sax_rules() -> Iterator[None]:
    """SAX mixes dtypes and ranks, which photonflow's tests forbid for its own code."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
