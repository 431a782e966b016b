"""Benchmarks of the language: one command, one table.  python bench/language.py [--runs N] [--statements N]

What it takes to read, check and lay out a long script, each beside the least that could be done with its text: cutting
it into tokens. The figures depend on the machine; a ratio that grows says that something has become slow.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table

from clq.lang.format import format_text
from clq.lang.parse import parse
from clq.lang.scan import scan
from clq.ui.checking import examine


def script(statements: int) -> str:
    """LET, EXPLAIN with many clauses, SQL with a query in it, and a query over an answer, in turn."""
    return "".join(
        f"LET d{i} = lab.probe[{i}:{i + 50}];\n"
        f"EXPLAIN layer4[{i % 100}, 3:9] OF labnet, labself ON d{i} USING clip_dissect(top_k={i + 1}, top=2), "
        f"falcon(images=9) WITH lab.words WHERE rank = 1 INTO t{i};\n"
        f"SELECT concept, count(*) FROM (EXPLAIN layer3 OF labnet ON d{i} WITH lab.words) JOIN t{i} USING (unit) "
        f"GROUP BY concept;\n"
        f"EXPLAIN t{i} ON d{i} USING falcon CONTRAST low WITH ['boat', 'car'] JUDGED BY labclip;\n"
        for i in range(statements // 4)
    )


def seconds(work: Callable[[], object], runs: int) -> float:
    out = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        out.append(time.perf_counter() - began)
    return statistics.median(out)


def command(*args: str, given: str) -> None:
    subprocess.run([sys.executable, "-m", "clq", *args], input=given, text=True, capture_output=True, check=True)


@click.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--statements", default=1000, show_default=True)
def main(runs: int, statements: int) -> None:
    """Print one table."""
    text = script(statements)
    parse("SHOW MODELS")  # the parser's tables are built once a process
    base = seconds(lambda: scan(text), runs)
    table = Table(title=f"{statements} statements, {len(text):,} characters; medians of {runs}")
    for name in ("work", "seconds", "times the cutting into tokens"):
        table.add_column(name, justify="left" if name == "work" else "right")
    for name, work in {
        "cut into tokens": lambda: scan(text),
        "parse": lambda: parse(text),
        "check, all mistakes": lambda: examine(text),
        "format": lambda: format_text(text),
        "clq fmt -, a whole process": lambda: command("fmt", "-", given=text),
        "clq --help, a whole process": lambda: command("--help", given=""),
    }.items():
        took = seconds(work, runs)
        table.add_row(name, f"{took:.3f}", f"{took / base:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
