"""SQL with clq's answers in it: islands become names of relations, and DuckDB's positions are mapped back to the
text."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..lang.ast import Span
from ..lang.diagnostic import Diagnostic
from .files import disk_full

# As DuckDB hands on what the system says, in several kinds of error.
NO_SPACE = ("No space left on device", "Disk quota exceeded")
NOT_ALLOWED = ("Permission denied", "Read-only file system", "Operation not permitted", "Input/output error")
DAMAGED = (
    "checksum", "corrupt", "not a valid duckdb database", "could not read enough bytes", "failed to load",
    "replaying wal", "serializ",
)  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """`text` for DuckDB; `pieces` say where each stretch of it comes from: (start in text, length, start in the
    script)."""

    text: str
    pieces: tuple[tuple[int, int, int], ...]
    span: Span

    def origin(self, start: int, length: int) -> Span:
        """The stretch of the script behind a stretch of `text`."""
        for piece, size, source in reversed(self.pieces):
            if piece <= start:
                begin = source + min(start - piece, size)
                return Span(begin, max(begin + 1, min(begin + length, source + size)))
        return self.span


def place(sql: str, span: Span, islands: Sequence[tuple[Span, str]]) -> Placed:
    """Put what is given, such as `FROM "name"`, where each island stands; `sql` begins in the script at span.start."""
    out, pieces, here, length = [], [], span.start, 0
    for hole, stands in islands:
        before = sql[here - span.start : hole.start - span.start]
        pieces.append((length, len(before), here))
        pieces.append((length + len(before), 0, hole.start))
        out += [before, stands]
        length += len(before) + len(stands)
        here = hole.end
    rest = sql[here - span.start :]
    pieces.append((length, len(rest), here))
    return Placed("".join([*out, rest]), tuple(pieces), span)


def joined(*parts: str | Placed) -> Placed:
    """A statement put together from text of ours and fragments of the user's, which keep their places in the script.

    Raises ValueError without a fragment: there would be nothing to map an error back to.
    """
    text, pieces, spans = "", [], []
    for part in parts:
        if isinstance(part, Placed):
            pieces += [(len(text) + start, size, source) for start, size, source in part.pieces]
            spans.append(part.span)
            text += part.text
        else:
            text += part
    if not spans:
        raise ValueError("nothing of the user's stands in this statement")
    return Placed(text, tuple(pieces), spans[0])


def diagnostic_of(error: Exception, placed: Placed, exit_code: int = 2) -> Diagnostic:
    """What DuckDB said, at its place in the script. Expects the setting `errors_as_json`."""
    trouble = file_trouble(error)
    if trouble is not None:
        return trouble
    found = _facts(error)
    message, span = str(error), placed.span
    if found:
        message = f"{found.get('exception_type', 'SQL')} error: {said_by_duckdb(error)}"
        where = _location(found)
        if where is not None:
            first, length = where
            encoded = placed.text.encode()
            at = len(encoded[:first].decode(errors="ignore"))
            span = placed.origin(at, len(encoded[first : first + length].decode(errors="ignore")))
    first_line, _, rest = message.partition("\n")
    rest, _, candidates = rest.partition("Candidate functions:")  # of some there are a hundred
    several = [" ".join(line.split()) for line in candidates.splitlines() if line.strip()]
    if several:
        rest += f"Candidate functions: {', '.join(several[:3])}{', …' if len(several) > 3 else ''}"
    return Diagnostic("sql-error", first_line, span, hint=" ".join(rest.split()) or None, exit_code=exit_code)


def file_trouble(error: Exception, where: str = "the catalogue") -> Diagnostic | None:
    """What is said of an error of DuckDB that comes from the files below it; None for any other."""
    if not any(module.__module__ == "_duckdb" for module in type(error).__mro__):
        return None
    said = said_by_duckdb(error)
    if any(sign in said for sign in NO_SPACE):
        return disk_full(where)
    if any(sign in said for sign in NOT_ALLOWED):
        return Diagnostic(
            "store-unwritable", f"{where} cannot be written or read: {said}", exit_code=1,
            hint="give a folder you may write with --store DIR or $CLQ_STORE",
        )  # fmt: skip
    kind = type(error).__name__
    if any(sign in said.lower() for sign in DAMAGED) or kind in {"FatalException", "InternalException"}:
        return damaged(where, said)
    return None


def damaged(where: str, said: str) -> Diagnostic:
    return Diagnostic(
        "damaged-artifact", f"{where} is damaged: {' '.join(said.split())}", exit_code=1,
        hint=f"{rebuild_of(where)} makes it again from the Parquet files beside it",
    )  # fmt: skip


def rebuild_of(catalogue: str) -> str:
    """The command that makes the catalogue at this path again; what has no path is the store that was opened."""
    folder, name = os.path.split(catalogue)
    return f"clq cache rebuild --store {shlex.quote(folder or '.')}" if "." in name else "clq cache rebuild"


def said_by_duckdb(error: Exception) -> str:
    """The message of an error of DuckDB, with or without the setting `errors_as_json`."""
    return str(_facts(error).get("exception_message", error))


def _facts(error: Exception) -> dict[str, Any]:
    raw = str(error)
    start = raw.find("{")
    try:
        found = json.loads(raw[start:]) if start >= 0 else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _location(found: dict[str, Any]) -> tuple[int, int] | None:
    try:
        first, length = json.loads(found["location"])
        return int(first), int(length)
    except (KeyError, ValueError, TypeError):
        try:
            return int(found["position"]), 1
        except (KeyError, ValueError, TypeError):
            return None
