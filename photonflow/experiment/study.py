"""A study: an experiment file with its cards, ready to be evaluated."""

import copy
import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx

from ..cards import Library, Provenance, apply
from ..cards.classes import accepts
from ..cards.values import read, require_name
from ..cluster.step import Cluster
from ..cluster.workload import Workload
from ..component import Component, Param, getter, params, require_x64
from ..quantity import InputError, show
from .io import (
    configure,
    is_key,
    label,
    locate,
    read_experiment,
    read_model,
    read_workload,
)
from .schema import Branches, ClusterCards, Experiment
from .workload_schema import WorkloadFile
from .workloads import build, decoder


SweepPoint = tuple[tuple[str, str], ...]
"""key and value, as `--set` would take them; empty where nothing is swept"""

SETTING = "setting"
"""as a source: the experiment itself says so"""

Ranges = dict[str, list[tuple[float, float]]]
"""path below `where` -> branches, each lowest and highest SI value"""


class Study:
    """Clusters and workloads of one experiment, each built when first asked for."""

    def __init__(
        self,
        name_or_path: str | Path,
        settings: Mapping[str, str] | None = None,
        library: Library | None = None,
    ):
        require_x64("pf.study")
        self.file = locate(name_or_path)
        self.label = label(self.file)
        self.library = library or Library()
        self._data = read_experiment(self.file)
        self._configure(dict(settings or {}))

    def _configure(self, settings: dict[str, str]) -> None:
        """Begin anew from what the file says and `settings` change."""
        self.given = settings
        self.settings: Experiment
        self.overrides: dict[str, str]
        self.settings, self.overrides = configure(self._data, settings, self.file)
        for name in self.settings.free:
            require_name(
                name, self.variants, key="free", file=self.label, what="variant"
            )
        self._built: dict[str, tuple[Cluster, dict[str, Provenance]]] = {}
        self._workloads: dict[str, tuple[Workload, WorkloadFile, str]] = {}
        self.__dict__.pop("_shared", None)

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.settings.name

    @property
    def variants(self) -> list[str]:
        """Names of the variants, in the file's order."""
        return list(self.settings.variants)

    @property
    def workloads(self) -> list[str]:
        """Names of the workloads, in the file's order."""
        return list(self.settings.workloads)

    def cluster(self, variant: str) -> Cluster:
        """The cluster of `variant` as its cards describe it."""
        return self._build(variant)[0]

    def provenance(self, variant: str) -> dict[str, Provenance]:
        """Origin of every number of that cluster, by dotted Python path."""
        return dict(self._build(variant)[1])

    def workload(self, name: str) -> Workload:
        """The workload `name`."""
        return self._workload(name)[0]

    def workload_file(self, name: str) -> WorkloadFile:
        """What the file of the workload `name` says."""
        return self._workload(name)[1]

    def workload_label(self, name: str) -> str:
        """How messages call the file of the workload `name`."""
        return self._workload(name)[2]

    def points(self) -> list[SweepPoint]:
        """The product of all values of the sweep, in the order of the file.

        The last key runs fastest. One empty point where nothing is swept.
        """
        swept = self.settings.sweep.items()
        return list(itertools.product(*([(k, str(v)) for v in vs] for k, vs in swept)))

    def at(self, point: SweepPoint) -> "Study":
        """This study at one point of its sweep, as if `--set` had put it there."""
        if not point:
            return self
        # What a quantity does not change is built once: cards, workloads, `_shared`.
        here = copy.copy(self)
        if any(is_key(path) for path, _ in point):
            here._configure(self.given | dict(point))
        else:
            here.given = self.given | dict(point)
            here.overrides = self.overrides | dict(point)
            here._built = {}
        here.settings = here.settings.model_copy(update={"sweep": {}})
        return here

    def space(self, variant: str) -> tuple[tuple[str, ...], Ranges]:
        """Where the free parameters of `variant` are, and their ranges in SI.

        Paths are Python paths below `where`; an experiment may only narrow what the
        cards and the models allow.
        """
        free = self.settings.free.get(variant)
        if free is None:
            return (), {}
        cluster, origins = self._build(variant)
        specs = {spec.yaml_path: spec for spec in params(cluster)}
        ranges: Ranges = {}
        for path, given in free.parameters.items():
            key = f"free.{variant}.parameters.{path}"
            branches = given.branches if isinstance(given, Branches) else (given,)
            for where in free.where:
                full = f"{where}.{path}"
                require_name(
                    full, specs, key=key, file=self.label, what="path of a quantity"
                )
                spec, origin = specs[full], origins[specs[full].path]
                limits = [self._range(b, spec, origin, key) for b in branches]
            ranges[spec.path.removeprefix(f"{where}.")] = limits
        return free.where, ranges

    def cards(self, variant: str) -> dict[str, str]:
        """Card of every part of the cluster that has one, by path, `parts` included."""
        shared = self.settings.cluster.model_dump(
            exclude={"accelerators"}, exclude_none=True
        )
        return {**shared, **self.settings.variants[variant].parts}

    def technology(self, variant: str, tier: str) -> dict[str, str]:
        """Name of the link card of every hop of `tier`."""
        topology = self.library.card(self.cards(variant)[tier])
        chosen = self.settings.variants[variant].parts
        hops = [name for name in topology.parts if name.endswith("link")]
        return {hop: chosen.get(f"{tier}.{hop}", topology.parts[hop]) for hop in hops}

    def _workload(self, name: str) -> tuple[Workload, WorkloadFile, str]:
        require_name(name, self.workloads, file=self.label, what="workload")
        if name not in self._workloads:
            entry, who = read_workload(self.file, name, self.settings.workloads[name])
            config, place = read_model(self.file, entry.model, who)
            built = build(entry, decoder(config, place), who)
            self._workloads[name] = built, entry, who
        return self._workloads[name]

    def _build(self, variant: str) -> tuple[Cluster, dict[str, Provenance]]:
        require_name(variant, self.variants, file=self.label, what="variant")
        if variant not in self._built:
            cluster, origins = self._shared
            changes = self.settings.variants[variant]
            for path, card in changes.parts.items():
                key = f"variants.{variant}.parts.{path}"
                cluster, origins = self._replace(cluster, origins, path, card, key)
            cluster = apply(cluster, changes.set, self.label)
            own = {s.yaml_path: s.path for s in params(cluster)}
            here = {k: v for k, v in self.overrides.items() if k in own}
            cluster = apply(cluster, here)
            for path in [*changes.set, *here]:
                origins[own[path]] = self._setting(own[path], origins[own[path]])
            self._built[variant] = cluster, origins
        return self._built[variant]

    @functools.cached_property
    def _shared(self) -> tuple[Cluster, dict[str, Provenance]]:
        """The cluster before any variant changes it."""
        cards = self.settings.cluster
        quantities = {f.name: f.type for f in dataclasses.fields(Cluster)}
        parts, origins = {}, {}
        for name in ClusterCards.model_fields:
            if name == "accelerators" or getattr(cards, name) is None:
                continue
            part, found = self._card(
                getattr(cards, name), accepts(quantities[name])[0], f"cluster.{name}"
            )
            parts[name] = part
            origins |= _below(name, found)
        cluster = Cluster(**parts, accelerators=float(cards.accelerators))
        spec = next(s for s in params(cluster) if s.path == "accelerators")
        if not spec.low <= cards.accelerators <= spec.high:
            raise InputError(
                f"{show(spec.low, '1')} to {show(spec.high, '1')}",
                got=cards.accelerators,
                key="cluster.accelerators",
                file=self.label,
            )
        origins["accelerators"] = Provenance(
            path="accelerators",
            card=self.name,
            source=SETTING,
            kind=SETTING,
            estimate=False,
            low=spec.low,
            high=spec.high,
            ranged=False,
            spread=None,
            note=None,
        )
        return cluster, origins

    def _replace(
        self,
        cluster: Cluster,
        origins: dict[str, Provenance],
        path: str,
        card: str,
        key: str,
    ) -> tuple[Cluster, dict[str, Provenance]]:
        """`cluster` with the part at `path` built from another card."""
        parts = dict(_parts(cluster))
        require_name(path, parts, key=key, file=self.label, what="path of a part")
        part, found = self._card(card, parts[path], key)
        cluster = eqx.tree_at(getter(path), cluster, part, is_leaf=lambda x: x is None)
        kept = {k: v for k, v in origins.items() if not k.startswith(f"{path}.")}
        return cluster, kept | _below(path, found)

    def _card(
        self, name: str, classes: Sequence[type], key: str
    ) -> tuple[Component, dict[str, Provenance]]:
        require_name(name, self.library.names(), key=key, file=self.label, what="card")
        part = self.library.load(name)
        if classes and not isinstance(part, tuple(classes)):
            wanted = " or ".join(cls.__name__ for cls in classes)
            raise InputError(
                f"a card of class {wanted}",
                problem=f"got '{name}', which is a {type(part).__name__}",
                key=key,
                file=self.label,
            )
        return part, self.library.provenance(name)

    def _setting(self, path: str, origin: Provenance) -> Provenance:
        return dataclasses.replace(
            origin, card=self.name, source=SETTING, kind=SETTING, estimate=False
        )

    def _range(
        self, given: tuple[str, str], spec: Param, origin: Provenance, key: str
    ) -> tuple[float, float]:
        low, high = (read(end, spec, key=key, file=self.label) for end in given)
        if low >= high:
            raise InputError(
                "the lower end first", got=list(given), key=key, file=self.label
            )
        # Half an ulp of a decimal must not turn an equal bound into a wider one.
        slip = 1e-9 * (origin.high - origin.low)
        if low < origin.low - slip or high > origin.high + slip:
            raise InputError(
                f"a range inside {show(origin.low, spec.unit)} to "
                f"{show(origin.high, spec.unit)}, what the card '{origin.card}' spans",
                got=list(given),
                key=key,
                file=self.label,
            )
        return low, high


def _below(prefix: str, origins: dict[str, Provenance]) -> dict[str, Provenance]:
    """Provenance of a card as provenance of a part of the cluster."""
    moved = ((f"{prefix}.{path}", origin) for path, origin in origins.items())
    return {path: dataclasses.replace(origin, path=path) for path, origin in moved}


def _parts(tree: Any, prefix: str = "") -> list[tuple[str, tuple[type, ...]]]:
    """Path of every part in `tree`, with the classes that may stand there."""
    found = []
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        path = f"{prefix}.{field.name}" if prefix else field.name
        classes, _ = accepts(field.type)
        if isinstance(value, Component):
            found.append((path, classes))
            found += _parts(value, path)
        elif value is None and any(issubclass(c, Component) for c in classes):
            found.append((path, classes))  # empty, but may be filled
    return found
