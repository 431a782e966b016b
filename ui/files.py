"""INTO 'file': the rows of an answer in a file of the user's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..lang.ast import Into
from ..lang.diagnostic import Diagnostic
from .render import save

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".parquet", ".csv", ".json", ".jsonl")


def check_file(into: Into) -> Path:
    """The path of an INTO clause. Raises Diagnostic for a suffix that no format has, or a folder that is not there."""
    path = Path(into.name).expanduser()
    if path.suffix not in SUFFIXES:
        raise Diagnostic(
            "file-format", f"{into.name} ends in {path.suffix or 'nothing'}: which format is that?", into.span,
            hint=f"rows can be written as {', '.join(SUFFIXES)}",
        )  # fmt: skip
    if not path.parent.is_dir():
        raise Diagnostic("missing-folder", f"there is no folder {path.parent}", into.span, hint="make it first")
    return path


def write_rows(rows: pa.Table, into: Into) -> Path:
    """Write aside and rename, so that the file is whole or as it was. The file that was written."""
    path = check_file(into)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save(rows, aside, path.suffix)
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise Diagnostic(
            "unwritten-file", f"{path} cannot be written: {error.strerror or error}", into.span, exit_code=1
        ) from error
    return path
