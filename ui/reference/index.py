"""The first page of the reference: what there is, a line each."""

from __future__ import annotations

from collections.abc import Mapping

from .markdown import page as made

SAID = {
    "grammar.md": "how every statement is written",
    "verbs.md": "what each verb asks, takes and answers",
    "methods.md": "every method with its arguments and source",
    "constructors.md": "models, images, words, captions and judges: by name, and the functions that make more",
    "settings.md": "the other statements, SHOW and SET",
    "command-line.md": "commands, options, exit codes, environment variables",
    "errors.md": "every code of an error, with a wrong and a right example",
}


def page(pages: Mapping[str, str]) -> str:
    titles = {name: text.split("\n", 1)[0].removeprefix("# ") for name, text in pages.items()}
    lines = (f"- [{title}]({name}): {SAID[name]}" for name, title in titles.items())
    about = (
        "Every page is made by `clq docs FOLDER` from what the code declares, so it tells of exactly this version. "
        "The same is said inside clq by `SHOW`, `clq help CODE` and `clq COMMAND --help`."
    )
    return made("Reference", about, "\n".join(lines))
