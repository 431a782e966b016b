"""Progress in a notebook: one line of HTML that is kept up to date and goes away."""

from __future__ import annotations

import time
from html import escape
from typing import Any

EVERY = 0.2  # seconds between updates: each one is a message to the browser


class NotebookBar:
    """A bar for each round in one place, made for one cell; implements engine.resources.Progress."""

    def __init__(self) -> None:
        self._place: Any = None
        self._title, self._total, self._done = "", 0, 0
        self._began = self._told = 0.0

    def start(self, title: str, total: int) -> None:
        self._title, self._total, self._done = title, total, 0
        self._began = self._told = time.monotonic()
        self._show(self._line())

    def advance(self, images: int) -> None:
        self._done += images
        if time.monotonic() - self._told >= EVERY:
            self._show(self._line())

    def finish(self) -> None:
        self._show("")

    def _line(self) -> str:
        rate = self._done / max(1e-6, time.monotonic() - self._began)
        left = f", {(self._total - self._done) / rate:,.0f} s left" if self._done else ""
        return (
            f'<progress value="{self._done}" max="{max(1, self._total)}" style="vertical-align:middle"></progress> '
            f"{escape(self._title)}: {self._done:,} of {self._total:,} images, {rate:,.0f} a second{left}"
        )

    def _show(self, line: str) -> None:
        from IPython.display import HTML, display

        self._told = time.monotonic()
        if self._place is None:
            self._place = display(HTML(line), display_id=True)
        else:
            self._place.update(HTML(line))
