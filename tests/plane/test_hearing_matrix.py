"""Who hears whom, as a matrix."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane import hearing_matrix
from hookflash.plane.hearing_matrix import HearingMatrix


def test_everybody_hears_everybody_else():
    plain = HearingMatrix()
    assert not plain
    assert [plain.gain(1, 2), plain.gain(1, 1)] == [1.0, 0.0]
    assert plain.exceptions(1, {1, 2, 3}) == {}


def test_a_coach_is_heard_by_one_alone():
    matrix = HearingMatrix([(3, 9, 0.0)])
    assert matrix
    assert matrix.exceptions(3, {2, 3, 9}) == {9: 0.0}
    assert matrix.exceptions(2, {2, 3, 9}) == {}
    assert matrix.exceptions(3, {2, 3}) == {}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(0, 10)), max_size=30))
def test_it_is_a_table_with_a_plain_rest(rules):
    table = {(a, b): float(a != b) for a in range(5) for b in range(5)}
    for listener, speaker, gain in rules:
        table[listener, speaker] = gain
    matrix = HearingMatrix(rules)
    assert {pair: matrix.gain(*pair) for pair in table} == table
    for listener in range(5):
        odd = {b: gain for (a, b), gain in table.items() if a == listener and gain != float(a != b)}
        assert matrix.exceptions(listener, range(5)) == odd


@pytest.mark.parametrize("gain", [-0.1, 10.1, math.nan, math.inf])
def test_a_gain_that_is_none_is_refused(gain):
    with pytest.raises(ValueError, match="leg 1 can not hear leg 2 with gain"):
        HearingMatrix([(1, 2, gain)])


def test_rules_are_bounded(monkeypatch):
    monkeypatch.setattr(hearing_matrix, "MAX_RULES", 3)
    HearingMatrix([(1, n, 0.5) for n in range(3)])
    with pytest.raises(ValueError, match="more than 3"):
        HearingMatrix([(1, n, 0.5) for n in range(4)])
