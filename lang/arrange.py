"""The layout of one statement, from the terminals that it was read from and the comments among them.

Head and clauses are told by their words, the rest by brackets and commas, so a new clause or verb needs nothing here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import ast
from .failure import Terminal
from .layout import HARD, SOFT, Block, Break, Doc, Group, IfBroken, Line, Nest, concat, is_open, joined, on_one_line
from .remarks import Remarks, at_line_end, attach
from .scan import Code
from .verbs import CLAUSES, SPELLINGS, TAIL, VERBS

_ORDER = {word.split()[0]: i for i, word in enumerate((*CLAUSES, *TAIL))}
_TWO_WORDS = frozenset(word.split()[0] for word in (*CLAUSES, *TAIL) if " " in word) | frozenset(
    v.name for v in VERBS.values() if v.object in {"concepts", "outliers"}
)
# The clauses that stay on the line of the head while there is room.
_BESIDE = frozenset({"OF", "IN"})
_SQL = frozenset({"SQL", "CONDITION", "ORDERING"})
_AS_WRITTEN = frozenset({"NAME", "QUOTED", "STRING", "INT", "FLOAT", "VERB"}) | _SQL
_LOWER = frozenset({"TRUE", "FALSE", "NULL", "LOW", "RANDOM"})
_OPEN, _CLOSE = frozenset({"LPAR", "LSQB"}), frozenset({"RPAR", "RSQB"})
_LINE_ENDS = re.compile(r"([^\S\n\r]*(?:\r\n|\r|\n)\s*)")


class Source(NamedTuple):
    """What a text was read as: the terminals of each piece of clq by its first token, the pieces of SQL by place."""

    code: Code
    starts: Sequence[int]
    remarks: Remarks
    read: Mapping[int, Sequence[Terminal]]
    sqls: Mapping[int, ast.Sql]


class Arranged(NamedTuple):
    """Comments that belong on lines of their own before a thing, and the thing."""

    lead: list[str]
    doc: Doc

    def whole(self) -> Doc:
        return concat([*(part for note in self.lead for part in (note, HARD)), self.doc]) if self.lead else self.doc


def arranged(source: Source, first: int) -> Arranged:
    """The clq statement that begins at this token."""
    terminals = source.read[first]
    return _Fragment(source, terminals).statement(0, len(terminals))


# ------------------------------------------------------------------ SQL


def arranged_sql(source: Source, sql: ast.Sql) -> Block:
    """SQL as it stands, with the clq queries in it laid out."""
    parts: list[Doc] = []
    here = sql.span.start
    for island in sql.islands:
        made = _island(source, island)
        if made is not None:
            first, end, doc = made
            parts += [*_as_written(source, here, first), doc]
            here = end
    parts += _as_written(source, here, sql.span.end)
    text, start = source.code.text, sql.span.start
    before = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    indents = [p.indent for p in parts if isinstance(p, Break)]
    aligned = not before.strip() or min(indents, default=0) >= len(before)
    return Block(concat(parts), len(before) if aligned else len(before) - len(before.lstrip()), aligned)


def _island(source: Source, island: ast.Island) -> tuple[int, int, Doc] | None:
    """Where it stands and its layout. A query has its parentheses; a call goes on one line or stays as it is."""
    first, end = (bisect_left(source.starts, place) for place in (island.span.start, island.span.end))
    terminals = source.read[first]
    if isinstance(island.body, ast.Call):
        call = _Fragment(source, terminals)
        line = None if call.notes else on_one_line(call.item(0, call.end).doc)
        return None if line is None else (island.span.start, island.span.end, line)
    one, two = source.code.tokens[first - 1], source.code.tokens[end]
    around = (
        [Terminal("LPAR", one.text, one.start, one.end), *terminals, Terminal("RPAR", two.text, two.start, two.end)]
    )  # fmt: skip
    query = _Fragment(source, around)
    return one.start, two.end, query.item(0, query.end).doc


def _as_written(source: Source, start: int, end: int) -> list[Doc]:
    """A stretch of the text; its line ends, outside words and comments, can be indented anew."""
    text = source.code.text
    if not source.remarks.new_line(start, end):
        return [text[start:end]] if end > start else []
    out: list[Doc] = []
    tokens = source.code.tokens[bisect_left(source.starts, start) : bisect_left(source.starts, end)]
    kept = [(t.start, t.end) for t in tokens]
    kept += [(c.start, c.start + len(c.text)) for c in source.remarks.between(start, end)]
    for first, last in [*sorted(kept), (end, end)]:
        for k, gap in enumerate(_LINE_ENDS.split(text[start:first])):
            if k % 2:
                lines = gap.replace("\r\n", "\n").replace("\r", "\n").split("\n")
                out.append(Break(len(lines) - 1, len(lines[-1])))
            elif gap:
                out.append(gap)
        if last > first:
            out.append(text[first:last])
        start = last
    return out


# ------------------------------------------------------------------ clq


class _Item(NamedTuple):
    """Terminals up to a comma, and the comma."""

    first: int
    end: int
    comma: int | None


class _Fragment:
    """A run of terminals with its comments; ranges of terminals are half-open."""

    def __init__(self, source: Source, terminals: Sequence[Terminal]) -> None:
        self.source, self.terminals, self.end = source, terminals, len(terminals)
        self.notes = notes = attach(source.remarks, terminals)
        self.before, self.after, self.prefix, self.suffix = notes.before, notes.after, notes.prefix, notes.suffix
        self.partner: dict[int, int] = {}
        stack = []
        for i, terminal in enumerate(terminals):
            if terminal.kind in _OPEN:
                stack.append(i)
            elif terminal.kind in _CLOSE:
                self.partner[stack.pop()] = i

    def kind(self, i: int) -> str:
        return self.terminals[i].kind

    def outside(self, first: int, end: int) -> list[int]:
        """The terminals that stand in no bracket which opens in the range; the brackets themselves do."""
        out, i = [], first
        while i < end:
            out.append(i)
            if i in self.partner:
                i = self.partner[i]
                out.append(i)
            i += 1
        return out

    def noted(self, first: int, end: int) -> bool:
        """Whether there are comments outside the brackets of a range that need a line end."""
        places = self.outside(first, end)
        return any(i in self.after and self.kind(i) not in _OPEN for i in places) or any(
            i in self.before and self.kind(i) not in _CLOSE for i in places
        )

    # ------------------------------------------------------------ statements

    def statement(self, first: int, end: int) -> Arranged:
        kind = self.kind(first)
        if kind == "PLAN":
            start = first + (2 if self.kind(first + 1) == "ANALYZE" else 1)
            lead, body = self._notes(first, start), self._body(start, end)
            return Arranged([*lead, *body.lead], concat([self._words(first, start), " ", body.doc]))
        if kind == "DEFINE":
            start = next(i for i in self.outside(first, end) if self.kind(i) == "AS") + 1
            head, body = self.item(first, start), self._body(start, end)
            return Arranged(head.lead, Group(concat([head.doc, Nest(concat([Line(), body.whole()]))])))
        if kind in {"LET", "PARAM", "SET", "RESET", "IMPORT", "SHOW"}:
            return self.item(first, end)
        return self._query(first, end)

    def _body(self, first: int, end: int) -> Arranged:
        return self.item(first, end) if self.kind(first) in _SQL else self.statement(first, end)

    def _query(self, first: int, end: int) -> Arranged:
        starts = self._clause_starts(first, end)
        stop = starts[0] if starts else end
        head = self._clause(first, stop, 2)
        beside: list[Doc] = []
        below: list[Doc] = []
        ranges = zip(starts, [*starts[1:], end], strict=False)
        for a, b in sorted(ranges, key=lambda r: _ORDER[self.kind(r[0])]):
            clause = self._to(a, b) if self.kind(a) == "TO" else self._clause(a, b)
            on_head = self.kind(a) in _BESIDE and not below
            (beside if on_head else below).append(Nest(concat([Line(), clause.whole()])))
        if self.kind(stop - 1) in _CLOSE and len(self._items(first, stop)) == 1 and not is_open(head.doc):
            # After a bracket that stands on lines of its own there is room for what comes next.
            parts = [head.doc, Group(concat(beside)), *below] if beside else [head.doc, Group(concat(below))]
        else:
            parts = [Group(concat([head.doc, *beside])), *below]
        return Arranged(head.lead, Group(concat(parts)))

    def _clause_starts(self, first: int, end: int) -> list[int]:
        out: list[int] = []
        to = False
        for i in self.outside(first, end):
            kind = self.kind(i)
            if kind == "OF" and to:  # TO layer4 OF labself is one clause
                to = False
            elif kind in _ORDER:
                out.append(i)
                to = kind == "TO"
        return out

    def _to(self, first: int, end: int) -> Arranged:
        of = next(i for i in self.outside(first, end) if self.kind(i) == "OF")
        there, model = self._clause(first, of), self._clause(of, end)
        return Arranged(there.lead, Group(concat([there.doc, Nest(concat([Line(), model.whole()]))])))

    def _clause(self, first: int, end: int, steps: int = 1) -> Arranged:
        """A head or clause: its words, then one thing beside them, or several, with a line each if there is no room."""
        kind = self.kind(first)
        start = first if kind in _AS_WRITTEN else first + (2 if kind in _TWO_WORDS else 1)
        items = self._items(start, end)
        if len(items) < 2:
            return self.item(first, end)
        lead = [n for i in range(first, start) for n in self.before.get(i, ())]
        above, kept = _one_a_line([n for i in range(first, start) for n in self.after.get(i, ())])
        words: list[Doc] = [self._words(first, start), *map(at_line_end, kept)]
        listed = Nest(concat([Line(), joined(self._listed(items), Line())]), steps)
        return Arranged([*lead, *above], Group(concat([*words, listed])))

    def _words(self, first: int, end: int) -> str:
        return " ".join(self._text(i) for i in range(first, end))

    def _notes(self, first: int, end: int) -> list[str]:
        return [n for i in range(first, end) for n in (*self.before.get(i, ()), *self.after.get(i, ()))]

    # ------------------------------------------------------------ items

    def _items(self, first: int, end: int) -> list[_Item]:
        out, start = [], first
        for i in self.outside(first, end):
            if self.kind(i) == "COMMA":
                out.append(_Item(start, i, i))
                start = i + 1
        return [*out, _Item(start, end, None)] if start < end else out

    def _listed(self, items: Sequence[_Item], more: bool = False) -> list[Doc]:
        """Each item with the comma after it. `more`: one after the last too, where each has a line."""
        out: list[Doc] = []
        lead: list[str] = []
        for place in items:
            last = place is items[-1]
            mark: list[Doc] = [","] if not last else [IfBroken(",")] if more else []
            notes: list[str] = []
            if place.comma is not None:
                notes = self.after.get(place.comma, [])
                aside = self.suffix.get(place.comma)
                mark = [*([aside] if aside and last else []), *mark, *([aside] if aside and not last else [])]
            item = self.item(place.first, place.end, notes, mark)
            out.append(Arranged([*lead, *item.lead], item.doc).whole())
            # Before a comma, on a line of its own: about what comes next.
            lead = self.before.get(place.comma, []) if place.comma is not None else []
        return out

    def item(self, first: int, end: int, notes: Sequence[str] = (), mark: Sequence[Doc] = ()) -> Arranged:
        """Terminals side by side, then `mark`. Comments among them and `notes` go before and after the whole."""
        lead: list[str] = []
        after: list[str] = []
        parts: list[Doc] = []
        named = self._names_values(first)
        for i in self.outside(first, end):
            if self.kind(i) in _CLOSE:
                after += self.after.get(i, ())
                continue
            lead += self.before.get(i, ())
            gap = self._gap(i, named) if i > first else ""
            if gap:
                parts.append(gap)
            if i in self.partner:
                parts.append(self._bracket(i, self.partner[i]))
            else:
                after += self.after.get(i, ())
                parts += self._one(i)
        above, kept = _one_a_line([*after, *notes])
        return Arranged([*lead, *above], concat([*parts, *mark, *map(at_line_end, kept)]))

    def _bracket(self, first: int, close: int) -> Doc:
        """A bracket and what is in it, on lines of its own if it does not fit."""
        one, two = self._text(first), self._text(close)
        after, dangling = self.after.get(first, []), self.before.get(close, [])
        inner: list[Doc] = []
        if self.kind(first) == "LPAR" and not self._is_call(first):
            inner = [self._body(first + 1, close).whole()]
        elif items := self._items(first + 1, close):
            if self._hugs(items, first, close):
                return concat([one, self._bracket(first + 1, self.partner[first + 1]), two])
            inner = self._listed(items, more=self.kind(first) == "LSQB" and not self._follows_name(first))
            comma = items[-1].comma
            dangling = [*(self.before.get(comma, []) if comma is not None else []), *dangling]
        elif not (after or dangling):
            return one + two
        content: list[Doc] = [SOFT, joined(inner, Line())] if inner else []
        content += [part for note in dangling for part in (HARD, note)]
        closing = SOFT if inner and not dangling else HARD
        return Group(concat([one, *map(at_line_end, after), Nest(concat(content)), closing, two]))

    def _hugs(self, items: Sequence[_Item], first: int, close: int) -> bool:
        """Whether a bracket holds one bracket and nothing else: their lines are those of the inner one."""
        if len(items) != 1 or self.partner.get(first + 1) != close - 1:
            return False
        return not (first in self.after or close in self.before or self.noted(first + 1, close))

    def _is_call(self, opener: int) -> bool:
        return self.kind(opener) == "LPAR" and opener > 0 and self.kind(opener - 1) == "NAME"

    def _names_values(self, first: int) -> bool:
        """Whether an item that begins here is an argument of a call, not a formal of DEFINE."""
        opener = max((a for a, b in self.partner.items() if a < first < b), default=-1)
        return opener >= 0 and self._is_call(opener) and not (self.kind(0) == "DEFINE" and opener == 2)

    def _follows_name(self, i: int) -> bool:
        if i == 0:
            return False
        before = self.terminals[i - 1]
        return before.kind in {"NAME", "QUOTED", "RPAR"} or before.text.startswith("$")

    # ------------------------------------------------------------ terminals

    def _one(self, i: int) -> list[Doc]:
        if self.kind(i) not in _SQL:
            return [self._text(i)]
        around = self.prefix.get(i, ""), arranged_sql(self.source, self.source.sqls[self.terminals[i].start])
        return [part for part in (*around, self.suffix.get(i, "")) if part != ""]

    def _text(self, i: int) -> str:
        return f"{self.prefix.get(i, '')}{self._spelt(i)}{self.suffix.get(i, '')}"

    def _spelt(self, i: int) -> str:
        """Words of the language in capitals, names and values as they were written."""
        kind, text, first = self.kind(i), self.terminals[i].text, self.kind(0)
        if i == 1 and first in {"SET", "RESET"}:
            return text.lower()
        if kind == "TO" and i == 2 and first == "SET":
            return "="
        if (i == 1 and first == "SHOW") or (kind == "VERB" and self.kind(i - 1) == "FOR"):
            return SPELLINGS.get(text.upper(), text.upper())
        if kind in _AS_WRITTEN or not text.isalpha():
            return text
        return text.lower() if kind in _LOWER else SPELLINGS.get(text.upper(), text.upper())

    def _gap(self, i: int, named: bool) -> str:
        """The blank before a terminal beside another one. In a call: name=value."""
        one, two = self.kind(i - 1), self.kind(i)
        if two in {"COMMA", "COLON"} or one == "COLON" or one in _OPEN or two in _CLOSE:
            return ""
        if two in _OPEN and (self._is_call(i) if two == "LPAR" else self._follows_name(i)):
            return ""
        return "" if named and "EQUAL" in {one, two} else " "


def _one_a_line(notes: Sequence[str]) -> tuple[list[str], list[str]]:
    """A line holds one comment that goes on to its end; those before it move above the line."""
    early = notes[:-1]
    return [n for n in early if n.startswith("--")], [*(n for n in early if not n.startswith("--")), *notes[-1:]]
