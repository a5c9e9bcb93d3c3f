r"""One lane of an optical link in time, from random symbols to the converter.

```
symbols ─ hold ─ PHY ─(+)─ driver ─ RC ─ modulator ─ loss ─(+)─ photodiode ─(+)─ TIA ─┐
       └ distortion   └ driver noise    (`dynamics`)    └ RIN, shot      └ thermal    │
                converter ─ analogue equaliser ─ PHY ─(+)─ trace ─────────────────────┘
                                                    └ noise of the PHY
```

The parts are those of the link, asked for their own responses at the lines of a
periodic stretch of symbols; linear parts are multiplications there, the modulator and
the noise of the light are worked out sample by sample. Noise is Gaussian and drawn:
$\mathrm{var} = S f_s/2$ per sample for a one-sided density $S$, for the light with
$S = 2qI + RIN\,I^2$ of the momentary photocurrent $I$.

Symbols are sent so that their levels settle evenly spaced in light (a static
predistortion by the table `AbstractDynamics.predistorted`); a trace ahead of the driver
is undone by the transmitter at the price of swing, as in `port`. PAM-6 sends pairs of
symbols, the 36 without the corners.

Left out: multi-path interference, wavelength crosstalk, noise of the field, coupling
of the noise into the ring's charge.
"""

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..causes import DirectionName
from ..component import Scalar, Values
from ..devices.response import from_db, power
from ..links.base import Conditions
from ..links.modulated_port import ModulatedPort
from ..links.optical import OpticalLink
from ..signal import decision
from ..signal.pulse import Grid, boosted
from ..signal.receiver import (
    AbstractEqualiser,
    AbstractSlicer,
    Channel,
    Receiver,
    Transmitter,
)
from ..units import CHARGE_C
from .dynamics import AbstractDynamics, dynamics


if TYPE_CHECKING:
    Key = Array
else:
    Key = jax.Array

PAIRS = np.array(
    [(x, y) for x in range(6) for y in range(6) if not {x, y} <= {0, 5}]
)  # of PAM-6: the cross 32-QAM


class Lines(AbstractEqualiser):
    """No equaliser: only the wish for responses at the lines of a grid."""

    grid: Grid = eqx.field(static=True)

    def frequencies_hz(self, symbol_hz: Scalar, pam: int) -> Values:
        """The lines."""
        return self.grid.frequencies_hz(symbol_hz)

    def symbols(self, pam: int) -> None:
        """None: symbols are drawn."""

    def equalise(
        self, transmitter: Transmitter, receiver: Receiver, channel: Channel, pam: int
    ) -> AbstractSlicer:
        """Nothing is computed here."""
        raise NotImplementedError("errors behind a `Lane` are counted")


