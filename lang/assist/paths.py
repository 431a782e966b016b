"""Where the path of a file is being written. Who has files looks for them: nothing here does."""

from __future__ import annotations

from dataclasses import dataclass

from ..failure import long_word
from .spot import spot_at

_TAKE_FILES = frozenset({"ON", "WITH", "CAPTIONED", "CONTRAST", "INTO"})


@dataclass(frozen=True)
class PathSlot:
    """Text in quotes that names a file: after which word, what is written before the place, and all that is there."""

    keyword: str
    written: str
    start: int
    end: int


def path_slot(text: str, offset: int) -> PathSlot | None:
    """The path at an offset, or None where no file is named."""
    spot = spot_at(text, offset)
    if spot is None or not spot.quoted or spot.read is None or "STRING" not in spot.read.expected:
        return None
    read = spot.read
    frame = next((f for f in reversed(read.frames) if f.verb is not None), read.frame)
    if read.frame.called:
        return None
    if read.fed and read.fed[0].kind == "IMPORT":
        keyword = "IMPORT"
    elif frame.clause is not None and frame.clause.kind in _TAKE_FILES:
        keyword = long_word(frame.clause.kind)
    elif frame.clause is None and frame.verb is not None and frame.verb.kind == "SOURCE_VERB":
        keyword = frame.verb.up
    else:
        return None
    return PathSlot(keyword, spot.word, spot.start, spot.end)
