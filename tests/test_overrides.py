"""Paths of parts, static fields and quantities, wherever something is overridden."""

import io
from typing import Any

import jax
import pytest
import yaml
from rich.console import Console

import photonflow as pf
from photonflow.cards import Library, card_root
from photonflow.cards.overrides import override
from photonflow.component import put, quantities
from photonflow.experiment import study
from photonflow.experiment.io import shipped
from photonflow.experiment.link import solve_link
from photonflow.experiment.show import show_experiment
from photonflow.quantity import InputError
from photonflow.search.choices import combinations


RING, LINK = "ring-oband-lateral", "cpo-ring-1600g"
FOLDED = "ring-oband-200g-folded"
SWITCH_A = "scale_out.switch_link.end_a"


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.mark.parametrize("path", ["end_a.modulator.gap", "end_a.modulator.gap_m"])
@pytest.mark.parametrize("value", [150e-9, "150 nm"], ids=repr)
def test_either_form_of_a_path_takes_a_number_or_a_string(path, value):
    found = pf.replace(pf.load(LINK), {path: value})
    assert float(found.end_a.modulator.gap_m) == pytest.approx(150e-9, rel=1e-15)


def test_a_part_is_exchanged_by_card_or_by_component_and_what_is_in_it_set():
    link = pf.load(LINK)
    values = {"end_a.modulator": FOLDED, "end_a.modulator.gap": "170 nm"}
    found = pf.replace(link, values)
    folded = pf.load(FOLDED)
    assert float(found.end_a.modulator.gap_m) == pytest.approx(170e-9)
    assert float(found.end_a.modulator.detuning) == float(folded.detuning)
    assert found.end_b.modulator == link.end_b.modulator
    assert pf.replace(link, {"end_a.modulator": folded}).end_a.modulator == folded


def test_static_fields_take_their_values_and_refuse_others():
    link = pf.load(LINK)
    assert pf.replace(link, {"pam": 2}).pam == 2
    assert pf.replace(link, {"equaliser.taps": 5}).equaliser.taps == 5
    with pytest.raises(InputError, match="of type int"):
        pf.replace(link, {"equaliser.taps": "many"})
    with pytest.raises(InputError, match="allowed: 1 to 64"):
        pf.replace(link, {"equaliser.taps": -3})
    for order in (3, "3", 4.0):
        with pytest.raises(InputError, match="`pam`.*one of 2, 4, 6, 8"):
            pf.replace(link, {"pam": order})


@pytest.mark.parametrize(
    "path, value, allowed",
    [
        ("scale_out.tiers", "2.5", "a whole number, 1 to 5"),
        (f"{SWITCH_A}.lanes", "8.5", "a whole number, 1 to 256"),
        ("scale_out.switch_link.pam", "3", "one of 2, 4, 6, 8"),
    ],
)
def test_integers_are_refused_between_their_values(path, value, allowed):
    with pytest.raises(InputError, match=f"--set: `{path}`: .*{allowed}"):
        study("cpo-vs-pluggable", {path: value})


def test_integers_are_chosen_and_not_free(tmp_path):
    with pytest.raises(
        InputError, match="whole number, and has no slope; expected `ch"
    ):
        with_choices(tmp_path, ["equaliser-5-taps"], free={"lanes": ["4", "8"]})
    with pytest.raises(InputError, match="got '8.5'; expected a whole number"):
        with_choices(tmp_path, [4, 8.5], "end_a.lanes")


def test_a_traced_number_goes_where_it_is_told():
    ring = pf.load(RING)
    slope = jax.grad(lambda g: pf.replace(ring, {"gap": g}).kappa2())(150e-9)
    assert float(slope) < 0


@pytest.mark.parametrize(
    "values, message",
    [
        ({"end_a.modulator.gop": 1e-7}, "did you mean `end_a.modulator.gap"),
        ({"end_a.modulator": "ring-oband-lateral2"}, "did you mean `ring-oband-later"),
        ({"end_a.modulator": "fibre-dr-500m"}, "card of class AbstractModulator"),
        ({"end_c": 1}, "path of a quantity"),
    ],
)
def test_what_does_not_exist_comes_with_the_nearest_names(values, message):
    with pytest.raises(InputError, match=message):
        pf.replace(pf.load(LINK), values)


