"""A link of many wavelengths lit by one comb, from its card."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from gradient_rule import Case, assert_rule, case
from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.devices.combs import CombSource
from photonflow.links.base import Conditions
from photonflow.links.modulated_port import ModulatedPort
from photonflow.links.optical import OpticalLink
from photonflow.search.laser_drive import LaserDrive, link_drives


LIBRARY = Library()
END = "end_a"


def worst(name: str = "room-worst") -> Conditions:
    return LIBRARY.load(name).at(jnp.asarray(100.0))


def lit_by_comb() -> OpticalLink:
    return LIBRARY.load("optical-io-comb-8x32g")


def comb_of(link: OpticalLink) -> CombSource:
    port = link.end_a
    assert isinstance(port, ModulatedPort) and isinstance(port.source, CombSource)
    return port.source


@functools.cache
def solved() -> tuple[OpticalLink, LaserDrive]:
    """The least pump that meets the error rate at the worst corner, at one end."""
    link = lit_by_comb()
    (drive,) = link_drives(link, worst(), [END])
    return replace(link, {drive.path: drive.amps}), drive


def test_the_current_of_a_comb_is_solved_like_that_of_a_diode():
    """One current for all lines: the outermost just meets its error rate."""
    link, drive = solved()
    assert drive.path == "end_a.source.laser.current_a"
    assert drive.reachable and drive.solved and drive.binding == "ber"
    assert float(comb_of(link).laser.current_a) == drive.amps
    slacks = link.end(link.end_a, worst()).slacks
    assert {"comb", "cooler", "junction", "rollover"} <= set(slacks)
    assert all(float(slacks[name]) >= 0 for name in slacks), slacks


def test_the_light_of_a_lane_is_one_line_of_the_comb_down_the_waterfall():
    """20.1 dBm of comb; 1/13 of it in the eighth line, 1/8 for each fibre."""
    link, _ = solved()
    at, source = worst(), comb_of(link)
    light = source.emit(at.case_k, at.coolant_k)
    share = source.conversion * source.line_share(jnp.asarray(3.5)) / 8
    assert_close(light.lane_w, light.diode_w * share * 10**-0.24, rtol=1e-12)
    stages = link.end(link.end_a, at).waterfall
    ahead = ("laser", "comb", "split", "source_excess")
    in_dbm = sum(float(stages[name]) for name in ahead)
    assert_close(in_dbm, 10 * np.log10(float(light.lane_w) / 1e-3), rtol=1e-12)


def test_an_end_pays_for_one_comb_and_fails_with_it():
    """64 lanes are 8 lines on each of 8 fibres: one unit, its watts paid once."""
    link, _ = solved()
    at, port = worst("room-nominal"), link.end_a
    assert isinstance(port, ModulatedPort)
    light = port.source.emit(at.case_k, at.coolant_k)
    assert float(light.whole_units(port.lanes)) == 1.0
    books = link.end(port, at).budget
    assert_close(books.static_w["laser"], light.unit_w, rtol=1e-12)
    assert dict(books.boundary)["laser"] == "laser_source"
    # A box of its own has converters of its own: none of the chiplet's pays for it.
    inside = [
        watts
        for cause, watts in books.static_w.items()
        if dict(books.boundary)[cause] == "module" and cause != "power_conversion"
    ]
    lost = 1 / port.housekeeping.conversion - 1
    assert_close(books.static_w["power_conversion"], sum(inside) * lost, rtol=1e-12)
    alone = light.unit_fit + port.footprint.electronics_fit
    assert_close(books.fit, alone, rtol=1e-12)


def test_one_comb_takes_less_power_than_64_diodes_and_fails_far_less_often():
    """Sixty-four thresholds and sixty-four junctions at the temperature of the chip."""
    link, _ = solved()
    at = worst("room-nominal")
    (drive,) = link_drives(LIBRARY.load("optical-io-8x32g"), worst(), [END])
    diodes = replace(LIBRARY.load("optical-io-8x32g"), {drive.path: drive.amps})
    ours, theirs = (each.end(each.end_a, at).budget for each in (link, diodes))
    assert float(ours.static_w["laser"]) < float(theirs.static_w["laser"])
    assert float(ours.fit) < float(theirs.fit) / 10


def test_lines_too_noisy_for_two_levels_are_told_apart_from_too_little_light():
    """At -120 dB/Hz no light would do; at -135 dB/Hz behind 9 dB more it would."""
    link, at = lit_by_comb(), worst()
    noisy = replace(link, {"end_a.source.partition_per_hz": 1e-12})
    (drive,) = link_drives(noisy, at, [END])
    assert not drive.reachable and drive.ceiling and drive.limiting == "rin"
    dim = replace(link, {"end_a.source.excess_db": 10.0, "end_a.coupler_in_db": 6.0})
    (drive,) = link_drives(dim, at, [END])
    assert not drive.reachable and not drive.ceiling


def test_a_route_across_the_chip_is_lost_on_both_sides_of_the_fibre():
    """5 mm of 1.5 dB/cm, 6 bends, 2 crossings: 0.844 dB there and 0.844 dB back."""
    link, at = lit_by_comb(), worst()
    near = eqx.tree_at(
        lambda link: (link.end_a.route, link.end_b.route), link, (None,) * 2
    )
    ends = [each.end(each.end_a, at) for each in (link, near)]
    lost = 10**-0.0844
    assert_close(ends[0].transmitter.top_w / ends[1].transmitter.top_w, lost, rtol=1e-9)
    kept = ends[0].receiver.a_per_w / ends[1].receiver.a_per_w
    assert_close(kept, lost, rtol=1e-9)
    # The waterfall of the whole direction ends at what the photodiode is given.
    stages = link.budget(at).a_to_b.budget_db
    swing_w = 1e-3 * 10 ** (sum(float(stage) for stage in stages.values()) / 10)
    sent = ends[0].transmitter
    taken = ends[0].receiver.a_per_w / link.end_b.photodiode.responsivity_a_per_w
    path = 10 ** (-float(link.path.loss_db(at.length_m) + at.ageing_db) / 10)
    assert_close(swing_w, (sent.top_w - sent.bottom_w) * path * taken, rtol=1e-9)


# Gradients


def stages(port, at):
    link = eqx.tree_at(lambda link: link.end_a, lit_by_comb(), port)
    end = link.end(port, at)
    transmitter = end.transmitter
    out = {f"slack.{name}": value for name, value in end.slacks.items()}
    out |= {f"{name}_db": value for name, value in end.waterfall.items()}
    out["ln_top"], out["ln_rin"] = (
        jnp.log(transmitter.top_w),
        jnp.log(transmitter.rin_per_hz),
    )
    out["ln_laser"] = jnp.log(end.budget.static_w["laser"])
    return out | {"ln_w": jnp.log(end.budget.power_w())}


@functools.cache
def built() -> Case:
    link, _ = solved()
    # Between integers the sums over neighbours run straight; at one their slope jumps.
    port = replace(link.end_a, {"wdm.grid.wavelengths": 7.5})
    return case((port, worst()), ["end", "at"], stages)


def test_gradients_of_an_end_lit_by_a_comb_match_finite_differences():
    assert_rule(built(), built().nominal[None])


def test_an_end_lit_by_a_comb_is_finite_over_the_whole_box():
    found, random = built(), np.random.default_rng(11)
    p = len(found.paths)
    every = np.arange(p)
    ends = np.tile(found.nominal, (2 * p, 1))
    ends[every, every], ends[p + every, every] = found.low, found.high
    corners = found.at(random.integers(0, 2, (256, p)).astype(float))
    x = np.concatenate([ends, corners, found.at(random.uniform(0, 1, (256, p)))])
    values = found.values(x)
    slopes = found.pull(x, np.ones_like(values))
    bad = {found.outputs[j] for _, j in np.argwhere(~np.isfinite(values))}
    bad |= {found.paths[k] for _, k in np.argwhere(~np.isfinite(slopes))}
    assert not bad
