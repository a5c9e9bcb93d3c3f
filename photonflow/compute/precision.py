r"""Noise of an analogue product: quantisers, phases, splitters, receivers.

Every noise here is a variance over that of the ideal output, for independent Gaussian
inputs of which full scale is `FULL_SCALE` times the rms. Noises of different origin
add; a tile's ratio survives the digital sum over tiles, as signal and noise both add
in power.
"""

import math

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.stats import norm

from ..component import Scalar, Values
from ..devices.response import to_db
from ..units import CHARGE_C


Number = Values | int
FULL_SCALE = 4.0
"""full scale over the rms of what a converter sees"""


def rounding(bits: Scalar, full_scale: float = FULL_SCALE) -> Scalar:
    r"""Noise of $2^b$ uniform steps over $\pm F$ rms: $(2F)^2 / (12 \cdot 4^b)$."""
    return (2 * full_scale) ** 2 / (12 * 4.0**bits)


def clipping(full_scale: float = FULL_SCALE) -> Scalar:
    r"""Noise of Gaussian samples cut at $\pm F$ rms.

    $2[(1 + F^2) Q(F) - F \varphi(F)]$: 6e-6 at $F = 4$, which caps 8 bits at 40.6 dB.
    """
    f = jnp.asarray(full_scale, float)
    return 2 * ((1 + f**2) * norm.sf(f) - f * norm.pdf(f))


def quantisation(bits: Scalar) -> Scalar:
    """Noise of a converter of `bits` effective bits on Gaussian samples."""
    return rounding(bits) + clipping()


def phase_step(bits: Number) -> Number:
    r"""Rms error in rad of a phase in $2^b$ steps a turn, $2\pi/(2^b\sqrt{12})$."""
    return 2 * math.pi / (2.0**bits * math.sqrt(12))


def phase_error(size: Number, phases: Number, rms: Number) -> Number:
    r"""$E^2 = \|U' - U\|_F^2 / N$ of a unitary with an error `rms` on all its phases.

    A phase multiplies one arm by $e^{i\delta}$, so it changes $U$ by a matrix of rank
    one and norm $\delta$, whatever lies ahead and behind; independent errors add:
    $E^2 = n s^2 / N$, with $n = N^2$ output phases included.
    """
    return phases * rms**2 / size


def splitter_error(size: Number, rms: Number) -> Number:
    r"""$E^2 = 2(N-1)\sigma^2$ of a Clements mesh as its splitters are.

    Two independent errors of `rms` (rad) in every cell [1].

    1. Hamerly, Bandyopadhyay, Englund 2022, arXiv:2106.03249
    """
    return 2 * (size - 1) * rms**2


def corrected_splitter_error(size: Number, rms: Number) -> Number:
    r"""$E^2$ of a Clements mesh programmed with knowledge of its splitters' errors.

    $E = \sqrt{2/3}\, N \sigma^2$: all cells but those that would have to go darker than
    theirs allow are corrected [1]; the others stay off by
    $2(|\alpha + \beta| - \theta/2)^2$. Leading order for Haar-random matrices: measured
    errors are 0.65 to 1.15 of it where `coverage` is below 0.7.

    1. Bandyopadhyay, Hamerly, Englund 2021, arXiv:2103.04993
    """
    return 2 / 3 * size**2 * rms**4


def coverage(size: Number, rms: Number) -> Number:
    r"""Share of Haar-random matrices corrected exactly, $\exp(-N^3\sigma^2/3)$ [1].

    A cell of rank k has $\sin^2(\theta/2)$ distributed as $k(1 - r)^{k-1}$ and fails at
    $\theta/2 < |\alpha + \beta|$.

    1. Hamerly, Bandyopadhyay, Englund 2022, arXiv:2106.03249
    """
    return jnp.exp(-(size**3) * rms**2 / 3)


