"""One task of a study at a time, as a scheduler runs them, and gathering the lot.

The run folder is the state: a task is finished when its folder is there with the
settings it would have now, whoever wrote it.
"""

import threading
from pathlib import Path
from typing import Any

from ..quantity import InputError
from ..result.schema import VariantResult
from .folder import Folder
from .run import Done, Progress, check_constraints, gather, run_task, setting
from .study import Study
from .tasks import Task, task, tasks


def run_one(
    study: Study, number: int, out: Path, progress: Progress
) -> tuple[VariantResult, bool]:
    """What task `number` came to, and whether it was done now or before.

    Nothing but `tasks/<name>/` is written.
    """
    one = task(study, number)
    check_constraints(study)
    folder = Folder(out)
    folder.tidy()
    own = setting(study, one, True)
    kept = folder.find(one.name, own, progress)
    if kept is not None:
        return kept[0], False
    done = run_task(study, one, True, progress, threading.Event())
    folder.keep(one.name, own, *done)
    return done[0], True


def unfinished(study: Study, out: Path, progress: Progress) -> list[int]:
    """Numbers of the tasks that are not in `out` with the settings they have now."""
    return _unfinished(tasks(study), _kept(study, Folder(out), progress)[1])


def collect(study: Study, out: Path, progress: Progress) -> dict[str, Any]:
    """The result of all tasks in `out`; nothing is computed again."""
    folder = Folder(out)
    settings, found = _kept(study, folder, progress)
    missing = _unfinished(list(settings), found)
    if missing:
        names = ", ".join(f"{n} ({list(settings)[n].name})" for n in missing[:3])
        more = f" and {len(missing) - 3} more" if missing[3:] else ""
        raise InputError(
            "all tasks finished with the settings and the version that they have now: "
            "`photonflow run` or `photonflow submit` does the others",
            problem=f"{len(missing)} of {len(settings)} tasks are missing: "
            f"{names}{more}",
            file=out,
        )
    folder.tidy()
    return gather(study, settings, found, folder, progress)


def _kept(
    study: Study, folder: Folder, progress: Progress
) -> tuple[dict[Task, dict[str, Any]], dict[Task, Done]]:
    settings = {one: setting(study, one, True) for one in tasks(study)}
    found = {}
    for one, own in settings.items():
        kept = folder.find(one.name, own, progress)
        if kept is not None:
            found[one] = kept
    return settings, found


def _unfinished(wanted: list[Task], found: dict[Task, Done]) -> list[int]:
    return [number for number, one in enumerate(wanted) if one not in found]
