"""The noun table: 82,115 synsets of WordNet 3.0 and their 119,034 distinct lemmas, read from Parquet on first use."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from .morphy import HERE, NOUN, adjective_forms, base_forms, noun_exceptions, verb_forms

NOUNS = HERE / "nouns.parquet"


class Synset(NamedTuple):
    """One noun synset; names as NLTK writes them (`dog.n.01`), lemmas with `_` for blanks."""

    name: str
    lemmas: list[str]
    definition: str
    hypernyms: list[str]
    instance_hypernyms: list[str]


@cache
def lemmas() -> list[str]:
    """The vocabulary `wordnet`: 119,034 distinct noun lemmas, case kept, `_` as a blank, in file order.

    File order puts the general before the special (entity, physical entity, ...), so equal scores, which go to the
    lowest word, go to the general one.
    """
    column = _column("lemmas").combine_chunks().flatten().unique().to_pylist()
    return [str(word).replace("_", " ") for word in column]


@cache
def _lower() -> frozenset[str]:
    return frozenset(word.replace(" ", "_").lower() for word in lemmas())


@cache
def _synsets() -> dict[str, Synset]:
    columns = [_column(name).to_pylist() for name in Synset._fields]
    return {row[0]: Synset(*row) for row in zip(*columns, strict=True)}


@cache
def _senses() -> dict[str, list[str]]:
    """lower-case lemma -> synset names in the order of its senses."""
    found: dict[str, list[tuple[int, str]]] = {}
    numbers = _column("lemma_senses").to_pylist()
    for synset, senses in zip(_synsets().values(), numbers, strict=True):
        for lemma, sense in zip(synset.lemmas, senses, strict=True):
            found.setdefault(lemma.lower(), []).append((sense, synset.name))
    return {lemma: list(dict.fromkeys(name for _, name in sorted(rows))) for lemma, rows in found.items()}


@cache
def _children(instances: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for synset in _synsets().values():
        for parent in [*synset.hypernyms, *(synset.instance_hypernyms if instances else ())]:
            found.setdefault(parent, []).append(synset.name)
    return found


def synset(name: str) -> Synset:
    """The synset of this name. Raises KeyError where there is none."""
    return _synsets()[name]


def synsets(word: str) -> list[str]:
    """Names of the noun synsets of a word in any form, in the order of NLTK's `synsets(word, 'n')`.

    Without its repeats: NLTK lists a synset once for each base form that it holds (candelabra, candelabrum).
    """
    key = word.lower().replace(" ", "_")
    senses = _senses()
    forms = base_forms(key, NOUN, noun_exceptions(), senses)
    return list(dict.fromkeys(name for form in forms for name in senses[form]))


def noun_lemma(word: str) -> str | None:
    """Base form of a word as a noun, lower case, `_` as a blank; None if it is none: 'geese' -> 'goose'."""
    forms = base_forms(word.lower().replace(" ", "_"), NOUN, noun_exceptions(), _lower())
    return forms[0].replace("_", " ") if forms else None


def verb_lemma(word: str) -> str | None:
    """Base form of a word as a verb, None if it is none."""
    return next(iter(verb_forms(word.lower())), None)


def adjective_lemma(word: str) -> str | None:
    """Base form of a word as an adjective, None if it is none."""
    return next(iter(adjective_forms(word.lower())), None)


def subtree(root: str, *, instances: bool = False) -> list[str]:
    """Names of the root and of all synsets below it, in file order; with `instances` also individuals (Paris).

    Raises KeyError where the root does not exist.
    """
    rows, children = _synsets(), _children(instances)
    found, todo = {rows[root].name}, [root]
    while todo:
        new = [name for name in children.get(todo.pop(), ()) if name not in found]
        found.update(new)
        todo += new
    return [name for name in rows if name in found]


def subtree_words(root: str, *, instances: bool = False) -> list[str]:
    """The vocabulary `wordnet(root=…)`: distinct lemmas of the subtree, `_` as a blank, in file order."""
    rows = _synsets()
    words = (word.replace("_", " ") for name in subtree(root, instances=instances) for word in rows[name].lemmas)
    return list(dict.fromkeys(words))


def hypernym_closure(name: str, *, instances: bool = True) -> list[str]:
    """Names of all synsets above this one, nearest first (breadth first). Raises KeyError where it does not exist."""
    rows, found = _synsets(), [name]
    for here in found:
        row = rows[here]
        found += [up for up in [*row.hypernyms, *(row.instance_hypernyms if instances else ())] if up not in found]
    return found[1:]


def _column(name: str) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(NOUNS, columns=[name], use_threads=False).column(name)
