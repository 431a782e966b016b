"""Whether Enter runs what has been typed or goes on in a new line, and how a file with dot-commands is taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...lang import ast, parse
from ...lang.diagnostic import Diagnostic
from ...lang.scan import CLOSE, OPEN, Token, scan, words

_ONE_LINE = words("SHOW SET RESET IMPORT")


def is_finished(text: str) -> bool:
    """A dot-command, an empty last line, a semicolon outside brackets and text, or a statement that is whole."""
    if not text.strip() or text.lstrip().startswith("."):
        return True
    if "\n" in text and not text.rsplit("\n", 1)[1].strip():
        return True
    tokens = _closed(text)
    return tokens is not None and (not tokens or tokens[-1].up == ";" or _is_whole(text, tokens))


def _closed(text: str) -> Sequence[Token] | None:
    """The tokens; None where text, a comment or a bracket is still open."""
    problems: list[Diagnostic] = []
    tokens = scan(text, problems)
    depth = 0
    for token in tokens:
        depth += (token.up in OPEN) - (token.up in CLOSE)
    return None if problems or depth > 0 else tokens


def _is_whole(text: str, tokens: Sequence[Token]) -> bool:
    """A statement that takes a line, or one that nothing can follow; a query could have another clause."""
    ends = [i for i, token in enumerate(tokens) if token.up == ";"]
    last = tokens[ends[-1] + 1 :] if ends else tokens
    if last[0].up in _ONE_LINE:
        return len(last) > 1
    try:
        statement = parse(text).statements[-1]
    except Diagnostic:
        return False
    if isinstance(statement, ast.Query):
        return statement.into is not None
    return isinstance(statement, ast.Let | ast.ParamStatement)


@dataclass(frozen=True)
class Piece:
    """Statements to run together, or one dot-command; `line` is its first line, from 1."""

    text: str
    line: int
    is_command: bool

    def placed(self) -> str:
        """The text at its line, so that a message names the line of the file."""
        return "\n" * (self.line - 1) + self.text


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a file: a line that begins with a dot where no statement is open is a command."""
    held: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(".") and not line[1:2].isdigit() and _between("\n".join(held)):
            if "".join(held).strip():
                yield Piece("\n".join(held), first, False)
            yield Piece(line, number, True)
            held, first = [], number + 1
        else:
            held.append(line)
    if "".join(held).strip():
        yield Piece("\n".join(held), first, False)


def _between(text: str) -> bool:
    tokens = _closed(text)
    return tokens is not None and (not tokens or tokens[-1].up == ";")
