"""Train labnet (a classifier in the shortcut world), labtruth's attribute network, and labself (no labels)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from .data import draw_scenes, scenes_of
from .nets import LabNet, new
from .rng import Rng
from .train_common import BATCH, batches, render_pool, save_half, set_rate, shifted, to_tensor
from .truth import HEADS
from .world import OBJECTS, Scene, sample_scene

LABNET_STEPS: int = 480
LABTRUTH_STEPS: int = 1_200
LABTRUTH_POOL: int = 14_000
LABSELF_STEPS: int = 1_000
LABSELF_THINGS: int = 5_000
VIEWS: int = 4
TEMPERATURE: float = 0.15


def _fit(
    network: LabNet, parts: nn.Module, loss_of: Callable[[int], Tensor], steps: int, peak: float, label: str, show: bool
) -> None:
    """Minimise loss_of(step) over the parameters of `parts`; the network is left in evaluation mode."""
    network.train()
    optimizer = torch.optim.AdamW(parts.parameters(), lr=peak, weight_decay=0.05)
    bar = tqdm(range(steps), f"{label}: train", disable=not show, mininterval=5.0)
    for step in bar:
        set_rate(optimizer, peak, step, steps, warm=50)
        loss = loss_of(step)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    network.eval()


def head_targets(scenes: Sequence[Scene]) -> Tensor:
    """int64 [scenes, heads]: the index of each attribute's value."""
    return torch.tensor([[values.index(getattr(s, attribute)) for attribute, values in HEADS] for s in scenes])


def train_labnet(folder: Path, seed: int = 0, progress: bool = True, steps: int = LABNET_STEPS) -> None:
    """Write folder/labnet.safetensors, learnt from the data set `train`."""
    torch.manual_seed(seed)
    rng = Rng("train_labnet", seed)
    scenes = scenes_of("train")
    images = render_pool(scenes, "labnet", progress)
    labels = torch.tensor([OBJECTS.index(scene.object) for scene in scenes])
    network = new("labnet").to(memory_format=torch.channels_last)
    order = list(batches(len(scenes), steps, rng))

    def loss(step: int) -> Tensor:
        return F.cross_entropy(network(shifted(to_tensor(images[order[step]]), rng)), labels[order[step]])

    _fit(network, network, loss, steps, 2e-3, "labnet", progress)
    save_half(network, folder / "labnet.safetensors")


def train_labtruth(folder: Path, seed: int = 0, progress: bool = True, steps: int = LABTRUTH_STEPS) -> None:
    """Write folder/labtruth.safetensors: five softmax heads (one sigmoid per fact was far worse at the same cost)."""
    torch.manual_seed(seed)
    rng = Rng("train_labtruth", seed)
    scenes = draw_scenes(sample_scene, LABTRUTH_POOL, "labtruth", seed)
    images = render_pool(scenes, "labtruth", progress)
    targets = head_targets(scenes)
    sizes = [len(values) for _, values in HEADS]
    network = LabNet(sum(sizes)).to(memory_format=torch.channels_last)
    order = list(batches(len(scenes), steps, rng))

    def loss(step: int) -> Tensor:
        heads = network(shifted(to_tensor(images[order[step]]), rng)).split(sizes, 1)
        losses = [F.cross_entropy(head, targets[order[step], i]) for i, head in enumerate(heads)]
        return torch.stack(losses).sum()

    _fit(network, network, loss, steps, 3e-3, "labtruth", progress)
    save_half(network, folder / "labtruth.safetensors")


def same_thing(scene: Scene, rng: Rng) -> Scene:
    """The same object in another pose; its colour and pattern are mostly kept, its place half of the time. Whatever is
    shared more often weighs more in the features: with all kept, colour alone told most pairs apart."""
    other = sample_scene(rng, object=scene.object)
    return replace(
        other,
        colour=scene.colour if rng.chance(0.8) else other.colour,
        pattern=scene.pattern if rng.chance(0.8) else other.pattern,
        scene=scene.scene if rng.chance(0.5) else other.scene,
    )


def _brightness(x: Tensor) -> Tensor:
    return x * (1 + 0.1 * torch.randn(len(x), 1, 1, 1)) + 0.1 * torch.randn(len(x), 3, 1, 1)


def train_labself(folder: Path, seed: int = 0, progress: bool = True, steps: int = LABSELF_STEPS) -> None:
    """Write folder/labself.safetensors: contrastive, the positives two renders of the same object (two crops of
    one image taught it colours and scenes but no objects)."""
    torch.manual_seed(seed)
    rng = Rng("train_labself", seed)
    things = draw_scenes(sample_scene, LABSELF_THINGS, "labself", seed)
    scenes = [view for thing in things for view in (thing, *(same_thing(thing, rng) for _ in range(VIEWS - 1)))]
    images = render_pool(scenes, "labself", progress).reshape(len(things), VIEWS, 64, 64, 3)
    network = new("labself").to(memory_format=torch.channels_last)
    projector = nn.Sequential(nn.Linear(192, 256), nn.ReLU(), nn.Linear(256, 96))
    order = list(batches(len(things), steps, rng))
    positives = torch.cat([torch.arange(BATCH) + BATCH, torch.arange(BATCH)])

    def loss(step: int) -> Tensor:
        pairs = [rng.shuffled(range(VIEWS))[:2] for _ in range(BATCH)]
        views = [shifted(to_tensor(images[order[step], [pair[k] for pair in pairs]]), rng) for k in (0, 1)]
        embedded = F.normalize(projector(network(_brightness(torch.cat(views)))), dim=1)
        similarity = (embedded @ embedded.T / TEMPERATURE).fill_diagonal_(-1e4)
        return F.cross_entropy(similarity, positives)

    _fit(network, nn.ModuleList([network, projector]), loss, steps, 3e-3, "labself", progress)
    save_half(network, folder / "labself.safetensors")
