"""Rows as people and programs read them: a table, CSV, JSON, Parquet."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..lang.diagnostic import Diagnostic
from .results import Result, Results

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 20


def cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, list) and len(value) > 6:
        return "[" + ", ".join(cell(v) for v in value[:4]) + f", … {len(value)} in all]"
    if isinstance(value, list):
        return "[" + ", ".join(cell(v) for v in value) + "]"
    return str(value)


def split(rows: pa.Table) -> tuple[list[tuple[str, str]], list[str]]:
    """Columns that say the same in every row, with what they say; and the others that say anything at all."""
    constant, shown = [], []
    kept = {"concept", *(("units",) if rows.column_names == ["model", "layer", "units"] else ())}
    for name in rows.column_names:
        column = rows[name]
        # That no unit got a concept is an answer, as is that the units of layers are not known yet; a box that no
        # method gives is none.
        if column.null_count == len(column) and len(column) and name not in kept:
            continue
        if len(rows) and name in {"model", "layer", "kind", "method", "args", "run", "dataset"}:
            values = column.unique()
            if len(values) == 1:
                constant.append((name, str(values[0].as_py())))
                continue
        shown.append(name)
    if not shown:
        shown = [name for name, _ in constant] or list(rows.column_names)
        constant = []
    # A person reads which unit of which layer it is; `target` and `run` are for programs, as are directions.
    if {"method", "args", "run"} <= set(rows.column_names):
        numbered = "unit" in shown and not ("kind" in rows.column_names and "failure" in rows["kind"].to_pylist())
        told = {"run", "kind", "direction", "bias"} | ({"target"} if numbered else set())
        shown = [name for name in shown if name not in told] or shown
    return [(c, v) for c, v in constant if c not in {"kind", "run"} and (c, v) != ("args", "{}")], shown


def is_number(rows: pa.Table, name: str) -> bool:
    return str(rows.schema.field(name).type).startswith(("int", "uint", "double", "float", "halffloat", "decimal"))


def plain(rows: pa.Table, most: int = MOST_ROWS, width: int | None = None) -> str:
    """A table for people: constant columns in a line above it, empty ones left out, long ones cut short with a
    remark."""
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table

    constant, shown = split(rows)
    sink = StringIO()
    console = Console(file=sink, width=width or _width(), highlight=False, color_system=None,
                      force_jupyter=False)  # fmt: skip
    if constant:
        console.print("  ".join(f"{c}: {v}" for c, v in constant), soft_wrap=True, markup=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in shown:
        table.add_column(name, justify="right" if is_number(rows, name) else "left", overflow="fold")
    for row in rows.slice(0, most).select(shown).to_pylist():
        table.add_row(*(_escaped(cell(row[name])) for name in shown))
    console.print(table)
    if len(rows) > most:
        console.print(f"… {len(rows) - most:,} more rows of {len(rows):,}")
    elif not len(rows):
        console.print("no rows")
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()).strip("\n")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _width() -> int:
    import shutil

    return max(60, min(shutil.get_terminal_size((110, 24)).columns, 160))


def _plain_value(value: Any) -> Any:
    """A value as JSON has it; the JSON columns of an answer become objects."""
    import base64
    import datetime
    import decimal
    import math

    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):  # what sum() of whole numbers gives is one, too
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return str(value)
    if isinstance(value, list):
        return [_plain_value(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain_value(v) for k, v in value.items()}
    return value


def json_rows(rows: pa.Table) -> list[dict[str, Any]]:
    out = [{k: _plain_value(v) for k, v in row.items()} for row in rows.to_pylist()]
    if "args" in rows.column_names:
        for row in out:
            if isinstance(row["args"], str):
                row["args"] = json.loads(row["args"])
    return out


def write(results: Results, form: str, out: IO[str]) -> None:
    """Print all results in one of the formats table, csv, json, parquet."""
    shown = [r for r in results if r.rows.num_columns or r.text]
    if form == "table":
        for i, result in enumerate(shown):
            out.write(("\n" if i else "") + (result.text or plain(result.rows)) + "\n")
    elif form == "json":
        _write_json(shown, out)
    elif form == "csv":
        _write_csv(shown, out)
    else:
        _write_parquet(shown, out)


def _write_json(shown: Sequence[Result], out: IO[str]) -> None:
    if len(shown) == 1:
        json.dump(json_rows(shown[0].rows), out, ensure_ascii=False)
        out.write("\n")
        return
    for result in shown:
        json.dump({"table": result.table, "rows": json_rows(result.rows)}, out, ensure_ascii=False)
        out.write("\n")


def _write_csv(shown: Sequence[Result], out: IO[str]) -> None:
    import csv

    for i, result in enumerate(shown):
        if i:
            out.write("\n")
        names = result.rows.column_names
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        for row in result.rows.to_pylist():
            writer.writerow(
                [json.dumps(_plain_value(row[n])) if isinstance(row[n], list | dict) else row[n] for n in names]
            )


def _write_parquet(shown: Sequence[Result], out: IO[str]) -> None:
    import pyarrow.parquet as pq

    if out is sys.stdout and sys.stdout.isatty():
        raise Diagnostic(
            "bad-argument", "Parquet is not for a terminal", hint="redirect it: clq … --format parquet > rows.parquet"
        )
    if len(shown) != 1:
        raise Diagnostic("bad-argument", f"Parquet holds one result, and the script gives {len(shown)}",
                         hint="write INTO 'file.parquet' in the script")  # fmt: skip
    pq.write_table(shown[0].rows, getattr(out, "buffer", out))


def save(rows: pa.Table, path: Path, suffix: str) -> None:
    """Rows into a file by its suffix: .parquet, .csv, .json or .jsonl."""
    import pyarrow.parquet as pq

    if suffix == ".parquet":
        pq.write_table(rows, path)
        return
    with open(path, "w", encoding="utf-8") as out:
        if suffix == ".csv":
            _write_csv([Result("", rows)], out)
        elif suffix == ".json":
            json.dump(json_rows(rows), out, ensure_ascii=False)
        else:
            for row in json_rows(rows):
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
