"""Studies under Slurm: a readable array of tasks, then a job that gathers them.

Nothing of ours stays with the scheduler. A task is one command, `photonflow run EXP
--task I`, and the run folder says which are finished: a task that was killed, requeued
or lost is simply run again, and submitting again asks for the unfinished ones only.
"""

import dataclasses
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .experiment import Study, tasks, unfinished
from .quantity import InputError


TIMEOUT_S = 60.0
"""a command of Slurm that takes longer has failed"""
TIME_LIMIT = re.compile(r"\d+(:\d\d){0,2}|\d+-\d+(:\d\d){0,2}")
PARTITIONS = re.compile(r"[\w.+-]+(,[\w.+-]+)*")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""what numpy's libraries and XLA (`NPROC`) read; else they take the whole node"""


@dataclasses.dataclass(frozen=True)
class Request:
    """Options of `photonflow submit`."""

    exp: str
    settings: tuple[str, ...] = ()
    out: Path | None = None
    cards: Path | None = None
    partition: str | None = None
    time: str | None = None
    cpus: int = 2
    parallel: int | None = None


@dataclasses.dataclass(frozen=True)
class Job:
    """Two scripts for Slurm, and where they go."""

    name: str
    exp: str
    folder: Path
    numbers: list[int]
    """unfinished tasks"""
    count: int
    """all tasks"""
    array: str
    collect: str

    def text(self) -> str:
        """Both scripts, as `--dry-run` prints them."""
        if not self.numbers:
            return _nothing(self)
        return f"{self.array}\n# --- {self.folder / 'collect.sh'} ---\n{self.collect}"


def render(study: Study, request: Request) -> Job:
    """The scripts for the tasks of `study` that are not finished."""
    _check(request)
    folder = (request.out or Path("runs") / study.name).absolute()
    numbers, count = unfinished(study, folder, lambda text: None), len(tasks(study))
    mark = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    name = f"{study.name}-{mark}"  # so that squeue tells whose tasks are waiting
    exp = str(study.file.absolute()) if Path(request.exp).is_file() else request.exp
    common = [exp, "--out", str(folder)]
    if request.cards is not None:
        common += ["--cards", str(request.cards.absolute())]
    for setting in request.settings:
        common += ["--set", setting]
    throttle = f"%{request.parallel}" if request.parallel else ""
    array = _script(
        f"{len(numbers)} of the {count} tasks of {study.name}; "
        "`photonflow show` lists them by number.",
        {
            "job-name": name,
            "array": ranges(numbers) + throttle,
            "requeue": None,  # after preemption: a task begins again
            "output": _log(folder, "task-%a.log"),
            **_resources(request),
        },
        ["run", *common, "--verbose"],
        ["--task", '"$SLURM_ARRAY_TASK_ID"'],
    )
    collect = _script(
        f"Gathers the tasks of {study.name}: "
        "sbatch --dependency=afterany:JOB collect.sh",
        {
            "job-name": f"{name}-collect",
            "requeue": None,
            "output": _log(folder, "collect.log"),
            **_resources(request),
        },
        ["collect", *common, "--verbose"],
        [],
    )
    return Job(name, request.exp, folder, numbers, count, array, collect)


def submit(job: Job) -> str:
    """Submit both scripts; which jobs they became, and how to watch or stop them."""
    if not job.numbers:
        return _nothing(job)
    if shutil.which("sbatch") is None:
        raise InputError(
            f"Slurm on this machine; `photonflow run {job.exp}` does the same here, "
            "and `--dry-run` shows the script",
            problem="there is no command `sbatch`",
            key="--slurm",
        )
    _check_size(job)
    _check_queue(job)
    (job.folder / "logs").mkdir(parents=True, exist_ok=True)
    for name, text in (("submit.sh", job.array), ("collect.sh", job.collect)):
        part = job.folder / f".{name}.part"
        part.write_text(text, "utf-8")
        part.chmod(0o755)
        part.replace(job.folder / name)
    array_id = _sbatch([str(job.folder / "submit.sh")])
    try:
        script = str(job.folder / "collect.sh")
        collect_id = _sbatch([f"--dependency=afterany:{array_id}", script])
    except InputError as error:
        error.problem = f"job {array_id} runs the tasks, but nothing gathers: " + (
            error.problem or ""
        )
        raise
    many = "s" if len(job.numbers) > 1 else ""
    return (
        f"Job {array_id}: {len(job.numbers)} task{many} of {job.count} "
        f"({ranges(job.numbers)}); job {collect_id} gathers them afterwards.\n"
        f"Watch: squeue --jobs={array_id},{collect_id}; tail -f "
        f"{shlex.quote(str(job.folder / 'logs'))}/task-{job.numbers[0]}.log\n"
        f"Stop: scancel {array_id}. The same `photonflow submit` again goes on.\n"
        f"Result: {job.folder / 'report.html'}"
    )


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as Slurm writes them: `3,7-11`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in found)


