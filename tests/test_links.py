"""Links: levels, noise and error rate, watts by cause, and margin in decibels."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from helpers import assert_close
from nominal import budget
from photonflow import causes
from photonflow.component import params, replace, vmap_alike
from photonflow.links.base import Conditions
from photonflow.links.copper import CopperLink
from photonflow.links.family import budgets_of
from photonflow.links.optical import OpticalLink
from photonflow.links.port import by_cause
from photonflow.signal import decision
from photonflow.signal.equaliser import ClosedFormSlicer


LINKS = ("pluggable", "lpo", "cpo", "copper")


def some_link(name: str) -> OpticalLink | CopperLink:
    """The host link of a family: with `cpo` an engine facing a pluggable."""
    return nominal.copper_link() if name == "copper" else nominal.links_of(name)[0]


def some_place(name: str) -> Conditions:
    return nominal.worst(length_m=1.2) if name == "copper" else nominal.worst()


# Signals


def test_a_flat_channel_enhances_no_noise():
    assert_close(decision.enhancement(jnp.ones(12)), 1.0, rtol=1e-12)


def test_one_pole_enhances_noise_by_its_mean_inverse():
    """<1 + (f / f_3)^2> over 0..f_N is 1 + (f_N / f_3)^2 / 3."""
    symbol_hz, pole_hz = jnp.asarray(106.25e9), 40e9
    f = decision.nyquist_nodes_hz(symbol_hz)
    out = decision.enhancement(1 / (1 + (f / pole_hz) ** 2))
    assert_close(out, 1 + (53.125e9 / 40e9) ** 2 / 3, rtol=1e-12)


@pytest.mark.parametrize(
    "pam, expected", [(2, 1 / 4), (4, 5 / 36), (6, 1 / 10), (8, 9 / 84)]
)
def test_variance_of_even_levels(pam, expected):
    levels = decision.pam_levels(jnp.ones(()), jnp.zeros(()), pam)
    assert_close(decision.mean((levels - 0.5) ** 2), expected, rtol=1e-12)
    assert_close(decision.mean_square(pam), expected, rtol=1e-12)


def noise(**changes) -> decision.Noise:
    values = dict(thermal_a2=4e-12, shot_a=1.7e-8, dark_a=5e-8, rin=3e-5)
    values |= dict(interference=0.0, own=1.0)
    arrays = {name: jnp.asarray(v) for name, v in (values | changes).items()}
    return decision.Noise(**arrays, relative={"residual": jnp.asarray(2e-4)})


UNIT = decision.pam_levels(jnp.asarray(1.5), jnp.asarray(0.5), 4)  # outer swing of 1


def test_light_lowers_the_error_rate_down_to_the_rin_ceiling():
    """At infinite light only what grows with it is left: sqrt(RIN I^2 + rho I_pp^2)."""
    light_a = jnp.logspace(-6, 3, 60)
    log10_ber = jax.vmap(lambda a: noise().log10_ber(UNIT * a))(light_a)
    assert jnp.all(jnp.diff(log10_ber) <= 1e-9)
    assert jnp.all(jnp.diff(log10_ber)[:20] < 0)
    q = [
        (1 / 3) / (math.sqrt(3e-5 * lo**2 + 2e-4) + math.sqrt(3e-5 * hi**2 + 2e-4))
        for lo, hi in zip(UNIT.tolist(), UNIT.tolist()[1:], strict=False)
    ]
    # SER = 2 / 4 sum Q, BER = SER / 2
    ceiling = math.log10(sum(math.erfc(x / math.sqrt(2)) / 2 for x in q) / 4)
    assert_close(jnp.asarray(log10_ber)[-1], ceiling, rtol=1e-7)


def test_error_rate_stays_finite_where_it_underflows():
    quiet = noise(thermal_a2=1e-30, shot_a=0.0, rin=0.0)
    quiet = eqx.tree_at(lambda n: n.relative, quiet, {"residual": jnp.zeros(())})
    assert -math.inf < quiet.log10_ber(UNIT) < -1e20
    # No light: every symbol is a guess, 2 / 4 * 3 / 2 / 2 = 0.375.
    dark = noise().log10_ber(UNIT * 0.0)
    assert_close(dark, math.log10(0.375), rtol=1e-9)


def test_shares_of_noise_sum_to_1():
    shares = noise().shares(UNIT * 1e-4)
    assert_close(sum(float(s) for s in shares.values()), 1.0, rtol=1e-12)
    assert all(s >= 0 for s in shares.values())


def test_margin_is_the_loss_that_meets_the_threshold():
    levels_a = UNIT * 3e-4
    target = jnp.asarray(-3.65)
    reserve_db = jnp.asarray(1.0)
    slicer = ClosedFormSlicer(levels_a, noise())
    out = slicer.received(reserve_db, target)
    assert_close(out.log10_ber, slicer.log10_ber(jnp.asarray(0.0)), rtol=1e-12)
    assert_close(out.log10_ber_reserve, slicer.log10_ber(reserve_db), rtol=1e-12)
    margin_db = out.margin_db
    assert 0 < margin_db < 20
    weaker = levels_a * 10 ** (-margin_db / 10)
    assert_close(noise().log10_ber(weaker), target, rtol=1e-9)
    # Out of reach: the end of the bracket, not garbage.
    noisy = ClosedFormSlicer(levels_a, noise(rin=1e-1))
    assert noisy.received(reserve_db, target).margin_db == -40


# Every link


@pytest.mark.parametrize("name", LINKS)
def test_watts_by_cause_sum_to_the_power_of_an_end(name):
    out = budget(some_link(name), some_place(name))
    for end in (out.end_a, out.end_b):
        assert set(end.static_w) == set(causes.LINK)
        assert all(w >= 0 for w in end.static_w.values())
        total_w = sum(float(w) for w in end.static_w.values())
        assert_close(end.power_w(), total_w, rtol=1e-12)


@pytest.mark.parametrize("name", LINKS)
def test_every_watt_is_paid_by_one_box(name):
    out = budget(some_link(name), some_place(name))
    for end in (out.end_a, out.end_b):
        box = dict(end.boundary)
        assert set(box) == set(causes.LINK)
        assert set(box.values()) <= set(causes.BOUNDARIES)
        host_w = sum(w for cause, w in end.static_w.items() if box[cause] == "host")
        assert_close(end.vendor_w() + host_w, end.power_w(), rtol=1e-12)
        # SerDes of the chip, 1.6e12 * 4.5e-12 = 7.2 W for one, and its FEC.
        spent_w = end.static_w["serdes_host"] + end.static_w["fec"]
        assert_close(host_w, spent_w, rtol=1e-12)


def test_an_external_laser_is_a_box_of_its_own():
    out = budget(some_link("cpo"), some_place("cpo"))
    assert dict(out.end_a.boundary)["laser"] == "laser_source"
    assert dict(out.end_b.boundary)["laser"] == "module"


@pytest.mark.parametrize("name", ["pluggable", "lpo", "copper"])
def test_energy_per_bit_of_equal_ends_is_one_end_over_the_rate(name):
    out = budget(some_link(name), some_place(name))
    full = out.energy_j_per_bit(jnp.ones(()))
    assert_close(full, out.end_a.power_w() / out.rate_bps, rtol=1e-12)


@pytest.mark.parametrize("name", LINKS)
def test_a_delivered_bit_costs_the_inverse_of_utilisation(name):
    out = budget(some_link(name), some_place(name))
    full, idle = (out.energy_j_per_bit(jnp.asarray(u)) for u in (1.0, 0.05))
    assert_close(idle / full, 20.0, rtol=1e-12)


@pytest.mark.parametrize("name", LINKS)
def test_the_worse_direction_counts(name):
    out = budget(some_link(name), some_place(name))
    ways = (out.a_to_b, out.b_to_a)
    assert out.log10_ber == max(way.log10_ber for way in ways)
    assert out.margin_db == min(way.margin_db for way in ways)


@pytest.mark.parametrize("name", LINKS)
def test_shares_of_noise_of_a_link_sum_to_1(name):
    out = budget(some_link(name), some_place(name))
    for way in (out.a_to_b, out.b_to_a):
        total = sum(float(share) for share in way.noise_share.values())
        assert_close(total, 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", ["pluggable", "cpo", "copper"])
def test_swapped_ends_swap_directions(name):
    link = some_link(name)
    turned = eqx.tree_at(lambda x: (x.end_a, x.end_b), link, (link.end_b, link.end_a))
    there, back = (budget(x, some_place(name)) for x in (link, turned))
    for mine, theirs in [
        (there.end_a, back.end_b),
        (there.end_b, back.end_a),
        (there.a_to_b, back.b_to_a),
        (there.b_to_a, back.a_to_b),
    ]:
        jax.tree.map(lambda x, y: assert_close(x, y, rtol=1e-9), mine, theirs)


# Optical links


@pytest.mark.parametrize("name", ["pluggable", "lpo", "cpo"])
def test_losing_the_margin_meets_the_threshold(name):
    """Ageing by another `margin_db` leaves exactly the FEC threshold."""
    link, at = some_link(name), some_place(name)
    out = budget(link, at)
    for way in ("a_to_b", "b_to_a"):
        margin_db = getattr(out, way).margin_db
        assert margin_db > 0
        aged = replace(at, {"ageing_db": at.ageing_db + margin_db})
        log10_ber = getattr(budget(link, aged), way).log10_ber
        assert_close(10.0**log10_ber, 2.26e-4, rtol=1e-7)


@pytest.mark.parametrize("name", ["pluggable", "lpo", "cpo"])
def test_the_reserve_is_extra_loss(name):
    link, at = some_link(name), some_place(name)
    out = budget(link, at)
    aged = budget(link, replace(at, {"ageing_db": at.ageing_db + link.reserve_db}))
    for way in ("a_to_b", "b_to_a"):
        reserve = getattr(out, way).log10_ber_reserve
        assert_close(getattr(aged, way).log10_ber, reserve, rtol=1e-9)
        # ln sqrt(log10 BER / log10 T)
        slack = math.log(float(reserve) / math.log10(2.26e-4)) / 2
        assert_close(getattr(out, way).slacks["ber"], slack, rtol=1e-9)


@pytest.mark.parametrize("name", ["pluggable", "lpo", "cpo"])
def test_loss_on_the_path_eats_slack(name):
    link, at = some_link(name), some_place(name)
    aged = [replace(at, {"ageing_db": float(loss_db)}) for loss_db in range(31)]
    found = budgets_of([(link, each) for each in aged])
    for way in ("a_to_b", "b_to_a"):
        slack = np.array([getattr(out, way).slacks["ber"] for out in found])
        # Two clean segments hide what the light does until it errs as often as they.
        assert np.all(np.diff(slack) < 0)
        assert slack[0] > 0 > slack[-1]


def test_a_retimed_link_adds_up_its_segments():
    """Optics from DSP to DSP, plus 1e-6 at either end."""
    link, at = some_link("pluggable"), nominal.worst(ageing_db=8.0)
    out = budget(link, at)

    @eqx.filter_jit
    def optics(link, at):
        transmitter, receiver = (
            link.end(link.end_a, at).transmitter,
            link.end(link.end_b, at).receiver,
        )
        slicer = link.equaliser.equalise(
            transmitter, receiver, link.channel(at), link.pam
        )
        return slicer.log10_ber(jnp.zeros(()))

    expected = 10.0 ** optics(link, at) + 2e-6
    assert_close(10.0**out.a_to_b.log10_ber, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["pluggable", "cpo"])
def test_the_waterfall_ends_at_the_light_received(name):
    link, at = some_link(name), some_place(name)
    out = budget(link, at)

    @eqx.filter_jit
    def received(link, at):
        transmitter, receiver = (
            link.end(link.end_a, at).transmitter,
            link.end(link.end_b, at).receiver,
        )
        slicer = link.equaliser.equalise(
            transmitter, receiver, link.channel(at), link.pam
        )
        swing_a = slicer.levels_a[-1] - slicer.levels_a[0]
        return swing_a / link.end_b.photodiode.responsivity_a_per_w

    oma_dbm = 10 * math.log10(float(received(link, at)) / 1e-3)
    total_dbm = sum(float(db) for db in out.a_to_b.budget_db.values())
    assert_close(total_dbm, oma_dbm, rtol=1e-9)
    # 2.75 dB of connectors and 500 m at 0.5 dB/km.
    assert_close(out.a_to_b.budget_db["path"], -3.0, rtol=1e-12)


def test_who_equalises_decides_what_a_trace_costs():
    """A worse host trace hurts a linear module, not a retimed one."""
    for name, hurt in (("lpo", True), ("pluggable", False)):
        link, at = some_link(name), some_place(name)
        lossy = replace(link, {"end_a.trace.loss_db": 20.0})
        before, after = budget(link, at).a_to_b, budget(lossy, at).a_to_b
        assert (after.log10_ber > before.log10_ber) == hurt


def test_a_retimer_and_its_host_side_cost_8_pj_a_bit():
    """1.6e12 * 5.5e-12 = 8.8 W and 1.6e12 * 2.5e-12 = 4 W, over converters of 88 %."""
    out = budget(some_link("pluggable"), some_place("pluggable")).end_a
    assert_close(out.static_w["dsp"], 8.8, rtol=1e-12)
    assert_close(out.static_w["serdes_module"], 4.0, rtol=1e-12)
    inside_w = sum(
        float(out.static_w[cause])
        for cause in causes.LINK
        if cause not in ("power_conversion", "serdes_host", "fec")
    )
    lost_w = inside_w * (1 / 0.88 - 1)
    assert_close(out.static_w["power_conversion"], lost_w, rtol=1e-12)


@pytest.mark.parametrize("name", ["pluggable", "lpo", "cpo", "copper"])
def test_latency_is_flight_electronics_and_fec(name):
    """FEC 60 ns, half of each SerDes and DSP, and 500 m of glass or 1.2 m of copper."""
    chips_s = {"pluggable": 10e-9 + 50e-9, "lpo": 10e-9, "copper": 10e-9}
    # An engine has one host of 5 ns; its pluggable peer has 10 ns and 50 ns.
    chips_s["cpo"] = (5e-9 + 10e-9 + 50e-9) / 2
    flight_s = 1.4 * 1.2 if name == "copper" else 1.468 * 500
    expected_s = 60e-9 + chips_s[name] + flight_s / 299792458
    out = budget(some_link(name), some_place(name))
    assert_close(out.latency_s, expected_s, rtol=1e-12)


def test_launch_slack_is_0_at_the_power_a_standard_asks():
    link, at = some_link("pluggable"), some_place("pluggable")
    slack = float(budget(link, at).a_to_b.slacks["launch"])
    # In bels of optical power.
    met = replace(link, {"end_a.launch_dbm": 10 * slack})
    assert abs(budget(met, at).a_to_b.slacks["launch"]) < 1e-12
    asked = {p.path: p.value for p in params(link)}
    assert asked["end_a.launch_dbm"] == 0


# Copper


def test_a_longer_cable_has_less_margin():
    lengths_m = np.linspace(0.0, 6.0, 13)
    placed = [nominal.worst(length_m=float(length_m)) for length_m in lengths_m]
    found = budgets_of([(nominal.copper_link(), at) for at in placed])
    ways = [out.a_to_b for out in found]
    for of in (lambda way: way.margin_db, lambda way: way.slacks["ber"]):
        falling = np.array([of(way) for way in ways])
        assert np.all(np.diff(falling) < 0)
        assert falling[0] > 0 > falling[-1]


def test_margin_of_copper_is_snr_to_spare():
    link, at = some_link("copper"), some_place("copper")
    margin_db = budget(link, at).a_to_b.margin_db
    spent = replace(link, {"reserve_db": margin_db})
    log10_ber = budget(spent, at).a_to_b.log10_ber_reserve
    assert_close(10.0**log10_ber, 2.26e-4, rtol=1e-9)


def test_copper_burns_nothing_but_its_hosts():
    """7.2e12 * 4.5e-12 = 32.4 W of SerDes, 7.2e12 * 0.2e-12 = 1.44 W of FEC."""
    out = budget(some_link("copper"), some_place("copper")).end_a
    assert_close(out.static_w["serdes_host"], 32.4, rtol=1e-12)
    assert_close(out.static_w["fec"], 1.44, rtol=1e-12)
    assert_close(out.power_w(), 33.84, rtol=1e-12)
    assert out.vendor_w() == 0


# Bookkeeping


def test_an_unknown_cause_is_an_error():
    with pytest.raises(ValueError, match="coffee"):
        by_cause(coffee=jnp.ones(()))


def test_together_is_one_by_one():
    """Mixed structures, two of each with other values."""
    x = jnp.asarray(1.2)
    calls = [
        (nominal.serdes(), x),
        (nominal.mach_zehnder(), x),
        (nominal.serdes(bandwidth_hz=50e9), 2 * x),
        (nominal.mach_zehnder(drive_v=1.0), x),
    ]

    def work(part, x):
        return jax.tree.map(lambda leaf: jnp.sqrt(leaf) * x, part)

    for ours, args in zip(vmap_alike(work, calls), calls, strict=True):
        alone = work(*args)
        assert type(ours) is type(alone)
        jax.tree.map(lambda x, y: assert_close(x, y, rtol=1e-12), ours, alone)
