"""Which comment belongs to which word: before it on lines of their own, at the end of its line, or beside it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from .failure import Terminal
from .layout import Suffix
from .scan import Comment, Token, comments

_NEW_LINE = re.compile(r"[\n\r]")
_OPENERS = frozenset({"LPAR", "LSQB"})
_VALUES = frozenset({"NAME", "QUOTED", "STRING", "INT", "FLOAT", "RPAR", "RSQB", "SQL", "CONDITION", "ORDERING"})
_TIGHT = frozenset({"COMMA", "RPAR", "RSQB", "COLON", "EQUAL"})


def at_line_end(note: str) -> Suffix:
    """The comment after everything else on its line. One that could go on after it counts for the width."""
    return Suffix("  " + note, False) if note.startswith("--") else Suffix(" " + note, True)


class Remarks:
    """All comments of a text, by place."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self._all = comments(text, tokens)
        self._starts = [c.start for c in self._all]

    def between(self, start: int, end: int) -> list[Comment]:
        """Those that begin in a range of the text."""
        return self._all[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def covers(self, place: int) -> bool:
        """Whether a place in the text is inside a comment."""
        i = bisect_right(self._starts, place) - 1
        return i >= 0 and place < self._all[i].end

    def new_line(self, start: int, end: int) -> bool:
        """Whether a line ends in a range of the text."""
        return _NEW_LINE.search(self.text, start, end) is not None

    def end_line(self, notes: Sequence[Comment], end: int) -> list[bool]:
        """For each of the comments up to `end`, where the program goes on: whether it is the last on its line."""
        out: list[bool] = []
        following, ends = end, False
        for note in reversed(notes):
            ends = note.text.startswith("--") or self.new_line(note.end, following) or (ends and bool(out))
            out.append(ends)
            following = note.start
        return out[::-1]


@dataclass
class Attached:
    """Comments by the terminal that they belong to.

    `before` stand on lines of their own, `after` end its line; `prefix` and `suffix` are written beside it.
    """

    before: dict[int, list[str]] = field(default_factory=dict)
    after: dict[int, list[str]] = field(default_factory=dict)
    prefix: dict[int, str] = field(default_factory=dict)
    suffix: dict[int, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.prefix or self.suffix)


def attach(remarks: Remarks, terminals: Sequence[Terminal]) -> Attached:
    """The comments between the terminals. Those before the first and after the last one are somebody else's."""
    out = Attached()
    for i in range(1, len(terminals)):
        start, end = terminals[i - 1].end, terminals[i].start
        if end - start > 3 and (notes := remarks.between(start, end)):
            _attach(out, remarks, notes, i, start, terminals)
    return out


def _attach(
    out: Attached, remarks: Remarks, notes: list[Comment], i: int, start: int, terminals: Sequence[Terminal]
) -> None:
    one, two = terminals[i - 1], terminals[i]
    fresh = False  # whether a line has ended since the terminal before
    for note, last in zip(notes, remarks.end_line(notes, two.start), strict=True):
        fresh = fresh or remarks.new_line(start, note.start)
        start = note.end
        if last and fresh:
            out.before.setdefault(i, []).append(note.text)
        elif last:
            out.after.setdefault(i - 1, []).append(note.text)
        elif (fresh or not _is_value(one)) and not _is_tight(one, two):
            out.prefix[i] = out.prefix.get(i, "") + note.text + " "
        else:
            out.suffix[i - 1] = out.suffix.get(i - 1, "") + " " + note.text


def _is_value(terminal: Terminal) -> bool:
    return terminal.kind in _VALUES or terminal.text.startswith("$")


def _is_tight(one: Terminal, two: Terminal) -> bool:
    """Whether nothing may be written before the second terminal, beside it."""
    return two.kind in _TIGHT or (two.kind in _OPENERS and _is_value(one))
