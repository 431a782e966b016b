"""con.register(…): a live module is keyed by what it is, not by where it is in memory."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from clq.engine.fingerprint import Fingerprints
from clq.lang.diagnostic import Diagnostic
from clq.ops.preprocess import Preprocess
from clq.stdlib.models.registered import registered

HOW = Preprocess(8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def small(stride: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride, 1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten())


def key(module: nn.Module, how: Preprocess = HOW, version: str | None = None) -> str:
    return registered("mine", module, how, version).source(Fingerprints()).key


def test_the_key_covers_tensors_settings_preprocessing_and_version() -> None:
    first = key(small())
    assert key(deepcopy(small())) == first
    changed = small()
    with torch.no_grad():
        changed[0].bias[0] += 1e-6  # type: ignore[index]
    counted = small()
    counted(torch.zeros(1, 3, 8, 8))  # training mode: batch normalisation counts
    others = [
        key(changed), key(counted), key(small(stride=2)), key(small(), version="2"),
        key(small(), Preprocess(8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))), key(small().half()),
    ]  # fmt: skip
    assert len({first, *others}) == 7


def test_the_users_module_is_left_as_it_is() -> None:
    module = small()
    subject = registered("mine", module, HOW).spec.open("cpu")
    subject.module(subject.prepare([np.zeros((8, 8, 3), np.uint8)]))
    assert module.training and module[2].inplace and not subject.module.training  # type: ignore[index]


def test_a_function_for_preprocessing_needs_a_version() -> None:
    def prepare(images: Sequence[np.ndarray]) -> torch.Tensor:
        return torch.stack([torch.from_numpy(i).permute(2, 0, 1).float() for i in images])

    with pytest.raises(Diagnostic, match="what does mine want"):
        registered("mine", small(), None)
    with pytest.raises(Diagnostic) as caught:
        registered("mine", small(), prepare)
    assert caught.value.code == "bad-argument" and "version=" in (caught.value.hint or "")
    model = registered("mine", small(), prepare, version="1")
    subject = model.spec.open("cpu")
    assert subject.module(subject.prepare([np.zeros((8, 8, 3), np.uint8)])).shape == (1, 256)
    assert list(model.layers() or ()) == ["0", "1", "2", "3"]


def test_what_is_no_module_is_refused_at_once() -> None:
    for given in ("resnet18", None, nn.Conv2d):
        with pytest.raises(Diagnostic, match="is to be a torch") as caught:
            registered("mine", given, HOW)  # type: ignore[arg-type]
        assert caught.value.code == "wrong-kind"
