"""Tokens of text and numbers -> Python values, with SQL's spelling."""

from __future__ import annotations

import re
from typing import Any

from .ast import Span
from .diagnostic import Diagnostic

_ESCAPE = re.compile(r"''|\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_DIGITS = 18  # what DuckDB's BIGINT holds


def decode_string(token: Any) -> str:
    """'text', E'text' and $tag$text$tag$."""
    text = str(token)
    if text[0] == "$":
        tag = text.index("$", 1) + 1
        return text[tag:-tag]
    if text[0] in "eE":
        return _ESCAPE.sub(_unescape, text[2:-1])
    return text[1:-1].replace("''", "'")


def _unescape(found: re.Match[str]) -> str:
    escape = found[1]
    if escape is None:
        return "'"
    if escape[0] in "xuU" and len(escape) > 1:
        code = int(escape[1:], 16)
        return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else found[0]
    if escape[0] in "01234567":
        return chr(int(escape, 8) & 0xFF)
    return _ESCAPES.get(escape, escape)


def number(token: Any) -> int | float:
    text = str(token).replace("_", "")
    value = int(text) if token.type == "INT" and len(text) <= _DIGITS else float(text)
    if (token.type == "INT" and isinstance(value, float)) or value in (float("inf"), float("-inf")):
        raise Diagnostic("unexpected", "This number is too large", Span(token.start_pos, token.end_pos))
    return value


def parameter_name(token: Any) -> str:
    name = str(token)[1:]
    if name[0].isdigit():
        raise Diagnostic("unexpected", "Parameters have names: $k", Span(token.start_pos, token.end_pos))
    return name


def encode_string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def encode_name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
