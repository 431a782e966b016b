"""Blocks of Markdown, and a comparison of printed text that forgives the last digits of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?$")


class Block(NamedTuple):
    """`shown`: the text block right after it, which its output should be; None where nothing is shown."""

    language: str
    text: str
    line: int
    shown: str | None


def blocks(path: Path) -> Iterator[Block]:
    text = path.read_text()
    found = list(FENCE.finditer(text))
    for i, block in enumerate(found):
        after = found[i + 1] if i + 1 < len(found) else None
        if block[1] == "text":
            continue
        follows = after is not None and after[1] == "text" and not text[block.end() : after.start()].strip()
        yield Block(block[1], block[2], text[: block.start()].count("\n") + 1, after[2] if follows else None)


def differences(shown: str, found: str) -> list[str]:
    """Lines that differ in a word, or in a number by more than 2 in a hundred."""
    left, right = ([line.split() for line in t.strip().splitlines() if line.strip()] for t in (shown, found))
    if len(left) != len(right):
        return [f"{len(left)} lines shown, {len(right)} found"]
    return [f"{' '.join(a)} | {' '.join(b)}" for a, b in zip(left, right, strict=True) if not _alike(a, b)]


def _alike(shown: list[str], found: list[str]) -> bool:
    return len(shown) == len(found) and all(
        a == b or (_ruled(a) and _ruled(b)) or (_close(a, b)) for a, b in zip(shown, found, strict=True)
    )


def _ruled(word: str) -> bool:
    return set(word) == {"─"}


def _close(a: str, b: str) -> bool:
    return bool(NUMBER.match(a) and NUMBER.match(b)) and math.isclose(float(a), float(b), rel_tol=0.02, abs_tol=0.005)
