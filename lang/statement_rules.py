"""Mistakes in statements that are no queries: from a Failure to a message and its place, as `mistakes` asks."""

from __future__ import annotations

import re

from .ast import Span
from .diagnostic import did_you_mean
from .failure import VALUES, VERB_KINDS, Failure
from .literals import encode_string
from .scan import CLAUSE_WORDS, CLQ_STARTS, SHOW_WORDS, STARTS, VERB_WORDS
from .sign_rules import as_list
from .statements import SHOWS
from .verbs import QUERY_VERBS

Told = tuple[str, Span] | None

FORMS = {
    "LET": "LET is written LET photos = folder('photos/')",
    "PARAM": "PARAM is written PARAM k = 100; then $k stands for it",
    "RESET": "RESET is written RESET model",
    "DEFINE": "DEFINE is written DEFINE top(layer, n = 3) AS EXPLAIN $layer …",
    "PLAN": "PLAN is followed by a query: PLAN EXPLAIN layer4 OF labnet",
}
_VALUES = {"LET": "labnet", "PARAM": "100", "SET": "labnet"}


def next_statement(f: Failure) -> Told:
    """A whole IMPORT, SHOW, RESET, LET, PARAM or SET, and behind it the beginning of another statement."""
    statement, first = f.frame.statement, f.found
    if statement is None or statement.kind not in _SHORT or f.frame.opener is not None or f.found.kind == "COMMA":
        return None
    whole = "$END" in f.expected and not f.ends
    if statement.kind == "SHOW" and len(f.fed) == 3 and f.fed[1].up in SHOWS and f.fed[1].up not in {"METHOD", "VERB"}:
        # The word that begins it was read as what SHOW METHOD takes.
        first, whole = f.previous, f.found.kind in VALUES | VERB_KINDS | {"LPAR"}
    at = next((i for i in range(f.first, f.end) if f.code.tokens[i].start == first.start), f.first)
    alone = f.code.text[f.code.tokens[at - 1].end : first.start]
    called = f.code.up(at + 1, f.end) == "(" and first.kind == "NAME" and ("\n" in alone or statement.kind != "SET")
    starts = first.up in STARTS - CLAUSE_WORDS and first.kind != "QUOTED" and first.kind != "STRING"
    if not whole or at == f.first or not (starts or called):
        return None
    return f"Statements end with a semicolon; put one before {first.text if called else first.up}", first.span


_SHORT = {"IMPORT", "SHOW", "RESET", "LET", "PARAM", "SET"}


def statement_form(f: Failure) -> Told:
    """LET, PARAM, SET, DEFINE, IMPORT, SHOW before their value begins."""
    statement = f.frame.statement
    if statement is None and f.fed and f.fed[0].kind == "DEFINE" and len(f.frames) == 2:
        return _define(f)
    if statement is None or (any(t.kind == "EQUAL" for t in f.fed) and statement.kind != "DEFINE") or f.frame.clauses:
        return None
    match statement.kind:
        case "SET":
            return _set(f)
        case "IMPORT":
            return _import(f)
        case "SHOW":
            return _show(f)
        case "DEFINE":
            return _define(f)
        case "LET" | "PARAM" if len(f.fed) == 2 and not f.ends:
            return _given(f)
    form = FORMS.get(statement.kind)
    return (form, f.found.span) if form else None


def _set(f: Failure) -> Told:
    if len(f.fed) > 2:
        return None
    name = f.fed[1].text if len(f.fed) > 1 else "model"
    value = f.value_after(f.at + (f.found.kind not in VALUES)) or "labnet"
    return f"SET is written SET {name} = {value}", f.found.span


def _import(f: Failure) -> Told:
    if f.found.kind == "COMMA":
        return "IMPORT takes one file: write IMPORT again for another", f.found.span
    start = f.found.start + (f.found.kind == "QUOTED")
    path = re.compile(r"[^\s;'\"]*").match(f.code.text, start)
    name = path[0] if path and path[0] else "names.clq"
    name = name if "." in name else f"{name}.clq"
    return f"IMPORT takes a file of clq in single quotes: IMPORT {encode_string(name)}", f.found.span


def _show(f: Failure) -> Told:
    if len(f.fed) == 1:
        return f"SHOW is followed by what to list: {', '.join(sorted(SHOW_WORDS))}, TABLES", f.found.span
    if f.fed[1].up == "LAYERS":
        value = f.value_after(f.at + (f.found.up in CLAUSE_WORDS)) or "labnet"
        return f"SHOW LAYERS is written SHOW LAYERS OF {value}", f.found.span
    shown = SHOWS.get(f.fed[1].up)
    return (f"SHOW {shown.word} is written {shown.form}", f.found.span) if shown and "VERB" not in f.expected else None


def _given(f: Failure) -> Told:
    """LET x labnet, LET x := labnet, LET x, y = …"""
    word, name = f.fed[0].kind, f.fed[1].text
    if f.found.kind == "COMMA":
        return f"{word} gives one name: {word} {name} = …; {word} {f.value_after(f.at + 1) or 'y'} = …", f.found.span
    skip = f.found.kind not in VALUES or f.found.up in {"AS", "IS", "TO", "BE"}
    at = f.at + skip
    value = f.value_after(at) or "…"
    if f.code.up(at, f.end) in VERB_WORDS:
        value = f"({f.code.up(at, f.end)} …)"
    if f.found.text == ":":  # PARAM k: int = 3
        equal = next((i for i in range(f.at, f.end) if f.code.up(i, f.end) == "="), f.at)
        value = f.value_after(equal + 1) or "…"
    return f"{word} is written {word} {name} = {value}", f.found.span


