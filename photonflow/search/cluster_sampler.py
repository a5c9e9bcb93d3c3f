"""What a search asks of a cluster: J/token, slacks of links, watts of free ends."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..causes import ENDS, LINK
from ..cluster.budgets import Place
from ..cluster.derivatives import ClusterFunction, Slopes
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..cluster.workload import Workload
from .design_space import DesignSpace
from .link_limits import LinkLimit
from .sampler import AbstractSampler, Values


J_PER_TOKEN = "j_per_token"
LINK_W = "link_w"
"""watts of all links that have a free parameter, of one accelerator, nominal"""
END_W = "end_w"
"""mean watts of the free ends at the vendor's boundary, worst corner"""

End = tuple[str, str, str]
"""tier, hop and end of a link"""


class ClusterSampler(AbstractSampler):
    """The scalars of a cluster with a workload."""

    def __init__(
        self,
        cluster: Cluster,
        workload: Workload,
        space: DesignSpace,
        constraints: list[LinkLimit],
    ):
        self.names = (J_PER_TOKEN, LINK_W, END_W, *(c.name for c in constraints))
        self._cluster, self._space = cluster, space
        self._constraints = constraints
        self.function = ClusterFunction(cluster, workload)
        where = self.function.origins.packing.place
        self._tied = [[where[path] for path in v.paths] for v in space.variables]
        self._directions = np.zeros((len(self._tied), len(where)))
        for row, tied in zip(self._directions, self._tied, strict=True):
            row[tied] = 1.0
        self._end_terms = [self._vendor_terms(*end) for end in free_ends(space.paths)]
        self._link_terms = self._watts_of_links()

    def baseline(self) -> np.ndarray:
        """The scalars of the cluster as it came."""
        return self._read(self.function.numbers[None], self.names).values[0]

    def sample(self, x: np.ndarray, wanted: Sequence[str]) -> Values:
        """Scalars and slopes; J/token only if it is wanted."""
        numbers = np.tile(self.function.numbers, (len(x), 1))
        for column, tied in zip(x.T, self._tied, strict=True):
            numbers[:, tied] = column[:, None]
        return self._read(numbers, wanted)

    def gradient(self, x: np.ndarray, weights: Mapping[str, float]) -> dict[str, float]:
        """From one linearisation of every link and of the balance."""
        space = self._space
        found = self.function.gradient(space.unpack(space.unit(x), self._cluster))
        j = float(np.exp(found.value))
        slopes = weights.get(J_PER_TOKEN, 0.0) * j * found.log_j
        for limit in self._constraints:
            weight = weights.get(limit.name, 0.0)
            if weight:
                slopes = slopes + weight * found.terms[limit.place][self._term(limit)]
        where = self.function.origins.packing.place
        return {path: float(slopes[i]) for path, i in where.items()}

    def _read(self, numbers: np.ndarray, wanted: Sequence[str]) -> Values:
        found = self.function.slopes(numbers, self._directions, J_PER_TOKEN in wanted)
        j = np.exp(found.log_j)
        columns = [(j, found.log_j_slopes * j[:, None])]
        columns += [self._sum(found, self._link_terms), self._mean_end(found)]
        for limit in self._constraints:
            place, term = limit.place, self._term(limit)
            terms, slopes = found.terms[place], found.term_slopes[place]
            columns.append((terms[:, term], slopes[:, :, term]))
        values, slopes = zip(*columns, strict=True)
        return Values(np.stack(values, axis=1), np.stack(slopes, axis=1))

    def _term(self, limit: LinkLimit) -> int:
        terms = self.function.families[limit.place].terms
        return terms.place[f"slacks.{limit.direction}.{limit.slack}"]

    def _sum(self, found: Slopes, terms: dict[Place, np.ndarray]) -> tuple:
        """Weighted terms of links, and their slopes."""
        value = np.zeros(len(found.log_j))
        slope = np.zeros(found.log_j_slopes.shape)
        for place, weights in terms.items():
            value = value + found.terms[place] @ weights
            slope = slope + found.term_slopes[place] @ weights
        return value, slope

    def _mean_end(self, found: Slopes) -> tuple:
        total: dict[Place, np.ndarray] = {}
        for place, weights in self._end_terms:
            total[place] = total.get(place, 0.0) + weights / len(self._end_terms)
        return self._sum(found, total)

    def _vendor_terms(self, tier: str, hop: str, end: str) -> tuple[Place, np.ndarray]:
        """Which terms are watts of an end at the vendor's boundary."""
        place: Place = ("worst", tier, hop)
        family = self.function.families[place]
        weights = np.zeros(len(family.terms))
        weights[family.watts([end], host=False)] = 1.0
        return place, weights

    def _watts_of_links(self) -> dict[Place, np.ndarray]:
        """Which terms are watts of links with a free parameter, and how many links."""
        found: dict[Place, np.ndarray] = {}
        free = {(tier, hop) for tier, hop, _ in free_ends(self._space.paths)}
        for tier, topology in self._cluster.topologies().items():
            for hop, count in topology.links_per_accelerator().items():
                if (tier, hop) not in free:
                    continue
                place: Place = ("nominal", tier, hop)
                at = self.function.families[place].terms.place
                weights = np.zeros(len(at))
                for end in ENDS:
                    for cause in LINK:
                        weights[at[f"static_w.{end}.{cause}"]] = float(count)
                found[place] = weights
        return found


def free_ends(paths: Iterable[str]) -> tuple[End, ...]:
    """Every link end that has one of the parameters at `paths`."""
    found: dict[End, None] = {}
    for path in paths:
        tier, hop, end = (path.split(".") + ["", ""])[:3]
        if end in ENDS:
            found[tier, hop, end] = None
    return tuple(found)


def controlled_share(cluster: Cluster, report: Report, ends: tuple[End, ...]) -> float:
    """Watts of `ends` at the vendor boundary over all watts at the boards.

    The facility multiplies both alike, so this is also their share of J/token at the
    meter.
    """
    counts = {
        tier: t.links_per_accelerator() for tier, t in cluster.topologies().items()
    }
    free_w = sum(
        float(getattr(report.nominal[tier][hop], end).vendor_w())
        * float(counts[tier][hop])
        for tier, hop, end in ends
    )
    added = sum(
        float(report.energy_j_per_token[f"facility.{cause}"])
        for cause in ("conversion", "cooling")
    )
    boards = 1 - added / float(report.j_per_token)
    all_w = float(report.power_w) / float(cluster.accelerators) * boards
    return free_w / all_w