class Lane(eqx.Module):
    """One direction of a link, ready to be run on stretches of `grid.period` symbols.

    Photocurrent is in units of the outer swing, 0 halfway between the outer levels.
    """

    drives: Float[Array, " levels"]
    """what settles at each level, as a fraction of the swing"""
    modulator: AbstractDynamics
    chip: Complex[Array, " lines"]
    """from symbols to the driver's input"""
    driver: Complex[Array, " lines"]
    """from there to what moves the light"""
    receiver: Complex[Array, " lines"]
    """from the light to the converter"""
    distortion: Scalar
    """standard deviation per symbol, as a fraction of the swing"""
    driver_per_hz: Scalar
    """density at the driver's input over the square of the swing"""
    rin_per_hz: Scalar
    electronics: Float[Array, " lines"]
    """density of thermal and PHY noise at the converter"""
    conversion: Scalar
    """converter noise over the variance of the signal"""
    a: Scalar
    """photocurrent of a modulator that transmits everything"""
    dark_a: Scalar
    levels_a: Float[Array, " levels"]
    symbol_hz: Scalar
    grid: Grid = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        link: OpticalLink,
        at: Conditions,
        direction: DirectionName,
        grid: Grid,
        loss_db: Scalar,
    ) -> "Lane":
        """`direction` of `link` under `at`, behind `loss_db` more of optical loss."""
        ends = (link.end_a, link.end_b)
        tx, rx = ends if direction == "a_to_b" else ends[::-1]
        if not isinstance(tx, ModulatedPort):
            raise NotImplementedError("a laser that is modulated itself, in time")
        channel = link.channel(at, tx, rx)
        f = grid.frequencies_hz(channel.symbol_hz)
        point = tx.operating_point(at)
        transmitter = point.transmitter(channel.symbol_hz, Lines(grid), link.pam)
        receiver = rx.receiver(at, f)
        modulator = dynamics(point.modulation)
        top, bottom = point.modulation.top, point.modulation.bottom
        drives = modulator.predistorted(decision.pam_levels(top, bottom, link.pam))
        shares = jnp.asarray(decision.LEVEL_SHARES[link.pam])
        spread = jnp.sum(shares * jnp.square(drives - jnp.sum(shares * drives)))

        passed = from_db(-channel.loss_db - loss_db) * receiver.a_per_w
        levels_a = decision.pam_levels(
            passed * transmitter.top_w, passed * transmitter.bottom_w, link.pam
        )
        swing2 = jnp.square(levels_a[-1] - levels_a[0])
        cascade = (
            transmitter.transfer
            * receiver.photodiode
            * receiver.amplifier
            * receiver.front
        )
        front = receiver.front * boosted(grid, cascade, receiver.peaking_db)
        output_v = receiver.amplifier * front
        electronics = receiver.thermal_a2_per_hz / swing2 * power(output_v)
        return cls(
            drives=drives,
            modulator=modulator,
            chip=transmitter.chip,
            driver=tx.driver.transfer(f)
            * modulator.electrical(f, tx.driver.source_ohm),
            receiver=receiver.photodiode * output_v,
            distortion=jnp.sqrt(spread * transmitter.distortion),
            driver_per_hz=transmitter.driver_v2 / (channel.symbol_hz / 2),
            rin_per_hz=transmitter.rin_per_hz,
            electronics=electronics + receiver.input_per_hz * power(front),
            conversion=receiver.conversion,
            a=passed * transmitter.top_w / top,
            dark_a=receiver.dark_a,
            levels_a=levels_a,
            symbol_hz=channel.symbol_hz,
            grid=grid,
        )

    @property
    def pam(self) -> int:
        """Levels."""
        return self.drives.shape[0]

    @property
    def swing_a(self) -> Scalar:
        """Photocurrent between the outer levels."""
        return self.levels_a[-1] - self.levels_a[0]

    def symbols(self, key: Key) -> Int[Array, " symbols"]:
        """Levels to send, counted from 0."""
        n = self.grid.period
        if self.pam == 6:
            pair = jax.random.randint(key, (n // 2,), 0, len(PAIRS))
            return jnp.asarray(PAIRS)[pair].reshape(n)
        return jax.random.randint(key, (n,), 0, self.pam)

    def drive(
        self, sent: Int[Array, " symbols"], key: Key, noise: bool = True
    ) -> Float[Array, " samples"]:
        """What moves the light, as a fraction of the swing."""
        symbols, keys = self.drives[sent], jax.random.split(key)
        if noise:
            drawn = jax.random.normal(keys[0], symbols.shape)
            symbols = symbols + self.distortion * drawn
        repeated = jnp.tile(jnp.fft.fft(symbols), self.grid.oversampling // 2)
        lines = repeated * self.grid.hold().astype(complex) * self.chip
        if noise:
            density = jnp.broadcast_to(self.driver_per_hz, lines.shape)
            lines = lines + self._drawn(density, keys[1])
        return self.grid.samples(lines * self.driver)

    def light(
        self, drive: Float[Array, " samples"], key: Key, noise: bool = True
    ) -> Float[Array, " samples"]:
        """Photocurrent ahead of the photodiode's response, with the noise of light."""
        step_s = 1 / (self.symbol_hz * self.grid.oversampling)
        passed = self.modulator.light(drive, step_s, self.grid.oversampling)
        current_a = self.a * passed
        if noise:
            density = 2 * CHARGE_C * (current_a + self.dark_a)
            density = density + self.rin_per_hz * jnp.square(current_a)
            drawn = jax.random.normal(key, current_a.shape)
            current_a = current_a + drawn * jnp.sqrt(density / (2 * step_s))
        middle_a = (self.levels_a[-1] + self.levels_a[0]) / 2
        return (current_a - middle_a) / self.swing_a

    def received(
        self, light: Float[Array, " samples"], key: Key, noise: bool = True
    ) -> Float[Array, " samples"]:
        """The waveform at the converter."""
        scale = self.grid.oversampling
        lines = jnp.fft.rfft(light / scale)[:-1] * self.receiver
        if noise:
            lines = lines + self._drawn(self.electronics, key)
        return self.grid.samples(lines)

    def run(
        self, key: Key, noise: bool = True
    ) -> tuple[Int[Array, " symbols"], Float[Array, " samples"]]:
        """Random symbols and their waveform at the converter."""
        keys = jax.random.split(key, 4)
        sent = self.symbols(keys[0])
        light = self.light(self.drive(sent, keys[1], noise), keys[2], noise)
        return sent, self.received(light, keys[3], noise)

    def _drawn(
        self, density: Float[Array, " lines"], key: Key
    ) -> Complex[Array, " lines"]:
        r"""Lines of Gaussian noise of a one-sided density, in `Grid.samples`' units.

        A line $X$ of $n$ samples holds the power $2|X|^2/n^2$ and must hold
        $S\,\Delta f$ with $\Delta f = f_{symbol}/$period.
        """
        grid = self.grid
        samples = grid.period * grid.oversampling
        line_hz = self.symbol_hz / grid.period
        size = samples / 2 * jnp.sqrt(density * line_hz) / grid.oversampling
        drawn = jax.random.normal(key, (2, *density.shape))
        return jax.lax.complex(size * drawn[0], size * drawn[1])
