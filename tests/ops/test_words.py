"""Which words of a caption may name a unit."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any, cast

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.engine.artifact import Artifact, Result
from clq.engine.resources import Resources
from clq.ops.kernels.words import caption_phrases, caption_words, tokens
from clq.ops.words import CaptionWords, WordShares, bags_of
from clq.stdlib.wordnet.lexicon import TableLexicon

LEXICON = TableLexicon()


def words(text: str) -> list[str]:
    return caption_words(text, LEXICON)


def test_base_forms_by_part_of_speech() -> None:
    assert words("three geese jumped over striped boats") == ["goose", "jump", "striped", "boat"]
    assert words("the happiest trees") == ["happy", "tree"]


def test_ing_forms_that_are_mostly_verbs_join_their_verb() -> None:
    assert words("a man wearing a hat sits near a sitting dog, flying birds and a building") == (
        ["man", "wear", "hat", "sit", "dog", "fly", "bird", "building"]
    )


def test_what_is_left_out() -> None:
    assert words("A blurry stock photo of the dog, b52, xyzzyq & its ox") == ["dog"]
    assert words("a close-up of a large red ball in the background") == ["red", "ball"]
    assert words("") == []


def test_words_that_name_things_of_the_lab_stay() -> None:
    assert words("saw text watermark star heart leaf night sand snow road brick") == (
        ["saw", "text", "watermark", "star", "heart", "leaf", "night", "sand", "snow", "road", "brick"]
    )


def test_the_lists_can_be_replaced() -> None:
    assert caption_words("a photo of the dog", LEXICON, discard={"dog"}) == ["photo"]
    assert caption_words("a photo of the dog", LEXICON, discard=(), stop={"photo", "the"}) == ["dog"]


def test_tokens_drop_possessives_and_split_hyphens() -> None:
    assert tokens("The dog’s don't-care  RED_ball #5") == ["the", "dog", "dont", "care", "red", "ball", "5"]


def test_phrases_are_neighbouring_pairs_that_end_in_a_noun() -> None:
    text = "two red cars and a fire truck on a busy city street"
    assert caption_phrases(text, LEXICON) == ["red car", "fire truck", "busy city", "city street"]
    assert caption_phrases("a dog on the grass", LEXICON) == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_words_that_are_long_enough_and_occur_once(text: str) -> None:
    found = words(text)
    assert len(set(found)) == len(found)
    assert all(len(word) >= 3 and not any(c.isdigit() for c in word) for word in found)


def test_words_and_contrast_need_no_torch() -> None:
    code = "import sys, clq.ops.kernels.words, clq.ops.kernels.contrast; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


class Bags:
    """A stored table of bags of words, and the reading of it."""

    def __init__(self, bags: list[list[str]]) -> None:
        self.bags = pa.table({"words": pa.array(bags, pa.list_(pa.string()))})

    def artifact(self, operator: Any) -> Bags:
        return self

    def table(self) -> pa.Table:
        return self.bags


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=4), max_size=8))
def test_share_of_the_captions_that_hold_a_word(bags: list[list[str]]) -> None:
    found: Result = WordShares(cast(CaptionWords, None)).compute(cast(Any, Bags(bags)), Resources())
    assert found.table is not None
    held = Counter(word for bag in bags for word in set(bag))
    assert found.table.to_pylist() == [{"text": word, "share": n / len(bags)} for word, n in sorted(held.items())]


def test_words_of_some_captions() -> None:
    stored = cast(Artifact, Bags([["a"], [], ["b", "c"]]))
    assert bags_of(stored, [2, 1, 2]) == {1: [], 2: ["b", "c"]}
    assert bags_of(stored, []) == {}
