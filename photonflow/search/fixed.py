"""What the first samples of a search show: limits that stand still, or always agree."""

import dataclasses

import numpy as np

from . import sqp


STILL_ROW = 1e-9
"""slope, of a slack of the size of 1, that is none"""


@dataclasses.dataclass(frozen=True)
class Fixed:
    """What the first samples say about limits."""

    still: np.ndarray
    """(m,) limits that no free parameter moves"""
    value: np.ndarray
    """(m,) their slack"""
    same: dict[int, int]
    """limit -> an earlier one that it always equals"""
    objective_slope: np.ndarray
    """(n,) steepest slope of the objective along each variable"""
    limit_slope: np.ndarray
    """(n,) the same of all limits"""
    designs: int
    """that were looked at"""

    @property
    def masked(self) -> np.ndarray:
        """(m,) limits that a search need not carry, or cannot mend."""
        twins = np.isin(np.arange(len(self.still)), list(self.same))
        return self.still | twins

    def refuted(self, design: sqp.Sample) -> np.ndarray:
        """Limits (m,) that one design shows to move after all, or not to agree."""
        c, jacobian = design.c[0], design.jacobian[0]
        steep = np.abs(jacobian).max(axis=1, initial=0.0)
        moved = self.still & (steep > STILL_ROW * np.maximum(np.abs(c), 1.0))
        for i, k in self.same.items():
            moved[i] |= not np.isclose(c[i], c[k], rtol=1e-9, atol=1e-9)
        return moved


def survey(probes: sqp.Sample) -> Fixed:
    """Which limits are fixed, by what `probes` show of them.

    One whose slopes vanish at all of them is fixed. Of several that agree in all, as
    two equal ends do, the first is carried.
    """
    m = probes.c.shape[1]
    rows = np.where(np.isfinite(probes.jacobian), probes.jacobian, np.inf)
    size = np.abs(probes.c).max(axis=0, initial=1.0, where=np.isfinite(probes.c))
    steep = np.abs(rows).max(axis=(0, 2), initial=0.0)
    still = steep <= STILL_ROW * size
    finite = probes.finite()
    same: dict[int, int] = {}
    if finite.sum() > 1:
        c, j = probes.c[finite], probes.jacobian[finite]
        alike = np.isclose(c[:, :, None], c[:, None], rtol=1e-9, atol=1e-12).all(axis=0)
        for i, k in np.argwhere(np.tril(alike, -1)).tolist():
            free = not (still[i] or still[k] or i in same or k in same)
            if free and np.allclose(j[:, i], j[:, k], rtol=1e-7, atol=1e-9):
                same[i] = k
    value = np.full(m, np.nan)
    for i in np.flatnonzero(np.isfinite(probes.c).any(axis=0)):
        value[i] = np.nanmin(probes.c[:, i])
    return Fixed(
        still,
        value,
        same,
        objective_slope=np.abs(probes.g[finite]).max(axis=0, initial=0.0),
        limit_slope=np.abs(probes.jacobian[finite]).max(axis=(0, 1), initial=0.0),
        designs=int(finite.sum()),
    )
