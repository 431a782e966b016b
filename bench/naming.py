"""CLIP-Dissect's scores beside the formulas of the paper, written out plainly.  python bench/naming.py [--json FILE]

Each cell is a process of its own: a layer of U units, N images, M words, vectors of 512 numbers, all random. `plain` is
what one would write in torch with float32 (below): cosines and softmax once for the whole layer, then unit by unit.
Time is that of all processor cores together, memory what was held at most beyond the inputs. `shared` leaves out on
both sides what is there before the scores: cosines, and for WPMI their softmax. The plain rank reorder costs every unit
the same; it is measured on 64 and scaled.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from torch import Tensor

UNITS = (512, 1024, 2048)
SCALED = 64  # units that the plain rank reorder is measured on
EPS = 1e-7
METHODS = ("soft_wpmi", "wpmi", "cos_similarity_cubed", "rank_reorder")


# ---------------------------------------------------------------- the formulas, plainly


def cosines(image: Tensor, text: Tensor) -> Tensor:
    """[N,M]"""
    found: Tensor = (image / image.norm(dim=1, keepdim=True)) @ (text / text.norm(dim=1, keepdim=True)).T
    return found


def soft_wpmi(s: Tensor, top: Tensor) -> Tensor:
    """[U,M] from the softmax of 10 P and each unit's 100 top images."""
    import torch

    k = top.shape[1]
    p = (0.998 - 0.028 * torch.arange(k) / k)[:, None]
    return _less_prior(torch.stack([torch.log(1 + p * (s[each] - 1) + EPS).sum(0) for each in top]), 1.0)


def wpmi(s: Tensor, top: Tensor) -> Tensor:
    """[U,M] from the softmax of 2 P and each unit's 28 top images."""
    import torch

    return _less_prior(torch.stack([torch.log(s[each] + EPS).sum(0) for each in top]), 0.6)


def _less_prior(total: Tensor, lam: float) -> Tensor:
    import torch

    return total - lam * (torch.logsumexp(total, 0) - math.log(len(total)))


def cubed(p: Tensor, activations: Tensor) -> Tensor:
    """[U,M]"""

    def cube(x: Tensor) -> Tensor:
        x = (x - x.mean(0)) ** 3
        return x / x.norm(dim=0).clamp(min=1e-3)

    found: Tensor = cube(activations).T @ cube(p)
    return found


def rank_reorder(p: Tensor, activations: Tensor, top: Tensor) -> Tensor:
    """[U,M] from the 5 % of images where each unit is highest; the baseline is its expectation."""
    import torch

    found = []
    for unit, images in enumerate(top):
        d = activations[images, unit]
        s, some = d.flip(0), p[images]
        wrong = (d[:, None] - s[some.argsort(0).argsort(0)]).abs().pow(3).mean(0)
        base = (s[:, None] - s[None]).abs().pow(3).mean()
        found.append(-wrong / base / some.mean(0).clamp(min=0).sqrt())
    return torch.stack(found)


# ---------------------------------------------------------------- one cell


