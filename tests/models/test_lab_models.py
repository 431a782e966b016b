"""The lab's models as things of the catalogue."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clq.engine.fingerprint import Fingerprints
from clq.stdlib.lab.declarations import MODELS
from clq.stdlib.models.build_torchvision import units_at
from clq.stdlib.models.lab import LabModel, built


@pytest.mark.parametrize("short", list(MODELS))
def test_declared_layers_come_in_the_order_of_the_forward(short: str) -> None:
    traced = units_at(LabModel(short, seed=0).open("cpu").module, 64)
    declared = LabModel(short).layers()
    assert [(k, v) for k, v in traced.items() if k in declared] == list(declared.items())


def test_the_untrained_twin_is_reproduced_and_has_its_own_key() -> None:
    image = [np.full((64, 64, 3), 90, np.uint8)]
    outputs = [s.module(s.prepare(image)) for s in (LabModel("labnet", seed).open("cpu") for seed in (3, 3, 4))]
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])
    keys = {LabModel("labnet", seed).fingerprint(Fingerprints()) for seed in (3, 4)}
    assert len(keys) == 2


def test_planted_units_are_part_of_the_key() -> None:
    keys = {LabModel(short, seed=0).fingerprint(Fingerprints()) for short in ("labtruth", "labtruth_dev")}
    assert len(keys) == 2


def test_each_model_brings_images_judge_and_words() -> None:
    for model in built().things:
        images = "lab.probe" if model.name.startswith("labtruth") else "lab.audit"
        assert (model.defaults.images, model.defaults.judge, model.defaults.words) == (images, "labclip", "lab.words")  # type: ignore[union-attr]
