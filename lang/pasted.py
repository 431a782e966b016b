"""What is no part of a query but was pasted or typed with it: prompts, fences, commands of shells, Python."""

from __future__ import annotations

import re
from typing import NamedTuple

from .ast import Span
from .scan import Code, words

_LINE_END = re.compile(r"[\r\n]")
# What stands before a statement at the beginning of its line -> whose it is.
_MARKS = (
    (re.compile(r"clq>"), "the prompt of clq shell"),
    (re.compile(r"\.\.\.+>"), "the prompt of clq shell"),
    (re.compile(r">>>|\.\.\.(?=\s)"), "Python's prompt"),
    (re.compile(r"In \[\d*\]:?"), "a notebook's prompt"),
    (re.compile(r"```\w*"), "a fence of Markdown"),
    (re.compile(r"%%?[A-Za-z]\w*"), "a command of notebooks"),
    (re.compile(r"\$(?=\s)"), "the prompt of a terminal"),
)
_TERMINAL = words("clq pip pip3 conda uv python python3 jupyter make git cd ls cat sudo export source docker")
_LEAVE = words("exit quit bye logout q")
# Commands of shells of databases -> the statement that does the same.
_COMMANDS = {
    "tables": "SHOW TABLES", "dt": "SHOW TABLES", "d": "SHOW TABLES", "l": "SHOW TABLES", "names": "SHOW NAMES",
    "schema": "DESCRIBE t", "read": "IMPORT 'names.clq'", "i": "IMPORT 'names.clq'",
    "plan": "PLAN EXPLAIN layer4 OF labnet", "help": "SHOW VERBS", "h": "SHOW VERBS",
}  # fmt: skip
_PYTHON = re.compile(r"\w+(?:\.\w+)*\s*=\s*\w+(?:\.\w+)+\(|\w+(?:\.\w+)+\(|(?:def|class|print|for|while|if)\b")


class Pasted(NamedTuple):
    """What does not belong, its place, and the token at which a statement may go on; None: nowhere."""

    message: str
    span: Span
    rest: int | None


def pasted(code: Code, i: int, end: int) -> Pasted | None:
    """What stands at token i, if it begins a line and is known from elsewhere."""
    if i >= end or not _begins_line(code, i):
        return None
    token = code.tokens[i]
    for pattern, whose in _MARKS:
        found = pattern.match(code.text, token.start)
        if found is not None:
            span = Span(token.start, found.end())
            rest = next((k for k in range(i, end) if code.tokens[k].start >= span.end), end)
            if rest < end and code.tokens[rest].text.lower() in _TERMINAL:
                return _terminal(code, rest, end, token.start)
            message = f"{found[0]} is {whose}, and no part of a statement: take it out"
            return Pasted(message, span, rest if rest < end else None)
    if token.text in {".", "\\"} and i + 1 < end and code.tokens[i + 1].start == token.end:
        return _command(code, i)
    return None


def at_start(code: Code, first: int, end: int) -> Pasted | None:
    """As `pasted`, and what is known from elsewhere only where a statement begins."""
    found = pasted(code, first, end)
    if found is not None and found.rest is None:
        return found
    i = first if found is None else found.rest
    return _foreign(code, i or first, end) or found


def _foreign(code: Code, i: int, end: int) -> Pasted | None:
    """A whole statement of another language."""
    token = code.tokens[i]
    if token.text.lower() in _LEAVE and (i + 1 == end or code.up(i + 1, end) == "("):
        return Pasted(_leave(token.text), token.span, None)
    if token.text.lower() in _TERMINAL and code.up(i + 1, end) not in {"=", "(", "."}:
        return _terminal(code, i, end, token.start)
    if token.text == "!":
        return Pasted("Commands of a terminal are typed there; here stand statements", token.span, None)
    python = _PYTHON.match(code.text, token.start)
    if python is not None:
        message = "This is Python. A query stands here by itself, without quotes: EXPLAIN layer4 OF labnet"
        return Pasted(message, Span(token.start, min(python.end(), code.tokens[end - 1].end)), None)
    return None


def leaving(name: str) -> str | None:
    """The message for exit() and quit(), which look like a call of a defined query."""
    return _leave(name) if name.lower() in _LEAVE else None


def _leave(word: str) -> str:
    return f"{word} is no statement: a script ends with its text, and clq shell with .quit or Ctrl-D"


def _command(code: Code, i: int) -> Pasted:
    name = code.tokens[i + 1]
    span = Span(code.tokens[i].start, name.end)
    written = code.text[span.start : span.end]
    if name.text.lower() in _LEAVE:
        return Pasted(_leave(written), span, None)
    same = _COMMANDS.get(name.text.lower())
    rest = f": {same}" if same else ""
    return Pasted(f"{written} is a command of a shell, and no statement{rest}", span, None)


def _terminal(code: Code, i: int, end: int, start: int) -> Pasted:
    word = code.tokens[i]
    text = [k for k in range(i, end) if code.tokens[k].kind in {"string", "quoted"}]
    line_end = _LINE_END.search(code.text, word.start)
    stop = min(code.tokens[end - 1].end, line_end.start() if line_end else len(code.text))
    rest = "here stand statements, such as EXPLAIN layer4 OF labnet"
    if text and word.up == "CLQ" and code.text.startswith("-c", code.tokens[i + 1].start):
        rest = "here stands only what is in its quotes"
    command = " ".join(code.text[word.start : stop].split()[:2])
    return Pasted(f"{command} … is typed in a terminal; {rest}", Span(start, stop), None)


def _begins_line(code: Code, i: int) -> bool:
    start = code.tokens[i - 1].end if i else 0
    between = code.text[start : code.tokens[i].start]
    return i == 0 or code.tokens[i - 1].up == ";" or _LINE_END.search(between) is not None
