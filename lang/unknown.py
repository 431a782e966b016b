"""A statement whose first word neither language knows: what was meant, and where reading can go on."""

from __future__ import annotations

from .diagnostic import Diagnostic, nearest
from .pasted import at_start
from .scan import CLQ_STARTS, SETTING_WORDS, SQL_STARTS, STARTS, VERB_WORDS, Code

# What people write for a verb or statement -> its word here.
_SYNONYMS = {
    "DRAW": "VISUALIZE", "FIND": "LOCATE", "WHERE": "LOCATE", "LIST": "SHOW", "PRINT": "SHOW",
    "SCORE": "EVALUATE", "MEASURE": "EVALUATE", "COMPARE": "EVALUATE", "FIT": "TRAIN", "PROBE": "EXPLAIN",
    "DISSECT": "EXPLAIN", "NAME": "EXPLAIN", "CAPTION": "LABEL", "CLASSIFY": "LABEL", "GROUP": "CLUSTER",
    "INCLUDE": "IMPORT", "ENCODE": "EMBED", "HEATMAP": "ATTRIBUTE", "SALIENCY": "ATTRIBUTE", "INTERPRET": "EXPLAIN",
    "ALIAS": "LET", "CONST": "LET", "VAR": "LET", "DECLARE": "PARAM", "FUNCTION": "DEFINE", "MACRO": "DEFINE",
    "DEF": "DEFINE", "SEGMENT": "LOCATE", "GET": "SELECT",
}  # fmt: skip


def unknown_statement(code: Code, first: int, end: int) -> tuple[Diagnostic, int | None]:
    """What to tell of it, and the token at which a statement begins after what does not belong."""
    foreign = at_start(code, first, end)
    if foreign is not None:
        return Diagnostic("unknown-statement", foreign.message, foreign.span), foreign.rest
    token, after = code.tokens[first], code.up(first + 1, end)
    if token.up in {"#", "//"}:
        return Diagnostic("unexpected", "Comments begin with --", token.span), None
    if token.kind == "word" and after in {"=", ":=", ":"}:
        return Diagnostic("unknown-statement", _named(code, first, end), token.span), None
    if token.up == "HELP":
        return Diagnostic("unknown-statement", _help(code, first, end), token.span), None
    if after in VERB_WORDS or (token.kind != "word" and after in STARTS):
        message = f"A statement begins with its first word, here {code.tokens[first + 1].text}: take {token.text} out"
        return Diagnostic("unknown-statement", message, token.span), first + 1
    return Diagnostic("unknown-statement", _unknown(code, first), token.span), None


def _named(code: Code, first: int, end: int) -> str:
    """net = …, net := …, model: …"""
    name, sign = code.tokens[first], code.up(first + 1, end)
    up = code.up(first + 2, end)
    last = code.partner.get(first + 3) if code.up(first + 3, end) == "(" else first + 2
    value = code.text[code.tokens[first + 2].start : code.tokens[last or first + 2].end] if first + 2 < end else "…"
    if up in VERB_WORDS:
        value = f"({up} …)"
    elif up == "(" or len(value) > 40 or not value.isprintable():
        value = f"({code.up(first + 3, end)} …)" if code.up(first + 3, end) in STARTS else "…"
    if name.up in SETTING_WORDS:
        return f"To set it for the queries that follow: SET {name.text} = {value}"
    if sign == ":":
        return f"No statement starts with {name.text}. To give a name: LET {name.text} = {value}"
    return f"To give a name: LET {name.text} = {value}"


def _help(code: Code, first: int, end: int) -> str:
    after = code.up(first + 1, end)
    if after in VERB_WORDS:
        return f"What {after} answers: SHOW VERB {after}; its methods: SHOW METHODS FOR {after}"
    return "Help is given by SHOW VERBS, SHOW METHODS, SHOW METHOD clip_dissect; in a terminal by clq help"


def _unknown(code: Code, first: int) -> str:
    token = code.tokens[first]
    known = CLQ_STARTS | SQL_STARTS
    near = _SYNONYMS.get(token.up) or (
        nearest(token.text, known) if token.kind == "word" and len(token.text) > 3 else None
    )
    rest = f" Did you mean {near}?" if near else " One that does: EXPLAIN layer4 OF labnet (SHOW VERBS lists the verbs)"
    start = token.text if len(token.text) <= 30 else f"{token.text[:30]}…"
    return f"No statement starts with {start}.{rest}"