def _define(f: Failure) -> Told:
    """The head of DEFINE, up to AS."""
    name = f.fed[1].text if len(f.fed) > 1 else "top"
    if any(t.kind == "AS" for t in f.fed):
        return None
    if len(f.fed) == 2 and f.found.kind == "NAME" and name.upper() in {"FUNCTION", "MACRO", "QUERY", "VIEW"}:
        return f"DEFINE is followed by the name: DEFINE {f.found.text}(…) AS", f.previous.span
    if len(f.fed) == 2 and (f.found.up == "AS" or f.found.kind == "EQUAL"):
        return f"Behind its name stand parentheses, empty ones if it takes nothing: DEFINE {name}() AS …", f.found.span
    if f.found.kind == "PARAMETER" and f.previous.kind in {"LPAR", "COMMA"}:
        plain = f.found.text[1:]
        message = f"The arguments are plain names, and {f.found.text} stands for one in the query: {name}({plain})"
        return message, f.found.span
    if f.previous.kind == "EQUAL":
        return f"{f.before(2).text} needs a default behind =, or none: {f.before(2).text} = 3", f.found.span
    if f.previous.kind == "RPAR" and len(f.frames) == 1 and "AS" in f.expected:
        head = f.text_between(f.fed[1].start, f.previous.end)
        return f"AS stands before the query: DEFINE {head if len(head) <= 40 else f'{name}(…)'} AS …", f.found.span
    return FORMS["DEFINE"], f.found.span


def unfinished(f: Failure) -> Told:
    """LET x =, DEFINE f(x) AS, and a value that cannot begin so."""
    statement = f.frame.statement
    if statement is None or f.found.kind in VALUES:
        return None
    if f.previous.kind == "EQUAL" and len(f.fed) == 3:
        return _no_value(f, statement.kind)
    if f.previous.kind == "AS" and statement.kind == "DEFINE":
        head = f.text_between(f.fed[0].start, f.previous.end)
        head = head if len(head) <= 40 and head.isprintable() else f"DEFINE {f.fed[1].text}(…) AS"
        return f"What should {f.fed[1].text} ask? {head} EXPLAIN layer4 OF labnet", f.found.span
    return None


def _no_value(f: Failure, word: str) -> Told:
    name = f.fed[1].text
    if word == "LET":
        return f"What is {name}? LET {name} = labnet, or a query: LET {name} = (EXPLAIN layer4 OF labnet)", f.found.span
    return f"What is {name}? {word} {name} = {_VALUES.get(word, 'labnet')}", f.found.span


def no_query(f: Failure) -> Told:
    """DEFINE f() AS LET x = …: a statement where a query is expected."""
    starts = f.previous.kind == "NAME" and f.previous.up in CLQ_STARTS - VERB_WORDS
    if not starts or f.before(2).kind not in {"AS", "PLAN"}:
        return None
    word = f.before(2).kind
    holds = "DEFINE holds a query" if word == "AS" else "PLAN is followed by a query"
    return f"{holds}; {f.previous.up} is a statement of its own, before it", f.previous.span


def after_value(f: Failure) -> Told:
    """LET x = lab.probe ON y; LET x = 'boat', 'car'; PARAM k = 3 + 4."""
    statement = f.frame.statement
    if statement is None or "$END" not in f.expected or f.wants_clause or len(f.fed) < 4 or f.fed[2].kind != "EQUAL":
        return None
    start = f"{statement.kind} {f.fed[1].text} ="
    value = f.value_before() or "…"
    if f.found.kind == "COMMA":
        rest = f.text_between(f.fed[3].start, f.code.tokens[f.end - 1].end)
        text = f.fed[3].kind in {"STRING", "QUOTED"}
        listed = as_list(rest) if text and len(rest) <= 60 else f"[{value}, …]"
        if statement.kind == "SET":
            return f"SET sets one thing: {start} {value}; write SET again for another", f.found.span
        return f"Several values stand in a list: {start} {listed}", f.found.span
    if f.found.up in CLAUSE_WORDS:
        query = f"(EXPLAIN … {f.found.up} …)"
        return f"{f.found.up} is a clause of a query, which stands in parentheses: {start} {query}", f.found.span
    if f.found.text in {"+", "-", "*", "/", "%", "**"} or f.found.kind in {"INT", "FLOAT"}:
        return f"{statement.kind} takes one value, without arithmetic: {start} {value}", f.found.span
    return f"{statement.kind} ends with its value: {start} {value}", f.found.span


def unknown_verb(f: Failure) -> Told:
    """FOR explain, and (EXPLAN …): a word where a verb is expected."""
    if "VERB" in f.expected and f.found.kind in VALUES | {"$END"}:
        if f.ends:
            return "FOR needs a verb: SHOW METHODS FOR EXPLAIN", f.found.span
        near = did_you_mean(f.found.text, QUERY_VERBS) or f" Verbs: {', '.join(sorted(QUERY_VERBS))}"
        return f"No verb is called {f.found.text}.{near}", f.found.span
    opened = f.before(2).kind in {"LPAR", "PLAN", "AS", "ANALYZE"} and not f.frame.called
    if f.previous.kind != "NAME" or not opened or f.expected != {"LPAR"} or f.found.kind not in VALUES | VERB_KINDS:
        return None
    near = did_you_mean(f.previous.text, QUERY_VERBS)
    return (f"No verb is called {f.previous.text}.{near}", f.previous.span) if near else None
