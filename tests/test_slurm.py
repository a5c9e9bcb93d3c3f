"""Studies under Slurm: the script, its refusals, and a real cluster of two nodes."""

import getpass
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from photonflow.cli import app
from photonflow.experiment import study, tasks
from photonflow.experiment.batch import setting
from photonflow.experiment.folder import Folder
from photonflow.quantity import InputError
from photonflow.result.schema import VariantResult
from photonflow.slurm import Request, ranges, render


ROOT = Path(__file__).parent.parent
NAME = "fabric-sweep"
QUICK = {
    "name": "quick",
    "workloads": {"decode": "llama-405b-decode"},
    "cluster": {
        "accelerators": 9216,
        "accelerator": "b200-nvl72",
        "scale_up": "nvl72-copper",
        "scale_out": "rail-fat-tree-3",
        "host": "gb200-host",
        "facility": "liquid-cooled",
        "nominal": "room-nominal",
        "worst": "room-worst",
    },
    # Copper compiles in a third of the time of light; a metre is what it reaches.
    "variants": {
        "copper": {
            "parts": {
                "scale_out.host_link": "passive-dac",
                "scale_out.switch_link": "passive-dac",
            },
            "set": {"scale_out.host_length": "1 m", "scale_out.switch_length": "1 m"},
        }
    },
    "sweep": {"scale_out.oversubscription": ["1", "2", "3", "4"]},
}


@pytest.fixture
def quick(tmp_path):
    path = tmp_path / "quick.yaml"
    path.write_text(yaml.safe_dump(QUICK, sort_keys=False))
    return path


