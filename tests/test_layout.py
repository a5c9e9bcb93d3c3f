"""The mask of a ring modulator: what is drawn, extracted, and made of it by SAX."""

import json
import math

import jax.numpy as jnp
import matplotlib.image
import pytest
from typer.testing import CliRunner

import fake_result
import nominal
from helpers import assert_close
from photonflow import layout
from photonflow.cli import app
from photonflow.component import params, replace
from photonflow.devices import rings
from photonflow.experiment import study
from photonflow.experiment.folder import as_json, as_yaml
from photonflow.experiment.layout_input import ring_of
from photonflow.experiment.resolved import resolved
from photonflow.experiment.tasks import Task
from photonflow.quantity import InputError
from photonflow.units import LIGHT_M_PER_S


ENGINE = "scale_out.switch_link.end_a.modulator"
DESIGN = {f"{ENGINE}.gap_m": 1.4137e-7, f"{ENGINE}.radius_m": 5.83274e-6}


def draw(ring):
    layout.process.activate()
    um = layout.process.UM
    sizes = float(ring.radius_m * um), float(ring.gap_m * um)
    return layout.cells.ring_modulator(*sizes, float(ring.junction_fraction))


def compare(drawn, ring):
    """What SAX makes of the mask of `drawn` beside the figures of `ring`."""
    power = layout.extraction.spectrum(draw(drawn), ring)
    return {row["quantity"]: row for row in layout.comparison.compare(power, ring)}


# A run and its drawing


@pytest.fixture(scope="module")
def cpo():
    return study("cpo-vs-pluggable")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory, cpo):
    """A run folder with a pluggable, and a searched cpo of the shipped study."""
    return write_run(tmp_path_factory.mktemp("runs") / "run", cpo)


def write_run(folder, cpo, names=("pluggable", "cpo")):
    rows = []
    for name in names:
        paths = [spec.path for spec in params(cpo.cluster(name))]
        searched = name == "cpo"
        rows.append(
            fake_result.variant(
                name,
                provenance={path: fake_result.origin(0.0, 1.0) for path in paths},
                design=DESIGN if searched else {},
            )
        )
        task = folder / "tasks" / f"decode.{name}"
        task.mkdir(parents=True)
        setting = resolved(cpo, Task("decode", name), searched)
        (task / "resolved.yaml").write_text(as_yaml(setting), "utf-8")
    result = fake_result.result(*rows)
    (folder / "result.json").write_text(as_json(result.plain()), "utf-8")
    return folder


