"""Mistakes around values, statements and brackets: from a Failure to a message and its place, as `mistakes` asks."""

from __future__ import annotations

import re
from collections.abc import Set

from .ast import Span
from .failure import VALUES, Failure, Terminal, long_word
from .literals import encode_string
from .scan import CLAUSE_WORDS, CLQ_STARTS, SQL_QUERY, VERB_WORDS, words
from .verbs import CLAUSES

Told = tuple[str, Span] | None

_UNITS = words("LAYER LAYERS UNIT UNITS NEURON NEURONS CHANNEL CHANNELS FEATURE FEATURES")


# What people write before the name in a slot.
_SLOTS = words("MODEL MODELS METHOD DATASET DATA IMAGES VOCABULARY VOCAB WORDS JUDGE CAPTIONS LAYER LAYERS NAME CLASS")


def slice_dots(f: Failure) -> Told:
    """layer4[0..64], layer4[0-64], layer4[0 TO 64]."""
    opener = f.frame.opener
    if opener is None or opener.kind != "LSQB" or f.previous.kind not in {"INT", "LSQB"}:
        return None
    minus = f.found.kind == "INT" and f.found.text.startswith("-")
    if f.found.text not in {"..", "…", "–", "—", "−"} and f.found.up != "TO" and not minus:
        return None
    start = f.before(1 if f.previous.kind == "LSQB" else 2)
    name = next((t for before, t in zip(f.fed[1:], f.fed, strict=False) if before is opener), start)
    low = f.previous.text if f.previous.kind == "INT" else ""
    after = f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    high = after.text if after is not None and after.kind in {"number", "param"} else ""
    sign = Span(f.found.start, f.found.start + 1) if minus else f.found.span
    return f"A slice is written with a colon: {name.text}[{low}:{high}]", sign


def unit_of(f: Failure) -> Told:
    """unit 3 of layer4."""
    if f.found.kind != "INT" or f.previous.up not in _UNITS or f.previous.kind != "NAME":
        return None
    if f.code.up(f.at + 1, f.end) not in {"OF", "IN"} or f.code.up(f.at + 3, f.end) not in {"OF", "IN"}:
        return None
    layer = f.value_after(f.at + 2) or "layer4"
    return f"Units stand in brackets after their layer: {layer}[{f.found.text}]", f.previous.span


def selection(f: Failure) -> Told:
    """layer4[], layer4(0:64), layer4 unit 3, layer 4, layer4:3, layer4 3."""
    opener = f.frame.opener
    if opener is not None and opener.kind == "LSQB" and "COLON" in f.expected:
        told = _inside_brackets(f, opener)
        if told is not None:
            return told
    if f.frame.called or f.previous.kind != "NAME":
        return None
    name = f.previous.text
    if f.found.kind == "LPAR" and f.found.start == f.previous.end and "LSQB" in f.expected:
        return f"Units are selected in square brackets: {name}[0:64]", f.found.span
    after = f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    number = after is not None and after.kind == "number"
    if f.found.up in _UNITS and after is not None and number and "LSQB" in f.expected:
        return f"Units stand in brackets after their layer: {name}[{after.text}]", f.found.span
    if f.found.kind == "INT" and f.previous.up in _UNITS:
        return "A layer is written by its name, its units in brackets: layer4[0:64]", f.previous.span
    if f.found.kind == "INT" and "LSQB" in f.expected and not f.frame.clauses and not f.found.text.startswith("-"):
        return f"Units stand in brackets after their layer: {name}[{f.found.text}]", f.found.span
    beside = f.found.start == f.previous.end
    if f.found.text in {":", "@"} and beside and after is not None and "LSQB" in f.expected and not f.frame.opener:
        units = re.compile(r"[\d:]*\d").match(f.code.text, after.start)
        if f.found.text == ":" and units is not None and number:
            return f"Units stand in brackets after their layer: {name}[{units[0]}]", f.found.span
        if f.found.text == "@" and not f.frame.clauses:
            return f"The model comes after OF: {name} OF {f.value_after(f.at + 1) or 'labnet'}", f.found.span
    return None


