r"""Tuning of rings to a grid of wavelengths: shifts, watts, range of the heaters.

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
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..devices import rings
from ..devices.response import smooth_abs
from ..devices.ring_heating import RingHeater
from ..limits import limit


SIGMAS = 3.0  # of spread that a placement covers on either side
ASSIST_WIDTH_HZ = 1e9  # 0.1 K of heat; moves a shift of 100 GHz by 2.5e-5
TUNING_RANGE = limit(
    "tuning_range",
    "reach of the ring heaters left",
    missed="resonance outside the tuning range: the ring that is farthest off needs "
    "{used:.3g} times the shift that its heater can give",
    order=4,
)
AMBIENT = limit(
    "ambient",
    "ambient below the rings' hottest",
    missed="resonance outside the tuning range: the ambient is hotter than the hottest "
    "that the rings are made for, and a heater cannot cool",
    order=3,
)


class Placement(eqx.Module):
    """Red shifts by which heaters hold a bank of rings on their channels."""

    mean_hz: Scalar
    """by a ring's own heater, over the spread, at the ambient temperature"""
    worst_hz: Scalar
    """of the ring farthest off, in the coldest ambient, by all heat"""
    slacks: dict[str, Scalar]
    """`tuning_range`: 1 - worst shift over the heater's; met when >= 0"""

    def hold(self, fsr_hz: Scalar) -> Scalar:
        """Mean shift in FSRs, which `RingHeater.hold` stands for."""
        return self.mean_hz / fsr_hz


class ThermalCrosstalk(NamedTuple):
    """How neighbours on the same row change the task of a ring's heater."""

    share: Scalar
    """heat a ring adds itself over the heat it holds, mean over the row"""
    spread: Scalar
    """independent errors as the coldest heater sees them, over those of its ring"""


def isolated() -> ThermalCrosstalk:
    """No neighbours, or none that warm."""
    return ThermalCrosstalk(jnp.ones(()), jnp.ones(()))


class RequiredShift(NamedTuple):
    """Red shifts that a tuning strategy needs, by heat of any kind or electrically."""

    mean_hz: Scalar
    worst_hz: Scalar
    slacks: dict[str, Scalar]


class AbstractTuning(Component):
    r"""A strategy to tune rings to channels, and the two limits of all strategies.

    Electrical tuning takes `assist` off the required shift, rounded within 1 GHz of
    zero; a ring may rise by `reach`, whoever heats it. Neighbours warm a ring as well
    (`ThermalCrosstalk`): its own heater gives the `share` of the mean. It cannot cool,
    so that the bank is drawn bluer until the ring with the least to hold, between
    neighbours that hold the mean, still needs heat at $3\sigma$.
    """

    assist_hz: Scalar = param(
        unit="Hz", doc="shift by electrical tuning, no heat", low=0.0, high=2e11
    )
    reach_k: Scalar = param(
        unit="K", doc="largest rise the heater survives", low=20.0, high=600.0
    )

    @abc.abstractmethod
    def required_shift(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
        spread: Scalar,
    ) -> RequiredShift:
        """Shifts of rings of `fsr_hz` and `hz_per_k` serving so many `wavelengths`.

        `spread` is that of the `ThermalCrosstalk`.
        """

    def place(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
        thermal: ThermalCrosstalk | None = None,
    ) -> Placement:
        """What is left to the heaters behind electrical tuning and neighbours."""
        thermal = thermal or isolated()
        required = self.required_shift(
            fsr_hz, wavelengths, ambient_k, hz_per_k, thermal.spread
        )
        left_hz = required.worst_hz - self.assist_hz
        tuned = {TUNING_RANGE.name: 1 - left_hz / (self.reach_k * hz_per_k)}
        return Placement(
            mean_hz=thermal.share * _heated_hz(required.mean_hz - self.assist_hz),
            worst_hz=_heated_hz(left_hz),
            slacks=tuned | required.slacks,
        )


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
    $6\sigma + (T_{max} - T_{min})\,k_T$. Between neighbours $\sigma_l$ counts by their
    `spread`. The `ambient` slack is $T_{max} - T$ over the range.

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

    def required_shift(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
        spread: Scalar,
    ) -> RequiredShift:
        """Independent of FSR and of the number of wavelengths."""
        local_hz = spread * self.local_hz
        sigma_hz = jnp.sqrt(jnp.square(local_hz) + jnp.square(self.systematic_hz))
        range_k = self.hottest_k - self.coldest_k
        cooler_k = self.hottest_k - ambient_k
        mean_hz = SIGMAS * sigma_hz + cooler_k * hz_per_k
        worst_hz = 2 * SIGMAS * sigma_hz + range_k * hz_per_k
        return RequiredShift(mean_hz, worst_hz, {AMBIENT.name: cooler_k / range_k})


