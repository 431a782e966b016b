"""command-line.md: every command with its arguments and options, exit codes, environment variables."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from ..environment import VARIABLES
from .markdown import block, code, table
from .markdown import page as made

EXITS = (
    ("0", "done"),
    ("1", "something went wrong in the world while it ran: an image that cannot be read, a full disk, a store in use; "
     "or a check found something (`fmt --check`, `docs --check`, `cache verify`, `rerun`)"),
    ("2", "the query, a name, an argument or an option is wrong, or something it needs is not here"),
    ("130", "interrupted, or a long run declined; what was finished is kept, and the same command goes on from there"),
)  # fmt: skip


def page() -> str:
    from ..cli import main

    context = click.Context(main, info_name="clq")
    return made(
        "The command line",
        "Options may stand before or after the command: `clq --store DIR sql …` is `clq sql … --store DIR`. `-h` or "
        "`--help` with any command prints its help.",
        *_command(main, context),
        *(part for name in sorted(main.commands) for part in _below(main.commands[name], context, name)),
        "## Exit codes",
        table(("code", "meaning"), ((code(number), meaning) for number, meaning in EXITS)),
        "## Environment variables",
        table(
            ("variable", "default", "meaning"),
            (
                (code(v.name), code(v.default), v.meaning if v.ours else f"{v.meaning} (not clq's own)")
                for v in VARIABLES
            ),
        ),
    )  # fmt: skip


def _below(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield from _command(command, context)
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield from _below(command.commands[inner], context, inner)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}"
    yield block(f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}".rstrip())
    yield _paragraphs(command.help or "")
    options = [p for p in command.params if isinstance(p, click.Option)]
    if options:
        yield table(("option", "default", "meaning"), (_option(o, context) for o in options))


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(p.split()) for p in inspect.cleandoc(text).split("\n\n"))


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join(code(n) for n in option.opts)
    if not option.is_flag and not option.count:
        names += f" {code(option.make_metavar(context))}"
    default = option.default if option.show_default and not option.is_flag else None
    said = " ".join((option.help or "").split())
    return names, code("" if default is None else str(default)), said
