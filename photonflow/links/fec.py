r"""Reed-Solomon forward error correction by bounded-distance decoding.

A code RS(n, k) over $2^m$-ary symbols corrects $t$ symbols of a codeword. With random
bit errors of probability $p$ a symbol fails with $p_s = 1 - (1-p)^m$ and
$$ p_{out} = \frac{1}{m\,n}\sum_{i>t} i \binom{n}{i} p_s^i (1-p_s)^{n-i} $$
is the bit error rate after decoding if each failed symbol holds one wrong bit.
Left out: bursts, interleaving, miscorrection.
"""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

from ..component import Component, Scalar, param


def log10_ber_after(log10_ber: float, n: int, t: int, m: int) -> float:
    """log10 BER behind an RS decoder for random errors of `log10_ber` ahead of it."""
    log_fail = math.log(-math.expm1(m * math.log1p(-(10.0**log10_ber))))
    log_hold = m * math.log1p(-(10.0**log10_ber))
    i = np.arange(t + 1, n + 1)
    log_ways = gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1)
    terms = np.log(i) + log_ways + i * log_fail + (n - i) * log_hold
    log_out = float(np.asarray(logsumexp(terms))) - math.log(m * n)
    return log_out / math.log(10)


def threshold(target_ber: float, n: int, t: int, m: int) -> float:
    """Input BER that the code brings down to `target_ber`."""

    def excess(log10_ber: float) -> float:
        return log10_ber_after(log10_ber, n, t, m) - math.log10(target_ber)

    root = brentq(excess, -8.0, -1.5, xtol=1e-13)
    return 10.0 ** float(root)  # type: ignore[arg-type]


class Fec(Component):
    """A code with its line-rate overhead, threshold, energy and latency.

    `overhead` is line over payload rate, transcoding included; both ends encode and
    decode whether or not packets flow; `energy` is per payload bit.
    """

    threshold: Scalar = param(
        unit="1", doc="pre-FEC bit error rate it stands", low=1e-6, high=2e-2
    )
    overhead: Scalar = param(
        unit="1", doc="line rate over payload rate", low=1.0, high=1.3
    )
    energy_j_per_bit: Scalar = param(
        unit="J/bit", doc="encoder and decoder of one end", low=1e-15, high=1e-11
    )
    latency_s: Scalar = param(unit="s", doc="encoder to decoder", low=1e-9, high=1e-6)
