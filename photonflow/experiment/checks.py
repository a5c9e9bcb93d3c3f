"""Whether a study can be run: everything is checked before anything is computed.

The shape of files is checked where they are read (`io`, `schema`); here is what takes
clusters and workloads: settings, ranges, constraints, fits, and every point of a sweep.
A key of a sweep is what `--set` takes: the path of a quantity in the cluster, or a
setting of the experiment.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .. import limits
from ..cards import Library
from ..cards.values import require_name
from ..component import params, parts, static_fields
from ..quantity import InputError, parse
from ..result.names import escaped
from ..search.choices import combinations
from ..search.laser_drive import CURRENT
from .robust import check_robust
from .schema import Experiment
from .study import Study, SweepPoint
from .workloads import check_fit


FIXED = ("name", "title", "sweep")
"""settings that a study has once"""


def study(
    name_or_path: str | Path,
    settings: Mapping[str, str] | None = None,
    library: Library | None = None,
) -> Study:
    """The experiment at a path, or the shipped one of that name, fully checked."""
    result = Study(name_or_path, settings, library)
    _check_point(result)
    _check_sweep(result)
    return result


def _check_point(study: Study) -> None:
    """Raise unless every setting, variant, workload and range can be used."""
    _check_settings(study)
    _check_constraints(study)
    for variant in study.variants:
        _check_variant(study, variant)
        _check_choices(study, variant)


def _check_variant(study: Study, variant: str) -> None:
    """Raise unless ranges, yield and workloads of a variant can be used."""
    cluster = study.cluster(variant)
    study.free(variant)
    if variant in study.settings.robust:
        check_robust(study, variant)
    for name in study.workloads:
        check_fit(study.workload(name), cluster, study.workload_label(name))


def _check_choices(study: Study, variant: str) -> None:
    """Raise unless every option can be taken, with all that the variant asks of it."""
    choices = study.choices(variant)
    if not choices:
        return
    try:
        combinations(study.cluster(variant), choices, study.free_paths(variant))
    except ValueError as error:
        raise InputError(
            problem=str(error), key=f"free.{variant}", file=study.label
        ) from error
    for paths, options in choices.items():
        for option in options:
            try:
                _check_variant(study.chosen(dict.fromkeys(paths, option)), variant)
            except InputError as error:
                what = error.problem or f"got {error.got!r}"
                error.problem = f"where `{paths[0]}` is {option}: {what}"
                raise


def _check_settings(study: Study) -> None:
    used = {path for v in study.variants for path in study.overridden(v)}
    names = set(Experiment.model_fields)
    for variant in study.variants:
        cluster = study.cluster(variant)
        names |= {spec.yaml_path for spec in params(cluster)}
        names |= set(parts(cluster)) | set(static_fields(cluster))
    for path in study.overrides:
        if path not in used:
            require_name(
                path, names, key=path, file="--set", what="key or path of a quantity"
            )


def _check_constraints(study: Study) -> None:
    """Raise where a constraint names no limit; one that no link has is met."""
    for name in study.settings.constraints:
        if not limits.declared(name):
            key = f"constraints.{name}"
            require_name(name, limits.names(), key=key, file=study.label, what="slack")


def _check_sweep(study: Study) -> None:
    """Raise unless every key and value of the sweep can be used."""
    sweep = study.settings.sweep
    for key, values in sweep.items():
        _check_key(study, key)
        if not values:
            raise InputError(
                "at least one value", got=[], key=f"sweep.{key}", file=study.label
            )
    if not sweep:
        return
    for point in study.points():
        try:
            here = study.at(point)
            _check_set_once(here, point)
            _check_point(here)
        except InputError as error:
            raise _at_sweep_key(error, point, study) from error
    units = _units(study)
    for key, values in sweep.items():
        _check_duplicates(study, key, [str(v) for v in values], units.get(key))


def _check_key(study: Study, key: str) -> None:
    problem = None
    if key.split(".")[0] in FIXED:
        problem = "a study has this once"
    elif key in study.given:
        problem = "also given by --set"
    elif key.startswith("scale_out.") and key.endswith(CURRENT.removesuffix("_a")):
        problem = "laser currents of scale-out links are solved for"
    if problem:
        raise InputError(
            "another key, or no sweep of it",
            problem=problem,
            key=f"sweep.{key}",
            file=study.label,
        )


def _check_set_once(here: Study, point: SweepPoint) -> None:
    """Raise where a variant sets or frees a quantity that is swept."""
    settings, swept = here.settings, dict(point)
    rivals = [(f"variants.{n}.set", v.set) for n, v in settings.variants.items()]
    for variant in settings.free:
        groups = here.groups(variant)
        paths = [f"{w}.{p}" for g in groups for w in g.where for p in g.parameters]
        rivals.append((f"free.{variant}", dict.fromkeys(paths, "")))
    for place, taken in rivals:
        for key in swept:
            if key in taken:
                raise InputError(
                    "one of them", problem=f"`{place}` has this quantity too", key=key
                )


def _at_sweep_key(error: InputError, point: SweepPoint, study: Study) -> InputError:
    """The error of a point, at the key of the sweep that is to blame."""
    values = dict(point)
    # A workload that does not fit names its own key and file, which is not the place
    # to mend it: the key of the sweep that ends alike is.
    ends = [k for k in values if error.key and _ends_alike(k, error.key)]
    key = ends[0] if ends else list(values)[0] if len(values) == 1 else None
    if error.file in (None, "--set") and ends:
        problem, got = error.problem, values[key] if key else error.got
    else:
        at = ", ".join(f"{k} = {v}" for k, v in point)
        what = error.problem or f"got {error.got!r}"
        place = f"{error.file}: `{error.key}`: " if error.key else ""
        problem, got = f"at {at}: {place}{what}", error.got
    return InputError(
        error.allowed,
        got=got,
        problem=problem,
        key=f"sweep.{key}" if key else "sweep",
        file=study.label,
        nearest=error.nearest,
    )


def _ends_alike(key: str, wrong: str) -> bool:
    return key == wrong or key.endswith(f".{wrong}")


def _check_duplicates(
    study: Study, key: str, values: Sequence[str], unit: str | None
) -> None:
    """Raise where two values are one, or would bear one name in a file system."""
    read: dict[Any, str] = {}
    names: dict[str, str] = {}
    for text in values:
        value: Any = yaml.safe_load(text)
        if unit is not None:
            value = parse(text, unit, bare=True)
        same = read.get(repr(value))
        if same is not None:
            raise InputError(
                "every value once",
                problem=f"'{text}' is '{same}' again",
                key=f"sweep.{key}",
                file=study.label,
            )
        alike = names.get(escaped(text).casefold())
        if alike is not None:
            raise InputError(
                "another unit for one of them",
                problem=f"folders of '{alike}' and '{text}' could not be told apart",
                key=f"sweep.{key}",
                file=study.label,
            )
        read[repr(value)] = text
        names[escaped(text).casefold()] = text


def _units(study: Study) -> dict[str, str]:
    """Unit of every quantity of any variant, by the path that files use."""
    here = study.at(study.points()[0])
    clusters = [here.cluster(variant) for variant in here.variants]
    return {spec.yaml_path: spec.unit for c in clusters for spec in params(c)}
