"""A study: an experiment file with its cards, ready to be evaluated."""

import copy
import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..cards import Library, Provenance
from ..cards.classes import accepts
from ..cards.overrides import (
    SETTING,
    below,
    changed,
    override,
    require_paths,
)
from ..cards.values import read, require_name
from ..cluster.step import Cluster
from ..cluster.workload import Workload
from ..component import (
    Component,
    Param,
    getter,
    params,
    parts,
    quantities,
    require_x64,
)
from ..quantity import InputError, show
from ..search.design_space import Free
from .io import (
    configure,
    is_key,
    label,
    locate,
    read_experiment,
    read_model,
    read_workload,
)
from .schema import Branches, Choices, ClusterCards, Experiment, Group
from .workload_schema import WorkloadFile
from .workloads import build, decoder


SweepPoint = tuple[tuple[str, str], ...]
"""key and value, as `--set` would take them; empty where nothing is swept"""


class _Built(NamedTuple):
    """The cluster of one variant."""

    cluster: Cluster
    origins: dict[str, Provenance]
    cards: dict[str, str]
    """of parts that `set`, `--set` or the sweep exchange"""
    overridden: list[str]
    """paths of `--set` and of the sweep that are there"""


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
        for key in ("free", "robust"):
            for name in getattr(self.settings, key):
                require_name(
                    name, self.variants, key=key, file=self.label, what="variant"
                )
        self._built: dict[str, _Built] = {}
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
        return self._build(variant).cluster

    def provenance(self, variant: str) -> dict[str, Provenance]:
        """Origin of every number of that cluster, by dotted Python path."""
        return dict(self._build(variant).origins)

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

    def groups(self, variant: str) -> tuple[Group, ...]:
        """What the file frees in `variant`, one entry for each group of equal parts."""
        given = self.settings.free.get(variant, ())
        return (given,) if isinstance(given, Group) else given

    def free(self, variant: str) -> list[Free]:
        """The free parameters of `variant`, with their ranges in SI.

        An experiment may only narrow what the cards and the models allow.
        """
        cluster, origins, *_ = self._build(variant)
        specs = quantities(cluster)
        found, taken = [], set()
        for place, group in self._places(variant):
            for path, given in group.parameters.items():
                if isinstance(given, Choices):
                    continue
                key = f"{place}.parameters.{path}"
                branches = given.branches if isinstance(given, Branches) else (given,)
                paths = []
                for where in group.where:
                    full = f"{where}.{path}"
                    require_name(
                        full, specs, key=key, file=self.label, what="path of a quantity"
                    )
                    spec = specs[full]
                    if spec.whole:
                        raise InputError(
                            "`choices: [...]`",
                            problem=f"`{full}` is a whole number, and has no slope",
                            key=key,
                            file=self.label,
                        )
                    origin = origins[spec.path]
                    boxes = [self._range(b, spec, origin, key) for b in branches]
                    if spec.path in taken:
                        raise InputError(
                            "every quantity once",
                            problem=f"`{full}` is free twice",
                            key=key,
                            file=self.label,
                        )
                    taken.add(spec.path)
                    paths.append(spec.path)
                name = spec.yaml_path.removeprefix(f"{where}.")
                found.append(Free(paths, boxes=boxes, name=name))
        return found

    def choices(self, variant: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """What `variant` tries one by one: paths -> option by its name in the file."""
        cluster, found = self.cluster(variant), {}
        forms, taken = quantities(cluster), set()
        for place, group in self._places(variant):
            for path, given in group.parameters.items():
                if not isinstance(given, Choices):
                    continue
                key = f"{place}.parameters.{path}"
                paths = tuple(f"{where}.{path}" for where in group.where)
                for full in paths:
                    one = forms[full].path if full in forms else full
                    if one in taken:
                        raise InputError(
                            "everything once",
                            problem=f"`{full}` is a choice twice",
                            key=key,
                            file=self.label,
                        )
                    taken.add(one)
                found[paths] = {
                    option: self._option(cluster, paths, option, key)
                    for option in map(str, given.choices)
                }
        return found

    def _option(
        self, cluster: Cluster, paths: tuple[str, ...], option: str, key: str
    ) -> Any:
        """What `option` is at `paths`: a part, a static field's value or a number."""
        try:
            tree = changed(cluster, dict.fromkeys(paths, option), self.library)
        except InputError as error:
            error.key, error.file = key, self.label
            raise
        forms = quantities(tree)
        if paths[0] in forms:
            return float(forms[paths[0]].value)
        return getter(paths[0])(tree)

    def chosen(self, choices: Mapping[str, str]) -> "Study":
        """This study with options taken, as if `--set` had done it."""
        if not choices:
            return self
        here = copy.copy(self)
        here.overrides = self.overrides | dict(choices)
        here._built = {}
        return here

    def _places(self, variant: str) -> list[tuple[str, Group]]:
        """Groups with the keys under which they stand in the file."""
        one = isinstance(self.settings.free.get(variant), Group)
        return [
            (f"free.{variant}" + ("" if one else f".{number}"), group)
            for number, group in enumerate(self.groups(variant))
        ]

    def free_paths(self, variant: str) -> list[str]:
        """Python path of everything that is free in `variant`."""
        return [path for one in self.free(variant) for path in one.paths]

    def cards(self, variant: str) -> dict[str, str]:
        """Card of every part of the cluster that has one, by path, `parts` included."""
        shared = self.settings.cluster.model_dump(
            exclude={"accelerators"}, exclude_none=True
        )
        chosen = self.settings.variants[variant].parts
        return {**shared, **chosen, **self._build(variant).cards}

    def technology(self, variant: str, tier: str) -> dict[str, str]:
        """Name of the link card of every hop of `tier`."""
        topology = self.library.card(self.cards(variant)[tier])
        chosen = self.cards(variant)
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

    def _build(self, variant: str) -> _Built:
        require_name(variant, self.variants, file=self.label, what="variant")
        if variant not in self._built:
            cluster, origins = self._shared
            changes = self.settings.variants[variant]
            for path, card in changes.parts.items():
                cluster, origins = self._part(cluster, origins, variant, path, card)
            own = self.library, self.name
            here = override(
                cluster, changes.set, *own, origins=origins, file=self.label
            )
            require_paths(changes.set, here.used, here.tree, self.label)
            last = override(here.tree, self.overrides, *own, origins=here.origins)
            cards = {k: v for k, v in (here.used | last.used).items() if v}
            self._built[variant] = _Built(last.tree, last.origins, cards, [*last.used])
        return self._built[variant]

    def overridden(self, variant: str) -> list[str]:
        """Paths of `--set` and of the sweep that are there in `variant`."""
        return self._build(variant).overridden

    @functools.cached_property
    def _shared(self) -> tuple[Cluster, dict[str, Provenance]]:
        """The cluster before any variant changes it."""
        cards = self.settings.cluster
        quantities = {f.name: f.type for f in dataclasses.fields(Cluster)}
        made, origins = {}, {}
        for name in ClusterCards.model_fields:
            if name == "accelerators" or getattr(cards, name) is None:
                continue
            part, found = self._card(
                getattr(cards, name), accepts(quantities[name])[0], f"cluster.{name}"
            )
            made[name] = part
            origins |= below(name, found)
        cluster = Cluster(**made, accelerators=float(cards.accelerators))
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

    def _part(
        self,
        cluster: Cluster,
        origins: dict[str, Provenance],
        variant: str,
        path: str,
        card: str,
    ) -> tuple[Cluster, dict[str, Provenance]]:
        """`cluster` with the part at `path` built from another card."""
        key, places = f"variants.{variant}.parts.{path}", parts(cluster)
        require_name(path, places, key=key, file=self.label, what="path of a part")
        self._card(card, accepts(places[path].type)[0], key)
        found = override(
            cluster, {path: card}, self.library, origins=origins, file=self.label
        )
        return found.tree, found.origins

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
