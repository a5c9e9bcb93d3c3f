"""The page of a run: what it shows is what `result.json` says."""

import html
import io
import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pydantic
import pytest
from rich.console import Console

from fake_result import SOURCES, TRACE, changed, failed, result, variant
from photonflow import causes
from photonflow.report.console import show_result
from photonflow.report.labels import CAUSES, GROUPS, number, quantity
from photonflow.report.page import draw, write_page
from photonflow.report.page import html as text_of
from photonflow.report.table import Cell, Column, Row, Table, terminal
from photonflow.result.schema import Result


@pytest.fixture(scope="module")
def searched() -> Result:
    """Three variants, the last one searched, as `photonflow run` writes them."""
    return result()


@pytest.fixture(scope="module")
def folder(searched, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_page(folder, searched, TRACE)
    return folder


@pytest.fixture(scope="module")
def page(folder) -> str:
    return (folder / "report.html").read_text("utf-8")


def words_of(page: str) -> str:
    """The words of a page, one blank between two."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return re.sub(r"[ \n]+", " ", text)


def test_the_page_is_one_file_that_fetches_nothing(page):
    assert not re.search(r"<(script|link|img|iframe|object|embed|image)\b", page)
    assert not re.search(r"""\b(src|srcset|data)\s*=\s*["']""", page)
    assert "@import" not in page
    # Of the addresses only those of citations lead out, where a reader follows them.
    elsewhere = re.sub(r'<a href="https?://[^"]*">', "<a>", page)
    links = re.findall(r"""href\s*=\s*["']([^"']*)""", elsewhere)
    assert all(link.startswith("#") for link in links)
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", page))


def test_no_id_occurs_twice_and_every_reference_has_its_target(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)
    assert set(used) <= set(ids)
    contents = re.findall(r'<a href="#([^"]+)"', page[: page.index("<h2")])
    assert contents == [
        i for i in re.findall(r'<h2 id="([^"]+)"', page) if i in contents
    ]


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
    words = words_of(page)
    for row in searched.variants:
        assert row.name in words
        for limit in row.constraints:
            assert limit.name in words
        for estimate in row.estimates:
            assert estimate.path in words and (estimate.note or "") in words
    for cause in (*causes.ENERGY, *causes.TIME):
        assert re.search(rf"(?<![\w.]){re.escape(cause)}(?![\w.])", words), cause
    for source in searched.sources:
        assert source.key in words and (source.doi or "") in words


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
    for (value, text), row in zip(found, searched.variants, strict=True):
        expected = getattr(row, key)
        assert float(value) == expected
        shown = float(re.sub(r"[,\s%]", "", text))
        assert shown == pytest.approx(expected * scale, rel=2e-3)


@pytest.mark.parametrize(
    "name, key",
    [
        ("scale-out margin, dB", "margin_db"),
        ("scale-out utilisation", "utilisation"),
        ("scale-out, log10 of the error rate before FEC", "log10_ber"),
        ("scale-out, pJ/bit at full load", "energy_j_per_bit"),
    ],
)
def test_numbers_of_the_scale_out_tier_equal_the_result(page, searched, name, key):
    for (value, _), row in zip(cells(page, name), searched.variants, strict=True):
        assert float(value) == getattr(row.links["scale_out"], key)


@pytest.mark.parametrize("which", ["", " between switches"])
def test_watts_of_an_end_are_those_of_its_module(page, searched, which):
    found = cells(page, f"scale-out, W per 1.6T link end{which}")
    for (value, _), row in zip(found, searched.variants, strict=True):
        # All ends of a variant are alike here, so their mean is any one of them.
        one = row.links["scale_out"].hops[0].ends["a"].vendor_w["worst"]
        assert float(value) == pytest.approx(one, rel=1e-12)


def test_watts_are_counted_per_1600_gbps_whatever_the_rate_of_the_link():
    """Half the watts at half the rate are as much for the same payload."""
    row = variant("lpo")
    tier = row.links["scale_out"]
    hops = [hop.model_copy(update={"rate_bps": 8e11}) for hop in tier.hops]
    slow = tier.model_copy(update={"hops": hops})
    page = text_of(result(row, changed(row, links={"scale_out": slow})), {})
    for name in ("", " between switches", ", with host PHY"):
        full, half = cells(page, f"scale-out, W per 1.6T link end{name}")
        assert float(half[0]) == pytest.approx(2 * float(full[0]), rel=1e-12)


def test_change_is_counted_from_the_first_variant(page, searched):
    first, *others = searched.variants
    found = cells(page, "change against the first variant")
    assert found[0] == ("null", "–")
    for (value, _), row in zip(found[1:], others, strict=True):
        assert float(value) == row.j_per_token / first.j_per_token - 1


def test_the_summary_heads_the_page(searched):
    text = text_of(result(summary="All & more."), {})
    assert '<p class="lead">All &amp; more.</p>' in text
    assert 'class="lead"' not in text_of(result(summary=None), {})


def test_a_multiplier_is_said_in_words(page):
    # 2.1e-3 J/token per decade of the limit on the error rate
    assert "raising the limit by one decade saves 2.1 mJ per token" in words_of(page)


def test_a_variable_at_its_bound_says_so_and_what_it_is_worth(page):
    words = words_of(page)
    # 0.004 J/V x 1 % of 2.5 V
    assert "upper bound; 1 % further would save 100 µJ per token" in words
    assert "solved for at the worst corner; set by launch" in words


def test_the_design_before_the_search_is_shown_beside_the_optimum(page, searched):
    assert "modulator.gap_m scale_out.switch_link.end_a 200 nm 150 nm 100 nm to 300 nm"\
        in words_of(page)  # fmt: skip
    unsearched = changed(searched.variants[2], search=None, baseline_design={})
    assert "before the search" not in words_of(text_of(result(unsearched), {}))


def test_only_what_a_run_writes_can_be_shown(searched):
    with pytest.raises(pydantic.ValidationError, match="baseline_designs"):
        changed(searched.variants[2], baseline_designs={})


def test_ticks_of_a_figure_are_numbers_and_no_markup(page):
    """`$` starts no formula in a figure, also not those of its own ticks."""
    assert "KKT residual" in page and "mathdefault" not in page


def test_the_terminal_names_the_places_of_parameters_and_what_was_chosen(searched):
    row = searched.variants[2]
    end_a, end_b = (f"scale_out.switch_link.end_{side}" for side in "ab")
    gaps = {f"{end_a}.modulator.gap_m": 1.5e-7, f"{end_b}.modulator.gap_m": 1.6e-7}
    gaps |= {f"{end_b}.modulator.drive_v": 1.2}
    taken = {f"{end_a}.tia": "tia-fast", f"{end_b}.modulator.gap": "160 nm"}
    slow = taken | {f"{end_a}.tia": "tia-slow"}
    won, *others = row.search.branches
    search = row.search.model_copy(
        update={
            "branches": [
                won.model_copy(update={"choices": taken}),
                *(o.model_copy(update={"choices": slow}) for o in others),
            ]
        }
    )
    changes = dict(design=gaps, baseline_design={}, search=search, drives=[])
    out = io.StringIO()
    console = Console(file=out, width=200)
    show_result(console, result(changed(row, **changes)))
    text = out.getvalue()
    table = text[text.index("Design") : text.index("Every branch")].splitlines()
    rows = [[c.strip() for c in line.strip("│").split("│")] for line in table]
    rows = [cells for cells in rows if len(cells) == 5]
    first = [cells[0] for cells in rows]
    gap, drive = "modulator.gap_m", "modulator.drive_v"
    assert first == [gap, end_a, gap, end_b, drive, "tia", end_a]
    assert [rows[i][-1] for i in (2, 5)] == ["choice", "choice"]
    assert rows[5][1:3] == ["tia-fast", "tia-fast or tia-slow"]
    assert rows[2][2] == "160 nm"


def test_sensitivities_are_listed_and_the_workload_is_not_one(page):
    words = words_of(page)
    assert "host.host_w +0.2100 10 % more of it: +2.1 % J/token estimate" in words
    # 3e-4 per dB
    assert "connectors_db – 1 dB more of it: +0.03 % J/token" in words
    assert "workload.microbatch" not in words


def test_null_fields_are_dashes_and_nothing_is_drawn(searched, tmp_path):
    empty = result(*(failed(row) for row in searched.variants))
    write_page(tmp_path, empty, None)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert cells(text, "energy per token, J") == [("null", "–")] * 3
    assert cells(text, "scale-out margin, dB") == [("null", "–")] * 3
    assert "None" not in words_of(text) and "nan" not in words_of(text).split()
    assert list((tmp_path / "figures").iterdir()) == []
    assert "no &lt;light&gt;" in text


def test_without_a_search_the_trace_is_a_sentence_and_multipliers_are_dashes(searched):
    text = text_of(result(*searched.variants[:2]), {"search_trace": None})
    assert "No search was run" in text
    assert "the limit by" not in words_of(text)


def test_an_electrical_link_has_watts_but_no_light(searched):
    copper = [
        changed(row, links={"scale_out": row.links["scale_up"]})
        for row in searched.variants
    ]
    drawn = draw(result(*copper), None)
    assert drawn["budget"] is None
    assert drawn["port_watts"] is not None and drawn["utilisation"] is not None


def test_the_waterfall_follows_the_light_whatever_the_order_of_the_file(searched):
    svg = draw(searched, None)["budget"]
    assert svg is not None
    # 13.7 - 3.0 - 0.3 - 1.5 - 7.4 - 1.2 - 2.8 - 1.0 - 1.2 = -4.7 dBm; 3.7 dB of margin
    assert "−4.7 dBm" in svg and "needs −8.4 dBm" in svg
    after = [svg.index(word) for word in ("laser diode", "modulator (", "ageing")]
    assert after == sorted(after)


def test_published_watts_are_shown_at_the_rate_of_the_link(page, searched):
    """4.5 to 5 W at 800 Gbit/s are 9 to 10 W at 1.6T, against 4.9 W of this engine."""
    ours = searched.variants[2].links["scale_out"].hops[1].ends["a"].vendor_w["worst"]
    gap = number(ours - 9, "+.1f")
    text = f"{ours:.1f} 9–10 (from 800G) {gap} laser modules & their control"
    assert text in words_of(page)
    assert words_of(page).count(f"{ours:.1f} 9–10") == 1  # nobody claims the others
    svg = draw(searched, None)["port_watts"]
    assert svg is not None and "published, W: 9–10 (from 800G)" in svg
    assert "Published watts" not in text_of(result(published=[]), {})


def test_only_addresses_of_the_web_can_be_followed():
    source = SOURCES[0].model_copy(update={"doi": None, "url": "javascript:alert(1)"})
    text = text_of(result(sources=[source]), {})
    assert 'href="javascript' not in text and "javascript:alert(1)" in text
    assert 'href="https://doi.org/10.1364/OE.27.024274"' in text_of(result(), {})


def test_names_are_escaped(searched, tmp_path):
    nasty = "<script>alert('x')</script> & $a_b^{c$"
    row = searched.variants[2]
    estimates = [
        estimate.model_copy(update={"note": nasty}) for estimate in row.estimates
    ]
    changes = {"name": nasty, "estimates": estimates}
    sources = [SOURCES[0].model_copy(update={"cite": nasty})]
    write_page(
        tmp_path, result(changed(row, **changes), title=nasty, sources=sources), TRACE
    )
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    for path in (tmp_path / "figures").iterdir():
        ElementTree.parse(path)


def test_square_brackets_are_no_markup_in_a_terminal():
    from rich.console import Console

    table = Table("[/x] gap", [Column("[a]", "left")], [Row([Cell("ring [1]")])])
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(terminal(table), highlight=False)
    text = console.export_text()
    assert "[/x] gap" in text and "[a]" in text and "ring [1]" in text


def test_several_workloads_are_told_apart(searched):
    chat = [
        changed(
            row,
            workload="chat",
            j_per_token=row.j_per_token * 2,
            energy_j_per_token={k: 2 * j for k, j in row.energy_j_per_token.items()},
        )
        for row in searched.variants
    ]
    text = text_of(result(*searched.variants, *chat), {})
    assert "cpo, chat" in text and "cpo, decode" in text
    found = cells(text, "change against the first variant")
    assert found[3] == ("null", "–")  # the first of its workload
    assert found[5][0] == found[2][0]


def test_the_same_page_again_within_four_seconds(searched, tmp_path, page):
    began = time.process_time()  # `page` has done the imports
    write_page(tmp_path, searched, TRACE)
    assert time.process_time() - began <= 4.0
    assert (tmp_path / "report.html").read_text("utf-8") == page


def test_numbers_are_written_for_people():
    assert number(None) == "–"
    assert number(-0.0409, "+.2%") == "−4.09\N{NO-BREAK SPACE}%"
    assert quantity(1.5e-7, "m") == "150 nm"
    assert quantity(None, "m") == "–"
