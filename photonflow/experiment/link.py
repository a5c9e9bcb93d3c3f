"""One link by itself: its laser currents, its budget and its limits."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from ..cards import Library, Provenance, apply
from ..cards.overrides import override, require_paths
from ..cards.values import require_name
from ..causes import ENDS, ClimateName
from ..component import Param, quantities, replace
from ..devices.passives import AbstractCopperPath
from ..links.base import AbstractLink, Conditions, LinkBudget
from ..links.family import family_of
from ..quantity import InputError
from ..search.laser_drive import CURRENT, LaserDrive, link_drives


CLIMATES: dict[ClimateName, str] = {"worst": "room-worst", "nominal": "room-nominal"}
"""cards of the corner that designs a link and of where it works"""
EXTRA_DB = np.linspace(-8.0, 24.0, 129)
"""added loss of a BER curve"""


@dataclasses.dataclass(frozen=True)
class Solved:
    """A link with the lasers it needs, at both climates."""

    name: str
    about: str
    link: AbstractLink
    origins: dict[str, Provenance]
    settings: dict[str, str]
    at: dict[ClimateName, Conditions]
    drives: list[LaserDrive]
    fixed: list[str]
    """laser currents that were given"""
    budgets: dict[ClimateName, LinkBudget]
    curve: LinkBudget
    """at the worst corner behind every one of `EXTRA_DB`"""

    def given(self, spec: Param) -> bool:
        """Whether a setting says this quantity."""
        return spec.path in self.settings or spec.yaml_path in self.settings


def solve_link(card: str, settings: Mapping[str, str], library: Library) -> Solved:
    """The link of `card`, a name or a file, with its laser currents solved.

    The worst corner designs: there every laser gets the least current that meets error
    rate and launch. `settings` are paths into the link, or into `worst` and `nominal`;
    a laser current among them is taken as it is.
    """
    name = library.add_file(Path(card)) if Path(card).is_file() else card
    require_name(name, library.names(), what="card")
    link = library.load(name)
    if not isinstance(link, AbstractLink):
        raise InputError(
            "a link, one of `photonflow cards links`",
            problem=f"'{name}' is a {type(link).__name__}",
            key="CARD",
        )
    own, about_climate = split(settings)
    found = override(link, own, library, name, origins=library.provenance(name))
    require_paths(own, found.used, found.tree)
    link = found.tree
    at: dict[ClimateName, Conditions] = {
        climate: apply(
            library.load(where).at(link.path.reach_m), about_climate[climate]
        )
        for climate, where in CLIMATES.items()
    }
    given = [spec.path for p, spec in quantities(link).items() if p in own]
    fixed = [path for end in ENDS if (path := f"{end}.{CURRENT}") in given]
    ends = [end for end in ENDS if f"{end}.{CURRENT}" not in fixed]
    drives = link_drives(link, at["worst"], ends)
    link = replace(link, {d.path: d.amps for d in drives}) if drives else link
    budgets, curve = evaluate(link, at)
    return Solved(
        name=name,
        about=library.card(name).about,
        link=link,
        origins=found.origins,
        settings=dict(settings),
        at=at,
        drives=drives,
        fixed=fixed,
        budgets=budgets,
        curve=curve,
    )


def split(
    settings: Mapping[str, str],
) -> tuple[dict[str, str], dict[ClimateName, dict[str, str]]]:
    """Settings of the link, and those of each climate."""
    own: dict[str, str] = {}
    climates: dict[ClimateName, dict[str, str]] = {climate: {} for climate in CLIMATES}
    named = {str(climate): place for climate, place in climates.items()}
    for key, value in settings.items():
        head, _, rest = key.partition(".")
        place = named.get(head) if rest else None
        if place is None:
            own[key] = value
        else:
            place[rest] = value
    return own, climates


def evaluate(
    link: AbstractLink, at: Mapping[ClimateName, Conditions]
) -> tuple[dict[ClimateName, LinkBudget], LinkBudget]:
    """Budgets by climate, and at the worst corner behind `EXTRA_DB`: one batch."""
    family = family_of(link, at["worst"])
    rows = [family.row(link, at[climate]) for climate in CLIMATES]
    # Glass counts its dB as light and copper as volts; either way between the ends.
    if isinstance(link.path, AbstractCopperPath):
        longer = {"path.fixed_db": float(link.path.fixed_db) + EXTRA_DB}
    else:
        longer = {"at.ageing_db": float(at["worst"].ageing_db) + EXTRA_DB}
    curve = family.rows(link, at["worst"], longer)
    found = family.budgets(np.concatenate([rows, curve]))
    budgets: dict[ClimateName, LinkBudget] = {
        climate: jax.tree.map(lambda x, i=i: x[i], found)
        for i, climate in enumerate(CLIMATES)
    }
    return budgets, jax.tree.map(lambda x: x[len(rows) :], found)
