"""A new modulator, photodiode and kind of link: one module, and nothing else touched.

What is defined here is what a user would write: a `Component` with its equation, its
limits declared beside it, and a card. Nothing is registered, and no file of the package
knows any of these names.
"""

import json
import math
import textwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
import yaml
from typer.testing import CliRunner

from helpers import assert_close
from photonflow.cards import Library
from photonflow.cli import app
from photonflow.component import Scalar, Transfer, Values, param
from photonflow.devices.detectors import AbstractPhotodiode
from photonflow.devices.modulators import (
    EXTINCTION,
    AbstractMemorylessOperation,
    AbstractModulator,
    AbstractOperation,
    extinction_db,
)
from photonflow.devices.passives import FibrePath
from photonflow.devices.response import from_db, one_pole, to_db
from photonflow.experiment.io import shipped
from photonflow.limits import limit
from photonflow.links.base import BER, AbstractLink, Direction, LinkBudget, ber_slack
from photonflow.links.fec import Fec
from photonflow.links.published import PublishedPort
from photonflow.timedomain.montecarlo import no_time_domain_model


SWITCHING = limit(
    "switching",
    "switching voltage of the coupler left",
    missed="the drive swings {used:.3g} switching voltages, at most 1",
    nominal=True,
)
EYE_SAFETY = limit("eye_safety", "light below what eyes may meet", unit="dB")


class CouplerModulator(AbstractModulator):
    r"""Two coupled guides one beat long, detuned electro-optically.

    $$ T = IL\,\frac{\sin^2(\frac\pi2\sqrt{1 + x^2})}{1 + x^2}, \qquad
       x = \sqrt3\,V/V_s ; $$
    all light crosses at 0 V, none at the switching voltage $V_s$ (Kogelnik and Schmidt
    1976, doi:10.1109/JQE.1976.1069190).
    """

    drive_v: Scalar = param(unit="V", doc="peak-to-peak swing", low=0.2, high=8.0)
    switching_v: Scalar = param(unit="V", doc="no light crosses", low=0.5, high=20.0)
    insertion_db: Scalar = param(unit="dB", doc="on-state loss", low=0.0, high=10.0)
    capacitance_f: Scalar = param(unit="F", doc="electrodes", low=1e-15, high=5e-13)
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )

    def operate(self, input_w: Scalar) -> "CouplerOperation":
        """At no bias; light does not change it."""
        turn = self.drive_v / self.switching_v
        loss = from_db(-self.insertion_db)
        bottom = crossed(turn) * loss
        return CouplerOperation(
            top=loss,
            bottom=bottom,
            load_f=self.capacitance_f,
            tuning_w=jnp.zeros(()),
            slacks={
                SWITCHING.name: 1 - turn,
                EXTINCTION.name: extinction_db(jnp.ones(()), bottom / loss),
            },
            loss=loss,
            turn=turn,
        )


def crossed(turn: Values) -> Values:
    """Power that crosses at `turn` switching voltages; a trace of it always does."""
    size2 = 1 + 3 * jnp.square(turn)
    return jnp.square(jnp.sin(math.pi / 2 * jnp.sqrt(size2))) / size2 + 1e-6


