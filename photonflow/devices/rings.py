r"""Ring resonators: coupling, resonance and small-signal response.

```
 in ──────────────┬────────────── through
            gap g │ kappa, t = sqrt(1 - kappa^2)
              ╭───┴───╮
              │   R   │   a: amplitude left after one round trip
              ╰───┬───╯
 drop ────────────┴──────────────     add-drop only: t_1 above, t_2 below
```

Static transmission of the all-pass ring at round-trip phase $\phi$ off resonance [1],
$$ T = \frac{a^2 - 2at\cos\phi + t^2}{1 - 2at\cos\phi + (at)^2}, $$
which with $a \to at_2$ and $t \to t_1$ is the through port of the add-drop ring and
with $D$ its denominator gives the power dropped, $(1-t_1^2)(1-t_2^2)\,a / D$.

1. Bogaerts et al. 2012, doi:10.1002/lpor.201100017
2. Bahadori et al. 2018, doi:10.1109/JLT.2018.2821359
3. Müller et al. 2014, doi:10.1038/srep06310
"""

import math

import jax
import jax.numpy as jnp

from ..component import Transfer, Values
from ..units import LIGHT_M_PER_S
from .response import complex_, inverse


SWEEP = 4096  # points from which a loop of its own pays
HALF_FSR = math.sqrt(0.5)  # u of a line half an FSR wide
FLAT_FLANK = 1e-3  # slope rounded off, of 2 / mu^2 |s|^2 per total decay; useful: 0.1


def length_m(radius_m: Values) -> Values:
    """Round trip."""
    return 2 * math.pi * radius_m


def fsr_hz(radius_m: Values, group_index: Values) -> Values:
    """Free spectral range, c / (n_g L)."""
    return LIGHT_M_PER_S / (group_index * length_m(radius_m))


@jax.jit
def coupling_angle(
    radius_m: Values,
    gap_m: Values,
    wavelength_m: Values,
    coupling_index: Values,
    decay_per_m: Values,
) -> Values:
    r"""Coupling angle $\Phi$ of a straight bus and a ring; $\kappa^2 = \sin^2\Phi$.

    The supermode splitting $\Delta n_0 e^{-\gamma g}$ integrated over the parabolic
    gap $g + z^2/2R$ gives [2]
    $$ \Phi = \frac{\pi}{\lambda}\,\Delta n_0\, e^{-\gamma g}\sqrt{2\pi R/\gamma}. $$
    Left out: the phase mismatch between bent and straight guide, excess loss.
    """
    arc_m = jnp.sqrt(2 * math.pi * radius_m / decay_per_m)
    splitting = coupling_index * jnp.exp(-decay_per_m * gap_m)
    return math.pi / wavelength_m * splitting * arc_m


@jax.jit
def self_coupling(angle: Values) -> Values:
    """Amplitude t < 1 kept in the bus; smooth through full transfer (width 1e-6)."""
    return jnp.sqrt(jnp.square(jnp.cos(angle)) + 1e-12 * jnp.square(jnp.sin(angle)))


@jax.jit
def all_pass(phase: Values, a: Values, t: Values) -> Values:
    """Power transmission at `phase` off resonance, `a`, `t` amplitudes in (0, 1).

    Written with 1 - cos(phase) = 2 sin^2(phase/2), which keeps the notch of critical
    coupling exact where the textbook form subtracts nearly equal numbers.
    """
    floor, x = jnp.square((a - t) / (1 - a * t)), airy(phase, a * t)
    return (floor + x) / (1 + x)


def airy(phase: Values, loop: Values) -> Values:
    r"""$F\sin^2(\phi/2)$, $F = 4u/(1-u)^2$: 1 at half depth, `loop` u per round trip.

    All that depends on wavelength, in one number and with one sine: a sweep spends its
    time here, and both ports of a ring share it.
    """
    finesse = 4 * loop / jnp.square(1 - loop)
    return finesse * _sine2(jnp.asarray(phase) / 2)


@jax.custom_jvp
def _sine2(angle: Values) -> Values:
    return jnp.square(jnp.sin(angle))


@_sine2.defjvp
def _sine2_jvp(primals: tuple, tangents: tuple) -> tuple[Values, Values]:
    (angle,), (moved,) = primals, tangents
    if angle.size < SWEEP:
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
    else:
        # A gradient sums over the sweep once per parameter, and XLA on a CPU computes
        # the sine anew inside each of these sums. Out of a loop it fuses nothing.
        both = jnp.stack([angle, angle + math.pi / 2])
        sine, cosine = jax.lax.map(jnp.sin, both)
    return jnp.square(sine), 2 * sine * cosine * moved


