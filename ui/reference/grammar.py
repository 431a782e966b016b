"""grammar.md: the grammar that the parser uses, in EBNF, and what its terminals are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from ...lang.verbs import VERBS
from .markdown import code, table
from .markdown import page as made

# What the scanner hands to the parser as one piece.
TERMINALS = {
    "NAME": ("word", "a word, with dots and stars: `layer4`, `lab.words`, `blocks.*.mlp`; capitals count"),
    "QUOTED": ("quoted", 'a name in double quotes, one inside it doubled: `"my layer"`'),
    "STRING": ("text", "text in single quotes, one inside it doubled: `'it''s'`; also `$$…$$`"),
    "PARAMETER": ("$name", "a parameter: `$k`"),
    "INT": ("integer", "a whole number, perhaps negative: `-3`"),
    "FLOAT": ("float", "a number with a point or an exponent: `0.5`, `1e-3`"),
    "SQL": ("SQL", "a statement or query of DuckDB's, as it stands"),
    "CONDITION": ("condition", "a condition of SQL, up to ORDER BY, LIMIT, INTO or the end of the query"),
    "ORDERING": ("ordering", "what SQL takes after ORDER BY, up to LIMIT, INTO or the end of the query"),
}
_SPELT = {"import_": "import", "start": "statement"}
_OBJECTS = {"TARGET_VERB": {"targets"}, "SOURCE_VERB": {"source"}}
_TOKEN = re.compile(r'\s*(?:"(?P<literal>[^"]*)"i?|(?P<name>[A-Za-z_]+)|->\s*(?P<alias>\w+)|(?P<sign>[()\[\]|*+?]))')
WIDTH = 110


def page() -> str:
    rules = list(read(files("clq.lang").joinpath("grammar.lark").read_text(encoding="utf-8")))
    about = (
        "A script is statements with `;` between them. A statement that begins with a word of SQL goes to DuckDB as it "
        "stands; every other one is read by this grammar. `{ x }` stands for any number of x, `[ x ]` for one or none. "
        "Words of the language may be written in capitals or not, and none is reserved: a word is a keyword only where "
        "one may stand."
    )
    terminals = table(
        ("in the grammar", "what it is"), ((code(name), said) for name, said in TERMINALS.values())
    )
    comments = "Comments begin with `--` and end with the line, or stand between `/*` and `*/`, which nest."
    return made("Grammar", about, f"```ebnf\n{ebnf(rules)}\n```", "## Terminals", terminals, comments)


@dataclass(frozen=True)
class Rule:
    """A rule of the grammar: its alternatives, as text in EBNF."""

    name: str
    alternatives: tuple[str, ...]


def read(lark: str) -> Iterator[Rule]:
    """The rules of a grammar that lark reads, in its order. Terminals that are one keyword are written as such."""
    text = re.sub(r"^\s*//.*$", "", lark, flags=re.M)
    found = re.findall(r"^\??(\w+):((?:.*\n(?!\??\w+:|%))*.*)", text, flags=re.M)
    keywords = {name: m[1] for name, body in found if name.isupper() and (m := re.fullmatch(r'\s*"(\w+)"i\s*', body))}
    for name, body in found:
        if not name.isupper():
            yield Rule(_SPELT.get(name, name), tuple(_Reader(body, keywords).alternatives()))


class _Reader:
    """Turns one rule's body into EBNF."""

    def __init__(self, body: str, keywords: dict[str, str]) -> None:
        self.keywords = keywords
        self.tokens = [m for m in _TOKEN.finditer(body.strip()) if m.lastgroup != "alias"]
        self.here = 0

    def alternatives(self) -> list[str]:
        """What stands up to the closing bracket or the end, split at bars."""
        out = [self._sequence()]
        while self._sign() == "|":
            self.here += 1
            out.append(self._sequence())
        return out

    def _sign(self) -> str | None:
        return self.tokens[self.here]["sign"] if self.here < len(self.tokens) else None

    def _sequence(self) -> str:
        out: list[str] = []
        while self.here < len(self.tokens) and self._sign() not in {"|", ")", "]"}:
            out.append(self._item())
        return " ".join(out)

    def _item(self) -> str:
        token = self.tokens[self.here]
        self.here += 1
        if token["sign"] in {"(", "["}:
            inside = self.alternatives()
            self.here += 1
            text = " | ".join(inside)
            if token["sign"] == "[":
                return f"[ {text} ]"
            bracketed = f"( {text} )"
        else:
            bracketed = text = self._word(token)
        follows = self._sign()
        if follows in {"*", "+", "?"}:
            self.here += 1
            return {"*": f"{{ {text} }}", "+": f"{bracketed} {{ {text} }}", "?": f"[ {text} ]"}[follows]
        return bracketed

    def _word(self, token: re.Match[str]) -> str:
        if token["literal"] is not None:
            return f'"{token["literal"]}"'
        name = token["name"]
        if name in self.keywords:
            return f'"{self.keywords[name]}"'
        if name in TERMINALS:
            return TERMINALS[name][0]
        if name in _OBJECTS:
            return "( " + " | ".join(f'"{v.name}"' for v in VERBS.values() if v.object in _OBJECTS[name]) + " )"
        return "verb" if name == "VERB" else _SPELT.get(name, name)


def ebnf(rules: Sequence[Rule]) -> str:
    """The rules below each other, their equals signs in one column, a long rule with a line for each alternative."""
    width = max(len(r.name) for r in rules)
    verb = Rule("verb", tuple(f'"{name}"' for name in VERBS))
    return "\n".join(line for rule in (*rules, verb) for line in _lines(rule, width))


def _lines(rule: Rule, width: int) -> Iterator[str]:
    lead = f"{rule.name:<{width}} = "
    flat = lead + " | ".join(rule.alternatives) + " ;"
    if len(flat) <= WIDTH:
        yield flat
        return
    rows: list[str] = []
    short = all(len(a) < 15 for a in rule.alternatives)
    for alternative in rule.alternatives:
        if short and rows and len(lead) + len(rows[-1]) + 3 + len(alternative) <= WIDTH:
            rows[-1] += f" | {alternative}"
        else:
            rows.append(alternative)
    for i, row in enumerate(rows):
        yield (lead if not i else " " * (width + 1) + "| ") + row + (" ;" if i == len(rows) - 1 else "")
