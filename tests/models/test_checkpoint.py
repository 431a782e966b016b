"""checkpoint(…): published weights give the published accuracy; files that do not fit are told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clq.engine.fingerprint import Fingerprints
from clq.lang.diagnostic import Diagnostic
from clq.stdlib.models.architectures import OURS, architecture, imagenet_classes, new
from clq.stdlib.models.checkpoint import make_checkpoint
from clq.stdlib.models.tracing import layers_of
from clq.stdlib.texts.words import from_list
from clq.stdlib.things import Model, Texts


def made(
    file: Path | str,
    architecture: str,
    preprocess: str = "imagenet",
    size: int | None = None,
    classes: Texts | None = None,
) -> Model:
    return make_checkpoint(
        "m", file=str(file), architecture=architecture, preprocess=preprocess, size=size, classes=classes
    )


@pytest.fixture
def resnet20(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(new("cifar_resnet20").state_dict(), tmp_path / "resnet20.pth")
    return tmp_path / "resnet20.pth"


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_resnet32"])
def test_layers_of_our_architectures_are_what_a_trace_gives(name: str) -> None:
    found = layers_of(lambda size: new(name), (32, 64))
    assert list(found.units.items()) == list(architecture(name).layers.items()) and not found.channels_last


def test_depths_count_the_weighted_layers_of_the_paper() -> None:
    for name, depth in OURS.items():
        weighted = [m for m in new(name).modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
        assert len(weighted) == depth


def test_resnet20_is_right_on_91_percent_of_cifar10(real: Path) -> None:
    subject = made(real / "models/resnet20_cifar10.safetensors", "cifar_resnet20").spec.open("cpu")
    with np.load(real / "cifar10_500.npz") as data:
        images, labels = data["images"], data["labels"]
    with torch.inference_mode():
        found = subject.module(subject.prepare(list(images))).argmax(1).numpy()
    assert (found == labels).mean() == pytest.approx(0.91, abs=1e-9)


def test_mobilenet_with_the_padding_it_was_trained_with_knows_a_bear(real: Path) -> None:
    subject = made(real / "models/mobilenet_v2_imagenet.safetensors", "mobilenet_v2_tf", "half").spec.open("cpu")
    photo = np.asarray(Image.open(real / "coco_ccby/images/000000000285.jpg").convert("RGB"))
    with torch.inference_mode():
        best = int(subject.module(subject.prepare([photo])).argmax())
    assert imagenet_classes()[best] == "brown bear"


def test_padding_as_tensorflow_does_it_puts_what_is_odd_behind() -> None:
    plain, same = new("mobilenet_v2").eval(), new("mobilenet_v2_tf").eval()
    same.load_state_dict(plain.state_dict())
    conv, ours = plain.get_submodule("features.0.0"), same.get_submodule("features.0.0")
    x = torch.randn(1, 3, 8, 8)
    padded = torch.nn.functional.pad(x, (0, 1, 0, 1))
    expected = torch.nn.functional.conv2d(padded, conv.weight, None, 2)  # type: ignore[arg-type]
    torch.testing.assert_close(ours(x), expected)


def test_weights_of_another_architecture_are_one_error_with_counts(resnet20: Path) -> None:
    with pytest.raises(Diagnostic) as caught:
        made(resnet20, "cifar_resnet32").spec.open("cpu")
    assert caught.value.code == "file-format"
    assert "60 missing (layer1.3.conv1.weight" in caught.value.message


def test_the_number_of_classes_is_read_from_the_file(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(new("cifar_resnet20", 7).state_dict(), tmp_path / "seven.safetensors")
    torch.save(new("cifar_resnet20", 7).state_dict(), tmp_path / "seven.pth")
    assert made(tmp_path / "seven.safetensors", "cifar_resnet20").spec.layers()["linear"] == 7
    later = made(tmp_path / "seven.pth", "cifar_resnet20")
    assert later.spec.layers()["linear"] is None
    assert later.spec.open("cpu").module.linear.out_features == 7
    with pytest.raises(Diagnostic) as caught:
        made(tmp_path / "seven.safetensors", "cifar_resnet20", classes=from_list("vocabulary")(["a", "b"]))
    assert caught.value.code == "bad-argument"


def test_a_key_depends_on_content_architecture_and_preprocessing_only(resnet20: Path) -> None:
    copy = resnet20.with_name("copy.pth")
    copy.write_bytes(resnet20.read_bytes())
    known = Fingerprints()
    first = made(resnet20, "cifar_resnet20").source(known).key
    assert made(copy, "cifar_resnet20").source(known).key == first
    others = [
        made(copy, "cifar_resnet32").source(known).key,
        made(copy, "cifar_resnet20", "half").source(known).key,
        made(copy, "cifar_resnet20", size=48).source(known).key,
    ]
    assert len({first, *others}) == 4


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x08\x00\x00\x00\x00\x00\x00\x00{"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_foreign_files_are_told_as_such(tmp_path: Path, content: bytes, suffix: str) -> None:
    file = tmp_path / f"broken{suffix}"
    file.write_bytes(content)
    with pytest.raises(Diagnostic) as caught:
        made(file, "cifar_resnet20").spec.open("cpu")
    assert caught.value.code == "file-format"
