"""Meshes of interferometers: programming, light through them, gradients, errors."""

import cmath
import math
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import photonflow as pf
from helpers import assert_close, haar
from photonflow.compute import precision
from photonflow.compute.mesh import MZIMesh, exists
from photonflow.compute.propagate import transfer


EPS = float(np.finfo(float).eps)


def noisy(n, seed=0, sigma=0.05, loss=1.0):
    """A programmed mesh with splitter errors and, column by column, other losses."""
    mesh = pf.compute.clements(haar(n, seed))
    mesh = pf.compute.with_splitter_errors(mesh, jax.random.key(seed), sigma)
    loss_db = 0.3 + 0.1 * jnp.cos(jnp.arange(mesh.columns, dtype=float))
    return eqx.tree_at(lambda m: m.loss_db, mesh, loss_db * loss)


NAMES = ("theta", "phi", "output", "alpha", "beta", "loss_db")


def splitter(error):
    c, s = math.cos(math.pi / 4 + error), math.sin(math.pi / 4 + error)
    return np.array([[c, 1j * s], [1j * s, c]])


def product(mesh):
    """The matrix as the product of its parts, one cell after the other."""
    n = mesh.n
    theta, phi, output, alpha, beta, loss_db = (
        np.asarray(getattr(mesh, name)) for name in NAMES
    )
    u = np.eye(n, dtype=complex)
    for column in range(mesh.columns):
        for j, top in enumerate(range(column % 2, n - 1, 2)):
            at = column, j
            inner = splitter(alpha[at]) * [cmath.exp(1j * phi[at]), 1]
            t = splitter(beta[at]) * [cmath.exp(1j * theta[at]), 1] @ inner
            u[top : top + 2] = t @ u[top : top + 2]
        u *= 10 ** (-loss_db[column] / 20)
    return np.exp(1j * output)[:, None] * u


def vectors(batch, n, seed=1):
    random = np.random.default_rng(seed)
    shape = (*batch, n)
    return jnp.asarray(random.normal(size=shape) + 1j * random.normal(size=shape))


# Programming


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_haar_matrices_come_back_to_rounding(count):
    """E <= 1e-15 N for N = 4..64; the worst of 100 is 0.12 of that, of N = 4."""
    ratios = []
    for i, n in enumerate(np.linspace(4, 64, count).astype(int)):
        u = haar(n, i)
        error = np.linalg.norm(product(pf.compute.clements(u)) - u) / n**0.5
        ratios.append(error / (1e-15 * n))
    assert max(ratios) <= 1, ratios


@pytest.mark.parametrize(
    "u",
    [
        np.eye(4),
        np.eye(5)[::-1],
        np.roll(np.eye(6), 1, axis=0),
        np.diag(np.exp(1j * np.arange(7.0))),
        np.fft.fft(np.eye(8), norm="ortho"),
    ],
    ids=["identity", "mirror", "shift", "phases", "fourier"],
)
def test_matrices_with_dark_elements_have_a_mesh(u):
    mesh = pf.compute.clements(u)
    assert np.linalg.norm(product(mesh) - u) / len(u) ** 0.5 < len(u) * 1e-15


def test_phases_lie_in_the_range_that_a_cell_needs():
    mesh = pf.compute.clements(haar(9))
    assert jnp.all((mesh.theta >= 0) & (mesh.theta <= jnp.pi))
    for phase in (mesh.phi, mesh.output):
        assert jnp.all(abs(phase) <= jnp.pi)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 16, 17])