def linewidth_hz(a: Values, t: Values, fsr: Values) -> Values:
    r"""Full width of `all_pass` at half depth.

    The depth 1 - T is an Airy function and has fallen to half at [1]
    $$ \Delta\nu = \frac{2\,FSR}{\pi}\arcsin u, \qquad
       u = \frac{1 - at}{2\sqrt{at}}, $$
    of which $2u\,FSR/\pi$ is the limit of high finesse. Exact up to half an FSR,
    $u = 1/\sqrt2$. A broader line (at < 0.268, finesse below 2) hardly resonates, and
    past u = 1 it nowhere falls to half: there the tangent goes on, so that width and
    gradient stay finite and monotonic.
    """
    u = (1 - a * t) / (2 * jnp.sqrt(a * t))
    narrow = jnp.minimum(u, HALF_FSR)
    # d(asin u)/du = 1 / sqrt(1 - u^2) = sqrt(2) at u = 1/sqrt(2): no kink.
    return 2 * fsr / math.pi * (jnp.arcsin(narrow) + math.sqrt(2) * (u - narrow))


def through(phase: Values, a: Values, t1: Values, t2: Values) -> Values:
    """Power past an add-drop ring: what the second bus takes is loss to the first."""
    return all_pass(phase, a * t2, t1)


def drop(phase: Values, a: Values, t1: Values, t2: Values) -> Values:
    """Power handed from bus to bus at `phase` off resonance; at most 1.

    Periodic: one Lorentzian per FSR, summed in closed form, so that light at any other
    order of the ring is in it. Full width at half maximum is `linewidth_hz(a t2, t1)`.
    """
    loop = a * t2 * t1  # in the order of `through`, so that one array serves both
    taken = (1 - jnp.square(t1)) * (1 - jnp.square(t2)) * a
    return taken / jnp.square(1 - loop) / (1 + airy(phase, loop))


def drop_small_signal(
    frequency_hz: Values, detuning_hz: Values, linewidth: Values
) -> Transfer:
    r"""$H(f)/H(0)$ of a weak intensity modulation through the drop port.

    The field of carrier and sidebands passes $1/(1 + ix)$, $x$ in half linewidths; the
    detector beats both sidebands with the carrier, $\tfrac12[G(f) + G^*(-f)]$, so that
    a carrier $x_0$ off resonance sees
    $$ H = \frac{1 + x_0^2 + iy}{(1 + iy)^2 + x_0^2}, \qquad y = 2f/\Delta\nu : $$
    on resonance one pole at half the linewidth, which truncates the band; off resonance
    two. Large signals of an intensity modulator, and other orders, are left out.
    """
    x2 = jnp.square(2 * detuning_hz / linewidth)
    y = 2 * frequency_hz / linewidth
    return complex_(1 + x2, y) * inverse(1 + x2 - jnp.square(y), 2 * y)


def small_signal(
    frequency_hz: Values,
    detuning_hz: Values,
    a: Values,
    t: Values,
    fsr: Values,
    loss_tilt: Values | None = None,
) -> Transfer:
    r"""$H(f)/H(0)$ from drive to transmitted power, coupled modes [3].

    The drive moves the resonance by $d\omega$ and, with the carriers it sweeps out, the
    loss by $d\gamma_l = -\rho\,d\omega$; $\rho$ is `loss_tilt`, taken positive where a
    red shift comes with less loss. With amplitude decay $\gamma = \gamma_e + \gamma_l$
    by coupling and loss and a laser $\Delta$ above the resonance the response is
    $$ H(s) \propto \frac{\Delta\,(s + 2\gamma_l)
        + \rho\,[\Delta^2 + (\gamma_e - \gamma_l)(s + \gamma)]}
        {(s + \gamma)^2 + \Delta^2}, $$
    so that detuning peaks the band beyond the photon lifetime. Small signals only:
    large swings are slower on the resonant side than on the other. Where the curve is
    flat at f = 0 the ratio is rounded off (`FLAT_FLANK`).
    """
    gamma_loss = -jnp.log(a) * fsr
    gamma_out = -jnp.log(t) * fsr
    gamma = gamma_loss + gamma_out
    delta = 2 * math.pi * detuning_hz
    omega = 2 * math.pi * frequency_hz
    still = jnp.square(gamma) + jnp.square(delta)
    if loss_tilt is None:
        zero_s = 1 / (2 * gamma_loss)
    else:
        x, more = delta / gamma, (gamma_out - gamma_loss) / gamma
        pace = x + loss_tilt * more
        gain = 2 * gamma_loss / gamma * x + loss_tilt * (more + jnp.square(x))
        zero_s = pace * gain / (jnp.square(gain) + FLAT_FLANK**2) / gamma
    zero = complex_(1.0, omega * zero_s)
    return zero * inverse(1 - jnp.square(omega) / still, 2 * gamma * omega / still)
