"""Activations of real architectures: a forward that ends at the deepest layer gives what a whole forward gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from clq.engine.resources import Batch, Resources
from clq.lang.diagnostic import Diagnostic
from clq.ops.handles import Subject, Tokens
from clq.ops.kernels.capture import Capture, pooled
from clq.ops.preprocess import Preprocess
from clq.stdlib.models.registered import registered
from clq.stdlib.models.torchvision import make_torchvision


@pytest.fixture(scope="module")
def subject() -> Subject:
    spec = make_torchvision("m", name="resnet18", weights="random", seed=0, preprocess=None).spec
    found: Subject = spec.open("cpu")
    return found


def captured(subject: Subject, layers: list[str], photos: list[np.ndarray]) -> list[np.ndarray]:
    consumer = Capture(subject, "resnet18", [(layer, "auto") for layer in layers], Resources())
    return [found["activations"] for found in consumer.consume(Batch(np.arange(len(photos)), photos))]


# bn2 is what ResNet adds its shortcut to in place; relu runs twice in a block, and its first output counts.
LAYERS = ["bn1", "layer1.0.relu", "layer1.0.bn2", "layer2.0.downsample", "layer2"]


def test_each_layer_is_what_it_gave_in_a_plain_forward(subject: Subject, photos: list[np.ndarray]) -> None:
    seen: dict[str, torch.Tensor] = {}

    def keeping(layer: str) -> Callable[..., None]:
        def keep(_module: torch.nn.Module, _args: object, output: torch.Tensor) -> None:
            seen.setdefault(layer, output.clone())

        return keep

    hooks = [subject.module.get_submodule(layer).register_forward_hook(keeping(layer)) for layer in LAYERS]
    with torch.inference_mode():
        subject.module(subject.prepare(photos))
    for hook in hooks:
        hook.remove()
    for layer, found in zip(LAYERS, captured(subject, LAYERS, photos), strict=True):
        np.testing.assert_array_equal(found, seen[layer].mean((2, 3)).numpy())


def test_a_layer_does_not_change_with_the_layers_beside_it(subject: Subject, photos: list[np.ndarray]) -> None:
    alone, *_ = captured(subject, ["layer1.0.bn2"], photos)
    beside, *_ = captured(subject, ["layer1.0.bn2", "fc"], photos)
    np.testing.assert_array_equal(alone, beside)


def test_nothing_runs_behind_the_deepest_layer(subject: Subject, photos: list[np.ndarray]) -> None:
    ran: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda _module, _args, name=name: ran.append(name))
        for name, module in subject.module.named_modules()
    ]
    try:
        captured(subject, ["layer2.0", "conv1"], photos)
    finally:
        for hook in hooks:
            hook.remove()
    assert "layer2.0.bn2" in ran and not [name for name in ran if name.startswith(("layer2.1", "layer3", "fc"))]


class ChannelsLast(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1)


def test_maps_with_the_channels_last_must_be_declared(photos: list[np.ndarray]) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 4, 4), ChannelsLast())
    how = Preprocess(32, (0.5,) * 3, (0.5,) * 3)
    with pytest.raises(Diagnostic) as caught:
        captured(registered("mine", network, how).spec.open("cpu"), ["1"], photos)
    assert caught.value.code == "layer-shape" and "channels_last=['1']" in caught.value.message
    declared = registered("mine", network, how, channels_last=["1"]).spec.open("cpu")
    first, last = captured(declared, ["0", "1"], photos)
    np.testing.assert_allclose(first, last, rtol=1e-5)
    with pytest.raises(Diagnostic, match="Did you mean 1"):
        registered("mine", network, how, channels_last=["11"])


def test_a_token_by_its_number_speaks_for_all() -> None:
    tokens = torch.arange(24.0).reshape(2, 3, 4)
    for summary in (True, False):
        kind = Tokens(summary=summary)
        assert torch.equal(pooled(tokens, "token 1", kind), tokens[:, 1])
        assert torch.equal(pooled(tokens, "token -1", kind), tokens[:, 2])
        with pytest.raises(ValueError, match="token 3 is not among the 3 tokens"):
            pooled(tokens, "token 3", kind)
    with pytest.raises(ValueError, match="no tokens"):
        pooled(torch.zeros(2, 3, 4, 4), "token 0", Tokens())
    assert torch.equal(pooled(tokens, "auto", Tokens(summary=False, before=1)), tokens[:, 1:].mean(1))
