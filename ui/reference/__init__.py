"""The reference as Markdown, made from the declarations of what is installed: grammar, verbs, methods, and so on.

`pages()` gives every page; `clq docs` writes them. Nothing heavy is imported: declarations know no torch.
"""

from __future__ import annotations

from collections.abc import Mapping


def pages() -> Mapping[str, str]:
    """Name of a file -> its text."""
    from . import command_line, errors, grammar, index, methods, settings, things, verbs

    made = {
        "grammar.md": grammar.page(),
        "verbs.md": verbs.page(),
        "methods.md": methods.page(),
        "constructors.md": things.page(),
        "settings.md": settings.page(),
        "command-line.md": command_line.page(),
        "errors.md": errors.page(),
    }
    return {"index.md": index.page(made), **made}
