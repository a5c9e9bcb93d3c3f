"""Rows of `link.json`, each for the test that is written for it."""

import math

import pytest

from photonflow.validation import cases


CASES = {case.id: case.model_dump(by_alias=True) for case in cases("link")}


def rows(*ids):
    """Parametrise a test over the rows of `ids`."""
    return pytest.mark.parametrize("case", [CASES[i] for i in ids], ids=ids)


def dB(ratio) -> float:
    return 10 * math.log10(ratio)
