"""A link that misses a limit is told which of its numbers would mend it."""

import json

import pytest
from typer.testing import CliRunner

from photonflow.cards import card_root
from photonflow.cli import app


CARD = "ring-link"
"""a shipped ring link behind an unlimited equaliser, which compiles five times faster
than one judged by patterns: a card of a user"""
SHIPPED = "cpo-ring-1600g-host"
COMB = "comb-link"
"""eight wavelengths on a bus of rings, lit by a comb: two cards of a user"""


def link(*words):
    return CliRunner().invoke(app, ["link", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """The folder of a user who puts shipped cards together in other ways."""
    folder = tmp_path_factory.mktemp("cards")
    for old, new, swap in (
        ("ports/optical-io-8-end", "comb-end", ("source-on-chip-1-lane", "comb-qd-8")),
        ("links/optical-io-8x32g", COMB, ("optical-io-8-end", "comb-end")),
        (f"links/{SHIPPED}", CARD, ("equaliser-15-taps-ring", "equaliser-unlimited")),
    ):
        text = (card_root() / f"devices/{old}.yaml").read_text("utf-8")
        assert swap[0] in text
        text = text.replace(f"name: {old.split('/')[1]}", f"name: {new}")
        (folder / f"{new}.yaml").write_text(text.replace(*swap), "utf-8")
    return folder


BROKEN = {
    "RIN of a laser": (
        SHIPPED,
        {"end_a.source.laser.rin": "-130 dB/Hz"},
        ("ber", "rin", "no amount of light", "`end_a.source.laser.rin` at most -14"),
    ),
    "a swing too small": (
        CARD,
        {"end_a.modulator.drive": "0.3 V"},
        ("ber", "rin", "no amount of light", "`end_a.modulator.drive` at least"),
    ),
    "a ring that couples too much": (
        CARD,
        {"end_a.modulator.gap": "90 nm", "path.connectors": "10 dB"},
        ("ber", "rin", "error rate 10^-", "`end_a.modulator.gap` at least"),
    ),
    "a laser that rolls over": (
        CARD,
        {"end_a.source.laser.thermal": "60 K/W", "path.connectors": "10 dB"},
        ("ber", "thermal", "the laser gives most at", "`path.connectors` at most"),
    ),
    "a heater that holds too little": (
        CARD,
        {"end_a.modulator.heater.hold": "0.02"},
        ("heater", "thermal", "outside the tuning range", "heater.hold` at least"),
    ),
    "a ring that heats itself over the fold": (
        CARD,
        {"end_a.modulator.detuning": "-0.7", "end_a.modulator.heater.thermal": "2"},
        ("fold", "thermal", "the ring is bistable", "`end_a.modulator.detuning`"),
    ),
    "a laser driven too hard": (
        CARD,
        {"end_a.source.laser.current": "1 A", "end_a.source.laser.thermal": "60 K/W"},
        ("rollover", "rin", "past its rollover", "laser.current` at most 829.6 mA"),
    ),
    "RIN of the lines of a comb": (
        COMB,
        {"end_a.source.partition": "-120 dB/Hz"},
        ("ber", "rin", "no amount of light", "laser RIN", "partition` at most -126."),
    ),
    # 8 x 400 GHz in 2.04 THz; 2.04 THz / 8 = 255 GHz, 2.04 THz / 400 GHz = 5.1.
    "more wavelengths than the FSR holds": (
        COMB,
        {"end_a.wdm.grid.spacing": "400 GHz"},
        (
            "fsr",
            "thermal",
            "they take 1.57 of it",
            "spacing` at most 254.5 GHz",
            "`end_a.wdm.grid.wavelengths` at most 5 (now 8)",
        ),
    ),
    # One channel and six sigma of the local spread, which neighbours' heat widens to
    # 1.136 of it, by 11.4 GHz/K: (255 + 6 * 40 * 1.136) / 11.4 = 46 K of the 30 K.
    "heaters too weak for the spread": (
        COMB,
        {"end_a.wdm.tuning.reach": "30 K"},
        (
            "tuning_range",
            "thermal",
            "outside the tuning range",
            "needs 1.53 times",
            "`end_a.wdm.tuning.reach` at least 46.08 K (now 30 K)",
        ),
    ),
    "copper too long": (
        "passive-dac",
        {"path.reach": "4 m"},
        ("ber", "phy_input", "at the required margin", "`path.reach` at most 3.6"),
    ),
}


# Of each kind of limit one is quick; these are a swing too small once more.
SLOW = (
    "RIN of a laser",
    "a ring that couples too much",
    "RIN of the lines of a comb",
)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow) if case in SLOW else case
        for case in BROKEN
    ],
)
def test_a_broken_link_is_told_what_would_mend_it(case, cards, tmp_path):
    """And told the truth: with the named number moved, and 1 % beyond, it works."""
    card, settings, (slack, noise, *words) = BROKEN[case]
    given = [f"--set={key}={value}" for key, value in settings.items()]
    given += ["--cards", cards]
    # Pictures of light are simulated, which takes longer than all the rest.
    out = ["--out", tmp_path] if card == "passive-dac" else []
    result = link(card, *given, "--json", "--quiet", *out)
    assert result.exit_code == 3
    data = json.loads(result.stdout)
    assert not data["feasible"]
    if out:
        assert json.loads((tmp_path / "link.json").read_text()) == data
    found = data["diagnosis"][0]
    assert found["slack"] in slack.split()
    assert found["limiting"] in noise.split()
    lines = result.stderr.strip().splitlines()
    assert len(lines) == len(data["diagnosis"])
    for word in words:
        assert word in lines[0]
    assert found["text"] in lines[0] and found["text"] in data["message"]

    own = [row for row in found["repairs"] if row["path"] in settings]
    row = own[0]  # they come with the smallest move first
    beyond = row["needed"] + 0.01 * (row["needed"] - row["value"])
    # Both directions of a symmetric link may be broken; one number mends its own.
    mended = link(card, *given, f"--set={row['path']}={beyond!r}", "--json", "-q")
    now = json.loads(mended.stdout)
    sides = {row["direction"] for row in now["diagnosis"]}
    assert found["direction"] not in sides


def test_what_cannot_be_mended_by_one_number_says_so(cards):
    many = ["end_a.source.laser.rin=-130 dB/Hz", "equaliser.residual=18 dB"]
    words = [f"--set={text}" for text in many]
    result = link(CARD, *words, "--cards", cards, "--json", "--quiet")
    assert result.exit_code == 3
    data = json.loads(result.stdout)
    found = data["diagnosis"][0]
    assert not found["repairs"] and "no single number" in found["text"]
