"""Text that is laid out by its width: a document of pieces, and the printer that decides where its lines end.

A Group stands on one line if it fits, else each Line directly in it is a new line. Nest indents from the indentation of
the line on which its Group begins. A Suffix waits for the end of its line, as comments do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Union

WIDTH = 100
STEP = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A new line in a broken group, else `flat`; a `hard` one breaks its group."""

    flat: str = " "
    hard: bool = False


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that stands only where its group is broken."""

    text: str


@dataclass(frozen=True, slots=True)
class Suffix:
    """Goes to the end of the line. One that is `wide` counts where the line's width is decided."""

    text: str
    wide: bool

    @property
    def width(self) -> int:
        end = _line_end(self.text)
        return 0 if not self.wide else len(self.text) if end < 0 else end


@dataclass(frozen=True, slots=True)
class Break:
    """A line end that the user wrote inside a Block: how many, and the indentation that followed."""

    count: int
    indent: int


@dataclass(frozen=True, slots=True)
class Concat:
    """`forced`: it cannot stand on one line. `open`: it ends in a Suffix, so that only a line end should follow."""

    parts: tuple[Doc, ...]
    forced: bool
    open: bool


@dataclass(frozen=True, slots=True)
class Nest:
    doc: Doc
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    doc: Doc


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of the user's, which move together by as much as their `anchor` does, but not left of the first line.

    The anchor is the column of the first character if the lines are `aligned` to it, else the indentation of its line.
    """

    doc: Concat
    anchor: int
    aligned: bool


Doc = Union[str, Line, IfBroken, Suffix, Break, Concat, Nest, Group, Block]

HARD = Line(hard=True)
SOFT = Line("")


def concat(parts: Iterable[Doc]) -> Concat:
    """The parts one after the other."""
    kept = tuple(parts)
    ends = any(is_open(one) and not isinstance(two, Suffix) for one, two in pairwise(kept))
    return Concat(kept, ends or any(map(is_forced, kept)), bool(kept) and is_open(kept[-1]))


def is_forced(doc: Doc) -> bool:
    """Whether it holds a line end whatever its width."""
    match doc:
        case Concat():
            return doc.forced
        case Nest() | Group() | Block():
            return is_forced(doc.doc)
        case Line():
            return doc.hard
        case _:
            return isinstance(doc, Break)


def is_open(doc: Doc) -> bool:
    """Whether it ends in a Suffix."""
    match doc:
        case Concat():
            return doc.open
        case Nest() | Group() | Block():
            return is_open(doc.doc)
        case _:
            return isinstance(doc, Suffix)


def _line_end(text: str) -> int:
    """Where the first line of a text ends; -1 if it has one line."""
    return min((i for i in (text.find("\n"), text.find("\r")) if i >= 0), default=-1)


def joined(docs: Sequence[Doc], between: Doc) -> Concat:
    out: list[Doc] = []
    for doc in docs:
        out += [between, doc] if out else [doc]
    return concat(out)


def on_one_line(doc: Doc) -> str | None:
    """Its text on one line however long, or None if it holds a line end or waits for one."""
    if is_forced(doc) or is_open(doc):
        return None
    match doc:
        case str():
            return doc
        case Line():
            return doc.flat
        case Concat():
            return "".join(on_one_line(part) or "" for part in doc.parts)
        case Nest() | Group() | Block():
            return on_one_line(doc.doc)
        case _:
            return ""


class Printer:
    """Prints one document. Entries of `todo` are (indentation of its lines, whether all is on one line, document)."""

    def __init__(self, end: str) -> None:
        self.end = end
        self.out: list[str] = []
        self.column = self.margin = 0
        self.lead = 0  # the line's own blanks: not the margin after text that holds a line end
        self.waiting: list[Suffix] = []
        self.todo: list[tuple[int, bool, Doc]] = []

    def print(self, doc: Doc) -> str:
        """The document's text, without a line end after it."""
        self.todo.append((0, False, doc))
        while self.todo:
            self._print(*self.todo.pop())
        self.out += [one.text for one in self.waiting]
        return "".join(self.out)

    def _print(self, indent: int, flat: bool, doc: Doc) -> None:
        match doc:
            case str():
                self._write(doc)
            case Concat():
                self.todo += [(indent, flat, part) for part in reversed(doc.parts)]
            case Line():
                if flat:
                    self._write(doc.flat)
                else:
                    self._new_line(1, indent)
            case IfBroken():
                self._write("" if flat else doc.text)
            case Suffix():
                self.waiting.append(doc)
            case Nest():
                self.todo.append((indent + doc.steps * STEP, flat, doc.doc))
            case Group():
                flat = flat or (not is_forced(doc.doc) and self._fits(doc.doc))
                self.todo.append((self.margin, flat, doc.doc))
            case Block():
                moved, least = (self.column if doc.aligned else self.lead) - doc.anchor, self.margin
                for part in reversed(doc.doc.parts):
                    if isinstance(part, Break):
                        part = Break(part.count, max(least, part.indent + moved))
                    self.todo.append((indent, flat, part))
            case Break():
                self._new_line(doc.count, doc.indent)

    def _write(self, text: str) -> None:
        self.out.append(text)
        last = max(text.rfind("\n"), text.rfind("\r"))
        if last < 0:
            self.column += len(text)
        else:
            line = text[last + 1 :]
            self.column, self.lead = len(line), len(line) - len(line.lstrip())

    def _new_line(self, count: int, indent: int) -> None:
        self.out += [*(one.text for one in self.waiting), self.end * count, " " * indent]
        self.waiting.clear()
        self.column = self.margin = self.lead = indent

    def _fits(self, doc: Doc) -> bool:
        """Whether the document and what follows it up to the next place for a line end have room on this line."""
        room = WIDTH - self.column
        ends = sum(one.width for one in self.waiting)  # what will stand at the end of the line
        rest = len(self.todo)
        todo: list[tuple[bool, Doc]] = [(True, doc)]
        while room >= 0:
            if todo:
                flat, one = todo.pop()
            elif rest:
                rest -= 1
                _, flat, one = self.todo[rest]
            else:
                return room >= ends
            match one:
                case str():
                    end = _line_end(one)
                    if end >= 0:
                        return room >= end
                    room -= len(one)
                case Concat():
                    todo += [(flat, part) for part in reversed(one.parts)]
                case Line():
                    if not flat or one.hard:
                        return room >= ends
                    room -= len(one.flat)
                case IfBroken():
                    room -= 0 if flat else len(one.text)
                case Suffix():
                    ends += one.width
                case Nest() | Block():
                    todo.append((flat, one.doc))
                case Group():
                    todo.append((flat and not is_forced(one.doc), one.doc))
                case Break():
                    return room >= ends
        return False
