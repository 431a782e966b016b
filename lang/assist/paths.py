"""Where the path of a file is being written. Who has files looks for them: nothing here does."""

from __future__ import annotations

from dataclasses import dataclass

from ..declare import Names
from ..failure import long_word
from .calls import call_at
from .spot import spot_at

_TAKE_FILES = frozenset({"ON", "WITH", "CAPTIONED", "CONTRAST", "INTO"})


@dataclass(frozen=True)
class PathSlot:
    """Text in quotes that names a file: after which word or in which call, what is written before the place, and all
    that is there."""

    keyword: str
    written: str
    start: int
    end: int


def path_slot(text: str, offset: int, names: Names | None = None) -> PathSlot | None:
    """The path at an offset, or None where no file is named. `names` know which arguments of calls are paths."""
    spot = spot_at(text, offset)
    if spot is None or not spot.quoted or spot.read is None or "STRING" not in spot.read.expected:
        return None
    read = spot.read
    frame = next((f for f in reversed(read.frames) if f.verb is not None), read.frame)
    call = call_at(spot, names) if names is not None else None
    if call is not None and (parameter := call.argument or call.positional) is not None and parameter.is_path:
        return PathSlot(call.name, spot.word, spot.start, spot.end)
    if read.frame.called or call is not None:
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
