"""Designs per second of one direction of an optical link, closed form and 15 taps.

10^5 designs of linear pluggables, and of ring engines by the closed form, float64:
free light (laser and junction apart, the light at the modulator is the free quantity)
with swing, amplifier bandwidth and connector loss; and with the laser's junction
solved, its current free. The value is the slack of the error rate behind the reserve,
the gradient is in all four parameters. Compilation apart.
"""

import equinox as eqx
import jax

import photonflow as pf
from photonflow.component import replace
from photonflow.links.base import Conditions, ber_slack
from photonflow.links.modulated_port import ModulatedOperatingPoint

from .batches import value_and_gradient


DESIGNS = 100_000
REPEATS = 2
CASES = (
    ("lpo-dr8-1600g", "equaliser-unlimited"),
    ("cpo-ring-1600g", "equaliser-unlimited"),
    ("lpo-dr8-1600g", "equaliser-15-taps"),
)


def rows() -> list[dict]:
    """Value, value and gradient, for every equaliser and source of light."""
    pf.enable_x64()
    at = Conditions(343.15, 323.15, 500.0, 1.0)
    draw = jax.random.uniform(jax.random.key(0), (DESIGNS, 4))
    out = []
    for card, equaliser in CASES:
        link, part = pf.load(card), pf.load(equaliser)
        fitted = eqx.tree_at(lambda x: x.equaliser, link, part)
        for source, function in (("free light", free), ("junction solved", solved)):
            case = f"{card}, {equaliser}, {source}"
            parts = (draw, fitted, at)
            out += value_and_gradient("links", case, function, *parts, repeats=REPEATS)
    return out


def free(u, link, at):
    """Slack of the error rate with light of 2 to 40 mW at the modulator."""
    moved, port = _design(u, link)
    light_w = 2e-3 * 20 ** u[0]
    # Its noise is that of the laser as it is; the light is what varies.
    light = port.source.emit(at.case_k, at.coolant_k)
    point = ModulatedOperatingPoint(
        port, at, light, light_w, port.modulator.operate(light_w)
    )
    return _slack(moved, point, at)


def solved(u, link, at):
    """The same with 80 to 300 mA in a laser that heats itself."""
    moved, port = _design(u, link)
    port = replace(port, {"source.laser.current_a": 0.08 + 0.22 * u[0]})
    return _slack(moved, port.operating_point(at), at)


def _design(u, link):
    changes = {
        "end_b.tia.bandwidth_hz": 35e9 + 45e9 * u[2],
        "path.connectors_db": 1.0 + 2.0 * u[3],
    }
    port = replace(link.end_a, {"modulator.drive_v": 1.0 + 3.0 * u[1]})
    return replace(link, changes), port


def _slack(link, point, at):
    symbol_hz = link.symbol_hz(link.end_a)
    transmitter = point.transmitter(symbol_hz, link.equaliser, link.pam)
    channel = link.channel(at)
    slicer = link.equaliser.equalise(
        transmitter, link.receiver(link.end_b, at), channel, link.pam
    )
    return ber_slack(slicer.log10_ber(link.reserve_db), link.fec.threshold)
