"""The page of a run: what it shows is what `result.json` says."""

import copy
import html
import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from fake_result import ESTIMATES, SOURCES, TRACE, variant, without
from photonflow import causes
from photonflow.report.labels import CAUSES, GROUPS, number, quantity
from photonflow.report.page import draw, write_page
from photonflow.report.page import html as text_of
from photonflow.result.schema import Result


@pytest.fixture(scope="module")
def searched() -> dict[str, Any]:
    """Three variants, the last one searched, as `photonflow run` writes them."""
    variants = [variant("pluggable"), variant("lpo"), variant("cpo", searched=True)]
    return Result(
        experiment="cpo-vs-pluggable",
        title="Co-packaged against pluggable",
        objective="j_per_token",
        variants=variants,  # type: ignore[arg-type]
    ).plain()


@pytest.fixture(scope="module")
def folder(searched, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_page(folder, searched, TRACE, SOURCES, ESTIMATES)
    return folder


@pytest.fixture(scope="module")
def page(folder) -> str:
    return (folder / "report.html").read_text("utf-8")


def told(page: str) -> str:
    """The words of a page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_page_is_one_file_that_fetches_nothing(page):
    assert not re.search(r"<(script|link|img|iframe|object|embed|image)\b", page)
    assert not re.search(r"""\b(src|srcset|data)\s*=\s*["']""", page)
    assert "@import" not in page
    links = re.findall(r"""href\s*=\s*["']([^"']*)""", page)
    assert all(link.startswith("#") for link in links)
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", page))


def test_no_id_occurs_twice_and_every_reference_has_its_target(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)
    assert set(used) <= set(ids)


def test_figures_are_files_too_and_well_formed(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["figures", "report.html"]
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {
        f"{name}.svg"
        for name in (
            "energy", "standing", "step_time", "utilisation", "budget", "port_watts",
            "search_trace",
        )
    }  # fmt: skip
    for path in (folder / "figures").iterdir():
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_every_variant_cause_and_constraint_appears(page, searched):
    words = told(page)
    for row in searched["variants"]:
        assert row["name"] in words
        for limit in row["constraints"]:
            assert limit["name"] in words
    for cause in (*causes.ENERGY, *causes.TIME):
        assert re.search(rf"(?<![\w.]){re.escape(cause)}(?![\w.])", words), cause
    for row in SOURCES:
        assert row["key"] in words and row["doi"] in words
    for row in ESTIMATES:
        assert row["path"] in words and row["note"] in words


def test_every_cause_has_a_name_and_one_group():
    grouped = [cause for inside, _ in GROUPS.values() for cause in inside]
    assert sorted(grouped) == sorted(causes.ENERGY)
    last = {cause.rsplit(".", 1)[-1] for cause in (*causes.ENERGY, *causes.TIME)}
    assert last <= set(CAUSES)


def cells(page: str, name: str) -> list[tuple[str, str]]:
    """(number, text) of the cells of the line `name` of a table."""
    line = re.search(rf"<tr><td>{re.escape(name)}<.*?</tr>", page, flags=re.DOTALL)
    assert line, name
    return re.findall(r'data-value="([^"]*)">([^<]*)<', line[0])


@pytest.mark.parametrize(
    "name, key, scale",
    [
        ("energy per token, J", "j_per_token", 1.0),
        ("tokens per second", "tokens_per_s", 1.0),
        ("time of a step, ms", "step_time_s", 1e3),
        ("power, MW", "power_w", 1e-6),
        ("standing power", "static_share", 100.0),
    ],
)
def test_numbers_of_the_table_equal_the_result(page, searched, name, key, scale):
    found = cells(page, name)
    assert len(found) == len(searched["variants"])
    for (value, text), row in zip(found, searched["variants"], strict=True):
        assert float(value) == row[key]
        shown = float(re.sub(r"[,\s%]", "", text))
        assert shown == pytest.approx(row[key] * scale, rel=2e-3)


def test_numbers_of_the_scale_out_tier_equal_the_result(page, searched):
    for name, key in (
        ("scale-out margin, dB", "margin_db"),
        ("scale-out utilisation", "utilisation"),
        ("scale-out, log10 of the error rate before FEC", "log10_ber"),
    ):
        for (value, _), row in zip(
            cells(page, name), searched["variants"], strict=True
        ):
            assert float(value) == row["links"]["scale_out"][key]
    for (value, _), row in zip(
        cells(page, "scale-out, W per 1.6T link end"), searched["variants"], strict=True
    ):
        # All ends of a variant are alike here, so their mean is any one of them.
        one = row["links"]["scale_out"]["hops"][0]["ends"]["a"]["vendor_w"]["worst"]
        assert float(value) == pytest.approx(one, rel=1e-12)


def test_change_is_counted_from_the_first_variant(page, searched):
    first, *others = searched["variants"]
    found = cells(page, "change against the first variant")
    assert found[0] == ("null", "–")
    for (value, _), row in zip(found[1:], others, strict=True):
        assert float(value) == row["j_per_token"] / first["j_per_token"] - 1


def test_the_sentence_says_standing_power_and_what_is_saved(page, searched):
    first, _, last = searched["variants"]
    saved = 1 - last["j_per_token"] / first["j_per_token"]
    words = told(page)
    assert f"cpo saves {number(saved, '.1%')} of the energy per token" in words
    assert "standing power" in words and "not energy per moved bit" in words


def test_a_given_sentence_is_printed_as_it_is(searched):
    assert "All &amp; more." in text_of(
        searched | {"summary": "All & more."}, {}, [], []
    )


def test_a_multiplier_is_said_in_words(page):
    # 2.1e-3 J/token per decade of the limit on the error rate
    assert "raising the limit by one decade saves 2.1 mJ per token" in told(page)


def test_a_variable_at_its_bound_says_so_and_what_it_is_worth(page):
    words = re.sub(r"\s+", " ", told(page))
    # 0.004 J/V x 1 % of 2.5 V
    assert (
        "upper bound; 1 % further would save 100 uJ per token".replace("uJ", "µJ")
        in words
    )
    assert "100 nm to 300 nm no search" in words
    assert "solved for at the worst corner; set by launch" in words


def test_the_design_before_the_search_is_shown_where_it_is_known(searched):
    result = copy.deepcopy(searched)
    path = "scale_out.switch_link.end_a.modulator.gap_m"
    result["variants"][2]["baseline_design"] = {path: 2e-7}
    words = re.sub(r"\s+", " ", told(text_of(result, {}, [], [])))
    assert "200 nm 150 nm 100 nm to 300 nm no search" in words


def test_assumptions_are_listed_and_the_workload_is_not_one(page):
    words = re.sub(r"\s+", " ", told(page))
    assert "host.host_w estimate +0.2100 10 % more of it: +2.1 % J/token" in words
    # 3e-4 per dB
    assert "connectors_db – 1 dB more of it: +0.03 % J/token" in words
    assert "workload.microbatch" not in words


def test_null_fields_are_dashes_and_nothing_is_drawn(searched, tmp_path):
    empty = without(searched)
    write_page(tmp_path, empty, None, [], [])
    text = (tmp_path / "report.html").read_text("utf-8")
    assert cells(text, "energy per token, J") == [("null", "–")] * 3
    assert cells(text, "scale-out margin, dB") == [("null", "–")] * 3
    assert "None" not in told(text) and "nan" not in told(text).split()
    assert list((tmp_path / "figures").iterdir()) == []
    assert "no &lt;light&gt;" in text


def test_without_a_search_the_trace_is_a_sentence_and_multipliers_are_dashes(searched):
    result = searched | {"variants": searched["variants"][:2]}
    text = text_of(result, {"search_trace": None}, SOURCES, [])
    assert "No search was run" in text
    assert "the limit by" not in told(text)


def test_an_electrical_link_has_watts_but_no_light(searched):
    result = copy.deepcopy(searched)
    for row in result["variants"]:
        row["links"]["scale_out"] = row["links"]["scale_up"]
    drawn = draw(result, None)
    assert drawn["budget"] is None
    assert drawn["port_watts"] is not None and drawn["utilisation"] is not None


def test_the_waterfall_follows_the_light_whatever_the_order_of_the_file(searched):
    svg = draw(searched, None)["budget"]
    assert svg is not None
    # 13.7 - 3.0 - 0.3 - 1.5 - 7.4 - 1.2 - 2.8 - 1.0 - 1.2 = -4.7 dBm; 3.7 dB of margin
    assert "−4.7 dBm" in svg and "needs −8.4 dBm" in svg
    after = [svg.index(word) for word in ("laser diode", "modulator (", "ageing")]
    assert after == sorted(after)


def test_names_are_escaped(searched, tmp_path):
    result = copy.deepcopy(searched)
    nasty = "<script>alert('x')</script> & $a_b^{c$"
    result["title"] = nasty
    result["variants"][0]["name"] = nasty
    sources = [SOURCES[0] | {"cite": nasty}]
    estimates = [ESTIMATES[0] | {"note": nasty}]
    write_page(tmp_path, result, TRACE, sources, estimates)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    for path in (tmp_path / "figures").iterdir():
        ElementTree.parse(path)


def test_several_workloads_are_told_apart(searched):
    result = copy.deepcopy(searched)
    more = copy.deepcopy(result["variants"])
    for row in more:
        row["workload"] = "chat"
        row["j_per_token"] *= 2
    result["variants"] += more
    text = text_of(result, {}, [], [])
    assert "cpo, chat" in text and "cpo, decode" in text
    found = cells(text, "change against the first variant")
    assert found[3] == ("null", "–")  # the first of its workload
    assert found[5][0] == found[2][0]


def test_the_same_page_again_within_four_seconds(searched, tmp_path, page):
    began = time.process_time()  # `page` has done the imports
    write_page(tmp_path, searched, TRACE, SOURCES, ESTIMATES)
    assert time.process_time() - began <= 4.0
    assert (tmp_path / "report.html").read_text("utf-8") == page


def test_numbers_are_written_for_people():
    assert number(None) == "–"
    assert number(-0.0409, "+.2%") == "−4.09\N{NO-BREAK SPACE}%"
    assert quantity(1.5e-7, "m") == "150 nm"
    assert quantity(None, "m") == "–"
