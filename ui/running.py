"""What commands share: the options of those that run queries, and running itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .connection import Connection

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
            click.option("--store", metavar="DIR", help="Where results are kept (default: $CLQ_STORE, else .clq)."),
            click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where models run."),
            click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
                         help="How rows are printed."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def opened(store: str | None, device: str = "cpu") -> Connection:
    from ..engine.resources import Bar
    from .connection import Connection

    return Connection(store, device=device, progress=Bar() if sys.stderr.isatty() else None)


def run_text(
    text: str, path: str | None, parameters: dict[str, Any], store: str | None, device: str, form: str
) -> None:
    from .render import write

    with opened(store, device) as connection:
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


def print_plan(text: str, path: str | None, parameters: dict[str, Any], store: str | None) -> None:
    from .render_plan import plan_text

    with opened(store) as connection:
        plan = connection.session.plan(text, path, parameters)
        click.echo(plan_text(plan, connection.store, connection.session.waiting_queries))


parameter_option = click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=parameters_of, help="Fill $NAME."
)
store_option = click.option("--store", metavar="DIR", help="Where results are kept.")
