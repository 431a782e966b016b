"""A script of 32 queries against what it cannot do without, and against its statements one by one.

    python bench/script.py [--images N]

In one process, models loaded before. `unavoidable`: each image decoded once, then, with images in memory, one forward
of the subject and one of the judge for each, one of the judge for each text, and Grad-CAM and crops of every pair of
unit and top image that some query wants. `one by one`: each statement in a store of its own.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

SCRIPT = (Path(__file__).parent / "thirty_two.clq").read_text(encoding="utf-8")


@contextmanager
def timed(into: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    into[name] = into.get(name, 0.0) + time.perf_counter() - began


def unavoidable(con: Any, view: Any) -> dict[str, float]:
    """Seconds of decoding and of each model's forwards, by hand; what crops there are is read from the store."""
    import numpy as np
    import torch

    from clq.engine.inputs import Reading
    from clq.engine.resources import Batch
    from clq.ops.crops import CropEmbeddings
    from clq.ops.embeddings import ImageEmbeddings, TextEmbeddings, texts_of
    from clq.ops.kernels.crops import EmbedCrops

    took: dict[str, float] = {}
    reading = Reading(con.store, con.resources)
    scans = [s for r in view.plan.rounds for p in r.passes for s in p.scans]
    judge = reading.opened(next(s for s in scans if isinstance(s, ImageEmbeddings)).judge)
    crops = [s for s in scans if isinstance(s, CropEmbeddings)]
    subject, data = reading.opened(crops[0].model), reading.opened(crops[0].images)
    with timed(took, "decode"):
        images = [data.read(i) for i in range(len(data))]
    with torch.inference_mode():
        for start in range(0, len(images), 64):
            some = images[start : start + 64]
            with timed(took, "subject"):
                subject.module(subject.prepare(some))
            with timed(took, "judge, images"):
                judge.encode_images(judge.prepare(some))
        for operator in view.plan.order:
            if isinstance(operator, TextEmbeddings):
                texts = texts_of(operator.texts, reading)
                with timed(took, "judge, texts"):
                    for start in range(0, len(texts), 256):
                        judge.encode_texts(texts[start : start + 256])
    for layer in dict.fromkeys(c.layer for c in crops):
        own = [c for c in crops if c.layer == layer]
        pairs = np.unique(np.concatenate([c.pairs(reading) for c in own])[:, :2], axis=0)
        pairs = np.column_stack([pairs, np.zeros(len(pairs), np.int64)])
        consumer = EmbedCrops(
            subject, judge, layer, "labnet", "labclip", [pairs], [None], own[0].mask, own[0].least, con.resources
        )
        with timed(took, "Grad-CAM and crops"):
            chosen = np.unique(pairs[:, 1])
            for start in range(0, len(chosen), 64):
                part = chosen[start : start + 64]
                consumer.consume(Batch(part, [images[i] for i in part]))
    return took


@click.command()
@click.option("--images", default=400, show_default=True, help="How many images the queries are about.")
@click.option("--one-by-one/--no-one-by-one", default=True, show_default=True, help="Also each statement by itself.")
def main(images: int, one_by_one: bool) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    import clq

    text = SCRIPT.replace("0:400", f"0:{images}")
    settings, _, _ = text.partition("EXPLAIN")
    with tempfile.TemporaryDirectory() as name:
        with clq.connect(Path(name) / "warm") as warm:
            warm.run(SCRIPT.replace("0:400", "1990:2000"))
        opened = warm.resources._opened  # models, judges and word lists, loaded once for all that follows
        with clq.connect(Path(name) / "whole") as con:
            con.resources._opened = opened
            view = con.plan(text)
            began = time.perf_counter()
            results = con.run(text)
            whole = time.perf_counter() - began
            parts = unavoidable(con, view)
        alone = 0.0
        for n, result in enumerate(results if one_by_one else ()):
            with clq.connect(Path(name) / str(n)) as con:
                con.resources._opened = opened
                began = time.perf_counter()
                con.run(f"{settings}; {result.statement}")
                alone += time.perf_counter() - began
    table = Table("what", "s")
    for what, seconds in parts.items():
        table.add_row(what, f"{seconds:.2f}")
    table.add_row("unavoidable together", f"{sum(parts.values()):.2f}")
    table.add_row("the script", f"{whole:.2f}  ({whole / sum(parts.values()):.2f}× the unavoidable)")
    if one_by_one:
        table.add_row("its statements one by one", f"{alone:.2f}  ({alone / whole:.1f}× the script)")
    Console().print(table)


if __name__ == "__main__":
    main()
