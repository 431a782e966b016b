"""Mistakes around signs that other languages have: from a Failure to a message and its place, as `mistakes` asks."""

from __future__ import annotations

import re
import unicodedata

from .ast import Span
from .failure import VALUES, Failure
from .literals import encode_string
from .pasted import pasted
from .scan import CLAUSE_WORDS, CLQ_STARTS, SQL_QUERY, STARTS
from .verbs import CLAUSES

Told = tuple[str, Span] | None

JOINS = frozenset({"&", "|", "||", "+"})
_DASHES = frozenset("-–—−‐‑")
_NAMED_SIGN = re.compile(r"(?:\{\{?\s*|\$\{|[@:%<(]+)?([^\W\d]\w*)?[\s}>)s]*")
_KEY = re.compile(r"""['"]?(\w+)['"]?\s*(?::|=>?|==)\s*""")
_WORD_OR_TEXT = re.compile(r"""'((?:[^']|'')*)'|"([^"]*)"|([^\W\d]\w*(?:\.\w+)*)""")


def prompt(f: Failure) -> Told:
    """A prompt, fence or command before a line that goes on."""
    found = pasted(f.code, f.at, f.end)
    return (found.message, found.span) if found is not None and not _starts(f) else None


def prompt_before_statement(f: Failure) -> Told:
    found = pasted(f.code, f.at, f.end)
    return (found.message, found.span) if found is not None and _starts(f) else None


def _starts(f: Failure) -> bool:
    found = pasted(f.code, f.at, f.end)
    return found is not None and found.rest is not None and f.code.up(found.rest, f.end) in STARTS - CLAUSE_WORDS


def comment(f: Failure) -> Told:
    number = f.at + 1 < f.end and f.code.tokens[f.at + 1].kind == "number"
    if f.found.text == "#" and f.previous.kind == "NAME" and f.previous.end == f.found.start and number:
        return f"Units are selected in square brackets: {f.previous.text}[{f.code.tokens[f.at + 1].text}]", f.found.span
    return ("Comments begin with --", f.found.span) if f.found.text in {"#", "//"} else None


def lookalike(f: Failure) -> Told:
    """A sign that looks like another one, or like nothing."""
    sign = f.found.text
    if len(sign) != 1 or sign.isascii() or sign == "…" or f.found.kind != "OTHER":
        return None
    if sign in "‘’‚‛“”„‟«»´":
        return "Text stands in straight single quotes: 'boat'", f.found.span
    if not sign.isprintable():
        return f"An invisible character stands here (U+{ord(sign):04X}): take it out", f.found.span
    plain = "-" if sign in _DASHES else unicodedata.normalize("NFKC", sign)
    if not (plain.isascii() and plain.isprintable()) or len(plain) != 1:
        return None
    return f"This is a {unicodedata.name(sign, 'character').lower()}; write {plain}", f.found.span


def left_out(f: Failure) -> Told:
    """An ellipsis, copied from a message or an example."""
    if f.found.text not in {"…", "..", "."} or not f.expected & VALUES:
        return None
    dots = re.compile(r"…|\.{2,}").match(f.code.text, f.found.start)
    if dots is None:
        return None
    word = f.clause.keyword if f.clause and f.frame.opener is None else None
    example = f": {word} {CLAUSES[word].example}" if word else ""
    return f"{dots[0]} stands for what is to be filled in{example}", Span(f.found.start, dots.end())


def backtick(f: Failure) -> Told:
    if f.found.text != "`":
        return None
    close = f.code.text.find("`", f.found.end)
    end = close + 1 if close > 0 else f.found.end
    name = f.code.text[f.found.end : max(f.found.end, end - 1)].strip()
    if not name or "\n" in name:
        return "Names stand without quotes, or in double quotes", f.found.span
    return f"Names stand without quotes, or in double quotes: {name}", Span(f.found.start, end)


