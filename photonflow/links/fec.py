r"""Reed-Solomon forward error correction by bounded-distance decoding.

A code RS(n, k) over $2^m$-ary symbols corrects $t$ symbols of a codeword. With random
bit errors of probability $p$ a symbol fails with $p_s = 1 - (1-p)^m$, and a codeword
and a bit behind the decoder with
$$ p_{cw} = \sum_{i>t} \binom{n}{i} p_s^i (1-p_s)^{n-i}, \qquad
   p_{out} = \frac{1}{m\,n}\sum_{i>t} i \binom{n}{i} p_s^i (1-p_s)^{n-i} $$
if each failed symbol holds one wrong bit. Left out: bursts, miscorrection.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, logsumexp

from ..component import Component, Scalar, param


def _log_terms(log_fail: float, n: int, t: int) -> tuple[np.ndarray, np.ndarray]:
    """i = t+1..n, and the log probability that i of n symbols fail."""
    log_hold = math.log(-math.expm1(log_fail))
    i = np.arange(t + 1, n + 1)
    log_ways = gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1)
    return i, log_ways + i * log_fail + (n - i) * log_hold


def log_symbol_error(log10_ber: float, m: int) -> float:
    """ln of the share of m-bit symbols with an error, for random bit errors."""
    return math.log(-math.expm1(m * math.log1p(-(10.0**log10_ber))))


def log10_ber_behind_symbols(log_fail: float, n: int, t: int, m: int) -> float:
    """log10 BER behind the decoder where symbols fail with ln probability `log_fail`.

    Failures of the symbols of one codeword are independent: behind an inner code this
    asks for an interleaver that deals its symbols to as many codewords.
    """
    i, terms = _log_terms(log_fail, n, t)
    log_out = float(np.asarray(logsumexp(np.log(i) + terms))) - math.log(m * n)
    return log_out / math.log(10)


def log10_ber_after(log10_ber: float, n: int, t: int, m: int) -> float:
    """log10 BER behind an RS decoder for random errors of `log10_ber` ahead of it."""
    return log10_ber_behind_symbols(log_symbol_error(log10_ber, m), n, t, m)


def log10_codeword_error(log10_ber: float, n: int, t: int, m: int) -> float:
    """log10 of the share of codewords with more than `t` failed symbols."""
    _, terms = _log_terms(log_symbol_error(log10_ber, m), n, t)
    return float(np.asarray(logsumexp(terms))) / math.log(10)


def threshold(target_ber: float, n: int, t: int, m: int) -> float:
    """Input BER that the code brings down to `target_ber`."""
    return input_ber(lambda x: log10_ber_after(x, n, t, m), target_ber)


def input_ber(log10_after: Callable[[float], float], target_ber: float) -> float:
    """BER at which `log10_after` of its log10 is log10 of `target_ber`."""
    from scipy.optimize import brentq  # half a second to import

    target = math.log10(target_ber)
    root = brentq(lambda x: log10_after(x) - target, -8.0, -1.5, xtol=1e-13)
    return 10.0 ** float(root)  # type: ignore[arg-type]


class Fec(Component):
    """A code with its line-rate overhead, threshold, energy and latency.

    `overhead` is line over payload rate, transcoding included; both ends encode and
    decode whether or not packets flow; `energy` is per payload bit. A link that only
    checks and sends again, or does neither, has a `Fec` too: one with a low threshold
    and next to no energy (`retry` says how low).
    """

    threshold: Scalar = param(
        unit="1", doc="pre-FEC bit error rate it stands", low=1e-16, high=2e-2
    )
    overhead: Scalar = param(
        unit="1", doc="line rate over payload rate", low=1.0, high=1.3
    )
    energy_j_per_bit: Scalar = param(
        unit="J/bit", doc="encoder and decoder of one end", low=1e-18, high=1e-11
    )
    latency_s: Scalar = param(unit="s", doc="encoder to decoder", low=1e-12, high=1e-6)
