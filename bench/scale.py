"""What each part of a shard costs on this machine, and what grows with the number of shards: one command, one table.

    python bench/scale.py [--quick] [--json FILE] [--only PART]…

Times are of one core: torch has one thread. docs/scale.md works out a large run from these figures.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "engine")]

SIDE = (500, 375)  # pixels of the JPEG files, about those of ImageNet
TOP = 5  # captions that a crop is to find


@dataclass(frozen=True)
class Cost:
    """One figure: `name` is how docs/scale.md calls it."""

    part: str
    name: str
    value: float
    unit: str


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """The median of some runs, after one that does not count."""
    took = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:])


# ---------------------------------------------------------------- images and models


def images(folder: Path, quick: bool) -> Iterator[Cost]:
    """Reading, decoding and resizing, as the engine does it."""
    import numpy as np
    from PIL import Image

    from clq.ops.preprocess import Preprocess
    from clq.stdlib.datasets.folder import Folder

    count, rng = 16 if quick else 128, np.random.default_rng(1)
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).resize(SIDE, Image.Resampling.BICUBIC)
        noisy = np.asarray(coarse, np.int16) + rng.integers(-12, 13, (SIDE[1], SIDE[0], 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(pictures / f"{number}.jpg", quality=90)
    opened = Folder("pictures", str(pictures)).open("cpu")
    paths = sorted(pictures.iterdir())
    prepare = Preprocess(224, (0.5,) * 3, (0.5,) * 3, "shortest", 256, "bilinear")
    held = [opened.read(i) for i in range(count)]
    yield Cost("images", "bytes of an image file", statistics.mean(p.stat().st_size for p in paths), "B")
    yield Cost("images", "read a file", seconds(lambda: [p.read_bytes() for p in paths]) / count * 1e3, "ms")
    yield Cost("images", "read and decode", seconds(lambda: [opened.read(i) for i in range(count)]) / count * 1e3, "ms")
    yield Cost("images", "resize to 224", seconds(lambda: prepare(held)) / count * 1e3, "ms")


def forwards(folder: Path, quick: bool) -> Iterator[Cost]:
    """One image through a subject and a judge, one caption through a judge. Random weights cost what others do."""
    import numpy as np
    import torch

    from clq.stdlib.catalog import Catalog

    names, count = Catalog(), 8 if quick else 32
    some = [np.zeros((64, 64, 3), np.uint8)] * count
    subject, judge = (names.find(name).spec.open("cpu") for name in ("labnet", "labclip"))  # type: ignore[union-attr]
    captions = ["a red boat on the water under a cloud"] * count

    def timed(name: str, work: Callable[[], object]) -> Cost:
        with torch.inference_mode():
            return Cost("forwards", name, seconds(work) / count * 1e3, "ms")

    x, y = subject.prepare(some), judge.prepare(some)
    yield timed("labnet, an image", lambda: subject.module(x))
    yield timed("labclip, an image", lambda: judge.encode_images(y))
    yield timed("labclip, a caption", lambda: judge.encode_texts(captions))
    if quick:
        return
    import open_clip
    import torchvision

    large = torch.zeros(count, 3, 224, 224)
    resnet = torchvision.models.resnet50(weights=None).eval()
    yield timed("resnet50, an image", lambda: resnet(large))
    vit = open_clip.create_model("ViT-B-32", pretrained=None).eval()
    tokens = open_clip.get_tokenizer("ViT-B-32")(captions)
    yield timed("ViT-B-32, an image", lambda: vit.encode_image(large))
    yield timed("ViT-B-32, a caption", lambda: vit.encode_text(tokens))


# ---------------------------------------------------------------- the store


def artifacts(folder: Path, quick: bool) -> Iterator[Cost]:
    """Bytes that a query leaves for each image, and for each unit of the answer."""
    import clq

    count = 64 if quick else 1024
    with clq.connect(folder / "artifacts") as con:
        con.run(f"EXPLAIN layer4 OF labnet ON lab.probe[0:{count}] USING falcon CONTRAST low WITH lab.words")
        found = con.sql("SELECT operator, sum(rows), sum(bytes) FROM meta.artifacts GROUP BY ALL ORDER BY ALL")
        for operator, rows, size in ((o, int(n), int(b)) for o, n, b in found.df().itertuples(index=False)):
            if operator in {"PooledActivations", "ImageEmbeddings"}:
                yield Cost("artifacts", f"{operator}, an image", size / rows, "B")
            else:
                yield Cost("artifacts", f"{operator}, a row", size / max(rows, 1), "B")


def files(folder: Path, quick: bool) -> Iterator[Cost]:
    """Writing, checking and claiming one shard."""
    from clq.engine import files
    from clq.engine.claims import claimed

    data, runs = os.urandom(1 << 20), 20 if quick else 200
    (folder / "files").mkdir()
    number = iter(range(10**9))

    def placed() -> None:
        files.write_aside(folder / "files" / f"{next(number)}", data)

    def sync() -> float:
        with open(folder / "files" / f"{next(number)}", "wb", buffering=0) as file:
            file.write(data)
            began = time.perf_counter()
            os.fsync(file.fileno())
            return time.perf_counter() - began

    def claim() -> None:
        with claimed(folder, ["key-00000000-00000512"]) as mine:
            assert mine

    yield Cost("files", "write a shard of 1 MiB, synced and renamed", seconds(placed, runs) * 1e3, "ms")
    yield Cost("files", "sync a file of 1 MiB", statistics.median(sync() for _ in range(runs)) * 1e3, "ms")
    yield Cost("files", "claim a shard and give it back", seconds(claim, runs) * 1e3, "ms")
    large = data * 64
    yield Cost("files", "digest", len(large) / seconds(lambda: files.digest_of(large)) / 1e9, "GB/s")


def catalogue(folder: Path, quick: bool) -> Iterator[Cost]:
    """A commit copies the file: what it costs by itself, and for each gigabyte that is in it."""
    from clq.engine.catalogue import Catalogue

    found = Catalogue(folder / "catalogue")
    (folder / "catalogue").mkdir()
    numbers = iter(range(10**9))
    commit = lambda: found.commit(lambda con: con.execute(f"CREATE TABLE t{next(numbers)} (a INTEGER)"))  # noqa: E731
    empty, size = seconds(commit), found.path.stat().st_size
    rows = 500_000 if quick else 20_000_000
    found.commit(lambda con: con.execute(f"CREATE TABLE much AS SELECT random() AS a FROM range({rows})"))
    grown = found.path.stat().st_size - size
    yield Cost("catalogue", "commit", empty * 1e3, "ms")
    yield Cost("catalogue", "commit, for each GB in it", max(0.0, seconds(commit) - empty) / grown * 1e9, "s")
    found.close()


# ---------------------------------------------------------------- captions


def retrieval(folder: Path, quick: bool) -> Iterator[Cost]:
    """All captions looked through for each crop, and what looking through some of them would miss."""
    import torch

    from clq.ops.kernels.falcon import retrieve

    crops, pool = 256 if quick else 2048, 4096 if quick else 65_536
    x, y = torch.randn(crops, 512), torch.randn(pool, 512)
    took = seconds(lambda: retrieve(x, y.split(16_384), k=TOP), 1)
    yield Cost("retrieval", "crops and captions compared", crops * pool / took / 1e6, "million pairs/s")
    single = seconds(lambda: (x @ y.T).topk(TOP, 1))
    yield Cost("retrieval", "the same in single precision, without the softmax", crops * pool / single / 1e6,
               "million pairs/s")  # fmt: skip
    yield Cost("retrieval", "bytes of a caption of 512 dimensions", 512 * 4, "B")
    yield from inverted(400 if quick else 6000, 100 if quick else 1000)


def inverted(captions: int, crops: int) -> Iterator[Cost]:
    """An index of cells: how many of the true nearest captions stand in the nearest cells."""
    import numpy as np
    from scipy.cluster.vq import kmeans2, vq

    from clq.ops.kernels.embed import embed_texts
    from clq.stdlib.catalog import Catalog

    names = Catalog()
    judge, source, dataset = (
        names.find(name).spec.open("cpu")  # type: ignore[union-attr]
        for name in ("labclip", "lab.captions", "lab.probe")
    )
    texts = list(source.texts())[:captions]
    pool = embed_texts(judge, "labclip", texts, ["{}"], lambda done: None)
    import torch

    with torch.inference_mode():
        seen = [judge.encode_images(judge.prepare([dataset.read(i) for i in range(start, min(start + 50, crops))]))
                for start in range(0, crops, 50)]  # fmt: skip
    queries = torch.nn.functional.normalize(torch.cat(seen), dim=1).numpy()
    cells = round(len(pool) ** 0.5)
    centres, _ = kmeans2(pool, cells, minit="++", seed=1)
    cell = vq(pool, centres)[0]
    best = np.argsort(-(queries @ pool.T), axis=1, kind="stable")[:, :TOP]
    near = np.argsort(((queries[:, None] - centres[None]) ** 2).sum(2), axis=1)
    for probes in (1, 4, 16):
        some = near[:, :probes]
        recall = (cell[best][:, :, None] == some[:, None, :]).any(2).mean()
        read = np.mean([np.isin(cell, row).mean() for row in some])
        yield Cost("retrieval", f"{probes} of {cells} cells: captions looked at", float(read) * 100, "%")
        yield Cost("retrieval", f"{probes} of {cells} cells: the nearest {TOP} found", float(recall) * 100, "%")


# ---------------------------------------------------------------- what grows


def scheduler(folder: Path, quick: bool) -> Iterator[Cost]:
    """The pure scheduler: a round of so many shards, 64 workers."""
    for shards in (1_000, 10_000) if quick else (10_000, 100_000, 1_000_000):
        took = _scheduled(shards)
        yield Cost("scheduler", f"events of {shards:,} shards", 2 * shards / took, "events/s")


def _scheduled(shards: int) -> float:
    from clq.engine.schedule import Done, Finish, Finished, Give, Joined, Open, Opened, begin, react
    from clq.engine.worker import Outcome

    state, busy, outcome = begin([frozenset()], frozenset({0})), [], Outcome(None)
    todo: list[Any] = [Joined(f"worker {n}") for n in range(64)]
    began = time.perf_counter()
    while not state.over:
        state, actions = react(state, todo.pop(0) if todo else Done(*busy.pop(0), outcome))
        for action in actions:
            match action:
                case Open(step):
                    todo.append(Opened(step, tuple(range(shards))))
                case Give(worker, task):
                    busy.append((worker, task))
                case Finish(step):
                    todo.append(Finished(step))
    return time.perf_counter() - began


def growth(folder: Path, quick: bool) -> Iterator[Cost]:
    """Runs of an operator that does nothing, over shards of one image: what the engine itself takes."""
    from toys import ToyScan, model
    from toys import images as toys

    from clq.engine.resources import Resources
    from clq.engine.run import optimize, run
    from clq.engine.store import Store

    for shards in (200, 400) if quick else (1_000, 10_000, 100_000):
        store, scan = Store(folder / f"growth {shards}"), ToyScan(model(), toys(shards))
        resources = Resources(batch=1, workers=1, shard=1)
        began = time.perf_counter()
        run(optimize([scan], store), store, resources)
        took = time.perf_counter() - began
        yield Cost("growth", f"a run of {shards:,} shards, each", took / shards * 1e3, "ms")
        manifest = (store.folder(scan.key) / "artifact.json").stat().st_size
        yield Cost("growth", f"artifact.json of {shards:,} shards", manifest / 1e6, "MB")
        fresh = Store(store.root)
        found = seconds(lambda fresh=fresh, scan=scan: (fresh._open.clear(), fresh.find(scan)), 1)
        yield Cost("growth", f"find an artifact of {shards:,} shards, checked", found, "s")


def datasets(folder: Path, quick: bool) -> Iterator[Cost]:
    """A folder of small files: its fingerprint at first, and when nothing has changed."""
    from clq.engine.fingerprint import Fingerprints
    from clq.stdlib.datasets.folder import Folder

    for count in (500, 1_000) if quick else (10_000, 100_000):
        place = folder / f"datasets {count}"
        for number in range(count):
            path = place / str(number // 1000) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(number.to_bytes(8, "big") * 8)
            os.utime(path, (1e9, 1e9))
        known = Fingerprints(folder / f"{count}.json")
        for word in ("first", "again"):
            began = time.perf_counter()
            Folder("many", str(place)).fingerprint(known)
            known.save()
            yield Cost("datasets", f"{word} fingerprint of {count:,} files, each",
                       (time.perf_counter() - began) / count * 1e6, "µs")  # fmt: skip
            known = Fingerprints(folder / f"{count}.json")
        size = (folder / f"{count}.json").stat().st_size
        yield Cost("datasets", f"fingerprints.json of {count:,} files, each", size / count, "B")


def identities(folder: Path, quick: bool) -> Iterator[Cost]:
    """What tells the images of a data set apart: made, and looked up in an earlier artifact of the same images."""
    import numpy as np

    from clq.engine.reuse import Known, _match, ids_of

    count = 20_000 if quick else 1_000_000
    names = [f"{n:064x}" for n in range(count)]
    yield Cost("identities", "make, an image", seconds(lambda: ids_of(names), 1) / count * 1e6, "µs")
    ids = ids_of(names)
    nothing = np.full(count, -1, np.int64)
    took = seconds(lambda: _match(Known([], nothing, nothing), ids, ids[::-1].copy()), 1)
    yield Cost("identities", "look up, an image", took / count * 1e6, "µs")
    held = sys.getsizeof(names[0]) + 8 + ids.itemsize + 16
    yield Cost("identities", "held, an image", held, "B")


PARTS = (images, forwards, artifacts, files, catalogue, retrieval, scheduler, growth, datasets, identities)
IN_MEMORY = {"growth", "datasets"}  # many small files: what the disk takes for a sync is measured by itself


def measured(parts: Sequence[Callable[[Path, bool], Iterator[Cost]]], quick: bool) -> Iterator[Cost]:
    import torch

    torch.set_num_threads(1)
    memory = Path("/dev/shm")
    for part in parts:
        where = memory if part.__name__ in IN_MEMORY and os.access(memory, os.W_OK) else None
        with tempfile.TemporaryDirectory(dir=where) as folder:
            yield from part(Path(folder), quick)


def processor() -> str:
    """What the system calls it."""
    told = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in told.read_text().splitlines() if line.startswith("model name")
             ] if told.exists() else []  # fmt: skip
    return names[0] if names else platform.processor() or platform.machine()


@click.command()
@click.option("--quick", is_flag=True, help="Little of everything: to see that it works.")
@click.option("--only", multiple=True, type=click.Choice([p.__name__ for p in PARTS]), help="Only this part.")
@click.option("--json", "path", metavar="FILE", help="Write the figures there as well.")
def main(quick: bool, only: tuple[str, ...], path: str | None) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    parts = [p for p in PARTS if not only or p.__name__ in only]
    table, costs = Table("part", "what", "value", "unit"), []
    for cost in measured(parts, quick):
        costs.append(cost)
        print(f"{cost.part}: {cost.name}: {cost.value:,.4g} {cost.unit}", file=sys.stderr, flush=True)
        table.add_row(cost.part, cost.name, f"{cost.value:,.4g}", cost.unit)
    Console().print(table)
    if path is not None:
        machine = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
        made = {"machine": machine, "quick": quick, "costs": [asdict(c) for c in costs]}
        Path(path).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
