"""torchvision(…): layers known without it, weights never silently random, preprocessing as its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clq.engine.fingerprint import Fingerprints
from clq.engine.resources import Batch, Resources
from clq.lang.diagnostic import Diagnostic
from clq.ops.handles import Subject
from clq.ops.kernels.capture import Capture
from clq.ops.kernels.crops import UnitMaps, last_spatial
from clq.ops.preprocess import Preprocess
from clq.stdlib.models import torchvision as family
from clq.stdlib.models.architectures import architecture, torchvision_names
from clq.stdlib.models.build_torchvision import describe
from clq.stdlib.models.torchvision import make_torchvision
from clq.stdlib.models.tracing import outputs
from clq.stdlib.things import Model


def made(name: str, weights: str = "random", seed: int = 0, preprocess: str | None = None) -> Model:
    return make_torchvision("m", name=name, weights=weights, seed=seed, preprocess=preprocess)


@pytest.mark.parametrize("name", ["resnet18", "vit_b_32", "swin_t"])
def test_the_committed_table_is_what_a_trace_gives(name: str) -> None:
    fresh, held = describe(name), architecture(name)
    assert list(fresh["layers"].items()) == list(held.layers.items())
    assert frozenset(fresh["channels_last"]) == held.channels_last
    assert (fresh["head"], fresh["default"]) == (held.head, held.default)
    assert {k: v["file"] for k, v in fresh["weights"].items()} == {k: v.file for k, v in held.weights.items()}


def test_maps_with_channels_last_are_pooled_over_their_sides(photos: list[np.ndarray]) -> None:
    """At 384 px a side of swin_t's first maps, 96, is the number of its channels as well: shapes cannot tell."""
    subject: Subject = made("swin_t").spec.open("cpu")
    subject.prepare, subject.prepare_key = Preprocess(384, (0.5,) * 3, (0.5,) * 3), "at 384"
    layers = ["features.0.0", "features.1.0", "features.5.5.mlp"]
    assert [layer in subject.channels_last for layer in layers] == [False, True, True]
    images = photos[:2]
    seen: dict[str, torch.Tensor] = {}
    with outputs(subject.module, seen), torch.inference_mode():
        subject.module(subject.prepare(images))
    assert seen["features.1.0"].shape == (2, 96, 96, 96)
    consumer = Capture(subject, "swin_t", [(layer, "auto") for layer in layers], Resources())
    found = consumer.consume(Batch(np.arange(2), images))
    for layer, axes, one in zip(layers, [(2, 3), (1, 2), (1, 2)], found, strict=True):
        torch.testing.assert_close(torch.from_numpy(one["activations"]), seen[layer].mean(axes))
        assert one["activations"].shape[1] == architecture("swin_t").layers[layer]


def test_grad_cam_of_a_class_is_the_same_whichever_way_its_maps_are_laid_out(photos: list[np.ndarray]) -> None:
    """Swin's `permute` only moves the channels of `norm` to the front."""
    subject: Subject = made("swin_t").spec.open("cpu")
    x = subject.prepare(photos[:1])
    assert last_spatial(subject, subject.module.get_submodule("head"), x, "head", "swin_t") == "permute"
    found = {}
    for behind in ("norm", "permute"):
        maps = UnitMaps(subject, "head", "swin_t")
        maps.behind = behind
        (found[behind],) = maps(x, [[(3,), (5,)]])
    assert found["norm"].shape == (2, 7, 7) and found["norm"].std() > 0
    torch.testing.assert_close(found["norm"], found["permute"])


def test_published_weights_name_their_classes() -> None:
    named = made("resnet50", "default").classes()
    assert named is not None and (len(named), named[0]) == (1000, "tench") and len(set(named)) == 1000
    assert made("resnet50", "random").classes() is None


@pytest.mark.parametrize("name, weights", [("resnet50", "IMAGENET1K_V2"), ("resnet50", "IMAGENET1K_V1"),
                                           ("efficientnet_b0", "IMAGENET1K_V1")])  # fmt: skip
def test_preprocessing_equals_that_of_the_weights(name: str, weights: str, photos: list[np.ndarray]) -> None:
    from torchvision import models

    theirs = models.get_weight(f"{models.get_model_weights(name).__name__}.{weights}").transforms()
    ours = made(name, weights).spec.preprocess
    for photo in photos:
        torch.testing.assert_close(ours([photo])[0], theirs(Image.fromarray(photo)), rtol=0, atol=1e-6)


