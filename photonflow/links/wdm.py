r"""Many wavelengths on one guide: grids, ring multiplexers and what leaks between them.

```
 lasers ─ N lines ─┬──┬──┬─ ... ── fibre ── ... ─┬──┬──┬─ end
 modulator rings   ○  ○  ○         drop rings    ○  ○  ○
                   1  2  N                       1  2  N ── photodiodes
```

A ring answers at its own wavelength, a little at all others, and again one free
spectral range away; the closed forms of `rings` are periodic, so that these images are
in every figure below. A link needs of all this: losses in dB,
variances over the square of the outer swing (as `signal.Noise.relative` has them), the
response of the drop filter, and slacks.

The channel looked at is the middle one, which has the most neighbours near it as long
as the grid fits the FSR (of an even number the two middle ones, averaged).

1. Bahadori et al. 2016, doi:10.1109/JLT.2016.2577501
2. Li, Olsen, Messerschmitt 1991, J. Lightwave Technol. 9, 1693
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..component import Component, Scalar, Transfer, Values, param
from ..devices.filters import RingFilter
from ..devices.response import to_db
from ..devices.ring_modulators import MicroringModulator
from ..limits import limit
from ..signal.decision import mean_square
from ..units import LIGHT_M_PER_S, LN10
from .tuning import AbstractTuning, Placement, ThermalCoupling, holding_w, hz_per_k


SLOTS = limit(
    "slots",
    "places left in the grid of its card",
    missed="{used:.3g} times as many wavelengths as `slots`, the room that the card of "
    "the grid has",
    order=1,
)
FSR = limit(
    "fsr",
    "free spectral range left by the wavelengths",
    missed="more wavelengths than the free spectral range holds: they take {used:.3g} "
    "of it",
    order=2,
)


class WavelengthGrid(Component):
    """Equally spaced channels around a centre, such as those of the CW-WDM MSA.

    `slots` is the size of the arrays, `wavelengths` an integer at most as large. Sums
    over neighbours run linearly between integers, so that nothing jumps.
    """

    wavelengths: Scalar = param(
        unit="1", doc="channels in use", low=1.0, high=64.0, whole=True
    )
    spacing_hz: Scalar = param(
        unit="Hz", doc="from channel to channel", low=25e9, high=1.6e12
    )
    centre_m: Scalar = param(
        unit="m", doc="vacuum wavelength of the centre", low=1.26e-6, high=1.625e-6
    )
    slots: int = eqx.field(static=True)

    def frequencies_hz(self) -> Float[Array, " slots"]:
        """Carriers, lowest first; slots past the last channel go on with the grid."""
        place = jnp.arange(self.slots, dtype=float) - (self.wavelengths - 1) / 2
        return LIGHT_M_PER_S / self.centre_m + place * self.spacing_hz

    def neighbours(self, leak: Callable[[Values], Any]) -> Any:
        """Sum of `leak(offset_hz)` over all others, seen from the middle channel.

        `leak` may return a tree, each leaf of which is summed.
        """
        away = jnp.arange(1, self.slots, dtype=float)
        # Two neighbours at each distance as far as the grid goes, then one, then none.
        number = jnp.clip(self.wavelengths + 1 - 2 * away, 0.0, 2.0)
        offset_hz = away * self.spacing_hz
        return jax.tree.map(
            lambda below, above: jnp.sum(number * (below + above) / 2),
            leak(-offset_hz),
            leak(offset_hz),
        )

    def slacks(self, fsr_hz: Scalar) -> dict[str, Scalar]:
        """`fsr`: 1 - the grid's width over the rings' FSR; `slots`: room in the arrays.

        Channels take up N spacings: at one more the first would sit on the image of
        the last.
        """
        return {
            FSR.name: 1 - self.wavelengths * self.spacing_hz / fsr_hz,
            SLOTS.name: 1 - self.wavelengths / self.slots,
        }


class Multiplexed(eqx.Module):
    """Effect of a bus of ring modulators on the light of one of them."""

    losses_db: dict[str, Scalar]
    """`mux_through`: past all other modulators, mean over their levels"""
    relative: dict[str, Scalar]
    """`intermodulation`: their data on our light, variance over the swing squared"""
    placement: Placement
    """shifts the modulators' heaters hold"""
    slacks: dict[str, Scalar]