def photonflow_(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def submit(exp, out, *words):
    return photonflow_("submit", exp, "--slurm", "--out", out, *words)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A PATH with git, whose commit is part of the settings, and without Slurm."""
    folder = tmp_path / "bin"
    folder.mkdir()
    if git := shutil.which("git"):
        (folder / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(folder))
    return folder


# --- the script ---------------------------------------------------------------------


def test_a_dry_run_prints_both_scripts_and_leaves_no_trace(bare, tmp_path):
    out = tmp_path / "out"
    words = ("--dry-run", "--parallel", 3, "--time", "01:30:00", "--partition", "low")
    told = submit(NAME, out, *words)
    assert told.exit_code == 0, told.stderr
    for line in (
        "#SBATCH --array=0-11%3",
        "#SBATCH --requeue",
        "#SBATCH --time=01:30:00",
        "#SBATCH --partition=low",
        f"#SBATCH --output={out}/logs/task-%a.log",
        "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK",
    ):
        assert line in told.stdout.splitlines()
    assert "afterany" in told.stdout and "photonflow.cli collect" in told.stdout
    assert not out.exists()


def test_the_scripts_are_bash_and_quote_what_a_shell_would_take_apart(
    tmp_path, monkeypatch
):
    """A stand-in for Python prints the words it is given, one a line."""
    nasty = tmp_path / "a $HOME; 'b' %c"
    nasty.mkdir()
    python = nasty / "python"
    python.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$@" "$NPROC" "$PYTHONPATH"\nexit 3\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PYTHONPATH", "/some where")
    found = study(NAME)
    settings = ("facility.cooling=20 %", "title=$(touch gone) `touch gone`")
    job = render(found, Request(NAME, settings, nasty, nasty / "cards"))
    for text, words in (
        (job.array, ["run", NAME]),
        (job.collect, ["collect", NAME]),
    ):
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", text],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"SLURM_ARRAY_TASK_ID": "7", "SLURM_CPUS_PER_TASK": "5", "PATH": ""},
            timeout=20,
        )
        assert done.returncode == 0, done.stderr  # 3 is a result
        *given, threads, path = done.stdout.splitlines()
        assert (threads, path) == ("5", "/some where")
        assert given[:4] == ["-m", "photonflow.cli", *words]
        assert given[given.index("--out") + 1] == str(nasty)
        assert given[given.index("--cards") + 1] == str(nasty / "cards")
        values = [v for k, v in zip(given, given[1:], strict=False) if k == "--set"]
        assert tuple(values) == settings
        if words[0] == "run":
            assert given[given.index("--task") + 1] == "7"
    assert not (tmp_path / "gone").exists()
    line = next(x for x in job.array.splitlines() if x.startswith("#SBATCH --output"))
    # In the name of a log % is a pattern, and %% is a per cent sign.
    output = shlex.split(line.removeprefix("#SBATCH "))[0]
    assert output == f"--output={nasty}/logs/task-%a.log".replace("%c", "%%c")


def test_only_unfinished_tasks_are_asked_for(quick, evaluated, tmp_path):
    found, out = study(quick), tmp_path / "out"
    listed = tasks(found)
    row = VariantResult.model_validate(evaluated["variants"][0])
    for number in (1, 3):
        own = setting(found, listed[number], True)
        Folder(out).keep(listed[number].name, own, row, [])
    assert "#SBATCH --array=0,2\n" in render(found, Request(str(quick), out=out)).array
    for number in (0, 2):
        own = setting(found, listed[number], True)
        Folder(out).keep(listed[number].name, own, row, [])
    told = submit(quick, out)
    assert told.exit_code == 0 and "Nothing to submit" in told.stdout
    # Other settings are other tasks.
    told = submit(quick, out, "--dry-run", "--set", "facility.cooling=0.3")
    assert "--array=0-3" in told.stdout


def test_numbers_are_written_as_ranges():
    assert ranges([0, 1, 2, 3]) == "0-3"
    assert ranges([3, 7, 8, 9, 10, 11]) == "3,7-11"
    assert ranges([5]) == "5"


# --- refusals: stand-ins for the commands of a cluster --------------------------------


@pytest.fixture
def commands(bare):
    """Puts bash scripts into PATH under the names of Slurm's commands."""

    def make(**scripts):
        for name, text in scripts.items():
            (bare / name).write_text(f"#!/bin/bash\n{text}\n")
            (bare / name).chmod(0o755)

    make(scontrol="echo 'MaxArraySize            = 1001'", squeue="", sbatch="echo 7")
    return make


def refused(told, *words):
    assert told.exit_code == 2, told.stdout
    assert told.stderr.startswith("photonflow: ")
    assert told.stderr.strip().count("\n") == 0
    for word in words:
        assert word in told.stderr


def test_without_slurm_the_message_says_what_to_do_instead(quick, bare, tmp_path):
    told = submit(quick, tmp_path / "out")
    refused(told, "`sbatch`", f"`photonflow run {quick}`", "--dry-run")
    assert not (tmp_path / "out").exists()


def test_a_scheduler_has_to_be_named(quick, tmp_path):
    refused(photonflow_("submit", quick, "--out", tmp_path / "out"), "`--slurm`")


def test_what_slurm_refuses_is_said_in_its_words(quick, tmp_path, commands):
    commands(sbatch="echo 'sbatch: error: invalid partition: nope' >&2; exit 1")
    refused(submit(quick, tmp_path / "out"), "sbatch: error: invalid partition: nope")


def test_an_array_larger_than_the_cluster_takes_is_refused(quick, tmp_path, commands):
    commands(scontrol="echo 'MaxArraySize            = 3'")
    refused(submit(quick, tmp_path / "out"), "MaxArraySize", "3 tasks", "task is 3")
    assert not (tmp_path / "out").exists()


def test_tasks_that_are_queued_are_not_queued_again(quick, tmp_path, commands):
    commands(squeue="echo 41; echo 41")
    refused(submit(quick, tmp_path / "out"), "job 41", "scancel 41")


def test_a_gathering_job_that_is_refused_names_the_job_that_runs(
    quick, tmp_path, commands
):
    commands(
        sbatch='[[ "$*" == *afterany:7* ]] || { echo 7; exit; }; echo no >&2; exit 1'
    )
    refused(submit(quick, tmp_path / "out"), "job 7 runs the tasks", "no")


def test_times_and_partitions_cannot_smuggle_lines_in(quick, tmp_path):
    out = tmp_path / "out"
    for bad in ("1 hour", "1:2:3", "01:00:00\n#SBATCH --uid=0"):
        refused(submit(quick, out, "--dry-run", "--time", bad), "`--time`", "HH:MM:SS")
    refused(submit(quick, out, "--dry-run", "--partition", "a b"), "`--partition`")
    for bad in ("--cpus", "--parallel"):
        assert submit(quick, out, "--dry-run", bad, "0").exit_code == 2


def test_a_folder_whose_path_is_two_lines_is_refused(quick, tmp_path):
    with pytest.raises(InputError, match="one line"):
        render(study(quick), Request(str(quick), out=tmp_path / "a\nb"))


# --- a real Slurm -------------------------------------------------------------------


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Two emulated nodes on this machine; skips where Slurm is not installed."""
    missing = [c for c in ("slurmctld", "slurmd", "sbatch", "munged") if not _which(c)]
    if missing:
        pytest.skip(f"no Slurm on this machine: {', '.join(missing)} missing")
    if os.geteuid() != 0:
        pytest.skip(f"Slurm's daemons want root, this is {getpass.getuser()}")
    script = str(ROOT / "scripts" / "slurm_local.sh")
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PYTHONPATH", str(ROOT))
        try:
            # Daemons keep their parent's pipes open: a file does not wait for them.
            with (folder / "start.log").open("w") as log:
                subprocess.run(
                    ["bash", script, "start", str(folder), "2"],
                    stdout=log, stderr=log, timeout=60, check=True,
                )  # fmt: skip
            yield folder
        finally:
            subprocess.run(
                ["bash", script, "stop", str(folder)], timeout=90, check=False
            )


def _which(command):
    return shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def ask(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(what, seconds, told=lambda: ""):
    """Waits until `what()` is true, which has to be within `seconds`."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s: {told()}"
        time.sleep(0.2)


def queue():
    return ask("squeue", "--noheader", "--array", "--format=%i %T %j")


def number_of(told, tasks):
    """The job that `photonflow submit` says it has submitted."""
    found = re.match(rf"Job (\d+): {re.escape(tasks)};", told)
    assert found, told
    return found[1]


def log(out, number):
    path = out / "logs" / f"task-{number}.log"
    return path.read_text() if path.is_file() else ""


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def equal(ours, theirs):
    """Both folders have the same tasks, and the same result, byte by byte."""
    names = [sorted(p.name for p in (f / "tasks").iterdir()) for f in (ours, theirs)]
    assert names[0] == names[1] and names[0]
    for name in names[0]:
        assert contents(ours / "tasks" / name) == contents(theirs / "tasks" / name), (
            name
        )
    for name in ("result.json", "resolved.yaml", "trace.parquet", "report.html"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_a_killed_task_is_resumed_and_equals_a_local_run_bit_for_bit(
    slurm, quick, tmp_path
):
    out = tmp_path / "on slurm"
    first = submit(quick, out, "--cpus", 1)  # two at a time on each node
    assert first.exit_code == 0, first.stderr
    job = number_of(first.stdout, "4 tasks of 4 (0-3)")
    refused(submit(quick, out), f"job {job}", "is still at these tasks")
    until(lambda: "laser" in log(out, 1), 300, lambda: queue() + log(out, 1))
    ask("scancel", "--full", "--signal=KILL", f"{job}_1")
    until(lambda: not queue(), 600, queue)

    name = "decode.copper.oversubscription=2"
    left = [p.name for p in (out / "tasks").iterdir() if not p.name.startswith(".")]
    assert sorted(left) == [name.replace("=2", f"={n}") for n in (1, 3, 4)]
    assert not (out / "result.json").exists()
    missing = f"1 of 4 tasks are missing: 1 ({name})"
    assert missing in (out / "logs" / "collect.log").read_text()

    again = submit(quick, out)
    assert again.exit_code == 0, again.stderr
    assert "#SBATCH --array=1\n" in (out / "submit.sh").read_text()
    local = tmp_path / "local"  # in this process, two tasks at a time
    assert photonflow_("run", quick, "--out", local, "--quiet").exit_code == 0
    until(lambda: not queue(), 300, queue)
    assert (out / "result.json").is_file(), (out / "logs/collect.log").read_text()
    equal(out, local)


def test_a_partition_that_is_none_is_refused_by_slurm(slurm, quick, tmp_path):
    told = submit(quick, tmp_path / "out", "--partition", "nope")
    refused(told, "partition")
    assert not queue()


@pytest.mark.slow
def test_the_shipped_sweep_survives_a_kill_and_a_requeue_on_two_nodes(slurm, tmp_path):
    out = tmp_path / "slurm"
    first = submit(NAME, out)
    assert first.exit_code == 0, first.stderr
    job = number_of(first.stdout, "12 tasks of 12 (0-11)")
    # As a preemption does it: task 2 starts again by itself.
    until(lambda: "evaluation" in log(out, 2), 900, lambda: queue() + log(out, 2))
    ask("scontrol", "requeue", f"{job}_2")
    until(lambda: "evaluation" in log(out, 5), 900, lambda: queue() + log(out, 5))
    ask("scancel", "--full", "--signal=KILL", f"{job}_5")
    until(lambda: not queue(), 2400, queue)
    assert log(out, 2).count("laser currents") == 2
    assert "1 of 12 tasks are missing: 5 " in (out / "logs/collect.log").read_text()
    assert submit(NAME, out).exit_code == 0
    until(lambda: not queue(), 600, queue)
    local = tmp_path / "local"
    assert photonflow_("run", NAME, "--out", local, "--quiet").exit_code == 0
    equal(out, local)
