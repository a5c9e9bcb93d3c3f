"""Sweeps: which points there are, what is refused, and what a task leaves behind."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

import fake_result
from photonflow.cards import Library
from photonflow.component import params
from photonflow.experiment import batch, collect, run_one, study, tasks, unfinished
from photonflow.experiment.batch import setting
from photonflow.experiment.folder import STALE_S, Folder
from photonflow.experiment.io import shipped
from photonflow.quantity import InputError
from photonflow.result.names import short_keys, task_name
from photonflow.result.schema import VariantResult


NAME = "cpo-vs-pluggable"
OVER = "scale_out.oversubscription"
SHARED = "scale_out.accelerators_per_port"
GAP = "scale_out.switch_link.end_a.modulator.gap"


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.fixture
def write(tmp_path, library):
    """The shipped comparison with a sweep, as a study."""

    def make(sweep, settings=None, free=False, **changes):
        data = yaml.safe_load((shipped() / f"{NAME}.yaml").read_text())
        if not free:
            del data["free"], data["constraints"]
        data |= {"workloads": {"decode": "llama-405b-decode"}, "sweep": sweep}
        data |= changes
        path = tmp_path / f"{NAME}.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return study(path, settings, library)

    return make


def test_the_shipped_sweep_has_2_variants_x_3_x_2_points(library):
    found = study("fabric-sweep", library=library)
    names = [task.name for task in tasks(found)]
    assert len(set(names)) == 12
    # The last key runs fastest, the variants slowest.
    assert names[1] == "decode.pluggable.oversubscription=1,accelerators_per_port=2"
    assert names[2] == "decode.pluggable.oversubscription=2,accelerators_per_port=1"
    assert names[6] == "decode.cpo.oversubscription=1,accelerators_per_port=1"


def test_without_a_sweep_a_task_is_a_workload_and_a_variant(library):
    found = study(NAME, library=library)
    assert found.points() == [()]
    assert [task.name for task in tasks(found)] == [
        f"{workload}.{variant}"
        for workload in ("decode", "train")
        for variant in ("pluggable", "lpo", "cpo")
    ]


def test_a_point_is_the_study_with_the_same_settings_by_hand(write, library):
    sweep = {OVER: ["1", "2.5"], "workloads.decode.microbatch": [4, 8]}
    swept = write(sweep)
    point = swept.points()[2]
    assert point == ((OVER, "2.5"), ("workloads.decode.microbatch", "4"))
    here = swept.at(point)
    by_hand = study(NAME, dict(point), library)
    for name in swept.variants:
        ours = {p.path: float(p.value) for p in params(here.cluster(name))}
        theirs = {p.path: float(p.value) for p in params(by_hand.cluster(name))}
        assert ours == theirs
        assert ours["scale_out.oversubscription"] == 2.5
        assert here.provenance(name)["scale_out.oversubscription"].source == "setting"
    assert float(here.workload("decode").microbatch) == 4
    # The study itself has stayed as it was.
    assert float(swept.cluster("cpo").scale_out.oversubscription) == 1
    assert float(swept.workload("decode").microbatch) == 8


def test_cards_can_be_swept_too(write):
    key = "variants.lpo.parts.scale_out.switch_link"
    swept = write({key: ["lpo-dr8-1600g", "dsp-dr8-1600g"]})
    used = [
        swept.at(point).technology("lpo", "scale_out")["switch_link"]
        for point in swept.points()
    ]
    assert used == ["lpo-dr8-1600g", "dsp-dr8-1600g"]


def test_a_search_runs_at_every_point(write):
    swept = write({OVER: ["1", "2"]}, free=True)
    for point in swept.points():
        assert swept.at(point).free("cpo") == swept.free("cpo") != []


def test_set_can_change_the_sweep_and_take_it_away(library):
    settings = {f"sweep.{OVER}": "['1', '3']"}
    assert len(tasks(study("fabric-sweep", settings, library))) == 2 * 2 * 2
    assert len(tasks(study("fabric-sweep", {"sweep": "{}"}, library))) == 2


BAD = {
    "unknown quantity": (
        {"scale_out.oversubscribtion": ["1"]},
        ["sweep.scale_out.oversubscribtion", f"did you mean `{OVER}`"],
    ),
    "unknown setting": (
        {"workloads.decode.microbach": ["1"]},
        ["sweep.workloads.decode.microbach", "did you mean `microbatch`"],
    ),
    "outside the model": (
        {OVER: ["1", "40"]},
        [f"`sweep.{OVER}`", "'40'", "1 to 16"],
    ),
    "another dimension": (
        {OVER: ["1", "2 nm"]},
        [f"`sweep.{OVER}`", "'2 nm'", "a plain number"],
    ),
    "no values": ({OVER: []}, [f"`sweep.{OVER}`", "at least one value"]),
    "no list": ({OVER: "1"}, [f"sweep.{OVER}", "got '1'"]),
    "a truth value": ({OVER: [True]}, [f"sweep.{OVER}", "text, in quotes"]),
    "twice": ({OVER: ["2", "1", "2"]}, [f"`sweep.{OVER}`", "'2' is '2' again"]),
    "twice in other words": (
        {"scale_out.host_length": ["50 m", "5000 cm"]},
        ["`sweep.scale_out.host_length`", "'5000 cm' is '50 m' again"],
    ),
    "the name of the study": ({"name": ["a", "b"]}, ["`sweep.name`", "once"]),
    "a sweep of sweeps": ({f"sweep.{OVER}": ["1"]}, ["once"]),
    "a current that is solved for": (
        {"scale_out.switch_link.end_a.source.laser.current": ["100 mA"]},
        ["source.laser.current`", "solved for"],
    ),
    "a workload that does not fit": (
        {"workloads.decode.layout.pipeline": ["9", "10"]},
        ["`sweep.workloads.decode.layout.pipeline`", "126 layers", "did you mean `9`"],
    ),
    "two that do not fit together": (
        {
            "workloads.decode.layout.data": ["128", "256"],
            "cluster.accelerators": ["9216", "18432"],
        },
        # 8 x 9 x 256 = 18432 accelerators for the 9216 of the first point that fails.
        ["layout.data = 128", "cluster.accelerators = 18432", "are 9216"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_sweep_that_cannot_run_is_told_with_file_and_key(case, write):
    sweep, expected = BAD[case]
    with pytest.raises(InputError) as caught:
        write(sweep)
    assert f"{NAME}.yaml" in str(caught.value)
    for words in expected:
        assert words in str(caught.value)


def test_a_key_has_one_origin(write):
    with pytest.raises(InputError, match=r"`sweep\.scale_out.*also given by --set"):
        write({OVER: ["1", "2"]}, settings={OVER: "3"})
    variants = {"lpo": {"parts": {}, "set": {OVER: "2"}}}
    with pytest.raises(InputError, match=r"`sweep\.scale_out.*`variants\.lpo\.set`"):
        write({OVER: ["1", "2"]}, variants=variants)


def test_what_is_swept_cannot_be_free(write):
    with pytest.raises(InputError, match=r"`sweep\.scale_out.*gap`.*`free\.cpo`"):
        write({GAP: ["150 nm", "200 nm"]}, free=True)
    # The range of a search may be swept, though.
    key = "free.cpo.parameters.modulator.gap"
    swept = write({key: ["[120 nm, 200 nm]", "[100 nm, 300 nm]"]}, free=True)
    free = {one.name: one for one in swept.at(swept.points()[0]).free("cpo")}
    assert free["modulator.gap"].boxes == ((1.2e-7, 2e-7),)


def test_names_are_short_unique_and_fit_a_file_system(write):
    assert short_keys(["a.end_a.gap", "a.end_b.gap", "b.rail"]) == {
        "a.end_a.gap": "end_a.gap",
        "a.end_b.gap": "end_b.gap",
        "b.rail": "rail",
    }
    assert short_keys(["gap", "a.gap"]) == {"gap": "gap", "a.gap": "a.gap"}
    name = task_name("decode", "cpo", {"facility.cooling": "85 %", "x.y": "../[1]"})
    assert name == "decode.cpo.cooling=85%25,y=..%2F%5B1%5D"
    swept = write(
        {"scale_out.host_length": ["50 m", "30 m"], "facility.cooling": [0.1]}
    )
    assert tasks(swept)[1].name == "decode.pluggable.host_length=30m,cooling=0.1"


def test_values_that_differ_only_by_a_capital_would_share_a_folder(write, tmp_path):
    # Some file systems keep no capitals apart.
    text = (shipped() / "workloads" / "llama-405b-decode.yaml").read_text()
    (tmp_path / "workloads").mkdir()
    for name in ("chat", "Chat"):
        (tmp_path / "workloads" / f"{name}.yaml").write_text(text)
    with pytest.raises(InputError, match=r"`sweep\.workloads\.d.*'chat' and 'Chat' co"):
        write({"workloads.decode": ["chat", "Chat"]})


def test_a_sweep_that_grows_keeps_the_settings_of_its_tasks(write):
    short = write({OVER: ["1", "2"]})
    kept = {task.name: setting(short, task, True) for task in tasks(short)}
    grown = write({OVER: ["1", "2", "4"]})
    again = {task.name: setting(grown, task, True) for task in tasks(grown)}
    assert len(again) == 9 and kept == {name: again[name] for name in kept}
    one = kept["decode.cpo.oversubscription=2"]
    assert one["task"]["point"] == {OVER: "2"}
    assert one["values"][OVER]["si"] == 2.0


# --- one task at a time -------------------------------------------------------------


@pytest.fixture
def computed(write, evaluated, monkeypatch):
    """A study of 2 tasks whose computing is a copy; the names that were computed."""
    done = []

    def run_task(study, task, *_):
        done.append(task.name)
        row = evaluated["variants"][0] | {"name": task.variant}
        return VariantResult.model_validate(row | {"point": dict(task.point)}), []

    monkeypatch.setattr(batch, "run_task", run_task)
    lpo = yaml.safe_load((shipped() / f"{NAME}.yaml").read_text())["variants"]["lpo"]
    return write({OVER: ["1", "2"]}, variants={"lpo": lpo}), done


def quiet(text):
    """No progress."""


def test_a_task_writes_its_folder_and_nothing_else(computed, tmp_path):
    swept, done = computed
    out = tmp_path / "out"
    row, now = run_one(swept, 1, out, quiet)
    assert now and row.point == {OVER: "2"}
    names = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    place = "tasks/decode.lpo.oversubscription=2"
    files = ("resolved.yaml", "result.json", "trace.parquet")
    assert names == [f"{place}/{name}" for name in files]
    before = (out / place / "result.json").stat().st_mtime_ns
    assert run_one(swept, 1, out, quiet) == (row, False)
    assert done == ["decode.lpo.oversubscription=2"]
    assert (out / place / "result.json").stat().st_mtime_ns == before


def test_gathering_computes_nothing_and_names_what_is_missing(computed, tmp_path):
    swept, done = computed
    out = tmp_path / "out"
    run_one(swept, 0, out, quiet)
    assert unfinished(swept, out, quiet) == [1]
    with pytest.raises(InputError) as caught:
        collect(swept, out, quiet)
    told = "1 of 2 tasks are missing: 1 (decode.lpo.oversubscription=2)"
    assert told in str(caught.value)
    assert not (out / "result.json").exists()
    run_one(swept, 1, out, quiet)
    result = collect(swept, out, quiet)
    assert [row["point"] for row in result["variants"]] == [{OVER: "1"}, {OVER: "2"}]
    assert json.loads((out / "result.json").read_text()) == result
    assert (out / "report.html").is_file()
    assert len(done) == 2


def test_a_number_out_of_range_says_how_many_tasks_there_are(computed, tmp_path):
    for number in (-1, 2):
        with pytest.raises(InputError, match=rf"`--task`: got {number}; .*0 to 1.*2 t"):
            run_one(computed[0], number, tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()


def test_an_unreadable_task_is_done_again(computed, tmp_path):
    swept, done = computed
    run_one(swept, 0, tmp_path, quiet)
    place = tmp_path / "tasks" / done[0]
    (place / "result.json").write_text('{"name": ')
    said = []
    assert run_one(swept, 0, tmp_path, said.append)[1]
    assert any("cannot be read, done again" in text for text in said)
    json.loads((place / "result.json").read_text())


def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from photonflow.experiment.folder import _part
with _part(Path({str(tmp_path / "tasks")!r})) as new:
    (new / "result.json").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    root = str(Path(batch.__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, timeout=60
    )
    assert killed.returncode == -9
    (left,) = (tmp_path / "tasks").iterdir()
    assert left.name.startswith(".part-")
    host = os.uname().nodename
    mine = tmp_path / "tasks" / f".part-{host}-{os.getpid()}-0"
    theirs = tmp_path / f".part-another-machine-{2**22}-0"
    older = tmp_path / ".part-another-machine-1-0"
    for part in (mine, theirs, older):
        part.mkdir()
    past = older.stat().st_mtime - STALE_S - 60
    os.utime(older, (past, past))
    Folder(tmp_path).tidy()
    assert not left.exists() and not older.exists()
    assert mine.exists() and theirs.exists()


def test_two_at_the_same_task_leave_one_whole_folder(evaluated, tmp_path):
    row = VariantResult.model_validate(evaluated["variants"][0])
    folder, stop = Folder(tmp_path), threading.Event()

    def write(seed):
        for _ in range(30):
            folder.keep("a", {"seed": seed}, row, [{"iteration": seed}])

    def read():
        seen = 0
        while not stop.is_set():
            for seed in (1, 2):
                said = []
                found = folder.find("a", {"seed": seed}, said.append)
                assert not any("cannot be read" in text for text in said), said
                seen += found is not None
        return seen

    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, seed) for seed in (1, 2)]
        try:
            for writer in writers:
                writer.result(timeout=60)
        finally:
            stop.set()
        assert reader.result(timeout=60) > 0
    assert [path.name for path in (tmp_path / "tasks").iterdir()] == ["a"]
    last = yaml.safe_load((tmp_path / "tasks" / "a" / "resolved.yaml").read_text())
    found = folder.find("a", last, quiet)
    assert found is not None and found[1] == [{"iteration": last["seed"]}]


def test_an_interrupt_keeps_no_search_that_was_cut_short(write, monkeypatch, tmp_path):
    """The task at work ends with its best so far, the next ones are not begun."""
    found = write({OVER: ["1", "2", "4"]}, variants={"lpo": {}})
    begun, second = [], threading.Event()

    def run_task(study, task, search, progress, stop):
        begun.append(task.name)
        if begun[1:]:
            second.set()
            assert stop.wait(60)
        return fake_result.variant("lpo"), []

    def interrupted(futures):
        assert second.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run_task", run_task)
    monkeypatch.setattr(batch, "wait", interrupted)
    said = []
    with pytest.raises(KeyboardInterrupt):
        batch.run_study(found, True, tmp_path / "run", said.append)
    assert len(begun) == 2
    kept = list((tmp_path / "run").rglob("result.json"))
    assert [path.parent.name for path in kept] == begun[:1]
    assert said[-1] == "1 of 3 tasks are done; run again to go on"
