"""One layout for every script: clauses in their order, a query on one line or a clause a line, comments kept.

A query stays on one line if it was on one and fits, else each clause has a line. SQL is the user's: only the clq
queries in it are laid out. Statements between `-- fmt: off` and `-- fmt: on` stay as they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import ast
from .diagnostic import Diagnostic, as_one
from .failure import Terminal
from .parse import Parser
from .scan import Code, Comment, comments
from .verbs import CLAUSES, SPELLINGS, TAIL

WIDTH = 100
_STEP = "  "
_LOWER = frozenset({"TRUE", "FALSE", "NULL", "LOW", "RANDOM"})
_VALUES = frozenset({"NAME", "QUOTED", "STRING", "PARAMETER", "INT", "FLOAT", "SQL", "CONDITION", "ORDERING"})
_FRAGMENTS = frozenset({"SQL", "CONDITION", "ORDERING"})
_OPEN, _CLOSE = frozenset({"LPAR", "LSQB"}), frozenset({"RPAR", "RSQB"})
# The clauses that stay beside the head of a query that is spread over lines.
_BESIDE = ("OF", "IN")


def format_text(text: str, path: str | None = None) -> str:
    """The text in clq's layout; formatting it again changes nothing. Raises Diagnostic for text with mistakes."""
    body = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    problems: list[Diagnostic] = []
    code = Code(body, problems)
    parser = Parser(code, (), problems, path)
    parsed = list(parser.statements())
    mistake = as_one(problems)
    if mistake is not None:
        raise mistake.within(body, path)
    return "".join(_Script(_Source(code, parser), parsed).lines())


class _Source:
    """A scanned text with its comments."""

    def __init__(self, code: Code, parser: Parser) -> None:
        self.code, self.parser = code, parser
        self.notes = comments(code.text, code.tokens)
        self.note_starts = [n.start for n in self.notes]
        self.token_starts = [t.start for t in code.tokens]

    def within(self, start: int, end: int) -> list[Comment]:
        """The comments that begin in a stretch of the text."""
        return self.notes[bisect_left(self.note_starts, start) : bisect_left(self.note_starts, end)]

    def read(self, start: int, end: int) -> tuple[ast.Statement, list[Terminal]]:
        """The clq statement or query that is a stretch of the text."""
        first, stop = bisect_left(self.token_starts, start), bisect_left(self.token_starts, end)
        return self.parser.read(first, stop)


@dataclass
class _Script:
    source: _Source
    parsed: list[ast.Statement]

    @property
    def code(self) -> Code:
        return self.source.code

    def lines(self) -> Iterator[str]:
        """The formatted text, piece by piece."""
        text, tokens = self.code.text, self.code.tokens
        notes, starts = self.source.notes, self.source.note_starts
        here, off, any_yet = 0, False, False
        for (first, end), statement in zip(self.code.statements, self.parsed, strict=True):
            begin, stop = tokens[first].start, tokens[end - 1].end
            before = self.source.within(here, begin)
            for note in before:
                if note.alone:
                    off = {"-- fmt: off": True, "-- fmt: on": False}.get(note.text, off)
            closed = end < len(tokens)  # the semicolon stands there
            after = tokens[end].end if closed else stop
            late = self.source.within(stop, after)
            following = tokens[end + 1].start if end + 1 < len(tokens) else len(text)
            trailing = self._trailing(after, following)
            yield from self._before(before, here, begin, any_yet)
            body, held = (text[begin:stop], []) if off else self._statement(statement, begin, stop)
            ends = [n.text for n in (*held, *late) if not n.alone] + [n.text for n in trailing]
            yield body + ";" + "".join(f"  {t}" for t in _joined(ends)) + "\n"
            for note in late:
                if note.alone:
                    yield f"{note.text}\n"
            here = trailing[-1].end if trailing else after
            any_yet = True
        rest = notes[bisect_left(starts, here) :]
        yield from self._before(rest, here, len(text), any_yet)

    def _trailing(self, after: int, following: int) -> list[Comment]:
        """Comments on the line on which a statement ends, after its semicolon, before the next statement."""
        out = []
        for note in self.source.within(after, following):
            if "\n" in self.code.text[after : note.start]:
                break
            out.append(note)
            after = note.end
        return out

    def _before(self, notes: Sequence[Comment], here: int, end: int, blank: bool) -> Iterator[str]:
        """Comments between statements, with at most one empty line where there was any."""
        text = self.code.text
        for place, until in [*((n, n.start) for n in notes), (None, end)]:
            gap = text[here:until].replace(";", "")
            if blank and gap.count("\n") > 1 and (place is not None or end < len(text)):
                yield "\n"
            if place is not None:
                yield f"{place.text}\n"
                here, blank = place.end, True

    def _statement(self, statement: ast.Statement, begin: int, stop: int) -> tuple[str, list[Comment]]:
        """The statement, and comments at its end that belong after the semicolon."""
        if isinstance(statement, ast.Sql):
            return _sql(self.source, statement, ""), []
        printer = _Printer(self.source, begin, stop)
        return printer.printed("", hold=True), printer.held


