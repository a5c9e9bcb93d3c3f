"""Every card that ships: it loads, it is sourced, and its accounting closes."""

import jax
import jax.numpy as jnp
import pytest

from helpers import assert_close
from photonflow import causes
from photonflow.cards import Library
from photonflow.component import params, replace


LIBRARY = Library()
CARDS = [name for kind in LIBRARY.kinds() for name in LIBRARY.names(kind)]


@pytest.mark.parametrize("name", CARDS)
def test_a_card_loads_and_every_leaf_has_a_source(name):
    component, provenance = LIBRARY.load(name), LIBRARY.provenance(name)
    assert {leaf.path for leaf in params(component)} == set(provenance)


@pytest.mark.parametrize("name", CARDS)
def test_an_estimate_says_why_and_how_wide(name):
    for path, row in LIBRARY.provenance(name).items():
        if row.estimate:
            assert row.note and row.ranged and row.low < row.high, path


@pytest.mark.parametrize("name", LIBRARY.names("ports"))
def test_no_two_parts_of_a_port_count_the_same_watts(name):
    counted = [cause for part in _parts(name) for cause in LIBRARY.card(part).counts]
    assert len(counted) == len(set(counted))
    assert set(counted) <= set(causes.LINK)


@pytest.mark.parametrize("name", LIBRARY.names("ports"))
def test_watts_of_a_module_come_from_parts_not_from_a_module_figure(name):
    assert not LIBRARY.card(name).counts


def _parts(name: str) -> list[str]:
    """All cards below `name`."""
    below = [part for part in LIBRARY.card(name).parts.values() if part != "none"]
    return below + [deeper for part in below for deeper in _parts(part)]


@pytest.mark.parametrize(
    "chip, rate_bps",
    [
        ("b200-nvl72", 7.2e12),
        ("switch-nvlink5", 28.8e12),
        ("switch-72x1600g", 72 * 1.6e12),
        ("nic-800g", 0.8e12),
    ],
)
def test_the_phy_inside_a_chip_is_the_phy_its_own_links_would_bring(chip, rate_bps):
    """So that a box with its original links burns exactly its measured watts."""
    serdes, fec = LIBRARY.load("serdes-224g-lr"), LIBRARY.load("kp4")
    brought_w = rate_bps * (serdes.energy_j_per_bit + fec.energy_j_per_bit)
    assert_close(LIBRARY.load(chip).included_phy_w, brought_w, rtol=1e-9)


def test_lasers_have_the_wall_plug_efficiency_their_note_claims():
    """70 mW of the 100 mW class: 26.9, 21.4, 15.6 % at 25, 50, 80 degC, +-1 point."""
    laser = LIBRARY.load("dfb-oband-100mw")
    drives_a, claims = (0.201, 0.242, 0.307), (0.269, 0.214, 0.156)
    cases = zip((298.15, 323.15, 353.15), drives_a, claims, strict=True)
    for case_k, drive_a, claim in cases:
        driven = replace(laser, {"current_a": drive_a})
        light_w = driven.light_w(driven.junction_k(jnp.asarray(case_k)))
        assert abs(float(light_w / driven.electrical_w()) - claim) < 0.01
        assert abs(float(light_w) - 0.07) < 0.003


def test_the_ring_card_sits_among_published_rings():
    ring = LIBRARY.load("ring-oband-lateral")
    resonance = jax.jit(lambda r: r.resonance(r.bias_v + r.drive_v / 2))(ring)
    q = float(ring.optical_hz() / resonance.linewidth_hz())
    assert 3000 < q < 8000
    assert 10e-15 < float(resonance.junction_f) < 40e-15
