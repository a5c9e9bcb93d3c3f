"""Diodes that lase: light, heat and wear at the temperature of their junction."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp

from .. import roots
from ..component import Component, Scalar, param
from ..limits import limit
from ..units import BOLTZMANN_J_PER_K, CHARGE_C, LIGHT_M_PER_S, PLANCK_J_S
from .response import smooth_positive


REFERENCE_K = 298.15
SPONTANEOUS = 1e-5  # spontaneous emission factor of an edge emitter; estimate
JUNCTION = limit(
    "junction",
    "laser junction temperature",
    missed="the laser's junction warms {used:.3g} times as far above 25 degC as "
    "allowed",
    light="less",
    order=3,
    nominal=True,  # a cooler laser gives more light, and a ring more heat
)
ROLLOVER = limit(
    "rollover",
    "slope of the laser left by its heat",
    missed="the laser works past its rollover: more current, less light",
    light="less",
    order=1,
)
HALVINGS, NEWTON_STEPS = 9, 4  # some 0.1 K, squared four times


class WearOut(Component):
    r"""Failures of a diode against the temperature of its junction.

    $$ F = F_0 \exp\!\Big[\frac{E_a}{k}\Big(\frac1{T_0} - \frac1{T_j}\Big)\Big] , $$
    a rate in FIT (failures in $10^9$ hours), constant over a service life [1]. Left
    out: early failures, the lognormal spread of wear-out, acceleration by current and
    by light at the facet, and what fails beside the diode.

    1. Telcordia GR-468-CORE, Arrhenius acceleration of laser wear-out
    """

    failures_fit: Scalar = param(
        unit="FIT", doc="failures at the reference temperature", low=0.1, high=1e5
    )
    reference_k: Scalar = param(
        unit="K", doc="junction temperature of that rate", low=273.15, high=400.0
    )
    activation_j: Scalar = param(
        unit="J", doc="activation energy of wear-out", low=3.2e-20, high=2.4e-19
    )

    def fit(self, junction_k: Scalar) -> Scalar:
        """Failures in 1e9 hours."""
        per_k = self.activation_j / BOLTZMANN_J_PER_K
        rise = per_k * (1 / self.reference_k - 1 / junction_k)
        return self.failures_fit * jnp.exp(rise)


class AbstractDiode(Component):
    r"""Laser diode with a self-heated junction.

    Light at drive $I$ and *junction* temperature $T_j$, and the heat that sets it [1]:
    $$ P = \eta_0 e^{-(T_j-T_r)/T_1}\frac{h\nu}{q}\,\big(I - I_{th}(T_j)\big)_+ ,
       \qquad V = V_0 + I R_s, $$
    $$ T_j = T_{case} + R_{th}\,(IV - P), \qquad T_r = 25\,^{\circ}\mathrm{C}. $$
    The last line is a fixed point; without it there would be no rollover. How threshold
    grows with temperature is the subclass's. The corner at threshold is a softplus
    `corner_a` wide, and spontaneous emission leaves $10^{-5} I$ of the slope
    everywhere, so that no laser is quite dark. Left out: spectral drift, spatial hole
    burning, and any change of RIN with bias.

    1. Coldren, Corzine and Mashanovitch, Diode Lasers and Photonic Integrated
       Circuits, 2nd ed. 2012, chapter 2
    """

    current_a: eqx.AbstractVar[Scalar]
    efficiency: eqx.AbstractVar[Scalar]
    t1_k: eqx.AbstractVar[Scalar]
    turn_on_v: eqx.AbstractVar[Scalar]
    series_ohm: eqx.AbstractVar[Scalar]
    thermal_k_per_w: eqx.AbstractVar[Scalar]
    junction_max_k: eqx.AbstractVar[Scalar]
    wavelength_m: eqx.AbstractVar[Scalar]
    rin_per_hz: eqx.AbstractVar[Scalar]
    wear: eqx.AbstractVar[WearOut]
    corner_a: eqx.AbstractClassVar[float]

    @abc.abstractmethod
    def hot_threshold_a(self, junction_k: Scalar) -> Scalar:
        """Threshold at a *junction* temperature."""

    def light_w(self, junction_k: Scalar) -> Scalar:
        """Facet power at a *junction* temperature."""
        return self.emitted_w(self.current_a, junction_k)

    def emitted_w(self, current_a: Scalar, junction_k: Scalar) -> Scalar:
        """The same at another current, too briefly to move the temperature."""
        warm_k = junction_k - REFERENCE_K
        photon_v = PLANCK_J_S * LIGHT_M_PER_S / (CHARGE_C * self.wavelength_m)
        slope = self.efficiency * jnp.exp(-warm_k / self.t1_k) * photon_v
        above_a = current_a - self.hot_threshold_a(junction_k)
        excess_a = smooth_positive(above_a, self.corner_a)
        return slope * (excess_a + SPONTANEOUS * current_a)

    def junction_k(self, case_k: Scalar) -> Scalar:
        """Junction temperature, between the case and a laser that emits nothing."""

        def excess_k(junction_k, laser, case_k):
            heat_w = laser.electrical_w() - laser.light_w(junction_k)
            return junction_k - case_k - laser.thermal_k_per_w * heat_w

        dark_k = case_k + self.thermal_k_per_w * self.electrical_w()
        return roots.root(
            excess_k,
            case_k,
            dark_k,
            self,
            case_k,
            halvings=HALVINGS,
            steps=NEWTON_STEPS,
        )

    def electrical_w(self) -> Scalar:
        """Power into the diode, I (V0 + I Rs)."""
        return self.current_a * (self.turn_on_v + self.current_a * self.series_ohm)

    def slacks(self, junction_k: Scalar) -> dict[str, Scalar]:
        """Limits of a diode whose junction has settled."""
        allowed_k = self.junction_max_k - REFERENCE_K
        return {
            # Rise over allowed rise above 25 C.
            JUNCTION.name: 1 - (junction_k - REFERENCE_K) / allowed_k,
            ROLLOVER.name: self.rollover_slack(junction_k),
        }

    def rollover_slack(self, junction_k: Scalar) -> Scalar:
        r"""What heat leaves of the slope dP/dI: 1 when cold, 0 at the peak of light.

        Through the fixed point, at a constant case temperature,
        $$ \frac{dP}{dI} = \frac{P_I + R_{th} P_T\,d(IV)/dI}{1 + R_{th} P_T} , $$
        of which this is the numerator over $P_I$, for a diode well above threshold:
        $$ s = 1 - R_{th}\frac{d(IV)}{dI}
               \Big[\frac{I - I_{th}}{T_1} + \frac{dI_{th}}{dT}\Big] . $$
        It goes on falling past the peak, also where the junction is so hot that the
        diode is dark, as long as $dI_{th}/dT - I_{th}/T_1$ grows with temperature: for
        an edge emitter, $T_0 < T_1$.
        """
        threshold_a, per_k = jax.value_and_grad(self.hot_threshold_a)(junction_k)
        brightness = 1 + SPONTANEOUS  # of one ampere more, above threshold
        cooked = (self.current_a - threshold_a / brightness) / self.t1_k
        cooked = cooked + per_k / brightness
        per_a_v = self.turn_on_v + 2 * self.current_a * self.series_ohm
        return 1 - self.thermal_k_per_w * per_a_v * cooked