class Demultiplexed(eqx.Module):
    """Effect of a bus of drop filters on the light of one channel."""

    losses_db: dict[str, Scalar]
    """`demux_through`: past all other filters; `demux_drop`: into its own drop port"""
    relative: dict[str, Scalar]
    """`crosstalk` of the other channels, variance over the swing squared"""
    interference: Scalar
    """of the own wavelength launched again: variance over level times mean light"""
    leaked: Scalar
    """power of all other channels at our photodiode over our own, X"""
    residual: Scalar
    """power of our own wavelength left behind its drop over the dropped; 0 if unused"""
    linewidth_hz: Scalar
    tuning_w: Scalar
    """heater and lock loop of one filter"""
    slacks: dict[str, Scalar]

    def penalties_db(self, extinction: Scalar) -> dict[str, Scalar]:
        """Worst-case power penalties, all aggressors conspiring, for a table.

        A link uses the variances instead.
        """
        return {
            "crosstalk": crosstalk_penalty_db(self.leaked, extinction),
            "coherent": coherent_penalty_db(self.residual, extinction),
        }


class RingBus(Component):
    r"""One end of a WDM link: ring modulators on one guide, ring filters on another.

    *Transmitter.* All light passes all rings. The other N - 1 modulators take
    $\prod_j \bar T_j$ of it and write their data onto it, $\Delta T_j$ from lowest to
    highest level: a variance of $\sum_j (\Delta T_j/\bar T_j)^2$ times that of the
    symbols, which scales with the light of the level; given for the top one.

    *Receiver.* The filter of a channel also takes a share $x_j$ of each other,
    $X = \sum_j x_j$. Data are independent, so that variances add, $\sum_j x_j^2$ times
    that of the symbols; beats between channels lie outside the receiver's band. With
    `reused` a wavelength is launched again behind its drop (a ring of nodes, or both
    directions in one guide): what the drop left, $x$, then beats in band with a random
    phase, a variance of $2 x P_k \bar P$ on level $k$.

    Rings of a row warm each other by `coupling`; None isolates them.

    Conservative: crosstalk is that of a filter at the head of the bus, loss that of one
    at its end. Left out: the slope of a drop's skirt within an aggressor's band, mean
    light of aggressors in the shot noise, reflections, four-wave mixing, lines of
    different power.
    """

    grid: WavelengthGrid
    filter: RingFilter
    tuning: AbstractTuning
    reused: bool = eqx.field(static=True)
    coupling: ThermalCoupling | None = None

    def place(self, fsr_hz: Scalar, ambient_k: Scalar, hz_per_k: Scalar) -> Placement:
        """Shifts that heaters of one row hold: of the modulators, or of the filters."""
        n, coupling = self.grid.wavelengths, self.coupling
        thermal = None if coupling is None else coupling.thermal_crosstalk(n)
        return self.tuning.place(fsr_hz, n, ambient_k, hz_per_k, thermal)

    def multiplex(
        self,
        modulator: MicroringModulator,
        top: Scalar,
        bottom: Scalar,
        ambient_k: Scalar,
        pam: int,
    ) -> Multiplexed:
        """For light that leaves its own modulator at levels `top` and `bottom`."""
        fsr_hz = modulator.fsr_hz()
        passing = modulator_transmission(modulator)

        def at(offset_hz: Values) -> tuple[Values, Values]:
            shallow, deep = passing(offset_hz).T
            mean = (shallow + deep) / 2
            return -to_db(mean), jnp.square((deep - shallow) / mean)

        loss_db, depth2 = self.grid.neighbours(at)
        per_k = hz_per_k(modulator.heater, modulator.optical_hz())
        placement = self.place(fsr_hz, ambient_k, per_k)
        written = mean_square(pam) * depth2
        return Multiplexed(
            losses_db={"mux_through": loss_db},
            relative={"intermodulation": written * jnp.square(top / (top - bottom))},
            placement=placement,
            slacks=self.grid.slacks(fsr_hz) | placement.slacks,
        )

    def demultiplex(self, ambient_k: Scalar, pam: int) -> Demultiplexed:
        """For equally strong channels."""
        ring, heater = self.filter.resonance(), self.filter.heater
        on = jnp.zeros(())

        def at(offset_hz: Values) -> tuple[Values, Values, Values]:
            leaked = ring.leakage(offset_hz)
            return leaked, jnp.square(leaked), -to_db(ring.passed(offset_hz))

        leaked, crossed, passed_db = self.grid.neighbours(at)
        residual = ring.passed(on) / ring.dropped(on) if self.reused else on
        per_k = hz_per_k(heater, self.filter.optical_hz())
        placement = self.place(ring.fsr_hz, ambient_k, per_k)
        return Demultiplexed(
            losses_db={
                "demux_through": passed_db,
                "demux_drop": -to_db(ring.dropped(on)),
            },
            relative={"crosstalk": mean_square(pam) * crossed},
            interference=2 * residual,
            leaked=leaked,
            residual=residual,
            linewidth_hz=ring.linewidth_hz(),
            tuning_w=holding_w(heater, self.filter.radius_m, per_k, placement.mean_hz),
            slacks=self.grid.slacks(ring.fsr_hz) | placement.slacks,
        )

    def transfer(self, frequency_hz: Values) -> Transfer:
        """Response of the drop filter, to go with the transmitter's: it truncates a
        band wider than half its linewidth.
        """
        return self.filter.resonance().transfer(frequency_hz)