@pytest.fixture(scope="module")
def laid_out(run_folder):
    """What `photonflow layout` printed."""
    done = CliRunner().invoke(app, ["layout", str(run_folder), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_ring_of_a_run_is_its_cards_with_the_design_put_in(run_folder, cpo):
    device = ring_of(run_folder)
    card = cpo.cluster("cpo").scale_out.switch_link.end_a.modulator
    changes = {path.removeprefix(f"{ENGINE}."): v for path, v in DESIGN.items()}
    expected = {spec.path: spec.value for spec in params(replace(card, changes))}
    assert {spec.path: spec.value for spec in params(device.ring)} == expected
    assert device.task == "decode.cpo" and device.path == ENGINE
    assert device.searched == ["gap_m", "radius_m"]


def test_the_folder_gets_mask_picture_and_figures(run_folder, laid_out):
    assert json.loads((run_folder / "layout.json").read_text()) == laid_out
    assert laid_out["task"] == "decode.cpo"
    picture = matplotlib.image.imread(run_folder / "layout.png")
    assert picture.shape[1] > 1000 and picture.std() > 0.05
    assert not list(run_folder.glob(".part-*"))


def test_the_mask_has_eight_rings_and_the_layers_of_a_modulator(run_folder, laid_out):
    import klayout.db as kdb

    mask = kdb.Layout()
    mask.read(str(run_folder / "layout.gds"))
    (row,) = mask.top_cells()
    assert [inst.cell.name[:14] for inst in row.each_inst()] == ["ring_modulator"] * 8
    layers = {
        (info.layer, info.datatype)
        for info in mask.layer_infos()
        if not row.bbox(mask.layer(info)).empty()
    }
    # Layer numbers of the generic PDK.
    wanted = {
        "WG": 1, "SLAB90": 3, "N": 20, "P": 21, "NPP": 24, "PPP": 25, "HEATER": 47,
        "M1": 41, "VIAC": 40, "VIA1": 44, "M2": 45, "VIA2": 43, "M3": 49, "PADOPEN": 46,
    }  # fmt: skip
    assert {(number, 0) for number in wanted.values()} <= layers


def test_the_printed_figures_agree_with_photonflow(laid_out):
    for row in laid_out["comparison"]:
        assert_close(row["sax"], row["photonflow"], rtol=1e-6)


# Extraction


def test_extraction_finds_a_bus_and_a_closed_ring():
    ring = replace(nominal.ring(), {"radius_m": 5.8327412345e-6, "gap_m": 1.4137e-7})
    (net,) = layout.extraction.netlist(draw(ring)).values()
    parts = {name: part["component"] for name, part in net["instances"].items()}
    assert parts == {
        "bus_in": "straight",
        "bus_out": "straight",
        "coupler": "ring_coupler",
        "junction": "ring_junction",
    }
    pairs = {frozenset(pair) for pair in net["connections"].items()}
    assert pairs == {
        frozenset(("bus_in,o2", "coupler,o1")),
        frozenset(("coupler,o4", "bus_out,o1")),
        frozenset(("coupler,o2", "junction,o2")),
        frozenset(("coupler,o3", "junction,o1")),
    }
    assert net["ports"] == {"o1": "bus_in,o1", "o2": "bus_out,o2"}
    arcs = [net["instances"][name]["settings"] for name in ("coupler", "junction")]
    assert_close(sum(arc["angle"] for arc in arcs), 360.0, rtol=1e-12)
    # The settings are not rounded to the nanometre, as `info` is.
    assert_close([arc["radius"] for arc in arcs], 5.8327412345, rtol=1e-12)
    assert_close(arcs[0]["gap"], 0.14137, rtol=1e-12)


GEOMETRIES = {
    "nominal": {},
    "small": {"radius_m": 4.1234567e-6, "gap_m": 1.203e-7, "junction_fraction": 0.66},
    "large": {"radius_m": 1.19e-5, "gap_m": 2.2177e-7, "junction_fraction": 0.88},
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_sax_on_the_extracted_netlist_sees_photonflows_ring(name):
    ring = replace(nominal.ring(), GEOMETRIES[name])
    rows = compare(ring, ring)
    # c / (n_g 2 pi R), by hand.
    fsr_hz = LIGHT_M_PER_S / (3.9 * 2 * math.pi * float(ring.radius_m))
    middle = ring.resonance(ring.bias_v + ring.drive_v / 2)
    assert_close(rows["FSR"]["sax"], fsr_hz, rtol=1e-6)
    assert_close(rows["linewidth"]["sax"], float(middle.linewidth_hz()), rtol=1e-6)
    assert_close(
        rows["on resonance"]["sax"], float(middle.transmission(0.0)), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("quantity", "drawn_otherwise"),
    [
        ("FSR", {"radius_m": 6.001e-6}),
        ("linewidth", {"gap_m": 151e-9}),
        ("linewidth", {"junction_fraction": 0.74}),
    ],
)
def test_a_mask_drawn_otherwise_is_seen(quantity, drawn_otherwise):
    """Geometry comes from the drawing: 1 nm or 1 % away is far outside 1e-6."""
    ring = nominal.ring()
    rows = compare(replace(ring, drawn_otherwise), ring)
    assert abs(rows[quantity]["relative"]) > 1e-4


def test_a_line_broader_than_its_fsr_has_no_linewidth():
    def power(phase):
        return float(rings.all_pass(phase, 0.2, 0.2))

    with pytest.raises(InputError, match="too broad"):
        layout.comparison.notch(power, -math.pi, math.pi)


# The row


def test_eight_notches_stand_an_eighth_of_an_fsr_apart(laid_out):
    row = laid_out["row"]
    fsr_hz = laid_out["comparison"][0]["photonflow"]
    assert row["notches"] == 8
    assert_close(row["intended_spacing_hz"], fsr_hz / 8, rtol=1e-12)
    # Lorentzian tails of the neighbours, (linewidth / spacing)^3 of a spacing or so.
    width = laid_out["comparison"][1]["photonflow"]
    slack = (width / row["intended_spacing_hz"]) ** 3
    assert 1e-6 < slack < 0.01
    assert_close(row["spacing_hz"], fsr_hz / 8, rtol=slack)


def test_the_radius_step_is_lambda_over_16_pi_n_whatever_the_radius():
    """FSR/8 of a ring is lambda / 8 n more of circumference."""
    step_m = 1.31e-6 / (16 * math.pi * layout.process.EFFECTIVE_INDEX)
    for radius_m in (4e-6, 12e-6):
        ring = replace(nominal.ring(), {"radius_m": radius_m})
        radii_m = layout.comparison.row_radii_m(ring)
        assert_close(radii_m[0], radius_m, rtol=1e-12)
        steps_m = jnp.diff(jnp.asarray(radii_m))
        # At 4 um 7/8 of an FSR is 1.2 % of the frequency and 1.7 % of n f, as whose
        # inverse square a step grows.
        assert_close(steps_m, step_m, rtol=0.04)


# Polygons


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_drawn_gap_is_the_asked_one_on_the_nanometre_grid(name):
    ring = replace(nominal.ring(), GEOMETRIES[name])
    found = layout.rules.drawn(draw(ring))
    assert_close(found["gap_m"], round(float(ring.gap_m) * 1e9) * 1e-9, rtol=1e-9)
    # Vertices scatter by half a nanometre; over hundreds that averages out.
    assert abs(found["radius_m"] - float(ring.radius_m)) < 1e-10


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_junction_covers_its_fraction_of_the_ring_and_keeps_off_the_bus(name):
    import klayout.db as kdb

    ring = replace(nominal.ring(), GEOMETRIES[name])
    cell = draw(ring)
    process, region = layout.process, layout.rules.region
    bus, core = sorted(region(cell, "WG").each(), key=lambda shape: shape.bbox().bottom)
    core = kdb.Region(core)
    covered = [(core & region(cell, layer)).area() for layer in ("P", "N")]
    fraction = float(ring.junction_fraction)
    assert_close(sum(covered) / core.area(), fraction, rtol=1e-3)
    # Inside and outside of the middle: radii R -+ w/4, 0.4 um wide.
    ratio = 1 + 0.2 / float(ring.radius_m * process.UM)
    assert_close(covered[1] / covered[0], ratio, rtol=2e-3)
    for layer in ("P", "N", "PPP", "NPP"):
        near = kdb.Region(bus).sized(round(process.OFF_BUS / process.GRID) - 1)
        assert (near & region(cell, layer)).is_empty()


@pytest.mark.parametrize(("gap_nm", "places"), [(120, True), (200, False)])
def test_a_gap_below_what_dry_lithography_prints_is_told(gap_nm, places):
    ring = replace(nominal.ring(), {"gap_m": gap_nm * 1e-9})
    rows = {row["rule"]: row for row in layout.rules.check(draw(ring))}
    assert (rows["rib space"]["places"] > 0) == places
    if places:
        assert_close(rows["rib space"]["worst_m"], gap_nm * 1e-9, rtol=1e-9)
    others = {name: row["places"] for name, row in rows.items() if name != "rib space"}
    assert not any(others.values()), others


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"radius_m": 3e-6}, ["`radius`", "3.000 um", "contact"]),
        ({"junction_fraction": 0.99}, ["`junction_fraction`", "leads"]),
    ],
)
def test_a_ring_without_room_for_its_parts_is_refused(changes, words):
    with pytest.raises(InputError) as caught:
        draw(replace(nominal.ring(), changes))
    assert all(word in str(caught.value) for word in words), str(caught.value)


