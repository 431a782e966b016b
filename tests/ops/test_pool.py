"""A pool of captions is read in blocks: memory does not grow with it, and the nearest captions are the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clq.engine.artifact import Result
from clq.engine.inputs import Reading
from clq.engine.operator import Global, Source
from clq.engine.resources import Resources
from clq.engine.store import Store
from clq.ops import falcon
from clq.ops.kernels import falcon as kernels


@dataclass(frozen=True, eq=False)
class Given(Global):
    """An artifact that a test has put into the store."""

    name: str


def test_no_block_of_the_pool_is_larger_than_memory_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, store = np.random.default_rng(1), Store(tmp_path)
    pool = rng.standard_normal((100, 8)).astype(np.float32)
    crops = rng.standard_normal((9, 8)).astype(np.float32)
    looked: Any = Given("crops")
    captions = Given("captions")
    store.put(captions, Result({"vectors": pool}), 0.0)
    place = np.arange(9)
    store.put(looked, Result({"vectors": crops, "image": place, "box": np.stack([place] * 4, 1)}), 0.0)
    seen: list[int] = []
    plain = kernels.retrieve

    def retrieve(images: torch.Tensor, captions: Iterable[torch.Tensor], **more: Any) -> Any:
        blocks = list(captions)
        seen.extend(len(block) for block in blocks)
        return plain(images, blocks, **more)

    monkeypatch.setattr(kernels, "retrieve", retrieve)
    monkeypatch.setattr(falcon, "POOLED", 30)
    judge = Source("judge", "none", "none", None)
    operator = falcon.RetrievedCaptions(looked, captions, judge, 3, 10.0)
    made = operator.compute(Reading(store, Resources()), Resources()).arrays
    assert made is not None and seen == [30, 30, 30, 10]
    cosines = (crops / np.linalg.norm(crops, axis=1, keepdims=True)) @ (
        pool / np.linalg.norm(pool, axis=1, keepdims=True)
    ).T
    assert made["index"].tolist() == np.argsort(-cosines, axis=1)[:, :3].tolist()
    share = np.exp(10 * cosines) / np.exp(10 * cosines).sum(1, keepdims=True)
    assert np.allclose(made["score"], -np.sort(-share, axis=1)[:, :3], rtol=1e-5)
