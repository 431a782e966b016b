"""`clq` in forks of a process that has imported everything."""

from __future__ import annotations

import os

import numpy  # noqa: F401 - these are here so that no fork imports them
import open_clip  # noqa: F401
import pandas  # noqa: F401
import pyarrow.parquet  # noqa: F401
import torch

from clq.ui.cli import main

torch.set_num_threads(1)


def on_machine(env: dict[str, str], *args: str) -> int:
    """The same, with these variables of the environment."""
    os.environ.update(env)
    return clq(*args)


def clq(*args: str) -> int:
    """One command; its exit code."""
    try:
        main(list(args))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    return 0
