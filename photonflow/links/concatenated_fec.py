r"""An extended Hamming code inside a Reed-Solomon code, decoded hard or soft.

The inner code of 200G-per-lane optics [1] is the (128, 120) extended Hamming code of
distance 4. An interleaver deals the twelve 10-bit symbols of an inner word to twelve
outer codewords, so what the outer code sees are independent symbol errors.

**Hard**: one error is corrected, an even number is only detected and stays; an odd
number $i \ge 3$ is miscorrected into a codeword of weight $i \pm 1$. With $A_w$
codewords of weight $w$, the words of weight $i$ next to one of weight $i+1$ number
$(i+1) A_{i+1}$ and to one of weight $i-1$ number $(n-i+1) A_{i-1}$; they are all
$\binom{n}{i}$ words of odd weight. This is exact.

**Soft**: maximum likelihood over Gaussian noise in the approximation of a union bound
cut at the least weight. Two words that differ in $d = 4$ bits are confused with
probability $\nu^d Q(\sqrt d\,x)$, where $x$ is the distance to a decision threshold
over the noise and $\nu$ the share of bits with a neighbour across one: 1 for two levels
and 3/4 for Gray-coded PAM4, whose error rate ahead is $\nu Q(x)$. At the threshold of
KP4 the cut bound counts a quarter more symbol errors than a Chase decoder of 64 trials
makes (`tests/test_fec.py`), which is 5 % in the threshold: 4.7e-3 against 4.9e-3, and
4.8e-3 quoted for the standard. Hard decisions stand 1.4e-3. It fails where several
codewords compete, above 1e-2. Left out: bits of one symbol failing together, quantised
reliabilities.

1. IEEE P802.3dj; Chase 1972, doi:10.1109/TIT.1972.1054746
"""

import math
from typing import Literal

import numpy as np
from scipy.special import comb, gammaln, log_ndtr, logsumexp, ndtri

from .fec import input_ber, log10_ber_behind_symbols


LENGTH = 128
DATA = 120
SYMBOL_BITS = 10
NEIGHBOUR_SHARE = {2: 1.0, 4: 3 / 4}
"""by PAM order: share of bits that the nearest wrong level would turn over"""


def weight_distribution(length: int = LENGTH) -> np.ndarray:
    r"""$A_w$, w = 0..n: words of weight w of the extended Hamming code of length n.

    The dual is the first-order Reed-Muller code of weights 0, n/2 and n, so by the
    identity of MacWilliams
    $A(z) = [(1+z)^n + (1-z)^n + 2(n-1)(1-z^2)^{n/2}] / 2n$.
    """
    w = np.arange(length + 1)
    half = np.zeros(length + 1)
    half[::2] = (-1.0) ** w[: length // 2 + 1] * comb(
        length // 2, np.arange(0, length // 2 + 1)
    )
    both = comb(length, w) * (1 + (-1.0) ** w)
    return (both + 2 * (length - 1) * half) / (2 * length)


def symbol_hit_share(errors: np.ndarray) -> np.ndarray:
    """Chance that one of the 10 bits of a symbol is among `errors` of a word.

    The places are uniform: exactly so for error words, and for codewords up to any
    three of them (they are a 3-design).
    """
    misses = gammaln(LENGTH - SYMBOL_BITS + 1) + gammaln(LENGTH - errors + 1)
    misses = misses - gammaln(np.maximum(LENGTH - SYMBOL_BITS - errors, 0) + 1)
    misses = misses - gammaln(LENGTH + 1)
    return np.where(errors > LENGTH - SYMBOL_BITS, 1.0, -np.expm1(misses))


def log_symbol_error_hard(log10_ber: float) -> float:
    """ln of the share of wrong symbols behind a hard decoder."""
    p = 10.0**log10_ber
    i = np.arange(2, LENGTH + 1)
    patterns, words = comb(LENGTH, i), weight_distribution()
    more, fewer = np.minimum(i + 1, LENGTH), i - 1
    # Of odd patterns the share that is taken for a codeword of one more.
    up = np.where(i % 2 == 1, (i + 1) * words[more], 0.0) / patterns
    miscorrected = up * symbol_hit_share(more) + (1 - up) * symbol_hit_share(fewer)
    harm = np.where(i % 2 == 0, symbol_hit_share(i), miscorrected)
    terms = np.log(patterns) + i * math.log(p) + (LENGTH - i) * math.log1p(-p)
    return float(np.asarray(logsumexp(terms, b=harm)))


def log_symbol_error_soft(log10_ber: float, pam: int) -> float:
    """ln of the share of wrong symbols behind a soft decoder, `pam` levels."""
    near, least = NEIGHBOUR_SHARE[pam], 4
    x = -float(ndtri(10.0**log10_ber / near))
    log_confused = least * math.log(near) + float(log_ndtr(-math.sqrt(least) * x))
    harm = weight_distribution()[least] * symbol_hit_share(np.array([least]))[0]
    # A bound may pass 1; the outer code is lost well before.
    return min(math.log(harm) + log_confused, -1e-12)


def threshold(
    target_ber: float,
    n: int,
    t: int,
    decoding: Literal["hard", "soft"],
    pam: int = 4,
) -> float:
    """BER ahead of inner and outer code that ends at `target_ber`."""

    def after(log10_ber: float) -> float:
        if decoding == "hard":
            log_fail = log_symbol_error_hard(log10_ber)
        else:
            log_fail = log_symbol_error_soft(log10_ber, pam)
        return log10_ber_behind_symbols(log_fail, n, t, SYMBOL_BITS)

    return input_ber(after, target_ber)
