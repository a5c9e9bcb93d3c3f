"""The points of a sweep: the product of its values, in the order of the file.

A key is what `--set` takes: the path of a quantity in the cluster, or a setting of the
experiment. Every point is checked before anything is computed.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml

from ..component import params
from ..links.laser_drive import CURRENT
from ..quantity import InputError, parse
from ..report.labels import in_a_name


if TYPE_CHECKING:
    from .study import Study

Point = tuple[tuple[str, str], ...]
"""key and value, as `--set` would take them; empty where nothing is swept"""

FIXED = ("name", "title", "sweep")
"""settings that a study has once"""


def points(study: "Study") -> list[Point]:
    """All points; the last key runs fastest. One empty point without a sweep."""
    swept = study.settings.sweep.items()
    return list(itertools.product(*([(k, str(v)) for v in vs] for k, vs in swept)))


def check_sweep(study: "Study") -> None:
    """Raise unless every key and value of the sweep can be used."""
    for key, values in study.settings.sweep.items():
        _check_key(study, key)
        if not values:
            raise InputError(
                "at least one value", got=[], key=f"sweep.{key}", file=study.label
            )
    for point in points(study) if study.settings.sweep else []:
        try:
            here = study.at(point)
            _check_set_once(here, point)
            here._check_point()
        except InputError as error:
            raise _told(error, point, study) from error
    units = _units(study) if study.settings.sweep else {}
    for key, values in study.settings.sweep.items():
        _check_duplicates(study, key, [str(v) for v in values], units.get(key))


def _check_key(study: "Study", key: str) -> None:
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


def _check_set_once(here: "Study", point: Point) -> None:
    """Raise where a variant sets or frees a quantity that is swept."""
    settings, swept = here.settings, dict(point)
    rivals = [(f"variants.{n}.set", v.set) for n, v in settings.variants.items()]
    for variant, free in settings.free.items():
        paths = [f"{w}.{p}" for w in free.where for p in free.parameters]
        rivals.append((f"free.{variant}", dict.fromkeys(paths, "")))
    for place, taken in rivals:
        for key in swept:
            if key in taken:
                raise InputError(
                    "one of them", problem=f"`{place}` has this quantity too", key=key
                )


def _told(error: InputError, point: Point, study: "Study") -> InputError:
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
    study: "Study", key: str, values: Sequence[str], unit: str | None
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
        alike = names.get(in_a_name(text).casefold())
        if alike is not None:
            raise InputError(
                "another unit for one of them",
                problem=f"folders of '{alike}' and '{text}' could not be told apart",
                key=f"sweep.{key}",
                file=study.label,
            )
        read[repr(value)] = text
        names[in_a_name(text).casefold()] = text


def _units(study: "Study") -> dict[str, str]:
    """Unit of every quantity of any variant, by the path that files use."""
    here = study.at(points(study)[0])
    clusters = [here.cluster(variant) for variant in here.variants]
    return {spec.yaml_path: spec.unit for c in clusters for spec in params(c)}
