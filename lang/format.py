"""One layout for every script: clauses in their order, one a line where a query is long, every comment kept.

SQL is the user's: only the clq queries in it are laid out. What stands between `-- fmt: off` and `-- fmt: on`, on lines
of their own between statements, stays as it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import ast
from .arrange import Arranged, Source, arranged, arranged_sql
from .ast import Span
from .diagnostic import Diagnostic, as_one
from .layout import Printer, concat, is_open
from .parse import Parser
from .remarks import Remarks, at_line_end
from .scan import Code, Comment

_SWITCH = re.compile(r"--\s*fmt:\s*(off|on)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_EMPTY_LINE = re.compile(r"(?:\r(?!\n)|\n)[^\S\n\r]*[\n\r]")


def format_text(text: str, path: str | None = None) -> str:
    """The text in clq's layout; formatting it again changes nothing. Raises Diagnostic for text with mistakes.

    Line ends are like the first one of the text; a byte order mark stays.
    """
    problems: list[Diagnostic] = []
    code = Code(text, problems)
    parser = Parser(code, (), problems, path)
    statements = tuple(parser.statements())
    mistake = as_one(problems)
    if mistake is not None:
        raise mistake.within(text, path)
    sqls = {node.span.start: node for node in ast.walk(statements) if isinstance(node, ast.Sql)}
    starts = [token.start for token in code.tokens]
    source = Source(code, starts, Remarks(text, code.tokens), parser.terminals, sqls)
    return _printed(source, list(_parts(source, statements)))


@dataclass
class _Part:
    """A comment between statements, or a statement with the comments beside it, before and after its semicolon."""

    start: int
    end: int
    comment: str = ""
    statement: ast.Statement | None = None
    first: int = 0
    prefix: str = ""
    suffix: str = ""
    after: list[str] = field(default_factory=list)


def _parts(source: Source, statements: Sequence[ast.Statement]) -> Iterator[_Part]:
    """The script in order, without its semicolons."""
    code, remarks = source.code, source.remarks
    stops = [*(code.tokens[first].start for first, _ in code.statements), len(code.text)]
    notes = remarks.between(0, stops[0])
    for (first, end), statement, stop in zip(code.statements, statements, stops[1:], strict=True):
        span = code.span(first, end)
        part = _Part(span.start, span.end, statement=statement, first=first)
        beside = [not last for last in remarks.end_line(notes, span.start)]
        for note, on_line in zip(notes, beside, strict=True):
            if on_line:
                part.prefix += note.text + " "
                part.start = min(part.start, note.start)
            else:
                yield _Part(note.start, note.end, note.text)
        semicolon = code.tokens[end].span if end < len(code.tokens) else Span(span.end, span.end)
        notes = _below(part, remarks, semicolon, stop)
        yield part
    for note in notes:
        yield _Part(note.start, note.end, note.text)


def _below(part: _Part, remarks: Remarks, semicolon: Span, stop: int) -> list[Comment]:
    """Gives a statement the comments beside it and its semicolon; the further ones up to `stop` are left."""
    notes = remarks.between(part.end, semicolon.start)
    lasts = remarks.end_line(notes, semicolon.start)
    more = remarks.between(semicolon.end, stop)
    ends = [last or stop == len(remarks.text) for last in remarks.end_line(more, stop)]
    here, taken = part.end, 0
    for note, last in zip([*notes, *more], [*lasts, *ends], strict=True):
        if here < semicolon.end <= note.start:
            here = semicolon.end
        before = note.start < semicolon.start
        if remarks.new_line(here, note.start) or not (last or before):
            break
        if last:
            part.after.append(note.text)
        else:
            part.suffix += " " + note.text
        here, taken = note.end, taken + 1
    part.end = max(here, semicolon.end)
    return [*notes, *more][taken:]


def _printed(source: Source, parts: Sequence[_Part]) -> str:
    text, line_end = source.code.text, _line_end(source)
    out: list[str] = []
    here, i = 0, 0
    while i < len(parts):
        part, end = parts[i], parts[i].end
        empty = bool(out) and _EMPTY_LINE.search(text, here, part.start) is not None
        i += 1
        if _switch(part) == "off":
            on = next((k for k in range(i, len(parts)) if _switch(parts[k]) == "on"), None)
            end = len(text) if on is None else parts[on].end
            lines = [text[part.start : end].rstrip()]
            i = len(parts) if on is None else on + 1
        else:
            lines = [part.comment] if part.statement is None else _lines(source, part, part.statement, line_end)
        out += [*([line_end] if empty else []), *(piece for line in lines for piece in (line, line_end))]
        here = end
    return ("\ufeff" if text.startswith("\ufeff") else "") + "".join(out)


def _line_end(source: Source) -> str:
    """The first one that is no part of a word or comment."""
    text = source.code.text
    for found in _LINE_END.finditer(text):
        i = bisect_right(source.starts, found.start()) - 1
        if (i < 0 or source.code.tokens[i].end <= found.start()) and not source.remarks.covers(found.start()):
            return "\r\n" if found[0] == "\r\n" else "\n"
    return "\n"


def _switch(part: _Part) -> str:
    found = _SWITCH.fullmatch(part.comment)
    return found[1] if found else ""


def _lines(source: Source, part: _Part, statement: ast.Statement, line_end: str) -> list[str]:
    """A statement, and comments that have no room after it."""
    if isinstance(statement, ast.Sql):
        made = Arranged([], arranged_sql(source, statement))
    else:
        made = arranged(source, part.first)
    full = is_open(made.doc)
    beside: list[str] = []
    below: list[str] = []
    for note in part.after:
        (below if full else beside).append(note)
        full = full or note.startswith("--")
    doc = concat([part.prefix, made.doc, part.suffix, ";", *map(at_line_end, beside)])
    return [*made.lead, Printer(line_end).print(doc), *below]
