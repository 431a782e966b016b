"""Where a parse stopped: what was read, what stands there, what could stand there, in which clause of which query."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .ast import Span
from .scan import CLAUSE_WORDS, Code, words
from .verbs import CLAUSES, SPELLINGS, TAIL, VERBS, Clause, Verb

VALUES = frozenset({"NAME", "QUOTED", "STRING", "PARAMETER", "INT", "FLOAT"})
VERB_KINDS = frozenset({"TARGET_VERB", "SOURCE_VERB", "DISCOVER", "DETECT"})
TAIL_WORDS = frozenset({"WHERE", "ORDER", "LIMIT", "INTO"})
STATEMENT_KINDS = frozenset({"LET", "PARAM", "SET", "RESET", "DEFINE", "IMPORT", "SHOW", "PLAN"})
_SPOKEN = {
    "NAME": "a name", "STRING": "text in single quotes", "INT": "a whole number", "LPAR": "(", "RPAR": ")",
    "LSQB": "[", "RSQB": "]", "EQUAL": "=", "COLON": ":", "COMMA": "a comma", "VERB": "a verb", "$END": "the end",
}  # fmt: skip
# Terminals that are spoken of together, by what they are the beginning of.
_TOGETHER = (
    (frozenset({"NAME", "STRING", "TRUE"}), VALUES | {"TRUE", "FALSE", "NULL", "LSQB", "LPAR"}, "a value"),
    (frozenset({"TARGET_VERB"}), VERB_KINDS | {"NAME", "SQL"}, "a query, such as EXPLAIN layer4 OF labnet"),
    (frozenset({"CLASS"}),
     words("NAME QUOTED PARAMETER CLASS SYNSET TEXT FAILURE MODEL CLASSES GROUP GROUPS FAILURES LPAR"),
     "a layer, CLASS, TEXT or another target"),
    (frozenset({"TRUE"}), words("TRUE FALSE NULL"), "true, false or null"),
)
_UNSPOKEN = frozenset({"QUOTED", "PARAMETER", "FLOAT", "SQL", "CONDITION", "ORDERING"})


class Terminal(NamedTuple):
    """What the grammar sees of one or more tokens."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    @property
    def up(self) -> str:
        return self.text.upper()


@dataclass
class Frame:
    """The innermost open bracket, and how far the query in it has come."""

    opener: Terminal | None = None
    called: bool = False
    statement: Terminal | None = None
    verb: Terminal | None = None
    clauses: list[Terminal] = field(default_factory=list)

    @property
    def clause(self) -> Terminal | None:
        return self.clauses[-1] if self.clauses else None

    @property
    def tail(self) -> Terminal | None:
        """The first clause of the SQL tail that was read."""
        return next((c for c in self.clauses if c.kind in TAIL_WORDS), None)

    def verb_data(self) -> Verb | None:
        return VERBS.get(SPELLINGS.get(self.verb.up, self.verb.up)) if self.verb else None


def long_word(kind: str) -> str:
    """JUDGED -> JUDGED BY, as the clause is called in full."""
    return {"JUDGED": "JUDGED BY", "CAPTIONED": "CAPTIONED BY", "ORDER": "ORDER BY"}.get(kind, kind)


