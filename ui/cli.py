"""The command line. Exit codes: 0 done; 2 found before the first pass; 1 found while running; 130 interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from .connection import Connection

FORMATS = ("table", "csv", "json", "parquet")


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parameters(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    out = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"write --param name=value, not {item}")
        out[name] = _value(value)
    return out


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C. Python ends a process by the signal, whatever its exit code, once a bare KeyboardInterrupt has passed
    through an import; a subclass does not count."""


def _on_interrupt(_signal: int, _frame: object) -> NoReturn:
    raise _Interrupted


class _Commands(click.Group):
    """`clq -c 'QUERY'` is `clq run` of a text; everything a user got wrong ends in one message and its exit code."""

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
            from ..lang.diagnostic import Diagnostic

            if not isinstance(error, Diagnostic):
                raise
            click.echo(error.render(), err=True)
            sys.exit(error.exit_code)
        sys.exit(0)

    @staticmethod
    def _interrupted() -> NoReturn:
        click.echo("\ninterrupted: what was finished is kept, the same command goes on from there", err=True)
        sys.exit(130)


def _running(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that runs queries."""
    for option in reversed(
        (
            click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=_parameters,
                         help="Fill $NAME; may be given several times."),
            click.option("--store", metavar="DIR", help="Where results are kept (default: $CLQ_STORE, else .clq)."),
            click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where models run."),
            click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
                         help="How rows are printed."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def _open(store: str | None, device: str = "cpu") -> Connection:
    from ..engine.resources import Bar
    from .connection import Connection

    return Connection(store, device=device, progress=Bar() if sys.stderr.isatty() else None)


def _run(text: str, path: str | None, parameters: dict[str, Any], store: str | None, device: str, form: str) -> None:
    from .render import write

    with _open(store, device) as connection:
        results = connection.session.run(text, path, parameters)
        write(results, form, sys.stdout)
        for result in results:
            for remark in result.remarks:
                click.echo(f"note: {remark}", err=True)
            if result.table:
                also = f", evidence in {result.evidence}" if result.evidence else ""
                click.echo(f"table {result.table}: {len(result):,} rows{also} ({connection.catalogue.path})", err=True)
        for remark in connection.session.remarks:
            click.echo(f"note: {remark}", err=True)


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "query", metavar="QUERY", help="Run this text.")
@click.version_option(package_name="clq", prog_name="clq")
@_running
@click.pass_context
def main(
    context: click.Context, query: str | None, parameters: dict[str, Any], store: str | None, device: str, form: str
) -> None:
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
    _run(query, None, parameters, store, device, form)


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--dry-run", is_flag=True, help="Check and print the plan; compute nothing.")
@_running
def run(
    files: tuple[str, ...], dry_run: bool, parameters: dict[str, Any], store: str | None, device: str, form: str
) -> None:
    """Run .clq files, one after another."""
    from .connection import read_script

    for file in files:
        text, path = read_script(Path(file))
        if dry_run:
            _plan(text, path, parameters, store)
        else:
            _run(text, path, parameters, store, device, form)


@main.command()
@click.argument("statement")
@_running
def sql(statement: str, parameters: dict[str, Any], store: str | None, device: str, form: str) -> None:
    """Run SQL over the results; clq queries may stand in it in parentheses."""
    _run(statement, None, parameters, store, device, form)


def _plan(text: str, path: str | None, parameters: dict[str, Any], store: str | None) -> None:
    from .render_plan import plan_text

    with _open(store) as connection:
        plan = connection.session.plan(text, path, parameters)
        click.echo(plan_text(plan, connection.store, connection.session.waiting_queries))


def _text_or_file(given: str) -> tuple[str, str | None]:
    from .connection import read_script

    return read_script(given)


@main.command()
@click.argument("query", metavar="QUERY|FILE.clq")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=_parameters, help="Fill $NAME.")
@click.option("--store", metavar="DIR", help="Where results are kept.")
def plan(query: str, parameters: dict[str, Any], store: str | None) -> None:
    """Print what would run: rounds over images, what is shared, what is there already, which defaults were taken."""
    _plan(*_text_or_file(query), parameters, store)


@main.command()
@click.argument("queries", nargs=-1, required=True, metavar="QUERY|FILE.clq…")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=_parameters, help="Fill $NAME.")
def check(queries: tuple[str, ...], parameters: dict[str, Any]) -> None:
    """Check names, arguments and syntax; compute nothing and write nothing."""
    from .checking import check_script

    for query in queries:
        text, path = _text_or_file(query)
        notes = check_script(text, path, parameters)
        for note in notes:
            click.echo(f"note: {note}", err=True)
        click.echo(f"{path or 'query'}: no mistakes found")


@main.command()
@click.argument("what", nargs=-1, required=True)
@click.option("--store", metavar="DIR", help="Where results are kept.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
def show(what: tuple[str, ...], store: str | None, form: str) -> None:
    """What there is: models, layers of labnet, datasets, vocabularies, captions, judges, methods, method falcon,
    verbs …"""
    _run("SHOW " + " ".join(what), None, {}, store, "cpu", form)


@main.command(name="help")
@click.argument("code")
def help_(code: str) -> None:
    """Explain an error code, such as unknown-layer."""
    from ..lang import explain

    click.echo(explain(code))


@main.command()
@click.option("--store", metavar="DIR", help="Where results are kept.")
def doctor(store: str | None) -> None:
    """Say what is here: versions, device, store, weights."""
    from .doctor import examine

    for name, found in examine(store):
        click.echo(f"{name:<14} {found}")


@main.group()
def lab() -> None:
    """The small world that clq brings along."""


@lab.command()
@click.option("--out", metavar="DIR", required=True, help="Where the checkpoints go.")
@click.option("--seed", default=0, show_default=True, help="Seed of all training.")
@click.option("--only", multiple=True, help="Train only this model; may be given several times.")
def train(out: str, seed: int, only: tuple[str, ...]) -> None:
    """Train the lab's models again from scratch and say how close they come to what is required of them."""
    from ..stdlib.lab.train import train_all

    train_all(Path(out), seed=seed, progress=sys.stderr.isatty(), only=only or None)
