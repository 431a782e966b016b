"""Tokens -> terminals -> tree: one clq statement or query, fed to the parser that lark's tables drive.

The parser is asked which keywords it could take before a word is called a keyword, so no word is reserved. After a
mistake reading goes on where that finds only true further ones: see `recovery`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .ast import Span
from .diagnostic import Diagnostic
from .failure import Failure, Terminal
from .grammar import tables
from .literals import encode_string
from .recovery import Place, further
from .scan import SQL_QUERY, VERB_WORDS, Code, opens_query, route, words
from .verbs import SPELLINGS, VERBS

PATH = re.compile(r"[^\W\d]\w*\**(?:\.[\w*]+)*|\*")
MOST = 20  # mistakes told of one query
_NUMBER = re.compile(r"-?(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?\d[\d_]*")
# Reserved words of SQL that cannot go on a condition, so that what the user meant for a clause is not swallowed by it.
_TAIL_STOPS = words("WHERE ORDER LIMIT INTO USING WITH ON FOR TO HAVING QUALIFY WINDOW UNION EXCEPT INTERSECT")
_ROLES = {"targets": "TARGET_VERB", "source": "SOURCE_VERB"}
_CLAUSE_AFTER_VALUE = words("OF CONTRAST JUDGED CAPTIONED CHANGING")


@dataclass
class Reading:
    """What was read: a tree (with holes after a mistake) or None, the mistakes, and the terminals.

    `rest` is the token at which another statement begins, where only a semicolon was missing.
    """

    tree: Any = None
    problems: list[Diagnostic] = field(default_factory=list)
    terminals: list[Terminal] = field(default_factory=list)
    rest: int | None = None


class _Stopped(Exception):
    """The next terminal does not fit."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


def read(code: Code, first: int, end: int, nested: bool = False) -> Reading:
    """Read the tokens of a range as one statement, or as one query if it is `nested` in SQL. Raises nothing."""
    return _Reader(code, first, end, nested).read()


def read_start(code: Code, first: int, end: int) -> Reading:
    """Only the mistakes in the first tokens of a statement that does not end there."""
    return _Reader(code, first, end, whole=False).read()


def read_so_far(code: Code, first: int, end: int) -> Failure:
    """Where reading stands after some tokens of an unfinished clq statement or query: see `Failure`. Raises nothing.

    After a mistake it goes on with the next clause; nothing could come next where there is none.
    """
    return _Reader(code, first, end).so_far()


