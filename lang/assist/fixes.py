"""A mistake whose message asks "Did you mean …?" -> the text that would be written then."""

from __future__ import annotations

from dataclasses import dataclass

from ..ast import Span
from ..diagnostic import Diagnostic, meant
from ..literals import encode_name, encode_string
from ..reader import PATH


@dataclass(frozen=True)
class Fix:
    """Write `insert` over `span`. Whether the mistake is gone then is for who can look at the whole text to say."""

    title: str
    span: Span
    insert: str


def fix_of(problem: Diagnostic, text: str) -> Fix | None:
    """The fix of a mistake in this text, where its place is one word, or one text or name in quotes."""
    near, span = meant(problem), problem.span
    if near is None or span is None:
        return None
    written = text[span.start : span.end]
    if written[:1] == "'" and written[-1:] == "'" and len(written) > 1:
        insert = near if near[:1] == "'" else encode_string(near)
    elif written[:1] == '"' and written[-1:] == '"' and len(written) > 1:
        insert = near if PATH.fullmatch(near) else encode_name(near)
    elif PATH.fullmatch(written):
        insert = near
    else:
        return None
    return Fix(f"Write {insert}", span, insert)
