from __future__ import annotations
from dataclasses import dataclass
from .ast import Span
from .diagnostic import Diagnostic
from .scan import Code
from typing import NamedTuple
class Terminal(NamedTuple):
    kind: str
    text: str
    start: int
    end: int
@dataclass(frozen=True)
class Failure:
    code: Code
    first: int
    end: int
    i: int
    fed: tuple[Terminal, ...]
    found: Terminal
    expected: frozenset[str]
def classify(f: Failure) -> Diagnostic:
    return Diagnostic("unexpected", f"{f.found} {sorted(f.expected)}", Span(f.found.start,f.found.end))
def unknown_statement(code, first, end): return Diagnostic("unknown-statement", "x", code.tokens[first].span)
