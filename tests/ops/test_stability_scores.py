"""What stability says of words that were given in draws of the images."""

from __future__ import annotations

import math

import pytest

from clq.engine.operator import Source
from clq.ops.judged import JudgedRows, Label
from clq.ops.stability import Stability

STABILITY = Stability(
    "net", "fc", None, "clip_dissect", "{}", JudgedRows(None, "rows", "run"), 0.95, 1000, 0, Source("model", "0"), (),
    (), 2,
)  # fmt: skip


def labels(*words: str) -> list[Label]:
    return [Label(f"fc[{u}] OF net", u, (word,), (1.0,)) for u, word in enumerate(words)]


def test_kept_words_are_counted_beside_how_often_the_others_get_them() -> None:
    own = labels("cat", "cat", "dog")
    first, second, third = (label.target for label in own)
    draws = [{first: "cat", second: "cat", third: "dog"}, {first: "dog", second: "cat"}]
    found = list(STABILITY._scores(own, draws))
    units = [(s.value, s.baseline, s.n) for s in found if s.about is not None]
    assert units == [(0.5, 0.5, 2), (1.0, 0.25, 2), (0.5, 0.25, 2)]
    whole = {s.metric: s for s in found if s.about is None}
    assert whole["stability"].value == pytest.approx(2 / 3) and whole["stability"].n == 3
    assert whole["stability"].baseline == pytest.approx(1 / 3)
    assert whole["stability_always"].value == pytest.approx(1 / 3)


def test_one_unit_alone_has_no_baseline() -> None:
    (own,) = labels("cat")
    found = list(STABILITY._scores([own], [{own.target: "cat"}, {}]))
    assert [s.value for s in found] == [0.5, 0.5, 0.0] and all(math.isnan(s.baseline) for s in found)
