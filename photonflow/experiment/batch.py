"""All tasks of a study, one of them as a scheduler runs it, or gathering the lot.

The run folder is the state: a task is finished when its folder is there with the
settings it would have now, whoever wrote it.
"""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import jax

from ..cluster.budgets import compile_ahead
from ..quantity import InputError
from ..result.schema import SCHEMA, Result, VariantResult
from ..result.summary import summary
from ..validation.published import published_watts
from .folder import Folder, OnProgress
from .resolved import resolved
from .rows import sources
from .run import Done, run_task
from .study import Study
from .tasks import Task, numbered, tasks


Settings = dict[Task, dict[str, Any]]
"""everything that the result of each task depends on"""


def run_study(
    study: Study,
    search: bool,
    out: Path | None = None,
    progress: OnProgress = lambda text: None,
) -> dict[str, Any]:
    """Evaluate all tasks of `study`, with `search` where it frees parameters.

    With a folder `out` everything is written there, and a task that is finished there
    with the same settings is not done again.
    """
    folder = None if out is None else Folder(out)
    if folder is not None:
        folder.tidy()
    settings = _settings(study, search)
    found = {} if folder is None else _finished(settings, folder, progress)
    stop, cut = threading.Event(), set()

    def work_off(queue: list[Task]) -> dict[Task, Done]:
        done = {}
        for task in queue:
            if stop.is_set():
                break
            done[task] = run_task(study, task, search, progress, stop)
            if stop.is_set():  # it may have been cut short
                cut.add(task)
            elif folder is not None:
                folder.keep(task.name, settings[task], *done[task])
        return done

    queues = _queues(study, [task for task in settings if task not in found])
    for first, *_ in queues:
        here = study.at(first.point)
        free = here.free_paths(first.variant) if search else []
        compile_ahead(here.cluster(first.variant), free)
    # Most of the time goes into compiling, which leaves a core idle: two at once.
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(work_off, queue) for queue in queues]
        try:
            wait(futures)
        except KeyboardInterrupt:  # ends searches with their best; once more ends all
            stop.set()
            progress("interrupted: searches end with the best design so far")
        for future in futures:
            found |= future.result()
    if len(found) < len(settings):
        whole = len(found.keys() - cut)
        progress(f"{whole} of {len(settings)} tasks are done; run again to go on")
        raise KeyboardInterrupt
    return _gather(study, settings, found, folder, progress)


def run_one(
    study: Study, number: int, out: Path, progress: OnProgress
) -> tuple[VariantResult, bool]:
    """What task `number` came to, and whether it was done now or before.

    Nothing but `tasks/<name>/` is written.
    """
    task = numbered(study, number)
    folder = Folder(out)
    folder.tidy()
    own = setting(study, task, True)
    kept = folder.find(task.name, own, progress)
    if kept is not None:
        return kept[0], False
    done = run_task(study, task, True, progress, threading.Event())
    folder.keep(task.name, own, *done)
    return done[0], True


def collect(study: Study, out: Path, progress: OnProgress) -> dict[str, Any]:
    """The result of all tasks in `out`; nothing is computed again."""
    folder = Folder(out)
    settings = _settings(study, True)
    found = _finished(settings, folder, progress)
    missing = _missing(settings, found)
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
    return _gather(study, settings, found, folder, progress)


def unfinished(study: Study, out: Path, progress: OnProgress) -> list[int]:
    """Numbers of the tasks that are not in `out` with the settings they have now."""
    settings = _settings(study, True)
    return _missing(settings, _finished(settings, Folder(out), progress))


def setting(study: Study, task: Task, search: bool) -> dict[str, Any]:
    """Everything that the result of `task` depends on."""
    return resolved(study.at(task.point), task, search)


def _settings(study: Study, search: bool) -> Settings:
    return {task: setting(study, task, search) for task in tasks(study)}


def _finished(
    settings: Settings, folder: Folder, progress: OnProgress
) -> dict[Task, Done]:
    """What `folder` has of the tasks, done with just these settings."""
    found = {t: folder.find(t.name, own, progress) for t, own in settings.items()}
    return {task: done for task, done in found.items() if done is not None}


def _missing(settings: Settings, found: dict[Task, Done]) -> list[int]:
    return [number for number, task in enumerate(settings) if task not in found]


def _queues(study: Study, unfinished: list[Task]) -> list[list[Task]]:
    """Tasks that share what is compiled, those with a search first: they take longest.

    They do where clusters have one structure.
    """
    free = study.settings.free
    queues: dict[Any, list[Task]] = {}
    for task in sorted(unfinished, key=lambda task: task.variant not in free):
        cluster = study.at(task.point).cluster(task.variant)
        queues.setdefault(jax.tree.structure(cluster), []).append(task)
    return list(queues.values())


def _gather(
    study: Study,
    settings: Settings,
    found: dict[Task, Done],
    folder: Folder | None,
    progress: OnProgress,
) -> dict[str, Any]:
    """The result of all tasks, which are done, written to `folder`."""
    results = [found[task][0] for task in settings]
    traces = [{"task": task.name, **row} for task in settings for row in found[task][1]]
    published = published_watts(_link_cards(results))
    result = Result(
        schema=SCHEMA,
        experiment=study.name,
        title=study.settings.title,
        objective=study.settings.objective,
        variants=results,
        sources=sources(study, published),
        published=published,
        summary=summary(results),
    )
    plain = result.plain()
    if folder is not None:
        named = {task.name: own for task, own in settings.items()}
        folder.finish(named, plain, traces, progress)
    return plain


def _link_cards(results: list[VariantResult]) -> set[str]:
    tiers = [tier for result in results for tier in result.links.values()]
    return {hop.technology for tier in tiers for hop in tier.hops}