def test_one_quantity_in_both_forms_is_refused(library):
    with pytest.raises(InputError, match="one quantity"):
        override(pf.load(RING), {"gap": "1e-7", "gap_m": "2e-7"}, library)


def test_origins_follow_a_part_and_a_setting(library):
    settings = {"end_a.modulator": FOLDED, "end_a.modulator.gap": "170 nm"}
    origins = library.provenance(LINK)
    found = override(pf.load(LINK), settings, library, "me", origins=origins)
    assert found.origins["end_a.modulator.radius_m"].card == FOLDED
    assert found.origins["end_a.modulator.gap_m"].source == "setting"
    assert found.origins["end_a.modulator.gap_m"].card == "me"
    assert found.origins["end_b.modulator.gap_m"] == origins["end_b.modulator.gap_m"]


def test_a_link_takes_parts_and_fields_by_set(library):
    settings = {"end_a.modulator": FOLDED, "equaliser.taps": "5"}
    found = solve_link(LINK, settings, library)
    link: Any = found.link
    assert link.equaliser.taps == 5
    assert found.origins["end_a.modulator.gap_m"].card == FOLDED


def test_a_study_takes_a_part_by_set_and_knows_its_card():
    heater = f"{SWITCH_A}.modulator.heater"
    there = {heater: "heater-undercut", "scale_up.link": "passive-dac"}
    found = study("cpo-vs-pluggable", there)
    assert found.technology("cpo", "scale_up")["link"] == "passive-dac"
    assert found.cards("cpo")[heater] == "heater-undercut"
    assert found.provenance("cpo")[f"{heater}.loop_w"].card == "heater-undercut"
    assert heater not in found.cards("lpo")


def test_a_path_that_no_variant_has_is_refused():
    with pytest.raises(InputError, match="did you mean"):
        study("cpo-vs-pluggable", {f"{SWITCH_A}.modulatr": FOLDED})


def test_what_is_above_a_part_checks_itself_again():
    link = pf.load(LINK)
    with pytest.raises(ValueError):
        put(link, "equaliser.timing", "whenever")


LINK_PATH = "scale_out.switch_link"


def with_choices(tmp_path, options, path="equaliser", free=None):
    """The shipped study with a choice, and with what is free beside it."""
    data = yaml.safe_load((shipped() / "cpo-vs-pluggable.yaml").read_text("utf-8"))
    group = {"where": [LINK_PATH], "parameters": {path: {"choices": options}}}
    ends = [f"{LINK_PATH}.end_a", f"{LINK_PATH}.end_b"]
    first = data["free"]["cpo"] if free is None else {"where": ends, "parameters": free}
    data["free"]["cpo"] = [first, group]
    path = tmp_path / "cpo-vs-pluggable.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    return study(path)


def test_choices_of_a_study_are_cards_and_the_one_taken_is_known(tmp_path):
    names = ["equaliser-5-taps", "equaliser-15-taps-ring"]
    found = with_choices(tmp_path, names)
    (paths,) = found.choices("cpo")
    assert paths == (f"{LINK_PATH}.equaliser",)
    options = found.choices("cpo")[paths]
    assert [options[name].taps for name in names] == [5, 15]
    taken = found.chosen({paths[0]: names[0]})
    equaliser: Any = taken.cluster("cpo").scale_out.switch_link
    assert equaliser.equaliser.taps == 5
    assert taken.cards("cpo")[paths[0]] == names[0]
    assert len(found.free("cpo")) == 6


def test_a_choice_that_does_not_fit_is_refused_at_its_key(tmp_path):
    with pytest.raises(InputError, match=r"free\.cpo\.1\.parameters\.equaliser"):
        with_choices(tmp_path, ["equaliser-5-tap"])
    with pytest.raises(InputError, match="a card of class"):
        with_choices(tmp_path, ["fibre-dr-500m"])
    with pytest.raises(InputError, match=r"free\.cpo`.* both free and a choice"):
        gap = "end_a.modulator.gap"
        with_choices(tmp_path, ["150 nm"], gap, {"modulator.gap": RANGE})


RANGE = ["100 nm", "300 nm"]


