"""Write verbs.tsv and adjectives.tsv from WordNet 3.0's dictionary files: python build_lists.py DICT_DIR

One line a single-word lemma, in the order of the index; then one line an irregular form: form TAB base forms.
"""

from __future__ import annotations

import sys
from pathlib import Path

LISTS = {"verbs.tsv": "verb", "adjectives.tsv": "adj"}


def lines(dictionary: Path, part: str) -> list[str]:
    """Lemmas and exceptions of one part of speech; entries of several words are left out, captions come as tokens."""
    index = (dictionary / f"index.{part}").read_text(encoding="utf-8").splitlines()
    lemmas = [line.split()[0] for line in index if not line.startswith("  ")]
    forms = [line.split() for line in (dictionary / f"{part}.exc").read_text(encoding="utf-8").splitlines()]
    return [w for w in lemmas if "_" not in w] + [
        f"{form[0]}\t{' '.join(form[1:])}" for form in forms if len(form) > 1 and not any("_" in w for w in form)
    ]


if __name__ == "__main__":
    for name, part in LISTS.items():
        text = "\n".join(lines(Path(sys.argv[1]), part)) + "\n"
        Path(__file__).with_name(name).write_text(text, encoding="utf-8", newline="\n")
