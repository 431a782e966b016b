"""The probe of 2,000 images, rendered once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clq.stdlib.lab.data import scenes_of
from clq.stdlib.lab.evaluate import pixels_of


@pytest.fixture(scope="session")
def probe() -> NDArray[np.float32]:
    """Normalised float32 [2000, 3, 64, 64]."""
    return pixels_of(scenes_of("probe"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other jobs two threads of torch are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
