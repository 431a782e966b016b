"""Queries with ‹ › around the place that a message should point at."""

from __future__ import annotations

import pytest

from clq.lang import Diagnostic


def unmark(marked: str) -> tuple[str, int, int]:
    """The query without marks, and the range that they enclosed."""
    start = marked.index("‹")
    end = marked.index("›") - 1
    return marked.replace("‹", "").replace("›", ""), start, end


def told(marked: str, run: object) -> Diagnostic:
    """The Diagnostic that `run(text)` raises, whose span must be the marked one."""
    text, start, end = unmark(marked)
    with pytest.raises(Diagnostic) as caught:
        run(text)  # type: ignore[operator]
    mistake = caught.value
    assert mistake.span is not None
    place = f"{text[: mistake.span.start]}‹{text[mistake.span.start : mistake.span.end]}›{text[mistake.span.end :]}"
    assert (place, mistake.message) == (marked, mistake.message)
    assert (mistake.span.start, mistake.span.end) == (start, end)
    return mistake