def template(f: Failure) -> Told:
    """OF {{ model }}, ${MODEL}, @model, :model, ?, %s, <model>."""
    if f.found.text not in {"{", "$", "@", ":", "%", "?", "<"} or not f.expected & VALUES:
        return None
    if f.previous.end == f.found.start and (f.previous.kind in VALUES or f.found.text == "?"):
        return None
    text = f.code.text[f.found.start : f.found.start + 60]
    braced = text.startswith(("{{", "${")) or re.match(r"\{\s*\w+\s*\}", text)
    if f.found.text in {"{", "$"} and not braced:
        return None
    found = _NAMED_SIGN.match(text)
    name = found[1] if found and found[1] and found[1] != "s" else "k"
    span = Span(f.found.start, max(f.found.end, f.found.start + len(found[0].rstrip() if found else "")))
    return f"What comes from outside is a parameter, ${name}: PARAM {name} = … gives it, or --param {name}=…", span


def statements_joined(f: Failure) -> Told:
    """A query && another."""
    if f.found.text not in {"&", "|"} or f.frame.verb is None or "$END" not in f.expected:
        return None
    last = f.at + (f.code.up(f.at + 1, f.end) == f.found.text)
    if f.code.up(last + 1, f.end) not in STARTS - CLAUSE_WORDS:
        return None
    span = Span(f.found.start, f.code.tokens[last].end)
    sign = f.text_between(span.start, span.end)
    return f"Statements end with a semicolon, and nothing joins them: write ; for {sign}", span


def other_join(f: Failure) -> Told:
    """conv1 && fc."""
    if f.found.text not in JOINS or "COMMA" not in f.expected or f.previous.kind in {"COMMA", ""}:
        return None
    last = f.at + (f.code.up(f.at + 1, f.end) == f.found.text)
    span = Span(f.found.start, f.code.tokens[last].end)
    after = f.value_after(last + 1)
    if after is None or f.code.up(last + 1, f.end) in CLAUSE_WORDS:
        return None
    before = f.value_before() or "…"
    several = f.clause.several if f.clause else "targets"
    if f.frame.opener is not None and not f.wants_clause:
        return f"Values are joined by commas: {before}, {after}", span
    return f"Several {several} are joined by commas: {before}, {after}", span


def shell_sign(f: Failure) -> Told:
    r"""> labels.csv, | head, a \ at the end of a line, --top_k: habits of a terminal."""
    text, sign = f.code.text, f.found.text
    if f.frame.verb is None or f.frame.called:
        return None
    if sign == ">" and ("$END" in f.expected or "RPAR" in f.expected):
        file = re.compile(r">*\s*['\"]?([\w./-]*)").match(text, f.found.start)
        name = file[1] if file and file[1] else "labels.csv"
        return f"Rows are kept by INTO: INTO {encode_string(name)}", f.found.span
    if sign == "|" and "$END" in f.expected:
        return "Nothing is piped here: LIMIT 10 keeps the first rows, WHERE some, INTO 'file.csv' all", f.found.span
    if sign == "\\" and re.compile(r"\\[ \t]*(?:[\r\n]|$)").match(text, f.found.start):
        return "A statement goes on over lines by itself: take \\ out", f.found.span
    option = re.compile(r"-{1,2}([A-Za-z]\w*)[ =]?(\S*)").match(text, f.found.start)
    using = f.clause is not None and f.clause.keyword == "USING" and f.previous.kind == "NAME"
    if sign == "-" and option is not None and using and f.previous.end < f.found.start:
        call = f"{f.previous.text}({option[1]}={option[2] or '…'})"
        return f"Arguments stand in parentheses after their method: {call}", Span(f.found.start, f.found.start + 2)
    return None


