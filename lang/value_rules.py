"""Mistakes around values, statements and brackets: from a Failure to a message and its place, as `mistakes` asks."""

from __future__ import annotations

import re
from collections.abc import Set

from .ast import Span
from .diagnostic import did_you_mean
from .failure import VALUES, Failure, long_word
from .literals import encode_string
from .scan import CLAUSE_WORDS, CLQ_STARTS, SHOW_WORDS, SQL_QUERY, VERB_WORDS, words
from .verbs import CLAUSES, QUERY_VERBS

Told = tuple[str, Span] | None

_UNITS = words("LAYER LAYERS UNIT UNITS NEURON NEURONS CHANNEL CHANNELS FEATURE FEATURES")
FORMS = {
    "LET": "LET is written LET photos = folder('photos/')",
    "PARAM": "PARAM is written PARAM k = 100; then $k stands for it",
    "RESET": "RESET is written RESET model",
    "DEFINE": "DEFINE is written DEFINE top(layer, n = 3) AS EXPLAIN $layer …",
    "PLAN": "PLAN is followed by a query: PLAN EXPLAIN layer4 OF labnet",
}


def comment(f: Failure) -> Told:
    return ("Comments begin with --", f.found.span) if f.found.text in {"#", "//"} else None


def slice_dots(f: Failure) -> Told:
    """layer4[0..64], layer4[0-64], layer4[0 TO 64]."""
    opener = f.frame.opener
    if opener is None or opener.kind != "LSQB" or f.previous.kind not in {"INT", "LSQB"}:
        return None
    minus = f.found.kind == "INT" and f.found.text.startswith("-")
    if f.found.text != ".." and f.found.up != "TO" and not minus:
        return None
    start = f.before(1 if f.previous.kind == "LSQB" else 2)
    name = next((t for before, t in zip(f.fed[1:], f.fed, strict=False) if before is opener), start)
    low = f.previous.text if f.previous.kind == "INT" else ""
    after = f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    high = after.text if after is not None and after.kind in {"number", "param"} else ""
    sign = Span(f.found.start, f.found.start + 1) if minus else f.found.span
    return f"A slice is written with a colon: {name.text}[{low}:{high}]", sign


def selection(f: Failure) -> Told:
    """layer4[], layer4(0:64), layer4 unit 3, layer 4."""
    opener = f.frame.opener
    if opener is not None and opener.kind == "LSQB" and "COLON" in f.expected and f.previous.kind in {"LSQB", "COMMA"}:
        return "Numbers, slices, names in quotes or a subquery select: layer4[0:64]", f.found.span
    if f.frame.called or f.previous.kind != "NAME":
        return None
    if f.found.kind == "LPAR" and f.found.start == f.previous.end and "LSQB" in f.expected:
        return f"Units are selected in square brackets: {f.previous.text}[0:64]", f.found.span
    after = f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    if f.found.up in _UNITS and after is not None and after.kind == "number" and "LSQB" in f.expected:
        return f"Units stand in brackets after their layer: {f.previous.text}[{after.text}]", f.found.span
    if f.found.kind == "INT" and f.previous.up in _UNITS:
        return "A layer is written by its name, its units in brackets: layer4[0:64]", f.previous.span
    return None


def text_for_name(f: Failure) -> Told:
    """OF 'labnet'."""
    if f.found.kind != "STRING" or "NAME" not in f.expected or "STRING" in f.expected or "CLASS" in f.expected:
        return None
    name, word = f.found.text.strip("'"), f.clause.keyword if f.clause else f.previous.up
    return f"Single quotes enclose text; names stand without: {word} {name}", f.found.span


def bare_query(f: Failure) -> Told:
    """LET q = EXPLAIN …, EVALUATE EXPLAIN …"""
    return _bare(f, VERB_WORDS)


def bare_sql(f: Failure) -> Told:
    """ON SELECT …"""
    return _bare(f, SQL_QUERY - CLAUSE_WORDS)


def _bare(f: Failure, starts: Set[str]) -> Told:
    """The first word of a query was read as a name, and what follows it does not fit."""
    name, before = f.previous, f.before(2)
    if name.kind != "NAME" or name.up not in starts or before.kind in {"", "COMMA", "LPAR", "LSQB", "PLAN"}:
        return None
    if f.found.kind in {"RPAR", "RSQB", "COMMA", "$END"} or (f.wants_clause and f.found.kind in CLAUSE_WORDS):
        return None
    start = f.text_between(f.fed[0].start, name.start).rstrip() if before.kind == "EQUAL" else before.text
    return f"Put the query in parentheses: {start} ({name.up} …)", name.span


