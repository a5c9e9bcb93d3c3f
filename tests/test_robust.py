"""A study that asks for a yield: its settings, its figure and what it finds."""

from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.text import Text

import photonflow as pf
from fake_result import changed, result, variant
from photonflow.component import getter
from photonflow.experiment import robust, rows, run, run_study, study
from photonflow.experiment.io import shipped
from photonflow.experiment.robust import moved_in, robust_link
from photonflow.experiment.tasks import Task
from photonflow.quantity import InputError
from photonflow.report.design import search_text
from photonflow.report.yield_figures import fabrication
from photonflow.result.search_schema import PartsRow, YieldRow
from photonflow.search.fabrication import Population


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
mv, no_step = one_nm | {"step": "1 mV"}, one_nm | {"step": "0 V"}
HOST, SWITCH = "scale_out.host_link", "scale_out.switch_link"
RANGES = {"modulator.gap": ["100 nm", "300 nm"], "modulator.drive": ["1 V", "2 V"]}


def groups(*places):
    """One group of equal parameters for each of `places`."""
    return [{"where": where.split(), "parameters": RANGES} for where in places]


def moved(found):
    """What the judged link frees, and where its values go."""
    place = robust_link(found, "robust")
    link = getter(place)(found.cluster("robust"))
    return [(m.free.paths, m.tied) for m in moved_in(found, "robust", place, link)]


