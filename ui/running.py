"""What commands share: the options of those that run queries, and running itself."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .connection import Connection
    from .render_plan import PlanView
    from .results import Results

FORMATS = ("table", "csv", "json", "parquet")


def value_of(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parameters_of(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    out = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"write --param name=value, not {item}")
        out[name] = value_of(value)
    return out


def running(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that runs queries."""
    for option in reversed(
        (
            click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=parameters_of,
                         help="Fill $NAME; may be given several times."),
            click.option("--store", metavar="DIR|URL", help="Where results are kept (default: $CLQ_STORE, else .clq)."),
            click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where models run."),
            click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
                         help="How rows are printed."),
            click.option("--trace", metavar="FILE", expose_value=False, callback=_kept,
                         help="Write what ran when, for Perfetto or chrome://tracing."),
            click.option("--log", metavar="FILE", expose_value=False, callback=_kept,
                         help="Append what happens, a JSON object a line (default: $CLQ_LOG)."),
        )
    ):  # fmt: skip
        command = option(command)
    return spread_options(command)


def spread_options(command: Callable[..., None]) -> Callable[..., None]:
    """Who computes, and within how much memory; kept in the context."""
    for option in (
        click.option("--memory", metavar="SIZE", expose_value=False, callback=_kept,
                     help="What clq may hold in memory, such as 2GB; models are counted."),
        click.option("--workers", type=click.IntRange(1), metavar="N", expose_value=False, callback=_kept,
                     help="How many compute; more than one without a backend are processes."),
        click.option("--backend", metavar="inline|processes|dask|tcp://…", expose_value=False, callback=_kept,
                     help="Who computes: this process, several of this machine, or a cluster."),
    ):  # fmt: skip
        command = option(command)
    return command


def _kept(context: click.Context, option: click.Parameter, given: Any) -> None:
    """Kept in the context: every command that opens a store asks there."""
    if given is not None:
        context.find_root().meta[f"clq.{option.name}"] = given


def option(name: str) -> Any:
    """What `_kept` has kept of an option; None if it was not given."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.find_root().meta.get(f"clq.{name}")


def opened(store: str | None, device: str = "cpu") -> Connection:
    from ..engine.resources import Bar
    from .connection import Connection

    given = {name: option(name) for name in ("backend", "workers", "memory", "trace", "log")}
    return Connection(store, device=device, progress=Bar() if sys.stderr.isatty() else None, **given)


def run_text(
    text: str, path: str | None, parameters: dict[str, Any], store: str | None, device: str, form: str,
    yes: bool = True,
) -> None:  # fmt: skip
    """Run a script and print its results; without `yes`, a long run on a terminal is asked about."""
    if _is_empty(text):
        click.echo(f"{f'{path}: ' if path else ''}there is nothing to run", err=True)
        return
    with opened(store, device) as connection:
        connection.session.ask = None if yes else ask_before
        report(connection.session.run(text, path, parameters), form, connection)


def refuse_unread(texts: Sequence[tuple[str, str | None]], parameters: Mapping[str, Any]) -> None:
    """Raises Diagnostic for a --param that none of the texts, each with its path, has a $name for."""
    from ..lang.diagnostic import as_one
    from ..lang.script import unread_parameters

    mistake = as_one(unread_parameters(texts, parameters))
    if mistake is not None:
        raise mistake


def _is_empty(text: str) -> bool:
    """Whether nothing but space, comments and semicolons stands in a text."""
    from ..lang.diagnostic import Diagnostic
    from ..lang.scan import scan

    try:
        return all(token.text == ";" for token in scan(text))
    except Diagnostic:
        return False


def report(results: Results, form: str, connection: Connection, *, place: bool = True) -> None:
    """Print the rows; remarks and the tables they went into on stderr, with the `place` of their file."""
    from .render import write

    write(results, form, sys.stdout)
    sys.stdout.flush()
    for result in results:
        for remark in result.remarks:
            click.echo(f"note: {remark}", err=True)
        if result.table:
            also = f", evidence in {result.evidence}" if result.evidence else ""
            where = f" ({connection.catalogue.path})" if place else ""
            click.echo(f"table {result.table}: {len(result):,} rows{also}{where}", err=True)
    for remark in connection.session.remarks:
        click.echo(f"note: {remark}", err=True)
    connection.session.remarks.clear()


def ask_before(view: PlanView) -> None:
    """Ask on a terminal before a run of more than $CLQ_ASK_ABOVE minutes. Raises click.Abort for a no."""
    from .render_plan import spoken

    least = ask_above()
    if least is None or view.estimate.total < 60 * least or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    more = "at least" if view.estimate.unknown else "about"
    question = f"This takes {more} {spoken(view.estimate.total)} on {view.device}. Go on?"
    click.confirm(question, default=True, abort=True, err=True)


def ask_above() -> float | None:
    """Minutes from which a run is asked about: 10, or what $CLQ_ASK_ABOVE says; None for 'never'."""
    given = os.environ.get("CLQ_ASK_ABOVE", "10")
    if given.strip().lower() == "never":
        return None
    try:
        return float(given)
    except ValueError:
        raise click.UsageError(f"$CLQ_ASK_ABOVE is a number of minutes, or never; it is {given}") from None


def print_plan(
    text: str, path: str | None, parameters: dict[str, Any], store: str | None, form: str = "tree",
    out: str | None = None,
) -> None:  # fmt: skip
    """Print the plan of a script, or write it to a file."""
    from .render import write
    from .results import Result, Results

    with opened(store) as connection:
        view = connection.session.plan(text, path, parameters)
        if form in {"table", "json"}:
            sink = io.StringIO()
            write(Results([Result(text, view.rows)]), form, sink)
            made = sink.getvalue().rstrip("\n")
        else:
            made = {"tree": lambda: view.text, "mermaid": view.mermaid, "dot": view.dot, "svg": view.svg}[form]()
    if out is None:
        click.echo(made)
    else:
        save_text(out, made + "\n")


def save_text(path: str, text: str) -> None:
    """Write a file. Raises Diagnostic where it cannot be."""
    from ..lang.diagnostic import Diagnostic

    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Diagnostic("unwritten-file", f"{path} cannot be written: {error.strerror}", exit_code=1) from error


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask before a long run.")
parameter_option = click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=parameters_of, help="Fill $NAME."
)
store_option = click.option("--store", metavar="DIR|URL", help="Where results are kept.")
