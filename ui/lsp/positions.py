"""Offsets in a text <-> lines and characters as the Language Server Protocol counts them."""

from __future__ import annotations

import re
from bisect import bisect_right

from lsprotocol import types

from ...lang.ast import Span

# Only these end a line there; Python's splitlines knows more.
_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of one text; characters are counted in units of the encoding that client and server agreed on."""

    def __init__(self, text: str, encoding: str = types.PositionEncodingKind.Utf16) -> None:
        ends = [found.span() for found in _END.finditer(text)]
        self.text = text
        self._starts = [0, *(end for _, end in ends)]
        self._stops = [*(start for start, _ in ends), len(text)]
        self._codec = {"utf-8": "utf-8", "utf-32": "utf-32-le"}.get(encoding, "utf-16-le")
        self._size = {"utf-8": 1, "utf-32": 4}.get(encoding, 2)

    def position(self, offset: int) -> types.Position:
        """The line and character of an offset; one inside \\r\\n is the end of the line."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        before = self.text[self._starts[line] : min(offset, self._stops[line])]
        return types.Position(line, self._units(before))

    def offset(self, position: types.Position) -> int:
        """The offset of a position; beyond a line or the text it is their end, inside a character its start."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, stop = self._starts[position.line], self._stops[position.line]
        units, here = 0, start
        while here < stop:
            units += self._units(self.text[here])
            if units > position.character:
                break
            here += 1
        return here

    def range(self, span: Span) -> types.Range:
        return types.Range(self.position(span.start), self.position(span.end))

    def whole(self) -> types.Range:
        return self.range(Span(0, len(self.text)))

    def _units(self, text: str) -> int:
        return len(text.encode(self._codec, errors="surrogatepass")) // self._size
