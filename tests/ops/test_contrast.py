"""Word scores and the contrasts that take words off, with their reasons."""

from __future__ import annotations

import pytest

from clq.ops.kernels import contrast

CAPTIONS = [["boat", "water"], ["water"], ["dog"], ["boat"]]
CORPUS = {"boat": 0.5, "water": 0.5, "dog": 0.25}


def test_published_scores_take_the_best_caption_of_each_image() -> None:
    scores = contrast.published_scores([[0, 1], [2, 0]], [[0.3, 0.5], [0.6, 0.2]], CAPTIONS)
    assert scores == pytest.approx({"dog": 0.3, "water": 0.35, "boat": 0.25})
    assert list(scores) == ["water", "dog", "boat"]


def test_fewer_captions_than_five_and_a_missing_image() -> None:
    assert contrast.published_scores([[3]], [[0.5]], CAPTIONS) == {"boat": 0.5}
    with pytest.raises(ValueError, match="no images"):
        contrast.published_scores([], [], CAPTIONS)


def test_shares_are_relative_to_the_corpus() -> None:
    assert CORPUS == {"boat": 0.5, "water": 0.5, "dog": 0.25}
    assert contrast.shares([[0, 3], [3, 1]], CAPTIONS, CORPUS) == pytest.approx({"boat": 0.25, "water": 0.0})


def test_candidates_are_the_best_and_not_too_rare() -> None:
    assert contrast.candidates({"c": 0.01, "b": 0.3, "a": 0.3, "d": 0.2}, most=3) == ["a", "b", "d"]
    assert contrast.candidates({"c": 0.01}) == []


def test_the_absolute_cut_takes_a_word_that_the_relative_one_keeps() -> None:
    high, low = {"boat": 0.9, "water": 0.3, "dog": 0.1}, {"boat": 0.1, "water": 0.2}
    absolute = contrast.published_cut(high, low)
    assert [w.word for w in absolute.kept] == ["dog"]
    assert [(r.word, r.low) for r in absolute.removed] == [("boat", 0.1), ("water", 0.2)]
    relative = contrast.relative_cut(high, low)
    assert [w.word for w in relative.kept] == ["boat", "dog"]
    assert "more than 1/2 of 0.300" in relative.removed[0].why


def test_without_low_images_the_published_cut_removes_nothing() -> None:
    assert contrast.published_cut({"boat": 0.9}, {}).removed == ()


def test_a_word_that_silent_images_bring_back_is_removed() -> None:
    high = {"water": 0.26, "boat": 0.08, "plain": -0.01, "new": 0.02}
    result = contrast.per_word(high, {"water": 0.68, "boat": -0.1, "plain": -0.2})
    assert [w.word for w in result.kept] == ["boat", "new"]
    assert [w.score for w in result.kept] == [0.08, 0.02]
    assert [r.word for r in result.removed] == ["water", "plain"]
    assert "comes back 0.680" in result.removed[0].why
    assert "corpus" in result.removed[1].why


def test_what_remains_after_the_contrast_ranks_the_words() -> None:
    high = {"text": 0.179, "apple": 0.084, "fruit": 0.27}
    result = contrast.per_word(high, {"text": 0.157, "apple": 0.032, "fruit": 0.535})
    assert [w.word for w in result.kept] == ["apple", "text"]
    assert [w.score for w in result.kept] == pytest.approx([0.052, 0.022])
    assert [(r.word, r.score, r.low) for r in result.removed] == [("fruit", 0.27, 0.535)]


def test_returned_shares_look_only_at_each_words_own_images() -> None:
    found = contrast.returned_shares(["water", "dog", "boat"], [[[0, 1]], [[0, 1]], []], CAPTIONS, CORPUS)
    assert found == pytest.approx({"water": 0.5, "dog": -0.25})


def test_kept_words_are_ordered_by_score_then_alphabet() -> None:
    assert [w.word for w in contrast.per_word({"b": 0.1, "a": 0.1, "c": 0.2}, {}).kept] == ["c", "a", "b"]
