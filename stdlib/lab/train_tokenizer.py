"""A small vocabulary for open_clip's own tokenizer.

SimpleTokenizer(bpe_path=...) reads its merges from a gzip file, and its vocabulary is 512 byte pieces, the merges and
two marks. A file with only the CLIP merges that the lab's words need keeps CLIP's own segmentation of these words in
some 1,500 tokens instead of 49,408; any other text still encodes, in shorter pieces.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

from open_clip.tokenizer import SimpleTokenizer, default_bpe

from .captions import caption_words
from .words import words
from .world import FACT_OF

FREQUENT: int = 400  # CLIP's most frequent merges are kept, so that unknown words stay short

# Words that are no accepted name of a fact but fair descriptions of what is drawn: no negatives.
_NEARLY_TRUE = """
    cloud moon stars sail sails sailing flag bricks sandy snowy grassy pets fruits animals vehicles tools plants
    trees flowers cats dogs birds fishes leaves petals paw whiskers fur feather feathers tail ears nose eyes eye face
    transport transportation flying fly boats cars trucks ships planes jets seas lake river waves wave streets roads
    walls lawns beaches deserts dunes nightsky dark starry cold frozen ice icy asphalt pavement masonry shapes shape
    pattern patterns color colour colours colors colorful cartoon drawing picture photo image object thing things scene
    toy logo label sign letter letters word words caption signature round small large tiny huge little bigger smaller
    light bright lampshade flowerpot pot trunk stem stalk blade blades knob shell basket propeller rotor engine motor
    auto automobiles wheel tires tire tyre seat legs wood wooden metal steel iron outdoors outdoor outside nature
    natural daytime midnight evening moonlight seaside shore coast ocean oceans berry berries food fresh produce
    pinks reds blues greens whites violet magenta crimson scarlet golden gold silver black gray grey brown teal navy
    stripe dot spots spot polka check checks checker chess grid squares square line lines
"""


def _pairs(parts: tuple[str, ...]) -> set[tuple[str, str]]:
    return set(pairwise(parts))


def _merges_of(tokenizer: SimpleTokenizer, word: str) -> set[tuple[str, str]]:
    """The merges that byte-pair encoding applies to one word."""
    parts: tuple[str, ...] = (*word[:-1], word[-1] + "</w>")
    used: set[tuple[str, str]] = set()
    while len(parts) > 1:
        best = min(_pairs(parts), key=lambda pair: tokenizer.bpe_ranks.get(pair, 10**9))
        if best not in tokenizer.bpe_ranks:
            break
        used.add(best)
        merged: list[str] = []
        i = 0
        while i < len(parts):
            if parts[i : i + 2] == best:
                merged.append(best[0] + best[1])
                i += 2
            else:
                merged.append(parts[i])
                i += 1
        parts = tuple(merged)
    return used


def lab_words() -> list[str]:
    """All words that the lab's captions, prompts and vocabulary hold."""
    return sorted({*caption_words(), *FACT_OF, *words()} - {","})


def write_vocabulary(path: Path, vocabulary: Iterable[str]) -> SimpleTokenizer:
    """Write the gzip file of merges and return the tokenizer that reads it. Raises ValueError if a word would be
    segmented otherwise than by CLIP."""
    full = SimpleTokenizer()
    ranks: dict[tuple[str, str], int] = full.bpe_ranks
    vocabulary = list(vocabulary)
    keep = set().union(*(_merges_of(full, word) for word in vocabulary))
    keep |= set(sorted(ranks, key=lambda merge: ranks[merge])[:FREQUENT])
    lines = ["#version: lab", *(" ".join(merge) for merge in sorted(keep, key=lambda merge: ranks[merge]))]
    path.parent.mkdir(parents=True, exist_ok=True)
    # No newline at the end: it would be read as an empty merge and shift every id.
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    small = SimpleTokenizer(bpe_path=str(path))
    changed = [word for word in vocabulary if small.bpe(word) != full.bpe(word)]
    if changed:
        raise ValueError(f"segmented otherwise than by CLIP: {', '.join(changed)}")
    return small


@cache
def unrelated_words() -> tuple[str, ...]:
    """Whole words of CLIP's merges list that mean nothing in the lab: texts that match no image."""
    with gzip.open(default_bpe()) as file:
        merges = file.read().decode().split("\n")[1:48895]
    known = {*caption_words(), *FACT_OF, *_NEARLY_TRUE.split()}
    whole = (merge.replace(" ", "")[:-4] for merge in merges if merge.endswith("</w>"))
    return tuple(
        word
        for word in whole
        if word.isascii() and word.isalpha() and len(word) > 3
        and not {word, word.removesuffix("s"), word.removesuffix("es"), word + "s"} & known
    )  # fmt: skip
