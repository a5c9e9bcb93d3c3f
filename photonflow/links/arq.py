r"""Links that check and send again instead of correcting: die-to-die and optical I/O.

A flit of $n$ bits with random errors of probability $p$ arrives damaged with
$1 - (1-p)^n$ and is sent again. A check of $c$ bits that finds every three errors
passes a damaged block of $b$ bits with about $\binom{b}{4} p^4 / 2^c$. Left out:
bursts, damage to the acknowledgement.

The cyclic check of UCIe has 16 bits over 128 bytes and finds any three errors [1].

1. UCIe specification 1.1, section 3.7
"""

import math

from scipy.special import comb


def repeated(ber: float, bits: int) -> float:
    """Share of flits that are sent again."""
    return -math.expm1(bits * math.log1p(-ber))


def undetected_per_bit(
    ber: float, block_bits: int = 1024, check_bits: int = 16
) -> float:
    """Damaged blocks that pass the check, per bit sent."""
    four = comb(block_bits, 4) * ber**4 * (1 - ber) ** (block_bits - 4)
    return float(four) / 2**check_bits / block_bits


def threshold(share: float, bits: int) -> float:
    """BER at which `share` of flits of `bits` are sent again."""
    from scipy.optimize import brentq  # half a second to import

    root = brentq(
        lambda x: repeated(10.0**x, bits) / share - 1, -18.0, -1.0, xtol=1e-14
    )
    return 10.0 ** float(root)  # type: ignore[arg-type]
