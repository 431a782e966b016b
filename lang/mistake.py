"""A row of the table of syntax mistakes: see `mistakes`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .ast import Span
from .failure import Failure

Told = tuple[str, Span]
Then = Literal["clause", "statement", "nothing"]


@dataclass(frozen=True)
class Mistake:
    """`tells` gives the message and its place, or None if the failure is of another kind.

    `then` is what follows: the next clause, another statement, or nothing that could be told apart from the mistake.
    """

    name: str
    code: str
    tells: Callable[[Failure], Told | None]
    examples: tuple[tuple[str, str], ...]
    then: Then = "clause"
