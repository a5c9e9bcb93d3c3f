"""The command line: what goes to stdout, exit codes, and how quickly it answers."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import photonflow
import photonflow.experiment
from photonflow.cli import app
from photonflow.experiment.run import _so_far
from photonflow.links.copper import CopperLink
from photonflow.links.optical import OpticalLink
from photonflow.result.schema import Result
from photonflow.search.cluster_sampler import J_PER_TOKEN, LINK_W
from photonflow.search.goals import minimum
from photonflow.search.minimise import minimise
from search_problems import FREE, problem


NAME = "cpo-vs-pluggable"
# Also where the package is not installed, only checked out.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(photonflow.__file__).parents[1])}


def photonflow_(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )


def test_help_answers_within_half_a_second_of_cpu_and_without_jax():
    # CPU time, because a busy machine is no slower a program.
    code = """
import resource, sys
sys.argv = ["photonflow", "--help"]
from photonflow.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
heavy = {"jax", "equinox", "numpy", "pydantic", "pint", "rich", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
used = resource.getrusage(resource.RUSAGE_SELF)
print("cpu", used.ru_utime + used.ru_stime)
"""
    seconds = min(float(python(code).stdout.split()[-1]) for _ in range(2))
    assert seconds < 0.5


def test_evaluate_prints_one_json_document_and_nothing_else(small_run):
    result = json.loads(small_run["stdout"])
    assert result["schema"] == "photonflow.result/1"
    assert [variant["name"] for variant in result["variants"]] == ["lpo"]
    assert "Traceback" not in small_run["stderr"]


def test_evaluate_validates_against_the_printed_schema(small_run):
    jsonschema = pytest.importorskip("jsonschema")
    printed = photonflow_("schema", "result")
    assert printed.exit_code == 0
    jsonschema.validate(json.loads(small_run["stdout"]), json.loads(printed.stdout))


def test_the_exit_code_says_whether_all_limits_are_met(small_run, evaluated):
    feasible = all(variant["feasible"] for variant in evaluated["variants"])
    assert (
        small_run["exit_code"] == small_run["run_exit_code"] == (0 if feasible else 3)
    )


def test_run_writes_a_complete_folder(small_run, evaluated):
    folder = Path(small_run["folder"])
    names = {path.name for path in folder.iterdir()}
    expected = {"resolved.yaml", "result.json", "trace.parquet", "report.html"}
    assert names == expected | {"figures", "tasks"}
    result = json.loads((folder / "result.json").read_text())
    assert result["variants"] == evaluated["variants"]  # no free parameters: the same
    resolved = (folder / "resolved.yaml").read_text()
    for word in ("commit:", "versions:", "seed: 0", "x64: true", "gap", "source:"):
        assert word in resolved or word == "gap"  # an LPO has no ring


def test_run_prints_what_a_manager_reads(small_run):
    text = small_run["run_stdout"]
    assert "J per token" in text and "3 modules of 1.6T per accelerator" in text


def test_running_again_skips_what_is_finished(small_run, monkeypatch):
    def never(*_):
        raise AssertionError("the task was finished")

    folder = Path(small_run["folder"])
    before = (folder / "result.json").stat().st_mtime_ns
    monkeypatch.setattr(photonflow.experiment.batch, "run_task", never)
    again = photonflow_("run", small_run["experiment"], "--out", folder)
    assert again.exit_code == small_run["run_exit_code"], again.exception
    assert again.stderr.count("skipped") == 1
    assert (folder / "result.json").stat().st_mtime_ns == before


def test_a_changed_setting_is_not_skipped(small_run, monkeypatch):
    def stop(study, task, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(photonflow.experiment.batch, "run_task", stop)
    changed = photonflow_(
        "run", small_run["experiment"], "--out", small_run["folder"],
        "--set", "facility.cooling=0.3",
    )  # fmt: skip
    assert "settings differ" in changed.stderr
    assert changed.exit_code != 0


def test_report_writes_the_page_again(small_run):
    page = Path(small_run["folder"]) / "report.html"
    before = page.read_text()
    page.unlink()
    assert photonflow_("report", small_run["folder"]).exit_code == 0
    assert page.read_text() == before
    assert (page.parent / "result.json").is_file()


BAD_INPUT = {
    "unknown experiment": (["run", "cpo-vs-plugable"], ["did you mean `cpo-vs-"]),
    "unknown key": (["run", NAME, "--set", "serch.starts=8"], ["`serch.starts`"]),
    "wrong dimension": (
        ["run", NAME, "--set", "scale_out.switch_link.end_a.modulator.pad=25 fH"],
        ["modulator.pad", "25 fH", "a capacitance"],
    ),
    "out of range": (
        ["run", NAME, "--set", "scale_out.switch_link.end_a.modulator.gap=3 um"],
        ["modulator.gap", "3 um", "80 nm to 400 nm"],
    ),
    "missing card": (
        ["run", NAME, "--set", "cluster.host=gb300-host"],
        ["`cluster.host`", "gb300-host", "did you mean `gb200-host`"],
    ),
    "too little memory": (
        ["run", NAME, "--set", "workloads.decode.microbatch=1000"],
        ["`microbatch`", "per accelerator are needed", "did you mean"],
    ),
    "layout": (
        ["run", NAME, "--set", "workloads.decode.layout.pipeline=10"],
        ["`layout.pipeline`", "126 layers", "did you mean `9`"],
    ),
    "microbatches": (
        ["run", NAME, "--set", "workloads.decode.microbatches=4"],
        ["`microbatches`", "at least 9"],
    ),
    "unknown slack": (
        ["run", NAME, "--set", "constraints.foald=0.2"],
        ["`constraints.foald`", "did you mean `fold`"],
    ),
    "half a setting": (["run", NAME, "--set", "search.starts"], ["`--set`", "K=V"]),
    "no such task": (["run", NAME, "--task", "6"], ["`--task`: got 6", "0 to 5"]),
    "nothing to gather": (["collect", NAME], ["6 of 6 tasks are missing"]),
    "no scheduler": (["submit", NAME], ["`--slurm`"]),
    "no folder of cards": (["run", NAME, "--cards", "none/such"], ["none/such"]),
    "unknown card": (["show", "cpo-ring-1600"], ["did you mean `cpo-ring-1600g`"]),
    "unknown kind": (["cards", "laser"], ["did you mean `lasers`"]),
    "unknown schema": (["schema", "results"], ["did you mean `result`"]),
    "folder without a run": (["report", "none"], ["result.json"]),
    "no place for a folder": (["run", NAME, "--out", "/dev/null/x"], ["`--out`"]),
    "training on a mesh": (
        [
            *("evaluate", "optical-matrix-unit"),
            *("--set", "workloads.prefill=llama-405b-train"),
            *("--set", "cluster.accelerators=9216"),
        ],
        ["`kind`", "decode or prefill"],
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_ends_in_one_message_and_writes_nothing(case, tmp_path, monkeypatch):
    def never(link, at):
        raise AssertionError("a link was traced before the input was refused")

    for cls in (OpticalLink, CopperLink):
        monkeypatch.setattr(cls, "budget", never)
    monkeypatch.chdir(tmp_path)
    words, expected = BAD_INPUT[case]
    result = photonflow_(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("photonflow: ")
    assert result.stderr.strip().count("\n") == 0
    for word in expected:
        assert word in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["report", "layout"])
def test_a_result_of_another_form_is_refused(command, tmp_path):
    (tmp_path / "result.json").write_text("{}")
    result = photonflow_(command, tmp_path)
    assert result.exit_code == 2
    assert "result.json" in result.stderr and "missing" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_malformed_yaml_ends_in_one_message(tmp_path):
    (tmp_path / "a.yaml").write_text("name: [a\n")
    result = photonflow_("evaluate", tmp_path / "a.yaml")
    assert result.exit_code == 2
    assert "a.yaml" in result.stderr and "line" in result.stderr


def test_a_process_shows_no_traceback_for_bad_input(tmp_path):
    command = [sys.executable, "-m", "photonflow.cli", "run", "none.yaml"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
    )
    assert done.returncode == 2
    assert "none.yaml" in done.stderr and "Traceback" not in done.stderr


def test_a_variant_that_misses_its_limits_ends_in_3_with_its_result(
    evaluated, monkeypatch
):
    missed = json.loads(json.dumps(evaluated))
    missed["variants"][0] |= {
        "feasible": False,
        "status": "infeasible",
        "message": "a misses its ber limit by 1.20 dB; the limiting noise is rin",
    }
    monkeypatch.setattr(photonflow.experiment, "run_study", lambda *_: missed)
    result = photonflow_("evaluate", NAME, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["variants"][0]["feasible"] is False
    assert "1.20 dB" in result.stderr and "rin" in result.stderr
    Result.model_validate(missed)


def test_cards_are_listed_by_kind():
    result = photonflow_("cards", "lasers", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert rows and all({"name", "class", "about"} == set(row) for row in rows)


def test_show_gives_every_number_with_unit_range_and_source():
    result = photonflow_("show", "ring-oband-lateral", "--json")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    rows = {row["path"]: row for row in shown["values"]}
    assert shown["parts"]["junction"] == "junction-lateral-3e18"
    assert {path.rpartition(".")[0] for path in rows} == {"", *shown["parts"]}
    assert rows["gap"]["value"].endswith("nm")
    assert " to " in rows["gap"]["range"] and rows["gap"]["source"]
    table = photonflow_("show", "ring-oband-lateral")
    assert "gap" in table.stdout and "range" in table.stdout


def test_show_takes_settings():
    words = ("show", "ring-oband-lateral", "--set", "gap=150 nm", "--json")
    rows = json.loads(photonflow_(*words).stdout)["values"]
    row = next(row for row in rows if row["path"] == "gap")
    assert row["si"] == 1.5e-7 and row["source"] == "setting"


def test_show_solves_the_budget_of_a_link():
    result = photonflow_("show", "passive-dac")
    assert result.exit_code == 0, result.stderr
    assert "worst corner" in result.stdout and "host SerDes" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "card", ["dsp-dr8-1600g", "lpo-dr8-1600g", "cpo-ring-1600g", "cpo-ring-1600g-host"]
)
def test_every_optical_link_card_meets_its_error_rate(card):
    result = photonflow_("show", card, "--json")
    shown = json.loads(result.stdout)
    assert result.exit_code == 0 and shown["feasible"]
    assert all(drive["reachable"] for drive in shown["drives"])
    assert shown["budget"]["margin_db"] >= 1 - 1e-6


def test_show_lists_variants_cards_and_free_parameters():
    result = photonflow_("show", NAME)
    assert result.exit_code == 0
    for word in ("TP8 x PP9 x DP128", "dsp-dr8-1600g", "modulator.gap", "b200-nvl72"):
        assert word in result.stdout


def test_cite_keeps_estimates_apart():
    result = photonflow_("cite", NAME, "--json")
    assert result.exit_code == 0
    cited = json.loads(result.stdout)
    assert all(row["paths"] and row["cite"] for row in cited["sources"])
    assert all(row["note"] for row in cited["estimates"])
    assert "estimate" not in {row["key"] for row in cited["sources"]}


@pytest.mark.parametrize("name", ["result", "link", "experiment", "workload", "card"])
def test_schemas_are_json_schemas(name):
    result = photonflow_("schema", name)
    assert result.exit_code == 0
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(result.stdout)
    # A workload is one of its kinds.
    assert "oneOf" in schema if name == "workload" else schema["type"] == "object"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_show_lists_the_tasks_by_number():
    told = photonflow_("show", "fabric-sweep")
    assert told.exit_code == 0
    assert re.search(r"9 .*decode .*cpo .* 2 .* 2 ", told.stdout)
    data = json.loads(photonflow_("show", "fabric-sweep", "--json").stdout)
    assert data["tasks"][9] == {
        "workload": "decode",
        "variant": "cpo",
        "point": {
            "scale_out.oversubscription": "2",
            "scale_out.accelerators_per_port": "2",
        },
    }


def test_progress_says_what_a_search_makes_small_and_in_which_unit():
    """The optics are searched in watts before the token is in joules."""
    seen = []
    minimise(
        lambda point: {"cost": point.x0**2 + point.x1**2}, problem(0),
        free=FREE[:2], objective=minimum("cost"), starts=1, callback=seen.append,
    )  # fmt: skip
    assert {now.objective for now in seen} == {"cost"}
    now = seen[-1]._replace(by_branch={0: 35.365, 1: None}, running=3)
    text = _so_far(now._replace(objective=LINK_W))
    assert "35.365 W of free links an accelerator; nothing keeps" in text
    text = _so_far(now._replace(objective=J_PER_TOKEN))
    assert "35.3650 J/token; nothing keeps" in text


def test_the_package_runs_as_the_console_script_does(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["photonflow", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("photonflow", run_name="__main__")
    assert ended.value.code == 0
    assert "[OPTIONS] COMMAND [ARGS]" in capsys.readouterr().out
