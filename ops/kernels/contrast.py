"""FALCON's words: scores from the captions of a unit's images, and the contrast that removes what is not the unit.

Two scores. `published`: per image the best score among its captions that hold the word, averaged over the images.
`shares`: the share of the nearest captions that hold the word, less its share of the corpus. And two contrasts:
absolute cuts against the low images' scores (`published_cut`, or `relative_cut`), and `per_word`, which asks for each
candidate word whether silent images that show it bring it back. No torch, no files.

Everything here couples images and k (which images, how many captions); a word's score depends on no other word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

Why = Callable[[float, float], str | None]
Words = Mapping[int, Collection[str]] | Sequence[Collection[str]]  # position of a caption in the pool -> its words


@dataclass(frozen=True)
class Scored:
    """A word that stays: its score on the high images, for `per_word` what is left of it after the contrast."""

    word: str
    score: float


@dataclass(frozen=True)
class Removed:
    """A word that the contrast took off: its score on the high and on the low images, and the reason in words."""

    word: str
    score: float
    low: float
    why: str


@dataclass(frozen=True)
class Contrast:
    """What a rule kept, best first (equal scores alphabetically), and what it removed."""

    kept: tuple[Scored, ...]
    removed: tuple[Removed, ...]


def ranked(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Highest first, equal scores alphabetically (the reference leaves them to the order of a hash table)."""
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def published_scores(
    index: Sequence[Sequence[int]], score: Sequence[Sequence[float]], words: Words
) -> dict[str, float]:
    """Score of each word over images [I] with their captions' positions and scores [I,k]. FALCON, section 3.4.

    An image scores a word by its best caption that holds it, 0 if none does; the score is the mean over the images.
    Phrases are scored the same way, given as words. Any number of captions an image (the reference reads exactly 5).
    Raises ValueError without images or where positions and scores do not match.
    """
    if not len(index):
        raise ValueError("no images to score words on")
    total: dict[str, float] = {}
    for captions, scores in zip(index, score, strict=True):
        best: dict[str, float] = {}
        for caption, value in zip(captions, scores, strict=True):
            for word in words[int(caption)]:
                best[word] = max(best.get(word, 0.0), float(value))
        for word, value in best.items():
            total[word] = total.get(word, 0.0) + value
    return dict(ranked({word: value / len(index) for word, value in total.items()}))


def shares(index: Sequence[Sequence[int]], words: Words, corpus: Mapping[str, float]) -> dict[str, float]:
    """Share of all retrieved captions [I,k] that hold each word, less the word's share of the corpus; best first.

    Without the subtraction a word that stands in every caption leads every list. Raises ValueError without captions.
    """
    n = sum(len(captions) for captions in index)
    if not n:
        raise ValueError("no captions to score words on")
    count = Counter(word for captions in index for caption in captions for word in set(words[int(caption)]))
    return dict(ranked({word: c / n - corpus.get(word, 0.0) for word, c in count.items()}))


def candidates(high: Mapping[str, float], *, most: int = 8, least: float = 0.02) -> list[str]:
    """The words that go through the contrast: among the `most` best, those of at least `least`."""
    return [word for word, score in ranked(high)[:most] if score >= least]


def published_cut(high: Mapping[str, float], low: Mapping[str, float], *, cut: float = 0.1) -> Contrast:
    """Remove every word whose score on the low images is at least `cut`. FALCON, section 3.4.

    The cut is absolute: it also takes a word of .9 on the high images and .1 on the low ones; `relative_cut` does not.
    With no low images nothing is removed.
    """
    return _split(
        high, low, lambda _, back: f"scores {back:.3f} on the low images, cut {cut:g}" if back >= cut else None
    )


def relative_cut(high: Mapping[str, float], low: Mapping[str, float], *, factor: float = 2.0) -> Contrast:
    """Keep a word only if its score on the high images is more than `factor` times that on the low ones (ours)."""

    def why(score: float, back: float) -> str | None:
        return (
            None
            if score > factor * back
            else f"scores {back:.3f} on the low images, more than 1/{factor:g} of {score:.3f}"
        )

    return _split(high, low, why)


def per_word(high: Mapping[str, float], back: Mapping[str, float]) -> Contrast:
    """Score a word by how much more the unit's images bring it than silent images that show it do (ours).

    `high`: shares of the candidate words on the unit's images. `back`: for each candidate, its own share in the
    captions of the silent images nearest to it (`falcon.nearest_silent`, then `falcon.retrieve`, `returned_shares`).
    A word's score is high - max(0, back), and it is kept if that is above 0: what comes back at least as strongly is
    something the unit does not fire on by itself. A candidate without silent images (absent from `back`) keeps its
    share.

    Ranked by this margin and not by the share: a shortcut or a part (text before apple, handle before axe) can have the
    larger share and still come back nearly as strongly.
    """
    kept: dict[str, float] = {}
    removed: list[Removed] = []
    for word, score in ranked(high):
        returned = back.get(word, 0.0)
        margin = score - max(0.0, returned)
        if margin > 0:
            kept[word] = margin
        elif score <= 0:
            removed.append(Removed(word, score, returned, f"no more frequent than in the corpus ({score:+.3f})"))
        else:
            why = f"comes back {returned:.3f} on silent images that show it, has {score:.3f} here"
            removed.append(Removed(word, score, returned, why))
    return Contrast(tuple(Scored(word, margin) for word, margin in ranked(kept)), tuple(removed))


def returned_shares(
    words_in_order: Sequence[str], index: Sequence[Sequence[Sequence[int]]], words: Words, corpus: Mapping[str, float]
) -> dict[str, float]:
    """`back` of per_word: for each candidate [W], its share in the captions [W,n,k] of its own silent images.

    Less its corpus share. Candidates with no silent image are left out.
    """
    found: dict[str, float] = {}
    for word, images in zip(words_in_order, index, strict=True):
        if any(len(captions) for captions in images):
            found[word] = shares(images, words, corpus).get(word, -corpus.get(word, 0.0))
    return found


def _split(high: Mapping[str, float], low: Mapping[str, float], why: Why) -> Contrast:
    kept: list[Scored] = []
    removed: list[Removed] = []
    for word, score in ranked(high):
        back = low.get(word, 0.0)
        reason = why(score, back)
        if reason is None:
            kept.append(Scored(word, score))
        else:
            removed.append(Removed(word, score, back, reason))
    return Contrast(tuple(kept), tuple(removed))
