"""One number at a time: where a function first meets its limits."""

import numpy as np
import pytest

from photonflow.search.bracket import least


def test_the_first_of_several_places_is_found_to_the_last_digit():
    edges = np.array([0.3, 0.9, 2.0])

    def met(which, x):
        first = edges[which, None]
        # Met from the edge to 0.2 further, and again from 1.5 on.
        return ((x >= first) & (x < first + 0.2)) | ((x >= 1.5) & (first < 1))

    x, reached = least(met, np.zeros(3), np.full(3, 1.9), 16, 13)
    assert x[:2] == pytest.approx(edges[:2], abs=1e-14) and (x[:2] >= edges[:2]).all()
    assert reached.tolist() == [True, True, False] and x[2] == 1.9


def test_a_range_that_is_met_from_its_low_end_on_ends_there():
    x, reached = least(lambda i, x: x >= 0.0, np.ones(1), np.full(1, 2.0), 9, 3)
    assert x.tolist() == [1.0] and reached.all()


def test_problems_that_are_done_are_not_asked_again():
    asked = []

    def met(which, x):
        asked.append(which.tolist())
        return np.where(which[:, None] == 0, x >= 0.55, False)

    least(met, np.zeros(2), np.ones(2), 11, 3)
    assert asked == [[0, 1], [0], [0]]
