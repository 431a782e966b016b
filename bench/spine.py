"""Benchmarks of the spine: one command, one table.  python bench/spine.py [--runs N]

Each row sets two ways of doing the same side by side, measured in turn in one call; the ratio is of the medians. The
figures depend on the machine; the ratios say what clq saves.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

REPOSITORY = Path(__file__).parents[1]
TOUR = str(REPOSITORY / "queries" / "tour.clq")
IMAGES = "lab.probe[0:1000]"
LAYERS = "layer1, layer2, layer3, layer4"


def command(*args: str, store: Path | None = None) -> float:
    """Wall seconds of one `clq` process."""
    where = () if store is None else ("--store", str(store))
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "clq", *args, *where], check=True, capture_output=True)
    return time.perf_counter() - began


def tour_empty(folder: Path) -> float:
    return command("run", TOUR, store=folder / "empty")


def tour_again(folder: Path) -> float:
    store = folder / "again"
    if not store.exists():
        command("run", TOUR, store=store)
    return command("run", TOUR, store=store)


def planned(folder: Path, *queries: str, rules: bool = True) -> float:
    """Wall seconds to compute queries in this process, with or without the optimiser's rules; models are loaded
    before."""
    import clq
    from clq.engine import run as runner

    text = ";".join(queries)
    with clq.connect(folder / f"planned-{time.monotonic_ns()}") as con:
        con.run(f"EXPLAIN layer1 OF labnet ON {IMAGES.replace('1000', '8')} USING clip_dissect(top_k=4) WITH lab.words")
        con.session.run(text, dry=True)
        roots = [root for q in con.session.waiting_queries for root in q.roots]
        plan = runner.optimize(roots, con.store, runner.RULES if rules else ())
        began = time.perf_counter()
        runner.run(plan, con.store, con.resources)
        return time.perf_counter() - began


def layers(folder: Path, rules: bool) -> float:
    each = (f"EXPLAIN {layer} OF labnet ON {IMAGES} USING clip_dissect WITH lab.words" for layer in LAYERS.split(", "))
    return planned(folder, *each, rules=rules)


ROWS: list[tuple[str, str, Callable[[Path], float], str, Callable[[Path], float]]] = [
    ("help", "clq --help", lambda _: command("--help"), "import torch", lambda _: _import_torch()),
    ("tour", "again, nothing to compute", tour_again, "empty store", tour_empty),
    ("four layers", "one plan", lambda f: layers(f, True), "each for itself", lambda f: layers(f, False)),
]


def _import_torch() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - began


@click.command()
@click.option("--runs", default=3, show_default=True, help="Measured runs of each side.")
def main(runs: int) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "this", "s", "against", "s", "ratio")
    for what, name, one, other_name, other in ROWS:
        with tempfile.TemporaryDirectory() as given:
            pairs = []
            for i in range(runs):
                folder = Path(given) / str(i)
                folder.mkdir()
                pairs.append((one(Path(given)), other(folder)))
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        table.add_row(what, name, f"{mine:.2f}", other_name, f"{theirs:.2f}", f"{theirs / mine:.1f}×")
    Console().print(table)


if __name__ == "__main__":
    main()
