"""The one error a user sees: code, place, what was found, what was expected, and what to write instead.

Diagnostic
 ├─ exit code 2: found before the first pass (syntax, names, arguments, missing folder or weights)
 └─ exit code 1: found while running (unreadable image, disk full, lost permission)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from .ast import Span


@dataclass(eq=False)
class Diagnostic(Exception):
    """`message` says what was found and what to write; `span` is its place in `text` (a script, named `path`)."""

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    text: str | None = None
    path: str | None = None
    exit_code: int = 2

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type[Diagnostic], tuple[object, ...]]:
        """Whole across processes: an exception is otherwise rebuilt from its message alone."""
        fields = (self.code, self.message, self.span, self.hint, self.text, self.path, self.exit_code)
        return type(self), fields

    def within(self, text: str, path: str | None = None) -> Diagnostic:
        """The same diagnostic with the text it points into, if it has none yet."""
        if self.text is None:
            self.text, self.path = text, path
        return self

    def position(self) -> tuple[int, int] | None:
        """Line and column, both from 1; None without a place."""
        if self.text is None or self.span is None:
            return None
        before = self.text[: self.span.start]
        return before.count("\n") + 1, self.span.start - (before.rfind("\n") + 1) + 1

    def render(self) -> str:
        """The message as people read it: place, line, carets, hint, help page."""
        where = self.position()
        out = [f"error[{self.code}]: {self.message}"]
        if where is not None and self.text is not None and self.span is not None:
            line, column = where
            source = self.text.split("\n")[line - 1]
            width = max(1, min(self.span.end, self.span.start + len(source) - column + 1) - self.span.start)
            margin = " " * len(str(line))
            lead = "".join("\t" if c == "\t" else " " for c in source[: column - 1])
            out += [
                f"{margin}--> {self.path or '<query>'}:{line}:{column}",
                f"{margin} |",
                f"{line} | {source}",
                f"{margin} | {lead}{'^' * width}",
            ]
        if self.hint:
            out.append(f"  = {self.hint}")
        out.append(f"  = help: clq help {self.code}")
        return "\n".join(out)

    def __str__(self) -> str:
        return self.render()


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    table = {k.lower(): k for k in known}
    found = get_close_matches(word.lower(), table, n=1, cutoff=0.6)
    return table[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean …?' with the nearest known word, or nothing."""
    near = nearest(word, known)
    return f" Did you mean {near}?" if near and near != word else ""


def listing(words: Iterable[str], most: int = 12) -> str:
    """Words joined by commas, cut after `most`."""
    all_ = list(words)
    return ", ".join(all_[:most]) + (f" … ({len(all_)} in all)" if len(all_) > most else "")
