"""The world: draws, scenes, facts, names."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from clq.stdlib.lab.data import COUNTS, scenes_of
from clq.stdlib.lab.rng import Rng
from clq.stdlib.lab.world import (
    COLOURS,
    FACT_OF,
    FACTS,
    GROUPS,
    HYPERNYMS,
    NAMES,
    OBJECTS,
    PARTS,
    PATTERNS,
    SCENES,
    SHORTCUTS,
    SYNONYMS,
    Scene,
    members_of,
    names_of,
    same_extension,
)

SCENES_DIGEST = "b67d1370ca3fa6af23b333c086b7337102c6da75fff271553b2c1a3b15865603"


def digest_of_scenes() -> str:
    text = "".join(repr(scene) for name in COUNTS for scene in scenes_of(name))
    return hashlib.sha256(text.encode()).hexdigest()


def test_words_of_the_stream_are_philox() -> None:
    rng = Rng("test", 1)
    key = int.from_bytes(hashlib.sha256(b"test\x1f1").digest()[:16], "little")
    expected = np.random.Philox(key=key).random_raw(256).tolist()[::-1]
    assert [rng.word() for _ in range(256)] == expected


def test_draws_have_the_stated_distributions() -> None:
    rng = Rng("distributions")
    normal = np.array([rng.normal(2.0, 3.0) for _ in range(20_000)])
    assert abs(normal.mean() - 2) < 0.1 and abs(normal.std() - 3) < 0.1
    below = Counter(rng.below(7) for _ in range(7_000))
    assert set(below) == set(range(7)) and min(below.values()) > 800
    weighted = Counter(rng.choice("abc", (0.5, 0.3, 0.2)) for _ in range(10_000))
    assert abs(weighted["a"] - 5_000) < 250 and abs(weighted["c"] - 2_000) < 250
    assert sorted(rng.shuffled(range(50))) == list(range(50))


def test_scenes_are_pinned() -> None:
    assert digest_of_scenes() == SCENES_DIGEST


def test_scenes_are_the_same_in_another_process() -> None:
    code = "import hashlib; from clq.stdlib.lab.data import scenes_of; print(repr(scenes_of('audit')[:50]))"
    environment = os.environ | {"PYTHONHASHSEED": "4711"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.strip() == repr(scenes_of("audit")[:50])


def test_the_world_is_as_large_as_promised() -> None:
    assert len(OBJECTS) == len(set(OBJECTS)) >= 33
    assert (len(COLOURS), len(PATTERNS), len(SCENES), len(GROUPS)) == (8, 4, 8, 6)
    assert len(FACTS) == len(set(FACTS))


def test_a_word_means_one_fact() -> None:
    words = [word for fact in FACTS for word in names_of(fact)]
    assert len(words) == len(set(words)) == len(FACT_OF)
    assert all(names_of(fact)[0] == fact for fact in FACTS)
    assert set(NAMES) <= set(FACTS)
    assert SYNONYMS["sea"] == "water" and "water" not in SYNONYMS


def test_facts_of_a_scene() -> None:
    scene = Scene("dog", "red", "striped", "snow", "star", scale=0.9)
    assert scene.facts() == {
        "dog", "animal", "mammal", "carnivore", "vertebrate", "organism", "red", "striped", "snow", "star", "large",
    }  # fmt: skip
    assert "small" in Scene("dog", "red", "plain", "snow", scale=0.6).facts()


def test_facts_with_the_same_extension() -> None:
    assert set(same_extension("insect")) == {"insect", "butterfly"}
    assert set(same_extension("handle")) == {"handle", "tool"}
    assert same_extension("red") == ("red",)
    assert all(len(same_extension(f)) == 1 for f in (*HYPERNYMS, *PARTS) if f not in ("insect", "tool", "handle"))


def test_shortcut_world_and_its_reverse() -> None:
    for name, (attribute, cue) in SHORTCUTS.items():
        train = [getattr(s, attribute) == cue for s in scenes_of("train") if s.object == name]
        other = [getattr(s, attribute) == cue for s in scenes_of("train") if s.object != name]
        turned = [getattr(s, attribute) == cue for s in scenes_of("shifted") if s.object == name]
        away = [getattr(s, attribute) == cue for s in scenes_of("shifted") if s.object not in SHORTCUTS]
        assert np.mean(train) > 0.92 and np.mean(other) < 0.05
        assert not any(turned) and np.mean(away) > 0.25
    free = [s.scene == "water" for s in scenes_of("probe") if s.object == "boat"]
    assert np.mean(free) < 0.35


WORDNET = Path(__file__).parents[2] / "stdlib" / "wordnet" / "nouns.parquet"


def test_the_hierarchy_is_that_of_wordnet() -> None:
    """Every object, level and group lies under its hypernyms in some sense of the word."""
    table = WORDNET
    import pyarrow.parquet as pq

    columns = pq.read_table(table, columns=["name", "lemmas", "hypernyms"]).to_pydict()
    above = dict(zip(columns["name"], columns["hypernyms"], strict=True))
    senses: dict[str, set[str]] = {}
    for name, lemmas in zip(columns["name"], columns["lemmas"], strict=True):
        for lemma in lemmas:
            senses.setdefault(lemma.lower(), set()).add(name)

    def ancestors(synset: str) -> set[str]:
        out, todo = set[str](), [synset]
        while todo:
            name = todo.pop()
            if name not in out:
                out.add(name)
                todo += above[name]
        return out

    reached = {name: set().union(*(ancestors(s) for s in senses[name])) for name in OBJECTS}
    wrong = [(o, h) for h in HYPERNYMS for o in members_of(h) if not senses[h] & reached[o]]
    assert wrong == []
    # And the other way round: nothing that is left out of an animal level belongs there.
    animals = [(o, h) for h in ("mammal", "reptile", "insect") for o in OBJECTS if o not in members_of(h)]
    stray = {(o, h) for o, h in animals if o in GROUPS["animal"] and senses[h] & reached[o]}
    assert stray == set()