class CouplerOperation(AbstractMemorylessOperation):
    top: Scalar
    bottom: Scalar
    load_f: Scalar
    tuning_w: Scalar
    slacks: dict[str, Scalar]
    loss: Scalar
    turn: Scalar

    def transfer(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """RC of driver and electrodes."""
        corner_hz = 1 / (2 * math.pi * source_ohm * self.load_f)
        return one_pole(frequency_hz, corner_hz)

    def static(self, drive: Values) -> Values:
        """Drive 0 is the far end of the swing, which is dark."""
        return self.loss * crossed(self.turn * (1 - drive))


class AvalanchePhotodiode(AbstractPhotodiode):
    """Gain times bandwidth is a constant. Left out: the excess noise of the gain."""

    primary_a_per_w: Scalar = param(unit="A/W", doc="at gain 1", low=0.3, high=1.2)
    gain: Scalar = param(unit="1", doc="of the avalanche", low=1.0, high=20.0)
    product_hz: Scalar = param(
        unit="Hz", doc="gain times bandwidth", low=5e10, high=1e12
    )
    dark_a: Scalar = param(unit="A", doc="dark current", low=1e-10, high=1e-5)
    capacitance_f: Scalar = param(unit="F", doc="junction", low=1e-15, high=2e-13)
    bias_v: Scalar = param(unit="V", doc="reverse bias", low=5.0, high=40.0)

    @property
    def responsivity_a_per_w(self) -> Scalar:
        """At its gain."""
        return self.primary_a_per_w * self.gain

    def transfer(self, frequency_hz: Values) -> Transfer:
        """One pole of the build-up of the avalanche."""
        return one_pole(frequency_hz, self.product_hz / self.gain)

    def power_w(self, light_w: Scalar) -> Scalar:
        """Bias times photocurrent."""
        return self.bias_v * (self.responsivity_a_per_w * light_w + self.dark_a)


class FreeSpaceLink(AbstractLink):
    """Beams between racks: a Gaussian eye closed by the loss of the beam."""

    end_a: PublishedPort
    path: FibrePath
    end_b: PublishedPort
    fec: Fec
    rate_bps: Scalar = param(unit="bit/s", doc="one direction", low=1e10, high=1e14)
    reserve_db: Scalar = param(unit="dB", doc="margin asked for", low=0.0, high=6.0)
    launch_dbm: Scalar = param(unit="dBm", doc="into the air", low=-20.0, high=20.0)
    safe_dbm: Scalar = param(unit="dBm", doc="safe for eyes", low=-20.0, high=20.0)
    needed_dbm: Scalar = param(unit="dBm", doc="for Q = 1", low=-60.0, high=0.0)

    def budget(self, at) -> LinkBudget:
        ends = (
            self.end_a.budget(self.fec, self.rate_bps),
            self.end_b.budget(self.fec, self.rate_bps),
        )
        return self.link_budget(at, ends, (self.direction(at), self.direction(at)))

    def direction(self, at) -> Direction:
        lost_db = self.path.loss_db(at.length_m) + at.ageing_db
        arrives_dbm = self.launch_dbm - lost_db

        def log10_ber(power_dbm):
            q = from_db(power_dbm - self.needed_dbm)
            return jax.scipy.stats.norm.logsf(q) / math.log(10)

        now, reserve = log10_ber(arrives_dbm), log10_ber(arrives_dbm - self.reserve_db)
        q_least = -jax.scipy.stats.norm.ppf(self.fec.threshold)
        return Direction(
            log10_ber=now,
            log10_ber_reserve=reserve,
            margin_db=arrives_dbm - self.needed_dbm - to_db(q_least),
            noise_share={"sunlight": jnp.ones(())},
            budget_db={"laser": self.launch_dbm, "beam": -lost_db},
            slacks={
                BER.name: ber_slack(reserve, self.fec.threshold),
                EYE_SAFETY.name: self.safe_dbm - self.launch_dbm,
            },
        )


CARDS = {
    "modulators/coupler": """
        class: CouplerModulator
        values:
          drive: {value: 2.5 V, range: [1 V, 3 V]}
          switching: {value: 3 V, range: [2 V, 6 V]}
          insertion: {value: 3 dB, range: [1 dB, 6 dB]}
          capacitance: {value: 20 fF, range: [10 fF, 60 fF]}
          wavelength: {value: 1310 nm, range: [1264.5 nm, 1337.5 nm]}
        """,
    "detectors/apd": """
        class: AvalanchePhotodiode
        values:
          primary: {value: 0.8 A/W, range: [0.5 A/W, 1 A/W]}
          gain: {value: "2", range: ["1", "10"]}
          product: {value: 140 GHz, range: [100 GHz, 300 GHz]}
          dark: {value: 100 nA, range: [10 nA, 1 uA]}
          capacitance: {value: 20 fF, range: [10 fF, 40 fF]}
          bias: {value: 12 V, range: [8 V, 20 V]}
        """,
    "ports/coupler-end": """
        class: ModulatedPort
        values:
          lanes: {value: "8", range: ["8", "16"]}
          launch: {value: -4 dBm, range: [-6 dBm, 1 dBm]}
          coupler_in: {value: 1.5 dB, range: [0.8 dB, 2.5 dB]}
          coupler_out: {value: 1.2 dB, range: [0.7 dB, 1.8 dB]}
          coupler_receive: {value: 1.2 dB, range: [0.7 dB, 1.8 dB]}
        parts:
          {host: serdes-224g-lr, trace: trace-front-panel, retimer: none,
           driver: driver-mzm-sige, source: source-module-2-lanes,
           modulator: coupler, photodiode: apd, tia: tia-linear-200g,
           housekeeping: housekeeping-module, footprint: footprint-osfp-lpo}
        """,
    "links/coupler-1600g": """
        class: OpticalLink
        static:
          pam: 4
        values:
          rate: {value: 1.6 Tbit/s, range: [1 Tbit/s, 2 Tbit/s]}
          reserve: {value: 1 dB, range: [0.5 dB, 2 dB]}
        parts:
          {end_a: coupler-end, path: fibre-dr-500m, end_b: coupler-end, fec: kp4,
           equaliser: equaliser-unlimited}
        """,
    "links/beam-1t": """
        class: FreeSpaceLink
        values:
          rate: {value: 1 Tbit/s, range: [1 Tbit/s, 2 Tbit/s]}
          reserve: {value: 1 dB, range: [0 dB, 3 dB]}
          launch: {value: 3 dBm, range: [0 dBm, 10 dBm]}
          safe: {value: 7 dBm, range: [0 dBm, 10 dBm]}
          needed: {value: -12 dBm, range: [-20 dBm, -5 dBm]}
        parts:
          {end_a: microled-end, path: fibre-bundle-10m, end_b: microled-end, fec: kp4}
        """,
}
HOST_LINK = "scale_out.host_link"
LAID_OUT = 'source: estimate, note: "drawn for this test"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The user's cards, every number an estimate."""
    top = tmp_path_factory.mktemp("parts")
    for place, text in CARDS.items():
        path = top / f"{place}.yaml"
        path.parent.mkdir(exist_ok=True)
        name = path.stem
        head = f'name: {name}\nabout: "{name} of a user"\nboundary: none\ncounts: []\n'
        lines = textwrap.dedent(text).strip() + "\n"
        path.write_text(head + lines.replace("]}\n", f"], {LAID_OUT}}}\n"), "utf-8")
    return top


def run(*words, exit_code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == exit_code, (result.stderr, result.exception)
    return result


def test_cards_find_classes_that_nobody_registered(folder):
    link = Library.with_folders(folder).load("coupler-1600g")
    assert isinstance(link.end_a.modulator, CouplerModulator)
    assert isinstance(link.end_b.photodiode, AvalanchePhotodiode)
    assert "coupler" in run("cards", "modulators", "--cards", folder).stdout
    shown = run("show", "apd", "--cards", folder).stdout
    assert "140 GHz" in shown


def test_a_class_may_not_take_the_name_of_one_of_the_package(folder):
    from photonflow.cards.classes import component_classes
    from photonflow.quantity import InputError

    twin = type("Photodiode", (AvalanchePhotodiode,), {"__module__": "my_parts"})
    with pytest.raises(InputError, match="`Photodiode` is a class of photonflow"):
        component_classes()
    twin.__name__ = "_Photodiode"  # kept alive by its base; a name that no card takes
    assert component_classes()["AvalanchePhotodiode"] is AvalanchePhotodiode


def test_what_lacks_a_model_in_time_says_so_in_words(folder):
    shelf = Library.with_folders(folder)
    link = shelf.load("coupler-1600g")
    assert no_time_domain_model(link) is None

    class SlowOperation(AbstractOperation):
        top: Scalar
        bottom: Scalar
        load_f: Scalar
        tuning_w: Scalar
        slacks: dict[str, Scalar]

        def transfer(self, frequency_hz, source_ohm):
            return one_pole(frequency_hz, 1e9)

        def static(self, drive):
            return self.bottom + drive * (self.top - self.bottom)

        def waveform(self, drive, sample_hz, source_ohm):
            return self.static(drive)

    class _SlowModulator(AbstractModulator):
        wavelength_m: Scalar
        drive_v: Scalar

        def operate(self, input_w):
            zero = jnp.zeros(())
            return SlowOperation(1.0 + zero, zero, zero, zero, {})

    slow = _SlowModulator(jnp.asarray(1.31e-6), jnp.asarray(1.0))
    moved = eqx.tree_at(lambda link: link.end_b.modulator, link, slow)
    assert no_time_domain_model(moved) == "a _SlowModulator has no model in time"
    assert "FreeSpaceLink" in (no_time_domain_model(shelf.load("beam-1t")) or "")


def test_a_new_kind_of_link_is_solved_drawn_and_explained(folder, tmp_path):
    """Its limits speak with the words that it declares."""
    out = tmp_path / "out"
    done = run("link", "beam-1t", "--cards", folder, "--out", out)
    assert EYE_SAFETY.label in done.stdout
    assert "no simulation and no eye, a FreeSpaceLink has no model" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["ber.png", "link.json"]
    data = json.loads((out / "link.json").read_text("utf-8"))
    assert_close(data["slacks"]["worst"]["a_to_b"]["eye_safety"], 4.0, rtol=1e-12)

    bright = ["--set", "launch=8 dBm", "--json", "--quiet"]
    missed = run("link", "beam-1t", "--cards", folder, *bright, exit_code=3)
    text = json.loads(missed.stdout)["diagnosis"][0]["text"]
    assert f"{EYE_SAFETY.label}: slack -1, met from 0" in text
    assert "`launch` at most" in text


@pytest.mark.slow
def test_a_new_modulator_and_receiver_are_solved_simulated_and_drawn(folder, tmp_path):
    """Counted errors stand beside the computed ones, as for a shipped link."""
    out = tmp_path / "out"
    done = run("link", "coupler-1600g", "--cards", folder, "--out", out)
    assert SWITCHING.label in done.stdout
    assert sorted(path.name for path in out.iterdir()) == [
        "ber.png",
        "eye.png",
        "link.json",
    ]
    data = json.loads((out / "link.json").read_text("utf-8"))
    count = data["counted"]["counts"][-1]
    assert count["errors"] > 0
    wide = ["--set", "end_a.modulator.drive=4 V", "--json", "--quiet"]
    missed = run("link", "coupler-1600g", "--cards", folder, *wide, exit_code=3)
    text = json.loads(missed.stdout)["diagnosis"][0]["text"]
    assert "the drive swings 1.33 switching voltages, at most 1" in text


@pytest.mark.slow
def test_new_parts_are_searched_and_reported_in_an_experiment(folder, tmp_path):
    """Its swing is free, its own limit binds or has room, and the page names it."""
    data = yaml.safe_load((shipped() / "cpo-vs-pluggable.yaml").read_text("utf-8"))
    link = "scale_out.switch_link"
    data |= {
        "name": "coupler",
        "workloads": {"decode": data["workloads"]["decode"]},
        "variants": {
            "coupler": {"parts": {link: "coupler-1600g", HOST_LINK: "coupler-1600g"}}
        },
        "free": {
            "coupler": {
                "where": [f"{link}.end_a", f"{link}.end_b"],
                "parameters": {
                    "modulator.drive": ["1 V", "3 V"],
                    "source.laser.current": ["50 mA", "300 mA"],
                },
            }
        },
        "constraints": {"switching": 0.1},
        "search": {"starts": 4, "seed": 0},
    }
    path, out = tmp_path / "coupler.yaml", tmp_path / "run"
    path.write_text(yaml.safe_dump(data), "utf-8")
    run("run", path, "--cards", folder, "--out", out, "--quiet")
    found = json.loads((out / "result.json").read_text("utf-8"))["variants"][0]
    assert found["status"] == "ok" and found["feasible"]
    rows = {row["name"]: row for row in found["constraints"]}
    for climate in ("worst", "nominal"):
        assert rows[f"{climate}.{link}.a_to_b.switching"]["limit"] == 0.1
    assert SWITCHING.label in (out / "report.html").read_text("utf-8")
