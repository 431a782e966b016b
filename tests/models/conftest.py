"""Real weights and images lie beside the checkout for developers; without them the tests that need them are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

REAL = Path(__file__).parents[3] / "shared" / "real"


@pytest.fixture
def real() -> Path:
    if not REAL.is_dir():
        pytest.skip("../shared/real is not beside this checkout")
    return REAL


@pytest.fixture(scope="session")
def photos() -> list[np.ndarray]:
    """Photographs uint8 [H, W, 3] of several sizes, wide, tall and square."""
    from skimage import data

    wide = np.asarray(data.chelsea())  # type: ignore[no-untyped-call]
    square = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
    return [wide, np.ascontiguousarray(wide.transpose(1, 0, 2)), square, wide[:200, :131]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other jobs two threads of torch are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
