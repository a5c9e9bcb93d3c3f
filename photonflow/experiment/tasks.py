"""The tasks of a study and their numbers: what is computed, kept and skipped whole."""

from typing import NamedTuple

from ..quantity import InputError
from ..result.names import task_name
from .study import Study, SweepPoint


class Task(NamedTuple):
    """One variant with one workload at one point of the sweep."""

    workload: str
    variant: str
    point: SweepPoint = ()

    @property
    def name(self) -> str:
        """Name of the task and of its folder."""
        return task_name(self.workload, self.variant, dict(self.point))


def tasks(study: Study) -> list[Task]:
    """All tasks of `study`: workloads, in them variants, in them points.

    The number of a task is its place in this list; each follows the order of the file,
    and the last key of the sweep runs fastest.
    """
    grid = study.points()
    found = [
        Task(w, v, p) for w in study.workloads for v in study.variants for p in grid
    ]
    names: dict[str, Task] = {}
    for task in found:
        other = names.setdefault(task.name.casefold(), task)
        if other is not task:
            raise InputError(
                "other names of workloads or variants",
                problem=f"two tasks would share the folder '{task.name}'",
                file=study.label,
            )
    return found


def numbered(study: Study, number: int) -> Task:
    """The task of that number."""
    found = tasks(study)
    if not 0 <= number < len(found):
        raise InputError(
            f"0 to {len(found) - 1}: {study.label} has {len(found)} "
            f"task{'s' if len(found) > 1 else ''}",
            got=number,
            key="--task",
        )
    return found[number]
