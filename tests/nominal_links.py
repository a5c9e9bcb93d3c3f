"""Links of further kinds for the tests of models; four of them are cards.

Parts of the cards take more numbers than a test should repeat.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

import nominal
from photonflow.cards import Library
from photonflow.devices.electronics import Dsp, Housekeeping, Trace
from photonflow.devices.passives import BoardPath
from photonflow.links.copper import CopperLink, RetimedCopperPort
from photonflow.links.optical import OpticalLink
from photonflow.links.published import PublishedLink, PublishedPort


def half_retimed_link() -> OpticalLink:
    """Pluggables whose DSP retimes what they send, near their host.

    With 8 dB of trace and a good converter they stay well below their noise ceiling,
    where margins bend too fast for differences.
    """
    full = nominal.dsp()
    half = Dsp(
        full.line,
        host_energy_j_per_bit=full.host_energy_j_per_bit,
        host_log10_ber=full.host_log10_ber,
        receives=False,
    )
    host = nominal.serdes(receive_snr_db=36.0)
    trace = Trace(loss_db=8.0, exponent=0.7)
    port = nominal.pluggable_port(host=host, trace=trace, retimer=half)
    return nominal.optical_link(port, port)


def active_cable(**changes: Any) -> CopperLink:
    """1.6 Tbit/s, a retimer in either plug, over a board path of 7.5 dB a metre."""
    port = RetimedCopperPort(
        host=nominal.serdes(),
        retimer=nominal.dsp(),
        housekeeping=Housekeeping(control_w=0.2, conversion=0.88),
        footprint=nominal.footprint(),
        lanes=8.0,
    )
    path = BoardPath(
        loss_db_per_m=20.0,
        fixed_db=4.0,
        crosstalk_v=3e-4,
        velocity_index=1.8,
        reach_m=1.0,
        growth=0.85,
    )
    values: dict[str, Any] = dict(end_a=port, path=path, end_b=port, rate_bps=1.6e12)
    return nominal.copper_link(**values | changes)


def published_link() -> PublishedLink:
    """1 Tbit/s at 140 and 150 fJ/bit, as microLEDs are said to have."""
    end = PublishedPort(
        host=nominal.serdes(energy_j_per_bit=0.6e-12, latency_s=2e-9),
        footprint=nominal.footprint(),
        lanes=320.0,
        transmitter_j_per_bit=140e-15,
        receiver_j_per_bit=150e-15,
    )
    path = nominal.optical_link(nominal.engine_port(), nominal.engine_port()).path
    values: dict[str, Any] = dict(end_a=end, path=path, end_b=end, fec=nominal.fec())
    return PublishedLink(**values, rate_bps=1e12, log10_ber=-12.0)


def wavelengths_link() -> OpticalLink:
    """Eight ring engines of 32 Gbit/s on each fibre: the card."""
    return Library().load("optical-io-8x32g")


def direct_link() -> OpticalLink:
    """Retimed 100G lanes with VCSELs: the card."""
    return Library().load("aoc-vcsel-800g")


def absorption_link() -> OpticalLink:
    """Electro-absorption engines of 32 NRZ lanes behind a short equaliser: the card.

    With 7 dB more of connectors its optics err about as often as its retimers.
    """
    link = Library().load("cpo-eam-1600g")
    return eqx.tree_at(lambda x: x.path.connectors_db, link, jnp.asarray(8.0))


def mach_zehnder_link() -> OpticalLink:
    """Engines of 100G lanes with travelling-wave Mach-Zehnders: the card."""
    return Library().load("cpo-mzm-800g")


def tapped_link() -> OpticalLink:
    """Linear pluggables, the host's 15 taps at either end."""
    port = nominal.pluggable_port(retimed=False)
    return nominal.optical_link(port, port, equaliser=nominal.feed_forward())


def patterned_link() -> OpticalLink:
    """Ring engines, every run of 3 symbols for itself, behind 15 taps."""
    port, equaliser = nominal.engine_port(), nominal.patterned(memory=3)
    return nominal.optical_link(port, port, equaliser=equaliser)


LINKS = {
    "half-retimed": half_retimed_link,
    "active-cable": active_cable,
    "published": published_link,
    "wavelengths": wavelengths_link,
    "direct": direct_link,
    "absorption": absorption_link,
    "mach-zehnder": mach_zehnder_link,
    "taps": tapped_link,
    "patterns": patterned_link,
}
