"""Where reading goes on after a mistake, so that it finds true further mistakes and no false ones.

First the next clause word of the innermost query that is open: what stands between is skipped. If no clause follows in
its brackets, they are taken as a hole that could hold anything, and reading goes on behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .failure import TAIL_WORDS, VALUES, Terminal
from .grammar import Tables
from .scan import CLAUSE_WORDS, Code

CLAUSE_STARTS = CLAUSE_WORDS | TAIL_WORDS
_OPENING, _CLOSING = frozenset({"LPAR", "LSQB"}), frozenset({"RPAR", "RSQB"})


@dataclass(frozen=True)
class Place:
    """The terminals read, at which token each began, and the token to read next.

    Tokens before `past` were read or given up already. At a place that is not `sure` the next terminal must fit.
    """

    fed: list[Terminal]
    places: list[int]
    at: int
    past: int
    sure: bool = True


def further(tables: Tables, code: Code, stopped: Place, end: int) -> Iterator[Place]:
    """The places to go on after the terminal at `stopped` did not fit, the best first."""
    fed, places = stopped.fed, stopped.places
    opened, boundaries = _levels(tables, fed)
    for opener in (*reversed(opened), None):
        close = end if opener is None else code.partner.get(places[opener], end)
        boundary = boundaries.get(opener)
        if boundary is not None:
            at = _next_clause(code, max(stopped.at, stopped.past), min(close, end))
            if at is not None:
                yield Place(fed[:boundary], places[:boundary], at, at + 1)
        if opener is None or close >= end:
            return
        hole = _hole(tables, fed, opener)
        if hole is not None:
            filled = [] if hole == "" else [Terminal(hole, "x", fed[opener].start, code.tokens[close].end)]
            kept = [*fed[:opener], *filled]
            yield Place(kept, [*places[:opener], *([places[opener]] * len(filled))], close + 1, close + 1, False)


def _levels(tables: Tables, fed: list[Terminal]) -> tuple[list[int], dict[int | None, int]]:
    """The brackets that are open, and for each (None: for none) after how many terminals a clause could last begin."""
    opened: list[int] = []
    boundaries: dict[int | None, int] = {}
    state = tables.start()
    for i, terminal in enumerate(fed):
        state.feed_token(tables.as_token(terminal))
        if terminal.kind in _OPENING:
            opened.append(i)
        elif terminal.kind in _CLOSING and opened:
            boundaries.pop(opened.pop(), None)
        if tables.accepts(state.state_stack, "WITH"):
            boundaries[opened[-1] if opened else None] = i + 1
    return opened, boundaries


def _next_clause(code: Code, i: int, end: int) -> int | None:
    while i < end and code.up(i, end) not in CLAUSE_STARTS:
        i = code.partner.get(i, i) + 1
    return i if i < end else None


def _hole(tables: Tables, fed: list[Terminal], opener: int) -> str | None:
    """What stands for a bracket and all in it: nothing after a name, whose call or selection it is; else a value."""
    if opener and fed[opener - 1].kind in VALUES | _CLOSING:
        return ""
    stack = tables.start(fed[:opener]).state_stack
    return next((kind for kind in ("NAME", "STRING") if tables.accepts(stack, kind)), None)