def selection_of_text(f: Failure) -> Told:
    """ON 'pics'[0:4]"""
    functions = {"ON": "folder", "CONTRAST": "folder", "WITH": "words", "CAPTIONED BY": "captions"}
    clause = f.clause.keyword if f.clause is not None else ""
    if f.found.kind != "LSQB" or f.previous.kind != "STRING" or clause not in functions:
        return None
    close = f.code.partner.get(f.at)
    chosen = f.text_between(f.found.start, f.code.tokens[close].end) if close is not None else "[0:50]"
    chosen = chosen if len(chosen) <= 40 and chosen.isprintable() else "[…]"
    return f"A file is selected from through its function: {functions[clause]}({f.previous.text}){chosen}", f.found.span


def _inside_brackets(f: Failure, opener: Terminal) -> Told:
    name = next((t.text for before, t in zip(f.fed[1:], f.fed, strict=False) if before is opener), "layer4")
    if f.found.kind == "FLOAT":
        whole = f.found.text.split(".")[0] or "0"
        return f"What is selected is counted in whole numbers: {whole}, not {f.found.text}", f.found.span
    if f.previous.kind == "COMMA" and f.found.kind == "RSQB":
        return "Something is missing after the comma: a number, slice or name in quotes", f.found.span
    if f.previous.kind not in {"LSQB", "COMMA"}:
        return None
    if f.found.up in {"ALL", "*", "EVERY"}:
        return f"All of it is the name alone: {name}", f.found.span
    if f.found.up == "RANGE":
        return f"A slice is written with a colon: {name}[0:64]", f.found.span
    return f"Numbers, slices, names in quotes or a subquery select: {name}[0:64]", f.found.span


def text_for_name(f: Failure) -> Told:
    """OF 'labnet'."""
    if f.found.kind != "STRING" or "NAME" not in f.expected or "STRING" in f.expected or "CLASS" in f.expected:
        return None
    if f.previous.kind == "LPAR" or f.found.end - f.found.start < 2:
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
    if re.search(r"\.(png|jpe?g|gif|webp|bmp|tiff?)'$", text, re.I):
        return f"Images come after ON, behind what is looked for: CLASS 'boat' … ON {text}"
    if text.startswith("'"):
        synset = text if re.search(r"\.[nvars]\.\d+'$", text) else f"{text[:-1]}.n.01'"
        return f"What is {text}? Write CLASS {text}, TEXT {text} or SYNSET {synset}"
    called = f', or "{text}" for a layer that is called so' if text.isdigit() else ""
    return f"What is {text}? Write CLASS {text} for a class, layer4[{text}] for a unit{called}"


def bare_constant(f: Failure) -> Told:
    """CLASS boat."""
    kind = f.previous.kind
    if kind not in {"CLASS", "SYNSET", "TEXT", "FAILURE"}:
        return None
    if f.found.kind not in {"NAME", "QUOTED"}:
        if f.found.kind == "EQUAL":
            return f"{kind} is followed by its value, without =: {kind} {f.value_after(f.at + 1) or '…'}", f.found.span
        if f.found.kind == "FLOAT":
            return f"{kind} takes text or a whole number: {kind} {f.found.text.split('.')[0] or 0}", f.found.span
        takes = {
            "CLASS": "text or a number", "SYNSET": "text, such as 'bird.n.01'", "TEXT": "text in single quotes",
            "FAILURE": "text, such as 'car as boat'",
        }  # fmt: skip
        return f'{kind} needs {takes[kind]}; a layer of that name is written "{f.previous.text}"', f.found.span
    text = encode_string(f.found.text.strip('"'))
    says = {
        "CLASS": "A class is text or a number",
        "SYNSET": "A synset is text",
        "TEXT": "Text stands in single quotes",
        "FAILURE": "A failing slice is text, such as 'car as boat'",
    }
    return f"{says[kind]}: {kind} {text}", f.found.span


