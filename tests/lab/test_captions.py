"""Captions and words: true where they should be, absent where they should be."""

from __future__ import annotations

from clq.stdlib.lab.captions import caption, caption_words, phrase, prompt, training_text
from clq.stdlib.lab.data import captions, scenes_of
from clq.stdlib.lab.rng import Rng
from clq.stdlib.lab.words import ABSENT, words
from clq.stdlib.lab.world import FACT_OF, FACTS, HYPERNYMS, NAMES, PARTS, SYNONYMS

# Words of captions that look like names of facts but are used in another role.
OTHERWISE = {
    "yellow star": "star",
    "red heart": "heart",
    "green leaf": "leaf",
    "without a pattern": "plain",
    "night sky": "night",
}


def facts_named(text: str) -> set[str]:
    """The facts whose names occur in a text."""
    for wording, meaning in OTHERWISE.items():
        text = text.replace(wording, meaning)
    return {FACT_OF[word] for word in text.replace(",", "").split() if word in FACT_OF}


def test_captions_are_true_of_their_scenes() -> None:
    rng = Rng("captions-test")
    for scene in scenes_of("probe"):
        for make in (caption, phrase, prompt, training_text):
            text, said = make(scene, rng)
            assert said <= scene.facts(), (text, said)


def test_captions_state_what_their_words_say() -> None:
    rng = Rng("stated")
    for scene in scenes_of("probe"):
        text, said = caption(scene, rng)
        assert facts_named(text) == said, text


def test_captions_use_synonyms_hypernyms_and_parts() -> None:
    rng = Rng("variety")
    used = {word for s in scenes_of("probe") for word in caption(s, rng)[0].replace(",", "").split()}
    assert set(SYNONYMS) & used >= {"sea", "kitten", "lorry", "spotted", "watermark"}
    assert set(HYPERNYMS) & used == set(HYPERNYMS)
    assert {"wheels", "wings", "handle", "windows"} <= used and set(PARTS) <= set(FACTS)


def test_the_corpus_is_descriptive() -> None:
    table = captions()
    assert table.column_names == ["caption", "facts"]
    texts = table["caption"].to_pylist()
    assert len(texts) == len(set(texts)) >= 5_000
    assert min(len(text.split()) for text in texts) >= 5
    assert all(set(facts) <= set(FACTS) and len(facts) >= 2 for facts in table["facts"].to_pylist())
    stated = {fact for facts in table["facts"].to_pylist() for fact in facts}
    assert stated == set(FACTS)


def test_no_caption_word_is_missing_from_the_tokenizers_list() -> None:
    rng = Rng("tokens")
    used = {w for s in scenes_of("probe") for w in training_text(s, rng)[0].replace(",", "").split()}
    assert used <= {*caption_words(), *FACT_OF}


def test_words_are_unique_lower_case_and_mixed() -> None:
    vocabulary = words()
    assert len(vocabulary) == len(set(vocabulary)) >= 300
    assert all(word == word.lower() and word.isalpha() for word in vocabulary)
    assert set(FACT_OF) <= set(vocabulary)
    places = [i for i, word in enumerate(vocabulary) if word in FACT_OF]
    assert abs(sum(places) / len(places) / len(vocabulary) - 0.5) < 0.1


def test_absent_words_are_absent() -> None:
    assert len(ABSENT) == len(set(ABSENT)) >= 150
    names = {*FACT_OF, *NAMES, *caption_words(), *HYPERNYMS}
    near = {form for word in names for form in (word, word + "s", word.removesuffix("s"), word + "es")}
    assert not set(ABSENT) & near
