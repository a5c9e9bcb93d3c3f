"""Card values that follow from theory or from other cards."""

import pytest

from photonflow.cards import Library
from photonflow.validation.derived import Derived, derived, implied


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.fixture(scope="module")
def rows(library):
    return derived(library)


@pytest.fixture(scope="module")
def figures(library):
    return {(row.card, row.what): row.value for row in implied(library)}


def test_cards_state_what_theory_or_another_card_gives(rows):
    missed = [(r.card, r.what, r.stated, r.derived) for r in rows if not r.met]
    assert len(rows) == 50 and missed == []


def test_every_code_that_corrects_or_repeats_has_its_threshold_derived(library, rows):
    """All but the raw link, which has no code."""
    held = {row.card for row in rows if "threshold" in row.what}
    assert held == {c for c in library.names("fec") if not c.startswith("none")}


def test_a_value_off_by_more_than_its_digits_is_a_miss():
    row = Derived("kp4", "threshold", 2.26e-4, 2.28e-4, "", 3e-3, "")
    assert not row.met  # 0.9 % off
    assert row._replace(tolerance=1e-2).met
    assert not row._replace(tolerance=None).met  # below the least that it may be
    assert row._replace(tolerance=None, derived=2.2e-4).met


def test_half_the_spacing_costs_a_bus_much_more_crosstalk(figures):
    leaked = "all other channels over the own"
    near_db, far_db = (
        figures[f"bus-rings-{grid}", leaked] for grid in ("16x100", "8x200")
    )
    assert near_db > far_db + 5


def test_a_mesh_that_knows_its_splitters_gains_23_db(figures):
    """E^2 of 2 (N-1) s^2 against 2/3 N^2 s^4 at s = 0.015: 126 s^2 over 2731 s^4."""
    card = "mesh-tfln-64"
    gain_db = figures[card, "the same, programmed with knowledge of them"]
    gain_db -= figures[card, "signal over splitter errors, as they are"]
    assert abs(gain_db - 23.12) < 0.01  # 10 log10(126 / 2731 / 0.015^2)