def bare_path(f: Failure) -> Told:
    """ON photos/val: the run of characters without a space, comma or bracket."""
    text, found = f.code.text, f.found
    drive = found.text == ":" and f.code.up(f.at + 1, f.end) in {"/", "\\", "//"}
    here = found.text in {".", ".."} and text[found.end : found.end + 1] in {"/", "\\"}
    if found.text not in {"/", "//", "~", "\\"} and not drive and not here:
        return None
    beside = f.previous.kind == "NAME" and f.previous.end == found.start
    start = f.previous.start if beside else found.start
    run = re.compile(r"[^\s,;()'\"\[\]]*").match(text, found.end)
    end = run.end() if run else found.end
    path, place = text[start:end], Span(start, end)
    if "://" in path:
        return "Nothing is fetched from the web: name a folder or file of this machine, ON 'photos/'", place
    if path == "/" or (f.frame.verb is not None and f.frame.verb.kind == "TARGET_VERB" and not f.frame.clauses):
        first, _, last = path.rpartition("/")
        if path.startswith("/") or not first:
            return "A star stands for any name of a layer: layer*", place
        return f"No name holds a /; the model comes after OF: {last} OF {first}", place
    if f.clause is not None and f.clause.keyword in {"OF", "USING"}:
        return f"No name holds a /: SHOW {(f.clause.several or '').upper()} lists what there is", place
    return f"A file or folder stands in single quotes: {encode_string(path)}", place


def loose_argument(f: Failure) -> Told:
    plain = f.found.kind in {"INT", "FLOAT", "STRING", "TRUE", "FALSE", "NULL"}
    named = f.frame.called and f.previous.kind == "NAME" and f.before(2).kind in {"LPAR", "COMMA"}
    if named and (plain or f.found.text in {":", "==", ":=", "=>", ">=", "<=", ">", "<"}):
        value = f.value_after(f.at + (not plain)) or "…"
        return f"An argument is written name=value: {f.previous.text}={value}", f.found.span
    if f.found.kind != "EQUAL" or f.frame.called or f.frame.clause is None:
        return _loose_name(f)
    last = f.frame.clause
    if f.previous is last or f.previous.kind == "BY":
        word = long_word(last.kind)
        return f"{word} is followed by its value, without =: {word} {f.value_after(f.at + 1) or '…'}", f.found.span
    argument = f"{f.previous.text}={f.value_after(f.at + 1) or '…'}"
    if f.previous.kind != "NAME" or f.before(2).kind not in CLAUSE_WORDS | {"BY"}:
        return f"Arguments stand in parentheses after their method: USING method({argument})", f.found.span
    if f.clause is not None and f.previous.up in _SLOTS:
        alone = f"{f.clause.keyword} {f.value_after(f.at + 1) or f.clause.example}"
        return f"{f.clause.keyword} takes the name alone: {alone}", f.previous.span.to(f.found.span)
    call = f"USING clip_dissect({argument})"
    return f"{f.previous.text} is an argument, which stands behind its method: {call}", f.found.span


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
    if f.found.kind == "LPAR":
        return "A call has one pair of parentheses: clip_dissect(top_k=50)", f.found.span
    last, this = f.value_before() or "…", f.value_after(f.at + joins) or f.found.text
    joined = f"{last}, {this}"
    if f.previous.up in {"AND", "OR"} and f.before(2).kind == "COMMA":
        return f"After a comma no {f.previous.up} is needed: {this}", f.previous.span
    clauses = ", ".join(_unused(f)[:3])
    message = f"Several {several} are joined by commas: {joined}. A clause begins with a word such as {clauses}"
    return message, f.found.span


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
    takes = f.clause.takes if f.clause and not f.frame.opener else "an argument" if f.frame.called else "a value"
    if f.frame.opener is None and f.frame.verb is not None and f.clause is None:
        takes = "a target"
    return f"Something is missing after the comma: {takes}", place


def stray_bracket(f: Failure) -> Told:
    if f.found.kind in {"RPAR", "RSQB"} and f.frame.opener is None:
        return f"This {f.found.text} closes nothing", f.found.span
    return ("This } closes nothing", f.found.span) if f.found.text == "}" else None


def missing_value(f: Failure) -> Told:
    """top_k=, and =5 without a name."""
    if not f.frame.called or f.found.kind in VALUES:
        return None
    if f.previous.kind == "EQUAL" and f.before(2).kind == "NAME":
        return f"{f.before(2).text} needs a value: {f.before(2).text}=…", f.found.span
    if f.found.kind == "EQUAL" and f.previous.kind in {"LPAR", "COMMA"}:
        return f"An argument is written name=value: …={f.value_after(f.at + 1) or '…'}", f.found.span
    return None


def anything(f: Failure) -> tuple[str, Span]:
    found = f.found.text.splitlines()[0] if f.found.text else ""
    found = found if len(found) <= 30 and found == f.found.text else f"{found[:30]}…"
    return (f"Unexpected {found}" if not f.ends else "Unexpected end") + f"; expected {f.spoken()}", f.found.span
