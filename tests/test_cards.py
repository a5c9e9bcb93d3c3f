"""Cards: what is accepted, what is refused and how, and who said each number."""

import jax
import pytest

from card_files import (
    FILES,
    REGISTRY,
    RING,
    Ring,
    edit,
    library,
    refused,
    write,
)
from helpers import assert_close
from photonflow import cards
from photonflow.cards import Library
from photonflow.component import Component
from photonflow.quantity import InputError


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        write(tmp_path, name, text)
    return tmp_path


def test_card_becomes_a_component_in_si(folder):
    ring = library(folder).load("ring")
    assert isinstance(ring, Ring)
    assert_close(ring.radius_m, 5e-6, rtol=0)
    assert_close(ring.gap_m, 150e-9, rtol=1e-15)
    assert ring.pam == 4


def test_parts_are_built_from_their_own_cards(folder):
    link = library(folder).load("link")
    assert_close(link.end_a.driver.power_w, 20e-3, rtol=1e-15)
    assert_close(link.end_b.driver.warm_k, 343.15, rtol=1e-15)
    assert link.end_a.retimer is None


def test_override_changes_one_of_two_equal_parts(folder):
    link = library(folder).load("link")
    assert_close(link.end_a.modulator.gap_m, 150e-9, rtol=1e-15)
    assert_close(link.end_b.modulator.gap_m, 200e-9, rtol=1e-15)


def test_static_field_with_a_default_may_be_left_out(folder):
    edit(folder, RING, "static: {pam: 4}", "")
    assert library(folder).load("ring").pam == 2


def test_every_leaf_has_a_provenance_under_its_path(folder):
    origins = library(folder).provenance("link")
    leaves = jax.tree.leaves(library(folder).load("link"))
    assert len(origins) == len(leaves) == 10
    assert all(path == origin.path for path, origin in origins.items())

    gap = origins["end_a.modulator.gap_m"]
    assert (gap.card, gap.source, gap.kind) == ("ring", "estimate", "estimate")
    assert gap.estimate and gap.ranged and gap.note == "drawn"
    assert (gap.low, gap.high, gap.spread) == (80e-9, 400e-9, None)

    radius = origins["end_b.modulator.radius_m"]
    assert (radius.kind, radius.estimate, radius.spread) == ("measured", False, 20e-9)


def test_provenance_follows_an_override(folder):
    gap = library(folder).provenance("link")["end_b.modulator.gap_m"]
    assert (gap.card, gap.source) == ("link", "bogaerts2012")


def test_value_without_a_range_spans_what_the_model_allows(folder):
    power = library(folder).provenance("driver")["power_w"]
    assert (power.low, power.high, power.ranged) == (1e-4, 1.0, False)


def test_spread_of_a_temperature_is_a_difference(folder):
    assert library(folder).provenance("driver")["warm_k"].spread == 5.0


def test_citations_list_what_rests_on_each_source(folder):
    sources, estimates = library(folder).cite("engine")
    assert [row["key"] for row in sources] == ["bogaerts2012", "sheet"]
    assert sources[0]["paths"] == ["modulator.radius_m"]
    assert sources[1]["paths"] == ["lanes", "driver.power_w", "driver.warm_k"]
    assert sources[1]["url"] == "https://example.com"
    assert [(row["path"], row["note"]) for row in estimates] == [
        ("modulator.gap_m", "drawn")
    ]


def test_citations_of_several_cards_say_which(folder):
    sources, _ = library(folder).cite("ring", "driver")
    assert sources[0]["paths"] == ["ring.radius_m"]


def test_estimate_with_a_source_is_listed_as_both(folder):
    edit(folder, "devices/sources.yaml", "kind: datasheet", "kind: estimate")
    sources, estimates = library(folder).cite("driver")
    assert sources[0]["paths"] == [row["path"] for row in estimates]


def test_what_a_figure_was_read_of_comes_from_its_source_or_the_estimate(folder):
    edit(
        folder,
        "devices/sources.yaml",
        "kind: datasheet}",
        "kind: datasheet, level: part}",
    )
    edit(folder, RING, "note: drawn}", "note: drawn, level: module}")
    shelf = library(folder)
    assert shelf.provenance("driver")["power_w"].level == "part"
    assert shelf.provenance("ring")["gap_m"].level == "module"
    assert shelf.provenance("ring")["radius_m"].level is None


def test_a_sourced_value_cannot_contradict_the_level_of_its_source(folder):
    edit(folder, RING, "source: bogaerts2012", "level: part, source: bogaerts2012")
    assert "that of the source `bogaerts2012` holds" in str(refused(folder, "ring"))


def test_names_are_listed_by_folder(folder):
    shelf = library(folder)
    assert shelf.names("electronics") == ["driver", "retimer"]
    assert shelf.names() == ["driver", "engine", "link", "retimer", "ring"]
    assert shelf.kinds() == ["electronics", "links", "modulators"]
    with pytest.raises(InputError, match="did you mean `links`"):
        shelf.names("link")


def test_folder_of_a_user_comes_first(folder, tmp_path_factory):
    own = tmp_path_factory.mktemp("own")
    text = FILES[RING].replace("5 um", "7 um").replace("bogaerts2012", "mine")
    write(own, "ring.yaml", text)
    write(own, "sources.yaml", "mine: {cite: My own, kind: measured}")
    both = Library([own, folder], REGISTRY)
    assert_close(both.load("ring").radius_m, 7e-6, rtol=0)
    assert both.load("driver").power_w == 20e-3
    assert both.provenance("ring")["radius_m"].source == "mine"


def test_shipped_cards_lie_behind_those_of_a_user(folder):
    shelf = Library.with_folders(folder)
    assert shelf.roots == [folder, cards.card_root()]


def test_shipped_cards_lie_in_the_package_or_beside_it():
    root = cards.card_root()
    assert root.name == "_data" or (root / "photonflow").is_dir()


def test_loading_needs_float64(folder):
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="pf.load"):
        library(folder).load("ring")


def test_registry_holds_concrete_components_only():
    found = cards.registry()
    assert "DFBLaser" in found
    assert all(issubclass(cls, Component) for cls in found.values())
    assert not any(name.startswith(("Abstract", "_")) for name in found)
