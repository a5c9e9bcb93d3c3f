"""Cards: what is accepted, what is refused and how, and who said each number."""

import textwrap
from typing import Literal

import equinox as eqx
import jax
import pytest

from helpers import assert_close
from photonflow import cards
from photonflow.cards import Library, apply
from photonflow.component import Component, Scalar, param
from photonflow.quantity import InputError


class Ring(Component):
    radius_m: Scalar = param(unit="m", doc="bend", low=1e-6, high=1e-4)
    gap_m: Scalar = param(unit="m", doc="coupling gap", low=5e-8, high=1e-6)
    pam: int = eqx.field(static=True, default=2)
    port: Literal["through", "drop"] = eqx.field(static=True, default="through")


class Driver(Component):
    power_w: Scalar = param(unit="W", doc="class-A stage", low=1e-4, high=1.0)
    warm_k: Scalar = param(unit="K", doc="hottest case", low=273.0, high=400.0)


class EnginePort(Component):
    modulator: Ring
    driver: Driver
    retimer: Driver | None
    lanes: Scalar = param(unit="1", doc="lanes each way", low=1.0, high=64.0)


class Link(Component):
    end_a: EnginePort
    end_b: EnginePort

    def __check_init__(self):
        if self.end_a.retimer is not None and self.end_b.retimer is None:
            raise ValueError("`end_b` needs a retimer where `end_a` has one")


REGISTRY = {cls.__name__: cls for cls in (Ring, Driver, EnginePort, Link)}

FILES = {
    "devices/sources.yaml": """
        bogaerts2012: {cite: "Bogaerts et al. 2012", doi: 10.1002/x, kind: measured}
        sheet: {cite: "A data sheet", url: "https://example.com", kind: datasheet}
        fit: {cite: "Our own fit", kind: calibrated}
        """,
    "devices/modulators/ring.yaml": """
        name: ring
        class: Ring
        about: a ring
        boundary: module
        counts: [modulator]
        values:
          radius:
            {value: 5 um, range: [3 um, 15 um], source: bogaerts2012, spread: 20 nm}
          gap: {value: 150 nm, range: [80 nm, 400 nm], source: estimate, note: drawn}
        static: {pam: 4}
        """,
    "devices/electronics/driver.yaml": """
        name: driver
        class: Driver
        about: a driver
        boundary: module
        counts: [driver]
        includes: {driver: "both stages"}
        values:
          power: {value: 20 mW, source: sheet}
          warm: {value: 70 degC, source: sheet, spread: 5 degC}
        """,
    "devices/electronics/retimer.yaml": """
        name: retimer
        class: Driver
        about: a retimer
        boundary: module
        counts: [dsp]
        values:
          power: {value: 0.5 W, source: sheet}
          warm: {value: 343 K, source: sheet}
        """,
    "devices/links/engine.yaml": """
        name: engine
        class: EnginePort
        about: one end
        boundary: module
        values:
          lanes: {value: "8", source: sheet}
        parts: {modulator: ring, driver: driver, retimer: none}
        """,
    "devices/links/link.yaml": """
        name: link
        class: Link
        about: two ends
        boundary: module
        parts: {end_a: engine, end_b: engine}
        override:
          end_b.modulator.gap: {value: 200 nm, source: bogaerts2012}
        """,
}
RING = "devices/modulators/ring.yaml"
DRIVER = "devices/electronics/driver.yaml"
ENGINE = "devices/links/engine.yaml"
LINK = "devices/links/link.yaml"


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        write(tmp_path, name, text)
    return tmp_path


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), "utf-8")


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def library(folder):
    return Library([folder], REGISTRY)


def refused(folder, name="link"):
    """The error of a card that cannot be loaded."""
    with pytest.raises(InputError) as caught:
        library(folder).load(name)
    return caught.value


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
    shelf = Library.beside(folder)
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


