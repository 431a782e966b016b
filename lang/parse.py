"""Text -> Script: lark's LALR tables, fed with the scanner's tokens, each statement and island at its own offset.

The parser is asked which keywords it could take before a word is called a keyword, so no word is reserved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from .ast import Broken, Call, Define, Import, Island, PlanStatement, Query, Script, Sql, Statement
from .build import Builder
from .diagnostic import Diagnostic, as_one
from .failure import Failure, Terminal
from .imports import Loader, defined_in
from .scan import CLAUSE_WORDS, SQL_QUERY, VERB_WORDS, Code, islands, route, words
from .verbs import SPELLINGS, VERBS

if TYPE_CHECKING:
    from lark.parsers.lalr_parser_state import ParserState

PATH = re.compile(r"[^\W\d]\w*\**(?:\.[\w*]+)*|\*")
_NUMBER = re.compile(r"-?(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?\d[\d_]*")
# Reserved words of SQL that cannot go on a condition, so that what the user meant for a clause is not swallowed by it.
_TAIL_STOPS = words("WHERE ORDER LIMIT INTO USING WITH ON FOR TO HAVING QUALIFY WINDOW UNION EXCEPT INTERSECT")
_ROLES = {"targets": "TARGET_VERB", "source": "SOURCE_VERB"}
_CLAUSE_STARTS = CLAUSE_WORDS | words("WHERE ORDER LIMIT INTO")
_CLAUSE_AFTER_VALUE = words("OF CONTRAST JUDGED CAPTIONED CHANGING")


@dataclass(frozen=True)
class _Tables:
    lark: Any
    keywords: Mapping[str, str]
    punctuation: Mapping[str, str]


class _NoLexer:
    """Lark wants a lexer class; the terminals are fed by hand."""

    __future_interface__ = 2

    def __init__(self, conf: object) -> None:
        pass


@cache
def _tables() -> _Tables:
    """The parser, built when first needed: building takes longer than parsing a thousand statements."""
    from lark import Lark
    from lark.lexer import Lexer, PatternStr

    lexer = type("NoLexer", (_NoLexer, Lexer), {"lex": None})
    grammar = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    lark = Lark(grammar, parser="lalr", lexer=lexer, propagate_positions=True, maybe_placeholders=True)
    keywords: dict[str, str] = {}
    punctuation: dict[str, str] = {}
    for terminal in lark.terminals:
        if isinstance(terminal.pattern, PatternStr):
            value = terminal.pattern.value
            (keywords if value.isalpha() else punctuation)[value.upper()] = terminal.name
    return _Tables(lark, keywords, punctuation)


def parse(text: str, path: str | None = None, defined: Iterable[str] = (), load: Loader | None = None) -> Script:
    """Parse a whole text. Raises Diagnostic for its first mistake; `also` has the further ones. See `parse_all`."""
    script, problems = parse_all(text, path, defined, load)
    mistake = as_one(problems)
    if mistake is not None:
        raise mistake
    return script


def parse_all(
    text: str, path: str | None = None, defined: Iterable[str] = (), load: Loader | None = None
) -> tuple[Script, list[Diagnostic]]:
    """Parse what can be parsed of a text: a statement with a mistake stands as Broken, its mistakes are in the list.

    `defined` are names of queries defined elsewhere, `load` reads what IMPORT names. Mistakes are placed in their text.
    """
    problems: list[Diagnostic] = []
    parser = Parser(Code(text, problems), defined, problems, path, load)
    script = Script(text, tuple(parser.statements()), path)
    for problem in problems:
        problem.within(text, path)
    return script, problems


class Parser:
    """Parses pieces of one scanned text; `defined` grows with every DEFINE that it passes.

    `terminals` has those of every statement and query that was read, by its first token; a piece of SQL is one of them.
    """

    def __init__(
        self, code: Code, defined: Iterable[str] = (), problems: list[Diagnostic] | None = None,
        path: str | None = None, load: Loader | None = None,
    ) -> None:  # fmt: skip
        self.code = code
        self.defined = {name.lower() for name in defined}
        self.problems = [] if problems is None else problems
        self.path, self.load = path, load
        self.terminals: dict[int, list[Terminal]] = {}
        self._starts = {t.start: i for i, t in enumerate(code.tokens)}
        self._ends = {t.end: i + 1 for i, t in enumerate(code.tokens)}

    def statements(self) -> Iterator[Statement]:
        """Every statement in order; what is wrong with a Broken one is in `problems`."""
        for i, (first, end) in enumerate(self.code.statements):
            if i in self.code.broken:
                yield Broken(self.code.span(first, end))
                continue
            try:
                statement = self.statement(first, end)
            except Diagnostic as problem:
                self.problems += problem.every()
                statement = Broken(self.code.span(first, end))
            yield statement

    def statement(self, first: int, end: int) -> Statement:
        owner = route(self.code, first, end)
        if owner == "unknown":
            from .mistakes import unknown_statement

            raise unknown_statement(self.code, first, end)
        statement = self.fragment(first, end) if owner == "clq" else self.sql(first, end)
        if isinstance(statement, Define):
            self.defined.add(statement.name.lower())
        elif isinstance(statement, Import) and self.load is not None:
            script, problems = self.load.load(statement, self.code.text, self.path)
            self.problems += problems
            self.defined.update(defined_in(script))
            return replace(statement, script=script)
        return statement

    def sql(self, first: int, end: int) -> Sql:
        """The tokens as SQL, with the clq queries inside it parsed."""
        span = self.code.span(first, end)
        found = []
        for a, b in islands(self.code, first, end, self.defined):
            body = self.fragment(a, b)
            assert isinstance(body, (Query, Call, PlanStatement))
            found.append(Island(self.code.span(a, b), body))
        return Sql(span, self.code.text[span.start : span.end], tuple(found))

    def sql_at(self, start: int, end: int) -> Sql:
        """As `sql`, for a range of characters that begins and ends with a token."""
        return self.sql(self._starts[start], self._ends[end])

    def fragment(self, first: int, end: int) -> Statement:
        """One clq statement, query or call."""
        reader = _Reader(self.code, first, end)
        tree = reader.read()
        self.terminals[first] = reader.fed[:-1]
        return Builder(self.sql_at).statement(tree)


def read_so_far(code: Code, first: int, end: int) -> Failure:
    """Where reading stands after some tokens of an unfinished clq statement or query: see `Failure`. Raises nothing."""
    return _Reader(code, first, end).so_far()


class _Reader:
    """Turns tokens into terminals and feeds them to the parser."""

    def __init__(self, code: Code, first: int, end: int) -> None:
        from lark import Token

        self._token = Token
        self.code, self.first, self.end, self.i = code, first, end, first
        self.brackets = [(a, code.partner[a]) for a in range(first, end) if a in code.partner]
        self.resume: tuple[Any, list[Terminal]] | None = None
        self.past = -1
        self.tables = _tables()
        interactive = self.tables.lark.parse_interactive("")
        self.state: ParserState[Any] = interactive.parser_state
        self.fed: list[Terminal] = []

    def read(self) -> Any:
        """The tree of the whole range. Raises Diagnostic with every mistake in it."""
        problems: list[Diagnostic] = []
        while True:
            try:
                tree = self._read()
            except Diagnostic as problem:
                problems += problem.every()
                if self._go_on():
                    continue
            found = as_one(problems)
            if found is not None:
                raise found
            return tree

    def _go_on(self) -> bool:
        """After a mistake, whether there is a next clause to go on with: one outside the brackets of this query."""
        if self.resume is None:
            return False
        state, fed = self.resume
        i = max(self.i, self.past)
        if self.code.up(i, self.end) not in _CLAUSE_STARTS or i == self.past:
            i += 1
        while i < self.end and self.code.up(i, self.end) not in _CLAUSE_STARTS:
            i = self.code.partner.get(i, i) + 1
        if i >= self.end or self._inside(i):
            return False
        self.state, self.fed, self.i, self.past = copy(state), list(fed), i, i
        return True

    def so_far(self) -> Failure:
        """Where reading stands at the end of the range: what was read, and what could come next.

        After a mistake it goes on with the next clause; nothing could come next where there is none.
        """
        expected: frozenset[str] = frozenset()
        while True:
            try:
                self._advance()
            except Diagnostic:
                if self._go_on():
                    continue
            else:
                expected = self._expected(list(self.state.state_stack))
            last = self.code.tokens[self.i - 1].end if self.i else 0
            end = Terminal("$END", "", last, last)
            return Failure(self.code, self.first, self.end, self.i, tuple(self.fed), end, expected)

    def _read(self) -> Any:
        self._advance()
        last = self.code.tokens[self.end - 1].end
        return self._feed(Terminal("$END", "", last, last), is_end=True)

    def _advance(self) -> None:
        """Feed every token of the range."""
        while self.i < self.end:
            self._remember()
            terminal = self._next()
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
                    self._feed(Terminal(kind, self.code.text[span.start : span.end], span.start, span.end))
                    self.i = stop

    def _remember(self) -> None:
        """A place where a clause could begin, outside brackets, is where reading can go on after a mistake."""
        stack = self.state.state_stack
        if self.resume is not None or "OF" not in self._can(stack) or self._inside(self.i):
            return
        if self._accepts(stack, "WITH"):
            self.resume = copy(self.state), list(self.fed)

    def _inside(self, i: int) -> bool:
        return any(a < i < b for a, b in self.brackets)

    def _feed(self, terminal: Terminal, is_end: bool = False) -> Any:
        from lark.exceptions import UnexpectedToken

        token = self._token(terminal.kind, terminal.text, terminal.start, 1, 1, 1, 1, terminal.end)
        stack = list(self.state.state_stack)
        try:
            tree = self.state.feed_token(token, is_end)
        except UnexpectedToken:
            expected = self._expected(stack)
            failure = Failure(self.code, self.first, self.end, self.i, tuple(self.fed), terminal, expected)
            from .mistakes import classify

            raise classify(failure) from None
        self.fed.append(terminal)
        return tree

    def _expected(self, stack: list[Any]) -> frozenset[str]:
        return frozenset(t for t in self._can(stack) if self._accepts(stack, t))

    def _can(self, stack: list[Any]) -> Mapping[str, Any]:
        states: Mapping[Any, Mapping[str, Any]] = self.state.parse_conf.states
        return states[stack[-1]]

    def _accepts(self, stack: list[Any], kind: str) -> bool:
        """Whether the terminal could be shifted: LALR tables list some that would fail after a few reductions."""
        if not (kind.isupper() or kind == "$END"):
            return False
        from lark.parsers.lalr_analysis import Shift

        states, stack = self.state.parse_conf.states, list(stack)
        while True:
            action = states[stack[-1]].get(kind)
            if action is None:
                return False
            if action[0] is Shift:
                return True
            size = len(action[1].expansion)
            if size:
                del stack[-size:]
            stack.append(states[stack[-1]][action[1].origin.name][1])
            if kind == "$END" and stack[-1] == self.state.parse_conf.end_state:
                return True

    def _next(self) -> Terminal:
        """The terminal that begins at the current token, which may span several (`features.18.0`, `-3`)."""
        token, text = self.code.tokens[self.i], self.code.text
        can = self._can(self.state.state_stack)
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
            can = self._can(self.state.state_stack)
            opens = up in SQL_QUERY and after not in {"=", ".", ",", ")"}
            if "SQL" in can and (opens or (up == "(" and "LPAR" not in can)):
                return "SQL", self.code.partner[self._index(self.fed[-1])]
        if last in {"PLAN", "ANALYZE", "AS"} and up != "ANALYZE" and route(self.code, self.i, self.end) == "sql":
            return "SQL", self.end
        return None

    def _index(self, terminal: Terminal) -> int:
        return next(i for i in range(self.i - 1, -1, -1) if self.code.tokens[i].start == terminal.start)

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
            before_kind, next_kind = self.code.tokens[i - 1], self.code.tokens[i + 1].kind
            value = before_kind.kind in {"number", "string", "quoted", "param"} or before_kind.up in {")", "]"}
            return value and next_kind in {"word", "quoted", "param", "string"}
        return False
