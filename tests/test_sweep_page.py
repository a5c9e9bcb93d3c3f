"""Sweeps on the page and in the terminal: rows of one point are compared, no others."""

import io
import re

import pytest
from rich.console import Console

from fake_result import changed, result, variant
from photonflow.report.console import show_result
from photonflow.report.labels import labels, reference
from photonflow.report.page import draw, html
from photonflow.report.sweep import first_and_last, positions
from photonflow.result.summary import summary


OVER = "scale_out.oversubscription"
SHARED = "scale_out.accelerators_per_port"


@pytest.fixture(scope="module")
def swept_result():
    """Two variants at 3 x 2 points; cpo saves 1 % to 6 %, the less the thinner."""
    rows = []
    base = variant("pluggable")
    for name in ("pluggable", "cpo"):
        grid = [(over, shared) for over in ("1", "2", "4") for shared in ("1", "2")]
        for i, (over, shared) in enumerate(grid):
            factor = (1 - 0.1 * i / 6) * (1 - (0.06 - 0.01 * i) * (name == "cpo"))
            parts = {k: v * factor for k, v in base.energy_j_per_token.items()}
            row = variant(
                name,
                point={OVER: over, SHARED: shared},
                j_per_token=(base.j_per_token or 0.0) * factor,
                power_w=(base.power_w or 0.0) * factor,
                energy_j_per_token=parts,
            )
            rows.append(row)
    return result(*rows, experiment="fabric", title=None, published=[])


def test_only_rows_of_one_point_are_compared(swept_result):
    rows = swept_result.variants
    for row in rows:
        assert reference(rows, row).point == row.point
        assert reference(rows, row).name == "pluggable"
    assert labels(rows)[7] == "cpo, oversubscription 1, accelerators per port 2"


def test_a_sweep_is_a_table_of_rows_with_the_change_at_each_point(swept_result):
    page = html(swept_result, {})
    table = page[page.index('id="comparison"') : page.index('id="figures"')]
    lines = re.findall(r"<tr.*?</tr>", table, re.S)[1:]
    assert len(lines) == 12
    first = [re.findall(r"<td>([^<]*)</td>", line)[:3] for line in lines[:3]]
    assert first == [
        ["1", "1", "pluggable"],
        ["1", "1", "cpo"],
        ["1", "2", "pluggable"],
    ]
    changes = [re.findall(r'data-value="([^"]*)"', line)[1] for line in lines]
    # 6 % less at the first point, then 1 % less of a saving at each.
    assert changes[::2] == ["null"] * 6
    wanted = [-0.06, -0.05, -0.04, -0.03, -0.02, -0.01]
    assert [float(c) for c in changes[1::2]] == pytest.approx(wanted, rel=1e-12)


def test_the_sweep_is_drawn_and_bars_show_its_ends(swept_result):
    drawn = draw(swept_result, None)
    svg = drawn["sweep"]
    assert svg is not None
    words = re.sub(r"<[^>]+>", " ", svg)
    assert "cpo saves 1.0\N{NO-BREAK SPACE}% to 6.0\N{NO-BREAK SPACE}%" in words
    assert "accelerators per port 2" in words and "oversubscription" in words
    shown = first_and_last(swept_result.variants)
    ways = [(v.name, *(v.point or {}).values()) for v in shown]
    assert ways == [
        ("pluggable", "1", "1"),
        ("cpo", "1", "1"),
        ("pluggable", "4", "2"),
        ("cpo", "4", "2"),
    ]
    assert "sweep" not in draw(result(variant("cpo")), None)


def test_values_of_one_unit_are_on_a_scale_and_others_side_by_side():
    assert positions(["1", "2", "4"]) == ({"1": 1.0, "2": 2.0, "4": 4.0}, "")
    assert positions(["150 nm", "0.2e3 nm"])[0] == {"150 nm": 150.0, "0.2e3 nm": 200.0}
    assert positions(["150 nm", "1 um"])[0] == {"150 nm": 0.0, "1 um": 1.0}
    assert positions(["dsp-dr8", "2"])[0] == {"dsp-dr8": 0.0, "2": 1.0}


def test_the_summary_gives_the_least_and_the_most_that_is_saved(swept_result):
    rows = swept_result.variants
    text = summary(rows).replace("\N{NO-BREAK SPACE}", " ")
    assert "Over 6 points cpo saves 1.0 % (" in text
    assert "at oversubscription 4, accelerators per port 2) to 6.0 %" in text
    assert "of the energy per token against pluggable" in text
    assert "against cpo" not in text
    missed = [changed(rows[0], feasible=False, message="x"), *rows[1:]]
    text = summary(missed).replace("\N{NO-BREAK SPACE}", " ")
    assert "to 5.0 % (" in text and "1 of 12 rows miss their limits" in text


def test_the_console_has_a_row_per_task(swept_result):
    console = Console(width=160, record=True, file=io.StringIO())
    show_result(console, swept_result)
    text = console.export_text()
    assert (
        len([line for line in text.splitlines() if re.search("│ (cpo|plug)", line)])
        == 12
    )
    assert text.count("Modules: ") <= 1
