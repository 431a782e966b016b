"""What the pages share: the words that stand above each, tables, and how arguments and columns are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...lang.bind import needed
from ...lang.declare import REQUIRED, Parameter
from ...lang.verbs import Column

NOTE = "<!-- Made by `clq docs` from the declarations: change those, not this page. -->"


def page(title: str, *parts: str) -> str:
    """A page from its title and its parts, with one empty line between them."""
    return "\n\n".join([f"# {title}", NOTE, *(p.strip("\n") for p in parts if p)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell is escaped."""
    lines = [_row(head), "|" + "---|" * len(head), *(_row(r) for r in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {c.replace('|', chr(92) + '|')} " if c else " " for c in cells) + "|"


def code(text: str) -> str:
    """Text in code type, or nothing."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    return ", ".join(map(code, texts))


def block(text: str) -> str:
    """An example that is shown and not run here."""
    return f"```text\n{text}\n```"


def columns(found: Iterable[Column]) -> str:
    return table(("column", "type", "meaning"), ((code(c.name), c.type, c.meaning) for c in found))


def parameters(found: Sequence[Parameter]) -> str:
    """A table of arguments."""
    if not found:
        return "It has no arguments."
    rows = ((code(p.name), type_of(p), default_of(p), range_of(p), meaning_of(p)) for p in found)
    return table(("argument", "type", "default", "range", "meaning"), rows)


def type_of(p: Parameter) -> str:
    """The type as people say it."""
    spoken = {"int": "whole number", "float": "number", "str": "text", "bool": "true or false", "thing": p.kind or "",
              "list": "text or list"}  # fmt: skip
    return spoken.get(p.type, p.type)


def borrowed(p: Parameter) -> bool:
    """Whether the default is what another thing says, such as the judge."""
    return p.type in {"int", "float"} and isinstance(p.default, str)


def default_of(p: Parameter) -> str:
    if p.default is REQUIRED:
        return "needed"
    if p.default is None:
        return code("null")
    if borrowed(p):
        return f"the {p.default}'s"
    own = "".join(f"; {value}: {code(str(default))}" for value, default in p.instead)
    return code(str(p.default).lower() if isinstance(p.default, bool) else str(p.default)) + own


def meaning_of(p: Parameter) -> str:
    """What it means, and beside what it means anything."""
    return p.meaning if p.only_with is None else f"{p.meaning} (only with {code(needed(p.only_with))})"


def range_of(p: Parameter) -> str:
    """The names that may be written, or the bounds."""
    if p.choices:
        return codes(p.choices)
    low, high = ("" if bound is None else f"{bound:g}" for bound in (p.low, p.high))
    return f"{low} … {high}".strip() if low or high else ""


def anchor(heading: str) -> str:
    """The part of an address that leads to a heading."""
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")
