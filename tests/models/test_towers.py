"""A judge after OF: its image encoder is a model, `visual` its embedding, the layers below it its modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clq.engine.fingerprint import Fingerprints
from clq.engine.resources import Batch, Resources
from clq.lang.diagnostic import Diagnostic
from clq.ops.handles import Tokens
from clq.ops.kernels.capture import Capture, pooled
from clq.stdlib.catalog import Catalog
from clq.stdlib.judges.build_towers import configurations, describe, shapes_only
from clq.stdlib.judges.embeddings import Embeddings
from clq.stdlib.judges.open_clip import architectures, make_open_clip, packaged_config
from clq.stdlib.judges.tower import layers_of, tokens_of
from clq.stdlib.things import Judge, Model


def judge(name: str) -> Judge:
    if name == "labclip":
        found = Catalog().find(name)
        assert isinstance(found, Judge)
        return found
    return make_open_clip("j", name=name, pretrained="random", seed=0, prompt="{}")


def model(name: str) -> Model:
    found = judge(name).as_model()
    assert found is not None
    return found


def captured(tower: Model, layers: list[str], images: list[np.ndarray], pooling: str = "auto") -> list[torch.Tensor]:
    consumer = Capture(tower.spec.open("cpu"), tower.name, [(layer, pooling) for layer in layers], Resources())
    found = consumer.consume(Batch(np.arange(len(images)), images))
    return [torch.from_numpy(f["activations"]) for f in found]


def test_every_architecture_of_open_clip_has_its_layers_in_the_table() -> None:
    for config in configurations():
        found = layers_of(config)
        assert found is not None and found.units["visual"] == config["embed_dim"]
    assert all(model(name).layers() for name in architectures())


@pytest.mark.parametrize("name", ["RN50", "ViT-B-32", "convnext_tiny", "ViT-B-32-SigLIP2-256"])
def test_the_committed_table_is_what_a_trace_gives(name: str) -> None:
    config = packaged_config(name)
    assert config is not None
    fresh, held = describe(config), layers_of(config)
    assert held is not None
    assert list(fresh["layers"].items()) == list(held.units.items())
    assert tuple(fresh["channels_last"]) == held.channels_last


def test_visual_is_the_embedding_and_every_layer_can_be_captured(photos: list[np.ndarray]) -> None:
    tower = model("labclip")
    layers = tower.layers()
    assert layers is not None and list(layers)[-1] == "visual"
    found = captured(tower, list(layers), photos)
    assert {k: v.shape[1] for k, v in zip(layers, found, strict=True)} == layers
    seeing = judge("labclip").spec.open("cpu")
    with torch.inference_mode():
        expected = seeing.encode_images(seeing.prepare(photos))
    torch.testing.assert_close(found[-1], expected)


@pytest.mark.parametrize("name, layer, summary", [
    ("ViT-M-32-alt", "visual.transformer", True), ("ViT-B-32-SigLIP2-256", "visual.trunk.blocks.11", False),
    ("ViT-S-16", "visual.transformer.resblocks.2", True),
])  # fmt: skip
def test_tokens_are_read_as_the_network_reads_them(
    name: str, layer: str, summary: bool, photos: list[np.ndarray]
) -> None:
    tower = model(name)
    subject = tower.spec.open("cpu")
    seen: list[torch.Tensor] = []
    hook = subject.module.get_submodule(layer).register_forward_hook(lambda _m, _a, out: seen.append(out))
    with torch.inference_mode():
        subject.module(subject.prepare(photos[:2]))
    hook.remove()
    (found,) = captured(tower, [layer], photos[:2])
    torch.testing.assert_close(found, seen[0][:, 0] if summary else seen[0].mean(1))
    if not summary:
        with pytest.raises(Diagnostic, match="none is of the class"):
            captured(tower, [layer], photos[:2], "cls")


def test_where_the_patches_are_averaged_the_class_token_is_left_out() -> None:
    config = packaged_config("ViT-L-14-CLIPA")
    assert config is not None
    assert tokens_of(shapes_only(config, 224).get_submodule("visual")) == Tokens(summary=False, before=1)
    output = torch.arange(12.0).reshape(1, 3, 4)
    torch.testing.assert_close(pooled(output, "auto", Tokens(False, 1)), output[:, 1:].mean(1))


def test_the_key_is_that_of_the_judge_and_not_its_own() -> None:
    known = Fingerprints()
    first, again, other = (
        make_open_clip("j", name="RN50", pretrained="random", seed=s, prompt="{}") for s in (0, 0, 1)
    )
    keys = [j.as_model().source(known).key for j in (first, again, other)]  # type: ignore[union-attr]
    assert keys[0] == keys[1] != keys[2] and first.source(known).key != keys[0]


def test_vectors_are_no_model() -> None:
    assert Judge("held", Embeddings("i.npy", None, "t.npy", None, "names.txt")).as_model() is None
