"""From a caption to the words that may name a unit: tokens, base forms, and the lists of words that never do.

No tagger: a token is a noun if the lexicon has a noun for it, else an adjective, else a verb, and its base form is that
part's. FALCON (section 3.4) tags with a model and then lemmatises everything as nouns, so its inflected verbs stay
apart. No torch, no files: the base forms come from a lexicon that the caller hands in. Couples nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from typing import Protocol

from .wordlists import MEDIUM, STOP

TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
LEAST = 3  # letters


class Lexicon(Protocol):
    """Base forms of a word as noun, verb and adjective; None where it is none."""

    def noun_lemma(self, word: str) -> str | None: ...

    def verb_lemma(self, word: str) -> str | None: ...

    def adjective_lemma(self, word: str) -> str | None: ...


def tokens(text: str) -> list[str]:
    """Lower-case runs of letters and digits; a possessive's ending is dropped, hyphens separate."""
    return [token.removesuffix("'s").replace("'", "") for token in TOKEN.findall(text.lower().replace("’", "'"))]


def caption_words(
    text: str, lexicon: Lexicon, discard: Collection[str] = MEDIUM, stop: Collection[str] = STOP
) -> list[str]:
    """Base forms of a caption's nouns, adjectives and verbs, each once, in order of appearance.

    Left out: stop words, words about the medium and not the content (`discard`, by form or base form), words with
    digits, words under 3 letters, words that WordNet does not know.
    """
    found = (_word(token, lexicon, discard, stop) for token in tokens(text))
    return list(dict.fromkeys(entry[0] for entry in found if entry))


def caption_phrases(
    text: str, lexicon: Lexicon, discard: Collection[str] = MEDIUM, stop: Collection[str] = STOP
) -> list[str]:
    """Neighbouring pairs adjective + noun and noun + noun of a caption, in base forms, each once, in order.

    'two red cars on a city street' -> 'red car', 'city street'. Both words must pass what caption_words asks.
    """
    found = [_word(token, lexicon, discard, stop) for token in tokens(text)]
    pairs = pairwise(found)
    return list(dict.fromkeys(f"{a[0]} {b[0]}" for a, b in pairs if a and b and a[1] in {"noun", "adjective"} and b[2]))


def clean_published(text: str, discard: Collection[str] = ()) -> str:
    """A caption as FALCON's script cleans it, spaces and all (golden vector falcon_cleantext); ours is `tokens`.

    Lower case; apostrophes deleted; other runs outside a-z, 0-9, blank, newline become a blank; so do 'fig' with digits
    and any single character between two blanks; then tokens equal to a discard word are dropped. Kept as it is: of two
    neighbouring one-letter tokens the second survives, double blanks survive, discards of two words never match.
    """
    text = re.sub(r"[^a-z0-9 \n]+", " ", re.sub(r"['’]", "", text.lower()))
    text = re.sub(r"fig\d+", " ", text)
    text = re.sub(r"\s.\s", " ", text)
    return " ".join(token for token in text.split(" ") if token not in discard)


def _word(
    token: str, lexicon: Lexicon, discard: Collection[str], stop: Collection[str]
) -> tuple[str, str, bool] | None:
    """(base form, part, whether it can be a noun) of a token that counts, else None."""
    if len(token) < LEAST or token in stop or token in discard or not token.isalpha():
        return None
    noun = lexicon.noun_lemma(token)
    if noun is not None:
        lemma, part = noun, "noun"
    elif (adjective := lexicon.adjective_lemma(token)) is not None:
        lemma, part = adjective, "adjective"
    elif (verb := lexicon.verb_lemma(token)) is not None:
        lemma, part = verb, "verb"
    else:
        return None
    if len(lemma) < LEAST or lemma in stop or lemma in discard:
        return None
    return lemma, part, noun is not None
