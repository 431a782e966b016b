"""errors.md: a section for every code that an error can have."""

from __future__ import annotations

from collections.abc import Iterator

from ...lang.errors import PAGES, Page
from .markdown import block, table
from .markdown import page as made


def page() -> str:
    about = (
        "An error names its code: `error[unknown-layer]`. `clq help CODE` prints what stands here. A warning or a note "
        "has a code as well and stops nothing."
    )
    found = table(("code", "what is wrong"), ((f"[{p.code}](#{p.code})", p.title) for p in PAGES.values()))
    return made("Errors", about, found, *(f"## {p.code}\n\n" + "\n\n".join(_parts(p)) for p in PAGES.values()))


def _parts(page: Page) -> Iterator[str]:
    yield f"**{page.title}.** {page.meaning}"
    yield f"What to do: {page.remedy}"
    if page.wrong and page.right:
        yield block(f"wrong  {page.wrong}\nright  {page.right}")