@pytest.mark.parametrize(
    "robust, message",
    [
        ({"robst": {}}, "did you mean `robust`"),
        ({"robust": {"wanted": 1.5}}, r"robust\.robust\.wanted"),
        ({"robust": {"draws": 1000}}, r"robust\.robust\.draws"),
        ({"robust": {"draws": 19}}, r"robust\.robust\.draws.*19.*at least 20"),
        ({"robust": {"wanted": 0.999}}, r"robust\.robust\.wanted.*at most 0\.996"),
        (
            {"robust": {"trimmed": {"modulator.gapp": one_nm}}},
            r"robust\.robust\.trimmed\.modulator\.gapp",
        ),
        (
            {"robust": {"trimmed": {"modulator.gap": one_nm | {"step": "1 V"}}}},
            r"trimmed\.modulator\.gap\.step",
        ),
        (
            {"robust": {"trimmed": {"modulator.gap": one_nm}}},
            r"trimmed\.modulator\.gap`: the card of .*gap_m` says that it strays",
        ),
        (
            {"robust": {"trimmed": {"modulator.drive": no_step}}},
            r"trimmed\.modulator\.drive\.step`.*0 V.*above 0",
        ),
        (
            {"robust": {"trimmed": {"modulator.drive": mv, "modulator.drive_v": mv}}},
            r"trimmed\.modulator\.drive_v`: .*drive_v` is trimmed twice",
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


def test_groups_of_equal_names_keep_their_own_robust_values(write):
    """The engine to the host is free by itself, and stays as it was drawn."""
    free = groups(f"{HOST}.end_a", f"{SWITCH}.end_a {SWITCH}.end_b")
    ends = ("end_a", "end_b")
    assert moved(study(write(free={"robust": free}))) == [
        (
            tuple(f"{end}.modulator.{name}" for end in ends),
            tuple(f"{SWITCH}.{end}.modulator.{name}" for end in ends),
        )
        for name in ("drive_v", "gap_m")
    ]


def test_every_end_of_the_judged_link_that_is_free_by_itself_is_searched(write):
    free = groups(f"{HOST}.end_a", f"{SWITCH}.end_a", f"{SWITCH}.end_b")
    assert moved(study(write(free={"robust": free}))) == [
        ((f"{end}.modulator.{name}",), (f"{SWITCH}.{end}.modulator.{name}",))
        for end in ("end_a", "end_b")
        for name in ("drive_v", "gap_m")
    ]


def test_two_links_that_are_each_free_at_both_ends_are_refused(write):
    """In one group the second link follows the first."""
    parts = {f"{HOST}": "cpo-ring-1600g", f"{SWITCH}": "cpo-ring-1600g"}
    variants = {"robust": {"parts": parts}}
    host, switch = (f"{link}.end_a {link}.end_b" for link in (HOST, SWITCH))
    common: dict[str, Any] = dict(variants=variants, robust={"robust": {}})
    with pytest.raises(InputError, match=f"`{HOST}` and `{SWITCH}` are each free"):
        study(write(free={"robust": groups(host, switch)}, **common))
    tied = study(write(free={"robust": groups(f"{host} {switch}")}, **common))
    assert robust_link(tied, "robust") == HOST
    assert all(len(paths) == 2 and len(to) == 4 for paths, to in moved(tied))


@pytest.mark.parametrize(
    "status, feasible, taken",
    [("stalled", True, True), ("infeasible", False, False),
     ("interrupted", True, False)],
)  # fmt: skip
def test_only_a_search_that_kept_all_limits_moves_the_design(
    monkeypatch, status, feasible, taken
):
    found = study(NAME)
    cluster = found.cluster("robust")

    def minimise(function, link, *, free, **rest):
        design = dict.fromkeys((path for one in free for path in one.paths), 1.5)
        return SimpleNamespace(
            status=status, feasible=feasible, design=design, component=link
        )

    monkeypatch.setattr(robust, "minimise", minimise)
    monkeypatch.setattr(robust, "population", lambda *args, **settings: None)
    kept = ("ber", "extinction")
    slacks = {f"{side}.{x}": 1.0 for side in ("a_to_b", "b_to_a") for x in kept}
    scalars = {"watts": 1.0} | slacks
    monkeypatch.setattr(robust, "LinkScalars", lambda at: lambda link: scalars)
    now = robust.robust_design(found, "robust", cluster)
    assert now.taken is taken and now.lanes == 8
    for end in (f"{HOST}.end_a", f"{SWITCH}.end_a", f"{SWITCH}.end_b"):
        gap = f"{end}.modulator.gap_m"
        kept = float(getter(gap)(cluster))
        assert float(getter(gap)(now.cluster)) == (1.5 if taken else kept)


def test_a_yield_is_that_of_the_cards_that_were_chosen(write, monkeypatch):
    """What a search leaves is judged, reported and written with its options in it."""
    free = groups(f"{SWITCH}.end_a {SWITCH}.end_b")
    options = {"equaliser": {"choices": ["equaliser-15-taps-ring", "equaliser-5-taps"]}}
    free.append({"where": [SWITCH], "parameters": options})
    found = study(write(free={"robust": free}))
    path = f"{SWITCH}.equaliser"
    seen = []
    solution = SimpleNamespace(component="searched", choices={path: "equaliser-5-taps"})
    monkeypatch.setattr(run, "set_drive", lambda cluster: (cluster, []))
    monkeypatch.setattr(run, "evaluate", lambda cluster, workload: None)
    monkeypatch.setattr(run, "_search", lambda *args: solution)
    monkeypatch.setattr(run, "trace_rows", lambda solution: [])

    def note(study, returned):
        seen.append(study.cards("robust")[path])
        return returned

    robust_now = SimpleNamespace(cluster="robust")
    monkeypatch.setattr(run, "_robust", lambda s, *rest: note(s, robust_now))
    befores = []

    def task_row(study, task, cluster, report, drives, before, *rest):
        befores.append(before.scale_out.switch_link.equaliser.taps)
        return note(study, variant("cpo"))

    monkeypatch.setattr(run, "task_row", task_row)
    run.run_task(found, Task("decode", "robust"), True, print, Event())
    assert befores == [15], "the parts as they came"
    assert seen == ["equaliser-5-taps"] * 2


def test_links_of_independent_lanes_keep_their_limits_less_often():
    """0.9^8 = 0.43; of ten draws one has no number, which keeps no limit."""
    slack = np.array([np.nan] + [0.1] * 9)
    drawn = Population(0.9, {"watts": 10 + slack}, {"a_to_b.ber": slack})
    row = rows._parts_row(drawn, 8)
    assert row.kept == 0.9 and row.link_share == pytest.approx(0.43046721)
    assert row.missed == {"a_to_b.ber": pytest.approx(0.1)}
    assert row.mean_w == pytest.approx(10.1)
    assert row.worst_slacks[0] < 0 < row.worst_slacks[50]


def parts(kept, mean_w):
    return PartsRow(
        kept=kept,
        standard_error=0.003,
        link_share=kept**8,
        missed={"a_to_b.ber": 1 - kept},
        mean_w=mean_w,
        worst_slacks=[(i - 100 * (1 - kept)) / 1000 for i in range(101)],
    )


def test_page_and_figure_say_what_a_yield_costs():
    row = YieldRow(
        link="scale_out.switch_link",
        wanted=0.95,
        draws=128,
        lanes=8,
        judged=4096,
        trimmed={},
        spread={},
        as_drawn=parts(0.11, 14.4),
        robust=parts(0.955, 14.9),
        taken=True,
        message="stalled: all limits are kept",
        seconds=10.0,
    )
    robust = changed(variant("cpo", searched=True), fabrication=row)
    text = search_text(robust)
    assert "95.5% of 4,096 fresh lane pairs" in text and "3.5 % more watts" in text
    assert (
        "If the 8 lanes of a link were independent, 69.2\N{NO-BREAK SPACE}% of" in text
    )
    figure = fabrication(result(robust).variants)
    assert figure is not None
    texts: Any = figure.findobj(Text)
    words = [text.get_text() for text in texts]
    assert any("95.5% of lane pairs keep all limits" in word for word in words)
    assert "as drawn: 14.40 W a link" in words
    assert fabrication(result().variants) is None
    kept = row.model_copy(update={"taken": False, "message": "infeasible: no yield"})
    text = search_text(changed(robust, fabrication=kept))
    assert "this is the optimum as drawn, of which 11.0% of 4,096 fresh" in text
    assert "infeasible: no yield" in text


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
