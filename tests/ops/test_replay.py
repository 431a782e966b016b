"""A replay of an answer on drawn images is the answer of a data set that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clq
from clq.engine.resources import Resources
from clq.ops.dissect import SoftWPMI
from clq.ops.replay import Replay, has_image_rows, replayed
from clq.ops.stability import first_words

QUERY = "EXPLAIN layer4 OF labnet ON {} USING clip_dissect(similarity={}, top_k=5) WITH lab.words"


@pytest.fixture
def con(tmp_path: Path) -> Any:
    with clq.connect(tmp_path / "store") as con:
        yield con


class Stored:
    """What the store holds, as operators read it."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def artifact(self, operator: Any) -> Any:
        return self.store.find(operator)

    def opened(self, source: Any) -> Any:
        return source.spec.open("cpu")


@pytest.mark.parametrize("similarity", ["soft_wpmi", "cos_similarity", "cos_similarity_cubed"])
def test_a_replay_on_some_images_is_the_answer_on_them(con: clq.Connection, similarity: str) -> None:
    whole = QUERY.format("lab.probe[0:60]", similarity)
    (planned,) = con.plan(whole).queries
    con.run(whole)
    (answer,) = planned.answers
    by_image, fixed = replayed(answer)
    assert len(by_image) == 2 and all(has_image_rows(o) for o in by_image)
    keys = frozenset(o.key for o in by_image), frozenset(o.key for o in fixed)
    for drawn, part in ((np.arange(60), "lab.probe[0:60]"), (np.arange(12, 45), "lab.probe[12:45]")):
        replay = Replay(Stored(con.store), Resources(), *keys, drawn)
        found = answer.compute(replay, Resources())  # type: ignore[attr-defined]
        expected = con.run(QUERY.format(part, similarity) + " WHERE rank = 1").last.df().dropna(subset="concept")
        assert first_words(found) == dict(zip(expected.target, expected.concept, strict=True))


def test_an_image_drawn_twice_counts_twice(con: clq.Connection) -> None:
    """The best five of two images drawn three times each are three times the best and twice the other."""
    query = QUERY.format("lab.probe[0:30]", "soft_wpmi")
    (planned,) = con.plan(query).queries
    con.run(query)
    by_image, fixed = replayed(planned.answers[0])
    keys = frozenset(o.key for o in by_image), frozenset(o.key for o in fixed)
    replay = Replay(Stored(con.store), Resources(), *keys, np.repeat([4, 9], 3))
    score = planned.answers[0].scores  # type: ignore[attr-defined]
    assert isinstance(score, SoftWPMI)
    value = replay.artifact(score.top).load("value")
    assert (value[:, 0] == value[:, 2]).all() and (value[:, 3] == value[:, 4]).all()
    assert (value[:, 2] >= value[:, 3]).all() and (value[:, 2] > value[:, 3]).any()


def test_what_looks_at_parts_of_images_is_not_replayed(con: clq.Connection) -> None:
    (planned,) = con.plan("EXPLAIN fc OF labnet ON lab.probe[0:40] USING falcon WITH lab.words").queries
    with pytest.raises(ValueError, match="crops of fc of labnet"):
        replayed(planned.answers[0])
