"""Where work is done: the device, and who computes, as the user named them."""

from __future__ import annotations

import os
from typing import Any

from ..engine.log import Appending, Log
from ..engine.resources import Spread
from ..lang import ast
from ..lang.diagnostic import Diagnostic
from ..lang.settings import setting_value
from ..lang.sizes import size_of

VARIABLE = "CLQ_MEMORY"
LOG_VARIABLE = "CLQ_LOG"


def device_of(name: str, span: ast.Span | None = None) -> str:
    """'cpu', 'cuda' or 'cuda:1'. Raises Diagnostic for a device that is not here."""
    if name == "cpu":
        return name
    if name.split(":")[0] == "cuda":
        import torch

        if torch.cuda.is_available():
            return name
        raise Diagnostic("bad-argument", "no CUDA device is here", span, hint="use --device cpu")
    raise Diagnostic("bad-argument", f"{name} is no device", span, hint="cpu or cuda")


def limit_of(memory: int | str | None, span: ast.Span | None = None) -> int | None:
    """Bytes that clq may hold: `memory` as SET memory takes it, else $CLQ_MEMORY. Raises Diagnostic for no size."""
    where = "memory" if memory is not None else f"${VARIABLE}"
    try:
        return size_of(os.environ.get(VARIABLE) if memory is None else memory)
    except ValueError as error:
        raise Diagnostic(
            "bad-argument", f"{where} is a size such as 500MB or 2GB, or none; it is {error}", span
        ) from error  # fmt: skip


def log_of(path: str | os.PathLike[str] | None) -> Log:
    """The log that goes to a file, if one is named here or by $CLQ_LOG. Raises Diagnostic if it cannot be opened."""
    named = path or os.environ.get(LOG_VARIABLE)
    return Log(Appending(named) if named else None)


def spread_of(backend: Any, workers: Any, span: ast.Span | None = None) -> Spread:
    """Who computes, of settings that may be None. Raises Diagnostic 'bad-argument' for those that do not go together.

    Several workers without a backend are processes; alone, this process computes.
    """
    for name, value in (("backend", backend), ("workers", workers)):
        if value is not None and span is None:
            setting_value(name, value, None)
    if backend is None:
        return Spread("inline") if workers in {None, 1} else Spread("processes", workers)
    if backend == "inline" and workers not in {None, 1}:
        message = f"inline is this process alone: {workers} workers are of the backends processes and dask"
        raise Diagnostic("bad-argument", message, span)
    if "://" in backend and workers is not None:
        message = f"the cluster at {backend} has the workers that it has; leave out their number"
        raise Diagnostic("bad-argument", message, span)
    return Spread(backend, workers)