def _joined(texts: Sequence[str]) -> Iterator[str]:
    """Comments after a semicolon; what would be swallowed by a line comment before it becomes part of it."""
    yield from ([" ".join(texts)] if texts else [])


def _sql(source: _Source, sql: ast.Sql, indent: str) -> str:
    """SQL as it stands, with the queries in it laid out."""
    text = source.code.text
    out, here = [], sql.span.start
    for island in sql.islands:
        out.append(text[here : island.span.start])
        before = "".join(out)
        line = before.rsplit("\n", 1)[-1] if "\n" in before else indent + before
        lead = line[: len(line) - len(line.lstrip())]
        margin = lead if not line.strip() else lead + _STEP
        out.append(_Printer(source, island.span.start, island.span.end).printed(margin, len(line)))
        here = island.span.end
    return "".join([*out, text[here : sql.span.end]])


class _Printer:
    """Lays out one clq statement from its terminals and the queries of its tree."""

    def __init__(self, source: _Source, begin: int, stop: int) -> None:
        statement, terminals = source.read(begin, stop)
        self.source, self.terminals = source, terminals
        self.starts = [t.start for t in terminals]
        self.kind = terminals[0].kind
        self.queries = {q.span.start: q for q in _queries(statement)}
        self.fragments = {s.span.start: s for s in ast.walk(statement) if isinstance(s, ast.Sql)}
        self.partner = _partners(terminals)
        self.before: dict[int, list[Comment]] = {}
        self.after: dict[int, list[Comment]] = {}
        for note in source.within(begin, stop):
            if any(t.kind in _FRAGMENTS and t.start <= note.start < t.end for t in terminals):
                continue
            i = bisect_right(self.starts, note.start)
            if note.alone:
                self.before.setdefault(i, []).append(note)
            else:
                self.after.setdefault(i - 1, []).append(note)
        self.held: list[Comment] = []
        self.last: list[tuple[int, Comment]] = []  # comments that nothing follows yet, and where they are in `out`
        self.out: list[str] = []
        self.column = 0

    def printed(self, indent: str, column: int | None = None, hold: bool = False) -> str:
        """The statement's text; its first line begins at `column`, further ones at `indent` or deeper.

        With `hold`, comments at its very end are in `held` and not in the text.
        """
        self.column = len(indent) if column is None else column
        end = len(self.terminals)
        query = self.queries.get(self.starts[0])
        if query is not None and query.span.end == self.terminals[-1].end:
            self._query(query, indent)
        else:
            self._run(0, end, indent)
        if hold and self.last:
            del self.out[self.last[0][0] :]
            self.held = [note for _, note in self.last]
        return "".join(self.out)

    # ------------------------------------------------------------ writing

    def _write(self, text: str) -> None:
        self.out.append(text)
        last = text.rsplit("\n", 1)
        self.column = len(last[1]) if len(last) > 1 else self.column + len(text)

    def _line(self, indent: str) -> None:
        """Go to a new line; one that is new already only gets another indentation."""
        if self._fresh():
            self.out[-1] = self.out[-1].rsplit("\n", 1)[0]
        self._write("\n" + indent)

    def _fresh(self) -> bool:
        """Whether nothing but indentation stands on the line yet."""
        return bool(self.out) and "\n" in self.out[-1] and not self.out[-1].rsplit("\n", 1)[1].strip()

    def _comments(self, notes: Sequence[Comment], indent: str) -> None:
        """Comments of their own lines, before what follows."""
        for note in notes:
            if self.out and not self._fresh():
                self._line(indent)
            self._write(note.text)
            self._line(indent)

    # ------------------------------------------------------------ queries

    def _query(self, query: ast.Query, indent: str) -> None:
        parts = self._parts(query)
        spread = self._was_spread(query) or any(self._noted(a, b) for _, a, b in parts)
        flat = None if spread else self._flat_parts(parts)
        if flat is not None and self.column + len(flat) <= WIDTH:
            self._write(flat)
            self.last.clear()
            return
        inner = indent + _STEP
        for word, first, end in parts:
            lead = self.before.pop(first, []) if word else []
            beside = word in _BESIDE and not lead and not self._fresh() and self._all_beside(parts, word)
            if word and (beside or self._at_bracket(indent)):
                self._write(" ")
            elif word:
                self._line(inner)
            self._comments(lead, inner)
            self._run(first, end, inner if word else indent)

    def _at_bracket(self, indent: str) -> bool:
        """A bracket that stands alone on its line has room for the next clause."""
        return bool(self.out) and self.out[-1] == ")" and len(self.out) > 1 and self.out[-2] == "\n" + indent

    def _all_beside(self, parts: Sequence[tuple[str, int, int]], word: str) -> bool:
        """OF stands beside the head, IN only after an OF there or with none."""
        return all(w in ("", *_BESIDE) for w, _, _ in parts[: [w for w, _, _ in parts].index(word)])

    def _parts(self, query: ast.Query) -> list[tuple[str, int, int]]:
        """Head and clauses in the order of the language: (clause word, first terminal, end)."""
        spans = query.clause_spans
        start = bisect_left(self.starts, query.span.start)
        stop = bisect_left(self.starts, query.span.end)
        ranges = {w: (bisect_left(self.starts, s.start), bisect_left(self.starts, s.end)) for w, s in spans.items()}
        head_end = min((a for a, _ in ranges.values()), default=stop)
        ordered = [w for w in (*CLAUSES, *TAIL) if w in ranges]
        return [("", start, head_end), *((w, *ranges[w]) for w in ordered)]

    def _was_spread(self, query: ast.Query) -> bool:
        """Whether one of the clauses that would have a line of their own was on a line of its own."""
        firsts = [bisect_left(self.starts, s.start) for w, s in query.clause_spans.items() if w not in _BESIDE]
        text = self.source.code.text
        return any("\n" in text[self.terminals[i - 1].end : self.starts[i]] for i in firsts)

    def _noted(self, first: int, end: int) -> bool:
        return any(i in self.before or i in self.after for i in range(first, end))

    def _flat_parts(self, parts: Sequence[tuple[str, int, int]]) -> str | None:
        texts = [self._flat(a, b) for _, a, b in parts]
        return None if None in texts else " ".join(t for t in texts if t is not None)

    # ------------------------------------------------------------ terminals

    def _run(self, first: int, end: int, indent: str) -> None:
        """The terminals of a part, broken after commas where a line would be too long."""
        i = first
        while i < end:
            if i in self.before:
                self._comments(self.before.pop(i), indent + _STEP)
            gap = self._gap(i) if i > first else ""
            query = self.queries.get(self.starts[i])
            if query is not None and i > first:
                stop = bisect_left(self.starts, query.span.end)
                self._nested(query, gap, indent)
                i = stop
            else:
                self._write(("" if self._fresh() else gap) + self._text(i, indent))
                self.last.clear()
                i += 1
            self._close(i - 1, end, indent)

    def _close(self, i: int, end: int, indent: str) -> None:
        """What follows terminal i on its line: its comments, and a new line if the next item would not fit."""
        notes = self.after.pop(i, [])
        for n, note in enumerate(notes):
            line_comment = note.text.startswith("--")
            if i < end - 1 and self._gap(i + 1) == "" and self.terminals[i + 1].kind == "COMMA":
                # A comma belongs before the comment that follows its item.
                self.after.setdefault(i + 1, [])[0:0] = notes[n:]
                return
            self.last.append((len(self.out), note))
            self._write(("" if self._fresh() else "  " if line_comment else " ") + note.text)
            if line_comment:
                self._line(indent + _STEP)
        if i + 1 < end and self.terminals[i].kind == "COMMA" and not self._fresh():
            length = self._item(i + 1, end)
            if self.column + 1 + length > WIDTH:
                self._line(indent + _STEP)

    def _item(self, first: int, end: int) -> int:
        """The length of what stands up to the next comma at the same depth."""
        i, length = first, 0
        while i < end and self.terminals[i].kind not in {"COMMA"} | _CLOSE:
            stop = self.partner.get(i, i) + 1
            flat = self._flat(i, min(stop, end))
            length += len(self._gap(i)) + (len(flat) if flat is not None else 0)
            i = stop
        return length + 1

    def _nested(self, query: ast.Query, gap: str, indent: str) -> None:
        """A query in parentheses, or the body of a definition: on the line if it was and fits, else on its own."""
        parts = self._parts(query)
        a, b = parts[0][1], bisect_left(self.starts, query.span.end)
        bracket = self.terminals[a - 1].kind == "LPAR"
        flat = None
        if not self._was_spread(query) and not self._noted(a, b):
            flat = self._flat_parts(parts)
        room = WIDTH - (1 if bracket else 0)
        if flat is not None and self.column + len(gap) + len(flat) <= room:
            self._write(gap + flat)
            self.last.clear()
        elif self.terminals[a - 1].kind in {"PLAN", "ANALYZE"}:
            self._write("" if self._fresh() else gap)
            self._query(query, indent)
        else:
            self._line(indent + _STEP)
            self._query(query, indent + _STEP)
            if bracket:
                self._line(indent)

    def _flat(self, first: int, end: int) -> str | None:
        """The terminals on one line; None if something in them cannot be."""
        out = []
        i = first
        while i < end:
            if i in self.before or i in self.after:
                return None
            gap = self._gap(i) if i > first else ""
            query = self.queries.get(self.starts[i])
            if query is not None and i > first:
                if self._was_spread(query):
                    return None
                flat = self._flat_parts(self._parts(query))
                i = bisect_left(self.starts, query.span.end)
            else:
                flat = self._text(i, "")
                i += 1
            if flat is None or "\n" in flat:
                return None
            out.append(gap + flat)
        return "".join(out)

    def _text(self, i: int, indent: str) -> str:
        terminal = self.terminals[i]
        kind, text = terminal.kind, terminal.text
        if kind in _FRAGMENTS and terminal.start in self.fragments:
            return _sql(self.source, self.fragments[terminal.start], indent)
        if kind == "TO" and self.kind == "SET" and i == 2:
            return "="
        if i == 1 and self.kind == "SHOW" and kind == "NAME":
            return text.upper()
        if i == 1 and self.kind in {"SET", "RESET"}:
            return text.lower()
        if kind in _VALUES or not text.isalpha():
            return text
        return text.lower() if kind in _LOWER else SPELLINGS.get(text.upper(), text.upper())

    def _gap(self, i: int) -> str:
        """The space before terminal i."""
        one, two = self.terminals[i - 1], self.terminals[i]
        if two.kind == "COLON" and one.kind == "COMMA":
            return " "
        if two.kind in {"COMMA", "RPAR", "RSQB", "COLON"} or one.kind in {"LPAR", "LSQB", "COLON"}:
            return ""
        if two.kind == "LPAR" and one.kind == "NAME":
            return ""
        if two.kind == "LSQB" and one.kind in {"NAME", "QUOTED", "PARAMETER", "RPAR"}:
            return ""
        if "EQUAL" in {one.kind, two.kind} and self._in_call(i):
            return ""
        return " "

    def _in_call(self, i: int) -> bool:
        """Whether terminal i stands among the arguments of a call: name=value, without spaces."""
        for a, b in self.partner.items():
            if a < i < b and self.terminals[a].kind == "LPAR" and a and self.terminals[a - 1].kind == "NAME":
                return not (self.kind == "DEFINE" and a == 2)
        return False


def _queries(statement: ast.Statement) -> Iterator[ast.Query]:
    """The queries of a statement that are not inside a piece of SQL."""
    hidden = [s.span for s in ast.walk(statement) if isinstance(s, ast.Sql)]
    for node in ast.walk(statement):
        if isinstance(node, ast.Query) and not any(h.start <= node.span.start < h.end for h in hidden):
            yield node


def _partners(terminals: Sequence[Terminal]) -> dict[int, int]:
    stack, out = [], {}
    for i, terminal in enumerate(terminals):
        if terminal.kind in _OPEN:
            stack.append(i)
        elif terminal.kind in _CLOSE and stack:
            out[stack.pop()] = i
    return out
