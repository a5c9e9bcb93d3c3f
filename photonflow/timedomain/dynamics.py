r"""Modulators in time: what a drive waveform does to the light.

The ring is integrated as one mode coupled to a bus. With $b$ the field that leaks back
into the bus over the field that passes,
$$ \dot b = 2\gamma_e - \big(\gamma_e + \gamma_l(V) + j\,2\pi\Delta(V)\big)\,b,
   \qquad T = |1 - b|^2 , $$
amplitude decay $\gamma_e = -\ln t\cdot FSR$ by coupling and
$\gamma_l = -\ln a\cdot FSR$ by loss [1], the laser $\Delta$ above resonance. The static
solution is the all-pass formula to second order in 1/finesse. A Runge-Kutta method of
fifth order [2] follows it in steps that the fastest rate sets (`FASTEST`); between
samples the rates follow a cubic. The integration shares no line with the closed forms
it is held against.

A waveform is periodic and sampled evenly; it is integrated in lanes side by side, each
of which starts early, at equilibrium, and forgets that start. Left out: rings whose
photons live for longer than those `EARLY` symbols.

1. Little et al. 1997, doi:10.1109/50.588673
2. Kidger 2021, On Neural Differential Equations, arXiv:2202.02435 (diffrax)
"""

import abc
import functools
import math

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..component import Scalar, Transfer, Values
from ..devices.modulators import AbstractMemorylessOperation, AbstractOperation
from ..devices.response import from_db
from ..devices.ring_modulators import RingOperation


FASTEST = 1.0
"""what the fastest of all lanes may decay and turn within one step, in nepers and
radians: shorter steps move less than 1e-4 of the light"""
LANE, EARLY = 64, 16
"""symbols a lane covers, and symbols it starts before them"""
TABLE = 4097
"""drives at which a static curve is tabulated for its inverse"""


