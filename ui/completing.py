"""What the shell and notebooks offer at a place: completions of the language, and of paths in quotes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..lang.assist import Completion
    from ..stdlib.catalog import Catalog


def offers(text: str, offset: int, names: Catalog) -> list[Completion]:
    """What could be written at an offset, most likely first; paths are relative to the working folder."""
    from ..lang.assist import complete, path_slot
    from .paths import complete_path

    slot = path_slot(text, offset, names)
    return [*complete(text, offset, names), *(complete_path(slot, Path()) if slot is not None else [])]