def bare_target(f: Failure) -> Told:
    if f.found.kind not in {"STRING", "INT", "FLOAT"} or not {"CLASS", "NAME"} <= f.expected:
        return None
    return what_is(f.found.text), f.found.span


def what_is(text: str) -> str:
    """The message for a constant where a target stands."""
    if text.startswith("'"):
        synset = text if re.search(r"\.[nvars]\.\d+'$", text) else f"{text[:-1]}.n.01'"
        return f"What is {text}? Write CLASS {text}, TEXT {text} or SYNSET {synset}"
    return f"What is {text}? Write CLASS {text} for a class, or name a layer: layer4[{text}]"


def bare_constant(f: Failure) -> Told:
    """CLASS boat."""
    kind = f.previous.kind
    if kind not in {"CLASS", "SYNSET", "TEXT"}:
        return None
    if f.found.kind not in {"NAME", "QUOTED"}:
        takes = {"CLASS": "text or a number", "SYNSET": "text, such as 'bird.n.01'", "TEXT": "text in single quotes"}
        return f'{kind} needs {takes[kind]}; a layer of that name is written "{f.previous.text}"', f.found.span
    text = encode_string(f.found.text.strip('"'))
    says = {
        "CLASS": "A class is text or a number",
        "SYNSET": "A synset is text",
        "TEXT": "Text stands in single quotes",
    }
    return f"{says[kind]}: {kind} {text}", f.found.span


def bare_path(f: Failure) -> Told:
    """ON photos/val: the run of characters without a space, comma or bracket."""
    drive = f.found.text == ":" and f.code.up(f.at + 1, f.end) in {"/", "\\"}
    if f.found.text not in {"/", "//", "~", "\\"} and not drive:
        return None
    text = f.code.text
    start = f.previous.start if f.previous.kind == "NAME" and f.previous.end == f.found.start else f.found.start
    run = re.compile(r"[^\s,;()'\"\[\]]*").match(text, f.found.end)
    end = run.end() if run else f.found.end
    return f"A file or folder stands in single quotes: '{text[start:end]}'", Span(start, end)


def statement_form(f: Failure) -> Told:
    """LET, PARAM, SET, DEFINE, IMPORT, SHOW before their value begins."""
    statement = f.frame.statement
    if statement is None and f.frame.called and f.fed and f.fed[0].kind == "DEFINE":
        statement = f.fed[0]
    if statement is None or (any(t.kind == "EQUAL" for t in f.fed) and statement.kind != "DEFINE") or f.frame.clauses:
        return None
    if statement.kind == "SET" and len(f.fed) <= 2:
        name = f.fed[1].text if len(f.fed) > 1 else "model"
        return f"SET is written SET {name} = {f.value_after(f.at) or 'labnet'}", f.found.span
    if statement.kind == "IMPORT":
        path = re.compile(r"[^\s;'\"]*").search(
            f.code.text, f.found.start if f.found.kind != "QUOTED" else f.found.start + 1
        )
        name = path[0] if path and path[0] else "words.clq"
        return f"IMPORT takes a file in single quotes: IMPORT '{name}'", f.found.span
    if statement.kind == "SHOW" and len(f.fed) == 1:
        return f"SHOW is followed by one of {', '.join(sorted(SHOW_WORDS))}", f.found.span
    if statement.kind == "DEFINE" and any(t.kind == "AS" for t in f.fed):
        return None
    if statement.kind == "SHOW" and f.fed[1].up == "LAYERS":
        return f"SHOW LAYERS is written SHOW LAYERS OF {f.value_after(f.at) or 'labnet'}", f.found.span
    if statement.kind in {"LET", "PARAM"} and len(f.fed) == 2 and not f.ends:
        value = f.value_after(f.at + (f.found.kind not in VALUES or f.found.up in {"AS", "IS", "TO"})) or "…"
        return f"{statement.kind} is written {statement.kind} {f.fed[1].text} = {value}", f.found.span
    form = FORMS.get(statement.kind)
    return (form, f.found.span) if form else None


