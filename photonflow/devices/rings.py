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
from .response import complex_, inverse, power


def length_m(radius_m: Values) -> Values:
    """Round trip."""
    return 2 * math.pi * radius_m


def fsr_hz(radius_m: Values, group_index: Values) -> Values:
    """Free spectral range, c / (n_g L)."""
    return LIGHT_M_PER_S / (group_index * length_m(radius_m))


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


def self_coupling(angle: Values) -> Values:
    """Amplitude t kept in the bus; smooth through full transfer (width 1e-6)."""
    return jnp.sqrt(jnp.square(jnp.cos(angle)) + 1e-12)


def all_pass(phase: Values, a: Values, t: Values) -> Values:
    """Power transmission at `phase` off resonance, `a`, `t` amplitudes in (0, 1).

    Written with 1 - cos(phase) = 2 sin^2(phase/2), which keeps the notch of critical
    coupling exact where the textbook form subtracts nearly equal numbers.
    """
    twist = 4 * a * t * jnp.square(jnp.sin(phase / 2))
    return (jnp.square(a - t) + twist) / (jnp.square(1 - a * t) + twist)


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


HALF_FSR = math.sqrt(0.5)  # u of a line half an FSR wide


def through(phase: Values, a: Values, t1: Values, t2: Values) -> Values:
    """Power past an add-drop ring: what the second bus takes is loss to the first."""
    return all_pass(phase, a * t2, t1)


def drop(phase: Values, a: Values, t1: Values, t2: Values) -> Values:
    """Power handed from bus to bus at `phase` off resonance; at most 1.

    Periodic: one Lorentzian per FSR, summed in closed form, so that light at any other
    order of the ring is in it. Full width at half maximum is `linewidth_hz(a t2, t1)`.
    """
    kept = a * t1 * t2
    twist = 4 * kept * jnp.square(jnp.sin(phase / 2))
    taken = (1 - jnp.square(t1)) * (1 - jnp.square(t2)) * a
    return taken / (jnp.square(1 - kept) + twist)


def drop_amplitude(phase: Values, a: Values, t1: Values, t2: Values) -> Transfer:
    """Complex amplitude whose square is `drop`, half a round trip behind; not 1 at 0.

    Light above resonance (`phase` > 0) arrives late: the sign of exp(+j 2 pi f t).
    """
    kept = a * t1 * t2
    loop = inverse(1 - kept * jnp.cos(phase), kept * jnp.sin(phase))
    size = jnp.sqrt((1 - jnp.square(t1)) * (1 - jnp.square(t2)) * a)
    half = complex_(jnp.cos(phase / 2), -jnp.sin(phase / 2))
    return -complex_(size, 0.0) * half * loop


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
) -> Transfer:
    r"""$H(f)/H(0)$ from resonance shift to transmitted power, coupled modes [3].

    With amplitude decay $\gamma = \gamma_e + \gamma_l$ by coupling and loss and a laser
    $\Delta$ off resonance the response has one zero and two poles,
    $$ H(s) \propto \frac{s + 2\gamma_l}{(s + \gamma)^2 + \Delta^2}, $$
    so that detuning peaks the band beyond the photon lifetime. Small signals only:
    large swings are slower on the resonant side than on the other.
    """
    gamma_loss = -jnp.log(a) * fsr
    gamma = gamma_loss - jnp.log(t) * fsr
    omega = 2 * math.pi * frequency_hz
    still = jnp.square(gamma) + jnp.square(2 * math.pi * detuning_hz)
    zero = complex_(1.0, omega / (2 * gamma_loss))
    poles = inverse(1 - jnp.square(omega) / still, 2 * gamma * omega / still)
    return zero * poles


def modulated(
    frequency_hz: Values,
    detuning_hz: Values,
    a: Values,
    t: Values,
    fsr: Values,
    loss_per_shift: Values,
) -> Transfer:
    r"""$H(f)/H(0)$ from drive to transmitted power, where the drive moves the loss too.

    Depletion that shifts the resonance by $\delta\Delta$ also takes carriers, and
    $\delta\gamma_l = r\,\delta\Delta$ of loss, out of the mode. The first-order
    solution of the coupled mode around a steady state is then
    $$ H(s) \propto \frac{\Delta(s + 2\gamma_l)
       + r\,[(\gamma_l-\gamma_e)(s+\gamma) - \Delta^2]}{(s + \gamma)^2 + \Delta^2}, $$
    the poles of `small_signal` with another zero. Loss is a fifth of the response at
    f = 0 of a ring at one half linewidth, and takes 1 to 2 dB off its peak. Where shift
    and loss cancel at f = 0, H/H(0) has no limit; it is kept finite there (`STATIC`).
    """
    lost = -jnp.log(a) * fsr
    leak = -jnp.log(t) * fsr
    gamma = lost + leak
    # All rates in units of the total decay.
    x, y = 2 * math.pi * detuning_hz / gamma, (lost - leak) / gamma
    moving = x + loss_per_shift * y
    static = 2 * lost / gamma * x + loss_per_shift * (y - jnp.square(x))
    omega = 2 * math.pi * frequency_hz / gamma
    still = 1 + jnp.square(x)
    slower = moving * static / (jnp.square(static) + STATIC**2)
    zero = complex_(1.0, omega * slower)
    return zero * inverse(1 - jnp.square(omega) / still, 2 * omega / still)


STATIC = 1e-4
"""width of the guard around no static response, over that of one linewidth a radian"""


def still(detuning_hz: Values, a: Values, t: Values, fsr: Values) -> Values:
    """Transmitted power of the coupled modes at rest: a Lorentzian notch."""
    gamma_e, gamma_l = -jnp.log(t) * fsr, -jnp.log(a) * fsr
    off2 = jnp.square(2 * math.pi * detuning_hz)
    passed = jnp.square(gamma_l - gamma_e) + off2
    return passed / (jnp.square(gamma_l + gamma_e) + off2)


def large_signal(
    detuning_hz: Values, a: Values, t: Values, fsr: Values, step_s: Values
) -> Values:
    r"""Transmitted power while resonance and loss move, one value per step, periodic.

    Coupled modes [3] with unit input, $\mu^2 = 2\gamma_e$,
    $$ \dot A = -(\gamma + i\Delta) A + i\mu, \qquad T = |1 + i\mu A|^2, $$
    solved exactly through steps of constant $\gamma, \Delta$ (their values in mid
    step). The state after a period is an affine function of the state before it, which
    gives the periodic solution without a run-in. Held still this is `still`, and for
    small motions it is `small_signal`.
    """
    gamma_e = -jnp.log(t) * fsr
    pole = complex_(gamma_e - jnp.log(a) * fsr, 2 * math.pi * detuning_hz)
    drive = complex_(0.0, jnp.sqrt(2 * gamma_e))
    kept = jnp.exp(complex_(-pole.real * step_s, -pole.imag * step_s))
    added = (1 - kept) * drive / pole

    def advance(state, step):
        kept_so_far, added_so_far = state
        k, b = step
        state = (kept_so_far * k, added_so_far * k + b)
        return state, state

    nothing = complex_(jnp.zeros_like(gamma_e), jnp.zeros_like(gamma_e))
    start = (nothing + 1, nothing)
    (whole, gained), (kept_at, added_at) = jax.lax.scan(advance, start, (kept, added))
    field = kept_at * (gained / (1 - whole)) + added_at
    return power(1 + drive * field)
