r"""ln J/token of a cluster and the terms of its links, with their derivatives.

Two kinds of compiled programs are joined. Every link for itself gives its terms $t$ and
their slopes (`links.family`); the balance of the step gives the gradient of
$\ln J$ in the terms and in the cluster's other numbers. With $x$ a number of the
cluster,
$$ \frac{d\ln J}{dx} = \frac{\partial\ln J}{\partial x}
   + \sum_{links}\frac{\partial\ln J}{\partial t}\,\frac{dt}{dx} . $$
A search asks along its free parameters at many designs, sensitivities ask for all
numbers at one.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..causes import ENDS, LINK
from ..compilation import QUICK, compiled, in_pieces
from ..component import Packing
from ..links.family import SLOPE_ROWS, LinkFamily
from .budgets import Origins, Place, jacobians, link_budgets
from .hardware import Cluster
from .step import balance, lines_of, without_links
from .workload import Workload


_COMPILING = threading.Lock()
_PLACES = ThreadPoolExecutor(max_workers=2, thread_name_prefix="places")
PROGRAMS: dict[Any, Callable[[list], Any]] = {}
"""by structure of what enters the balance"""


class Slopes(NamedTuple):
    """At n designs, along k directions in the numbers of a cluster."""

    log_j: np.ndarray
    """ln J/token (n,)"""
    log_j_slopes: np.ndarray
    """(n, k)"""
    terms: dict[Place, np.ndarray]
    """of every budget (n, terms)"""
    term_slopes: dict[Place, np.ndarray]
    """(n, k, terms)"""


class Gradient(NamedTuple):
    """At one design, in every number of cluster and workload."""

    value: float
    """ln J/token"""
    log_j: np.ndarray
    """d ln J/token (numbers of the cluster,)"""
    workload: dict[str, float]
    """d ln J/token by path of the workload"""
    terms: dict[Place, np.ndarray]
    """of every budget (terms, numbers of the cluster)"""


class ClusterFunction:
    """ln J/token and terms of links of all clusters with the structure of one."""

    def __init__(self, cluster: Cluster, workload: Workload):
        self.origins = Origins(cluster)
        self.numbers = self.origins.packing.pack(cluster)
        tree = {
            "cluster": without_links(cluster),
            "workload": workload,
            "links": lines_of(link_budgets(cluster)),
        }
        self._packing = Packing(tree)
        self._example = self._packing.pack(tree)
        self._like = jax.tree.map(lambda _: 0, tree)
        own = self._below("cluster.")
        self._own = np.array(list(own.values()))
        where = self.origins.packing.place
        self._origin = np.array([where[name] for name in own])

    @property
    def families(self) -> dict[Place, LinkFamily]:
        """The family of the link of every budget."""
        return self.origins.family

    def slopes(
        self, numbers: np.ndarray, directions: np.ndarray, joules: bool = True
    ) -> Slopes:
        """At clusters (n, numbers) along `directions` (k, numbers).

        Without `joules` those of the links alone: J/token is not a number.
        """

        def solve(place: Place) -> tuple[np.ndarray, np.ndarray]:
            rows = self.origins.row(place, numbers)
            along = self.origins.row(place, directions)
            return _along(self.families[place], rows, along, place[0] == "worst")

        found = dict(zip(self.families, _PLACES.map(solve, self.families), strict=True))
        terms = {place: values for place, (values, _) in found.items()}
        term_slopes = {place: slopes for place, (_, slopes) in found.items()}
        if not joules:
            none = np.full((len(numbers), len(directions)), np.nan)
            return Slopes(none[:, 0], none, terms, term_slopes)
        log_j, gradient = self._balance(numbers, terms)
        slopes = gradient[:, self._own] @ directions[:, self._origin].T
        for place, (line, matrix) in self._lines().items():
            by_term = gradient[:, line] @ matrix
            slopes += np.einsum("nt,nkt->nk", by_term, term_slopes[place])
        return Slopes(log_j, slopes, terms, term_slopes)

    def gradient(self, cluster: Cluster) -> Gradient:
        """At one cluster, in all of its numbers: one linearisation of every link."""
        numbers = self.origins.packing.pack(cluster)
        found = jacobians(cluster, self.origins)
        values = {place: jacobian.values[None] for place, jacobian in found.items()}
        (value,), (gradient,) = self._balance(numbers[None], values)
        log_j = np.zeros_like(numbers)
        log_j[self._origin] = gradient[self._own]
        terms = {}
        for place, jacobian in found.items():
            terms[place] = np.zeros((len(jacobian.values), len(numbers)))
            self.origins.add_back(place, jacobian.slopes.T, terms[place].T)
        for place, (line, matrix) in self._lines().items():
            log_j += gradient[line] @ matrix @ terms[place]
        by_workload = {
            name: float(gradient[i]) for name, i in self._below("workload.").items()
        }
        return Gradient(float(value), log_j, by_workload, terms)

    def _below(self, head: str) -> dict[str, int]:
        """Name behind `head` -> where it is in the balance."""
        return {
            name.removeprefix(head): i
            for name, i in self._packing.place.items()
            if name.startswith(head)
        }

    def _lines(self) -> dict[Place, tuple[np.ndarray, np.ndarray]]:
        """Where a budget goes in the balance, and the matrix that makes it of terms."""
        found = {}
        for place, family in self.families.items():
            climate, tier, hop = place
            if climate != "nominal":
                continue
            head, at = f"links.{tier}.{hop}", family.terms.place
            sources = {f"{head}.rate_bps": ["rate_bps"]}
            sources[f"{head}.latency_s"] = ["latency_s"]
            for cause in LINK:
                ends = [f"static_w.{end}.{cause}" for end in ENDS]
                sources[f"{head}.static_w.{cause}"] = ends
            matrix = np.zeros((len(sources), len(family.terms)))
            for i, terms in enumerate(sources.values()):
                matrix[i, [at[term] for term in terms]] = 1.0
            line = np.array([self._packing.place[name] for name in sources])
            found[place] = line, matrix
        return found

    def _balance(
        self, numbers: np.ndarray, terms: dict[Place, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """ln J/token (n,) and its gradient in all that enters the balance."""
        rows = np.tile(self._example, (len(numbers), 1))
        rows[:, self._own] = numbers[:, self._origin]
        for place, (line, matrix) in self._lines().items():
            rows[:, line] = terms[place] @ matrix.T
        key = self._packing.structure
        with _COMPILING:
            if key not in PROGRAMS:
                shaped = [np.zeros((SLOPE_ROWS, rows.shape[1]))]
                PROGRAMS[key] = compiled(_balance_gradient, self._like, shaped, QUICK)
        return in_pieces(PROGRAMS[key], SLOPE_ROWS, rows)


def _along(
    family: LinkFamily, rows: np.ndarray, directions: np.ndarray, worst: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Terms of all rows and their slopes along directions that they share."""
    moving = directions.any(axis=1)
    if moving.any() or (rows != rows[:1]).any():
        family.searched = True
        some = directions[moving] if moving.any() else directions[:1]
        each = np.broadcast_to(some, (len(rows), *some.shape))
        values, found = family.slopes(rows, each, worst)
        slopes = np.zeros((len(rows), len(directions), values.shape[1]))
        slopes[:, moving] = found[:, : moving.sum()]
        return values, slopes
    # A link that no free parameter is in: solved once.
    (values,), _ = family.slopes(rows[:1], directions[None], worst)
    still = np.zeros((len(rows), len(directions), len(values)))
    return np.tile(values, (len(rows), 1)), still


def _balance_gradient(like: dict[str, Any], rows: jax.Array) -> tuple:
    """ln J/token of every row and its gradient; `like` says what the numbers are."""

    def log_j(row):
        tree = Packing(like).unpack(row)
        found = balance(tree["cluster"], tree["workload"], tree["links"])
        return jnp.log(found["j_per_token"])

    return jax.vmap(jax.value_and_grad(log_j))(rows)
