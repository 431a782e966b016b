"""Ctrl-C that is not lost: what is raised inside an import or callback may be swallowed there, so a run also asks
between batches whether it was told to stop."""

from __future__ import annotations

_asked = False


def ask() -> None:
    """Called by whoever catches the signal, before it raises."""
    global _asked
    _asked = True


def stop_if_asked() -> None:
    """Raises KeyboardInterrupt, once, if somebody has asked for a stop."""
    global _asked
    if _asked:
        _asked = False
        raise KeyboardInterrupt
