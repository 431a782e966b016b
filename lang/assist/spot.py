"""Where a place in a text stands: in which statement, query, clause or bracket, or in text or a comment."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ..ast import Span
from ..diagnostic import Diagnostic
from ..failure import TAIL_WORDS, Failure, Terminal, long_word
from ..reader import PATH, read_so_far
from ..scan import CLAUSE_WORDS, CLOSE, OPEN, Code, Token, islands, route, scan
from ..verbs import SPELLINGS, VERBS, Verb

SQL_KINDS = frozenset({"SQL", "CONDITION", "ORDERING"})
_TAIL = re.compile(r"[\w*]*(?:\.[\w*]+)*")
_BY = re.compile(r"\s*\bby\b\s*", re.I)
_HOLE = "x"  # stands for the word that is being written, so that what is open reads as if it went on


@dataclass(frozen=True)
class Segment:
    """A clause of the query around the spot: its word, and the text that follows it up to the next clause."""

    keyword: str
    text: str
    here: bool = False
    later: bool = False


@dataclass(frozen=True)
class SqlPart:
    """SQL around the spot: tokens `first` to `end` of `code`, of which `cursor` is the one at the spot."""

    code: Code
    first: int
    cursor: int
    end: int

    @property
    def before(self) -> Token | None:
        return self.code.tokens[self.cursor - 1] if self.cursor > self.first else None


@dataclass(frozen=True)
class Spot:
    """A place where code stands, or the inside of a text in quotes (`quoted`).

    `start` to `end` is the word that is being written, `word` what of it stands before the place. `read` is how far the
    innermost clq statement or query had come before the word; None at the start of a statement and in SQL that stands
    alone. `sql` is set where the innermost thing is SQL; with `read` it is a part of that query. `later` are the tokens
    after the word, to the end of the statement.
    """

    text: str
    start: int
    end: int
    word: str
    base: int
    mode: Literal["start", "clq", "sql"]
    code: Code
    cursor: int
    read: Failure | None = None
    sql: SqlPart | None = None
    later: tuple[Token, ...] = ()
    quoted: bool = False

    @property
    def verb(self) -> Verb | None:
        """The verb of the innermost query that had one before the word."""
        return self.read.frame.verb_data() if self.read is not None else None

    def segments(self) -> list[Segment]:
        """The clauses of the innermost query, in the order written, those after the spot as well."""
        if self.read is None:
            return []
        frame = next((f for f in reversed(self.read.frames) if f.verb is not None), None)
        if frame is None or frame.verb is None:
            return []
        marks = [(self.base + c.start, self.base + c.end, c.kind, False) for c in frame.clauses]
        later, stop = self._later(frame.verb)
        in_tail = frame.tail is not None
        for token in later:
            if token.up in TAIL_WORDS or (token.up in CLAUSE_WORDS and not in_tail):
                marks.append((token.start, token.end, token.up, True))
                in_tail = in_tail or token.up in TAIL_WORDS
        out = []
        for i, (_, end, kind, is_later) in enumerate(marks):
            until = marks[i + 1][0] if i + 1 < len(marks) else stop
            here = not is_later and (i + 1 == len(marks) or marks[i + 1][3])
            text = self.text[end:until].strip()
            if kind in {"JUDGED", "CAPTIONED", "ORDER"}:
                text = _BY.sub("", text, count=1)
            out.append(Segment(long_word(kind), text, here, is_later))
        return out

    def _later(self, verb: Terminal) -> tuple[list[Token], int]:
        """The tokens after the word that belong to the query of this verb, outside its brackets; and where it ends."""
        depth = 0
        for token in self.code.tokens[: self.cursor]:
            if token.start >= verb.start:
                depth += (token.up in OPEN) - (token.up in CLOSE)
        out, stop = [], self.end
        for token in self.later:
            depth += (token.up in OPEN) - (token.up in CLOSE)
            if depth < 0:
                break
            if depth == 0 and token.up not in CLOSE:
                out.append(token)
            stop = token.end
        return out, stop


def spot_at(text: str, offset: int, defined: Collection[str] = ()) -> Spot | None:
    """The spot at an offset, or None in a comment, in a name in quotes, or where brackets do not match before it.

    `defined` are the names of defined queries.
    """
    offset = max(0, min(offset, len(text)))
    problems: list[Diagnostic] = []
    # One quote more at the offset is left open if and only if code stands there.
    tokens = scan(text[:offset] + "'", problems)
    if problems and problems[0].span == Span(offset, offset + 1):
        return _in_code(text, offset, tokens, defined)
    if tokens and not problems and tokens[-1].kind == "string" and tokens[-1].end == offset + 1:
        return _in_text(text, offset, tokens, defined)
    return None


def _in_code(text: str, offset: int, tokens: list[Token], defined: Collection[str]) -> Spot | None:
    i = _word_start(text, offset, tokens)
    start = tokens[i].start if i < len(tokens) else offset
    found = _TAIL.match(text, offset) if start < offset else None
    end = found.end() if found is not None else offset
    return _spot(text, offset, tokens[:i], start, end, defined)


def _in_text(text: str, offset: int, tokens: list[Token], defined: Collection[str]) -> Spot | None:
    """Inside '…': the word is all that stands between the quotes."""
    opening = tokens[-1].start
    if text[opening] != "'":
        return None
    whole = scan(text[opening:], [])
    line_end = text.find("\n", offset)
    end = opening + whole[0].end - 1 if whole else line_end if line_end >= 0 else len(text)
    return _spot(text, offset, tokens[:-1], opening + 1, max(end, offset), defined, quoted=True)


def _word_start(text: str, offset: int, tokens: list[Token]) -> int:
    """The token that the word at the offset begins with: a path such as `features.18.` is one word."""
    i, here = len(tokens), offset
    while i and tokens[i - 1].end == here:
        token = tokens[i - 1]
        if token.kind not in {"word", "number", "param"} and token.up not in {".", "*", "$"}:
            break
        i, here = i - 1, token.start
        if token.kind == "param" or token.up == "$":
            break
    while i < len(tokens) and not _is_path(text[tokens[i].start : offset]):
        i += 1
    return i


def _is_path(text: str) -> bool:
    return bool(text.startswith("$") or PATH.fullmatch(text) or PATH.fullmatch(text.rstrip(".")))


def _spot(
    text: str, offset: int, tokens: list[Token], start: int, end: int, defined: Collection[str], quoted: bool = False
) -> Spot | None:
    before = next((k for k in range(len(tokens) - 1, -1, -1) if tokens[k].up == ";"), -1) + 1
    first = tokens[before].start if before < len(tokens) else start
    written = text[first : start - quoted]
    hole = "''" if quoted else _HOLE
    problems: list[Diagnostic] = []
    code = Code(f"{written} {hole} {_closers(tokens[before:])}", problems)
    cursor = len(tokens) - before
    if problems or cursor >= len(code.tokens):
        return None
    later = scan(text[end + quoted :], [])
    stop = next((k for k, t in enumerate(later) if t.up == ";"), len(later))
    moved = tuple(t._replace(start=t.start + end + quoted, end=t.end + end + quoted) for t in later[:stop])
    spot = Spot(text, start, end, text[start:offset], first, "start", code, cursor, later=moved, quoted=quoted)
    known = {name.lower() for name in defined} | _defined_in(tokens)
    return _placed(spot, known)


def _closers(tokens: list[Token]) -> str:
    stack: list[str] = []
    for token in tokens:
        if token.up in OPEN:
            stack.append(OPEN[token.up])
        elif stack and token.up == stack[-1]:
            stack.pop()
    return "".join(reversed(stack))


def _defined_in(tokens: list[Token]) -> set[str]:
    return {two.text.lower() for one, two in pairwise(tokens) if one.up == "DEFINE"}


def _placed(spot: Spot, defined: set[str]) -> Spot | None:
    code, cursor, end = spot.code, spot.cursor, len(spot.code.tokens)
    if cursor == 0:
        return spot
    owner = route(code, 0, end)
    if owner == "clq" or (cursor == 1 and code.up(0, end) in {"SHOW", "SET", "RESET"}):
        return _in_clq(spot, 0, end, defined)
    return _in_sql(spot, 0, end, defined, None) if owner == "sql" else None


def _in_clq(spot: Spot, first: int, end: int, defined: set[str]) -> Spot:
    code, cursor = spot.code, spot.cursor
    read = read_so_far(code, first, cursor)
    last = read.previous
    if read.fed and last.kind in SQL_KINDS:
        begin = next(i for i in range(cursor) if code.tokens[i].start >= last.start)
        return _in_sql(spot, begin, end, defined, read)
    if last.kind == "WHERE" or (last.kind == "BY" and read.before(2).kind == "ORDER"):
        return _in_sql(spot, cursor, end, defined, read)
    return replace(spot, mode="clq", read=read)


def _in_sql(spot: Spot, first: int, end: int, defined: set[str], read: Failure | None) -> Spot:
    for a, b in islands(spot.code, first, end, defined):
        if a < spot.cursor <= b:
            return _in_clq(spot, a, b, defined)
    return replace(spot, mode="sql", read=read, sql=SqlPart(spot.code, first, spot.cursor, end))


def verb_named(word: str) -> Verb | None:
    up = word.upper()
    return VERBS.get(SPELLINGS.get(up, up))