@pytest.mark.parametrize(
    "file, old, new, key, message",
    [
        (RING, "about:", "abuot:", "abuot", "did you mean `about`"),
        (RING, "spread:", "sprad:", "values.radius.sprad", "did you mean `spread`"),
        (RING, "class: Ring", "class: Rng", "class", "did you mean `Ring`"),
        (RING, "name: ring", "name: rign", "name", "the name of the file"),
        (RING, "about: a ring", "", "about", "missing"),
        (RING, "boundary: module", "boundary: modul", "boundary", "mean `module`"),
        (RING, "[modulator]", "[modulators]", "counts", "did you mean `modulator`"),
        (RING, "gap:", "gapp:", "values", "did you mean `gap`"),
        (RING, "  gap:", "  gap_m:", "values", "did you mean `gap`"),
        (DRIVER, "power:", "'yes':", "values", "power"),
        (RING, "150 nm", "25 fH", "gap", "a length such as"),
        (RING, "150 nm", "150", "values.gap.value", "text, in quotes"),
        (RING, "150 nm", "'150'", "gap", "a unit is missing"),
        (RING, "150 nm", "50 nm", "gap", "inside its own range, 80 nm to 400 nm"),
        (RING, "[3 um, 15 um]", "[0.3 um, 15 um]", "radius.range", "1 um to 100 um"),
        (RING, "[3 um, 15 um]", "[15 um, 3 um]", "radius.range", "lower end first"),
        (RING, "[3 um, 15 um]", "[3 um]", "values.radius.range.1", "missing"),
        (RING, "[3 um, 15 um]", "[3, 15]", "values.radius.range.0", "in quotes"),
        (RING, "20 nm", "20 ns", "radius.spread", "a length"),
        (RING, "20 nm", "-20 nm", "radius.spread", "at least 0"),
        (DRIVER, "20 mW", "20 W", "power", "100 uW to 1 W"),
        (RING, "bogaerts2012", "bogaert2012", "radius.source", "mean `bogaerts2012`"),
        (RING, ", note: drawn", "", "gap.note", "needs a note"),
        (RING, "range: [80 nm, 400 nm], ", "", "gap.range", "needs a range"),
        (DRIVER, "20 mW, source: sheet", "20 mW, source: fit", "power.range", "range"),
        (RING, "{pam: 4}", "{pan: 4}", "static", "did you mean `pam`"),
        (RING, "{pam: 4}", "{pam: four}", "static.pam", "of type int"),
        (RING, "{pam: 4}", "{port: dorp}", "static.port", "one of through, drop"),
        (RING, "{pam: 4}", "{pam: true}", "static.pam", "of type int"),
        (ENGINE, "driver: driver", "driver: drivr", "parts.driver", "mean `driver`"),
        (ENGINE, "driver: driver", "driver: ring", "parts.driver", "a Ring; .*Driver"),
        (ENGINE, "driver: driver", "driver: none", "parts.driver", "class Driver"),
        (ENGINE, "driver: driver, ", "", "parts", "missing driver"),
        (ENGINE, "driver: driver", "drivers: driver", "parts", "mean `driver`"),
        (LINK, "end_a: engine", "end_a: link", "parts.end_a", "link > link"),
        (LINK, "modulator.gap", "modulator.gp", "override", "`end_b.modulator.gap`"),
        (LINK, "200 nm", "200 K", "override.end_b.modulator.gap", "a length"),
    ],
)
def test_mistake_in_a_card_is_named(folder, file, old, new, key, message):
    edit(folder, file, old, new)
    error = refused(folder)
    assert error.key == key
    assert str(error.file).endswith(file)
    with pytest.raises(InputError, match=message):
        raise error


def test_missing_values_are_listed_together(folder):
    text = FILES[RING].split("values:")[0]
    write(folder, RING, text)
    assert "missing radius, gap" in str(refused(folder))


def test_two_cards_of_one_port_may_not_count_the_same_watts(folder):
    edit(folder, ENGINE, "retimer: none", "retimer: retimer")
    library(folder).load("link")  # two ends count the same causes, and may
    edit(folder, "devices/electronics/retimer.yaml", "[dsp]", "[dsp, driver]")
    error = refused(folder)
    assert str(error.file).endswith(ENGINE)
    assert "`driver` is counted by driver (driver) and by retimer (retimer)" in str(
        error
    )


