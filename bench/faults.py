"""Kills of a running query at random moments: what it was doing, and whether the next run makes it good.

    python bench/faults.py [--trials N]

Each trial kills a run (signal 9) at a moment drawn evenly over its length, counted from its first shard, then runs it
again and compares everything in the store with an undisturbed run. One line for each phase that was hit; exit code 1 if
anything was lost, or more than the shard in hand was read again.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "engine")]

from crashes import CROPS, IMAGES, SHARD, copied  # noqa: E402
from forkserver import ForkServer, forkserver  # noqa: E402
from toys import lines  # noqa: E402


def trial(forks: ForkServer, base: Path, folder: Path, after: float) -> tuple[str, int, str]:
    """What was hit (nothing if it was over before), how many images were read again, what was wrong afterwards."""
    store, log = copied(base, folder / "store"), folder / "log"
    killed = forks.run("crashes:session", str(store), str(log), kill_after=after)
    hit = killed.phase if killed.code == -9 else ""
    done = forks.run("crashes:finish", str(store), str(log))
    wrong = "" if done.out == "[]\n" else f"{hit}: {done.out}{done.err}"
    return hit, len(lines(log)) - IMAGES - CROPS, wrong


@click.command()
@click.option("--trials", default=200, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(trials: int, seed: int) -> None:
    """Print the histogram."""
    from rich.console import Console
    from rich.table import Table

    chance, hits, again, wrong, over = random.Random(seed), Counter[str](), Counter[int](), [], 0
    quick = Path("/dev/shm")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=quick if os.access(quick, os.W_OK) else None) as given:
        folder = Path(given)
        with forkserver(folder, "crashes", below="engine") as forks:
            base = folder / "base"
            assert not forks.run("crashes:prepare", str(base)).code
            whole = time.perf_counter()
            forks.run("crashes:session", str(copied(base, folder / "whole")), str(folder / "log"))
            whole = time.perf_counter() - whole
            while (number := sum(hits.values())) < trials:
                with tempfile.TemporaryDirectory(dir=folder) as one:
                    hit, more, bad = trial(forks, base, Path(one), chance.uniform(0, whole))
                over += not hit
                if not hit:
                    continue
                hits[hit] += 1
                again[more] += 1
                wrong += [f"trial {number}: {bad}"] if bad else []
                wrong += [f"trial {number}: {more} images read again at {hit}"] if more > SHARD else []
    table = Table("last point before the kill", "trials", "")
    for name, count in hits.most_common():
        table.add_row(name.strip(), str(count), "█" * round(30 * count / max(hits.values())))
    Console().print(table)
    read = ", ".join(f"{count} × {more}" for more, count in sorted(again.items()))
    click.echo(f"images read again (a shard is {SHARD}): {read}")
    took = time.perf_counter() - began
    click.echo(f"{trials} kills in {took:.0f} s ({over} came too late), {len(wrong)} of them not made good")
    for line in wrong:
        click.echo(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
