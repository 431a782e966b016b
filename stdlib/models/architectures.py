"""Architectures by name: their layers and published weights as data, and how to make one. Torch only to make one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops.preprocess import Preprocess

if TYPE_CHECKING:
    import torch

TABLE = Path(__file__).parent / "torchvision.json.gz"
CIFAR_DEPTHS = (20, 32, 44, 56, 110)

# Mean and standard deviation of RGB / 255: of ImageNet, of CIFAR-10's training images, and conventions.
NORMALISATIONS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class Weights:
    """Weights that were published under a name: the file they come in and what they want done to an image."""

    name: str
    file: str
    preprocess: Preprocess


@dataclass(frozen=True)
class Architecture:
    """`layers` in the order of the forward -> units; `head`: the layer from which on units are classes;
    `channels_last`: layers that give maps [N, H, W, C]."""

    name: str
    layers: Mapping[str, int]
    head: str
    preprocess: Preprocess
    weights: Mapping[str, Weights] = field(default_factory=dict)
    default: str = ""
    channels_last: frozenset[str] = frozenset()

    def layers_with(self, classes: int | None) -> dict[str, int | None]:
        """The layers of the network with another number of classes (None: not known yet)."""
        found: dict[str, int | None] = {}
        behind = False
        for layer, units in self.layers.items():
            behind = behind or layer == self.head
            found[layer] = classes if behind else units
        return found


@cache
def table() -> dict[str, Any]:
    """What build_torchvision.py wrote."""
    found: dict[str, Any] = json.loads(gzip.decompress(TABLE.read_bytes()))
    return found


def imagenet_classes() -> tuple[str, ...]:
    """Names of the 1000 outputs of torchvision's own weights."""
    return tuple(table()["classes"])


def _published(name: str, entry: dict[str, Any]) -> Weights:
    how = Preprocess(
        entry["size"], tuple(entry["mean"]), tuple(entry["std"]), "shortest", entry["resize"], entry["interpolation"]
    )
    return Weights(name, entry["file"], how)


def _torchvision(name: str, variant: str | None = None) -> Architecture:
    entry = table()["architectures"][name]
    weights = {w: _published(w, facts) for w, facts in entry["weights"].items()}
    # The first weights of an architecture are the ones by its paper's recipe; later ones may want larger images.
    first = next(iter(weights.values())).preprocess
    last = frozenset(entry["channels_last"])
    if variant:
        return Architecture(variant, entry["layers"], entry["head"], first, channels_last=last)
    return Architecture(name, entry["layers"], entry["head"], first, weights, entry["default"], last)


def _cifar(depth: int) -> Architecture:
    layers = {"conv1": 16, "bn1": 16}
    for stage, width in enumerate((16, 32, 64), 1):
        for block in range((depth - 2) // 6):
            parts = ["conv1", "bn1", "conv2", "bn2", "shortcut"]
            layers |= {f"layer{stage}.{block}.{part}": width for part in parts} | {f"layer{stage}.{block}": width}
        layers[f"layer{stage}"] = width
    layers |= {"avgpool": 64, "linear": 10}
    mean, std = NORMALISATIONS["imagenet"]
    return Architecture(f"cifar_resnet{depth}", layers, "linear", Preprocess(32, mean, std, "squash"))


OURS = {f"cifar_resnet{depth}": depth for depth in CIFAR_DEPTHS}
VARIANTS = {"mobilenet_v2_tf": "mobilenet_v2"}


def torchvision_names() -> list[str]:
    return list(table()["architectures"])


def names() -> list[str]:
    return [*OURS, *VARIANTS, *torchvision_names()]


@cache
def architecture(name: str) -> Architecture:
    """An architecture by its name. Raises Diagnostic 'unknown-name' with the nearest one."""
    if name in OURS:
        return _cifar(OURS[name])
    if name in VARIANTS:
        return _torchvision(VARIANTS[name], name)
    if name in torchvision_names():
        return _torchvision(name)
    raise Diagnostic(
        "unknown-name", f"there is no architecture {name}.{did_you_mean(name, names())}",
        hint=f"known: {listing(names())}",
    )  # fmt: skip


def new(name: str, classes: int | None = None, trained: bool = False) -> torch.nn.Module:
    """The network with random weights, in evaluation mode; `trained`: as torchvision makes it for its own weights."""
    from ...ops.kernels.architectures import CifarResNet, never_in_place, same_padding

    if name in OURS:
        return never_in_place(CifarResNet(OURS[name], classes or 10)).eval()
    from torchvision import models

    extra: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name in {"googlenet", "inception_v3"}:
        extra |= {"init_weights": not trained, "aux_logits": False, "transform_input": trained}
    module: torch.nn.Module = models.get_model(VARIANTS.get(name, name), weights=None, **extra)
    return never_in_place(same_padding(module) if name in VARIANTS else module).eval()