def dash_in_name(f: Failure) -> Told:
    """clip-dissect, resnet-18."""
    dash = f.found.text == "-" or (f.found.kind in {"INT", "FLOAT"} and f.found.text.startswith("-"))
    beside = f.previous.kind == "NAME" and f.previous.end == f.found.start
    found = re.compile(r"[\w.-]*\w").match(f.code.text, f.previous.start)
    if not dash or not beside or found is None or f.frame.called:
        return None
    name = found[0]
    written = f'"{name}" in double quotes if it is called so'
    plain = re.sub("-+", "_", name)
    return f"A name without quotes holds no -: write {plain}, or {written}", Span(f.previous.start, found.end())


def layer_range(f: Failure) -> Told:
    """layer1-layer4, layer1:layer4, layer1..layer4."""
    signs = frozenset({"-", "..", ":", "…", "–", "TO"})
    after = next((t for t in f.code.tokens[f.at + 1 : min(f.at + 3, f.end)] if t.kind == "word"), None)
    if f.found.text not in signs or f.previous.kind != "NAME" or after is None or f.frame.called:
        return None
    stem = f.previous.text.rstrip("0123456789")
    if after.text.rstrip("0123456789") != stem or stem == f.previous.text:
        return None
    several = f"{f.previous.text}, {after.text}"
    return f"Several layers are joined by commas, or matched by a star: {several} or {stem}*", f.found.span


def braces(f: Failure) -> Told:
    """falcon{top_k=5}, falcon[top_k=5], {'boat', 'car'}."""
    using = f.clause is not None and f.clause.keyword == "USING" and f.frame.opener is None
    if f.found.text != "{" and not (f.found.text == "[" and using):
        return None
    close = f.code.partner.get(f.at)
    if close is None:
        return None
    inside = f.code.text[f.found.end : f.code.tokens[close].start].strip()
    short = inside if inside.isprintable() and len(inside) <= 40 else ""
    if using or (f.previous.kind == "NAME" and re.search("[:=]", short)):
        name = f.previous.text if f.previous.kind == "NAME" and f.previous.up not in CLAUSE_WORDS else "clip_dissect"
        arguments = _KEY.sub(r"\1=", short) or "…"
        return f"Arguments stand in parentheses after their method: {name}({arguments})", f.found.span
    if "LSQB" in f.expected or "STRING" in f.expected:
        return f"A list stands in square brackets: {as_list(short)}", f.found.span
    if f.expected & {"TARGET_VERB", "SQL"}:
        return "A query stands here without braces: AS EXPLAIN layer4 OF labnet", f.found.span
    return None


def as_list(inside: str) -> str:
    """Words, in quotes of any kind or none, as a list of text."""
    found = [a or b or c for a, b, c in _WORD_OR_TEXT.findall(inside)]
    return f"[{', '.join(encode_string(one) for one in found)}]" if found else "['boat', 'car']"


def parentheses(f: Failure) -> Told:
    """WITH ('boat', 'car'), OF (labnet): parentheses that hold no query."""
    opener = f.frame.opener
    if f.found.kind in {"LPAR", "LSQB"} and f.previous.kind in {"OF", "IN", "USING", "TARGET_VERB", "TO"}:
        return _names_alone(f, f.at)
    if opener is None or opener.kind != "LPAR" or f.frame.called or len(f.frames) < 2:
        return None
    at = next((i for i, t in enumerate(f.code.tokens) if t.start == opener.start), None)
    if at is None or f.previous not in {opener, f.fed[-1]} or len(f.fed) - 1 - f.fed.index(opener) > 1:
        return None
    if f.previous is opener and f.found.kind not in VALUES | {"LSQB", "OTHER"}:
        return None
    if f.previous is not opener and (f.previous.kind != "NAME" or f.found.kind not in {"COMMA", "RPAR"}):
        return None
    before = f.fed[f.fed.index(opener) - 1] if f.fed.index(opener) else None
    inside = _inside(f, at)
    if before is not None and before.kind in {"CLASS", "SYNSET", "TEXT", "FAILURE"}:
        values = as_list(inside)[1:-1]
        return f"{before.kind} takes its values without parentheses: {before.kind} {values}", opener.span
    clause = f.frames[-2].clause
    names = re.fullmatch(r"[^\W\d]\w*(\.\w+)*(\s*,\s*[^\W\d]\w*(\.\w+)*)*", inside) is not None
    if names and (clause is None or clause.kind not in {"WITH", "CAPTIONED"} or "," not in inside):
        return _names_alone(f, at)
    return f"Parentheses enclose a query; a list stands in square brackets: {as_list(inside)}", opener.span


