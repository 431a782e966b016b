"""What the layers of a network are, found by running it on blank pictures of two sizes; works on the meta device.

A layer is a module that every image passes through and that has units: its first output has one row an image and can be
pooled, and the number of its units does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

BATCH = 3
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layers:
    """Layer -> units, in the order of the forward; `channels_last` names those that give maps [N, H, W, C]."""

    units: dict[str, int]
    channels_last: tuple[str, ...] = ()


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


def shapes_at(module: torch.nn.Module, size: int) -> dict[str, Shape]:
    """Layer -> shape of its output for BATCH square images of `size`; what is no tensor with a row an image is left
    out."""
    import torch

    from ...ops.kernels.capture import tensor_of

    seen: dict[str, Any] = {}
    device = next(module.parameters()).device
    with torch.no_grad(), outputs(module, seen):
        module(torch.zeros(BATCH, 3, size, size, device=device))
    found: dict[str, Shape] = {}
    for name, output in seen.items():
        if isinstance(output, torch.Tensor | tuple | list):
            x = tensor_of(output, name)
            if x.ndim in {2, 3, 4} and len(x) == BATCH:
                found[name] = tuple(x.shape)
    return found


def layers_of(make: Callable[[int], torch.nn.Module], sizes: tuple[int, int]) -> Layers:
    """The layers of a network that `make(size)` gives for pictures of either size. An axis of units is one that does
    not grow: the first of a map's, else its last."""
    small, large = (shapes_at(make(size), size) for size in sizes)
    units: dict[str, int] = {}
    last: list[str] = []
    for name, one in small.items():
        two = large.get(name, ())
        if len(one) != len(two):
            continue
        axis = 1 if len(one) == 4 and one[1] == two[1] else len(one) - 1
        # Square images leave square maps; windows of tokens and heads of attention are no maps.
        sides = [[s for i, s in enumerate(shape) if i not in {0, axis}] for shape in (one, two)]
        if one[axis] != two[axis] or (len(one) == 4 and any(a != b for a, b in sides)):
            continue
        units[name] = one[axis]
        if len(one) == 4 and axis == 3:
            last.append(name)
    return Layers(units, tuple(last))
