"""Codes: thresholds by calculation, against counted errors and against the cards."""

import math

import numpy as np
import pytest
from scipy.special import comb, ndtri

from helpers import assert_close
from link_rows import CASES as ROWS
from photonflow.links import concatenated_fec, fec


KP4 = dict(n=544, t=15, m=10)


def test_a_codeword_of_kp4_fails_8e_13_of_the_time_at_2_4e_4():
    """Row kp4_threshold: sum over i > 15 of C(544, i) p^i (1-p)^(544-i)."""
    row = ROWS["kp4_threshold"]
    share = 10 ** fec.log10_codeword_error(math.log10(2.4e-4), **KP4)
    expected = row["outputs"]["codeword_error_at_2.4e-4"]
    assert_close(share, expected, rtol=row["tolerance"]["rel"])


def test_a_codeword_without_correction_fails_as_often_as_it_has_an_error():
    """t = 0: 1 - (1 - p)^(m n), here with 12 symbols of 10 bits."""
    share = 10 ** fec.log10_codeword_error(-4.0, n=12, t=0, m=10)
    assert_close(share, -math.expm1(120 * math.log1p(-1e-4)), rtol=1e-10)


def test_every_word_of_odd_weight_lies_next_to_one_codeword():
    """A_{i+1} (i + 1) + A_{i-1} (n - i + 1) = C(n, i): perfect but for the parity."""
    words, i = concatenated_fec.weight_distribution(), np.arange(1, 128, 2)
    neighbours = (i + 1) * words[i + 1] + (129 - i) * words[i - 1]
    assert_close(neighbours, comb(128, i), rtol=1e-12)
    assert_close(words.sum(), 2.0**120, rtol=1e-12)
    # A triple of places fixes the fourth: C(128, 3) / 4 words of the least weight.
    assert words[4] == 128 * 127 * 126 / 6 / 4


def hard_decoded(errors):
    """(words, 128) bits, columns (j, 1) of the parity check, one error corrected."""
    places = np.arange(128)
    syndrome = np.bitwise_xor.reduce(np.where(errors, places, 0), axis=1)
    odd = errors.sum(axis=1) % 2 == 1
    out = errors.copy()
    out[np.nonzero(odd)[0], syndrome[odd]] ^= True
    return out


def chase_decoded(reliability, trials_bits=6):
    """Chase 1972: hard decoding with every choice of the least reliable bits turned."""
    rows = np.arange(len(reliability))
    cost, hard = np.abs(reliability), reliability < 0
    weakest = np.argpartition(cost, trials_bits, axis=1)[:, :trials_bits]
    best, out = np.full(len(rows), np.inf), hard.copy()
    for trial in range(2**trials_bits):
        turned = hard.copy()
        for bit in range(trials_bits):
            if trial >> bit & 1:
                turned[rows, weakest[:, bit]] ^= True
        word = hard_decoded(turned)
        parity = word.sum(axis=1) % 2
        places = np.where(word, np.arange(128), 0)
        valid = (parity == 0) & (np.bitwise_xor.reduce(places, axis=1) == 0)
        loss = np.where(
            valid, np.sum(np.where(word != hard, cost, 0.0), axis=1), np.inf
        )
        better = loss < best
        best, out = np.where(better, loss, best), np.where(better[:, None], word, out)
    return out


def wrong_symbols(words):
    return words[:, :120].reshape(-1, 12, 10).any(axis=2).mean()


def test_hard_decoding_leaves_the_symbol_errors_that_are_counted():
    """At 5e-3 a word has 0.64 errors: 2e5 of them, some 28,000 wrong symbols."""
    noise = np.random.default_rng(1).random((200_000, 128)) < 5e-3
    counted = wrong_symbols(hard_decoded(noise))
    expected = math.exp(concatenated_fec.log_symbol_error_hard(math.log10(5e-3)))
    # They come in pairs and fours, so 3 sigma of some 15,000 bad words are 2.5 %.
    assert_close(counted, expected, rtol=0.025)


def two_levels(rng, words, near):
    x = -float(ndtri(near))
    return 1 + rng.normal(size=(words, 128)) / x


def four_levels(rng, words, near):
    """Gray-coded levels -3, -1, 1, 3 as 00, 01, 11, 10; max-log reliabilities."""
    x = -float(ndtri(near / 0.75))
    sent = rng.integers(0, 4, size=(words, 64))
    at = 2 * sent - 3 + rng.normal(size=sent.shape) / x
    distance = (at[..., None] - np.array([-3, -1, 1, 3])) ** 2
    first = distance[..., 2:].min(-1) - distance[..., :2].min(-1)
    second = distance[..., 1:3].min(-1) - distance[..., [0, 3]].min(-1)
    # The code is linear: errors are the same as if all bits sent had been 0.
    first = np.where(sent >= 2, -first, first)
    second = np.where((sent == 1) | (sent == 2), -second, second)
    return np.stack([first, second], axis=-1).reshape(words, 128)


@pytest.mark.parametrize("channel, pam", [(two_levels, 2), (four_levels, 4)])
def test_the_cut_union_bound_lies_a_quarter_above_a_chase_decoder(channel, pam):
    """At 4.8e-3 some 0.7 % of the words are wrong: 140 of 20,000, +-25 % at 3 sigma."""
    rng, ahead = np.random.default_rng(2), 4.8e-3
    wrong = []
    for _ in range(2):
        reliability = channel(rng, 10_000, ahead)
        assert_close((reliability < 0).mean(), ahead, rtol=0.05)
        wrong.append(wrong_symbols(chase_decoded(reliability)))
    bound = math.exp(concatenated_fec.log_symbol_error_soft(math.log10(ahead), pam))
    assert 0.6 * bound < np.mean(wrong) < bound
    # KP4 stands p_s = 1 - (1 - 2.26e-4)^10 = 2.26e-3, and that is what 4.8e-3 leaves.
    assert_close(np.mean(wrong), 2.26e-3, rtol=0.25)


def test_hamming_inside_kp4_stands_1_4e_3_hard_and_4_7e_3_soft():
    """The standard quotes 4.8e-3, which only soft decisions reach."""
    hard = concatenated_fec.threshold(1e-15, 544, 15, "hard")
    soft = concatenated_fec.threshold(1e-15, 544, 15, "soft")
    # 8128 p^2 words of two errors hit a symbol with 2 x 10 / 128: 1.33e-3.
    assert_close(hard, math.sqrt(2.26e-3 / (8128 * 20 / 128)), rtol=0.06)
    assert abs(soft / 4.8e-3 - 1) < 0.03
    assert hard < soft < concatenated_fec.threshold(1e-13, 544, 15, "soft")


def test_a_retried_flit_is_a_damaged_flit():
    """1 - (1 - p)^2048: one in a thousand at 4.9e-7."""
    assert_close(fec.retry_share(4.885e-7, 2048), 1e-3, rtol=1e-3)
    assert_close(fec.retry_threshold(1e-3, 2048), 4.885e-7, rtol=1e-3)


def test_the_check_of_a_retried_link_misses_less_than_fec_leaves():
    """C(1024, 4) p^4 / 2^15 / 1024 = 4.56e10 x 1e-32 / 3.36e7 at 1e-8."""
    assert_close(fec.undetected_error_rate(1e-8), 1.357e-29, rtol=1e-2)
    # Four errors go as p^4: at one retry in a thousand still far below 1e-15.
    assert fec.undetected_error_rate(fec.retry_threshold(1e-3, 2048)) < 1e-22


def test_an_error_rate_no_code_reaches_is_refused():
    with pytest.raises(ValueError, match="sign"):
        fec.threshold(0.9, **KP4)