class BarrelShift(AbstractTuning):
    r"""Each ring goes to the next channel; electronics shifts the bits back [1, 2].

    Channels lie $FSR/N$ apart, and that is what [1] lets each ring hold on average,
    whatever temperature and systematic error do; `share` is the part of it held in
    truth, 1/2 where resonances fall evenly between channels. At worst a bank shifts as
    a whole and the local errors of its rings come on top: $FSR/N + 6\sigma_l$. The
    watts of a bank do not depend on $N$. Neighbours that widen $\sigma_l$ by a factor
    $w$ add $3\sigma_l(w - 1)$ to the mean and $6\sigma_l(w - 1)$ to the worst.

    Left out: watts and latency of the multiplexers that put the bits in order, and a
    grid that fills only a part of the FSR, where the way round is longer.
    """

    local_hz: Scalar = param(
        unit="Hz", doc="spread within a bank, sigma", low=1e8, high=1e12
    )
    share: Scalar = param(
        unit="1", doc="mean shift over the channel distance", low=0.25, high=1.0
    )

    def required_shift(
        self,
        fsr_hz: Scalar,
        wavelengths: Scalar,
        ambient_k: Scalar,
        hz_per_k: Scalar,
        spread: Scalar,
    ) -> RequiredShift:
        """Independent of the ambient, which only turns the barrel."""
        channel_hz = fsr_hz / wavelengths
        guard_hz = SIGMAS * (spread - 1) * self.local_hz
        worst_hz = channel_hz + 2 * SIGMAS * spread * self.local_hz
        return RequiredShift(self.share * channel_hz + guard_hz, worst_hz, {})


def _heated_hz(shift_hz: Scalar) -> Scalar:
    """Heaters do not cool. The tail, width^2 / 4|x|, never vanishes: a quotient by a
    held shift stays finite, and a search finds its way back."""
    return (shift_hz + smooth_abs(shift_hz, ASSIST_WIDTH_HZ)) / 2


class ThermalCoupling(Component):
    r"""How far the heat of one ring reaches into the next of a row.

    The rise of ring $i$ by the heater of $j$, over that by its own, is
    $$ K_{ij} = c\,q^{|i-j|}, \quad q = e^{-p/\ell}, \qquad K_{ii} = 1 , $$
    with pitch $p$: a fit to the first neighbours, for which 1 to 5 % at 50 to 100 um
    are common. Powers are $K^{-1}$ times the rises asked for, so that their mean is
    $x = K^{-1}1$ times the mean rise, and independent errors $\sigma$ of the rings
    become $\sigma\lVert K^{-1}_i\rVert$ of heater $i$. Both have a closed form: with
    $(1-c)Q^{-1}$, $Q_{ij} = q^{|i-j|}$, tridiagonal,
    $$ x_i = r + a\,(z^{i-1} + z^{N-i}), \qquad
       \lVert K^{-1}_i\rVert^2 \to \frac1{2\pi}\int \hat K(\theta)^{-2}\,d\theta, $$
    $z$ the decaying root of $A = B\,(z + 1/z)/2$, $r = 1/\hat K(0)$. The norm is that
    of a long row: always too large, from 8 rings on by at most 2 %.

    Left out: other rows of the chip, its common rise, which belongs to the ambient,
    trenches, and the light that a neighbour absorbs.
    """

    pitch_m: Scalar = param(unit="m", doc="ring to ring", low=10e-6, high=500e-6)
    contact: Scalar = param(
        unit="1", doc="share c, extrapolated to no distance", low=1e-3, high=0.6
    )
    decay_m: Scalar = param(
        unit="m", doc="distance over which it falls by e", low=5e-6, high=200e-6
    )

    def thermal_crosstalk(self, rings: Scalar) -> ThermalCrosstalk:
        """Of a row of so many, at least 1; smooth between integers."""
        c, q = self.contact, jnp.exp(-self.pitch_m / self.decay_m)
        along = (1 - c) * (1 + q**2) + c * (1 - q**2)  # A
        across = 2 * (1 - c) * q  # B
        root = jnp.sqrt((along - across) * (along + across))
        z = across / (along + root)
        reached = jnp.exp(rings * jnp.log(z))

        inside = (1 - q) / ((1 - c) * (1 - q) + c * (1 + q))
        ends = (1 - q) * (1 / (1 - c) - inside)
        ends = ends * z / (1 - q * z + reached * (z - q))
        mean = inside + 2 * ends * (1 - reached) / ((1 - z) * rings)
        middle = inside + 2 * ends * jnp.exp((rings - 1) / 2 * jnp.log(z))

        # 1 / K^ is constant + moving / (A - B cos), whose square has known means.
        constant = 1 / (1 - c)
        moving = 1 + q**2 - constant * along
        norm2 = constant**2 + 2 * constant * moving / root
        norm2 = norm2 + moving**2 * along / root**3
        return ThermalCrosstalk(mean, jnp.sqrt(norm2) / middle)