def modulator_transmission(modulator: MicroringModulator) -> Callable[[Values], Values]:
    """Power past a locked ring `offset_hz` from its own carrier, at both levels.

    Of an axis of offsets; levels stand on a last axis, shallow bias first.
    """
    middle = modulator.resonance(modulator.bias_v + modulator.drive_v / 2)
    ends = modulator.resonance(
        modulator.bias_v + modulator.drive_v * jnp.array([0.0, 1.0])
    )
    locked_hz = modulator.detuning * middle.linewidth_hz() / 2
    moved_hz = locked_hz + ends.shift_hz - middle.shift_hz

    return jax.vmap(lambda offset_hz: ends.transmission(offset_hz + moved_hz))


def crosstalk_penalty_db(leaked: Scalar, extinction: Scalar) -> Scalar:
    r"""$-10\log_{10}\big(1 - X\frac{r+1}{r-1}\big)$, `extinction` being r > 1 [1]."""
    return eye_closure_db(leaked * (extinction + 1) / (extinction - 1))


def coherent_penalty_db(residual: Scalar, extinction: Scalar) -> Scalar:
    r"""Of an interferer $x$ times as strong at the own wavelength, worst phase.

    Both levels beat with a top level, which closes the eye by
    $2\sqrt x\,(P_1 + \sqrt{P_1 P_0})/(P_1 - P_0) = 2\sqrt{xr}/(\sqrt r - 1)$.
    """
    # sqrt(x) has no slope at 0: rounded within 1e-12, -120 dB.
    root = jnp.sqrt((residual + 1e-12) * extinction) - 1e-6 * jnp.sqrt(extinction)
    return eye_closure_db(2 * root / (jnp.sqrt(extinction) - 1))


def eye_closure_db(closed: Scalar) -> Scalar:
    """Power to reopen an eye closed by the fraction `closed`.

    From 99 % on the tangent goes on, so that a shut eye has a finite penalty that still
    grows.
    """
    nearly = jnp.minimum(closed, 0.99)
    return 10 / LN10 * (-jnp.log1p(-nearly) + (closed - nearly) / 0.01)
