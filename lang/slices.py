"""Slices of the images that a classifier gets wrong, as a query writes them: what they are, what they are taken for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ANY = "*"
_CLUSTER = re.compile(r"cluster ([1-9]\d*) of ([1-9]\d*)")


@dataclass(frozen=True)
class Confusion:
    """Images of the class numbered `true` that are taken for `predicted`; None: of any, for any."""

    true: int | None
    predicted: int | None

    def written(self, classes: Sequence[str]) -> str:
        """Such as 'car as boat', '* as boat'."""
        true, predicted = (ANY if c is None else classes[c] for c in (self.true, self.predicted))
        return f"{true} as {predicted}"


@dataclass(frozen=True)
class Cluster:
    """One of so many clusters of all wrong images, numbered from 0."""

    number: int
    of: int

    def written(self, classes: Sequence[str]) -> str:
        """Such as 'cluster 1 of 8', where people count from 1."""
        return f"cluster {self.number + 1} of {self.of}"


Slice = Confusion | Cluster


def read_slice(text: str, classes: Sequence[str]) -> Slice | None:
    """What a text after FAILURE means to a model that tells these classes apart; None: nothing. A class's name may hold
    the word as."""
    cluster = _CLUSTER.fullmatch(text)
    if cluster is not None:
        number, of = int(cluster[1]) - 1, int(cluster[2])
        return Cluster(number, of) if number < of else None
    numbers: dict[str, int | None] = {ANY: None}
    for number, name in enumerate(classes):
        numbers.setdefault(name, number)
    for true, predicted in _sides(text):
        if true in numbers and predicted in numbers and (true != predicted or true == ANY):
            return Confusion(numbers[true], numbers[predicted])
    return None


def sides_of(text: str) -> tuple[str, str] | None:
    """The two sides of 'car as boat' whether or not they are classes; None where there are none."""
    return next(_sides(text), None)


def _sides(text: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r"(?= as )", text):  # "same as as boat" has two places
        yield text[: found.start()], text[found.start() + len(" as ") :]