def _names_alone(f: Failure, at: int) -> Told:
    token, before = f.code.tokens[at], f.code.tokens[at - 1].text if at else ""
    inside = _inside(f, at)
    first = re.match(r"\w*", inside)
    if not inside or (first and first[0].upper() in CLQ_STARTS | SQL_QUERY):
        return None
    what = "Parentheses enclose a query" if token.up == "(" else "Square brackets enclose a list of text"
    word = before.upper() if before.upper() in CLAUSE_WORDS | CLQ_STARTS else before
    if before.upper() == "BY" and at > 1:
        word = f"{f.code.tokens[at - 2].text.upper()} BY"
    return f"{what}; names stand without: {word} {inside}", token.span


def _inside(f: Failure, at: int) -> str:
    close = f.code.partner.get(at)
    inside = f.code.text[f.code.tokens[at].end : f.code.tokens[close].start].strip() if close is not None else ""
    return inside if inside.isprintable() and len(inside) <= 60 else ""


def beside_text(f: Failure) -> Told:
    """'it's, ''boat'', f'boat'."""
    if f.found.kind == "STRING" and f.previous.end == f.found.start and f.previous.kind == "NAME":
        if len(f.previous.text) <= 2:
            return f"Text has no prefix here: {f.found.text}", f.previous.span
        return None
    if f.found.kind != "NAME" or f.previous.kind != "STRING" or f.previous.end != f.found.start:
        return None
    if f.previous.text == "''":
        return f"Text stands between one pair of single quotes: {encode_string(f.found.text)}", f.previous.span
    written = f"{f.previous.text}'{f.found.text}"
    return f"An apostrophe inside text is written twice: {written} …", Span(f.found.start - 1, f.found.start)


def number_and_word(f: Failure) -> Told:
    """20k.txt, 1e: a number that goes on as a word."""
    numbers = {"INT", "FLOAT"}
    first, second = (f.previous, f.found) if f.previous.kind in numbers else (f.found, None)
    word = f.code.tokens[f.at] if second is not None else f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    if first.kind not in numbers or word is None or word.kind != "word" or word.start != first.end:
        return None
    run = re.compile(r"[\w.]*\w").match(f.code.text, first.start)
    text = run[0] if run else first.text
    span = Span(first.start, first.start + len(text))
    if re.search(r"\.[A-Za-z]\w*$", text):
        return f"A file stands in single quotes: {encode_string(text)}", span
    return f"{text} is neither a number nor a name; text stands in single quotes: {encode_string(text)}", span


def stray_sign(f: Failure) -> Told:
    """A . or ! where a clause or the end could stand."""
    if f.found.text == "*" and f.code.text.startswith("*/", f.found.start):
        return "This */ ends no comment", Span(f.found.start, f.found.start + 2)
    if f.found.text not in {".", "!", ":", "?"} or "$END" not in f.expected | {"RPAR"}:
        return None
    after = f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    if after is not None and after.start == f.found.end:
        return None
    if f.found.text == "." and f.previous.kind == "NAME" and f.previous.end == f.found.start:
        return f"No name ends with a dot: {f.previous.text}", f.found.span
    if f.found.text == "?" and f.previous.kind == "NAME" and f.previous.end == f.found.start and not f.frame.clauses:
        return f"A star stands for any characters of a name: {f.previous.text}*", f.found.span
    return f"{f.found.text} has no meaning here: take it out", f.found.span
