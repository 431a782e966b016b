"""Files of the user's: one that is there, and what is said of one that cannot be read."""

from __future__ import annotations

from pathlib import Path

from ..lang.diagnostic import Diagnostic


def file_at(path: str) -> Path:
    """The file at a path. Raises Diagnostic 'unread-file' if there is none, or a folder."""
    place = Path(path).expanduser()
    if place.is_dir():
        raise Diagnostic("unread-file", f"{path} is a folder, and a file is asked for", hint=f"folder('{path}') is its "
                         "images, after ON")  # fmt: skip
    if not place.is_file():
        raise Diagnostic("unread-file", f"there is no file {path}", hint="paths are relative to where clq is started")
    return place


def not_read(path: object, error: Exception, otherwise: str) -> Diagnostic:
    """What is said of a file that is there: 'unread-file' where the system does not give it, else 'file-format' with
    `otherwise`, such as 'is no UTF-8 text'."""
    if isinstance(error, OSError) and error.errno is not None:
        why = "may not be read" if isinstance(error, PermissionError) else f"cannot be read: {error.strerror}"
        return Diagnostic("unread-file", f"{path} {why}", hint="mend its permissions, or take a copy of your own")
    return Diagnostic("file-format", f"{path} {otherwise}: {error}")
