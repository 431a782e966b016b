"""Writes torchvision.json.gz, what is known of torchvision's classifiers without importing them. Run by hand:

    python -m clq.stdlib.models.build_torchvision
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .tracing import layers_of

if TYPE_CHECKING:
    import torch

TABLE = Path(__file__).parent / "torchvision.json.gz"
SIZES = (224, 448)


def shapes_only(architecture: str, size: int) -> torch.nn.Module:
    """An architecture without numbers, in evaluation mode; `size` matters where the size of the images is built in."""
    import torch
    from torchvision import models

    extra: dict[str, Any] = {}
    if architecture in {"googlenet", "inception_v3"}:
        extra = {"init_weights": False}
    elif architecture.startswith("vit_"):
        extra = {"image_size": size}
    elif architecture.startswith("maxvit"):
        extra = {"input_size": (size, size)}
    # RegNet computes its widths with tensors, which must be real.
    with torch.device("cpu" if architecture.startswith("regnet") else "meta"):
        module: torch.nn.Module = models.get_model(architecture, weights=None, **extra)
    return module.to("meta").eval()


def head_of(architecture: str) -> str:
    """The module that holds the last weights: the one whose outputs are classes."""
    names = [name for name, _ in shapes_only(architecture, SIZES[0]).named_parameters() if "aux" not in name.lower()]
    return names[-1].rpartition(".")[0]


def weights_of(architecture: str) -> dict[str, dict[str, Any]]:
    """Name of each set of weights -> name of its file and what it wants done to an image."""
    from torchvision import models

    found: dict[str, dict[str, Any]] = {}
    for weights in models.get_model_weights(architecture):
        how = weights.transforms()
        found[weights.name] = {
            "file": weights.url.rpartition("/")[2],
            "size": how.crop_size[0],
            "resize": how.resize_size[0],
            "interpolation": how.interpolation.value,
            "mean": list(how.mean),
            "std": list(how.std),
        }
    return found


def describe(architecture: str) -> dict[str, Any]:
    from torchvision import models

    all_weights = models.get_model_weights(architecture)
    layers = layers_of(lambda size: shapes_only(architecture, size), SIZES)
    return {
        "layers": layers.units,
        "channels_last": layers.channels_last,
        "head": head_of(architecture),
        "weights": weights_of(architecture),
        "default": all_weights.DEFAULT.name,
    }


def main() -> None:
    import torchvision
    from torchvision import models

    names = models.list_models(module=models)
    classes = models.get_model_weights("resnet18").DEFAULT.meta["categories"]
    table = {
        "torchvision": torchvision.__version__.partition("+")[0],
        "classes": classes,
        "architectures": {name: describe(name) for name in names},
    }
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False)
    TABLE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
