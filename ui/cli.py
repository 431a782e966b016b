"""The command line. Exit codes: 0 done; 2 found before the first pass; 1 found while running; 130 interrupted."""

from __future__ import annotations

import importlib
import pkgutil
import signal
import sys
from typing import Any, NoReturn

import click

from ..engine.interrupt import ask, end_at_the_second
from . import commands
from .running import refuse_unread, run_text, running, yes_option


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C. Python ends a process by the signal, whatever its exit code, once a bare KeyboardInterrupt has passed
    through an import; a subclass does not count."""


def _on_interrupt(_signal: int, _frame: object) -> NoReturn:
    ask()
    raise _Interrupted


class _Commands(click.Group):
    """`clq -c 'QUERY'` is `clq run` of a text; everything a user got wrong ends in one message and its exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        end_at_the_second(b"\nstopped at once: what was finished is kept, the same command goes on from there\n")
        self.main(*args, **kwargs)

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        signal.signal(signal.SIGINT, _on_interrupt)
        try:
            super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.exceptions.Abort:
            self._interrupted()
        except KeyboardInterrupt:
            self._interrupted()
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            error.show()
            sys.exit(2)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(0)
        except Exception as error:
            from ..engine.sql import file_trouble
            from ..lang.diagnostic import Diagnostic

            told = error if isinstance(error, Diagnostic) else file_trouble(error)
            if told is None:
                raise
            click.echo(str(told), err=True)
            sys.exit(told.exit_code)
        sys.exit(0)

    @staticmethod
    def _interrupted() -> NoReturn:
        click.echo("\ninterrupted: what was finished is kept, the same command goes on from there", err=True)
        sys.exit(130)


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "query", metavar="QUERY", help="Run this text.")
@yes_option
@click.version_option(package_name="clq", prog_name="clq")
@running
@click.pass_context
def main(
    context: click.Context, query: str | None, yes: bool, parameters: dict[str, Any], store: str | None, device: str,
    form: str,
) -> None:  # fmt: skip
    """Ask vision models what they have learned.

    clq -c "EXPLAIN layer4 OF labnet USING clip_dissect WITH lab.words" runs one query on a model that ships with clq.
    """
    if context.invoked_subcommand is not None:
        if query is not None:
            raise click.UsageError("-c stands alone: clq -c 'QUERY'")
        # An option before the command counts for it: `clq --store DIR sql …` is `clq sql … --store DIR`.
        given = {name: value for name, value in context.params.items() if _was_given(context, name)}
        if "parameters" in given:
            given["parameters"] = tuple(f"{k}={v}" for k, v in parameters.items())
        context.default_map = dict.fromkeys(main.commands, given)
        return
    if query is None:
        click.echo(context.get_help())
        return
    refuse_unread([(query, None)], parameters)
    run_text(query, None, parameters, store, device, form, yes)


for _module in pkgutil.iter_modules(commands.__path__):
    main.add_command(importlib.import_module(f"{commands.__name__}.{_module.name}").COMMAND)
