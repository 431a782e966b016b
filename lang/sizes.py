"""Amounts of bytes as people write and read them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def bytes_of(text: str) -> int | None:
    """'20GB' or '1.5 TB' in bytes; None for what is no size."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", text.strip().lower())
    return None if found is None else int(float(found[1]) * _UNITS[found[2]])


def size_of(value: int | str | None) -> int | None:
    """A size as a setting has it: a number of bytes or a text; None where there is none. Raises ValueError."""
    if value is None or isinstance(value, int):
        return value
    if value.strip().lower() == "none":
        return None
    found = bytes_of(value)
    if found is None:
        raise ValueError(value)
    return found


def spoken_size(count: int) -> str:
    """1.5 GB"""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"
