"""The line of a text that a mistake stands in, as a terminal can show it, and where the carets go under it.

Tabs become blanks, characters without a look of their own are spelt out, and of a long line only the part around the
place is kept. Wide and combining characters are counted as a terminal counts them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .ast import Span

MOST = 160  # cells of a line that is shown whole
_BEFORE = 60  # cells kept before the place in a longer one
_FAR = 4 * MOST  # of a line with more characters only those near the place are looked at
_TAB = 4
_LINE_END = re.compile(r"\r\n?|\n")
# These join or colour the character before them and are part of what one sees: ZWJ, ZWNJ, variation selectors.
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")
_CUT = "…"


@dataclass(frozen=True)
class Excerpt:
    """`line` and `column` count from 1, characters as they stand in the text; `carets` begins with blanks."""

    line: int
    column: int
    source: str
    carets: str


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both from 1. A line ends with a line feed, a carriage return, or both together."""
    if text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1
    ends = text.count("\n", 0, offset) + text.count("\r", 0, offset) - text.count("\r\n", 0, offset)
    return ends + 1, offset - _line_start(text, offset) + 1


def visible(text: str, keep: str = "") -> str:
    """The text with everything spelt out that a terminal would obey or not show; `keep` are characters left alone."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep else _shown(c) for c in text)


def excerpt(text: str, span: Span) -> Excerpt:
    """The line in which `span` begins; what of it lies in later lines gets no carets."""
    line, column = line_and_column(text, span.start)
    start = _line_start(text, span.start)
    found = _LINE_END.search(text, start)
    end = found.start() if found else len(text)
    first, last = min(span.start, end), min(max(span.start, span.end), end)
    low, high = (start, end) if end - start <= _FAR else (max(start, first - MOST), min(end, first + MOST))
    shown = [" " * _TAB if character == "\t" else _shown(character) for character in text[low:high]]
    first, last = first - low, min(last - low, len(shown))
    left, right = (0, len(shown)) if high - low == end - start and _short(shown) else _window(shown, first)
    lead = _CUT if low + left > start else ""
    source = f"{lead}{''.join(shown[left:right])}{_CUT if low + right < end else ''}"
    blanks = cells(lead + "".join(shown[left:first]))
    carets = max(1, cells(lead + "".join(shown[left : min(last, right)])) - blanks)
    return Excerpt(line, column, source, " " * blanks + "^" * carets)


def cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _shown(character: str) -> str:
    """A character as it can be printed; control characters by their pictures, invisible ones by their number."""
    if character.isprintable() or character in _JOINERS:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    blank = unicodedata.category(character) == "Zs"
    return " " if blank else f"<U+{code:04X}>"


def _short(shown: list[str]) -> bool:
    return cells("".join(shown)) <= MOST


def _window(shown: list[str], first: int) -> tuple[int, int]:
    """Which characters of a long line are shown around the first of the place; none is cut off its accent."""
    left, room = first, _BEFORE
    while left > 0 and room > 0:
        left -= 1
        room -= cells(shown[left])
    right, room = first, MOST - _BEFORE + room
    while right < len(shown) and room > 0:
        room -= cells(shown[right])
        right += 1
    while left > 0 and _joined(shown[left - 1], shown[left]):
        left -= 1
    while right < len(shown) and _joined(shown[right - 1], shown[right]):
        right += 1
    return left, right


def _joined(before: str, after: str) -> bool:
    """Whether two characters are seen as one."""
    return not (before + after).isascii() and cells(before + after) < cells(before) + max(1, cells(after))