def svd_noise(unitary: Scalar, attenuator: Scalar, peak: Scalar) -> Scalar:
    r"""Noise of $U\Sigma V^\dagger$ from $E^2$ of both unitaries and the attenuators.

    An error of $U$ that favours no direction leaves
    $\|dU\,\Sigma\|_F^2 = E^2 \|\Sigma\|_F^2$, and so does $V$: $2E^2$ together. An
    attenuator $\sigma_k = \sigma_{max} e^{i\theta/2}\sin\frac{\theta}{2}$ moves by
    $\tfrac12\sigma_{max}\delta$ with its phase, which adds $\tfrac14 c\,\delta^2$ with
    `peak` $c = N \sigma_{max}^2 / \|M\|_F^2$ and `attenuator` $= \delta^2$. All of an
    error counts, also the half that a homodyne receiver may see in quadrature.
    """
    return 2 * unitary + peak * attenuator / 4


def shot_a2(current_a: Scalar, bandwidth_hz: Scalar) -> Scalar:
    """Variance 2 q I B of a photocurrent."""
    return 2 * CHARGE_C * current_a * bandwidth_hz


class Homodyne(eqx.Module):
    r"""A balanced, signed receiver: signal $P$ beats with a local oscillator $\rho P$.

    The difference current $2R\sqrt{P_s P_{lo}}\cos\phi$ has the sign of the field and
    the mean square $S = 4R^2\rho P^2$ for signal light $P$ (mean over data). Against it
    stand
    $$ 2qB\,[R(1+\rho)P + I_d], \qquad \sigma_{th}^2, \qquad
       S\cdot RIN\cdot B\,\Big[1 + \frac{(1+\rho)^2}{4\rho}\,r\Big] : $$
    shot noise of both diodes, thermal noise, and the laser's intensity noise, once on
    the product (signal and oscillator come from one laser over equal paths) and once
    on what leaks through a common-mode rejection $r$ of power. The last does not fall
    with power: it is a ceiling. Left out: phase noise between the paths.
    """

    responsivity_a_per_w: Scalar
    dark_a: Scalar
    """of both diodes"""
    thermal_a2: Scalar
    """variance within the bandwidth"""
    bandwidth_hz: Scalar
    """of noise"""
    ratio: Scalar
    """oscillator over mean signal, at the detectors"""

    def signal_w(self, snr: Scalar) -> Scalar:
        r"""Mean signal light at which shot and thermal noise leave `snr`.

        The positive root of $aP^2 - bP - c = 0$, which always exists.
        """
        a = 4 * self.responsivity_a_per_w**2 * self.ratio
        light_a_per_w = self.responsivity_a_per_w * (1 + self.ratio)
        b = snr * shot_a2(light_a_per_w, self.bandwidth_hz)
        dark_a2 = shot_a2(self.dark_a, self.bandwidth_hz)
        c = snr * (dark_a2 + self.thermal_a2)
        return (b + jnp.sqrt(b**2 + 4 * a * c)) / (2 * a)

    def signal_a2(self, signal_w: Scalar) -> Scalar:
        """Mean square of the difference current."""
        return 4 * self.responsivity_a_per_w**2 * self.ratio * signal_w**2

    def shot(self, signal_w: Scalar) -> Scalar:
        """Shot noise, of the dark current as well."""
        light_a = self.responsivity_a_per_w * (1 + self.ratio) * signal_w
        shot = shot_a2(light_a + self.dark_a, self.bandwidth_hz)
        return shot / self.signal_a2(signal_w)

    def thermal(self, signal_w: Scalar) -> Scalar:
        """Noise of the amplifier."""
        return self.thermal_a2 / self.signal_a2(signal_w)

    def laser(self, rin_per_hz: Scalar, rejection: Scalar) -> Scalar:
        """Intensity noise, whatever the power."""
        leak = (1 + self.ratio) ** 2 / (4 * self.ratio) * rejection
        return rin_per_hz * self.bandwidth_hz * (1 + leak)


def snr_db(noise: dict[str, Scalar]) -> Scalar:
    """Signal over all of `noise`."""
    return -to_db(sum(noise.values(), start=jnp.zeros(())))
