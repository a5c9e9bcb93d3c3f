"""Mistakes in cards, in sources and in settings are named with their place."""

import pytest

from card_files import (
    DRIVER,
    ENGINE,
    FILES,
    LINK,
    RING,
    edit,
    library,
    refused,
    write,
)
from helpers import assert_close
from photonflow.cards import Library, apply
from photonflow.quantity import InputError


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        write(tmp_path, name, text)
    return tmp_path


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
        ("end_a.modulator.gpa", "1 um", "did you mean .*`end_a.modulator.gap`"),
        ("end_a.modulator.gap", "1 K", "a length"),
        ("end_a.modulator.gap", "2 um", "50 nm to 1 um"),
        ("end_a.modulator.gap", True, "a length"),
        ("end_a", "1", "unknown card '1'"),
        ("end_a", "room-worst", "a card of class"),
        ("end_a.modulator.pam", "3.5", "of type int"),
    ],
)
def test_mistake_in_a_setting_is_named(folder, path, value, message):
    link = library(folder).load("link")
    with pytest.raises(InputError, match=message) as caught:
        apply(link, {path: value}, "--set")
    assert (caught.value.file, caught.value.key) == ("--set", path)
