"""Samples: the same images everywhere, larger ones holding the smaller."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clq.stdlib.datasets.sample import drawn


def test_the_draw_is_pinned() -> None:
    assert drawn(20, 5, 0) == drawn(20, 5, 0) != drawn(20, 5, 1)
    assert drawn(1000, 4, 7) == [235, 457, 563, 594]


@given(count=st.integers(1, 200), seed=st.integers(0, 9), data=st.data())
def test_a_larger_sample_holds_the_smaller(count: int, seed: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, count))
    small, large = drawn(count, n, seed), drawn(count, data.draw(st.integers(n, count)), seed)
    assert len(set(small)) == n and set(small) <= set(large) <= set(range(count)) and small == sorted(small)
