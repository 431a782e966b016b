"""What all trainings of the lab share: pools of renders, batches, the schedule, files of half precision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from .declarations import MEAN, SIZE, STD
from .render import render
from .rng import Rng
from .world import Scene

BATCH: int = 128


def render_pool(scenes: Sequence[Scene], label: str, progress: bool = True) -> NDArray[np.uint8]:
    """uint8 [scenes, 64, 64, 3]."""
    pool = np.empty((len(scenes), SIZE, SIZE, 3), np.uint8)
    for i, scene in enumerate(tqdm(scenes, f"{label}: render", disable=not progress, mininterval=1.0)):
        pool[i] = render(scene)[0]
    return pool


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, 64, 64, 3] -> normalised float32 [N, 3, 64, 64], channels last in memory."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    x = x.sub_(torch.tensor(MEAN)[:, None, None]).div_(torch.tensor(STD)[:, None, None])
    return x.contiguous(memory_format=torch.channels_last)


def shifted(x: Tensor, rng: Rng) -> Tensor:
    """The batch rolled by up to 3 px in each direction, all images alike."""
    return torch.roll(x, (rng.between(-3, 3), rng.between(-3, 3)), (2, 3))


def batches(count: int, steps: int, rng: Rng, batch: int = BATCH) -> Iterator[list[int]]:
    """`steps` lists of indices below `count`, each epoch in a new order."""
    order: list[int] = []
    for _ in range(steps):
        if len(order) < batch:
            order = rng.shuffled(range(count))
        yield order[:batch]
        order = order[batch:]


def set_rate(optimizer: torch.optim.Optimizer, peak: float, step: int, steps: int, warm: int = 60) -> None:
    """Linear warm-up, then a cosine to zero at `steps`: a schedule by step, so that a run can be repeated."""
    rate = peak * min(1.0, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-6
    for group in optimizer.param_groups:
        group["lr"] = rate


def write_weights(state: dict[str, Tensor], path: Path) -> None:
    """Write safetensors that everybody may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, str(path), metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors creates it for its owner only


def half_state(module: nn.Module) -> dict[str, Tensor]:
    """The module's state with floats in half precision."""
    return {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in module.state_dict().items()}


def save_half(module: nn.Module, path: Path) -> None:
    """Write the module's state as half-precision safetensors."""
    write_weights(half_state(module), path)