def _check(request: Request) -> None:
    if request.time is not None and not TIME_LIMIT.fullmatch(request.time):
        raise InputError("HH:MM:SS or D-HH:MM:SS", got=request.time, key="--time")
    if request.partition is not None and not PARTITIONS.fullmatch(request.partition):
        raise InputError("a name", got=request.partition, key="--partition")


def _resources(request: Request) -> dict[str, str | None]:
    options: dict[str, str | None] = {
        "open-mode": "append",  # a task that begins again adds to its log
        "cpus-per-task": str(request.cpus),
        "chdir": _quoted(str(Path.cwd())),
    }
    if request.time:
        options["time"] = request.time
    if request.partition:
        options["partition"] = request.partition
    return options


def _script(
    about: str, options: dict[str, str | None], words: list[str], task: list[str]
) -> str:
    """A batch script of `photonflow` with `words`; the shell expands `task`."""
    given = {
        key: "" if value is None else f"={value}" for key, value in options.items()
    }
    lines = [f"#SBATCH --{key}{value}" for key, value in given.items()]
    cache = os.environ.get("PHOTONFLOW_CACHE_DIR")
    variables = {
        "PYTHONPATH": os.environ.get("PYTHONPATH"),
        # Where tasks find what others have compiled.
        "PHOTONFLOW_CACHE_DIR": cache and str(Path(cache).absolute()),
    }
    command = [shlex.quote(word) for word in (sys.executable, "-m", "photonflow.cli")]
    rest = [*(shlex.quote(word) for word in words), *task]
    return "\n".join(
        [
            "#!/bin/bash",
            f"# {about}",
            *lines,
            "",
            "# As many threads as CPUs were asked for, and the same device everywhere.",
            *(f"export {name}=$SLURM_CPUS_PER_TASK" for name in THREADS),
            "export JAX_PLATFORMS=cpu",
            *(f"export {k}={shlex.quote(v)}" for k, v in variables.items() if v),
            "",
            f"{' '.join(command)} {' '.join(rest)}",
            "code=$?",
            "# 3: a design misses its limits, which is a result and no failure.",
            'if [ "$code" -eq 3 ]; then code=0; fi',
            'exit "$code"',
            "",
        ]
    )


def _log(folder: Path, name: str) -> str:
    # In the name of a log, % starts a pattern.
    place = str(folder / "logs").replace("%", "%%")
    return _quoted(f"{place}/{name}")


def _quoted(text: str) -> str:
    """`text` as `#SBATCH` lines take it: they know quotes, but end at the line."""
    if "\n" in text:
        raise InputError("a path of one line", got=text, key="--out")
    return shlex.quote(text)


def _nothing(job: Job) -> str:
    return (
        f"Nothing to submit: of {job.count} tasks none is unfinished in {job.folder}; "
        f"`photonflow collect {job.exp}` gathers them."
    )


def _check_size(job: Job) -> None:
    """Raise where the cluster takes no array with such high numbers."""
    try:
        answer = _slurm(["scontrol", "show", "config"])
    except InputError:
        return  # sbatch will say what is wrong
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", answer, re.M)
    if found and job.numbers[-1] >= int(found[1]):
        raise InputError(
            f"at most {found[1]} tasks (MaxArraySize of this cluster): give the sweep "
            "in parts, as `--set sweep.KEY=[...]`, each with its own --out",
            problem=f"the highest task is {job.numbers[-1]}",
            key="--slurm",
        )


def _check_queue(job: Job) -> None:
    """Raise where tasks of the same folder are waiting or running."""
    answer = _slurm(["squeue", "--noheader", "--format=%A", f"--name={job.name}"])
    waiting = sorted(set(answer.split()))
    if waiting:
        ids = " ".join(waiting)
        raise InputError(
            f"an empty queue for this folder: wait, or `scancel {ids}` first",
            problem=f"job {ids} is still at these tasks",
            key="--out",
            file=job.folder,
        )


def _sbatch(words: list[str]) -> str:
    """The id of the job that sbatch made."""
    return _slurm(["sbatch", "--parsable", *words]).strip().split(";")[0]


def _slurm(command: list[str]) -> str:
    """Standard output of a Slurm command; a refusal in Slurm's own words."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        problem = f"there is no command `{command[0]}`"
        raise InputError("Slurm's commands", problem=problem) from error
    except subprocess.TimeoutExpired as error:
        problem = f"`{command[0]}` has not answered in {TIMEOUT_S:.0f} s"
        raise InputError(problem=problem, key="--slurm") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise InputError(
            problem=f"{said or f'exit code {done.returncode}'}", key="--slurm"
        )
    return done.stdout
