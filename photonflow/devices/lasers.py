"""Continuous-wave lasers: light and voltage against current at the junction's heat."""

import equinox as eqx
import jax
import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..units import CHARGE_C, LIGHT_M_PER_S, PLANCK_J_S
from .response import from_db, smooth_positive


REFERENCE_K = 298.15


class DFBLaser(Component):
    r"""Distributed-feedback laser diode with a self-heated junction.

    Light and voltage at drive $I$ and *junction* temperature $T_j$ [1]:
    $$ P = \eta_0 e^{-(T_j-T_r)/T_1}\frac{h\nu}{q}\,
           \big(I - I_0 e^{(T_j-T_r)/T_0}\big)_+ , \qquad V = V_0 + I R_s, $$
    $$ T_j = T_{case} + R_{th}\,(IV - P), \qquad T_r = 25\,^{\circ}\mathrm{C}. $$
    The last line is a fixed point; without it there would be no rollover. The corner
    at threshold is a softplus 1 mA wide, and spontaneous emission leaves $10^{-5} I$
    of the slope everywhere, so that no laser is quite dark. Left out: spectral drift,
    spatial hole burning, and any change of RIN with bias.

    1. Coldren, Corzine and Mashanovitch, Diode Lasers and Photonic Integrated
       Circuits, 2nd ed. 2012, chapter 2
    """

    current_a: Scalar = param(unit="A", doc="drive current", low=5e-3, high=1.0)
    threshold_a: Scalar = param(unit="A", doc="threshold at 25 C", low=1e-3, high=0.1)
    efficiency: Scalar = param(
        unit="1", doc="differential quantum efficiency at 25 C", low=0.1, high=0.9
    )
    t0_k: Scalar = param(
        unit="K", doc="characteristic temperature of threshold", low=30.0, high=200.0
    )
    t1_k: Scalar = param(
        unit="K", doc="characteristic temperature of efficiency", low=60.0, high=600.0
    )
    turn_on_v: Scalar = param(unit="V", doc="diode voltage", low=0.7, high=1.5)
    series_ohm: Scalar = param(unit="ohm", doc="series resistance", low=0.1, high=10.0)
    thermal_k_per_w: Scalar = param(
        unit="K/W", doc="junction to case", low=2.0, high=60.0
    )
    junction_max_k: Scalar = param(
        unit="K", doc="highest allowed junction temperature", low=340.0, high=420.0
    )
    wavelength_m: Scalar = param(
        unit="m", doc="vacuum wavelength", low=1.26e-6, high=1.625e-6
    )
    rin_per_hz: Scalar = param(
        unit="1/Hz", doc="relative intensity noise", low=1e-17, high=1e-13
    )

    def light_w(self, junction_k: Scalar) -> Scalar:
        """Facet power at a *junction* temperature."""
        warm_k = junction_k - REFERENCE_K
        threshold_a = self.threshold_a * jnp.exp(warm_k / self.t0_k)
        photon_v = PLANCK_J_S * LIGHT_M_PER_S / (CHARGE_C * self.wavelength_m)
        slope = self.efficiency * jnp.exp(-warm_k / self.t1_k) * photon_v
        excess_a = smooth_positive(self.current_a - threshold_a, CORNER_A)
        return slope * (excess_a + SPONTANEOUS * self.current_a)

    def junction_k(self, case_k: Scalar) -> Scalar:
        """Junction temperature: bracketed Newton, then one differentiated step."""
        electrical_w = self.electrical_w()

        def excess(junction_k, laser):
            heat_w = electrical_w - laser.light_w(junction_k)
            return junction_k - case_k - laser.thermal_k_per_w * heat_w

        def refine(_, bracket):
            low, high, guess = bracket
            value, slope = jax.value_and_grad(excess)(guess, still)
            low = jnp.where(value < 0, guess, low)
            high = jnp.where(value < 0, high, guess)
            newton = guess - value / slope
            inside = (newton > low) & (newton < high)
            return low, high, jnp.where(inside, newton, (low + high) / 2)

        # The junction lies between the case and a laser that emits nothing.
        still = jax.lax.stop_gradient(self)
        low = jax.lax.stop_gradient(case_k)
        high = low + jax.lax.stop_gradient(self.thermal_k_per_w * electrical_w)
        start = (low, high, (low + high) / 2)
        _, _, guess = jax.lax.fori_loop(0, NEWTON_STEPS, refine, start)
        guess = jax.lax.stop_gradient(guess)
        # The last step is the one that is differentiated: the implicit derivative.
        slope = jax.lax.stop_gradient(jax.grad(excess)(guess, still))
        return guess - excess(guess, self) / slope

    def electrical_w(self) -> Scalar:
        """Power into the diode, I (V0 + I Rs)."""
        return self.current_a * (self.turn_on_v + self.current_a * self.series_ohm)