def made(units: int, images: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    """Activations [N,U] and vectors of images [N,512] and words [M,512] that share 64 directions."""
    import torch

    draw = torch.Generator().manual_seed(0)
    topics = torch.randn(64, 512, generator=draw)
    image = torch.rand(images, 64, generator=draw) ** 4 @ topics + torch.randn(images, 512, generator=draw) + 0.5
    text = torch.rand(words, 64, generator=draw) ** 8 @ topics + torch.randn(words, 512, generator=draw) + 0.5
    heard = text[torch.randint(words, (units,), generator=draw)]
    activations = (image @ heard.T / 512 + torch.randn(images, units, generator=draw) * 0.2).relu()
    return activations, image, text


def top_images(activations: Tensor, k: int) -> Tensor:
    """[U,k], highest first."""
    return activations.T.topk(k).indices


def plain(method: str, activations: Tensor, image: Tensor, text: Tensor) -> tuple[float, float, Tensor]:
    """(CPU seconds in all, of them before the scores, scores [U,M])."""
    import torch

    factor = 1.0
    if method == "rank_reorder":
        factor = activations.shape[1] / min(SCALED, activations.shape[1])
        activations = activations[:, :SCALED].contiguous()
    began = time.process_time()
    p = cosines(image, text)
    if method == "soft_wpmi":
        p = torch.softmax(10 * p, 1)
    elif method == "wpmi":
        p = torch.softmax(2 * p, 1)
    before = time.process_time() - began
    if method == "soft_wpmi":
        scores = soft_wpmi(p, top_images(activations, 100))
    elif method == "wpmi":
        scores = wpmi(p, top_images(activations, 28))
    elif method == "cos_similarity_cubed":
        scores = cubed(p, activations)
    else:
        scores = rank_reorder(p, activations, top_images(activations, len(activations) // 20))
    scores.max(1)
    after = time.process_time() - began - before
    return before + factor * after, before, scores


def clqs(method: str, activations: Tensor, image: Tensor, text: Tensor, budget: int) -> tuple[float, float, Any]:
    """As `plain`; instead of all scores, the best five words of each unit: index and score [U,5]."""
    from clq.ops.kernels import columns, reorder
    from clq.ops.kernels import wpmi as kernels
    from clq.ops.kernels.best import Ranking
    from clq.ops.kernels.cosines import VectorCosines

    before = 0.0

    def apart(*args: Any) -> Iterator[Any]:
        """Blocks of the softmax, and the time that they took."""
        nonlocal before
        blocks = blocks_of(*args)
        while True:
            began = time.process_time()
            block = next(blocks, None)
            before += time.process_time() - began
            if block is None:
                return
            yield block

    class Apart(VectorCosines):
        """Cosines, and the time that they took."""

        def rows(self, images: Tensor) -> Callable[[int, int], Tensor]:
            block = super().rows(images)

            def timed(start: int, stop: int) -> Tensor:
                nonlocal before
                began = time.process_time()
                found = block(start, stop)
                before += time.process_time() - began
                return found

            return timed

    blocks_of, kernels.softmax_blocks = kernels.softmax_blocks, apart  # type: ignore[assignment]
    began = time.process_time()
    if method == "soft_wpmi":
        found = kernels.soft_wpmi_blocks(VectorCosines(image, text), top_images(activations, 100), budget=budget)
    elif method == "wpmi":
        found = kernels.wpmi_blocks(VectorCosines(image, text), top_images(activations, 28), budget=budget)
    elif method == "rank_reorder":
        top = activations.T.topk(len(activations) // 20)
        found = reorder.rank_reorder_blocks(Apart(image, text), top.values, top.indices, budget=budget)
    else:

        def blocks(size: int) -> Iterator[tuple[Tensor, Tensor]]:
            return zip(activations.split(size), image.split(size), strict=True)

        ranking = Ranking(VectorCosines(image, text), top_images(activations, 5), 5, None, False)
        for start, score in columns.cubed_blocks(columns.Stream(blocks, text), budget=budget):
            ranking.update(score, start)
        found = ranking.result()
    took = time.process_time() - began
    kernels.softmax_blocks = blocks_of
    return took, before, found


def product(activations: Tensor, image: Tensor, text: Tensor) -> float:
    """CPU seconds of the two matrix products alone that the cosine of cubes is made of, in float32."""
    began = time.process_time()
    activations.T @ (image @ text.T)
    return time.process_time() - began


def held(word: str) -> int:
    """Bytes that Linux says this process holds (VmRSS), or has held at most (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(word):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {word} here: memory is measured on Linux")


def cell(who: str, method: str, units: int, images: int, words: int, threads: int, budget: int) -> dict[str, Any]:
    """One measurement, and for `both` how the results agree."""
    import torch

    torch.set_num_threads(threads)
    data = made(units, images, words)
    small = (data[0][:200, :8].contiguous(), data[1][:200], data[2][:100])
    plain(method, *small)
    clqs(method, *small, budget)  # compiles
    if who == "both":
        _, _, scores = plain(method, *data)
        _, _, found = clqs(method, *data, budget)
        rows = len(scores)
        theirs = scores.gather(1, found.index[:rows, :1])[:, 0]
        return {
            "same_word": (scores.argmax(1) == found.index[:rows, 0]).double().mean().item(),
            "apart": (theirs - found.score[:rows, 0]).abs().max().item(),
        }
    if who == "product":
        return {"seconds": min(product(*data) for _ in range(3))}
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    start = held("VmRSS")
    seconds, before, _ = plain(method, *data) if who == "plain" else clqs(method, *data, budget)
    return {"seconds": seconds, "before": before, "bytes": held("VmHWM") - start}


def asked(*args: Any) -> Any:
    """A cell in a process of its own."""
    threads = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(args[5])}
    call = [sys.executable, __file__, "--cell", json.dumps(args)]
    done = subprocess.run(call, check=True, capture_output=True, text=True, env={**os.environ, **threads})
    return json.loads(done.stdout)


@click.command()
@click.option("--units", multiple=True, type=int, default=UNITS, show_default=True)
@click.option("--images", default=10_000, show_default=True)
@click.option("--words", default=20_000, show_default=True)
@click.option("--only", type=click.Choice(METHODS), multiple=True, default=METHODS, help="These similarities.")
@click.option("--budget", default=256, show_default=True, help="Megabytes that clq's kernels may use.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the figures there too.")
@click.option("--cell", "one", hidden=True)
def main(
    units: tuple[int, ...], images: int, words: int, only: tuple[str, ...], budget: int, path: Path | None,
    one: str | None,
) -> None:  # fmt: skip
    """Print the table."""
    if one is not None:
        print(json.dumps(cell(*json.loads(one))))
        return
    from rich.console import Console
    from rich.table import Table

    cores = len(os.sched_getaffinity(0))
    table = Table("similarity", "units", "threads", "plain", "clq", "ratio", "shared", "MB", "MB", "same", "apart")
    figures = []
    for method in only:
        for count in units:
            agreed = asked("both", method, count, images, words, cores, budget << 20)
            for threads in dict.fromkeys((1, cores)):
                args = (method, count, images, words, threads, budget << 20)
                theirs, ours = asked("plain", *args), asked("clq", *args)
                row = {
                    "method": method, "units": count, "threads": threads, "plain": theirs, "clq": ours, **agreed,
                    "ratio": theirs["seconds"] / ours["seconds"],
                    "shared": (theirs["seconds"] - theirs["before"]) / (ours["seconds"] - ours["before"]),
                }  # fmt: skip
                if method == "cos_similarity_cubed":
                    row["products"] = asked("product", *args)["seconds"]
                    row["of_products"] = ours["seconds"] / row["products"]
                    row.pop("shared")
                figures.append(row)
                table.add_row(
                    method, f"{count:,}", str(threads), f"{theirs['seconds']:.1f} s", f"{ours['seconds']:.1f} s",
                    f"{row['ratio']:.1f}", f"{row['shared']:.1f}" if "shared" in row else f"{row['of_products']:.2f} ×",
                    f"{theirs['bytes'] / 1e6:,.0f}", f"{ours['bytes'] / 1e6:,.0f}", f"{agreed['same_word']:.3f}",
                    f"{agreed['apart']:.0e}",
                )  # fmt: skip
    Console(width=130).print(table)
    if path is not None:
        machine = {"cores": cores, "processor": platform.processor() or platform.machine()}
        facts = {"images": images, "words": words, "budget": budget << 20, **machine, "figures": figures}
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
