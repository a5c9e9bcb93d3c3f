"""A variant whose engine is to work from part to part: yield of one kind of link.

The link both of whose ends are free is searched once more, from the optimum of the
parts as drawn, for the least mean watts at which the wanted share of its lane pairs
keeps every limit at the worst corner. A draw is one lane pair: a ring, a coupler, a
receiver and all else of an end once at either end, though a link has several lanes.
The design then goes wherever the engine is; what is free elsewhere stays as it was.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .. import limits
from ..cards.values import require_name
from ..causes import DIRECTIONS, ENDS
from ..cluster.hardware import Cluster
from ..component import getter, params, quantities, replace
from ..links.base import AbstractLink, Conditions
from ..links.family import budget
from ..quantity import InputError, parse
from ..search.design_space import Free
from ..search.fabrication import (
    DRAWS_MOST,
    Population,
    Trim,
    least_draws,
    over_draws,
    population,
    spreads,
)
from ..search.goals import Inequality, minimum
from ..search.minimise import Follow, minimise
from ..search.solution import Solution
from .schema import Robust, Trimmed
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
    lanes: int
    """of the wider end of that link, each way"""
    before: Population
    after: Population
    solution: Solution
    taken: bool
    """whether the robust design took the place of the one as drawn"""
    cluster: Cluster
    """with the design that is kept"""
    spread: dict[str, float]
    trimmed: list[Trim]


class Moved(NamedTuple):
    """One free number of the judged link."""

    free: Free
    """in the link"""
    tied: tuple[str, ...]
    """paths in the cluster that take its value, in other links too"""


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
    """The robust design of `variant`, of which `cluster` has the one as drawn.

    A search that keeps not all limits, or was interrupted, changes nothing.
    """
    asked, seed = study.settings.robust[variant], study.settings.search.seed
    place = robust_link(study, variant)
    link = getter(place)(cluster)
    scalars = LinkScalars(cluster.worst.at(link.path.reach_m))
    spread = _spread(study, variant, place)
    kept = [
        Inequality(name, study.settings.constraints.get(slack, 0.0), 1.0, 1e-6)
        for name in scalars(link)
        for _, _, slack in [name.partition(".")]
        if name != WATTS
    ]
    trimmed = _trimmed(study, variant, link, spread)
    judged: dict[str, Any] = dict(
        draws=JUDGED, seed=seed + JUDGED_SEED, trimmed=trimmed
    )
    moved = moved_in(study, variant, place, link)
    found = minimise(
        over_draws(
            scalars, spread, kept, wanted=asked.wanted, draws=asked.draws,
            seed=seed + SEARCHED_SEED, trimmed=trimmed,
        ),
        link, free=[one.free for one in moved],
        objective=minimum(f"mean.{WATTS}", log=True),
        limits=Inequality("yield", 0.0, 1.0, 1e-6), starts=1, callback=follow,
    )  # fmt: skip
    taken = found.feasible and found.status != "interrupted"
    values = {
        path: found.design[one.free.paths[0]] for one in moved for path in one.tied
    }
    return Robustness(
        asked=asked,
        place=place,
        lanes=round(max(float(getattr(link, end).lanes) for end in ENDS)),
        before=population(scalars, link, spread, kept, **judged),
        after=population(scalars, found.component, spread, kept, **judged),
        solution=found,
        taken=taken,
        cluster=replace(cluster, values) if taken else cluster,
        spread=spread,
        trimmed=trimmed,
    )


def check_robust(study: Study, variant: str) -> None:
    """Raise unless the yield of `variant` can be asked for."""
    place = robust_link(study, variant)
    spread = _spread(study, variant, place)
    if not spread:
        raise InputError(
            "cards that say how far their numbers stray (`spread`)",
            problem=f"nothing in `{place}` has a spread",
            key=f"robust.{variant}",
            file=study.label,
        )
    _trimmed(study, variant, getter(place)(study.cluster(variant)), spread)
    _check_draws(study, variant)


def robust_link(study: Study, variant: str) -> str:
    """Path of the link both of whose ends have free parameters.

    Another such link may follow it as far as its parameters are tied to those of the
    first one.
    """
    free = study.free(variant)
    found = [
        f"{tier}.{hop}"
        for tier, hops in study.cluster(variant).hops().items()
        for hop in hops
        if all(_inside(free, f"{tier}.{hop}.{end}") for end in ENDS)
    ]
    key = f"robust.{variant}"
    if not found:
        raise InputError(
            "a variant that frees both ends of some link",
            problem="no link has free parameters at both ends",
            key=key,
            file=study.label,
        )
    first, own = found[0], _inside(free, found[0])
    for other in found[1:]:
        if any(one not in own for one in _inside(free, other)):
            raise InputError(
                "one group of `free` for both of them, or both ends free in one only",
                problem=f"`{first}` and `{other}` are each free at both ends, and a "
                "yield is that of one link",
                key=key,
                file=study.label,
            )
    return first


def _inside(free: list[Free], place: str) -> list[Free]:
    """Those of `free` that move something below `place`."""
    return [
        one for one in free if any(path.startswith(f"{place}.") for path in one.paths)
    ]


def moved_in(study: Study, variant: str, place: str, link: AbstractLink) -> list[Moved]:
    """All that is free in the link at `place`, in the box where it is now."""
    now = {spec.path: float(spec.value) for spec in params(link)}
    found = []
    for one in _inside(study.free(variant), place):
        paths = [
            path.removeprefix(f"{place}.")
            for path in one.paths
            if path.startswith(f"{place}.")
        ]
        boxes = [(a, b) for a, b in one.boxes if a <= now[paths[0]] <= b]
        free = Free(paths, boxes=boxes[:1] or one.boxes[:1])
        found.append(Moved(free, one.paths))
    return found


def _spread(study: Study, variant: str, place: str) -> dict[str, float]:
    """Standard deviations of what is uncertain in the link at `place`, by its paths."""
    found = spreads(study.provenance(variant), f"{place}.")
    return {path.removeprefix(f"{place}."): sigma for path, sigma in found.items()}


def _trimmed(
    study: Study, variant: str, link: AbstractLink, spread: Mapping[str, float]
) -> list[Trim]:
    """Numbers that are adjusted on every part, at both ends."""
    found: dict[str, Trim] = {}
    for path, given in study.settings.robust[variant].trimmed.items():
        key = f"robust.{variant}.trimmed.{path}"
        for end in ENDS:
            trim = _trim(study, link, end, path, given, key)
            problem = None
            if trim.path in found:
                problem = f"`{trim.path}` is trimmed twice"
            elif trim.path in spread:
                problem = f"the card of `{trim.path}` says that it strays (`spread`)"
            if problem:
                raise InputError(
                    "a number without a spread, once",
                    problem=problem,
                    key=key,
                    file=study.label,
                )
            found[trim.path] = trim
    return list(found.values())


def _trim(
    study: Study, link: AbstractLink, end: str, path: str, given: Trimmed, key: str
) -> Trim:
    """How the number at `path` below one end is adjusted."""
    known = quantities(link)
    if f"{end}.{path}" not in known:
        raise InputError(
            "the path of a quantity below an end of the link",
            got=path,
            key=key,
            file=study.label,
        )
    spec = known[f"{end}.{path}"]
    try:
        step = parse(given.step, spec.unit, delta=True)
    except InputError as error:
        raise error.at(key=f"{key}.step", file=study.label) from error
    if step <= 0:
        raise InputError(
            "a step above 0", got=given.step, key=f"{key}.step", file=study.label
        )
    for limit in given.limits:
        require_name(
            limit, limits.names(), key=f"{key}.limits", file=study.label, what="slack"
        )
    side = DIRECTIONS[end]
    return Trim(spec.path, tuple(f"{side}.{limit}" for limit in given.limits), step)


def _check_draws(study: Study, variant: str) -> None:
    """Raise where so few draws have no worst share: less than one of them."""
    asked = study.settings.robust[variant]
    least = least_draws(asked.wanted)
    if least > DRAWS_MOST:
        raise InputError(
            f"at most {1 - 1 / DRAWS_MOST:.3f}: of {DRAWS_MOST} draws, the most there "
            "are, one may fail",
            got=asked.wanted,
            key=f"robust.{variant}.wanted",
            file=study.label,
        )
    if asked.draws < least:
        raise InputError(
            f"at least {least}, of which one may fail for a yield of {asked.wanted:g}",
            got=asked.draws,
            key=f"robust.{variant}.draws",
            file=study.label,
        )
