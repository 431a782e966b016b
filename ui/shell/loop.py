"""One statement after another: run, show, tell what went wrong, go on."""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ...engine.interrupt import wait_for_the_first
from ...lang.diagnostic import Diagnostic
from ...lang.paint import painted
from ..running import report
from .dots import run_command
from .finished import pieces

if TYPE_CHECKING:
    from ..connection import Connection

AGAIN = 0.1  # seconds after which a postponed Ctrl-C is looked at again


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while a statement runs."""


class Shell:
    """A connection, and how its answers are printed."""

    def __init__(self, connection: Connection, form: str = "table", parameters: dict[str, Any] | None = None) -> None:
        self.connection, self.form = connection, form
        self.parameters = parameters or {}

    def run(self, text: str, path: str | None = None) -> None:
        """Run statements and print their rows. Raises Diagnostic."""
        results = self.connection.session.run(text, path, self.parameters)
        report(results, self.form, self.connection, place=False)

    def read(self, file: Path) -> None:
        """Run a file, of which lines that begin with a dot are commands."""
        from ..connection import read_script

        text, path = read_script(file)
        self.run_pieces(text, path)

    def run_pieces(self, text: str, path: str | None) -> None:
        """Run a text piece by piece, up to the first mistake."""
        for piece in pieces(text):
            if piece.is_command:
                run_command(self, piece.placed(), path)
            else:
                self.run(piece.placed(), path)

    def say(self, text: str) -> None:
        click.echo(text)

    def clear(self) -> None:
        click.clear()

    # ------------------------------------------------------------ with a person

    def answer(self, text: str) -> bool:
        """Run what was typed; whatever is wrong is told. False to leave."""
        try:
            if text.lstrip().startswith("."):
                run_command(self, text)
            elif text.strip():
                self.run(text)
        except EOFError:
            return False
        except Diagnostic as problem:
            click.echo(painted(problem), err=True)
        except click.Abort:
            click.echo("not run", err=True)
        except KeyboardInterrupt:
            click.echo("\ninterrupted: what was finished is kept, the same statement goes on from there", err=True)
        except Exception:
            # A mistake of clq's own must not take a session's names with it.
            traceback.print_exc()
            click.echo("This is a mistake in clq, please report it; the session goes on.", err=True)
        return True


def talk(shell: Shell) -> None:
    """Ask for statements until the person leaves."""
    from .prompt import Prompt

    wait_for_the_first()
    prompt = Prompt(shell)
    shell.say(f"clq {_version()}. Statements end with a semicolon; .help lists commands, Tab completes, Ctrl-D leaves.")
    while True:
        signal.signal(signal.SIGINT, _on_interrupt)
        try:
            text = prompt.ask()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if not shell.answer(text):
            return


def run_stream(shell: Shell, text: str) -> None:
    """Run a script that came through a pipe; the first mistake ends it, as it does `clq run`."""
    try:
        shell.run_pieces(text, "<stdin>")
    except EOFError:
        return


def _on_interrupt(_signal: int, frame: FrameType | None) -> None:
    """Stop the statement that runs, but not in the middle of an import: torch cannot be imported a second time."""
    if _importing(frame):
        signal.signal(signal.SIGALRM, _on_interrupt)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        return
    _interrupt()


def _interrupt() -> NoReturn:
    raise Interrupted


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _version() -> str:
    from ... import __version__

    return __version__


def is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
