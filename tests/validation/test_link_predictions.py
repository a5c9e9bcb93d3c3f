"""Published links and parts beside our models: errors reported, misses named.

The numbers are in `docs/validation.md`; what is asserted here is that nobody moves them
unseen, that a miss stays a stated one, and that models react as published parts do.
"""

from pathlib import Path

import pytest

from photonflow.cards import card_root
from photonflow.validation import cases
from photonflow.validation.page import page
from photonflow.validation.predictions import (
    NOT_PREDICTED,
    PREDICT,
    Prediction,
    predictions,
)


MISSED = {
    ("ma2026_mrm_tx", "electro-optic bandwidth"),
    ("dr8_1p6t_lpo_sens", "sensitivity (OMA) at BER 1e-4, our LPO card"),
}
"""what lies outside its tolerance, as the page says and explains"""
IDS = [case.id for case in cases("link") if case.class_ == "prediction"]


@pytest.fixture(scope="module")
def found():
    return predictions()


@pytest.mark.parametrize("id_", PREDICT)
def test_a_published_number_is_met_or_its_miss_is_stated(id_, found):
    own = [p for p in found if p.id == id_]
    assert own
    for p in own:
        if p.met is not None:
            assert p.met == ((p.id, p.what) not in MISSED), (p.what, p.error)


def test_the_page_is_what_the_models_say_now(found):
    """`python -m photonflow.validation > docs/validation.md` writes it again."""
    file = Path(card_root()) / "docs/validation.md"
    assert file.read_text("utf-8") == page(found)


def test_no_row_is_left_out_in_silence(found):
    text = page(found)
    assert set(PREDICT) | set(NOT_PREDICTED) <= set(IDS)
    assert not set(PREDICT) & set(NOT_PREDICTED)
    for id_ in IDS:
        assert f"`{id_}`" in text


def test_a_slower_modulator_asks_a_linear_link_for_more_light(found):
    """Of 45 GHz little is lost to 40 GHz and much to 30 GHz."""
    lost = {
        p.what.split()[-2]: p.ours
        for p in found
        if p.id == "dr8_1p6t_lpo_sens" and not p.published
    }
    assert 0 < lost["40"] < 1.0 < lost["30"]


def test_an_error_is_to_the_nearer_end_of_an_interval():
    inside = Prediction("x", "y", 3.0, (2.0, 4.0), "GHz", 0.1)
    above = inside._replace(ours=5.0)
    level = inside._replace(ours=1.5, unit="dB", tolerance=0.4)
    assert inside.error == 0.0 and inside.met
    assert above.error == 0.25 and not above.met  # 5 / 4 - 1
    assert level.error == -0.5 and not level.met  # 1.5 - 2
    assert level._replace(tolerance=(-1.0, 0.0)).met
    assert inside._replace(published=()).met is None