def test_port_may_not_count_again_what_its_part_counts(folder):
    edit(folder, ENGINE, "boundary: module", "boundary: module\ncounts: [driver]")
    assert "the port (engine)" in str(refused(folder))


def test_check_of_the_class_itself_is_an_input_error(folder):
    text = FILES[ENGINE].replace("retimer: none", "retimer: retimer")
    write(folder, "devices/links/retimed.yaml", text.replace("engine", "retimed"))
    edit(folder, LINK, "end_a: engine", "end_a: retimed")
    error = refused(folder)
    assert str(error.file).endswith(LINK)
    assert "`end_b` needs a retimer" in str(error)


@pytest.mark.parametrize(
    "text, message",
    [
        ("name: ring\nclass: [Ring", "line 3, column 1|line 2"),
        ("name: ring\nname: ring", "line 2, column 1: the key `name` stands twice"),
        ("values: {gap: {value: 1 m, value: 2 m}}", "the key `value` stands twice"),
        ("name: !!python/object:os.system x", "could not determine a constructor"),
        ("just text", "a mapping"),
        ("", "a mapping"),
        ("name: 2024-13-45", "YAML"),
    ],
)
def test_malformed_yaml_says_where(folder, text, message):
    (folder / RING).write_text(text)
    error = refused(folder, "ring")
    assert str(error.file).endswith(RING)
    with pytest.raises(InputError, match=message):
        raise error


def test_file_that_is_no_text_is_an_input_error(folder):
    (folder / RING).write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in str(refused(folder, "ring"))


def test_card_names_are_unique_across_folders(folder):
    write(folder, "devices/lasers/ring.yaml", FILES[RING])
    assert "same name" in str(refused(folder))


def test_unknown_card_names_the_nearest(folder):
    assert "did you mean `engine`" in str(refused(folder, "engin"))


def test_missing_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="a folder of cards"):
        Library([tmp_path / "nowhere"]).names()


@pytest.mark.parametrize(
    "text, message",
    [
        ("x: {cite: a, kind: guess}", "`x.kind`: got 'guess'"),
        ("x: {cite: a, kind: claim, yaer: 1}", "`x.yaer`: unknown key"),
        ("x: {cite: a, kind: claim, level: box}", "`x.level`: got 'box'"),
        ("x: {kind: claim}", "`x.cite`: missing"),
        ("x: text", "`x`: got 'text'; expected a mapping"),
        ("[a, b]", "keys with their sources"),
        ("estimate: {cite: a, kind: claim}", "reserved"),
    ],
)
def test_mistake_in_the_sources_is_named(folder, text, message):
    write(folder, "devices/sources.yaml", text)
    assert message in str(refused(folder, "ring"))


@pytest.mark.parametrize("value", ["120 nm", "1.2e-7", 1.2e-7], ids=repr)
def test_settings_change_a_leaf_by_its_yaml_path(folder, value):
    link = library(folder).load("link")
    new = apply(link, {"end_a.modulator.gap": value})
    assert_close(new.end_a.modulator.gap_m, 120e-9, rtol=1e-15)
    assert_close(new.end_b.modulator.gap_m, 200e-9, rtol=1e-15)


def test_no_settings_change_nothing(folder):
    ring = library(folder).load("ring")
    assert apply(ring, {}) is ring


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("end_a.modulator.gpa", "1 um", "did you mean `end_a.modulator.gap`"),
        ("end_a.modulator.gap", "1 K", "a length"),
        ("end_a.modulator.gap", "2 um", "50 nm to 1 um"),
        ("end_a.modulator.gap", True, "a length"),
        ("end_a", "1", "path of a quantity"),
    ],
)
def test_mistake_in_a_setting_is_named(folder, path, value, message):
    link = library(folder).load("link")
    with pytest.raises(InputError, match=message) as caught:
        apply(link, {path: value}, "--set")
    assert (caught.value.file, caught.value.key) == ("--set", path)
