"""Writes torchvision.json.gz, what is known of torchvision's classifiers without importing them. Run by hand:

    python -m clq.stdlib.models.build_torchvision

A layer is a module that every image passes through and that has units: its first output has one row an image and can be
pooled, and the number of its channels (or features) does not grow with the picture, as a map with channels last would.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TABLE = Path(__file__).parent / "torchvision.json.gz"
BATCH = 3
SIZES = (224, 448)


@contextmanager
def outputs(module: torch.nn.Module, into: dict[str, Any]) -> Iterator[None]:
    """Within, every module leaves its first output in `into`, in the order in which they come."""

    def hook(name: str) -> Any:
        def keep(_module: torch.nn.Module, _args: Any, output: Any) -> None:
            into.setdefault(name, output)

        return keep

    handles = [m.register_forward_hook(hook(name)) for name, m in module.named_modules() if name]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def units_at(module: torch.nn.Module, size: int) -> dict[str, int]:
    """Layer -> units in one forward of square images; layers without units are left out. Works on the meta device."""
    import torch

    from ...ops.kernels.capture import tensor_of
    from ...ops.kernels.similarity import pool

    seen: dict[str, Any] = {}
    device = next(module.parameters()).device
    with torch.no_grad(), outputs(module, seen):
        module(torch.zeros(BATCH, 3, size, size, device=device))
    found: dict[str, int] = {}
    for name, output in seen.items():
        if isinstance(output, torch.Tensor | tuple | list):
            x = tensor_of(output, name)
            if x.ndim in {2, 3, 4} and len(x) == BATCH:
                found[name] = pool(x).shape[1]
    return found


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


def layers_of(architecture: str) -> dict[str, int]:
    """Layer -> units, in the order of the forward, for pictures of any size."""
    small, large = (units_at(shapes_only(architecture, size), size) for size in SIZES)
    return {name: units for name, units in small.items() if large.get(name) == units}


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
    return {
        "layers": layers_of(architecture),
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