class AbstractDynamics(eqx.Module):
    """A modulator at its operating point, from the driver's output to light.

    Drive is a fraction of the swing, 0 at its shallow end and 1 at its deep end;
    transmission runs from input guide to output guide.
    """

    @abc.abstractmethod
    def electrical(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """From the driver's output to what moves the light."""

    @abc.abstractmethod
    def static(self, drive: Values) -> Values:
        """Transmission once everything has settled."""

    @abc.abstractmethod
    def light(
        self, drive: Float[Array, " samples"], step_s: Scalar, per_symbol: int
    ) -> Float[Array, " samples"]:
        """Transmission under a periodic drive sampled every `step_s`."""

    def predistorted(self, levels: Float[Array, " levels"]) -> Float[Array, " levels"]:
        """Drives that settle at the transmissions `levels`, by inverting a table."""
        drives = jnp.linspace(0.0, 1.0, TABLE)
        curve = self.static(drives)
        order = jnp.argsort(curve)
        return jnp.interp(levels, curve[order], drives[order])


@functools.singledispatch
def dynamics(operation: AbstractOperation) -> AbstractDynamics:
    """The dynamics of a modulator at work, by the class of its operation.

    A kind whose light has a memory registers a model of its own, which has to be
    another than that of its `waveform`: `dynamics.register(MyOperation, MyDynamics)`.
    """
    raise TypeError(f"no time-domain model of {type(operation).__name__}")


def has_dynamics(operation: type) -> bool:
    """Whether a kind of operation has a time-domain model."""
    return dynamics.dispatch(operation) is not dynamics.dispatch(object)


class RingDynamics(AbstractDynamics):
    """A ring modulator: RC of the junction, then the coupled mode."""

    operation: RingOperation

    def electrical(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """RC of driver and junction."""
        return self.operation.charging(frequency_hz, source_ohm)

    def static(self, drive: Values) -> Values:
        """The all-pass formula at the voltage of each drive."""
        ring, detuning_hz = self._ring(drive)
        return self._passed() * ring.transmission(detuning_hz)

    def light(
        self, drive: Float[Array, " samples"], step_s: Scalar, per_symbol: int
    ) -> Float[Array, " samples"]:
        """Coupled-mode equation in lanes of `LANE` symbols."""
        ring, detuning_hz = self._ring(drive)
        leak = -jnp.log(ring.t) * ring.fsr_hz * step_s
        decay = leak - jnp.log(ring.a) * ring.fsr_hz * step_s
        turn = 2 * math.pi * detuning_hz * step_s
        lanes = _lanes(jnp.stack([decay, turn], axis=1), per_symbol)
        b = follow(lanes, leak, EARLY * per_symbol)
        passed = jnp.square(1 - b[:, 0]) + jnp.square(b[:, 1])
        return self._passed() * passed.T.reshape(drive.shape)

    def _passed(self) -> Scalar:
        return from_db(-self.operation.ring.insertion_db)

    def _ring(self, drive: Values):
        """Resonance and hot detuning; heat is too slow to follow a symbol."""
        point, own = self.operation, self.operation.ring
        # Overshoot past half a volt forward would meet a conducting junction.
        reverse_v = jnp.maximum(own.bias_v + own.drive_v * drive, -0.5)
        ring = own.resonance(reverse_v)
        return ring, point.detuning_hz + ring.shift_hz - point.middle.shift_hz


class MemorylessDynamics(AbstractDynamics):
    """Any modulator without memory of its own: a linear circuit, then its curve."""

    operation: AbstractMemorylessOperation

    def electrical(self, frequency_hz: Values, source_ohm: Scalar) -> Transfer:
        """All of its response is that of the circuit."""
        return self.operation.transfer(frequency_hz, source_ohm)

    def static(self, drive: Values) -> Values:
        """Its own curve; 0 and 1 are its darkest and brightest ends."""
        return self.operation.static(drive)

    def light(
        self, drive: Float[Array, " samples"], step_s: Scalar, per_symbol: int
    ) -> Float[Array, " samples"]:
        """Light follows the voltage at once."""
        return self.static(drive)


dynamics.register(RingOperation, RingDynamics)
dynamics.register(AbstractMemorylessOperation, MemorylessDynamics)


def _lanes(
    waveform: Float[Array, "samples ..."], per_symbol: int
) -> Float[Array, "times ... lanes"]:
    """A periodic waveform cut into lanes, the last axis, that start early.

    One sample more before and two after, for the interpolation at the ends.
    """
    period, lane = waveform.shape[0], LANE * per_symbol
    starts = jnp.arange(0, period, lane) - EARLY * per_symbol - 1
    times = jnp.arange(lane + EARLY * per_symbol + 3)
    at = (times[:, None] + starts[None, :]) % period
    return jnp.moveaxis(waveform[at], 1, -1)


def follow(
    rates: Float[Array, "times 2 lanes"], leak: Scalar, early: int
) -> Float[Array, "later 2 lanes"]:
    """The field $b$, real and imaginary, at every sample from `early` on.

    `rates` are decay and turn per sample; between samples they follow a cubic through
    four of them. Each lane starts at the equilibrium of its first rates.
    """

    def slope(time: Scalar, b: Array, rates: Array) -> Array:
        decay, turn = _between(rates, time)
        real = 2 * leak - decay * b[0] + turn * b[1]
        return jnp.stack([real, -decay * b[1] - turn * b[0]])

    fastest = jnp.max(jnp.sqrt(jnp.sum(jnp.square(rates), axis=1)))
    steps = jnp.ceil(fastest / FASTEST).astype(int)
    term, solver = diffrax.ODETerm(slope), diffrax.Tsit5()  # type: ignore[arg-type]

    def step(i, reached):
        """From one fraction of a sample to the next."""
        b, state, sample = reached
        times = sample + i / steps, sample + (i + 1) / steps
        b, _, _, state, _ = solver.step(term, *times, b, rates, state, made_jump=False)
        return b, state, sample

    def to_next(reached, _):
        b, state, sample = jax.lax.fori_loop(0, steps, step, reached)
        return (b, state, sample + 1.0), b

    decay, turn = rates[1]
    size = jnp.square(decay) + jnp.square(turn)
    still = 2 * leak * jnp.stack([decay / size, -turn / size])
    first = jnp.zeros(())
    start = (still, solver.init(term, first, first + 1.0, still, rates), first)
    _, fields = jax.lax.scan(to_next, start, length=rates.shape[0] - 4)
    return fields[early - 1 :]


def _between(rows: Float[Array, "times ..."], time: Scalar) -> Array:
    """Catmull and Rom's cubic through the four rows around `time`, row 1 being 0."""
    last = rows.shape[0] - 4
    first = jnp.clip(jnp.floor(time), 0.0, float(last))
    x = time - first
    around = jax.lax.dynamic_slice_in_dim(rows, first.astype(int), 4)
    weights = jnp.stack(
        [
            x * (x * (2 - x) - 1),
            x * x * (3 * x - 5) + 2,
            x * (x * (4 - 3 * x) + 1),
            x * x * (x - 1),
        ]
    )
    return jnp.tensordot(weights / 2, around, 1)
