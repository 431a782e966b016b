"""The lab's models as things of the catalogue."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clq.engine.fingerprint import Fingerprints
from clq.engine.resources import Batch, Resources
from clq.ops.kernels.capture import Capture
from clq.stdlib.lab.declarations import MODELS
from clq.stdlib.lab.world import OBJECTS
from clq.stdlib.models.lab import LabModel, built
from clq.stdlib.models.tracing import shapes_at


@pytest.mark.parametrize("short", list(MODELS))
def test_every_module_is_declared_with_the_units_that_capture_gives(short: str) -> None:
    spec = LabModel(short, seed=0)
    subject, declared = spec.open("cpu"), spec.layers()
    assert set(declared) == {name for name, _ in subject.module.named_modules() if name}
    assert list(shapes_at(subject.module, 64)) == list(declared)
    consumer = Capture(subject, short, [(layer, "auto") for layer in declared], Resources())
    found = consumer.consume(Batch(np.arange(2), [np.full((64, 64, 3), shade, np.uint8) for shade in (9, 90)]))
    assert {layer: f["activations"].shape for layer, f in zip(declared, found, strict=True)} == {
        layer: (2, units) for layer, units in declared.items()
    }


def test_classes_are_the_names_of_outputs() -> None:
    things = {model.name: model for model in built().things}
    assert {name: things[name].classes() for name in things} == {  # type: ignore[union-attr]
        "labnet": OBJECTS, "labself": None, "labtruth": None, "labtruth_dev": None,
    }  # fmt: skip


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
