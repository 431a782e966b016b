"""Texts of the language made by walking its own grammar: a new production is generated without a word here.

The walk takes its choices from a `random.Random`, which may be one of hypothesis. Words stand in upper or lower case,
with blanks, line ends and comments between them; SQL has queries in it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from typing import Any

from clq.lang.grammar import tables
from clq.lang.scan import scan
from clq.lang.verbs import QUERY_VERBS, VERBS

DEEPEST = 14
PLAIN = ["x1", "labnet", "größe", "ofx", "falcon"]
NAMES = ["layer4", "labnet", "lab.probe", "features.18.0", "layer*", "clip_dissect", "top_k"]
# What the scanner and not the grammar makes of the text. An entry for a rule comes before one for any rule.
WORDS: dict[str | tuple[str, str], list[str]] = {
    "NAME": [*NAMES, *PLAIN],
    **{(rule, "NAME"): PLAIN for rule in ("let", "param", "define", "into", "call")},
    ("set", "NAME"): ["model", "dataset", "judge", "seed"],
    ("reset", "NAME"): ["vocabulary", "device"],
    ("limit", "INT"): ["5", "1_000"],
    ("show", "NAME"): ["models", "layers", "methods", "METHOD", "verb", "runs"],
    "QUOTED": ['"a b"', '"layer4"', '"of"'],
    "STRING": ["'boat'", "'it''s'", "'a;b -- c'", "E'\\n'", "$$x$$", "'two\nlines  \r\n'"],
    "PARAMETER": ["$k", "$layer"],
    "INT": ["0", "7", "1_000", "-2"],
    "FLOAT": ["0.5", "1e-3", ".25"],
    "TARGET_VERB": [*(v.name for v in VERBS.values() if v.object == "targets"), "VISUALISE"],
    "SOURCE_VERB": [v.name for v in VERBS.values() if v.object == "source"],
    "VERB": sorted(QUERY_VERBS),
}
# Pieces of SQL; each {} is a query of clq.
SQL = {
    "SQL": [
        "SELECT image FROM lab.probe", "FROM t", "WITH c AS (SELECT 1) SELECT * FROM c -- why\n",
        "SELECT a,\n       b  \nFROM t\n\nWHERE '\n  ' < c", "FROM {}",
        "SELECT x FROM {} AS a,\n  {} JOIN t USING (unit)", "FROM x1(layer4 , [ 1 ,], k = TRUE) AS a",
    ],
    "CONDITION": [
        "rank = 1", "score > 0.5 AND concept IN ('a', 'b')", "rank <= $k -- best\n AND true", "unit IN {}",
        "a\r\n\tOR b /* or\n so */\n",
    ],
    "ORDERING": ["score DESC", "rank, concept NULLS LAST", "1,\n2"],
}  # fmt: skip
STATEMENTS = [*SQL["SQL"], "{} UNION ALL {}", "CREATE TABLE t AS {}", "EXPLAIN SELECT 1"]
BLANKS = [" ", " ", " ", " ", "\n", "  ", "\t", "\r\n", "\n\n"]
COMMENTS = [" /* {} */ ", " /* {} */ -- and\n", " -- {}\n", "\n-- {}\n", "\n/* {} */", "/* {}\n */\n", " --{} \r\n"]
# Beside these no blank is needed.
ALONE = frozenset("()[],:=")


@cache
def productions() -> dict[str, list[Any]]:
    """The expansions of each rule, as lark has them after it has written out repetitions."""
    out: dict[str, list[Any]] = defaultdict(list)
    for rule in tables().lark.rules:
        out[rule.origin.name].append(rule)
    return out


@cache
def keywords() -> dict[str, str]:
    return {t.name: t.pattern.value for t in tables().lark.terminals if type(t.pattern).__name__ == "PatternStr"}


@cache
def depths() -> dict[str, int]:
    """How deep the shallowest text of each rule is."""
    out: dict[str, int] = {}
    while True:
        before = dict(out)
        for name, rules in productions().items():
            found = [d for r in rules if (d := _depth(r, before)) is not None]
            if found:
                out[name] = 1 + min(found)
        if out == before:
            return out


def _depth(rule: Any, known: dict[str, int]) -> int | None:
    inner = [0 if s.is_term else known.get(s.name) for s in rule.expansion]
    return None if None in inner else max((d for d in inner if d is not None), default=0)


class _Sql(str):
    """A whole statement of SQL inside clq."""


def _misplaced(words: list[str], i: int) -> bool:
    """Whether SQL stands where the scanner does not look for it: beside other arguments of a call."""
    before, after = words[i - 1] if i else "", words[i + 1] if i + 1 < len(words) else ""
    return isinstance(words[i], _Sql) and before.upper() not in {"PLAN", "ANALYZE", "AS"} and before + after != "()"


class Writer:
    """Makes statements; `used` are the productions that were taken. Every comment has a text of its own."""

    def __init__(self, source: random.Random, comments: bool = True) -> None:
        self.source, self.comments = source, comments
        self.used: set[Any] = set()
        self.count = 0

    def script(self) -> str:
        """A few statements."""
        made = [self.sql(STATEMENTS, 2) if self.source.random() < 0.2 else self.statement()
                for _ in range(self.source.randint(1, 3))]  # fmt: skip
        return self.blank(False) + ";".join(made) + self.source.choice(["", ";", ";\n", ";;"])

    def statement(self, start: str = "start", depth: int = 0) -> str:
        words = self.words(start, depth)
        out = [self.blank(False)]
        for i, word in enumerate(words):
            tight = word[-1] in ALONE or (i + 1 < len(words) and words[i + 1][0] in ALONE)
            out += [word, self.blank(not tight)]
        return "".join(out)

    def blank(self, needed: bool, commented: float = 0.1) -> str:
        blank = self.source.choice(BLANKS if needed else ["", *BLANKS])
        if self.comments and self.source.random() < commented:
            for _ in range(self.source.choice([1, 1, 2])):
                self.count += 1
                blank += self.source.choice(COMMENTS).format(f"c{self.count}")
        return blank

    def words(self, start: str, depth: int) -> list[str]:
        """The words of one symbol of the grammar."""
        out: list[str] = []
        todo: list[tuple[Any, str, int]] = [(None, start, depth)]
        while todo:
            symbol, rule_name, depth = todo.pop()
            if symbol is not None and symbol.is_term:
                out.append(self.word(symbol.name, rule_name, depth))
                continue
            rules = productions()[rule_name if symbol is None else symbol.name]
            if depth > DEEPEST:
                shallowest = min(_depth(r, depths()) or 0 for r in rules)
                rules = [r for r in rules if (_depth(r, depths()) or 0) == shallowest]
            if self.source.random() < 0.2:  # most have many optional parts
                rules = [r for r in rules if len(r.expansion) == min(len(one.expansion) for one in rules)]
            rule = self.source.choice(rules)
            self.used.add(rule)
            todo += [(s, rule.origin.name, depth + 1) for s in reversed(rule.expansion)]
        return [self.source.choice(PLAIN) if _misplaced(out, i) else str(word) for i, word in enumerate(out)]

    def word(self, terminal: str, rule: str, depth: int) -> str:
        if terminal in SQL:
            return _Sql(self.sql(SQL[terminal], depth)) if terminal == "SQL" else self.sql(SQL[terminal], depth)
        choices = WORDS.get((rule, terminal)) or WORDS.get(terminal)
        if choices is not None and not terminal.endswith("VERB"):
            return self.source.choice(choices)
        word = self.source.choice(choices or [keywords()[terminal]])
        return self.source.choice([word, word.lower(), word.capitalize()])

    def sql(self, choices: list[str], depth: int) -> str:
        pieces = self.source.choice(choices if depth <= DEEPEST else [c for c in choices if "{}" not in c]).split("{}")
        out = [pieces[0]]
        for piece in pieces[1:]:
            out += ["(", self.statement("query", depth + 4), ")", piece]
        return "".join(out)


def script(source: random.Random) -> str:
    """A few statements."""
    return Writer(source).script()


def strewn(source: random.Random, text: str) -> str:
    """The text with blanks, line ends and comments between its words, in SQL as well."""
    writer = Writer(source)
    often = source.choice([0.02, 0.1, 0.3])
    out, here = [], 0
    for token in scan(text):
        gap = text[here : token.start]
        if source.random() < often and (not here or gap or token.up in ALONE):
            gap += writer.blank(False, 0.7)
        out += [gap, token.text]
        here = token.end
    return "".join([*out, text[here:]])
