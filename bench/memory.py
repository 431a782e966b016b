"""Peak memory against the number of images: one command, one table.  python bench/memory.py [--base N] [--memory SIZE]

Each cell is a process of its own with an empty store, over 1, 10 and 100 times as many small random pictures; what it
has held at most is what it says of itself in meta.runs. The first row, a query over 8 pictures, is Python, torch and
models alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

WORDS = "WITH lab.words"
QUERIES = {
    "soft WPMI": f"EXPLAIN layer4 OF labnet ON {{}} USING clip_dissect {WORDS}",
    "FALCON": f"EXPLAIN layer4[0:16] OF labnet ON {{}} USING falcon(threshold=2) CONTRAST low {WORDS}",
    "EMBED": "EMBED {} JUDGED BY labclip",
}
ASK = """
import sys, clq
con = clq.connect(sys.argv[1], memory=None if sys.argv[3] == 'none' else sys.argv[3])
con.run(sys.argv[2])
print(con.sql('SELECT max(peak_memory) AS n FROM meta.runs').df().n[0])
"""


def pictures(folder: Path, count: int) -> None:
    """Small random pictures, each unlike the others."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(count)
    for number in range(count):
        small = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(small).resize((64, 64)).save(folder / f"{number:07d}.png")


def peak(query: str, images: Path, store: Path, memory: str) -> float:
    """Megabytes that one process has held at most."""
    text = query.format(f"folder('{images}')")
    done = subprocess.run([sys.executable, "-c", ASK, str(store), text, memory], check=True, capture_output=True)
    return int(done.stdout) / 1e6


@click.command()
@click.option("--base", default=200, show_default=True, help="Pictures of the smallest data set.")
@click.option("--memory", default="none", show_default=True, help="SET memory.")
def main(base: int, memory: str) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    counts = (8, base, 10 * base, 100 * base)
    table = Table("MB held at most", *(f"{n:,} pictures" for n in counts))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for n in counts:
            pictures(root / str(n), n)
        for what, query in QUERIES.items():
            cells = [peak(query, root / str(n), root / f"{what} {n}", memory) for n in counts]
            table.add_row(what, *(f"{cell:,.0f}" for cell in cells))
    Console().print(table)


if __name__ == "__main__":
    main()
