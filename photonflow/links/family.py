"""Links of one structure: budgets of many at once, and their slopes, compiled once.

Two links are of one family when they differ in numbers only. `AbstractLink.budget` is
traced once for a family; what is compiled from that trace takes a fixed number of rows,
so that a climate, a design of a search, a laser current that is tried and a point of a
curve are all rows of the same two programs: budgets, and the derivatives of
`BudgetTerms` along given directions (forward mode [1], because a search has few free
parameters and the others can take turns).

1. Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, ch. 3
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import core
from jax.interpreters import partial_eval

from ..causes import ENDS
from ..compilation import LEAN, QUICK, compiled, in_pieces
from ..component import Packing
from ..limits import find
from .base import AbstractLink, BudgetTerms, Conditions, LinkBudget


BUDGET_ROWS = 6
"""rows of the compiled programs: more are done in pieces, fewer are filled up"""
SLOPE_ROWS = 8
ROW_DIRECTIONS = 32
"""directions in which one row is differentiated at a time"""
TERM_ROWS = 256
SLOPE_DIRECTIONS = 8
"""directions of one row of `slopes`"""
KEPT_JACOBIANS = 8

_SOLVING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="families")
_COMPILING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="compile")


@jax.jit
def budget(link: AbstractLink, at: Conditions) -> LinkBudget:
    """`link.budget(at)`: traced once for all that is compiled from it."""
    return link.budget(at)


class LinkFamily:
    """All links of the structure of `link`, under any conditions."""

    def __init__(self, link: AbstractLink, at: Conditions):
        tree = {"link": link, "at": at}
        self.packing = Packing(tree)
        self.example = self.packing.pack(tree)
        self._like = jax.tree.map(lambda _: 0, tree)
        self.programs: dict[Callable, Callable[[list], Any]] = {}
        self.searched = False
        """whether slopes are asked at many designs: then it pays to compile longer"""
        self._locks = {f: threading.Lock() for f in PROGRAMS}
        self._jacobians: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def budget(self) -> LinkBudget:
        """That of the first link of the family."""
        return jax.tree.map(lambda x: x[0], self.budgets(self.example[None]))

    @cached_property
    def terms(self) -> Packing:
        """Order of the numbers of `BudgetTerms`."""
        return Packing(self.budget.terms())

    def watts(self, ends: Iterable[str] = ENDS, host: bool = True) -> list[int]:
        """Where among the terms the static watts of some ends are.

        Without the `host` those at the vendor's boundary: module or engine and laser.
        """
        return [
            self.terms.place[f"static_w.{end}.{cause}"]
            for end in ends
            for cause, box in getattr(self.budget, end).boundary
            if host or box != "host"
        ]

    def row(self, link: AbstractLink, at: Conditions) -> np.ndarray:
        """The numbers of one link under its conditions."""
        return self.packing.pack({"link": link, "at": at})

    def rows(
        self, link: AbstractLink, at: Conditions, values: Mapping[str, Any]
    ) -> np.ndarray:
        """`link` with the numbers at some of its paths replaced by arrays.

        One row for every element of the arrays, which broadcast. A path that begins
        with `at.` is one of the conditions.
        """
        columns = np.broadcast_arrays(*values.values())
        out = np.tile(self.row(link, at), (columns[0].size, 1))
        for path, column in zip(values, columns, strict=True):
            full = path if path.startswith("at.") else f"link.{path}"
            out[:, self.packing.place[full]] = column.ravel()
        return out

    def budgets(self, rows: np.ndarray) -> LinkBudget:
        """Budgets of all rows (n, numbers), whose axis comes first in every array."""
        return self._run(_budgets, QUICK, BUDGET_ROWS, rows)

    def values(self, rows: np.ndarray, worst: bool) -> BudgetTerms:
        """The terms of all rows alone, for many thousands of them.

        Slacks that count at the `worst` climate alone are 0 where it is not asked.
        """
        function = _terms if worst else _nominal_terms
        return self.terms.unpack(self._run(function, LEAN, TERM_ROWS, rows))

    def slopes(
        self, rows: np.ndarray, directions: np.ndarray, worst: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Terms (n, terms) of all rows, and their slopes (n, directions, terms).

        `directions` (n, directions, numbers) are directions in the numbers of a row.
        Where rows are not at the `worst` climate, slacks that count there alone are 0:
        that of the error rate is nearly all of the work.
        """
        count = directions.shape[1]
        spare = -count % SLOPE_DIRECTIONS
        padded = np.pad(directions, ((0, 0), (0, spare), (0, 0)))
        values, found = np.zeros(0), []
        for first in range(0, count + spare, SLOPE_DIRECTIONS):
            some = np.ascontiguousarray(padded[:, first : first + SLOPE_DIRECTIONS])
            values, slopes = self._slopes(worst, rows, some)
            found.append(slopes)
        return values, np.concatenate(found, axis=1)[:, :count]

    def jacobian(
        self, row: np.ndarray, worst: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Terms of one row and their slopes (terms, numbers) in every one of it.

        The last few are kept, for the other workloads of a cluster.
        """
        key = bytes([worst]) + row.tobytes()
        if key not in self._jacobians:
            while len(self._jacobians) >= KEPT_JACOBIANS:
                self._jacobians.pop(next(iter(self._jacobians)), None)
            self._jacobians[key] = self._jacobian(row, worst)
        return self._jacobians[key]

    def _jacobian(self, row: np.ndarray, worst: bool) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.packing)
        if self.searched:
            each = np.pad(np.eye(count), ((0, -count % SLOPE_DIRECTIONS), (0, 0)))
            directions = each.reshape(-1, SLOPE_DIRECTIONS, count)
            rows = np.tile(row, (len(directions), 1))
            values, slopes = self._slopes(worst, rows, directions)
            return values[0], slopes.reshape(-1, slopes.shape[-1])[:count].T
        shaped = [row, np.zeros((ROW_DIRECTIONS, count))]
        program = self._program(_row_slopes, QUICK, shaped)
        values, slopes = in_pieces(
            lambda piece: program([row, *piece]), ROW_DIRECTIONS, np.eye(count)
        )
        return values[0], slopes.T

    def _slopes(
        self, worst: bool, *arrays: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        function = _slopes if worst else _nominal_slopes
        return self._run(function, LEAN, SLOPE_ROWS, *arrays)

    def _run(
        self, function: Callable, options: dict, size: int, *arrays: np.ndarray
    ) -> Any:
        shaped = [np.zeros((size, *array.shape[1:])) for array in arrays]
        return in_pieces(self._program(function, options, shaped), size, *arrays)

    def _program(
        self, function: Callable, options: dict, shaped: list[np.ndarray]
    ) -> Callable[[list], Any]:
        with self._locks[function]:
            if function not in self.programs:
                self.programs[function] = compiled(
                    function, self._like, shaped, options
                )
        return self.programs[function]


# What is compiled. `like` is a link under conditions, with nothing for its numbers.
def _budgets(like: dict[str, Any], rows: jax.Array) -> LinkBudget:
    return jax.vmap(lambda row: _budget_of(like, row))(rows)


def _terms(like: dict[str, Any], rows: jax.Array) -> jax.Array:
    return jax.vmap(_terms_of(like, rows[0], True))(rows)


def _nominal_terms(like: dict[str, Any], rows: jax.Array) -> jax.Array:
    return jax.vmap(_terms_of(like, rows[0], False))(rows)


def _slopes(like: dict[str, Any], rows: jax.Array, directions: jax.Array) -> tuple:
    return _along(_terms_of(like, rows[0], True), rows, directions)


def _nominal_slopes(
    like: dict[str, Any], rows: jax.Array, directions: jax.Array
) -> tuple:
    return _along(_terms_of(like, rows[0], False), rows, directions)


def _row_slopes(like: dict[str, Any], row: jax.Array, directions: jax.Array) -> tuple:
    """Terms of one row and their slopes, one row of either for every direction."""
    terms = _terms_of(like, row, True)
    return jax.vmap(lambda direction: jax.jvp(terms, (row,), (direction,)))(directions)


PROGRAMS = (
    _budgets,
    _terms,
    _nominal_terms,
    _slopes,
    _nominal_slopes,
    _row_slopes,
)


def _along(
    terms: Callable, rows: jax.Array, directions: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Terms of every row, and their slopes along each of its directions."""

    def one(row, directions):
        def along(direction):
            return jax.jvp(terms, (row,), (direction,))

        return jax.vmap(along, out_axes=(None, 0))(directions)

    return jax.vmap(one)(rows, directions)


def _terms_of(like: dict[str, Any], row: jax.Array, worst: bool) -> Callable:
    """Numbers of a row to those of `BudgetTerms`, without what these do not need.

    Slacks that do not count in the climate asked for are 0.
    """

    def terms(row):
        found = _budget_of(like, row).terms()
        for slacks in found.slacks.values():
            for name in slacks:
                if not (worst or find(name).nominal):
                    slacks[name] = jnp.zeros(())
        leaves = jax.tree.leaves(found)
        return jnp.stack([jnp.asarray(leaf, float) for leaf in leaves])

    closed = jax.make_jaxpr(terms)(jax.ShapeDtypeStruct(row.shape, row.dtype))
    lean, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True], instantiate=True)
    return lambda row: core.eval_jaxpr(lean, closed.consts, row)[0]


