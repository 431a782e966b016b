"""The one error a user sees: code, place, what was found, what was expected, and what to write instead.

Diagnostic
 ├─ exit code 2: found before the first pass (syntax, names, arguments, missing folder or weights)
 └─ exit code 1: found while running (unreadable image, disk full, lost permission)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from .ast import Span
from .excerpt import excerpt, line_and_column, visible

# The code of a mistake that only follows from another one, which has been told; collectors drop it.
FOLLOWS = "follows"

Severity = Literal["error", "warning", "note"]


@dataclass(eq=False)
class Diagnostic(Exception):
    """`message` says what was found and what to write; `span` is its place in `text` (a script, named `path`).

    `trail` tells how the place was reached, innermost first: the call of a defined query, the IMPORT of its file.
    `about` names the layer or thing that is wrong where its place is not known: who knows the queries finds it.
    `also` are further mistakes found in the same look; a remark that stops nothing is a warning or a note.
    """

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    text: str | None = None
    path: str | None = None
    exit_code: int = 2
    severity: Severity = "error"
    trail: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    also: list[Diagnostic] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type[Diagnostic], tuple[object, ...]]:
        """Whole across processes: an exception is otherwise rebuilt from its message alone."""
        place = (self.code, self.message, self.span, self.hint, self.text, self.path)
        return type(self), (*place, self.exit_code, self.severity, self.trail, self.about, self.also)

    def within(self, text: str, path: str | None = None) -> Diagnostic:
        """The same diagnostic with the text it points into, if it has none yet."""
        for one in self.every():
            if one.text is None:
                one.text, one.path = text, path
        return self

    def every(self) -> list[Diagnostic]:
        """This one and those found with it."""
        return [self, *self.also]

    def position(self) -> tuple[int, int] | None:
        """Line and column, both from 1; None without a place."""
        if self.text is None or self.span is None:
            return None
        return line_and_column(self.text, self.span.start)

    def facts(self) -> dict[str, Any]:
        """For machines: file, severity, code, message, hint, trail, and line and column from 1 of start and end."""
        start = self.position()
        end = line_and_column(self.text, self.span.end) if self.text is not None and self.span is not None else None
        return {
            "file": self.path, "severity": self.severity, "code": self.code, "message": self.message,
            "line": start[0] if start else None, "column": start[1] if start else None,
            "end_line": end[0] if end else None, "end_column": end[1] if end else None,
            "hint": self.hint, "trail": list(self.trail),
        }  # fmt: skip

    def render(self) -> str:
        """The message as people read it: place, line, carets, hint, help page."""
        out = [f"{self.severity}[{self.code}]: {visible(self.message)}"]
        if self.text is not None and self.span is not None:
            found = excerpt(self.text, self.span)
            margin = " " * len(str(found.line))
            out += [
                f"{margin}--> {visible(self.path or '<query>')}:{found.line}:{found.column}",
                f"{margin} |",
                f"{found.line} | {found.source}",
                f"{margin} | {found.carets}",
            ]
        out += [f"  = {visible(line)}" for line in (*self.trail, *((self.hint or "").split("\n"))) if line]
        out.append(f"  = help: clq help {self.code}")
        return "\n".join(out)

    def __str__(self) -> str:
        return "\n\n".join(one.render() for one in self.every())

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show in place of a traceback."""
        from .paint import painted

        return painted(self).split("\n")


def as_one(problems: Iterable[Diagnostic]) -> Diagnostic | None:
    """Mistakes found together as one exception, in the order of their places; None if there are none."""
    # A list may hold a mistake beside the one that carries it already; and what has no place is said once, however
    # many names have met it.
    every = [one for problem in problems for one in problem.every()]
    found = list({id(one) if one.span is not None else one.message: one for one in every}.values())
    for one in found:
        one.also = []
    if not found:
        return None
    first, *rest = sorted(found, key=lambda d: d.span.start if d.span is not None else -1)
    first.also = rest
    return first


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    table = {k.lower(): k for k in known}
    found = get_close_matches(word.lower(), table, n=1, cutoff=0.6)
    return table[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean …?' with the nearest known word, or nothing."""
    near = nearest(word, known)
    return f" Did you mean {near}?" if near and near != word else ""


_MEANT = re.compile(r" Did you mean (.+?)\?(?=\s|$)")


def meant(problem: Diagnostic) -> str | None:
    """The known word that a message asks whether it was meant."""
    found = _MEANT.search(problem.message)
    return found[1] if found is not None else None


def listing(words: Iterable[str], most: int = 12) -> str:
    """Words joined by commas, cut after `most`."""
    all_ = list(words)
    return ", ".join(all_[:most]) + (f" … ({len(all_)} in all)" if len(all_) > most else "")
