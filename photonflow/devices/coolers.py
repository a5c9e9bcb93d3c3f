"""Thermoelectric coolers under lasers."""

from ..component import Component, Scalar, param
from ..limits import limit
from .response import smooth_positive


LIFT_WIDTH_K = 2.0
HEAT_WIDTH_W = 1e-3
COOLER = limit(
    "cooler",
    "lift of the laser's cooler left",
    missed="the laser's cooler lifts {used:.3g} of its largest difference",
    light="less",
    order=2,
)


class ThermoelectricCooler(Component):
    r"""Peltier cooler that holds a diode's case at a set point.

    A fixed fraction of the reversible machine between set point $T_c$ and hot side
    $T_h$, with the heat that leaks back through the package on top of the diode's:
    $$ \mathrm{COP} = \varepsilon\,\frac{T_c}{T_h - T_c}, \qquad
       P = \frac{Q + (T_h-T_c)/R_{leak}}{\mathrm{COP}} . $$
    The difference is a softplus 2 K wide, so that the cooler fades out where the hot
    side falls below the set point; there the diode still sits at the set point, and
    the watts that warm it are left out. Left out as well: Joule heat near the largest
    difference (`cooler` slack: 1 at no difference, 0 at `span_k`), and the rise of the
    hot side over the box around it.
    """

    set_k: Scalar = param(unit="K", doc="case of the diode", low=283.15, high=353.15)
    carnot: Scalar = param(
        unit="1", doc="COP over that of a reversible machine", low=0.02, high=0.4
    )
    leak_k_per_w: Scalar = param(
        unit="K/W", doc="hot side to one diode's case", low=50.0, high=1e4
    )
    span_k: Scalar = param(unit="K", doc="largest difference", low=20.0, high=90.0)

    def power_w(self, heat_w: Scalar, hot_k: Scalar) -> Scalar:
        """Electrical power that moves `heat_w` and the leak to the hot side."""
        lift_k = smooth_positive(hot_k - self.set_k, LIFT_WIDTH_K)
        # A diode brighter than its drive, a corner of the box, has no heat to move.
        pumped_w = smooth_positive(heat_w, HEAT_WIDTH_W) + lift_k / self.leak_k_per_w
        return pumped_w * lift_k / (self.carnot * self.set_k)

    def slack(self, hot_k: Scalar) -> Scalar:
        """Part of the largest difference that is left."""
        return 1 - (hot_k - self.set_k) / self.span_k