CORNER_A = 1e-3
SPONTANEOUS = 1e-5  # spontaneous emission factor of an edge emitter; estimate
NEWTON_STEPS = 16  # a step that leaves the bracket is a bisection instead


class LaserSource(Component):
    """Laser diodes feeding the lanes of one end: in the module, or external.

    One diode of `laser` feeds `lanes_per_laser` modulators through a splitter. An
    external source sits at the coolant's temperature, pays its own converters and
    reaches the engine through polarisation-maintaining fibre and connectors; a laser
    in the module sits at the case temperature and is fed by the module's converter.
    Smooth in the number of diodes. Left out: whole units, thermo-electric
    cooling (both kinds run uncooled here) and standby lasers.
    """

    laser: DFBLaser
    lanes_per_laser: Scalar = param(
        unit="1", doc="modulators fed by one diode", low=1.0, high=16.0
    )
    excess_db: Scalar = param(
        unit="dB", doc="splitter excess, fibre and connectors", low=0.0, high=10.0
    )
    driver_efficiency: Scalar = param(
        unit="1", doc="diode power over the driver's input", low=0.3, high=1.0
    )
    external: bool = eqx.field(static=True)

    def shine(self, case_k: Scalar, coolant_k: Scalar) -> "Light":
        """The source at work between a case and a coolant."""
        home_k = coolant_k if self.external else case_k
        junction_k = self.laser.junction_k(home_k)
        diode_w = self.laser.light_w(junction_k)
        allowed_k = self.laser.junction_max_k - REFERENCE_K
        return Light(
            diode_w=diode_w,
            lane_w=diode_w / self.lanes_per_laser * from_db(-self.excess_db),
            # Rise over allowed rise above 25 C.
            junction_slack=1 - (junction_k - REFERENCE_K) / allowed_k,
        )

    def electrical_w(self, lanes: Scalar) -> Scalar:
        """Electrical power for `lanes` lanes, current drivers included."""
        diodes = lanes / self.lanes_per_laser
        return diodes * self.laser.electrical_w() / self.driver_efficiency


class Light(eqx.Module):
    """A laser source at work."""

    diode_w: Scalar
    """out of one diode"""
    lane_w: Scalar
    """handed to one lane, ahead of the engine's own coupler"""
    junction_slack: Scalar
    """negative when the junction is hotter than allowed"""


class CoherentSource(Component):
    r"""One master laser and its amplifier, for everything that has to interfere.

    All inputs of a mesh and its local oscillators share one phase, so light comes from
    *one* source and cannot be collected from many diodes as in `LaserSource`; and its
    power is solved from a precision target, not set by a current. Hence a plain
    wall-plug efficiency, amplifier and its pump included. Left out: the noise that an
    amplifier adds at low input, efficiency that depends on the power, phase noise over
    unequal paths.
    """

    efficiency: Scalar = param(
        unit="1", doc="light out over electrical power in", low=0.01, high=0.6
    )
    rin_per_hz: Scalar = param(
        unit="1/Hz", doc="relative intensity noise, amplified", low=1e-17, high=1e-13
    )
    limit_w: Scalar = param(
        unit="W", doc="largest power of one source", low=1e-3, high=100.0
    )
