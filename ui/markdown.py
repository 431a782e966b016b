"""The clq in a Markdown file: its fenced blocks, laid out in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..lang.ast import Span
from ..lang.diagnostic import Diagnostic, as_one
from ..lang.format import format_text

SUFFIXES = (".md", ".markdown")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*(.*?)\s*")


def clq_blocks(text: str) -> Iterator[Span]:
    """Where the text of each ```clq block is, without its fences. Indented and quoted blocks are passed over."""
    fence, inside, start, here = "", False, 0, 0
    for line in _LINE.findall(text):
        found = _FENCE.fullmatch(line)
        if not fence:
            if found is not None and not ("`" in found[2] and found[1][0] == "`"):
                fence, start = found[1], here + len(line)
                inside = found[2].split()[:1] == ["clq"] and not line.startswith(" ")
        elif found is not None and found[1].startswith(fence) and not found[2]:
            if inside:
                yield Span(start, here)
            fence = ""
        here += len(line)


def format_markdown(text: str, path: str | None = None) -> str:
    """The text with its clq blocks laid out. Raises Diagnostic with the mistakes of all of them."""
    out: list[str] = []
    problems: list[Diagnostic] = []
    here = 0
    for block in clq_blocks(text):
        out.append(text[here : block.start])
        here = block.end
        try:
            out.append(format_text(text[block.start : block.end]))
        except Diagnostic as problem:
            for one in problem.every():
                at = one.span or Span(0, 0)
                one.span, one.text, one.path = Span(block.start + at.start, block.start + at.end), text, path
            problems.append(problem)
    mistake = as_one(problems)
    if mistake is not None:
        raise mistake
    return "".join([*out, text[here:]])
