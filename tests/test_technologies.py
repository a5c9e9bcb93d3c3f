"""Links of every technology: what they are built of, and what sets them apart."""

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import pytest

import nominal
import nominal_links
from benchmarks import technologies
from helpers import assert_close
from nominal import budget
from photonflow.cards import Library, Provenance
from photonflow.component import params
from photonflow.devices.electronics import Dsp, Housekeeping
from photonflow.devices.passives import BoardPath
from photonflow.links.copper import RetimedCopperPort


ROOT = Path(__file__).parents[1]
LIBRARY = Library()


# Accounting


def cards_below(name: str) -> list[str]:
    """`name` and all its parts, as often as they stand in it."""
    below = [p for p in LIBRARY.card(name).parts.values() if p != "none"]
    return [name] + [deeper for part in below for deeper in cards_below(part)]


def ends_of(name: str) -> list[str]:
    return [LIBRARY.card(name).parts[end] for end in ("end_a", "end_b")]


@pytest.mark.parametrize("name", LIBRARY.names("links"))
def test_no_end_of_a_link_counts_a_cause_twice(name):
    """Each cause comes from one card of an end, or from the link's code for both."""
    shared = [p for key, p in LIBRARY.card(name).parts.items() if key[:3] != "end"]
    for end in ends_of(name):
        cards = cards_below(end) + [c for part in shared for c in cards_below(part)]
        counted = [cause for card in cards for cause in LIBRARY.card(card).counts]
        assert sorted(counted) == sorted(set(counted)), f"{name}: {counted}"


ELECTRONICS = {"dsp", "driver", "receiver"}


def electronics_watts(card: str, library: Library = LIBRARY) -> list[Provenance]:
    """Who said the watts of a card that counts a DSP, a driver or a receiver.

    A driver has none of its own: `overhead` scales what its model gives.
    """
    if not ELECTRONICS & set(library.card(card).counts):
        return []
    origins = library.provenance(card)
    return [
        origins[leaf.path]
        for leaf in params(library.load(card))
        if leaf.unit in ("W", "J/bit") or leaf.path.endswith("overhead")
    ]


def of_a_module(end: str, library: Library = LIBRARY) -> set[str]:
    """Cards of an end whose watts were read of a whole module or engine."""
    return {
        card
        for card in cards_below(end)
        if any(o.level == "module" for o in electronics_watts(card, library))
    }


@pytest.mark.parametrize("name", LIBRARY.names("links"))
def test_at_most_one_of_dsp_driver_and_receiver_has_watts_of_a_module(name):
    """A figure of a whole module holds them all; two such figures would overlap."""
    for end in ends_of(name):
        assert len(of_a_module(end)) <= 1, of_a_module(end)


def test_watts_of_dsps_drivers_and_receivers_say_what_they_were_read_of():
    kinds = ("electronics", "receivers", "ports")
    found = [
        o for kind in kinds for c in LIBRARY.names(kind) for o in electronics_watts(c)
    ]
    assert len(found) > 30
    unsaid = {(o.card, o.path) for o in found if o.level is None}
    assert not unsaid


def test_a_second_figure_of_a_module_in_an_end_is_found(tmp_path):
    """The pluggable's DSP is one; a driver said to be read of a module is another."""
    assert of_a_module("dsp-dr8-end") == {"dsp-1600g"}
    (tmp_path / "electronics").mkdir()
    shipped = ROOT / "devices" / "electronics" / "driver-mzm-sige.yaml"
    doctored = shipped.read_text("utf-8").replace("level: part", "level: module")
    (tmp_path / "electronics" / shipped.name).write_text(doctored, "utf-8")
    library = Library([tmp_path, ROOT / "devices"])
    both = {"dsp-1600g", "driver-mzm-sige"}
    assert of_a_module("dsp-dr8-end", library) == both


@pytest.mark.parametrize("name", LIBRARY.names("links"))
def test_parts_of_an_end_are_paid_by_host_module_or_laser_source(name):
    for end in ends_of(name):
        boxes = {LIBRARY.card(card).boundary for card in cards_below(end)}
        assert boxes <= {"host", "module", "laser_source", "none"}
        assert "host" in boxes


def test_lane_rates_are_those_of_the_standards():
    """53.125 and 106.25 GBd are 425/400 of 50 and 100; an NRZ lane has 32 GBd."""
    rates = {
        "dsp-dr4-400g": 53.125e9,
        "dsp-dr8-800g": 53.125e9,
        "cpo-mzm-800g": 53.125e9,
        "tro-dr8-1600g": 106.25e9,
        "npo-ring-6400g": 106.25e9,
        "optical-io-8x32g": 32e9,
        "optical-io-16x32g": 32e9,
    }
    for name, symbol_hz in rates.items():
        link = LIBRARY.load(name)
        assert_close(link.symbol_hz(link.end_a), symbol_hz, rtol=1e-9)


# Half-retimed pluggables


