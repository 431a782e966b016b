"""Write verbs.tsv, adjectives.tsv, gerunds.tsv from WordNet 3.0: python -m clq.stdlib.wordnet.build_lists DICT_DIR

The first two: a single-word lemma a line, in the order of the index; then an irregular form a line, form TAB base
forms. The third: -ing forms that are noun lemmas, but were tagged more than ten times as often as their verb (counts
of cntlist.rev), form TAB verb: wearing is wear, a building stays a building.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from .morphy import HERE, verb_forms

LISTS = {"verbs.tsv": "verb", "adjectives.tsv": "adj"}
NOUN, VERB = "1", "2"


def index(dictionary: Path, part: str) -> list[str]:
    """Single-word lemmas of one part of speech; captions are read token by token."""
    lines = (dictionary / f"index.{part}").read_text(encoding="utf-8").splitlines()
    lemmas = [line.split()[0] for line in lines if not line.startswith("  ")]
    return [word for word in lemmas if "_" not in word]


def exceptions(dictionary: Path, part: str) -> list[str]:
    rows = [line.split() for line in (dictionary / f"{part}.exc").read_text(encoding="utf-8").splitlines()]
    kept = (row for row in rows if len(row) > 1 and not any("_" in word for word in row))
    return [f"{row[0]}\t{' '.join(row[1:])}" for row in kept]


def gerunds(dictionary: Path) -> list[str]:
    count: Counter[tuple[str, str]] = Counter()
    for line in (dictionary / "cntlist.rev").read_text(encoding="utf-8").splitlines():
        key, _, n = line.split()
        lemma, sense = key.split("%")
        count[lemma, sense[0]] += int(n)
    found = []
    for word in index(dictionary, "noun"):
        verb = next(iter(verb_forms(word)), word) if word.endswith("ing") and word.isalpha() else word
        if verb != word and count[verb, VERB] > 10 * count[word, NOUN]:
            found.append(f"{word}\t{verb}")
    return found


def write(name: str, lines: list[str]) -> None:
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, part in LISTS.items():
        write(name, index(folder, part) + exceptions(folder, part))
    write("gerunds.tsv", gerunds(folder))