@dataclass(frozen=True)
class Failure:
    """`found` is the terminal that did not fit, at token `at` of the range `first` to `end`."""

    code: Code
    first: int
    end: int
    at: int
    fed: tuple[Terminal, ...]
    found: Terminal
    expected: frozenset[str]
    nested: bool = False

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @cached_property
    def frames(self) -> list[Frame]:
        """The brackets that are open, outermost first, after the statement itself."""
        frames = [Frame()]
        before: Terminal | None = None
        for terminal in self.fed:
            frame = frames[-1]
            if terminal.kind in {"LPAR", "LSQB"}:
                called = terminal.kind == "LPAR" and before is not None and before.kind == "NAME"
                frames.append(Frame(terminal, called))
            elif terminal.kind in {"RPAR", "RSQB"} and len(frames) > 1:
                frames.pop()
            elif terminal.kind in VERB_KINDS:
                frame.verb = terminal
            elif terminal.kind in CLAUSE_WORDS or terminal.kind in TAIL_WORDS:
                frame.clauses.append(terminal)
            elif terminal.kind in STATEMENT_KINDS and frame.statement is None and not frame.verb:
                frame.statement = terminal
            before = terminal
        return frames

    @property
    def previous(self) -> Terminal:
        """The terminal before; the statement's own start if there is none."""
        return self.before(1)

    def before(self, back: int) -> Terminal:
        return self.fed[-back] if len(self.fed) >= back else Terminal("", "", self.found.start, self.found.start)

    @property
    def ends(self) -> bool:
        return self.found.kind == "$END"

    @property
    def clause(self) -> Clause | None:
        """The clause of the table that is being read."""
        last = self.frame.clause
        return CLAUSES.get(long_word(last.kind)) if last else None

    @property
    def wants_clause(self) -> bool:
        return "USING" in self.expected

    def text_between(self, start: int, end: int) -> str:
        return self.code.text[start:end]

    def value_after(self, token: int) -> str | None:
        """The value written from this token on, with its selection or arguments, if one stands there."""
        if token >= self.end or self.code.tokens[token].kind not in {"word", "quoted", "string", "param", "number"}:
            return None
        start, i = self.code.tokens[token].start, token
        while i + 1 < self.end and self.code.tokens[i + 1].start == self.code.tokens[i].end:
            after = self.code.tokens[i + 1]
            if i + 1 in self.code.partner:
                i = self.code.partner[i + 1]
            elif after.up in {".", "*", ".."} or after.kind in {"number", "word"}:
                i += 1
            else:
                break
        text = self.text_between(start, self.code.tokens[i].end)
        return text if "\n" not in text and len(text) <= 60 else None

    def value_before(self) -> str | None:
        """The value that was read last, with its selection or arguments."""
        depth, i = 0, len(self.fed) - 1
        while i > 0:
            kind = self.fed[i].kind
            depth += (kind in {"RPAR", "RSQB"}) - (kind in {"LPAR", "LSQB"})
            if depth == 0 and (kind in VALUES or (kind in {"LPAR", "LSQB"} and self.fed[i - 1].kind not in VALUES)):
                break
            i -= 1
        text = self.text_between(self.fed[i].start, self.previous.end) if i > 0 else ""
        return text if 0 < len(text) <= 60 and text.isprintable() else None

    def rest_of_line(self, token: int) -> str | None:
        """What is written from this token to the end of its line or statement."""
        if token >= self.end:
            return None
        start = self.code.tokens[token].start
        text = self.text_between(start, self.code.tokens[self.end - 1].end).splitlines()[0].rstrip()
        return text if len(text) <= 60 and text.isprintable() else None

    def clause_text(self, token: int) -> str:
        """The clause that begins at this token, up to the next one, shortened to its first value."""
        word = self.code.tokens[token].text
        value = self.value_after(token + 1)
        if self.code.up(token + 1, self.end) == "BY":
            word, value = f"{word} BY", self.value_after(token + 2)
        return f"{word} {value}" if value else word

    def spoken(self) -> str:
        """What could stand here, in the user's words."""
        out: list[str] = []
        verb = self.frame.verb_data()
        if self.wants_clause:
            seen = {long_word(c.kind) for c in self.frame.clauses}
            able = [c for c in CLAUSES if c not in seen and (verb is None or c in verb.clauses)]
            out.append(f"a clause such as {', '.join(able[:4])}" if able else f"one of {', '.join(TAIL)}")
        left = self.expected - _UNSPOKEN
        if self.wants_clause:
            left -= TAIL_WORDS | CLAUSE_WORDS | {"LPAR"}
        for sign, every, phrase in _TOGETHER:
            if sign <= left:
                out.append(phrase)
                left -= every
        order = ["NAME", "STRING", "INT", *sorted(left - set(_SPOKEN)), *list(_SPOKEN)[3:]]
        out += [_SPOKEN.get(kind, long_word(kind)) for kind in order if kind in left]
        out = list(dict.fromkeys(out)) or ["nothing more"]
        return out[0] if len(out) == 1 else f"{', '.join(out[:-1])} or {out[-1]}"
