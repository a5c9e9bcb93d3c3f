"""`photonflow link`: one link's light, watts and limits, and what would mend it."""

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import photonflow
from helpers import assert_close
from photonflow import causes
from photonflow.cards import card_root
from photonflow.cli import app
from photonflow.report.link_curves import curve_figure
from photonflow.report.link_tables import link_tables
from photonflow.result.link_schema import LinkResult


CARD = "cpo-ring-1600g-host"


def link(*words):
    return CliRunner().invoke(app, ["link", *(str(word) for word in words)])


def document(*words, exit_code=0):
    result = link(*words, "--json", "--quiet")
    assert result.exit_code == exit_code, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def solved():
    """The document of a ring engine that faces a pluggable."""
    return document(CARD)


@pytest.fixture(scope="module")
def copper():
    return document("passive-dac")


def test_the_document_keeps_its_published_schema(solved, copper):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(CliRunner().invoke(app, ["schema", "link"]).stdout)
    for data in (solved, copper):
        jsonschema.validate(data, schema)
        LinkResult.model_validate(data)
    for name in ("utilisation", "energy_per_delivered_bit_j"):
        assert solved[name] is None  # only a cluster could tell


@pytest.mark.slow
def test_pictures_of_light_are_simulated(solved, tmp_path):
    """As a user runs it: a process of its own, in which nothing checks shapes."""
    command = [sys.executable, "-m", "photonflow.cli", "link", CARD, "--json"]
    place = os.environ | {"PYTHONPATH": str(Path(photonflow.__file__).parents[1])}
    done = subprocess.run(
        [*command, "--quiet", "--out", str(tmp_path)],
        capture_output=True, text=True, check=True, env=place,
    )  # fmt: skip
    data = json.loads((tmp_path / "link.json").read_text())
    assert data == json.loads(done.stdout)
    for name in ("ber.png", "eye.png"):
        png = (tmp_path / name).read_bytes()
        assert png.startswith(b"\x89PNG") and len(png) > 10_000

    # In the worse direction, as it works and behind more loss, ever more of them.
    counted = data["counted"]
    margins = {way: row["margin_db"] for way, row in solved["directions"].items()}
    assert counted["direction"] == min(margins, key=margins.__getitem__)
    rows = counted["counts"]
    assert rows[0]["loss_db"] == 0.0
    found = [row["errors"] / row["bits"] for row in rows]
    assert found == sorted(found)
    for row in rows[1:]:
        curve = data["ber_curve"][counted["direction"]]
        at = np.interp(row["loss_db"], curve["loss_db"], curve["log10_ber"])
        assert row["errors"] >= 200
        assert abs(math.log10(row["errors"] / row["bits"]) - at) < 0.15
        assert row["low"] < row["errors"] / row["bits"] < row["high"]


def test_copper_gets_its_curve_and_no_eye(tmp_path):
    data = document("passive-dac", "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ber.png", "link.json"]
    assert json.loads((tmp_path / "link.json").read_text()) == data
    assert (tmp_path / "ber.png").read_bytes().startswith(b"\x89PNG")
    assert data["counted"] is None


def test_watts_of_both_ends_are_the_joules_of_a_bit(solved):
    ends, rate = solved["ends"], solved["rate_bps"]
    watts = [math.fsum(end["power_w"].values()) for end in ends.values()]
    assert_close(solved["energy_j_per_bit"], sum(watts) / (2 * rate), rtol=1e-12)
    parts = solved["energy_by_cause_j_per_bit"]
    assert list(parts) == list(causes.LINK)
    assert_close(math.fsum(parts.values()), solved["energy_j_per_bit"], rtol=1e-12)
    assert_close(solved["power_w_per_port"], sum(watts) / 2, rtol=1e-12)


def test_the_vendor_counts_all_but_the_host(solved):
    for end in solved["ends"].values():
        host = [w for c, w in end["power_w"].items() if end["boundary"][c] == "host"]
        difference = end["with_host_w"]["nominal"] - end["vendor_w"]["nominal"]
        assert_close(difference, math.fsum(host), rtol=1e-9)
    boxes = {box for end in solved["ends"].values() for box in end["boundary"].values()}
    assert boxes == set(causes.BOUNDARIES)


def test_the_worst_corner_sets_the_least_current_that_does(solved):
    """Each way one of error rate and launch is met exactly, the other no worse."""
    for way in ("a_to_b", "b_to_a"):
        slacks = solved["slacks"]["worst"][way]
        assert abs(min(slacks["ber"], slacks["launch"])) < 1e-6
    assert [drive["path"] for drive in solved["drives"]] == [
        "end_a.source.laser.current_a",
        "end_b.source.laser.current_a",
    ]
    assert (
        solved["conditions"]["worst"]["case_k"]
        > (solved["conditions"]["nominal"]["case_k"])
    )


