"""Edge, area and failures of the ends of links."""

import equinox as eqx
import jax.numpy as jnp
import pytest

import nominal
from helpers import assert_close
from nominal import budget
from photonflow.cards import Library
from photonflow.links.base import AbstractLink
from photonflow.links.copper import CopperLink


LIBRARY = Library()
LINKS = LIBRARY.names("links")


@pytest.fixture(scope="module")
def copper():
    return nominal.copper_link()


def test_fibres_side_by_side_fill_the_edge():
    """8 pairs, 2.25 fibres each at 127 um: 2.286 mm of edge."""
    assert_close(
        nominal.footprint().edge_m(jnp.asarray(8.0)), 8 * 2.25 * 127e-6, rtol=1e-12
    )


def test_sixteen_wavelengths_of_32_gbit_fill_two_tbit_per_mm_of_each_direction():
    """512 Gbit/s a fibre, one fibre each way at 127 um: 512 / 0.254 = 2016 Gbit/s/mm.

    The facts count both directions, 4.03 Tbit/s per mm.
    """
    place = nominal.footprint(per_pair=2.0)
    density = 16 * 32e9 / place.edge_m(jnp.asarray(1.0))
    assert_close(density, 512e9 / 254e-6, rtol=1e-12)


def test_the_shoreline_of_a_link_is_that_of_its_wider_end(copper):
    wide = nominal.footprint(pitch_m=254e-6)
    mixed = eqx.tree_at(lambda link: link.end_b.footprint, copper, wide)
    at = nominal.worst(length_m=1.2)
    # 7.2 Tbit/s over 36 pairs of 2.25 positions, 254 um each
    assert_close(
        budget(mixed, at).shoreline_bps_per_m,
        7.2e12 / (36 * 2.25 * 254e-6),
        rtol=1e-12,
    )
    assert_close(
        budget(mixed, at).end_a.shoreline_bps_per_m,
        2 * budget(mixed, at).end_b.shoreline_bps_per_m,
        rtol=1e-12,
    )


def test_areas_and_failures_of_both_ends_add_up(copper):
    large = nominal.footprint(area_m2=100e-6, electronics_fit=30.0)
    mixed = eqx.tree_at(lambda link: link.end_b.footprint, copper, large)
    out = budget(mixed, nominal.worst(length_m=1.2))
    assert_close(out.area_m2, 40e-6 + 100e-6, rtol=1e-12)
    assert_close(out.fit, 10.0 + 30.0, rtol=1e-12)


def test_copper_without_lasers_fails_no_more_often_when_hot(copper):
    cold, hot = nominal.worst(case_k=300.0), nominal.worst(case_k=350.0)
    assert float(budget(copper, cold).fit) == float(budget(copper, hot).fit)


@pytest.mark.parametrize("name", LINKS)
def test_every_link_card_has_room_and_reliability(name):
    """Without compiling: the footprint of each end, as its budget reports it."""
    link = LIBRARY.load(name)
    assert issubclass(type(link), AbstractLink)
    for end in (link.end_a, link.end_b):
        density = float(link.rate_bps / end.footprint.edge_m(end.lanes))
        # From a faceplate of 400G modules (40 Gbit/s/mm) to fibres of 16 wavelengths.
        assert 1e13 < density < 5e15
        assert 1e-6 < float(end.footprint.area_m2) < 3e-3
        assert 1 < float(end.footprint.electronics_fit) < 500


def test_denser_packages_have_a_denser_edge():
    """Faceplate, then die edge of copper, then fibres of an engine."""

    def density(name):
        link = LIBRARY.load(name)
        return float(link.rate_bps / link.end_a.footprint.edge_m(link.end_a.lanes))

    order = ["dsp-dr8-1600g", "passive-dac", "cpo-ring-1600g", "npo-ring-6400g"]
    values = [density(name) for name in order]
    assert values == sorted(values)
    assert isinstance(LIBRARY.load("passive-dac"), CopperLink)
