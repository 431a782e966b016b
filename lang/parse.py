"""Text -> Script: the scanner's statements, read one by one, and the clq queries inside SQL, each at its own offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .ast import Broken, Call, Define, Import, Island, PlanStatement, Query, Script, Sql, Statement
from .build import Builder
from .diagnostic import Diagnostic, as_one
from .failure import Terminal
from .imports import Loader, defined_in
from .reader import read, read_start
from .scan import Code, islands, route


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
        self.rest: int | None = None
        self._starts = {t.start: i for i, t in enumerate(code.tokens)}
        self._ends = {t.end: i + 1 for i, t in enumerate(code.tokens)}

    def statements(self) -> Iterator[Statement]:
        """Every statement in order; what is wrong with a Broken one is in `problems`."""
        for i, (first, end) in enumerate(self.code.statements):
            if i in self.code.broken:
                self._start(first, end, self.code.broken[i])
                yield Broken(self.code.span(first, end))
                continue
            whole: Statement | None = None
            try:
                whole = self.statement(first, end)
            except Diagnostic as problem:
                self.problems += problem.every()
            while self.rest is not None:  # another statement begins behind what does not belong, or without a semicolon
                at, self.rest = self.rest, None
                try:
                    self.statement(at, end)
                except Diagnostic as problem:
                    self.problems += problem.every()
            yield whole or Broken(self.code.span(first, end))

    def statement(self, first: int, end: int) -> Statement:
        """Raises Diagnostic with every mistake; `rest` then says where another statement begins, if one does."""
        owner = route(self.code, first, end)
        if owner == "unknown":
            from .unknown import unknown_statement

            mistake, self.rest = unknown_statement(self.code, first, end)
            raise mistake
        statement = self.fragment(first, end) if owner == "clq" else self.sql(first, end)
        if isinstance(statement, Define):
            self.defined.add(statement.name.lower())
        elif isinstance(statement, Import) and self.load is not None:
            script, problems = self.load.load(statement, self.code.text, self.path)
            self.problems += problems
            self.defined.update(defined_in(script))
            return replace(statement, script=script)
        return statement

    def _start(self, first: int, end: int, sound: int) -> None:
        """The mistakes of a statement that is never closed, in what stands before that."""
        owner = route(self.code, first, end)
        if owner == "unknown":
            from .unknown import unknown_statement

            self.problems.append(unknown_statement(self.code, first, end)[0])
        elif owner == "clq" and sound > first:
            self.problems += read_start(self.code, first, sound).problems
        elif owner == "sql" and sound > first:
            try:
                self.sql(first, sound)
            except Diagnostic as problem:
                self.problems += problem.every()

    def sql(self, first: int, end: int) -> Sql:
        """The tokens as SQL, with the clq queries inside it parsed."""
        span = self.code.span(first, end)
        found: list[Island] = []
        problems: list[Diagnostic] = []
        for a, b in islands(self.code, first, end, self.defined):
            try:
                body = self.fragment(a, b, nested=True)
            except Diagnostic as problem:
                problems += problem.every()
                continue
            assert isinstance(body, (Query, Call, PlanStatement))
            found.append(Island(self.code.span(a, b), body))
        mistake = as_one(problems)
        if mistake is not None:
            raise mistake
        return Sql(span, self.code.text[span.start : span.end], tuple(found))

    def sql_at(self, start: int, end: int) -> Sql:
        """As `sql`, for a range of characters that begins and ends with a token."""
        return self.sql(self._starts[start], self._ends[end])

    def fragment(self, first: int, end: int, nested: bool = False) -> Statement:
        """One clq statement, or a query or call that is nested in SQL."""
        reading = read(self.code, first, end, nested)
        self.terminals[first] = reading.terminals
        problems, statement = reading.problems, None
        if reading.tree is not None:
            statement = Builder(self.sql_at, problems).statement(reading.tree)
        self.rest = reading.rest
        mistake = as_one(problems)
        if mistake is not None:
            raise mistake
        assert statement is not None, "what could not be read has a mistake"
        return statement
