"""`clq lab train`"""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group("lab")
def COMMAND() -> None:
    """The small world that clq brings along."""


@COMMAND.command()
@click.option("--out", metavar="DIR", required=True, help="Where the checkpoints go.")
@click.option("--seed", default=0, show_default=True, help="Seed of all training.")
@click.option("--only", multiple=True, help="Train only this model; may be given several times.")
def train(out: str, seed: int, only: tuple[str, ...]) -> None:
    """Train the lab's models again from scratch and say how close they come to what is required of them."""
    from ...stdlib.lab.train import train_all

    train_all(Path(out), seed=seed, progress=sys.stderr.isatty(), only=only or None)
