"""A Diagnostic in the colours of a terminal, for the shell and for notebooks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .diagnostic import Diagnostic

BOLD, FAINT, PLAIN = "\033[1m", "\033[2m", "\033[0m"
COLOURS = {"error": "\033[31m", "warning": "\033[33m", "note": "\033[34m"}
MARGIN = "\033[34m"
_HEAD = re.compile(r"(?P<severity>\w+)(?P<code>\[[\w-]+\]): (?P<message>.*)", re.S)
_LINE = re.compile(r"(?P<margin>\s*\d* \|)(?P<carets>\s*\^+$)?")


def painted(problem: Diagnostic) -> str:
    """All that `problem` carries, as `str` gives it, with ANSI colours."""
    return "\n\n".join(_painted(one) for one in problem.every())


def _painted(one: Diagnostic) -> str:
    colour = COLOURS[one.severity]
    head, *lines = one.render().split("\n")
    found = _HEAD.fullmatch(head)
    assert found is not None, "every message begins with its severity and its code"
    out = [f"{BOLD}{colour}{found['severity']}{found['code']}{PLAIN}{BOLD}: {found['message']}{PLAIN}"]
    for line in lines:
        numbered = _LINE.match(line)
        if line.lstrip().startswith("--> "):
            out.append(f"{MARGIN}{line}{PLAIN}")
        elif line.startswith("  = help: "):
            out.append(f"{FAINT}{line}{PLAIN}")
        elif numbered and numbered["carets"]:
            out.append(f"{MARGIN}{numbered['margin']}{BOLD}{colour}{numbered['carets']}{PLAIN}")
        elif numbered:
            out.append(f"{MARGIN}{numbered['margin']}{PLAIN}{line[numbered.end('margin') :]}")
        else:
            out.append(line)
    return "\n".join(out)
