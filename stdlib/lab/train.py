"""Retrain every model of the lab from scratch and say how close it came: `python -m clq.stdlib.lab.train FOLDER`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from .evaluate import Figure, Judge, as_table, judge_figures, labnet_figures, labtruth_figures, transfer_figures
from .nets import build
from .train_clip import train_clip
from .train_nets import train_labnet, train_labself, train_labtruth

TRAININGS = {
    "labclip": train_clip,  # writes labclip_early too
    "labtruth": train_labtruth,  # serves labtruth_dev too
    "labnet": train_labnet,
    "labself": train_labself,
}


def figures_of(folder: Path, name: str, count: int = 2_000) -> list[Figure]:
    """What there is to say about one training, from the files it wrote (labself needs labclip beside it)."""
    if name == "labclip":
        early = judge_figures(folder / "labclip_early", count, required=False)
        return judge_figures(folder / "labclip", count) + early
    network = build(name, folder / f"{name}.safetensors")
    if name == "labnet":
        return labnet_figures(network, count)
    if name == "labself":
        return transfer_figures(network, Judge(folder / "labclip"), count // 2)
    second = build("labtruth_dev", folder / "labtruth.safetensors")
    return labtruth_figures(network, count, "labtruth") + labtruth_figures(second, count, "labtruth_dev")


def train_all(
    out_dir: str | Path,
    *,
    seed: int = 0,
    progress: bool = True,
    only: Sequence[str] | None = None,
    threads: int = 1,
) -> list[Figure]:
    """Train the models named by `only` (all of them: labclip, labtruth, labnet, labself) into out_dir, print the table
    of what was required and what was reached, and return it; about 50 minutes of one core. Every schedule is by step,
    so that a seed gives the same run on the same machine. threads: of torch; beside other jobs two are slower than
    one, on an idle machine faster. Raises ValueError for an unknown name."""
    unknown = [name for name in only or () if name not in TRAININGS]
    if unknown:
        raise ValueError(f"no training {', '.join(unknown)}; there are {', '.join(TRAININGS)}")
    names = [name for name in TRAININGS if only is None or name in only]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        figures = _train_and_measure(Path(out_dir), names, seed, progress)
    finally:
        torch.set_num_threads(before)
    print(as_table(figures))
    return figures


def _train_and_measure(folder: Path, names: Sequence[str], seed: int, progress: bool) -> list[Figure]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        start = time.perf_counter()
        TRAININGS[name](folder, seed, progress)
        if progress:
            print(f"{name}: trained in {time.perf_counter() - start:.0f} s", flush=True)
    measurable = [name for name in names if name != "labself" or (folder / "labclip").is_dir()]
    return [figure for name in measurable for figure in figures_of(folder, name)]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 when every requirement is met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m clq.stdlib.lab.train", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the weights go")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(TRAININGS), metavar="NAME", help=", ".join(TRAININGS))
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    given = parser.parse_args(arguments)
    figures = train_all(given.folder, seed=given.seed, progress=not given.quiet, only=given.only, threads=given.threads)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