def retimed(receives: bool) -> Dsp:
    dsp = nominal.dsp()
    return Dsp(
        dsp.line,
        host_energy_j_per_bit=dsp.host_energy_j_per_bit,
        host_log10_ber=dsp.host_log10_ber,
        receives=receives,
    )


@pytest.fixture(scope="module")
def half():
    port = nominal.pluggable_port(retimer=retimed(False))
    return budget(nominal.optical_link(port, port), nominal.worst())


@pytest.fixture(scope="module")
def full():
    port = nominal.pluggable_port(retimer=retimed(True))
    return budget(nominal.optical_link(port, port), nominal.worst())


def test_who_sends_and_who_takes_differ_in_a_half_retimed_port():
    port = nominal.pluggable_port(retimer=retimed(False))
    assert port.retimer is not None
    assert port.transmit_phy() is port.retimer.line
    assert port.receive_phy() is port.host


def test_half_retimed_light_passes_one_electrical_segment_less():
    """Each segment of the nominal DSP adds 1e-6: one there, two where both retime."""
    one = nominal.pluggable_port(retimer=retimed(False))
    two = nominal.pluggable_port(retimer=retimed(True))
    assert len(one.transmit_segments() + one.receive_segments()) == 1
    assert len(two.transmit_segments() + two.receive_segments()) == 2


def test_a_mixed_link_counts_the_segments_of_each_direction():
    half, full = retimed(False), retimed(True)
    a = nominal.pluggable_port(retimer=half)
    b = nominal.pluggable_port(retimer=full)
    link = nominal.optical_link(a, b)
    # a sends retimed, b takes retimed: 2e-6; b sends retimed, a takes linear: 1e-6
    for tx, rx, spent in ((a, b, 2e-6), (b, a, 1e-6)):
        left = link.allowed_ber(tx, rx)
        assert_close(left, 2.26e-4 - spent, rtol=1e-9)


def test_behind_a_linear_receiver_the_trace_costs_margin(half, full):
    assert float(half.margin_db) < float(full.margin_db)


def test_a_half_retimed_link_passes_half_the_dsps(half, full):
    """Two half-passages of 50 ns less of four: 25 ns per end and way."""
    assert_close(full.latency_s - half.latency_s, 50e-9 / 2, rtol=1e-6)


# Copper


def test_a_trace_of_the_same_loss_and_growth_is_a_cable():
    """A board growing as the square root is the twinax of the same numbers."""
    cable = nominal.copper_link()
    board = BoardPath(
        loss_db_per_m=20.0,
        fixed_db=4.0,
        crosstalk_v=cable.path.crosstalk_v,
        velocity_index=cable.path.velocity_index,
        reach_m=1.0,
        growth=0.5,
    )
    # 15 + 7.5 x 1.2 m = 24 dB = 4 + 20 x 1 m
    a = budget(cable, nominal.worst(length_m=1.2))
    b = budget(nominal.copper_link(path=board), nominal.worst(length_m=1.0))
    assert_close(b.margin_db, a.margin_db, rtol=1e-9)


def retimed_copper_port() -> RetimedCopperPort:
    return RetimedCopperPort(
        host=nominal.serdes(),
        retimer=retimed(True),
        housekeeping=Housekeeping(control_w=0.2, conversion=0.88),
        footprint=nominal.footprint(),
        lanes=8.0,
    )


@pytest.fixture(scope="module")
def active():
    end = retimed_copper_port()
    link = nominal.copper_link(end_a=end, end_b=end, rate_bps=1.6e12)
    return budget(link, nominal.worst(length_m=1.2))


def test_an_active_cable_burns_its_retimers_and_their_conversion(active):
    """1.6 T x (5.5 + 2.5) pJ + 0.2 W = 13.0 W, over 0.88 = 14.77 W in each plug."""
    assert_close(active.end_a.vendor_w(), 13.0 / 0.88, rtol=1e-9)
    assert_close(
        active.end_a.power_w(),
        13.0 / 0.88 + 1.6e12 * (4.5e-12 + 0.2e-12),
        rtol=1e-9,
    )


def test_an_active_cable_is_never_better_than_its_electrical_segments(active):
    """Two segments of 1e-6: log10 2e-6 = -5.699."""
    assert float(active.a_to_b.log10_ber) > -5.6990
    assert float(active.a_to_b.log10_ber) < -5.69


def test_a_cable_needs_retimers_that_receive():
    with pytest.raises(ValueError, match="receives"):
        RetimedCopperPort(
            host=nominal.serdes(),
            retimer=retimed(False),
            housekeeping=Housekeeping(control_w=0.2, conversion=0.88),
            footprint=nominal.footprint(),
            lanes=8.0,
        )


# Published


