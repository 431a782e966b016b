"""Base forms as WordNet's morphy finds them: the word itself, its exceptions, else one suffix rule (Miller, 1995)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
Rules = tuple[tuple[str, str], ...]

NOUN: Rules = (
    ("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"),
    ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y"),
)  # fmt: skip
VERB: Rules = (
    ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
)  # fmt: skip
ADJECTIVE: Rules = (("er", ""), ("est", ""), ("er", "e"), ("est", "e"))


def base_forms(word: str, rules: Rules, exceptions: Mapping[str, list[str]], lemmas: Container[str]) -> list[str]:
    """Base forms of a word that are lemmas, likeliest first, without repeats; the order of NLTK's `_morphy`.

    An exception entry replaces the suffix rules; the word itself always comes first where it is a lemma.
    """
    listed = exceptions.get(word)
    forms = listed if listed is not None else [word[: -len(end)] + new for end, new in rules if word.endswith(end)]
    return [form for form in dict.fromkeys([word, *forms]) if form in lemmas]


@cache
def noun_exceptions() -> dict[str, list[str]]:
    """Irregular plurals -> base forms."""
    return dict(_rows("noun_exceptions.tsv"))


@cache
def _gerunds() -> frozenset[str]:
    return frozenset(form for form, _ in _rows("gerunds.tsv"))


def mostly_verb(word: str) -> bool:
    """Whether an -ing form that is a noun too was tagged over ten times as often as its verb: wearing; not building."""
    return word.lower() in _gerunds()


@cache
def _verbs() -> tuple[frozenset[str], dict[str, list[str]]]:
    return _list("verbs.tsv")


@cache
def _adjectives() -> tuple[frozenset[str], dict[str, list[str]]]:
    return _list("adjectives.tsv")


def verb_forms(word: str) -> list[str]:
    """Base forms of a lower-case word as a verb, empty if it is none: 'sitting' -> ['sit']."""
    lemmas, exceptions = _verbs()
    return base_forms(word, VERB, exceptions, lemmas)


def adjective_forms(word: str) -> list[str]:
    """Base forms of a lower-case word as an adjective, empty if it is none: 'tallest' -> ['tall']."""
    lemmas, exceptions = _adjectives()
    return base_forms(word, ADJECTIVE, exceptions, lemmas)


def _rows(name: str) -> list[tuple[str, list[str]]]:
    rows = (line.partition("\t") for line in (HERE / name).read_text(encoding="utf-8").splitlines())
    return [(form, bases.split()) for form, _, bases in rows]


def _list(name: str) -> tuple[frozenset[str], dict[str, list[str]]]:
    rows = _rows(name)
    return frozenset(w for w, bases in rows if not bases), {form: bases for form, bases in rows if bases}
