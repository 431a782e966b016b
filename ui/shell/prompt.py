"""The line that a person types into: colours, history, completion, and when Enter runs it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer

from ..completing import offers
from ..highlight import ClqLexer
from .dots import COMMANDS, MODES
from .finished import is_finished

if TYPE_CHECKING:
    from .loop import Shell

ASKS, GOES_ON = "clq> ", "...> "


class Prompt:
    """A prompt for one shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self._session: PromptSession[str] = PromptSession(
            history=_history(), lexer=PygmentsLexer(ClqLexer), completer=ShellCompleter(shell), key_bindings=_keys(),
            auto_suggest=AutoSuggestFromHistory(), complete_while_typing=False, multiline=True,
            prompt_continuation=lambda width, line, wrapped: " " * width if wrapped else GOES_ON,
            bottom_toolbar=self._toolbar, enable_open_in_editor=True,
        )  # fmt: skip

    def ask(self) -> str:
        """What was typed. Raises KeyboardInterrupt at Ctrl-C, EOFError at Ctrl-D on an empty line."""
        return self._session.prompt(ASKS)

    def _toolbar(self) -> HTML:
        text = "store <b>{}</b>   rows as <b>{}</b>   Tab completes, Alt-Enter runs, .help"
        return HTML(text).format(self.shell.connection.store.place, self.shell.form)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        menu = buffer.complete_state
        if menu is not None and menu.current_completion is not None:
            buffer.complete_state = None  # what was chosen stands in the line already
        elif is_finished(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return keys


def history_file() -> Path:
    """Where the lines of earlier sessions are kept: $XDG_STATE_HOME/clq/history."""
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "clq" / "history"


def _history() -> History:
    file = history_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "ab"):
            pass
    except OSError as error:
        click.echo(f"note: the history is not kept: {file} cannot be written: {error.strerror}", err=True)
        return InMemoryHistory()
    return FileHistory(str(file))


class ShellCompleter(Completer):
    """Completions of the language, of paths in quotes, and of the shell's own commands."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text
        if not text.startswith("."):
            return self._language(text, document.cursor_position)
        name, space, rest = document.text_before_cursor.partition(" ")
        if not space:
            return (Completion(c, -len(name)) for c in COMMANDS if c.startswith(name.lower()))
        if name == ".plan":
            return self._language(text[len(".plan ") :], document.cursor_position - len(".plan "))
        if name == ".read":
            return PathCompleter(expanduser=True).get_completions(Document(rest), complete_event)
        offered: Iterable[str] = MODES if name == ".mode" else self._tables() if name == ".schema" else ()
        return (Completion(o, -len(rest)) for o in offered if o.lower().startswith(rest.lower()))

    def _language(self, text: str, offset: int) -> Iterator[Completion]:
        for one in offers(text, offset, self.shell.connection.session.known_names()):
            if one.end <= offset or text[offset : one.end].isspace():
                yield Completion(one.insert, one.start - offset, display=one.label, display_meta=one.detail)

    def _tables(self) -> list[str]:
        return list(self.shell.connection.session.known_names().names())