def loose_argument(f: Failure) -> Told:
    plain = f.found.kind in {"INT", "FLOAT", "STRING", "TRUE", "FALSE", "NULL"}
    named = f.frame.called and f.previous.kind == "NAME" and f.before(2).kind in {"LPAR", "COMMA"}
    if named and (plain or f.found.text in {":", "==", ":=", "=>"}):
        value = f.value_after(f.at + (not plain)) or "…"
        return f"An argument is written name=value: {f.previous.text}={value}", f.found.span
    if f.found.kind != "EQUAL" or f.frame.called or f.frame.clause is None:
        return _loose_name(f)
    last = f.frame.clause
    if f.previous is last or f.previous.kind == "BY":
        word = long_word(last.kind)
        return f"{word} is followed by its value, without =: {word} {f.value_after(f.at + 1) or '…'}", f.found.span
    return f"Arguments stand in parentheses after their method: USING method({f.previous.text}=…)", f.found.span


def _loose_name(f: Failure) -> Told:
    """USING clip_dissect top_k = 5 fails at top_k, before the =."""
    using = f.frame.clause is not None and f.frame.clause.kind == "USING"
    if (
        not using
        or f.found.kind != "NAME"
        or f.code.up(f.at + 1, f.end) != "="
        or f.previous.kind not in {"NAME", "RPAR"}
    ):
        return None
    method = f.previous.text if f.previous.kind == "NAME" else "method"
    value = f.value_after(f.at + 2) or "…"
    call = f"{method}({f.found.text}={value})"
    return f"Arguments stand in parentheses after their method: {call}", f.found.span


def missing_semicolon(f: Failure) -> Told:
    starts = CLQ_STARTS | {"SET", "SHOW", "RESET", "IMPORT", "SELECT", "CREATE", "INSERT", "PIVOT", "COPY"}
    if "$END" not in f.expected or f.frame.opener is not None or f.found.up not in starts or f.at == f.first:
        return None
    return f"Statements end with a semicolon; put one before {f.found.up}", f.found.span


def missing_comma(f: Failure) -> Told:
    ends = VALUES | {"RPAR", "RSQB", "TRUE", "FALSE", "NULL"}
    starts = VALUES | {"TRUE", "FALSE", "NULL", "LPAR"}
    if "COMMA" not in f.expected or f.previous.kind not in ends or f.found.kind not in starts:
        return None
    if f.frame.opener is not None and not f.wants_clause:
        return f"A comma is missing before {f.found.text}", f.found.span
    several = f.clause.several if f.clause else "targets"
    joins = f.found.up in {"AND", "OR"}
    last, this = f.previous.text, f.value_after(f.at + joins) or f.found.text
    joined = f"{last}, {this}" if f.previous.kind in VALUES else f"…, {this}"
    words = ", ".join(_unused(f)[:3])
    return (
        f"Several {several} are joined by commas: {joined}. A clause begins with a word such as {words}",
        f.found.span,
    )


def _unused(f: Failure) -> list[str]:
    seen = {long_word(c.kind) for c in f.frame.clauses}
    verb = f.frame.verb_data()
    return [c for c in CLAUSES if c not in seen and (verb is None or c in verb.clauses)] or ["WHERE"]


def after_comma(f: Failure) -> Told:
    """OF labnet, ON lab.probe: ON was read as a name."""
    eaten = f.previous.kind == "NAME" and f.previous.up in CLAUSE_WORDS and f.before(2).kind == "COMMA"
    if f.previous.kind != "COMMA" and not (eaten and f.found.kind in VALUES):
        return None
    place = f.previous.span if eaten else f.found.span
    takes = f.clause.takes if f.clause and not f.frame.opener else "a value"
    if f.frame.opener is None and f.frame.verb is not None and f.clause is None:
        takes = "a target"
    return f"Something is missing after the comma: {takes}", place


def stray_bracket(f: Failure) -> Told:
    if f.found.kind in {"RPAR", "RSQB"} and f.frame.opener is None:
        return f"This {f.found.text} closes nothing", f.found.span
    return ("This } closes nothing", f.found.span) if f.found.text == "}" else None


def unknown_verb(f: Failure) -> Told:
    if "VERB" not in f.expected or f.found.kind not in VALUES | {"$END"}:
        return None
    if f.ends:
        return "FOR needs a verb: SHOW METHODS FOR EXPLAIN", f.found.span
    near = did_you_mean(f.found.text, QUERY_VERBS) or f" Verbs: {', '.join(sorted(QUERY_VERBS))}"
    return f"No verb is called {f.found.text}.{near}", f.found.span


def anything(f: Failure) -> tuple[str, Span]:
    found = f.found.text if len(f.found.text) <= 30 else f"{f.found.text[:30]}…"
    return (f"Unexpected {found}" if not f.ends else "Unexpected end") + f"; expected {f.spoken()}", f.found.span
