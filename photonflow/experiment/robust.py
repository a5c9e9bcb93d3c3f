"""A variant whose engine is to work from part to part: yield of one kind of link.

The link both of whose ends are free is searched once more, from the optimum of the
parts as drawn, for the least mean watts at which the wanted share of all links keeps
every limit at the worst corner. The design then goes wherever the engine is.
"""

from typing import Any, NamedTuple

from .. import limits
from ..cards.values import require_name
from ..causes import DIRECTIONS
from ..cluster.hardware import Cluster
from ..component import getter, params, replace
from ..links.base import AbstractLink, Conditions
from ..links.family import budget
from ..quantity import InputError, parse
from ..search.design_space import Free
from ..search.fabrication import Population, Trim, over_draws, population, spreads
from ..search.goals import Inequality, minimum
from ..search.minimise import Follow, minimise
from ..search.solution import Solution
from .schema import Robust
from .study import Study


WATTS = "watts"
JUDGED = 4096
SEARCHED_SEED, JUDGED_SEED = 2, 1
"""added to that of the study: what judges a design has not been searched on"""


class Robustness(NamedTuple):
    """A design before and after it was made robust, each judged by fresh draws."""

    asked: Robust
    place: str
    """path of the link that was judged"""
    before: Population
    after: Population
    solution: Solution
    cluster: Cluster
    """with the robust design in it"""
    spread: dict[str, float]
    trimmed: list[Trim]


class LinkScalars:
    """Watts and slacks of one link at its worst corner."""

    def __init__(self, at: Conditions):
        self.at = at

    def __call__(self, link: AbstractLink) -> dict[str, Any]:
        """By name: `watts`, and `a_to_b.ber` for each direction and slack."""
        solved = budget(link, self.at)
        found: dict[str, Any] = {WATTS: solved.end_a.power_w() + solved.end_b.power_w()}
        for side in DIRECTIONS.values():
            for name, slack in getattr(solved, side).slacks.items():
                found[f"{side}.{name}"] = slack
        return found


def robust_design(
    study: Study, variant: str, cluster: Cluster, follow: Follow | None = None
) -> Robustness:
    """The robust design of `variant`, of which `cluster` has the one as drawn."""
    asked, seed = study.settings.robust[variant], study.settings.search.seed
    place = robust_link(study, variant)
    link = getter(place)(cluster)
    scalars = LinkScalars(cluster.worst.at(link.path.reach_m))
    origins = {
        path.removeprefix(f"{place}."): origin
        for path, origin in study.provenance(variant).items()
        if path.startswith(f"{place}.")
    }
    spread = spreads(origins)
    kept = [
        Inequality(name, study.settings.constraints.get(slack, 0.0), 1.0, 1e-6)
        for name in scalars(link)
        for _, _, slack in [name.partition(".")]
        if name != WATTS
    ]
    trimmed = _trimmed(study, variant, link, asked)
    judged: dict[str, Any] = dict(
        draws=JUDGED, seed=seed + JUDGED_SEED, trimmed=trimmed
    )
    free = _free_of(study, variant, place, link)
    found = minimise(
        over_draws(
            scalars, spread, kept, wanted=asked.wanted, draws=asked.draws,
            seed=seed + SEARCHED_SEED, trimmed=trimmed,
        ),
        link, free=list(free.values()), objective=minimum(f"mean.{WATTS}", log=True),
        limits=Inequality("yield", 0.0, 1.0, 1e-6), starts=1, callback=follow,
    )  # fmt: skip
    values = {
        path: found.design[free[one.name].paths[0]]
        for one in study.free(variant)
        for path in one.paths
        if one.name in free
    }
    return Robustness(
        asked,
        place,
        population(scalars, link, spread, kept, **judged),
        population(scalars, found.component, spread, kept, **judged),
        found,
        replace(cluster, values),
        spread,
        trimmed,
    )


def check_robust(study: Study, variant: str) -> None:
    """Raise unless the yield of `variant` can be asked for."""
    link = getter(robust_link(study, variant))(study.cluster(variant))
    _trimmed(study, variant, link, study.settings.robust[variant])


def robust_link(study: Study, variant: str) -> str:
    """Path of the first link both of whose ends have free parameters."""
    paths = study.free_paths(variant)
    for tier, hops in study.cluster(variant).hops().items():
        for hop in hops:
            ends = [f"{tier}.{hop}.{end}." for end in DIRECTIONS]
            if all(any(path.startswith(end) for path in paths) for end in ends):
                return f"{tier}.{hop}"
    raise InputError(
        "a variant that frees both ends of some link",
        problem="no link has free parameters at both ends",
        key=f"robust.{variant}",
        file=study.label,
    )


def _free_of(
    study: Study, variant: str, place: str, link: AbstractLink
) -> dict[str | None, Free]:
    """What is free in the link at `place`, in the box where it is now."""
    now = {spec.path: float(spec.value) for spec in params(link)}
    found = {}
    for one in study.free(variant):
        paths = [
            path.removeprefix(f"{place}.")
            for path in one.paths
            if path.startswith(f"{place}.")
        ]
        if paths:
            boxes = [(a, b) for a, b in one.boxes if a <= now[paths[0]] <= b]
            found[one.name] = Free(paths, boxes=boxes[:1] or one.boxes[:1])
    return found


def _trimmed(
    study: Study, variant: str, link: AbstractLink, asked: Robust
) -> list[Trim]:
    """Numbers that are adjusted on every part, at both ends."""
    units = {spec.yaml_path: spec for spec in params(link)}
    found = []
    for path, given in asked.trimmed.items():
        for end, side in DIRECTIONS.items():
            key = f"robust.{variant}.trimmed.{path}"
            if f"{end}.{path}" not in units:
                raise InputError(
                    "the path of a quantity below an end of the link",
                    got=path,
                    key=key,
                    file=study.label,
                )
            spec = units[f"{end}.{path}"]
            try:
                step = parse(given.step, spec.unit, delta=True)
            except InputError as error:
                raise error.at(key=f"{key}.step", file=study.label) from error
            for limit in given.limits:
                require_name(
                    limit, limits.names(), key=f"{key}.limits", file=study.label,
                    what="slack",
                )  # fmt: skip
            names = tuple(f"{side}.{limit}" for limit in given.limits)
            found.append(Trim(spec.path, names, step))
    return found