# Bad input


def refused(folder, *words):
    before = sorted(folder.rglob("*"))
    done = CliRunner().invoke(app, ["layout", str(folder), *words])
    assert done.exit_code == 2
    assert sorted(folder.rglob("*")) == before
    return done.stderr


def test_a_folder_without_a_result_is_refused(tmp_path):
    message = refused(tmp_path)
    assert str(tmp_path) in message and "no result.json" in message


def test_a_variant_without_a_ring_is_refused_by_naming_those_with_one(run_folder):
    message = refused(run_folder, "--variant", "pluggable")
    assert "'pluggable' has no ring" in message and "one of cpo" in message


def test_an_unknown_variant_is_refused(run_folder):
    message = refused(run_folder, "--variant", "cpu")
    assert "unknown variant 'cpu'" in message and "did you mean `cpo`" in message


def test_a_run_without_any_ring_is_refused(tmp_path, cpo):
    message = refused(write_run(tmp_path / "run", cpo, names=("pluggable",)))
    assert "no ring in pluggable" in message


def test_a_folder_that_lost_its_settings_is_refused(tmp_path, cpo):
    folder = write_run(tmp_path / "run", cpo, names=("cpo",))
    (folder / "tasks" / "decode.cpo" / "resolved.yaml").unlink()
    message = refused(folder)
    assert "resolved.yaml" in message and "missing" in message


@pytest.mark.slow
def test_a_searched_run_is_drawn_with_its_design(tmp_path):
    out = ["--out", str(tmp_path / "run"), "--quiet", "--set", "search.starts=4"]
    run = CliRunner().invoke(app, ["run", "cpo-vs-pluggable", *out])
    assert run.exit_code in (0, 3), run.output
    done = CliRunner().invoke(app, ["layout", str(tmp_path / "run"), "--json"])
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert {"radius_m", "gap_m", "drive_v"} <= set(data["searched"])
    assert len(data["same"]) == 2  # one engine, built three times
    for row in data["comparison"]:
        assert_close(row["sax"], row["photonflow"], rtol=1e-6)
