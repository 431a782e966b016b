"""Base forms for captions: NLTK's own WordNet where the user has its data, else the table that ships with clq.

WordNet lists wearing and sitting as nouns and adjectives too. Captions are read without a tagger, so an -ing form that
is used far more often as a verb counts as that verb only; a building stays a building.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import table
from .morphy import mostly_verb


@dataclass(frozen=True)
class TableLexicon:
    """Base forms from the shipped table and lists."""

    source: str = "clq wordnet 3.0"

    def noun_lemma(self, word: str) -> str | None:
        return None if mostly_verb(word) else table.noun_lemma(word)

    def verb_lemma(self, word: str) -> str | None:
        return table.verb_lemma(word)

    def adjective_lemma(self, word: str) -> str | None:
        return None if mostly_verb(word) else table.adjective_lemma(word)


@dataclass(frozen=True)
class NltkLexicon:
    """Base forms from an NLTK WordNet reader."""

    reader: Any
    source: str

    def noun_lemma(self, word: str) -> str | None:
        return None if mostly_verb(word) else self._morphy(word, "n")

    def verb_lemma(self, word: str) -> str | None:
        return self._morphy(word, "v")

    def adjective_lemma(self, word: str) -> str | None:
        return None if mostly_verb(word) else self._morphy(word, "a")

    def _morphy(self, word: str, part: str) -> str | None:
        form = self.reader.morphy(word.lower().replace(" ", "_"), part)
        return None if form is None else str(form).replace("_", " ")


def nltk_lexicon() -> NltkLexicon | None:
    """The lexicon over nltk.corpus.wordnet, None where nltk or its data are not installed. Downloads nothing."""
    if not any(
        (folder / "corpora" / name).exists() for folder in _data_folders() for name in ("wordnet", "wordnet.zip")
    ):
        return None  # importing nltk to learn this would cost more than everything else here
    try:
        from nltk.corpus import wordnet

        return NltkLexicon(wordnet, f"nltk wordnet {wordnet.get_version()}")
    except (ImportError, LookupError, OSError):
        return None


def _data_folders() -> list[Path]:
    """Where NLTK looks for data on its own: $NLTK_DATA, the home folder, the environment, the system's folders."""
    named = [Path(p) for p in os.environ.get("NLTK_DATA", "").split(os.pathsep) if p]
    homes = [Path.home(), *(Path(sys.prefix) / sub for sub in ("", "share", "lib"))]
    system = [Path("/usr") / sub for sub in ("share", "local/share", "lib", "local/lib")]
    return named + [folder / "nltk_data" for folder in homes + system]


@cache
def lexicon(prefer_nltk: bool = True) -> TableLexicon | NltkLexicon:
    """The lexicon in use; its `source` says which and belongs into the key of what is made with it."""
    return (nltk_lexicon() if prefer_nltk else None) or TableLexicon()
