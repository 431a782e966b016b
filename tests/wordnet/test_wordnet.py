"""The shipped WordNet: counts, base forms, sense order, subtrees, and the choice between NLTK and the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from clq.stdlib.wordnet import lexicon, morphy, table


def test_the_vocabulary_is_every_distinct_noun_lemma() -> None:
    words = table.lemmas()
    assert len(words) == len(set(words)) == 119_034
    assert words[:4] == ["entity", "physical entity", "abstraction", "abstract entity"]
    assert not any("_" in word for word in words)
    assert {"dog", "traffic light", "Paris"} <= set(words)


def test_sizes_of_the_tables() -> None:
    assert len(table.subtree("entity.n.01")) == 74_374
    assert len(table.subtree("entity.n.01", instances=True)) == 82_115
    assert len(morphy.noun_exceptions()) == 2_050


@pytest.mark.parametrize(
    ("word", "lemma"),
    [
        ("dogs", "dog"),
        ("Geese", "goose"),
        ("leaves", "leaf"),
        ("butterflies", "butterfly"),
        ("firemen", "fireman"),
        ("boxes", "box"),
        ("traffic lights", "traffic light"),
        ("bus", "bus"),
        ("scissors", "scissors"),
        ("xyzzyq", None),
        ("", None),
    ],
)
def test_noun_base_forms(word: str, lemma: str | None) -> None:
    assert table.noun_lemma(word) == lemma


def test_verb_and_adjective_base_forms() -> None:
    assert [table.verb_lemma(w) for w in ("sitting", "ran", "Carries", "dog", "xyzzyq")] == (
        ["sit", "run", "carry", "dog", None]
    )
    assert [table.adjective_lemma(w) for w in ("tallest", "happier", "striped", "boat")] == (
        ["tall", "happy", "striped", None]
    )


def test_synsets_come_in_sense_order() -> None:
    assert table.synsets("dog")[:2] == ["dog.n.01", "frump.n.01"]
    assert table.synsets("dogs") == table.synsets("DOG")
    assert table.synsets("saws") == ["proverb.n.01", "saw.n.02", "power_saw.n.01"]
    assert table.synsets("Hot-air Balloons") == ["hot-air_balloon.n.01"]
    assert table.synsets("candelabra") == ["candelabrum.n.01"]
    assert table.synsets("xyzzyq") == []


def test_hypernyms_and_subtrees() -> None:
    above = table.hypernym_closure("dog.n.01")
    assert above[0] == "canine.n.02" and above[-1] == "entity.n.01" and "animal.n.01" in above
    below = table.subtree("dog.n.01")
    assert {"dog.n.01", "puppy.n.01", "corgi.n.01"} <= set(below)
    assert all("dog.n.01" in table.hypernym_closure(name) for name in below if name != "dog.n.01")
    assert "domestic dog" in table.subtree_words("dog.n.01")
    assert "dog" in table.subtree_words("object.n.01")
    with pytest.raises(KeyError):
        table.subtree("xyzzyq.n.01")


def test_individuals_are_left_out_unless_asked_for() -> None:
    assert "Paris" not in table.subtree_words("city.n.01")
    assert "Paris" in table.subtree_words("city.n.01", instances=True)
    assert table.synset("paris.n.01").instance_hypernyms == ["national_capital.n.01"]
    assert "city.n.01" in table.hypernym_closure("paris.n.01")
    assert table.hypernym_closure("paris.n.01", instances=False) == []
    assert table.synset("dog.n.01").definition.startswith("a member of the genus Canis")


def test_the_licence_lies_beside_the_data() -> None:
    assert "Princeton University" in (morphy.HERE / "LICENSE-WordNet.txt").read_text(encoding="utf-8")


def test_importing_loads_neither_pyarrow_nor_nltk() -> None:
    code = (
        "import sys\nfrom clq.stdlib.wordnet import lexicon, table\n"
        "assert not {'pyarrow', 'nltk', 'torch'} & set(sys.modules)\n"
        "assert lexicon.TableLexicon().verb_lemma('sat') == 'sit'\n"
        "assert 'pyarrow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_nltk_data_the_table_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "_data_folders", list)
    lexicon.lexicon.cache_clear()
    assert lexicon.lexicon().source == "clq wordnet 3.0"
    assert lexicon.lexicon(prefer_nltk=False) == lexicon.TableLexicon()
    lexicon.lexicon.cache_clear()


def test_a_folder_that_nltk_cannot_read_falls_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "corpora" / "wordnet").mkdir(parents=True)
    monkeypatch.setattr(lexicon, "_data_folders", lambda: [tmp_path])
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])
    assert lexicon.nltk_lexicon() is None


def test_nltk_reader_gives_base_forms() -> None:
    reader = SimpleNamespace(morphy=lambda word, part: {("fire_trucks", "n"): "fire_truck"}.get((word, part)))
    nltk = lexicon.NltkLexicon(reader, "nltk wordnet 3.0")
    assert nltk.noun_lemma("Fire trucks") == "fire truck"
    assert nltk.verb_lemma("fire trucks") is None
    assert nltk.adjective_lemma("fire trucks") is None
