r"""Meshes of Mach-Zehnder interferometers: a programmable unitary matrix.

Cell j of column c couples modes 2j + c mod 2 and the next. N modes take N columns and
N(N-1)/2 cells for any unitary [1]; each cell has two phase shifters and every output
one more: N^2 in all.

Error of a matrix: $E = \lVert U' - U \rVert_F / \sqrt N$, which is the noise amplitude
over the signal amplitude for isotropic inputs. `precision` has its closed forms.

1. Clements et al. 2016, arXiv:1603.08788
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..component import Scalar
from .propagate import propagate, transfer


Leaf = Array | np.ndarray
Shape = Literal["clements", "reck", "svd"]
"""rectangle; triangle; two rectangles with a column of attenuators between them"""


def columns(n: int, shape: Shape = "clements") -> int:
    """Cells in a row on the longest path of light; two modes need one cell."""
    if shape == "reck":
        return 2 * n - 3
    rectangle = n if n > 2 else 1
    return rectangle if shape == "clements" else 2 * rectangle + 1


def cells(n: int) -> int:
    """Of a rectangle or a triangle, N(N-1)/2."""
    return n * (n - 1) // 2


def phase_shifters(n: int, shape: Shape = "clements") -> int:
    """Phases to be held: N^2, or 2N(N-1) + N for U S V^H.

    Of the latter the output phases are not counted: those of V^H can move through S
    into U, and those of U are left to the receiver.
    """
    return 4 * cells(n) + n if shape == "svd" else n**2


def exists(n: int) -> Bool[np.ndarray, "columns cells"]:
    """Where the rectangular arrays of a mesh hold a cell.

    With N even, the odd columns have one cell less.
    """
    first = np.arange(columns(n))[:, None] % 2 + 2 * np.arange(n // 2)[None]
    return first + 1 < n


class MZIMesh(eqx.Module):
    r"""A rectangular mesh of N modes as built: phases, splitter errors, loss.

    $U = \mathrm{diag}(e^{i\gamma})\, C_{N-1} \cdots C_1 C_0$, column $C_c$ made of the
    cells T of `propagate.transfer`. All leaves are of one precision, which is that of
    the result: float32 and complex64, or float64 and complex128. Entries where no cell
    is (`exists`) have no effect.

    Reverse mode only: the backward pass runs light back through the mesh. Left out:
    unequal loss of the two arms, crosstalk between heaters, back-reflection.
    """

    theta: Float[Array, "columns cells"]
    """between the splitters, rad; 0 is cross, pi is bar"""
    phi: Float[Array, "columns cells"]
    """in front of the upper input, rad"""
    output: Float[Array, " n"]
    """behind the last column, rad"""
    alpha: Float[Array, "columns cells"]
    """first splitter's angle above pi/4, rad"""
    beta: Float[Array, "columns cells"]
    """second splitter's angle above pi/4, rad"""
    loss_db: Float[Array, " columns"]
    """of a column, the same for every mode"""

    def __init__(
        self,
        theta: Leaf,
        phi: Leaf,
        output: Leaf,
        alpha: Leaf | None = None,
        beta: Leaf | None = None,
        loss_db: Leaf | None = None,
    ):
        """Splitters are ideal and columns lossless unless given."""
        self.theta, self.phi, self.output = map(jnp.asarray, (theta, phi, output))
        zero = jnp.zeros_like(self.theta)
        self.alpha = zero if alpha is None else jnp.asarray(alpha)
        self.beta = zero if beta is None else jnp.asarray(beta)
        self.loss_db = (
            jnp.zeros_like(self.theta, shape=self.theta.shape[:1])
            if loss_db is None
            else jnp.asarray(loss_db)
        )
        self._check()

    def _check(self) -> None:
        n = self.output.size
        if n < 2:
            raise ValueError(f"`output` has {n} phases; a mesh has 2 modes or more")
        grid = (columns(n), n // 2)
        for name, leaf in vars(self).items():
            shape = {"output": (n,), "loss_db": grid[:1]}.get(name, grid)
            if leaf.shape != shape:
                raise ValueError(
                    f"`{name}` has shape {leaf.shape}; {n} modes need {shape}"
                )
            if leaf.dtype not in (np.float32, np.float64):
                raise ValueError(
                    f"`{name}` is {leaf.dtype}; phases and loss are float32 or float64"
                )
            if leaf.dtype != self.theta.dtype:
                raise ValueError(
                    f"`{name}` is {leaf.dtype} and `theta` {self.theta.dtype}; "
                    "a mesh has one precision"
                )

    @property
    def n(self) -> int:
        """Modes."""
        return self.output.shape[0]

    @property
    def columns(self) -> int:
        """Cells in a row on the longest path."""
        return columns(self.n)

    @property
    def cells(self) -> int:
        """Interferometers."""
        return cells(self.n)

    @property
    def phase_shifters(self) -> int:
        """Phases to be held, those of the outputs included."""
        return phase_shifters(self.n)

    def astype(self, dtype: type) -> "MZIMesh":
        """The same mesh in float32 or float64."""
        return jax.tree.map(lambda leaf: leaf.astype(dtype), self)

    def transmission(self) -> Scalar:
        """Amplitude left behind all columns: equal loss commutes with any unitary."""
        return 10 ** (-jnp.sum(self.loss_db) / 20)

    def matrix(self) -> Complex[Array, "n n"]:
        """The matrix U, loss included."""
        return _rows(self, _complex(self, jnp.eye(self.n, dtype=self.theta.dtype))).T

    def apply(self, x: Leaf) -> Complex[Array, "*batch n"]:
        """U x for every vector along the last axis of `x`, real or complex.

        More vectors than modes are multiplied by the matrix, which is then built once;
        fewer go through the columns themselves. Both are differentiable in every leaf
        and in `x`, by reverse mode.
        """
        x = _complex(self, jnp.asarray(x))
        if not x.ndim or x.shape[-1] != self.n:
            raise ValueError(
                f"`x` has shape {x.shape}; its last axis should be the {self.n} modes"
            )
        batch = x.reshape(-1, self.n)
        if batch.shape[0] > self.n:
            return (batch @ self.matrix().T).reshape(x.shape)
        return _rows(self, batch).reshape(x.shape)

    def __call__(self, x: Leaf) -> Complex[Array, "*batch n"]:
        """The same as `apply`."""
        return self.apply(x)


def _complex(mesh: MZIMesh, x: Array) -> Array:
    """`x` as amplitudes of the precision of `mesh`; another one is refused."""
    real = mesh.theta.dtype
    if x.dtype == real:
        return jax.lax.complex(x, jnp.zeros_like(x))
    if x.dtype != np.result_type(real, np.complex64):
        raise ValueError(
            f"`x` is {x.dtype} and the mesh {real}: convert `x`, or the mesh by "
            "`mesh.astype(jnp.float32)` or `mesh.astype(jnp.float64)`"
        )
    return x


@jax.jit
def _rows(mesh: MZIMesh, x: Complex[Array, "batch n"]) -> Complex[Array, "batch n"]:
    """U x for every row of `x`, column after column."""
    t = jnp.stack(transfer(mesh.theta, mesh.phi, mesh.alpha, mesh.beta), axis=1)
    even, odd = t[0::2], t[1::2, :, : (mesh.n - 1) // 2]
    if odd.shape[0] < even.shape[0]:  # N odd, or 2: the last step has one column only
        through = jnp.asarray([1, 0, 0, 1], t.dtype)[None, :, None]
        through = jnp.broadcast_to(through, (1, *odd.shape[1:]))
        odd = jnp.concatenate([odd, through])
    p, q = propagate(even, odd, x.T[0::2], x.T[1::2])
    z = jnp.zeros((mesh.n, x.shape[0]), x.dtype).at[0::2].set(p).at[1::2].set(q)
    kept = mesh.transmission()
    screen = jax.lax.complex(kept * jnp.cos(mesh.output), kept * jnp.sin(mesh.output))
    return z.T * screen[None]
