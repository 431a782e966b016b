"""The probe of 2,000 images and the planted units on it, computed once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clq.stdlib.lab.data import scenes_of
from clq.stdlib.lab.evaluate import outputs_of, pixels_of
from clq.stdlib.lab.nets import build
from clq.stdlib.lab.truth import COUNTS, KINDS, VARIANTS


@pytest.fixture(scope="session")
def probe() -> NDArray[np.float32]:
    """Normalised float32 [2000, 3, 64, 64]."""
    return pixels_of(scenes_of("probe"))


@pytest.fixture(scope="session")
def units(probe: NDArray[np.float32]) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Planted model -> kind -> activations [2000, units]."""
    out = {}
    for variant in VARIANTS:
        activations = outputs_of(build(variant), probe)
        cuts = np.cumsum([COUNTS[kind] for kind in KINDS])[:-1]
        out[variant] = dict(zip(KINDS, np.split(activations, cuts, axis=1), strict=True))
    return out


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other jobs two threads of torch are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
