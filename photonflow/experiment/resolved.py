"""`resolved.yaml`: everything a result depends on, every default written out."""

import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax

from ..cards.library import card_root
from ..component import params
from ..quantity import show
from .study import Study
from .tasks import Task


PACKAGES = ("photonflow", "jax", "jaxlib", "equinox", "diffrax", "numpy")


def resolved(study: Study, task: Task, search: bool) -> dict[str, Any]:
    """Settings, versions and every number of one task, as plain YAML data.

    `study` is the one at the task's point. The other points of the sweep are left out:
    a sweep that grows keeps what it has.
    """
    workload, variant = task.workload, task.variant
    cluster, origins = study.cluster(variant), study.provenance(variant)
    values = {}
    for spec in params(cluster):
        origin = origins[spec.path]
        values[spec.path] = {
            "value": show(spec.value, spec.unit),
            "si": float(spec.value),
            "card": origin.card,
            "source": origin.source,
            "kind": origin.kind,
        }
    counts = study.workload(workload)
    return {
        "task": {
            "workload": workload,
            "variant": variant,
            "point": dict(task.point) or None,
            "search": search,
        },
        "experiment": study.settings.model_dump(mode="json", exclude={"sweep"}),
        "set": dict(study.overrides),
        "seed": study.settings.search.seed,
        "workload": study.workload_file(workload).model_dump(mode="json"),
        "workload_values": {s.path: float(s.value) for s in params(counts)},
        "values": values,
        "versions": versions(),
        "commit": commit(),
        "jax": {
            "x64": bool(jax.config.jax_enable_x64),  # type: ignore[attr-defined]
            "platform": jax.default_backend(),
        },
    }


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers come through."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a checkout that is not installed
            found[name] = "not installed"
    return found


@functools.cache
def commit() -> str | None:
    """Commit of the checkout, with `+` where files differ; null in a wheel."""
    root = card_root()
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Any, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()