class _Reader:
    """Turns tokens into terminals and feeds them to the parser."""

    def __init__(self, code: Code, first: int, end: int, nested: bool = False, whole: bool = True) -> None:
        self.code, self.first, self.end, self.i = code, first, end, first
        self.nested, self.whole = nested, whole
        self.tables = tables()
        self.state = self.tables.start()
        self.fed: list[Terminal] = []
        self.places: list[int] = []
        self.past = first
        self.problems: list[Diagnostic] = []
        self.curly: set[int] = set()

    def read(self) -> Reading:
        from .mistakes import classify

        out = Reading(problems=self.problems)
        while True:
            try:
                self._advance()
                if self.whole:
                    out.tree = self._feed(self._end_of_range())
                break
            except _Stopped as stopped:
                problem, then = classify(stopped.failure)
                if not any((p.message, p.span) == (problem.message, problem.span) for p in out.problems):
                    out.problems.append(problem)
                if then == "statement":
                    from .pasted import pasted

                    mark = pasted(self.code, self.i, self.end)
                    out.rest = self._past_signs(problem.span) if mark is None else mark.rest
                    break
                if then == "nothing" or len(out.problems) >= MOST or not self._go_on():
                    break
        out.terminals = self.fed
        return out

    def _past_signs(self, place: Span | None) -> int:
        """The token behind the signs that join two statements, the first of which is at the place."""
        i = self.i
        while i > self.first and place is not None and self.code.tokens[i].start > place.start:
            i -= 1
        while i < self.end and self.code.tokens[i].text in {"&", "|", "&&", "||"}:
            i += 1
        return i

    def so_far(self) -> Failure:
        expected: frozenset[str] = frozenset()
        for _ in range(MOST):
            try:
                self._advance()
            except _Stopped:
                if self._go_on():
                    continue
            else:
                expected = self.tables.expected(self.state.state_stack)
            break
        return self._failure(self._end_of_range(), expected)

    def _end_of_range(self) -> Terminal:
        last = self.code.tokens[self.i - 1].end if self.i else 0
        return Terminal("$END", "", last, last)

    def _go_on(self) -> bool:
        """After a mistake, whether there is a place to go on."""
        for place in further(self.tables, self.code, Place(self.fed, self.places, self.i, self.past), self.end):
            self.fed, self.places = list(place.fed), list(place.places)
            self.i, self.past, self.state = place.at, place.past, self.tables.start(place.fed)
            if place.sure or self._fits():
                return True
        return False

    def _fits(self) -> bool:
        """Whether the next terminal could be read."""
        terminal = self._next() if self.i < self.end else self._end_of_range()
        return self.tables.accepts(self.state.state_stack, terminal.kind)

    def _advance(self) -> None:
        """Feed every token of the range."""
        while self.i < self.end:
            terminal = self._next()
            self._refuse_curly(self.i, self.i + 1, terminal.kind)
            if terminal.text == "::":  # SQL's cast sign is two colons of a slice here
                half = terminal.start + 1
                self._feed(Terminal("COLON", ":", terminal.start, half))
                terminal = Terminal("COLON", ":", half, terminal.end)
            self._feed(terminal)
            while self.i < self.end and self.code.tokens[self.i].start < terminal.end:
                self.i += 1
            fragment = self._fragment()
            if fragment is not None:
                kind, stop = fragment
                if stop > self.i:
                    span = self.code.span(self.i, stop)
                    self._refuse_curly(self.i, stop)
                    self._feed(Terminal(kind, self.code.text[span.start : span.end], span.start, span.end))
                    self.i = stop

    def _refuse_curly(self, i: int, end: int, kind: str = "STRING") -> None:
        """Tell of quotes that are none here; what they hold is read all the same. Queries inside SQL tell their own."""
        while i < end:
            token = self.code.tokens[i]
            if token.kind == "curly" and i not in self.curly:
                self.curly.add(i)
                written = encode_string(token.text[1:-1]) if kind == "STRING" else token.text[1:-1]
                says = "Text stands in straight single quotes" if kind == "STRING" else "Names stand without quotes"
                message = f"{says}: {written}"
                self.problems.append(Diagnostic("unexpected", message, token.span))
            close = self.code.partner.get(i, end)
            i = close if close < end and token.up == "(" and opens_query(self.code, i, self.first, end) else i + 1

    def _feed(self, terminal: Terminal) -> Any:
        from lark.exceptions import UnexpectedToken

        stack = list(self.state.state_stack)
        try:
            tree = self.state.feed_token(self.tables.as_token(terminal), terminal.kind == "$END")
        except UnexpectedToken:
            raise _Stopped(self._failure(terminal, self.tables.expected(stack))) from None
        if terminal.kind != "$END":
            self.fed.append(terminal)
            self.places.append(self.i)
        return tree

    def _failure(self, terminal: Terminal, expected: frozenset[str]) -> Failure:
        return Failure(self.code, self.first, self.end, self.i, tuple(self.fed), terminal, expected, self.nested)

    def _next(self) -> Terminal:
        """The terminal that begins at the current token, which may span several (`features.18.0`, `-3`)."""
        token, text = self.code.tokens[self.i], self.code.text
        can = self.tables.can(self.state.state_stack)
        if token.kind == "word" or (token.up == "*" and "NAME" in can):
            path = PATH.match(text, token.start)
            assert path is not None, "a word begins as a path does"
            if path.end() < token.end:
                return Terminal("OTHER", token.text, token.start, token.end)
            kind = self._word(token.up, can) if path.end() == token.end else "NAME"
            return Terminal(kind, path[0], token.start, path.end())
        if token.kind == "number" or token.up == "-":
            number = _NUMBER.match(text, token.start)
            if number is None:
                return Terminal("OTHER", token.text, token.start, token.end)
            kind = "INT" if _INTEGER.fullmatch(number[0]) else "FLOAT"
            return Terminal(kind, number[0], token.start, number.end())
        if token.kind == "curly":
            # In them people write names as well as text.
            return Terminal("STRING" if "STRING" in can or "NAME" not in can else "NAME", "''", token.start, token.end)
        if token.kind in {"string", "quoted", "param"}:
            kind = "PARAMETER" if token.kind == "param" else token.kind.upper()  # PARAM is the word
            return Terminal(kind, token.text, token.start, token.end)
        return Terminal(self.tables.punctuation.get(token.up, "OTHER"), token.text, token.start, token.end)

    def _word(self, up: str, can: Mapping[str, Any]) -> str:
        if up in VERB_WORDS:
            role = _ROLES.get(VERBS[SPELLINGS.get(up, up)].object)
            for kind in (role, "VERB"):
                if kind is not None and kind in can:
                    return kind
        kind = self.tables.keywords.get(up, "NAME")
        return kind if kind in can or "NAME" not in can else "NAME"

    def _fragment(self) -> tuple[str, int] | None:
        """A piece of SQL that begins here: its terminal and where it ends."""
        if self.i >= self.end:
            return None
        last, before = self.fed[-1].kind, self.fed[-2].kind if len(self.fed) > 1 else ""
        up, after = self.code.up(self.i, self.end), self.code.up(self.i + 1, self.end)
        if last == "WHERE":
            return "CONDITION", self._tail_end()
        if last == "BY" and before == "ORDER":
            return "ORDERING", self._tail_end()
        if last == "LPAR":
            can = self.tables.can(self.state.state_stack)
            opens = up in SQL_QUERY and after not in {"=", ".", ",", ")"}
            if "SQL" in can and (opens or (up == "(" and "LPAR" not in can)):
                return "SQL", self.code.partner[self.places[-1]]
        if last in {"PLAN", "ANALYZE", "AS"} and up != "ANALYZE" and route(self.code, self.i, self.end) == "sql":
            return "SQL", self.end
        return None

    def _tail_end(self) -> int:
        """Where a condition or ordering ends: at a word that cannot go on it, or the bracket around the query."""
        i, tokens = self.i, self.code.tokens
        while i < self.end:
            up = tokens[i].up
            if i in self.code.partner:
                i = self.code.partner[i]
            elif up in {")", "]", "}"} or self._stops(i, up):
                return i
            i += 1
        return i

    def _stops(self, i: int, up: str) -> bool:
        after = self.code.up(i + 1, self.end)
        if up in _TAIL_STOPS:
            # `x::TIMESTAMP WITH TIME ZONE` and `INTERVAL '1' YEAR TO MONTH` go on.
            before = self.code.up(i - 1, self.end)
            return after != "TIME" and not (up == "TO" and before in {"YEAR", "DAY", "HOUR", "MINUTE"})
        if up == "GROUP":
            return after == "BY"
        if up in _CLAUSE_AFTER_VALUE and i > self.i and i + 1 < self.end:
            last = self.code.tokens[i - 1]
            value = last.kind in {"number", "string", "quoted", "param"} or last.up in {")", "]"}
            return value and self.code.tokens[i + 1].kind in {"word", "quoted", "param", "string"}
        return False