def test_the_error_rate_reaches_the_threshold_at_the_margin(solved):
    for way, curve in solved["ber_curve"].items():
        margin_db = solved["directions"][way]["margin_db"]
        at = np.interp(margin_db, curve["loss_db"], curve["log10_ber"])
        # Linear over 0.25 dB, and the retimer's own 1e-6 to 1e-5 is in the total.
        assert abs(at - solved["log10_ber_limit"]) < 0.02
        assert np.all(np.diff(curve["log10_ber"]) >= 0)
    worse = min(row["margin_db"] for row in solved["directions"].values())
    assert solved["margin_db"] == worse


def test_the_light_that_arrives_is_the_sum_of_its_losses(solved):
    """3.0 dB of channel: 2.75 dB of connectors and 0.5 dB/km over the 500 m reach."""
    for losses in solved["budget_db"].values():
        assert_close(losses["path"], -3.0, rtol=1e-9)
        assert losses["ageing"] == -1.0
        assert list(losses)[0] == "laser"
    for shares in solved["noise_share"].values():
        assert_close(math.fsum(shares.values()), 1.0, rtol=1e-9)


def printed(data):
    """What a terminal of 100 columns shows."""
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    for renderable in link_tables(LinkResult.model_validate(data)):
        console.print(renderable, highlight=False)
    return console.export_text()


def test_a_margin_farther_away_than_it_is_looked_for_is_shown_as_a_bound(solved):
    ways = {
        side: way | {"margin_db": -40.0} for side, way in solved["directions"].items()
    }
    lost = solved | {"margin_db": -40.0, "directions": ways}
    assert "below −40" in printed(lost)
    (title,) = curve_figure(LinkResult.model_validate(lost)).texts
    assert "the FEC fails with any light" in title.get_text()


@pytest.mark.parametrize("times, differs", [(1.0, False), (3.0, True)])
def test_a_count_that_does_not_hold_the_computed_rate_says_so(solved, times, differs):
    side = "a_to_b"
    counted_ber = times * 10.0 ** solved["directions"][side]["log10_ber"]
    row = {"loss_db": 0.0, "errors": 100, "bits": round(100 / counted_ber)}
    row |= {"low": 0.8 * counted_ber, "high": 1.2 * counted_ber}
    text = printed(solved | {"counted": {"direction": side, "counts": [row]}})
    assert ("outside of what is counted" in " ".join(text.split())) == differs


def test_the_tables_fit_a_terminal_of_100_columns(solved, copper):
    for data in (solved, copper):
        text = printed(data)
        assert max(map(len, text.splitlines())) <= 100
        assert "…" not in text
        for word in ("a to b", "host SerDes", "vendor's boundary", "margin", "Payload"):
            assert word in text


def test_a_current_that_is_given_is_not_solved():
    data = document(CARD, "--set", "end_a.source.laser.current=0.3")
    assert [drive["path"][:5] for drive in data["drives"]] == ["end_b"]
    # More than the 158 mA that would do, so there is light to spare.
    assert data["slacks"]["worst"]["a_to_b"]["ber"] > 0.01


def test_conditions_are_set_like_quantities(solved):
    words = ("--set", "worst.case=85 degC", "--set", "worst.ageing=0 dB")
    data = document(CARD, *words)
    assert data["conditions"]["worst"]["case_k"] == 358.15
    # 1 dB less to lose: both lasers are content with less.
    for drive, before in zip(data["drives"], solved["drives"], strict=True):
        assert drive["amps"] < before["amps"] or drive["binding"] == "launch"


def test_a_card_may_be_a_file(tmp_path, copper):
    text = (card_root() / "devices/links/passive-dac.yaml").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace("name: passive-dac", "name: mine"))
    data = document(mine)
    assert data["technology"] == "mine"
    assert data["energy_j_per_bit"] == copper["energy_j_per_bit"]


BAD = {
    "unknown card": ([CARD[:-1]], [f"did you mean `{CARD}`"]),
    "no link": (["kp4"], ["`CARD`", "'kp4' is a Fec", "photonflow cards links"]),
    "unknown path": ([CARD, "--set", "end_a.ring.gap=1 um"], ["`end_a.ring.gap`"]),
    "a wrong unit": ([CARD, "--set", "worst.case=5 m"], ["5 m", "temperature"]),
    "unknown condition": ([CARD, "--set", "worst.cas=5"], ["did you mean `case`"]),
    "no place": (["passive-dac", "--out", "/dev/null/x"], ["`--out`"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_line_and_writes_nothing(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, expected = BAD[case]
    result = link(*words, "--quiet")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("photonflow: ")
    assert result.stderr.strip().count("\n") == 0
    for word in expected:
        assert word in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_link_known_by_its_published_figures_has_a_document():
    shown = document("microled-1t")
    assert shown["reserve_db"] == 0 and shown["margin_db"] == 0
