"""`clq rerun TABLE`"""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING

import click

from ..running import spread_options, store_option

if TYPE_CHECKING:
    from ..connection import Connection


@click.command("rerun")
@click.argument("table")
@store_option
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where models run.")
@spread_options
def COMMAND(table: str, store: str | None, device: str) -> None:
    """Make a table again from nothing, and say whether it comes out the same.

    The script that made it runs in an empty store of its own; exit code 1 if a row differs. A file that the script
    reads must be where it was.
    """
    from ...lang.diagnostic import Diagnostic, did_you_mean
    from ..running import opened

    with opened(store, device) as kept:
        rows = kept.duckdb.execute("SELECT name, script, parameters FROM clq.meta.tables").fetchall()
        known = {name: (script, parameters) for name, script, parameters in rows}
        if table not in known or not known[table][0]:
            near = did_you_mean(table, known) if table not in known else " It was made before scripts were kept."
            raise Diagnostic("unknown-name", f"nothing is known of how a table {table} was made.{near}")
        script, parameters = known[table]
        read = _sources(kept, table)
        before = kept.duckdb.sql(f'SELECT * EXCLUDE run FROM clq.main."{table}"').to_arrow_table()
    with (
        tempfile.TemporaryDirectory(prefix="clq-rerun-") as folder,
        opened(os.path.join(folder, "store"), device) as fresh,
    ):
        fresh.session.run(script, None, json.loads(parameters or "{}"))  # some may be of other runs of its session
        now = _sources(fresh, table)
        after = fresh.duckdb.sql(f'SELECT * EXCLUDE run FROM clq.main."{table}"').to_arrow_table()
    if after.equals(before):
        click.echo(f"{table}: {len(after):,} rows, the same to the last bit")
        return
    differing = _differing(before, after)
    click.echo(f"{table}: {len(before):,} rows were kept, {len(after):,} came out, {differing}")
    changed = [f"{kind} {name}" for (kind, name), content in read.items() if now.get((kind, name)) != content]
    if changed:
        click.echo(f"changed since: {', '.join(changed)}")
    raise SystemExit(1)


def _sources(con: Connection, table: str) -> dict[tuple[str, str], str]:
    """What the runs behind a table have read, by kind and name: digests of the content."""
    sql = """
        SELECT s.kind, s.name, string_agg(DISTINCT s.fingerprint ORDER BY s.fingerprint)
        FROM clq.meta.sources AS s, clq.meta.tables AS t
        WHERE t.name = ? AND list_contains(t.runs, s.run) GROUP BY ALL ORDER BY ALL
    """
    return {(kind, name): content for kind, name, content in con.duckdb.execute(sql, [table]).fetchall()}


def _differing(before: object, after: object) -> str:
    """Which columns differ, and in how many rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    assert isinstance(before, pa.Table) and isinstance(after, pa.Table)
    if len(before) != len(after) or before.column_names != after.column_names:
        return "of another form"
    told = []
    for name in before.column_names:
        one, two = before[name].to_pylist(), after[name].to_pylist()
        n = sum(a != b for a, b in zip(one, two, strict=True))
        if n:
            number = pa.types.is_floating(before[name].type)
            most = pc.max(pc.abs(pc.subtract(before[name], after[name]))).as_py() if number else None
            told.append(f"{name} in {n} rows" + (f" (by at most {most:.3g})" if most is not None else ""))
    return "differing: " + ", ".join(told)
