"""Loops that arrays cannot express without going through memory many times, compiled when first called.

Machine code is kept beside this file (or in numba's own cache), so only the first process compiles.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function as machine code that lets other threads run. Sums and products may be taken in another order."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        found: R = _machine_code(function)(*args, **kwargs)
        return found

    return call


@functools.cache
def _machine_code(function: Callable[..., Any]) -> Any:
    import numba

    freely = {"contract", "reassoc"}
    made: Any
    try:
        made = numba.njit(cache=True, nogil=True, fastmath=freely)(function)
    except RuntimeError:  # neither here nor in the home folder may anything be written
        made = numba.njit(nogil=True, fastmath=freely)(function)
    return made


def in_parts(count: int, work: Callable[[int, int], object]) -> None:
    """`work(start, stop)` over parts of range(count), one for each of torch's threads."""
    threads = max(1, min(torch.get_num_threads(), count))
    if threads == 1:
        work(0, count)
        return
    edges = [count * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, a, b) for a, b in itertools.pairwise(edges)]:
            done.result()