def _budget_of(like: dict[str, Any], row: jax.Array) -> LinkBudget:
    tree = Packing(like).unpack(row)
    return budget(tree["link"], tree["at"])


def family_of(link: AbstractLink, at: Conditions) -> LinkFamily:
    """The family of `link`, the same object for all of its links."""
    key = jax.tree.structure((link, at))
    if key not in FAMILIES:
        FAMILIES.setdefault(key, LinkFamily(link, at))
    return FAMILIES[key]


FAMILIES: dict[Any, LinkFamily] = {}
"""by structure of link and conditions; kept for the life of the process"""


def prepare(families: Iterable[LinkFamily]) -> None:
    """Compile budgets and slopes, families side by side, and do not wait."""
    families = list(dict.fromkeys(families))
    for family in families:
        _COMPILING.submit(family.budgets, family.example[None])
    for family in families:
        _COMPILING.submit(family.jacobian, family.example)


def budgets_of(
    calls: Iterable[tuple[AbstractLink, Conditions]],
) -> list[LinkBudget]:
    """The budget of every link under its conditions, each family as one batch.

    Two families are solved side by side.
    """
    calls = list(calls)
    families: dict[LinkFamily, list[int]] = {}
    for i, call in enumerate(calls):
        families.setdefault(family_of(*call), []).append(i)

    def solve(family: LinkFamily) -> LinkBudget:
        members = families[family]
        return family.budgets(np.stack([family.row(*calls[i]) for i in members]))

    out: list[Any] = [None] * len(calls)
    for family, found in zip(families, _SOLVING.map(solve, families), strict=True):
        for place, i in enumerate(families[family]):
            out[i] = jax.tree.map(lambda x, place=place: x[place], found)
    return out