@pytest.mark.parametrize(
    "path, options, si",
    [("end_a.lanes", [4, 8], [4.0, 8.0]),
     ("end_a.modulator.gap", ["150 nm", "160 nm"], [150e-9, 160e-9])],
)  # fmt: skip
def test_numbers_are_chosen_in_si_with_or_without_a_unit(tmp_path, path, options, si):
    bandwidth = {"tia.bandwidth": ["25 GHz", "90 GHz"]}
    found = with_choices(tmp_path, options, path, bandwidth)
    cluster, choices = found.cluster("cpo"), found.choices("cpo")
    full = f"{LINK_PATH}.{path}"
    tried = combinations(cluster, choices, found.free_paths("cpo"))
    assert [taken for taken, _ in tried] == [{full: str(o)} for o in options]
    values = [float(quantities(tree)[full].value) for _, tree in tried]
    assert values == pytest.approx(si, rel=1e-15)
    for (taken, tree), label in zip(tried, options, strict=True):
        chosen = found.chosen(taken).cluster("cpo")
        assert quantities(chosen)[full].value == quantities(tree)[full].value, label


def test_a_range_that_a_card_to_choose_from_does_not_span_is_refused_at_once(tmp_path):
    """The silicon modulator spans 0.5 V to 3.5 V, the one of lithium niobate less."""
    with pytest.raises(
        InputError, match=r"is mzm-tfln-tw: .*1 V to 3 V, what the card"
    ):
        free = {"modulator.drive": ["1.8 V", "3.5 V"]}
        with_modulators(tmp_path, ["mzm-silicon-oband", "mzm-tfln-tw"], free)
    free = {"modulator.drive": ["1.8 V", "3 V"]}
    found = with_modulators(tmp_path, ["mzm-silicon-oband", "mzm-tfln-tw"], free)
    assert len(found.choices("cpo")) == 1


def test_show_says_where_free_parameters_are_and_what_is_chosen(tmp_path):
    """Two groups of one name are told apart."""
    found = with_choices(tmp_path, ["equaliser-5-taps", "equaliser-15-taps"])
    shown = show_experiment(found)
    out = io.StringIO()
    console = Console(file=out, width=400)
    console.print(shown.tables[2])
    lines = out.getvalue().splitlines()
    (gap,) = (line for line in lines if "modulator.gap" in line)
    assert "scale_out.host_link.end_a, scale_out.switch_link.end_a" in gap
    (row,) = (line for line in lines if "equaliser-5-taps" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    card = Library().card("cpo-ring-1600g").parts["equaliser"]
    options = "equaliser-5-taps or equaliser-15-taps"
    assert cells == ["cpo", "equaliser", LINK_PATH, card, options]
    assert [row["options"] for row in shown.data["choices"]["cpo"]] == [
        ["equaliser-5-taps", "equaliser-15-taps"]
    ]


def with_modulators(tmp_path, cards, free):
    data = yaml.safe_load((shipped() / "cpo-vs-pluggable.yaml").read_text("utf-8"))
    parts = dict.fromkeys(
        ("scale_out.switch_link", "scale_out.host_link"), "lpo-dr8-1600g"
    )
    data["variants"]["cpo"] = {"parts": parts}
    ends = [f"{LINK_PATH}.end_a", f"{LINK_PATH}.end_b"]
    data["free"]["cpo"] = {
        "where": ends, "parameters": free | {"modulator": {"choices": cards}}
    }  # fmt: skip
    path = tmp_path / "cpo-vs-pluggable.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    return study(path)


def test_a_users_cards_come_first(tmp_path):
    folder = tmp_path / "facility"
    folder.mkdir()
    text = (card_root() / "devices" / "facility" / "liquid-cooled.yaml").read_text()
    card = yaml.safe_load(text)
    card["values"]["cooling"]["value"] = "0.05"
    card["values"]["cooling"].pop("range", None)
    card["values"]["cooling"]["source"] = "mine"
    (folder / "liquid-cooled.yaml").write_text(yaml.safe_dump(card))
    (tmp_path / "sources.yaml").write_text("mine: {cite: My meter, kind: measured}\n")
    found = study("cpo-vs-pluggable", library=Library.with_folders(tmp_path))
    assert float(found.cluster("cpo").facility.cooling) == 0.05
