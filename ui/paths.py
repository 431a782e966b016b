"""Files and folders that a path in quotes could go on to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..lang.assist import Completion, PathSlot

_MOST = 200
# What these take beside folders; others take any file.
_SUFFIXES: dict[str, frozenset[str]] = {
    "IMPORT": frozenset({".clq"}), "folder": frozenset(), "arrays": frozenset({".npz"}),
}  # fmt: skip


def complete_path(slot: PathSlot, folder: Path) -> list[Completion]:
    """Completions of the path in a slot, which is relative to `folder`; a folder goes on with a slash."""
    return list(_found(slot, folder))[:_MOST]


def _found(slot: PathSlot, folder: Path) -> Iterator[Completion]:
    inside, _, begun = slot.written.rpartition("/")
    lead = f"{inside}/" if "/" in slot.written else ""
    try:
        where = folder / Path(lead).expanduser()
        entries = sorted(where.iterdir(), key=lambda p: (not p.is_dir(), p.name))
    except (OSError, RuntimeError, ValueError):  # no such folder, no such user, a NUL
        return
    suffixes = _SUFFIXES.get(slot.keyword)
    for entry in entries:
        hidden = entry.name.startswith(".") and not begun.startswith(".")
        if hidden or not entry.name.lower().startswith(begun.lower()):
            continue
        if entry.is_dir():
            label, kind, detail = f"{lead}{entry.name}/", "folder", "a folder"
        elif suffixes is None or entry.suffix.lower() in suffixes:
            label, kind, detail = f"{lead}{entry.name}", "file", "a file"
        else:
            continue
        insert = label.replace("'", "''")
        yield Completion(label, "folder" if kind == "folder" else "file", insert, detail, "", slot.start, slot.end)
