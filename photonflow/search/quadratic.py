r"""The elastic quadratic programme, of many starts side by side.

$$ \min_d\; g^T d + \tfrac12 d^T B d + \mu\sum_i\max(0, -(c + Jd)_i),
   \qquad l \le d \le h , $$
by primal-dual interior points [1]. With $w = c + Jd + t \ge 0$ and the excess
$t \ge 0$ at price $\mu$, multipliers $\lambda$ of $w$ and $\mu - \lambda$ of $t$;
eliminated down to one linear system of size n an iteration. A fixed number of
iterations, so that a start comes to the same step whoever else is in the batch.

1. Nocedal and Wright, Numerical Optimization, 2nd ed. 2006, section 16.6
"""

from typing import NamedTuple

import numpy as np


ITERATIONS = 36
CENTRING, CENTRING_BOLD = 0.1, 0.02
BOLD = 0.9  # part of a whole step, above which the next may aim further
END = 1e-16
LEAST_CENTRE = 1e-22


def solve_qp(
    hessian: np.ndarray,
    gradient: np.ndarray,
    jacobian: np.ndarray,
    slack: np.ndarray,
    down: np.ndarray,
    up: np.ndarray,
    weight: np.ndarray,
    accuracy: np.ndarray | float = END,
) -> tuple[np.ndarray, np.ndarray]:
    """Steps (k, n) and multipliers (k, m) of k programmes.

    `hessian` (k, n, n) is positive definite, `gradient`, `down` and `up` are (k, n),
    `jacobian` is (k, m, n), `slack` (k, m) and `weight` (k,). A programme is solved
    when the mean product of a slack with its price is below `accuracy` (k,) of the
    weight.
    """
    # In units of the box, so that a small trust region is as well scaled as a large.
    size = np.maximum(up - down, 1e-300)
    programme = _Programme(
        hessian=size[:, :, None] * hessian * size[:, None],
        gradient=size * (gradient + times(hessian, down)),
        jacobian=jacobian * size[:, None],
        slack=slack + times(jacobian, down),
    )
    k, m, n = jacobian.shape
    d, mu = np.full((k, n), 0.5), weight[:, None]
    excess = programme.slack + times(programme.jacobian, d)
    w = np.maximum(excess, 0.0) + 1.0
    price = np.minimum(1.0, mu / 2) * np.ones((k, m))
    z = np.concatenate([w, w - excess, d, 1 - d], axis=1)
    y = np.concatenate([price, mu - price, np.ones((k, 2 * n))], axis=1)
    end = np.broadcast_to(accuracy, weight.shape)[:, None] * np.maximum(1.0, mu)
    part = np.zeros((k, 1))
    # What falls to 0 by rounding ends the way of its own programme, and of no other.
    with np.errstate(all="ignore"):
        for _ in range(ITERATIONS):
            centre = (z * y).mean(axis=1, keepdims=True)
            going = centre > end
            if not going.any():
                break
            aim = centre * np.where(part > BOLD, CENTRING_BOLD, CENTRING)
            z, y, part = _moved(programme, z, y, aim, going)
    return down + size * z[:, 2 * m : 2 * m + n], y[:, :m]


class _Programme(NamedTuple):
    """The numbers of k programmes, in units of their boxes."""

    hessian: np.ndarray
    gradient: np.ndarray
    jacobian: np.ndarray
    slack: np.ndarray


def _moved(
    programme: _Programme,
    z: np.ndarray,
    y: np.ndarray,
    centre: np.ndarray,
    going: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One Newton step towards products `centre`, cut off before any gets negative.

    `z` are w, t, d and 1 - d side by side, `y` their prices.
    """
    hessian, gradient, jacobian, slack = programme
    _, m, n = jacobian.shape
    of_w, of_t, of_box = slice(m), slice(m, 2 * m), slice(2 * m, None)
    w, t, d = z[:, of_w], z[:, of_t], z[:, 2 * m : 2 * m + n]
    across = jacobian.swapaxes(1, 2)
    centre = np.maximum(centre, LEAST_CENTRE)
    aims, soft, hard = centre / y, z / y, y[:, of_box] / z[:, of_box]
    stiff = 1 / (soft[:, of_w] + soft[:, of_t])
    missing = slack + times(jacobian, d) + t - w
    aim = aims[:, of_w] - w - missing - aims[:, of_t] + t
    matrix = hessian + (across * stiff[:, None]) @ jacobian
    push = centre / z[:, of_box]
    right = times(across, stiff * aim + y[:, of_w]) - times(hessian, d) - gradient
    right += push[:, :n] - push[:, n:]
    by_d = _solve(matrix, hard[:, :n] + hard[:, n:], right)
    along = times(jacobian, by_d)
    by_price = stiff * (aim - along)
    by_t = aims[:, of_t] - t + soft[:, of_t] * by_price
    by_z = np.concatenate([missing + along + by_t, by_t, by_d, -by_d], axis=1)
    by_box = push - hard * by_z[:, of_box] - y[:, of_box]
    by_y = np.concatenate([by_price, -by_price, by_box], axis=1)
    steepest = np.maximum((-by_z / z).max(axis=1), (-by_y / y).max(axis=1))[:, None]
    sound = going & np.isfinite(steepest)
    part = np.where(sound, np.minimum(1.0, 0.995 / np.maximum(steepest, 1e-300)), 0.0)
    by_z, by_y = (np.where(sound, x, 0.0) for x in (by_z, by_y))
    return z + part * by_z, y + part * by_y, part


def times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Matrices (k, m, n) times vectors (k, n)."""
    return (matrix @ vector[..., None])[..., 0]


def _solve(matrix: np.ndarray, diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve positive definite systems, scaled to a unit diagonal first."""
    at = np.arange(matrix.shape[1])
    matrix[:, at, at] += diagonal
    root = 1 / np.sqrt(matrix[:, at, at])
    scaled = matrix * root[:, :, None] * root[:, None]
    scaled[:, at, at] += 1e-14
    # What is not finite stays so; LAPACK takes it and says nothing.
    return np.linalg.solve(scaled, (right * root)[..., None])[..., 0] * root
