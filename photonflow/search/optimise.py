"""The search over a cluster: least joules per token with every limit of links kept.

Where nothing but links is free, every workload wants the same of them: the least watts.
That optimum depends on the cluster alone. It is searched once from many starts, and
each workload takes it up from there, so that another workload costs next to nothing and
whichever task runs first changes no digit.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ..cluster.hardware import Cluster
from ..cluster.workload import Workload
from ..component import Packing, require_x64
from . import minimise
from .cluster_sampler import J_PER_TOKEN, LINK_W, ClusterSampler, free_ends
from .design_space import DesignSpace, Free, free_listed
from .goals import Inequality, Objective, minimum
from .link_limits import LinkLimit, limits_of
from .solution import Solution


KEPT = 32
_OPTICS: dict[Any, Solution] = {}
"""least watts of the free links, by all that they depend on"""


def optimise(
    cluster: Cluster,
    workload: Workload,
    *,
    free: Free | Iterable[Free],
    minima: Mapping[str, float] | None = None,
    tiers: tuple[str, ...] = ("scale_out",),
    choices: Mapping[Any, Any] | None = None,
    starts: int = 8,
    seed: int = 0,
    solver: str = "sqp",
    provenance: Mapping[str, Any] | None = None,
    iterations: int = minimise.ITERATIONS,
    callback: minimise.Follow | None = None,
    resume: Solution | None = None,
) -> Solution:
    """Least joules per token over `free` numbers of `cluster`, all limits kept.

    `minimise` of `j_per_token`, with the limits of every link in `tiers` at both
    climates; `minima` are least slacks by kind where that is not 0, as
    `{"fold": 0.2}`, for links that have such a slack. The named scalars of the solution
    are J/token, watts of the free links of one accelerator (`link_w`), mean watts of a
    free end at the vendor's boundary (`end_w`), and every slack.
    """
    require_x64("pf.optimise")
    free = free_listed(free)
    settings = minimise.Settings(starts, seed, solver, iterations, callback)

    def one(chosen: Any, kept: Mapping[str, Any], resume: Solution | None) -> Solution:
        task = _Task(
            chosen, workload, free, limits_of(chosen, minima, tiers), kept, settings
        )
        return task.solve(resume)

    return minimise.each_choice(
        one, cluster, choices or {}, free, provenance or {}, resume
    )


class _Task(NamedTuple):
    """One cluster with one workload."""

    cluster: Cluster
    workload: Workload
    free: list[Free]
    limits: list[LinkLimit]
    provenance: Mapping[str, Any]
    settings: minimise.Settings

    def solve(self, resume: Solution | None) -> Solution:
        space = DesignSpace.of(self.cluster, self.free, self.provenance)
        sampler = ClusterSampler(self.cluster, self.workload, space, self.limits)
        joules = minimum(J_PER_TOKEN, log=True)
        if not _in_links(space):
            return self._search(sampler, space, joules, resume=resume)
        optics = self._optics(sampler, space, resume and resume.earlier)
        cut = optics.status == "interrupted"
        return _joined(
            optics,
            self._search(
                sampler, space, joules, first=_ends(space, optics),
                iterations=0 if cut else self.settings.iterations,
                resume=resume if resume and resume.earlier is optics else None,
            ),
        )  # fmt: skip

    def _optics(
        self, sampler: ClusterSampler, space: DesignSpace, resume: Solution | None
    ) -> Solution:
        """Least watts of the free links, the same for every workload."""
        if resume is not None and resume.status != "interrupted":
            return resume
        key = self._key()
        if key not in _OPTICS:
            watts = minimum(LINK_W, log=True)
            optics = self._search(sampler, space, watts, resume=resume)
            if optics.status == "interrupted":
                return optics
            while len(_OPTICS) >= KEPT:
                _OPTICS.pop(next(iter(_OPTICS)), None)
            _OPTICS[key] = optics
        return _OPTICS[key]

    def _search(
        self,
        sampler: ClusterSampler,
        space: DesignSpace,
        objective: Objective,
        iterations: int | None = None,
        **rest: Any,
    ) -> Solution:
        settings = self.settings
        if iterations is not None:
            settings = settings._replace(iterations=iterations)
        limits = tuple(Inequality(x.name, x.minimum, 1.0, 1e-6) for x in self.limits)
        return minimise.search(
            sampler, self.cluster, space, objective, limits, settings,
            provenance=self.provenance, **rest,
        )  # fmt: skip

    def _key(self) -> Any:
        """All that the least watts depend on."""
        numbers = Packing(self.cluster).pack(self.cluster).tobytes()
        ranges = [(p, o.low, o.high) for p, o in self.provenance.items()]
        settings = self.settings._replace(callback=None)
        rest = tuple(self.free), tuple(self.limits), tuple(ranges), settings
        return jax.tree.structure(self.cluster), numbers, rest


def _ends(space: DesignSpace, optics: Solution) -> dict[int, np.ndarray]:
    """By branch where its best design is; without any, the one that comes nearest."""
    found = {i for i, branch in enumerate(optics.branches) if branch.status == "found"}
    return {
        i: space.unit([branch.design[name] for name in space.names])
        for i, branch in enumerate(optics.branches)
        if i in found or (not found and branch.won)
    }


def _in_links(space: DesignSpace) -> bool:
    """Whether everything that is free is part of an end of a link."""
    return all(free_ends([path]) for path in space.paths)


def _joined(optics: Solution, own: Solution) -> Solution:
    """The solution of one workload, with the starts that led to it."""
    found = {tuple(b.box.items()): b for b in own.branches if b.status == "found"}
    branches = []
    for branch in optics.branches:
        last = found.get(tuple(branch.box.items()))
        if last is not None:
            branch = last._replace(
                starts=branch.starts,
                feasible=branch.feasible,
                agreeing=branch.agreeing,
            )
        branches.append(branch._replace(won=last is not None and last.won))
    return dataclasses.replace(
        own,
        status=optics.status if optics.status == "interrupted" else own.status,
        branches=branches,
        agreement=max((b.agreeing for b in branches if b.won), default=0.0),
        iterations=optics.iterations + own.iterations,
        evaluations=optics.evaluations + own.evaluations,
        redrawn=optics.redrawn + own.redrawn,
        seconds={k: optics.seconds[k] + own.seconds[k] for k in own.seconds},
        earlier=optics,
    )
