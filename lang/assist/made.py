"""The names that a text makes, read off its tokens, so that statements which cannot be read count too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..ast import Span
from ..declare import Kind, Names
from ..made import name_of
from ..scan import SQL_QUERY, VERB_WORDS, Token

Maker = Literal["LET", "PARAM", "DEFINE", "INTO", "TABLE"]


@dataclass(frozen=True)
class Made:
    """A name, the token it stands in, what made it, and of which kind it seems to be."""

    name: str
    word: Maker
    token: Token
    kind: Kind | None = None


def made_in(tokens: Sequence[Token], names: Names | None = None) -> Iterator[Made]:
    """What LET, PARAM, DEFINE, INTO and CREATE TABLE or VIEW give names to, in order.

    With `names`, the kind of a LET is guessed from what it is given.
    """
    kinds: dict[str, Kind | None] = {}
    for i, token in enumerate(tokens):
        if token.kind not in {"word", "quoted"} or i == 0:
            continue
        before = tokens[i - 1].up
        starts = i == 1 or tokens[i - 2].up == ";"
        after = tokens[i + 1].up if i + 1 < len(tokens) else ""
        if before in {"LET", "PARAM", "DEFINE"} and starts and token.text.upper() not in {"", "="}:
            word: Maker = "LET" if before == "LET" else "PARAM" if before == "PARAM" else "DEFINE"
            kind = _kind(tokens, i + 2, names, kinds) if word == "LET" and after == "=" else None
            kinds[name_of(token)] = kind
            yield Made(name_of(token), word, token, kind)
        elif before == "INTO" and not _inserts(tokens, i):
            yield Made(name_of(token), "INTO", token, "answer")
        elif before in {"TABLE", "VIEW", "EXISTS"} and _creates(tokens, i):
            yield Made(name_of(token), "TABLE", token, "table")


def _inserts(tokens: Sequence[Token], i: int) -> bool:
    """INSERT INTO writes to a table that is there."""
    return i >= 2 and tokens[i - 2].up in {"INSERT", "REPLACE", "IGNORE", "MERGE"}


def _creates(tokens: Sequence[Token], i: int) -> bool:
    for k in range(i - 1, max(-1, i - 9), -1):
        if tokens[k].up == ";":
            return False
        if tokens[k].up == "CREATE":
            return k == 0 or tokens[k - 1].up == ";"
    return False


def _kind(tokens: Sequence[Token], i: int, names: Names | None, kinds: dict[str, Kind | None]) -> Kind | None:
    if names is None or i >= len(tokens):
        return None
    token, after = tokens[i], tokens[i + 1].up if i + 1 < len(tokens) else ""
    if token.up == "(":
        return "answer" if after in VERB_WORDS else "table" if after in SQL_QUERY else None
    if token.up == "[":
        return "vocabulary"
    if token.kind not in {"word", "quoted"}:
        return None
    if after == "(":
        made = next((c.kind for c in names.constructors() if c.name == token.text), None)
        return made or ("answer" if token.text.lower() in {n.lower() for n in names.defined()} else None)
    end = i
    while end + 1 < len(tokens) and tokens[end + 1].start == tokens[end].end and tokens[end + 1].up not in {";", "["}:
        end += 1
    path = name_of(token) + "".join(t.text for t in tokens[i + 1 : end + 1])
    thing = names.find(path)
    return thing.kind if thing is not None and thing.kind != "mistake" else kinds.get(path)


def statement_around(tokens: Sequence[Token], token: Token) -> Span:
    """From the first to the last token of the statement that a token stands in."""
    at = next(i for i, t in enumerate(tokens) if t.start == token.start)
    first = next((i + 1 for i in range(at, -1, -1) if tokens[i].up == ";"), 0)
    end = next((i for i in range(at, len(tokens)) if tokens[i].up == ";"), len(tokens))
    return Span(tokens[first].start, tokens[end - 1].end)
