r"""Where rings lie and what it takes to hold them on a grid of wavelengths.

A heater can only move a resonance to the red, so that a ring is drawn to the blue of
its channel. Two strategies are kept, each an `AbstractTuning` that turns spread and
temperature into a `Placement`; the mean decides the watts, the worst ring the range of
the heater. Rings off by a local and a systematic error of standard deviations
$\sigma_l$, $\sigma_s$ shift by $k_T$ per kelvin [1]:

* `FullThermal`: each ring has a channel of its own and must reach it from every corner;
* `BarrelShift`: a bank takes the channels as they come, electronics puts bits in order.

1. Sun et al. 2012 (DSENT), doi:10.1109/NOCS.2012.31
2. Georgas et al. 2011, doi:10.1109/CICC.2011.6055363
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float

from ..component import Component, Scalar, param
from ..devices import rings
from ..devices.response import smooth_abs
from ..devices.ring_heating import RingHeater


SIGMAS = 3.0  # of spread that a placement covers on either side
ASSIST_WIDTH_HZ = 1e9  # 0.1 K of heat; moves a shift of 100 GHz by 2.5e-5


class Placement(eqx.Module):
    """Red shifts by which heaters hold a bank of rings on their channels."""

    mean_hz: Scalar
    """of a ring, over the spread, at the ambient temperature"""
    worst_hz: Scalar
    """of the ring farthest off, in the coldest ambient"""
    slacks: dict[str, Scalar]
    """`tuning_range`: 1 - worst shift over the heater's; met when >= 0"""

    def hold(self, fsr_hz: Scalar) -> Scalar:
        """Mean shift in FSRs, which `RingHeater.hold` stands for."""
        return self.mean_hz / fsr_hz


class AbstractTuning(Component):
    """A way to put rings on channels."""

    assist_hz: eqx.AbstractVar[Scalar]
    reach_k: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def place(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
    ) -> Placement:
        """Shifts of rings of `fsr_hz` and `hz_per_k` serving so many `wavelengths`."""


def hz_per_k(heater: RingHeater, optical_hz: Scalar) -> Scalar:
    """Red shift of a ring per kelvin."""
    return heater.shift_per_k * optical_hz


def holding_w(
    heater: RingHeater, radius_m: Scalar, hz_per_k: Scalar, shift_hz: Scalar
) -> Scalar:
    """Heater and lock loop of one ring held `shift_hz` to the red."""
    k_per_w = heater.thermal_k_m_per_w / rings.length_m(radius_m)
    return shift_hz / (hz_per_k * k_per_w) + heater.loop_w


class FullThermal(AbstractTuning):
    r"""Heaters alone bring each ring to a channel of its own [1].

    Drawn to the blue by $3\sigma + (T_{max} - T_{min})k_T$,
    $\sigma^2 = \sigma_l^2 + \sigma_s^2$, a ring at ambient $T$ is on average
    $$ \bar\delta = 3\sigma + (T_{max} - T)\,k_T $$
    away, and at worst, three more sigma off in the coldest ambient,
    $6\sigma + (T_{max} - T_{min})\,k_T$. Electrical tuning takes `assist` off both,
    rounded within 1 GHz of zero. The `ambient` slack is $T_{max} - T$ over the range.

    `spread` is of the resonance, whatever varies: thickness counts most.
    """

    local_hz: Scalar = param(
        unit="Hz", doc="spread within a bank, sigma", low=1e8, high=1e12
    )
    systematic_hz: Scalar = param(
        unit="Hz", doc="spread of banks, sigma", low=1e8, high=4e12
    )
    coldest_k: Scalar = param(
        unit="K", doc="coldest ambient of a ring", low=233.15, high=320.0
    )
    hottest_k: Scalar = param(
        unit="K", doc="hottest ambient of a ring", low=330.0, high=420.0
    )
    assist_hz: Scalar = param(
        unit="Hz", doc="shift by electrical tuning, no heat", low=0.0, high=2e11
    )
    reach_k: Scalar = param(
        unit="K", doc="largest rise the heater survives", low=20.0, high=600.0
    )

    def place(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
    ) -> Placement:
        """Independent of FSR and of the number of wavelengths."""
        sigma_hz = jnp.sqrt(jnp.square(self.local_hz) + jnp.square(self.systematic_hz))
        range_k = self.hottest_k - self.coldest_k
        cooler_k = self.hottest_k - ambient_k
        mean_hz = SIGMAS * sigma_hz + cooler_k * hz_per_k
        worst_hz = 2 * SIGMAS * sigma_hz + range_k * hz_per_k
        return _assisted(
            self, mean_hz, worst_hz, hz_per_k, {"ambient": cooler_k / range_k}
        )


