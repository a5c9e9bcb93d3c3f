import json
import os
import time

import pytest


os.environ.setdefault("MPLBACKEND", "Agg")
# Tests compile far more than they compute: together these leave a sixth of it.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0",
)

import jax  # noqa: E402  (reads the flags above)
import jaxtyping  # noqa: E402


jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config):
    # Types and shapes are checked in every test; who only lists them need not wait.
    if config.option.collectonly:
        return
    jaxtyping.install_import_hook("photonflow", "beartype.beartype")
    from photonflow.compilation import enable_cache

    # What one worker or command has compiled no other does, today or tomorrow.
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = config.cache.mkdir("programs")
        os.environ.setdefault("PHOTONFLOW_CACHE_DIR", str(folder))
    enable_cache()


@pytest.fixture(autouse=True)
def _dtype_promotion():
    with jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, worker_id):
    """One variant through `evaluate --json` and `run --out`: computed by one worker.

    Compiling is what takes the time, so all tests of results and of the command line
    look at the same run. `experiment` and `folder` are paths; `exit_code`, `stdout` and
    `stderr` are of `evaluate`.
    """
    top = tmp_path_factory.getbasetemp()
    top = (top if worker_id == "master" else top.parent) / "small"
    try:
        top.mkdir()
    except FileExistsError:  # another worker is at it
        for _ in range(600):
            if (top / "done.json").exists():
                break
            time.sleep(0.5)
    else:
        done = _small_run(top)
        (top / "part.json").write_text(json.dumps(done))
        os.replace(top / "part.json", top / "done.json")
    return json.loads((top / "done.json").read_text())


@pytest.fixture(scope="session")
def evaluated(small_run):
    """The result of one variant, as `evaluate --json` prints it."""
    return json.loads(small_run["stdout"])


def _small_run(top):
    import yaml
    from typer.testing import CliRunner

    from photonflow.cli import app
    from photonflow.experiment.io import shipped

    data = yaml.safe_load((shipped() / "cpo-vs-pluggable.yaml").read_text())
    del data["free"], data["constraints"]
    data |= {"name": "small", "variants": {"lpo": data["variants"]["lpo"]}}
    data["workloads"] = {"decode": data["workloads"]["decode"]}
    (top / "small.yaml").write_text(yaml.safe_dump(data))
    with jax.numpy_dtype_promotion("strict"):
        first = CliRunner().invoke(app, ["evaluate", str(top / "small.yaml"), "--json"])
        out = ["--out", str(top / "run"), "--quiet"]
        second = CliRunner().invoke(app, ["run", str(top / "small.yaml"), *out])
    for result in (first, second):
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
    return {
        "experiment": str(top / "small.yaml"),
        "folder": str(top / "run"),
        "exit_code": first.exit_code,
        "stdout": first.stdout,
        "stderr": first.stderr,
        "run_exit_code": second.exit_code,
        "run_stdout": second.stdout,
    }


@pytest.fixture(scope="session")
def worker_id(request):
    """Name of this worker; pytest-xdist has the same fixture, where it is there."""
    return os.environ.get("PYTEST_XDIST_WORKER", "master")
