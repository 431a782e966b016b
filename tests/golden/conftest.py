"""Golden vectors: inputs and outputs of the public reference code, with tolerances; where from stands in INDEX.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

FOLDER = Path(__file__).parent / "neurons"


class Vector:
    """One golden vector: `v.in_P` is an array as a tensor, `v.params` and `v.text` come from the JSON beside it."""

    def __init__(self, name: str) -> None:
        entry = json.loads((FOLDER / "INDEX.json").read_text(encoding="utf-8"))["vectors"][name]
        self.params: dict[str, Any] = entry["params"]
        self._arrays = dict(np.load(FOLDER / entry["file"]))
        text = entry.get("text_file")
        self.text: dict[str, Any] = json.loads((FOLDER / text).read_text(encoding="utf-8")) if text else {}

    def __getattr__(self, name: str) -> torch.Tensor:
        try:
            return torch.from_numpy(self._arrays[name])
        except KeyError:
            raise AttributeError(name) from None


@pytest.fixture
def vector() -> Callable[[str], Vector]:
    return Vector