def test_a_published_link_is_its_energies_and_claims_no_margin():
    """1 T x (140 + 150) fJ = 0.29 W; host and code beside it."""
    link = nominal_links.published_link()
    out = budget(link, nominal.worst(length_m=10.0))
    assert_close(out.end_a.vendor_w(), 0.29, rtol=1e-9)
    assert_close(out.end_a.power_w(), 0.29 + 0.8, rtol=1e-9)
    assert float(out.margin_db) == 0.0
    assert_close(out.log10_ber, -12.0, rtol=1e-12)
    # 2 ns of hosts, 60 ns of code, 10 m x 1.468 / c
    assert_close(out.latency_s, 62e-9 + 14.68 / 299792458.0, rtol=1e-9)


# Wavelengths


def test_wavelengths_share_fibres_and_edge():
    """64 lanes of 8 wavelengths are 8 pairs: 8 x 2 x 127 um of edge."""
    port = LIBRARY.load("optical-io-8-end")
    pairs = port.lanes / port.wdm.grid.wavelengths
    assert_close(pairs, 8.0, rtol=1e-12)
    assert_close(port.footprint.edge_m(pairs), 16 * 127e-6, rtol=1e-9)


def test_a_bus_takes_light_at_both_ends_and_holds_its_rings():
    """Losses of the bus are in the waterfall; its filters' heaters burn as well."""
    port = LIBRARY.load("optical-io-8-end")
    alone = eqx.tree_at(lambda p: p.wdm, port, None)
    at = nominal.worst(length_m=100.0)
    lost_db = (
        port.operating_point(at).launch_dbm() - alone.operating_point(at).launch_dbm()
    )
    demultiplexed = port.demultiplexer(at, 2)
    assert demultiplexed is not None and alone.demultiplexer(at, 2) is None
    through = port.operating_point(at).bus(2).losses_db["mux_through"]
    # A ring that is held elsewhere is as hot as the heater makes it: same modulation.
    assert_close(lost_db, -through, rtol=1e-6)
    symbols = jnp.asarray(32e9)
    f = jnp.array([1e6])
    with_bus, without = port.receiver(at, f), alone.receiver(at, f)
    dropped = sum(demultiplexed.losses_db.values(), start=jnp.zeros(()))
    assert_close(with_bus.a_per_w / without.a_per_w, 10 ** (-dropped / 10), rtol=1e-9)
    fec = nominal.fec()
    rate = jnp.asarray(2e12)
    held = port.operating_point(at).budget(fec, rate, symbols, 2).static_w["tuning"]
    free = alone.operating_point(at).budget(fec, rate, symbols, 2).static_w["tuning"]
    filters_w = port.lanes * demultiplexed.tuning_w
    assert float(held - filters_w) < float(free)


def test_a_bus_needs_rings_to_multiplex():
    engine, port = nominal.pluggable_port(), LIBRARY.load("optical-io-8-end")
    with pytest.raises(ValueError, match="ring"):
        nominal.pluggable_port(wdm=port.wdm, modulator=engine.modulator)


# The page


@pytest.mark.slow
def test_the_page_on_technologies_is_what_the_code_says():
    """Five minutes: every link of the table is solved."""
    rows = technologies.rows()
    assert technologies.PAGE.read_text("utf-8") == technologies.page(rows)


def test_the_page_names_every_link_of_the_table():
    page = technologies.PAGE.read_text("utf-8")
    cards = [said.card for said in technologies.TABLE] + list(technologies.OTHERS)
    assert set(cards) == set(LIBRARY.names("links"))
    assert all(f"`{card}`" in page for card in cards)


def test_the_error_is_the_distance_to_the_nearer_end():
    """4 of 5..10 is 20 % low, 12 is 20 % high, 7 is inside."""
    assert_close(technologies.distance(4.0, 5.0, 10.0), -0.2, rtol=1e-12)
    assert_close(technologies.distance(12.0, 5.0, 10.0), 0.2, rtol=1e-12)
    assert technologies.distance(7.0, 5.0, 10.0) == 0.0


def test_the_median_is_told_with_and_without_rows_that_are_bounds_only():
    """|0.1|, |0.3| and a bound that is kept: median 0.1 of three, 0.2 of two."""
    rows = [
        {"error": error, "published": [low, 10.0]}
        for error, low in ((0.1, 5.0), (-0.3, 5.0), (0.0, 0.0))
    ]
    every, tight = technologies.medians(rows)
    assert_close(every["ours"], 0.1, rtol=1e-12)
    assert_close(tight["ours"], 0.2, rtol=1e-12)
    assert (every["n"], tight["n"]) == (3, 2)


def test_the_page_explains_what_is_more_than_40_percent_away():
    """A row without candidates would read `Candidates: .`"""
    page = technologies.PAGE.read_text("utf-8")
    far = [line for line in page.splitlines() if "are missing. Candidates: " in line]
    assert far and all(" W" in line.split("Candidates: ")[1] for line in far)


def test_lasers_that_are_not_solved_for_are_said_to_have_a_given_current():
    page = technologies.PAGE.read_text("utf-8").splitlines()
    row = next(line for line in page if line.startswith("| `aoc-vcsel-800g`"))
    assert "| current given |" in row
    row = next(line for line in page if line.startswith("| `passive-dac`"))
    assert "| no laser |" in row