def test_another_normalisation_keeps_the_resizing() -> None:
    how = made("resnet50", "random", preprocess="half").spec.preprocess
    assert (how.mean, how.size, how.resize) == ((0.5, 0.5, 0.5), 224, 232)


def test_random_weights_are_reproduced_by_their_seed() -> None:
    first, again, other = (made("resnet18", seed=s).spec.open("cpu").module.state_dict() for s in (1, 1, 2))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    keys = [made("resnet18", seed=s).source(Fingerprints()).key for s in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]


def test_missing_weights_are_one_error_with_three_ways_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(family, "download", lambda name, weights: "no route to host")
    with pytest.raises(Diagnostic) as caught:
        made("resnet50", "default").source(Fingerprints())
    problem = caught.value
    assert (problem.code, problem.exit_code) == ("missing-weights", 2)
    assert "resnet50-11ad3fa6.pth" in problem.message and "no route to host" in problem.message
    assert str(tmp_path) in problem.message and "://" not in problem.render()
    for way in ("weights='path'", "weights=random", "labnet"):
        assert way in (problem.hint or "")


@pytest.mark.parametrize("name, weights, code, near", [
    ("resnet5", "random", "unknown-name", "resnet50"),
    ("resnet50", "IMAGENET1K_V3", "bad-argument", "IMAGENET1K_V2"),
    ("resnet50", "nowhere/weights.pth", "missing-weights", "nowhere/weights.pth"),
])  # fmt: skip
def test_mistakes_are_told_with_what_is_known(name: str, weights: str, code: str, near: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        made(name, weights)
    assert caught.value.code == code and near in caught.value.message


def test_a_key_changes_with_the_content_of_a_file_and_not_with_its_place(tmp_path: Path) -> None:
    state = made("resnet18").spec.open("cpu").module.state_dict()
    torch.save(state, tmp_path / "a.pth")
    shutil.copy(tmp_path / "a.pth", tmp_path / "b.pth")
    state["fc.bias"][0] += 1
    torch.save(state, tmp_path / "c.pth")
    a, b, c = (made("resnet18", str(tmp_path / f"{n}.pth")).source(Fingerprints()).key for n in "abc")
    assert a == b != c
    loaded = made("resnet18", str(tmp_path / "c.pth")).spec.open("cpu").module.state_dict()
    assert torch.equal(loaded["fc.bias"], state["fc.bias"])


def test_files_saved_with_old_names_of_layers_still_fit(tmp_path: Path) -> None:
    state = made("densenet121").spec.open("cpu").module.state_dict()
    old = {k.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): v for k, v in state.items()}
    assert old.keys() != state.keys()
    torch.save({"state_dict": {f"module.{k}": v for k, v in old.items()}}, tmp_path / "old.pth")
    made("densenet121", str(tmp_path / "old.pth")).spec.open("cpu")


def test_a_file_that_must_be_unpickled_is_refused(tmp_path: Path) -> None:
    torch.save(made("resnet18").spec.open("cpu").module, tmp_path / "whole.pth")
    with pytest.raises(Diagnostic) as caught:
        made("resnet18", str(tmp_path / "whole.pth")).spec.open("cpu")
    assert caught.value.code == "file-format"


def test_layers_and_keys_are_known_without_torch() -> None:
    code = (
        "import sys\n"
        "from clq.engine.fingerprint import Fingerprints\n"
        "from clq.stdlib.catalog import built_in\n"
        "from clq.stdlib.models.torchvision import make_torchvision\n"
        "built_in()\n"
        "m = make_torchvision('m', name='resnet50', weights='random', seed=0, preprocess=None)\n"
        "assert m.layers()['layer4'] == 2048 and m.source(Fingerprints()).key\n"
        "assert not {'torch', 'torchvision', 'open_clip'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_architecture_has_a_head_whose_units_are_classes() -> None:
    for name in torchvision_names():
        known = architecture(name)
        assert known.layers[known.head] == 1000 and known.default in known.weights, name
        assert list(known.layers_with(10).values())[-1] == 10
