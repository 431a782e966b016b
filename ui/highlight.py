"""Colours of clq text: one table of patterns, from which the Pygments lexer and the TextMate grammar are made.

Which words are keywords is read from the grammar and from the tables of verbs and of the scanner. clq reserves no word:
the patterns say in which company a word is a keyword, as far as a regular expression can see that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pygments.lexer import RegexLexer, bygroups
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    _TokenType,
)

from .. import lang
from ..lang.reserved import RESERVED
from ..lang.scan import AFTER_COLUMN, BEFORE_SUBQUERY, CLAUSE_WORDS, SETTINGS, SHOW_WORDS, SQL_STARTS, VERB_WORDS, words
from ..lang.verbs import SPELLINGS, VERBS

# What a piece of text is: its scope in TextMate (".clq" is put behind it) and its token in Pygments.
SCOPES: dict[str, tuple[str, _TokenType]] = {
    "comment": ("comment.line.double-dash", Comment.Single),
    "block": ("comment.block", Comment.Multiline),
    "string": ("string.quoted.single", String.Single),
    "dollar": ("string.quoted.other.dollar", String.Other),
    "escape": ("constant.character.escape", String.Escape),
    "quoted": ("variable.other.quoted", Name),
    "number": ("constant.numeric", Number),
    "parameter": ("variable.parameter", Name.Variable),
    "verb": ("keyword.control.verb", Keyword),
    "keyword": ("keyword.other", Keyword),
    "sql": ("keyword.other.sql", Keyword.Reserved),
    "constant": ("constant.language", Keyword.Constant),
    "setting": ("support.constant.setting", Name.Builtin),
    "argument": ("variable.parameter.argument", Name.Attribute),
    "call": ("entity.name.function", Name.Function),
    "name": ("variable.other", Name),
    "operator": ("keyword.operator", Operator),
    "punctuation": ("punctuation", Punctuation),
    "wrong": ("invalid.illegal", Error),
}


@dataclass(frozen=True)
class Match:
    """Text on one line; `kinds` are what the groups of the pattern are (None: nothing), or the whole of it."""

    pattern: str
    kinds: tuple[str | None, ...]


@dataclass(frozen=True)
class Region:
    """Text from `begin` to `end`, which may span lines; `inside` may stand in it, and so may itself if it `nests`."""

    begin: str
    end: str
    kind: str
    inside: tuple[Match, ...] = ()
    nests: bool = False


@cache
def grammar_words() -> frozenset[str]:
    """Every keyword terminal of the grammar."""
    text = files(lang).joinpath("grammar.lark").read_text(encoding="utf-8")
    return frozenset(re.findall(r'"([A-Z]+)"i', text))


def _any(some: Iterable[str]) -> str:
    return "(?i:" + "|".join(sorted(some, key=lambda word: (-len(word), word))) + ")"


NAME = r"[^\W\d][\w$]*"
# What follows a name, and never a keyword: a selection, an argument's value, a part of a path, more of a list.
_UNLESS_NAME = r"(?!\s*(?:=(?!=)|\.\D|[,\])]|::))"
_UNLESS_ARGUMENT = r"(?!\s*(?:=(?!=)|\.\w))"
_OBJECT = r"\s+(?:[\w'\"$(]|\*\s+(?i:OF)\b)"
_START = r"(?:^|(?<=[;(])|(?<=\*/)|(?i:(?<=\bPLAN)|(?<=\bANALYZE)))(\s*)"
_RESERVED = frozenset(word.upper() for word in RESERVED)
_CONSTANTS = words("TRUE FALSE NULL")
_OF_KINDS = words("CLASSES GROUPS FAILURES")
# Keywords of the grammar with patterns of their own: they stand beside certain others only.
_PLACED = _CONSTANTS | _OF_KINDS | words("""LET PARAM DEFINE IMPORT PLAN ANALYZE SET RESET SHOW DISCOVER CONCEPTS DETECT
    OUTLIERS LOW RANDOM CLASS SYNSET TEXT FAILURE MODEL GROUP""")
# Words that SQL does not reserve and that are as likely to be names or functions.
_COMMON = words("NAME AT SHOW SET GLOB LEFT RIGHT")


def _target_verbs() -> frozenset[str]:
    spelt = {**{v: v for v in VERBS}, **SPELLINGS}
    return frozenset(word for word, verb in spelt.items() if VERBS[verb].object == "targets")


def _keyword_rules() -> list[Match]:
    sql = (_RESERVED | BEFORE_SUBQUERY | AFTER_COLUMN) - _COMMON - VERB_WORDS
    verbs = _any(VERB_WORDS)
    column = rf"(?!\s+{_any(AFTER_COLUMN | _RESERVED)}\b)"
    kinds = rf"{_any(_OF_KINDS)}\b(?!\s*[.\[])"
    model = rf"(?i:MODEL|GROUP)\b(?=\s+(?!{_any(CLAUSE_WORDS | _RESERVED | {'BY'})}\b)[\w\"$])"
    return [
        # SHOW METHODS FOR EXPLAIN: what is shown, and a verb that is only named
        Match(
            rf"{_START}((?i:SHOW))(\s+)({_any(SHOW_WORDS)})\b(?:(\s+)((?i:FOR))\b)?(?:(\s+)({verbs})\b)?",
            (None, "keyword", None, "keyword", None, "keyword", None, "verb"),
        ),
        Match(rf"{_START}((?i:SET|RESET))(\s+)({_any(SETTINGS)})\b(?!\s*\.)", (None, "keyword", None, "setting")),
        Match(rf"{_START}((?i:LET|PARAM|DEFINE))\b(?=\s*$|\s+[\w\"])", (None, "keyword")),
        Match(rf"{_START}((?i:IMPORT|SET|RESET|SHOW))\b{_UNLESS_NAME}", (None, "keyword")),
        Match(
            rf"{_START}((?i:PLAN))\b(?:(\s+)((?i:ANALYZE))\b)?"
            rf"(?!\s+{_any(AFTER_COLUMN - SQL_STARTS)}\b)(?=\s*$|\s+\w|\s*\()",
            (None, "keyword", None, "keyword"),
        ),
        # These take the space before them too, else a verb alone, which does, would come first.
        Match(r"(\s*)\b((?i:DISCOVER))(\s+)((?i:CONCEPTS))\b", (None, "verb", None, "keyword")),
        Match(r"(\s*)\b((?i:DETECT))(\s+)((?i:OUTLIERS))\b", (None, "verb", None, "keyword")),
        Match(rf"(\s*)\b({_any(_target_verbs())})(\s+)({kinds}|{model})", (None, "verb", None, "keyword")),
        Match(r"\b((?i:CONTRAST))(\s+)((?i:LOW|RANDOM))\b(?!\s*[.\[])", ("keyword", None, "keyword")),
        Match(rf"\b((?i:FOR))(\s+)({kinds}|{model})", ("keyword", None, "keyword")),
        Match(rf"(?<=,)(\s*)({_any(_OF_KINDS)}\b(?=\s+(?i:OF)\b)|{model})", (None, "keyword")),
        Match(r"\b((?i:CLASS|SYNSET|TEXT|FAILURE))\b(?=\s*(?:['$(\[]|-?\d))", ("keyword",)),
        # A verb begins a statement or stands in parentheses, and its object follows; elsewhere it is a column.
        Match(rf"{_START}({verbs})\b{_UNLESS_NAME}{column}(?!\s*[;<>!+*/%|-](?!\s+(?i:OF)\b))", (None, "verb")),
        Match(rf"(?i:(?<=\bAS))(\s+)({verbs})\b(?={_OBJECT}){column}", (None, "verb")),
        Match(rf"\b({_any(_CONSTANTS)})\b{_UNLESS_ARGUMENT}", ("constant",)),
        Match(rf"\b({_any((grammar_words() - _PLACED) | CLAUSE_WORDS)})\b{_UNLESS_NAME}", ("keyword",)),
        Match(rf"{_START}({_any(SQL_STARTS - CLAUSE_WORDS)})\b{_UNLESS_NAME}", (None, "sql")),
        Match(rf"\b({_any(sql)})\b{_UNLESS_ARGUMENT}", ("sql",)),
    ]


@cache
def rules() -> tuple[Match | Region, ...]:
    """The table, in the order in which it is tried."""
    return (
        Match(r"--[^\n\r]*", ("comment",)),
        Region(r"/\*", r"\*/", "block", nests=True),
        Region(r"\b[eE]'", r"'(?!')", "string", (Match(r"\\.|''", ("escape",)),)),
        Region(r"'", r"'(?!')", "string", (Match(r"''", ("escape",)),)),
        Region(r'"', r'"(?!")', "quoted", (Match(r'""', ("escape",)),)),
        Region(r"(\$(?:[^\W\d]\w*)?\$)", r"\1", "dollar"),
        Match(r"\$\w+", ("parameter",)),
        # A path is a name whole: `features.18.0`, `t.text`, `blocks.*.mlp`.
        Match(r"[^\W\d]\w*\**(?:\.[\w*]+)+", ("name",)),
        Match(rf"(?<=[(,])(\s*)({NAME})(?=\s*=(?!=))", (None, "argument")),
        # Editors see a line at a time: after a line's end, name=value without blanks is an argument.
        Match(rf"^(\s*)({NAME})(?==[^=\s])", (None, "argument")),
        *_keyword_rules(),
        Match(rf"{NAME}(?=\()", ("call",)),
        Match(NAME, ("name",)),
        Match(r"(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?", ("number",)),
        Match(r"::|:=|->>?|=>|<=|>=|<>|!=|==|\|\||//|[-+*/%<>=!&|^~@:?#]", ("operator",)),
        Match(r"[()\[\]{},;.]", ("punctuation",)),
        Match(r"[^\s\w]", ("wrong",)),
    )


def _token(kind: str | None) -> _TokenType:
    return Text if kind is None else SCOPES[kind][1]


def _action(match: Match) -> object:
    return bygroups(*map(_token, match.kinds)) if re.compile(match.pattern).groups else _token(match.kinds[0])


def _states() -> dict[str, list[tuple[object, ...]]]:
    """The table as Pygments wants it: a state for each region."""
    root: list[tuple[object, ...]] = []
    states: dict[str, list[tuple[object, ...]]] = {"root": root}
    for number, rule in enumerate(rules()):
        if isinstance(rule, Match):
            root.append((rule.pattern, _action(rule)))
            continue
        token = _token(rule.kind)
        if "(" in rule.begin:  # what ends it is what began it: a state cannot remember, one pattern can
            root.append((rf"{rule.begin}[\s\S]*?(?:{rule.end}|\Z)", lambda _, m, t=token: iter([(m.start(), t, m[0])])))
            continue
        state = f"region{number}"
        root.append((rule.begin, token, state))
        states[state] = [
            *((inner.pattern, _action(inner)) for inner in rule.inside),
            *([(rule.begin, token, "#push")] if rule.nests else []),
            (rule.end, token, "#pop"),
            (r"[\s\S]", token),
        ]
    # Line breaks alone, so that what begins a line is seen to do so.
    root += [(r"[^\S\n]+", Text), (r"\n", Text)]
    return states


class ClqLexer(RegexLexer):  # type: ignore[misc]
    """clq and the SQL around it."""

    name = "clq"
    aliases = ("clq",)
    filenames = ("*.clq",)
    mimetypes = ("text/x-clq",)
    url = ""
    flags = re.MULTILINE
    tokens = _states()
