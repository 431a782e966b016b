"""`clq check FILE…`"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from ..running import parameter_option, store_option

FORMATS = ("text", "json", "github")


@click.command("check")
@click.argument("queries", nargs=-1, required=True, metavar="QUERY|FILE.clq…")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
              help="json: a list for machines; github: annotations of a pull request.")
@parameter_option
@store_option
def COMMAND(queries: tuple[str, ...], form: str, parameters: dict[str, Any], store: str | None) -> None:
    """Find every mistake that can be found before a run, in clq and in SQL; compute nothing and write nothing.

    Exit code 2 if there is a mistake; warnings and notes alone give 0.
    """
    from ...lang.diagnostic import Diagnostic
    from ...lang.script import unread_parameters
    from ..connection import read_script, store_place
    from ..looking import Looking

    found: list[Diagnostic] = []
    texts: list[tuple[str, str | None]] = []

    def tell(name: str, problems: Sequence[Diagnostic]) -> None:
        if form == "text":
            for one in problems:
                click.echo(one.render() + "\n", err=True)
            click.echo(f"{name}: {_summary(problems)}")
        found.extend(problems)

    with Looking(store_place(store)) as looking:
        for query in queries:
            try:
                text, path = read_script(query)
            except Diagnostic as problem:
                tell(query, [problem])
            else:
                texts.append((text, path))
                tell("query" if path is None else path, looking.examine(text, path, parameters))
    unread = list(unread_parameters(texts, parameters)) if len(texts) == len(queries) else []
    if unread:
        tell("--param", unread)
    if form == "json":
        click.echo(json.dumps([one.facts() for one in found], indent=2, ensure_ascii=False))
    elif form == "github":
        for one in found:
            click.echo(_annotation(one.facts()))
    if any(one.severity == "error" for one in found):
        raise SystemExit(2)


def _summary(problems: Sequence[Any]) -> str:
    counts = []
    for severity, name in (("error", "mistake"), ("warning", "warning"), ("note", "note")):
        n = sum(p.severity == severity for p in problems)
        if n:
            counts.append(f"{n} {name}{'' if n == 1 else 's'}")
    return ", ".join(counts) if counts else "no mistakes found"


def _annotation(facts: dict[str, Any]) -> str:
    """A workflow command of GitHub Actions, which reads %, CR and LF escaped, in properties : and , as well."""

    def escaped(value: object, more: str = "") -> str:
        text = str(value).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        for character in more:
            text = text.replace(character, f"%{ord(character):02X}")
        return text

    level = {"error": "error", "warning": "warning", "note": "notice"}[facts["severity"]]
    places = {
        "file": facts["file"], "line": facts["line"], "col": facts["column"], "endLine": facts["end_line"],
        "endColumn": facts["end_column"], "title": facts["code"],
    }  # fmt: skip
    listed = ",".join(f"{k}={escaped(v, ':,')}" for k, v in places.items() if v is not None)
    message = facts["message"] + (f"\n{facts['hint']}" if facts["hint"] else "")
    return f"::{level} {listed}::{escaped(message)}"
