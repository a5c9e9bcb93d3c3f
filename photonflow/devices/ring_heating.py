r"""Heat in a ring: its heater, and the light that it absorbs.

With $d$ the laser's offset above resonance and $d_0$ that of the dark ring, light of
power $P$ of which a part $L(d)$ is lost in the ring moves the resonance until
$$ d = d_0 + P\,g\,L(d), $$
$g$ being hertz of red shift per watt lost. On the red side ($d_0 < 0$) the shift feeds
on itself with the loop gain $P g L'(d)$, and several states can hold at one power. From
the dark the ring takes the coldest of them until, where the gain reaches 1, that state
ends in a fold and the ring jumps to the warm side (Zheng et al. 2012,
doi:10.1364/OE.20.011478: from about 100 uW where the substrate is removed).
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from .. import roots
from ..component import Component, Scalar, Values, param
from ..limits import limit
from . import rings
from .ring_resonance import Resonance


FOLD = limit(
    "fold",
    "distance of the ring to its thermal fold",
    missed="the ring is bistable: the gain of its self-heating is {used:.3g}, at most "
    "1 is stable",
    light="less",
    order=4,
    nominal=True,  # a cooler laser gives more light
)
HEATER = limit(
    "heater",
    "heater power left",
    missed="resonance outside the tuning range: light shifts the ring {used:.3g} times "
    "as far as its heater holds, which cannot cool",
    light="less",
    order=5,
    nominal=True,
)
POINTS = 64  # of the grid, for each level
HALVINGS, NEWTON_STEPS = 26, 1  # a cell of some GHz to 50 Hz, which Newton squares
FOLD_WIDTH = 1e-6  # of the loop gain; keeps the derivative finite at the fold
SAME = 1e-9  # stiffness at one and the same place, found in two ways
TINY_HZ = 1.0  # nothing, beside linewidths of gigahertz


class RingHeater(Component):
    r"""Heater of a ring, and heating by the light that it absorbs.

    A watt anywhere in the ring warms it by $r_{th}/2\pi R$: heat leaves through the
    oxide along the circumference, so watts per FSR do not depend on the radius. The
    lock loop holds the hot ring at its detuning; on average it holds `hold` FSRs of
    red shift (half an FSR when any resonance may have to travel to the laser).
    """

    thermal_k_m_per_w: Scalar = param(
        unit="K*m/W", doc="thermal resistance times circumference", low=5e-3, high=2.0
    )
    shift_per_k: Scalar = param(
        unit="1/K", doc="relative red shift d ln(lambda) / dT", low=2e-5, high=8e-5
    )
    hold: Scalar = param(unit="1", doc="mean shift held, in FSRs", low=0.02, high=1.5)
    absorbed: Scalar = param(
        unit="1",
        doc="part of the light lost in the ring that heats it",
        low=0.01,
        high=1.0,
    )
    loop_w: Scalar = param(
        unit="W", doc="monitor and lock loop of one ring", low=1e-6, high=2e-2
    )

    def hz_per_w(self, radius_m: Scalar, optical_hz: Scalar) -> Scalar:
        """Red shift for every watt that warms a ring of `radius_m`."""
        k_per_w = self.thermal_k_m_per_w / rings.length_m(radius_m)
        return k_per_w * self.shift_per_k * optical_hz


class SelfHeating(eqx.Module):
    """A ring warmed by its own light, its levels equally likely."""

    levels: Resonance
    moved_hz: Values
    """red shift of each level from the middle of the swing"""
    reach_hz: Scalar
    """red shift, were all light lost in the ring"""

    def passed(self, offset_hz: Scalar) -> Values:
        """Transmission of each level, the laser `offset_hz` above the middle."""
        return self.levels.transmission(offset_hz + self.moved_hz)

    def shift_hz(self, offset_hz: Scalar) -> Scalar:
        """Red shift by the light lost at `offset_hz`; its slope is the loop gain."""
        return self.reach_hz * (1 - jnp.mean(self.passed(offset_hz)))

    def loop(self, offset_hz: Scalar) -> tuple[Scalar, Scalar]:
        """Shift and loop gain."""
        return jax.jvp(self.shift_hz, (offset_hz,), (jnp.ones_like(offset_hz),))

    def stiffness(self, offset_hz: Scalar, cold_hz: Scalar) -> Scalar:
        """1 - loop gain of the state `offset_hz`, at the power that leads there."""
        shift_hz, gain = self.loop(offset_hz)
        return 1 - (offset_hz - cold_hz) * gain / (shift_hz + TINY_HZ)


class Settled(eqx.Module):
    """Where a ring with a steady heater comes to rest."""

    offset_hz: Scalar
    """laser above the resonance, mid swing"""
    fold: Scalar
    """least 1 - loop gain on the way from the dark, where it is 1; past a fold that
    is negative, and multiplied by ln(power over power of the fold)"""


def settle(heating: SelfHeating, cold_hz: Scalar) -> Settled:
    r"""The state that the ring reaches from the dark, its heater held.

    The roots are looked for on a grid that follows the lines (in $\arctan$ of their
    half widths), the first crossing is halved down and a Newton step carries the
    implicit derivative. A pair of roots nearer than a grid cell is taken as folded:
    1e-3 of the power of the fold. Shifts beyond an FSR land on some state.
    """
    still, cold = jax.tree.map(lax.stop_gradient, (heating, cold_hz))
    grid = _grid(still, cold)
    shift_hz, gain = jax.vmap(still.loop)(grid)
    stiff = 1 - (grid - cold) * gain / (shift_hz + TINY_HZ)

    settled_hz = roots.root(
        lambda d, heating, cold_hz: d - cold_hz - heating.shift_hz(d),
        *_cell(grid - cold - shift_hz >= 0, grid),
        heating,
        cold_hz,
        halvings=HALVINGS,
        steps=NEWTON_STEPS,
        flat=FOLD_WIDTH,
    )
    offset_hz = lax.stop_gradient(settled_hz)

    # Where the way was least stiff; there its slope along the way is 0, so that it
    # may stand still under the gradient. The last place moves with the state.
    passed: Values = jnp.where(grid <= offset_hz, stiff, jnp.inf)
    at = jnp.argmin(passed)
    last = len(grid) - 1
    around = grid[jnp.maximum(at - 1, 0)], grid[jnp.minimum(at + 1, last)]
    weakest = _rise(
        lambda d: jax.jvp(
            lambda x: still.stiffness(x, cold), (d,), (jnp.ones_like(d),)
        )[1],
        around[0],
        jnp.minimum(around[1], offset_hz),
    )
    inside = heating.stiffness(weakest, cold_hz)
    at_ends = jnp.minimum(heating.stiffness(settled_hz, cold_hz), 1.0)
    least = jnp.where(inside < at_ends - SAME, inside, at_ends)

    fold_hz = _rise(lambda d: -still.stiffness(d, cold), *_cell(stiff <= 0, grid))
    folded = jnp.any(passed < 0) & (offset_hz > fold_hz)
    beyond = jnp.where(folded, fold_hz, offset_hz)
    ratio = (heating.shift_hz(beyond) + TINY_HZ) / (beyond - cold_hz + TINY_HZ)
    return Settled(settled_hz, jnp.where(folded, least * jnp.log(ratio), least))


def _grid(heating: SelfHeating, cold_hz: Scalar) -> Values:
    """Offsets from the dark ring to the hottest, close together on the lines."""
    angle = math.pi * jnp.linspace(-0.5, 0.5, POINTS + 2)[1:-1]
    half_hz = heating.levels.linewidth_hz() / 2
    lines = jnp.outer(half_hz, jnp.tan(angle)) - heating.moved_hz[:, None]
    ends = cold_hz + jnp.stack([jnp.zeros_like(cold_hz), heating.reach_hz])
    inside = jnp.clip(lines.ravel(), ends[0], ends[1])
    return jnp.sort(jnp.concatenate([ends, inside]))


def _cell(up: Array, grid: Values) -> tuple[Scalar, Scalar]:
    """The cell at whose end `up` is first true; the last cell where it never is."""
    at = jnp.where(jnp.any(up), jnp.argmax(up), len(grid) - 1)
    return grid[jnp.maximum(at - 1, 0)], grid[at]


def _rise(function: Callable[[Scalar], Scalar], low: Scalar, high: Scalar) -> Scalar:
    """Where `function` rises through 0, to be held under differentiation."""
    low, high = roots.bisect(function, low, high, HALVINGS)
    return (low + high) / 2