class BarrelShift(AbstractTuning):
    r"""Each ring goes to the next channel; electronics shifts the bits back [1, 2].

    Channels lie $FSR/N$ apart, and that is what [1] lets each ring hold on average,
    whatever temperature and systematic error do; `share` is the part of it held in
    truth, 1/2 where resonances fall evenly between channels. At worst a bank shifts as
    a whole and the local errors of its rings come on top: $FSR/N + 6\sigma_l$. The
    watts of a bank do not depend on $N$. Electrical tuning takes `assist` off, rounded
    within 1 GHz of zero.

    Left out: watts and latency of the multiplexers that put the bits in order, and a
    grid that fills only a part of the FSR, where the way round is longer.
    """

    local_hz: Scalar = param(
        unit="Hz", doc="spread within a bank, sigma", low=1e8, high=1e12
    )
    share: Scalar = param(
        unit="1", doc="mean shift over the channel distance", low=0.25, high=1.0
    )
    assist_hz: Scalar = param(
        unit="Hz", doc="shift by electrical tuning, no heat", low=0.0, high=2e11
    )
    reach_k: Scalar = param(
        unit="K", doc="largest rise the heater survives", low=20.0, high=600.0
    )

    def place(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
    ) -> Placement:
        """Independent of the ambient, which only turns the barrel."""
        channel_hz = fsr_hz / wavelengths
        worst_hz = channel_hz + 2 * SIGMAS * self.local_hz
        return _assisted(self, self.share * channel_hz, worst_hz, hz_per_k, {})


def _assisted(
    tuning: AbstractTuning,
    mean_hz: Scalar,
    worst_hz: Scalar,
    hz_per_k: Scalar,
    slacks: dict[str, Scalar],
) -> Placement:
    """What is left to the heaters behind electrical tuning."""
    reach_hz = tuning.reach_k * hz_per_k
    left_hz = worst_hz - tuning.assist_hz
    return Placement(
        mean_hz=_heated_hz(mean_hz - tuning.assist_hz),
        worst_hz=_heated_hz(left_hz),
        slacks={"tuning_range": 1 - left_hz / reach_hz} | slacks,
    )


def _heated_hz(shift_hz: Scalar) -> Scalar:
    """Heaters do not cool. The tail, width^2 / 4|x|, never dies: whoever divides by a
    held shift stays finite, and a search finds back."""
    return (shift_hz + smooth_abs(shift_hz, ASSIST_WIDTH_HZ)) / 2


class HeatedBank(eqx.Module):
    """Heaters of a row of rings that warm each other."""

    power_w: Float[Array, " rings"]
    slack: Scalar
    """smallest power over the mean asked for; below 0 a ring would need cooling"""
    extra_w: Scalar
    """sum of the powers less what isolated rings would take; neighbours' heat saves"""


class ThermalCoupling(Component):
    r"""How far the heat of one ring reaches into the next of a row.

    The rise of ring $i$ by the heater of $j$, over that by its own, is
    $$ K_{ij} = c\,e^{-p|i-j|/\ell}, \qquad K_{ii} = 1 , $$
    with pitch $p$: a fit to the first neighbours, for which 1 to 5 % at 50 to 100 um
    are common. $K$ is positive definite for c < 1. Left out: the common rise of the
    chip, which belongs to the ambient, and trenches.
    """

    pitch_m: Scalar = param(unit="m", doc="ring to ring", low=10e-6, high=500e-6)
    contact: Scalar = param(
        unit="1", doc="share c, extrapolated to no distance", low=1e-3, high=0.6
    )
    decay_m: Scalar = param(
        unit="m", doc="distance over which it falls by e", low=5e-6, high=200e-6
    )

    def matrix(self, size: int) -> Float[Array, "rings rings"]:
        """K of a row of so many rings."""
        place = jnp.arange(size, dtype=float)
        apart = jnp.abs(place[:, None] - place[None, :])
        reached = self.contact * jnp.exp(-apart * self.pitch_m / self.decay_m)
        return jnp.where(apart > 0, reached, 1.0)

    def heat(
        self, alone_w: Float[Array, " rings"], lit: Bool[Array, " rings"]
    ) -> HeatedBank:
        """Powers that give each ring the rise that `alone_w` gives it without others.

        Rings that are not `lit` are not there. A negative power is reported, not cut;
        the slack is a smooth minimum of width 1 % of the mean.
        """
        there = lit[:, None] & lit[None, :]
        k = jnp.where(there, self.matrix(len(lit)), jnp.eye(len(lit)))
        asked_w = jnp.where(lit, alone_w, 0.0)
        power_w = jnp.linalg.solve(k, asked_w)
        mean_w = jnp.sum(asked_w) / jnp.sum(jnp.where(lit, 1.0, 0.0))
        low = jnp.where(lit, -power_w / mean_w, -jnp.inf)
        return HeatedBank(
            power_w=power_w,
            slack=-SLACK_WIDTH * logsumexp(low / SLACK_WIDTH),
            extra_w=jnp.sum(power_w - asked_w),
        )


SLACK_WIDTH = 0.01  # of the smooth minimum, in units of the mean power
