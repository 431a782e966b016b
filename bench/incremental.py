"""What a change costs, as a share of the first run.  python bench/incremental.py [--images N] [--words N]

In one process, models loaded before: a layer is named over a folder of pictures, and then again after each of the
changes below, every one on top of those before it. Beside the seconds stands what went through the models.
docs/store.md shows what bench/incremental.json holds, the outcome of `--json`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

COUNTED = ("decoded", "forward labnet", "forward labclip", "texts labclip")
SYLLABLES = ("ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "pe", "ra")


def names(count: int) -> list[str]:
    """Made-up words, all different."""
    base = len(SYLLABLES)
    return [" ".join(SYLLABLES[n // base**i % base] for i in range(5)) for n in range(count)]


def pictures(folder: Path, numbers: range) -> None:
    """Small random pictures, each unlike the others."""
    import numpy as np
    from PIL import Image

    folder.mkdir(exist_ok=True)
    for number in numbers:
        small = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(small).resize((64, 64)).save(folder / f"{number:07d}.png")


@click.command()
@click.option("--images", default=5000, show_default=True, help="Pictures of the first run.")
@click.option("--words", default=5000, show_default=True, help="Words of the first run.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the figures there too.")
def main(images: int, words: int, path: Path | None) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    import clq

    figures: list[dict[str, Any]] = []
    table = Table("change", "seconds", "of the first", *COUNTED)
    more_images, more_words = images + images // 100, words + words // 100
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        data, listed = root / "pictures", root / "words.txt"

        def query(layer: str = "layer4[0:96]", method: str = "clip_dissect", extra: str = "") -> str:
            return f"EXPLAIN {layer} OF labnet ON folder('{data}') USING {method} WITH '{listed}' {extra} INTO t"

        with clq.connect(root / "store") as con:
            con.run("EXPLAIN layer4 OF labnet ON lab.probe[0:8] USING clip_dissect(top_k=4) WITH ['boat', 'car']")
            first: float | None = None

            def told(what: str, text: str) -> None:
                nonlocal first
                before, began = Counter(con.counts), time.perf_counter()
                con.run(text)
                took = time.perf_counter() - began
                first = first or took
                spent = Counter(con.counts) - before
                figures.append({"change": what, "share": took / first, **{name: spent[name] for name in COUNTED}})
                table.add_row(what, f"{took:.2f}", f"{took / first:.1%}", *(f"{spent[name]:,}" for name in COUNTED))

            pictures(data, range(images))
            listed.write_text("\n".join(names(words)), encoding="utf-8")
            told("the first run", query())
            told("nothing changed", query())
            pictures(data, range(images, more_images))
            told("1 % more pictures", query())
            listed.write_text("\n".join(names(more_words)), encoding="utf-8")
            told("1 % more words", query())
            (data / "0000007.png").unlink()
            told("a picture removed", query())
            pictures(data, range(more_images, more_images + 1))
            (data / f"{more_images:07d}.png").replace(data / "0000008.png")
            told("a picture replaced", query())
            told("all units in place of half", query(layer="layer4"))
            told("a larger top_k", query(layer="layer4", method="clip_dissect(top_k=200)"))
            told("another similarity", query(layer="layer4", method="clip_dissect(similarity=wpmi)"))
    Console(width=130).print(table)
    if path is not None:
        facts = {"images": images, "words": words, "figures": figures}
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
