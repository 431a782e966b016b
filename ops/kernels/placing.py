"""Where and how forwards run: on which device, in which precision, in which layout of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..handles import Precision, Subject


def on_device(module: torch.nn.Module, device: str) -> torch.nn.Module:
    """The module in evaluation mode on a device. On CUDA the channels of its convolutions are innermost in memory, the
    layout that cuDNN is fastest with; shapes, and what its layers give, stay the same."""
    module = module.eval().to(device)
    return channels_innermost(module) if torch.device(device).type == "cuda" else module


def channels_innermost(module: torch.nn.Module) -> torch.nn.Module:
    """The module with its four-dimensional weights in the layout NHWC."""
    # Not `Module.to(memory_format=…)`: it would touch five-dimensional weights too.
    for weights in module.parameters():
        if weights.ndim == 4:
            weights.data = weights.data.contiguous(memory_format=torch.channels_last)
    return module


def to_device(x: torch.Tensor, device: str) -> torch.Tensor:
    """A batch on a device. To CUDA it goes through pinned memory, so that the copy does not wait for the forward of the
    batch before."""
    if torch.device(device).type == "cuda" and x.device.type == "cpu":
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)


@contextmanager
def computing(precision: Precision, device: str) -> Iterator[None]:
    """Within, forwards run in this precision: products and convolutions in half precision, sums, norms and softmax as
    autocast has them. float32 is float32: on CUDA too, convolutions do not round their factors to 19 bits (TF32)."""
    kind, full = torch.device(device).type, precision == "float32"
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = before and not full
    try:
        with torch.autocast(kind, dtype=None if full else getattr(torch, precision), enabled=not full):
            yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def forward(subject: Subject, x: torch.Tensor) -> None:
    """One forward of a model's input [n, 3, H, W]; what it gives is taken by hooks."""
    with computing(subject.precision, subject.device):
        subject.module(x)