def test_counts_of_a_rectangle(n):
    """Cells alternate N // 2 and (N - 1) // 2 a column and add up to N(N-1)/2."""
    there = exists(n)
    assert there.shape == ((n if n > 2 else 1), n // 2)
    mesh = pf.compute.clements(np.eye(n))
    assert there.sum() == mesh.cells == n * (n - 1) // 2
    assert mesh.columns == len(there)
    # Two phases a cell and one an output.
    assert mesh.phase_shifters == 2 * mesh.cells + n == n**2


@pytest.mark.parametrize(
    "u, message",
    [
        (np.ones((3, 4)), r"shape \(3, 4\).*square"),
        (np.ones((1, 1)), "2 modes or more"),
        (np.ones(4), "square"),
        (np.diag([1.0, np.nan]), "not finite"),
        (np.array([["a", "b"], ["c", "d"]]), "not finite numbers"),
        # 2^2 - 1 = 3
        (np.diag([1.0, 2.0]), r"\|\|U\^H U - I\|\|_max is 3, and 1e-08 .*svd"),
        (np.eye(2, dtype=np.float32) * 1.01, "is 0.0201, and 0.0003"),
    ],
)
def test_what_has_no_mesh_is_refused_with_its_reason(u, message):
    with pytest.raises(ValueError, match=message):
        pf.compute.clements(u)


def test_the_input_of_the_decomposition_is_left_alone():
    u = haar(4)
    before = u.copy()
    pf.compute.clements(u)
    assert np.array_equal(u, before)


# Light


def test_an_ideal_cell_is_the_textbook_interferometer():
    """i exp(i theta/2) [[f sin, cos], [f cos, -sin]](theta/2), f = exp(i phi)."""
    theta, phi = 1.1, 0.7
    got = transfer(*map(jnp.asarray, (theta, phi, 0.0, 0.0)))
    s, c, f = np.sin(theta / 2), np.cos(theta / 2), np.exp(1j * phi)
    expected = 1j * np.exp(1j * theta / 2) * np.array([f * s, c, f * c, -s])
    assert_close(np.stack(got), expected, rtol=4 * EPS)


def test_splitter_errors_bound_the_bar_power():
    """sin^2(theta/2) cos^2(a - b) + cos^2(theta/2) sin^2(a + b): never quite dark."""
    a, b = 0.06, -0.02
    theta = jnp.linspace(0, 2 * jnp.pi, 9)
    bar = transfer(theta, 0 * theta, a + 0 * theta, b + 0 * theta)[0]
    s2 = jnp.square(jnp.sin(theta / 2))
    expected = s2 * np.cos(a - b) ** 2 + (1 - s2) * np.sin(a + b) ** 2
    assert_close(jnp.square(abs(bar)), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_the_matrix_is_the_product_of_its_cells(n):
    mesh = noisy(n)
    assert_close(mesh.matrix(), product(mesh), rtol=0, atol=n * EPS)


@pytest.mark.parametrize(
    "n, batch", [(5, ()), (5, (2,)), (5, (3, 4)), (4, (3, 4))], ids=str
)
def test_light_through_the_columns_is_the_matrix_times_the_vector(n, batch):
    """Up to N vectors go through the columns, 3 x 4 are multiplied by the matrix."""
    mesh, x = noisy(n), vectors(batch, n)
    expected = np.einsum("ij,...j->...i", product(mesh), x)
    assert_close(mesh(x), expected, rtol=0, atol=20 * EPS)
    assert_close(mesh(x.real), mesh(x.real.astype(complex)), rtol=0)


def test_splitter_errors_lose_no_light_and_columns_lose_what_they_say():
    lossless, lossy = noisy(6, loss=0.0), noisy(6)
    x = vectors((3,), 6)
    power = jnp.sum(jnp.square(abs(x)), axis=-1)
    assert_close(jnp.sum(jnp.square(abs(lossless(x))), -1), power, rtol=20 * EPS)
    left = 10 ** (-float(jnp.sum(lossy.loss_db)) / 10)
    assert_close(jnp.sum(jnp.square(abs(lossy(x))), -1), power * left, rtol=20 * EPS)


def test_meshes_run_side_by_side_under_vmap():
    pair = [noisy(4, seed) for seed in (0, 1)]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *pair)
    x = vectors((2, 3), 4)
    got = jax.vmap(lambda mesh, x: mesh(x))(stack, x)
    for mesh, one, y in zip(pair, x, got, strict=True):
        assert_close(y, mesh(one), rtol=0, atol=20 * EPS)


def test_single_precision_stays_single():
    mesh, x = noisy(16), vectors((4,), 16)
    single = mesh.astype(jnp.float32)(x.astype(jnp.complex64))
    assert single.dtype == jnp.complex64
    # Sixteen columns of 6e-8 rounding each on amplitudes of order 1.
    assert_close(single, mesh(x), rtol=0, atol=1e-5)


def test_vectors_of_another_precision_or_length_are_refused():
    mesh = pf.compute.clements(haar(4))
    with pytest.raises(ValueError, match=r"complex64.*mesh float64.*astype"):
        mesh(vectors((2,), 4).astype(jnp.complex64))
    with pytest.raises(ValueError, match=r"shape \(2, 5\).*4 modes"):
        mesh(vectors((2,), 5))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"phi": jnp.zeros((4, 3))}, r"`phi` has shape \(4, 3\); 4 modes need \(4, 2"),
        ({"output": jnp.zeros(1)}, "`output` has 1 phases"),
        ({"loss_db": jnp.zeros(4, jnp.float32)}, "one precision"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_arrays_that_make_no_mesh_are_refused(change, message):
    leaves = {name: getattr(noisy(4), name) for name in NAMES} | change
    with pytest.raises(Exception, match=message):
        MZIMesh(**leaves)


# Gradients


@pytest.mark.parametrize("n, batch", [(2, 1), (4, 2), (5, 9)])
def test_gradients_match_finite_differences(n, batch):
    """|AD - FD| <= 1e-5 |FD| + 1e-9 in every phase, splitter, loss and amplitude.

    FD is central at h and h / 2, its h^2 eliminated. Nine vectors of five go by way of
    the matrix.
    """
    weight = vectors((batch,), n, seed=2)
    x = vectors((batch,), n)
    flat, back = ravel_pytree((noisy(n), x.real, x.imag))

    def value(flat):
        mesh, real, imaginary = back(flat)
        y = mesh.apply(jax.lax.complex(real, imaginary))
        power = jnp.square(y.real) + jnp.square(y.imag)
        return jnp.sum((weight * y).real + weight.real * power)

    def slope(h):
        step = h * jnp.eye(flat.size)
        up, down = (jax.lax.map(value, flat[None] + s * step) for s in (1, -1))
        return (up - down) / (2 * h)

    slope = jax.jit(slope)
    ours = jax.jit(jax.grad(value))(flat)
    theirs = (4 * slope(1e-3) - slope(2e-3)) / 3
    excess = abs(ours - theirs) - (1e-5 * abs(theirs) + 1e-9)
    assert jnp.all(excess <= 0), f"{int(jnp.sum(excess > 0))} of {flat.size}"
    # Everything but the entries without a cell has an effect.
    mesh = jax.tree.map(lambda g: g != 0, back(ours)[0])
    for name in ("theta", "phi", "alpha", "beta"):
        assert np.array_equal(getattr(mesh, name), exists(n)), name
    assert jnp.all(mesh.output) and jnp.all(mesh.loss_db)


@pytest.mark.slow
def test_single_precision_gradients_keep_their_digits():
    """Running the light back through 32 columns adds up rounding only."""
    mesh, x = noisy(32), vectors((8,), 32)
    weight = vectors((8,), 32, seed=2)

    def value(mesh, x, weight):
        return jnp.sum((weight * mesh(x)).real)

    gradient = jax.jit(jax.grad(value))
    double = gradient(mesh, x, weight)
    single = gradient(
        mesh.astype(jnp.float32),
        *(z.astype(jnp.complex64) for z in (x, weight)),
    )
    for name in NAMES:
        want, got = getattr(double, name), getattr(single, name)
        assert_close(got, want, rtol=0, atol=1e-5 * float(jnp.max(abs(want))))


# Imperfections


def test_a_phase_moves_by_half_a_step_at_most():
    mesh = pf.compute.clements(haar(6))
    step = 2 * np.pi / 2**5
    coarse = pf.compute.quantised(mesh, 5)
    for name in NAMES[:3]:
        phase, rounded = getattr(mesh, name), getattr(coarse, name)
        assert jnp.max(abs(rounded - phase)) <= step / 2
        turns = rounded / step
        assert_close(turns, jnp.round(turns), rtol=4 * EPS)
    again = pf.compute.quantised(coarse, 5)
    assert all(map(np.array_equal, jax.tree.leaves(again), jax.tree.leaves(coarse)))


def test_splitter_errors_are_drawn_where_there_are_splitters():
    mesh = pf.compute.clements(np.eye(40))
    mesh = pf.compute.with_splitter_errors(mesh, jax.random.key(0), 0.02)
    drawn = np.stack([mesh.alpha, mesh.beta])
    assert not drawn[:, ~exists(40)].any()
    drawn = drawn[:, exists(40)]
    # 2 * 780 draws know their deviation to 1 / sqrt(2 * 1560) = 1.8 %.
    assert_close(drawn.std(), 0.02, rtol=0.06)
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.12  # 1 / sqrt(780) = 0.036


def test_matrix_error_grows_with_splitter_error_at_the_rate_of_the_closed_form():
    u = haar(17)
    ideal = pf.compute.clements(u)

    def error(sigma):
        key = jax.random.key(3)
        built = pf.compute.with_splitter_errors(ideal, key, sigma)
        return pf.compute.matrix_error(built.matrix(), jnp.asarray(u))

    value, slope = jax.jit(jax.value_and_grad(error))(1e-4)
    assert_close(slope, value / 1e-4, rtol=1e-3)
    # One draw of 272 angles: 1 / sqrt(2 * 272) = 4 %.
    assert_close(slope, precision.splitter_error(17, 1.0) ** 0.5, rtol=0.12)


@pytest.mark.parametrize("n", [2, 5, 8, 16])
def test_reachable_cells_are_corrected_exactly(n):
    u = haar(n)
    ideal = pf.compute.clements(u)
    built = pf.compute.with_splitter_errors(ideal, jax.random.key(1), 1e-3)
    assert not pf.compute.unreachable(built).any()
    assert np.linalg.norm(product(built) - u) > 1e-4
    mended = product(pf.compute.corrected(built))
    # A small theta is found to some more rounding than a large one.
    assert np.linalg.norm(mended - u) / n**0.5 < n * 1e-15


def test_a_cross_state_out_of_reach_is_approached():
    """The swap asks for theta = 0; a + b = 0.1 leaves sin(0.1) of the amplitude."""
    swap = np.eye(2)[::-1]
    ideal = pf.compute.clements(swap)
    error = jnp.full((1, 1), 0.05)
    built = MZIMesh(ideal.theta, ideal.phi, ideal.output, error, error)
    assert pf.compute.unreachable(built).all()
    mended = pf.compute.corrected(built)
    u = product(mended)
    assert_close(abs(u), [[np.sin(0.1), np.cos(0.1)]] * 2 * np.eye(1), rtol=0, atol=1)
    assert_close(abs(u[0, 0]), np.sin(0.1), rtol=1e-12)
    # ||U' - U||_F / sqrt 2 of a rotation by 0.1 is 2 sin(0.1 / 2).
    error = pf.compute.matrix_error(jnp.asarray(u), jnp.asarray(swap, complex))
    assert_close(error, 2 * np.sin(0.05), rtol=1e-12)


def test_correction_helps_where_it_cannot_be_exact():
    u = haar(16)
    built = pf.compute.with_splitter_errors(
        pf.compute.clements(u), jax.random.key(1), 0.05
    )
    assert pf.compute.unreachable(built).any()
    before, after = (
        np.linalg.norm(product(m) - u) for m in (built, pf.compute.corrected(built))
    )
    assert after < before / 4


def test_naming_the_room_costs_no_jax():
    code = (
        "import sys, photonflow as pf; assert 'clements' in dir(pf.compute); "
        "assert not {'jax', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
