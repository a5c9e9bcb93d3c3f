r"""Forward error correction: Reed-Solomon codes, and checks that ask for a repeat.

**Bounded-distance decoding.** A code RS(n, k) over $2^m$-ary symbols corrects $t$
symbols of a codeword. With random bit errors of probability $p$ a symbol fails with
$p_s = 1 - (1-p)^m$, and a codeword and a bit behind the decoder with
$$ p_{cw} = \sum_{i>t} \binom{n}{i} p_s^i (1-p_s)^{n-i}, \qquad
   p_{out} = \frac{1}{m\,n}\sum_{i>t} i \binom{n}{i} p_s^i (1-p_s)^{n-i} $$
if each failed symbol holds one wrong bit. Left out: bursts, miscorrection.

**Retransmission.** A flit of $n$ bits arrives damaged with $1 - (1-p)^n$ and is sent
again. A check of $c$ bits that finds every odd number of errors and every two (as the
cyclic check of UCIe does, 16 bits over 128 bytes [1]) leaves four errors half of its
syndromes, and passes a damaged block of $b$ bits with about
$\binom{b}{4} p^4 / 2^{c-1}$. Left out: bursts, damage to the acknowledgement.

1. UCIe specification 1.1, section 3.7
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import comb, gammaln, logsumexp

from ..component import Component, Scalar, param


def _log_terms(log_fail: float, n: int, t: int) -> tuple[np.ndarray, np.ndarray]:
    """i = t+1..n, and the log probability that i of n symbols fail."""
    log_hold = math.log(-math.expm1(log_fail))
    i = np.arange(t + 1, n + 1)
    log_choices = gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1)
    return i, log_choices + i * log_fail + (n - i) * log_hold


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


def retry_share(ber: float, bits: int) -> float:
    """Share of flits of `bits` that are sent again."""
    return -math.expm1(bits * math.log1p(-ber))


def undetected_error_rate(
    ber: float, block_bits: int = 1024, check_bits: int = 16
) -> float:
    """Damaged blocks that pass the check, per bit sent.

    The polynomial has the factor x + 1, so that words of even weight share half of the
    syndromes of `check_bits`.
    """
    four = comb(block_bits, 4) * ber**4 * (1 - ber) ** (block_bits - 4)
    return float(four) / 2 ** (check_bits - 1) / block_bits


def retry_threshold(share: float, bits: int) -> float:
    """BER at which `share` of flits of `bits` are sent again."""
    return -math.expm1(math.log1p(-share) / bits)


class Fec(Component):
    """A code with its line-rate overhead, threshold, energy and latency.

    `overhead` is line over payload rate, transcoding included; both ends encode and
    decode whether or not packets flow; `energy` is per payload bit. A link that only
    checks and sends again, or does neither, has a `Fec` too: one with a low threshold
    (`retry_threshold`) and next to no energy.
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
