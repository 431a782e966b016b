"""`clq cache ls|du|verify|gc|limit|pin|unpin|rebuild|push`"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ...lang.sizes import bytes_of, spoken_size
from ..running import FORMATS, option, store_option

if TYPE_CHECKING:
    from ...engine.store import Store

form_option = click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
                           help="How rows are printed.")  # fmt: skip


def size_of(text: str) -> int:
    """'20GB' in bytes. Raises click.BadParameter."""
    found = bytes_of(text)
    if found is None:
        raise click.BadParameter(f"write a size such as 500MB or 20GB, not {text}")
    return found


def _store(given: str | None) -> Store:
    from ..connection import opened_store

    return opened_store(given, option("log"))


def _shown(store: Store) -> str | None:
    """The URL of a shared store."""
    from ...engine.shared import SharedStore

    return store.remote.shown if isinstance(store, SharedStore) else None


def _print(rows: list[dict[str, Any]], columns: list[str], form: str) -> None:
    import pyarrow as pa

    from ..render import write
    from ..results import Result, Results

    table = pa.table({c: [r[c] for r in rows] for c in columns})
    write(Results([Result("", table)]), form, sys.stdout)


@click.group("cache")
def COMMAND() -> None:
    """What the store holds, whether it is sound, and what can go.

    For a store at a URL all but push are about its cache on this machine; nothing at the URL is ever removed by them.
    """


@COMMAND.command("ls")
@store_option
@form_option
def ls(store: str | None, form: str) -> None:
    """Every artifact, the most recently used first."""
    from ...engine.upkeep import items

    now, opened = time.time(), _store(store)
    every = items(opened)
    rows = [
        {"operator": i.label, "rows": i.rows, "bytes": i.bytes, "seconds": i.seconds,
         "unused_hours": round(max(0.0, now - i.used) / 3600, 1), "pinned_by": ", ".join(i.pins) or None,
         "key": i.key[:12]}
        for i in reversed(every)
    ]  # fmt: skip
    _print(rows, ["operator", "rows", "bytes", "seconds", "unused_hours", "pinned_by", "key"], form)
    _say_total(opened, sum(i.bytes for i in every))


@COMMAND.command("du")
@store_option
@form_option
def du(store: str | None, form: str) -> None:
    """How much each kind of artifact takes, and what it took to compute."""
    from ...engine.upkeep import items, unfinished

    opened = _store(store)
    totals: dict[str, list[float]] = {}
    for item in items(opened):
        kind = totals.setdefault(item.operator, [0, 0, 0.0])
        for n, amount in enumerate((1, item.bytes, item.seconds)):
            kind[n] += amount
    ordered = sorted(totals.items(), key=lambda t: -t[1][1])
    rows = [
        {"operator": name, "artifacts": int(n), "bytes": int(size), "seconds": round(seconds, 1)}
        for name, (n, size, seconds) in ordered
    ]
    _print(rows, ["operator", "artifacts", "bytes", "seconds"], form)
    left = sum(i.bytes for i in unfinished(opened))
    if left:
        click.echo(f"{spoken_size(left)} of runs that are not finished", err=True)
    _say_total(opened, left + sum(int(t[1]) for t in totals.values()))


def _say_total(store: Store, total: int) -> None:
    from ...engine.budget import limit

    size = limit(store)
    most = "" if size is None else f", of {spoken_size(size)} that it may hold (cache_size)"
    shown = _shown(store)
    where = "" if shown is None else f" in {store.root}, the cache of {shown}; what is kept there is not counted"
    click.echo(f"{spoken_size(total)} in all{most}{where}", err=True)


@COMMAND.command("verify")
@store_option
def verify(store: str | None) -> None:
    """Read everything whole. What is damaged is set aside and made again when it is needed; exit code 1 if any is."""
    from ...engine.upkeep import items
    from ...engine.upkeep import verify as verified

    opened = _store(store)
    count = len(items(opened))
    damaged = verified(opened)
    for key in damaged:
        click.echo(f"damaged, set aside: {key[:12]}", err=True)
    click.echo(f"{count - len(damaged)} of {count} artifacts are sound")
    if damaged:
        raise SystemExit(1)


@COMMAND.command("limit")
@click.argument("size", required=False)
@store_option
def limit(size: str | None, store: str | None) -> None:
    """Keep a SIZE such as 20GB in the store, or none: after each run what was least recently used goes.

    Without SIZE say what it is. SET cache_size and $CLQ_CACHE_SIZE come before it.
    """
    from ...engine.budget import keep_limit, kept_limit

    opened = _store(store)
    if size is not None:
        keep_limit(opened, None if size.strip().lower() == "none" else size_of(size))
    kept = kept_limit(opened)
    click.echo("none" if kept is None else spoken_size(kept))


@COMMAND.command("gc")
@click.option("--budget", metavar="SIZE", help="Remove the least recently used until this much is left, as 20GB.")
@click.option("--dry-run", is_flag=True, help="Say what would go.")
@store_option
def gc(budget: str | None, dry_run: bool, store: str | None) -> None:
    """Remove files of killed runs and, above a budget, artifacts that were not used for longest.

    What a running query of any process needs stays, and what a pinned table stands on. Tables stay as they are:
    what was removed is computed again when a new query needs it. Without --budget the limit of the store counts.
    """
    from ...engine.budget import limit as budget_of
    from ...engine.catalogue import Catalogue
    from ...engine.upkeep import sweep

    opened = _store(store)
    most = budget_of(opened) if budget is None else size_of(budget)
    done = sweep(opened, most, pretend=dry_run)
    if done.removed and not dry_run:
        Catalogue(opened.root, opened.telling).note_cleared()
    would = "would be removed" if dry_run else "removed"
    for item in done.removed:
        click.echo(f"{would}: {item.label} ({spoken_size(item.bytes)}, {item.seconds:.1f} s to make again)")
    left = f", {done.leftovers} files of killed runs" if done.leftovers else ""
    told = f"{len(done.removed)} artifacts{left} {would}, {spoken_size(done.bytes)}; {spoken_size(done.kept)} stay"
    click.echo(told, err=True)
    shown = _shown(opened)
    if shown is not None:
        click.echo(f"note: that is {opened.root}; at {shown} everything stays, and is fetched when needed", err=True)
    if most is not None and done.kept > most:
        owed = "" if shown is None else ", or not uploaded yet"
        click.echo(f"note: the rest is pinned or in use{owed}: it is more than the budget", err=True)


@COMMAND.command("rebuild")
@click.option("--from", "machine", metavar="NAME", help="Whose tables, where several machines keep theirs at the URL.")
@store_option
def rebuild(machine: str | None, store: str | None) -> None:
    """Make clq.duckdb again from the Parquet files beside it; the old file is kept under another name.

    With a store at a URL, a machine that has no tables yet takes those that this or another machine keeps there. Views
    are not kept.
    """
    from ...engine.catalogue import Catalogue
    from ...engine.resources import Resources
    from ..tables import Tables

    opened = _store(store)
    _fetch_tables(opened, machine)
    catalogue = Catalogue(opened.root, opened.telling)
    try:
        made = Tables(catalogue, opened, Resources()).rebuild()
    finally:
        catalogue.close()
    click.echo(f"{len(made.names)} tables: {', '.join(sorted(made.names)) or 'none'}")
    for path in made.aside:
        click.echo(f"damaged, set aside: {path}", err=True)
    if made.old is not None:
        click.echo(f"the old file is {made.old}", err=True)
    if made.aside:
        raise SystemExit(1)


def _fetch_tables(store: Store, machine: str | None) -> None:
    """Bring the tables here that are kept at the URL of a shared store, unless this machine has some of its own."""
    from ...engine.backup import kept
    from ...engine.shared import SharedStore
    from ...engine.shared_tables import chosen, get_tables
    from ...lang.diagnostic import Diagnostic

    own = (store.root / "clq.duckdb").exists() and kept(store.root)
    if not isinstance(store, SharedStore):
        if machine is not None:
            raise Diagnostic("bad-argument", "--from is for a store at a URL", hint="--store s3://bucket/folder")
        return
    if own and machine is not None:
        raise Diagnostic(
            "table-exists", f"{store.root} has tables of its own", hint="name another place for caches with $CLQ_CACHE"
        )
    if not own:
        held = chosen(store.remote, store.catalogue, machine)
        if held is not None:
            get_tables(store.root, store.remote, held)
            click.echo(f"tables of {held.catalogue}, from {store.remote.shown}", err=True)


@COMMAND.command("push")
@store_option
def push(store: str | None) -> None:
    """Compare the cache with the URL of a shared store, object by object, and upload what is not there."""
    from ...engine.shared import SharedStore
    from ...lang.diagnostic import Diagnostic

    opened = _store(store)
    if not isinstance(opened, SharedStore):
        raise Diagnostic(
            "bad-argument", f"{opened.root} is a folder, and there is nowhere to upload it to",
            hint="--store s3://bucket/folder names a store that machines share",
        )  # fmt: skip
    for remark in opened.push():
        click.echo(f"note: {remark}", err=True)
    opened.close()
    click.echo(f"{opened.remote.shown} has every artifact of {opened.root}")


@COMMAND.command("pin")
@click.argument("table")
@store_option
def pin(table: str, store: str | None) -> None:
    """Keep everything that a table was computed from."""
    from ...engine.upkeep import pin as pinned

    keys = _keys_behind(table, store)
    pinned(_store(store), table, keys)
    click.echo(f"{table} pins {len(keys)} artifacts", err=True)


@COMMAND.command("unpin")
@click.argument("table")
@store_option
def unpin(table: str, store: str | None) -> None:
    """Let what a table was computed from go when it is not used."""
    from ...engine.upkeep import unpin as unpinned
    from ...lang.diagnostic import Diagnostic

    if not unpinned(_store(store), table):
        raise Diagnostic("unknown-name", f"no table {table} is pinned", hint="clq cache ls shows what is")
    click.echo(f"{table} pins nothing any more", err=True)


def _keys_behind(table: str, store: str | None) -> list[str]:
    from ...lang.diagnostic import Diagnostic, did_you_mean
    from ..running import opened

    with opened(store) as connection:
        con = connection.duckdb
        known = [row[0] for row in con.execute("SELECT name FROM clq.meta.tables").fetchall()]
        if table not in known:
            raise Diagnostic(
                "unknown-name", f"no query of clq has made a table {table}.{did_you_mean(table, known)}",
                hint="SHOW TABLES lists the tables",
            )  # fmt: skip
        sql = (
            "SELECT DISTINCT n.node FROM clq.meta.tables AS t, clq.meta.nodes AS n "
            "WHERE t.name = ? AND list_contains(t.runs, n.run)"
        )
        return [row[0] for row in con.execute(sql, [table]).fetchall()]
