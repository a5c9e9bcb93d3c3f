"""A study that asks for a yield: its settings, its figure and what it finds."""

from typing import Any

import pytest
import yaml
from matplotlib.text import Text

import photonflow as pf
from fake_result import changed, result, variant
from photonflow.experiment import run_study, study
from photonflow.experiment.io import shipped
from photonflow.experiment.robust import robust_link
from photonflow.quantity import InputError
from photonflow.report.design import search_text
from photonflow.report.yield_figures import fabrication
from photonflow.result.schema import PartsRow, YieldRow


NAME = "robust-cpo"


@pytest.fixture
def write(tmp_path):
    """Path of the shipped study with changes."""

    def make(**changes):
        data = yaml.safe_load((shipped() / f"{NAME}.yaml").read_text("utf-8"))
        path = tmp_path / f"{NAME}.yaml"
        path.write_text(yaml.safe_dump(data | changes), "utf-8")
        return path

    return make


def test_the_link_that_is_judged_has_both_ends_free():
    assert robust_link(study(NAME), "robust") == "scale_out.switch_link"


def test_cards_of_the_engine_say_how_far_their_numbers_stray():
    found = pf.spreads(study(NAME).provenance("robust"), "scale_out.switch_link.end_a.")
    kinds = {path.split(".")[3] for path in found}
    assert {"modulator", "source", "tia", "photodiode"} <= kinds
    assert not any(path.endswith(("detuning", "drive_v")) for path in found)


one_nm = {"step": "1 nm", "limits": ["ber"]}


@pytest.mark.parametrize(
    "robust, message",
    [
        ({"robst": {}}, "did you mean `robust`"),
        ({"robust": {"wanted": 1.5}}, r"robust\.robust\.wanted"),
        ({"robust": {"draws": 1000}}, r"robust\.robust\.draws"),
        (
            {"robust": {"trimmed": {"modulator.gapp": one_nm}}},
            r"robust\.robust\.trimmed\.modulator\.gapp",
        ),
        (
            {"robust": {"trimmed": {"modulator.gap": one_nm | {"step": "1 V"}}}},
            r"trimmed\.modulator\.gap\.step",
        ),
        (
            {"robust": {"trimmed": {"modulator.detuning": {"step": "0.1",
             "limits": ["bear"]}}}},
            "limits.*did you mean `ber`",
        ),
    ],
)  # fmt: skip
def test_a_yield_that_cannot_be_asked_for_is_refused(write, robust, message):
    with pytest.raises(InputError, match=message):
        study(write(robust=robust))


def test_a_variant_without_a_link_that_is_free_at_both_ends_is_refused(write):
    data = yaml.safe_load((shipped() / f"{NAME}.yaml").read_text("utf-8"))
    free = data["free"]
    free["robust"] = free["robust"] | {"where": ["scale_out.host_link.end_a"]}
    with pytest.raises(InputError, match="no link has free parameters at both ends"):
        study(write(free=free))


def parts(kept, mean_w):
    return PartsRow(
        kept=kept,
        standard_error=0.003,
        missed={"a_to_b.ber": 1 - kept},
        mean_w=mean_w,
        worst_slacks=[(i - 100 * (1 - kept)) / 1000 for i in range(101)],
    )


def test_page_and_figure_say_what_a_yield_costs():
    row = YieldRow(
        link="scale_out.switch_link",
        wanted=0.95,
        draws=96,
        judged=4096,
        trimmed={},
        spread={},
        as_drawn=parts(0.11, 14.4),
        robust=parts(0.955, 14.9),
        message="stalled: all limits are kept",
        seconds=10.0,
    )
    robust = changed(variant("cpo", searched=True), fabrication=row)
    text = search_text(robust)
    assert "95.5% of 4,096 fresh links" in text and "3.5 % more watts" in text
    figure = fabrication(result(robust).variants)
    assert figure is not None
    texts: Any = figure.findobj(Text)
    words = [text.get_text() for text in texts]
    assert any("95.5% of links keep all limits" in word for word in words)
    assert "as drawn: 14.40 W a link" in words
    assert fabrication(result().variants) is None


@pytest.mark.slow
def test_a_robust_design_keeps_its_yield_on_fresh_draws_and_costs_little():
    found = run_study(study(NAME), True)
    drawn, robust = found["variants"]
    row = robust["fabrication"]
    assert drawn["fabrication"] is None
    assert row["robust"]["kept"] >= 0.94 and row["judged"] == 4096
    assert row["as_drawn"]["kept"] < 0.5
    assert robust["feasible"]
    assert 1.0 < robust["j_per_token"] / drawn["j_per_token"] < 1.002
    assert robust["search"]["status"] == "converged"
    ends = [f"scale_out.{end}.modulator.gap_m" for end in (
        "host_link.end_a", "switch_link.end_a", "switch_link.end_b")]  # fmt: skip
    assert len({robust["design"][path] for path in ends}) == 1
