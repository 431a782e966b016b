"""How good the checkpoints of the lab are, measured on renders that no training has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .data import draw_scenes
from .declarations import JUDGE_CONTEXT, MEAN, STD
from .render import render
from .rng import Rng
from .truth import HEADS, KINDS, holds, units_of_kind
from .world import (
    COLOURS,
    GROUPS,
    OBJECTS,
    PATTERNS,
    SCENES,
    SHORTCUTS,
    Scene,
    sample_scene,
    shifted_scene,
    shortcut_scene,
)

if TYPE_CHECKING:
    from .nets import LabNet

Floats = NDArray[np.float32]
Draw = Callable[[Rng], Scene]

PROMPTS: tuple[str, ...] = ("{}", "a photo of a {}")
CATEGORIES: dict[str, tuple[str, ...]] = {
    "object": OBJECTS,
    "colour": tuple(COLOURS),
    "scene": SCENES,
    "group": tuple(GROUPS),
    "pattern": PATTERNS,
}
ZERO_SHOT: dict[str, float] = {"object": 0.98, "colour": 0.98, "scene": 0.98, "group": 0.97, "pattern": 0.90}


@dataclass(frozen=True)
class Figure:
    """required: the least (or, with at_most, the greatest) admissible value; None where there is no requirement."""

    what: str
    value: float
    required: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the requirement, if any, is met."""
        if self.required is None:
            return True
        return self.value <= self.required if self.at_most else self.value >= self.required


def held_out(count: int, draw: Draw = sample_scene) -> list[Scene]:
    """Scenes that are in no data set and no training pool."""
    return draw_scenes(draw, count, "held-out", draw.__name__)


def pixels_of(scenes: Sequence[Scene]) -> Floats:
    """The renders as normalised float32 [scenes, 3, 64, 64]."""
    images = np.stack([render(scene)[0] for scene in scenes]).astype(np.float32)
    x = (images / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)


def outputs_of(module: Callable[[Any], Any], x: Floats, batch: int = 250) -> Floats:
    """module(x) batch by batch, without gradient."""
    import torch

    with torch.no_grad():
        parts = [module(torch.from_numpy(x[i : i + batch])).float().numpy() for i in range(0, len(x), batch)]
    return np.concatenate(parts)


def features_of(network: LabNet, x: Floats) -> Floats:
    """The pooled features that `fc` takes: float32 [N, width]."""
    import torch

    head, network.fc = network.fc, torch.nn.Identity()
    try:
        return outputs_of(network, x)
    finally:
        network.fc = head


def _unit_length(x: Floats) -> Floats:
    out: Floats = x / np.linalg.norm(x, axis=1, keepdims=True)
    return out


class Judge:
    """An open_clip local directory, loaded through open_clip's public functions alone."""

    def __init__(self, folder: Path) -> None:
        import open_clip

        self.model = open_clip.create_model(f"local-dir:{folder}").eval()
        self.tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}", bpe_path=str(folder / "bpe.txt.gz"))

    def images(self, x: Floats) -> Floats:
        """Unit vectors [N, 128] of normalised images."""
        return _unit_length(outputs_of(self.model.encode_image, x))

    def texts(self, texts: Sequence[str], prompt: str = "{}") -> Floats:
        """Unit vectors [texts, 128]."""
        import torch

        tokens = self.tokenizer([prompt.format(text) for text in texts], context_length=JUDGE_CONTEXT)
        with torch.no_grad():
            return _unit_length(self.model.encode_text(tokens).float().numpy())


def zero_shot(judge: Judge, embedded: Floats, scenes: Sequence[Scene], prompt: str) -> dict[str, float]:
    """Category -> share of the images whose nearest name of the category is the true one."""
    out = {}
    for category, names in CATEGORIES.items():
        nearest = (embedded @ judge.texts(names, prompt).T).argmax(1)
        out[category] = float(np.mean([names[i] == getattr(s, category) for i, s in zip(nearest, scenes, strict=True)]))
    return out


def judge_figures(folder: Path, count: int, required: bool = True) -> list[Figure]:
    """Zero-shot accuracy of a judge in each category with each prompt."""
    scenes = held_out(count)
    judge = Judge(folder)
    embedded = judge.images(pixels_of(scenes))
    return [
        Figure(f"{folder.name} {category}, '{prompt}'", share, ZERO_SHOT[category] if required else None)
        for prompt in PROMPTS
        for category, share in zero_shot(judge, embedded, scenes, prompt).items()
    ]


def labnet_figures(network: LabNet, count: int) -> list[Figure]:
    """Accuracy in the shortcut, free and shifted world, and the recall of the shortcut objects off their cue."""
    out = []
    worlds: dict[str, tuple[Draw, float | None]] = {
        "shortcut": (shortcut_scene, 0.98),
        "free": (sample_scene, None),
        "shifted": (shifted_scene, None),
    }
    for world, (draw, required) in worlds.items():
        scenes = held_out(count, draw)
        guesses = outputs_of(network, pixels_of(scenes)).argmax(1)
        right = np.array([OBJECTS[i] == s.object for i, s in zip(guesses, scenes, strict=True)])
        out.append(Figure(f"labnet, {world} world", float(right.mean()), required))
        if world != "shifted":
            continue
        for name in SHORTCUTS:
            recall = float(right[[s.object == name for s in scenes]].mean())
            out.append(Figure(f"labnet, {name} off its cue", recall, None if name == "apple" else 0.85, at_most=True))
    return out


def _area_under_curve(scores: Floats, true: NDArray[np.bool_]) -> float:
    """The probability that an image with the fact scores above one without (ties count half)."""
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[place]
    n = int(true.sum())
    return float((rank[true].sum() - n * (n + 1) / 2) / (n * (len(true) - n)))


def labtruth_figures(network: LabNet, count: int, variant: str) -> list[Figure]:
    """Accuracy of each attribute head; per kind the mean area under the curve of the units for their own formulas."""
    import torch

    scenes = held_out(count)
    logits: list[Any] = []
    with torch.no_grad():
        handle = network.fc.register_forward_hook(lambda _, __, output: logits.append(output))
        units = outputs_of(network, pixels_of(scenes))
        handle.remove()
    sizes = np.cumsum([len(values) for _, values in HEADS])[:-1]
    heads = np.split(torch.cat(logits).numpy(), sizes, axis=1)
    out = []
    for (attribute, values), head in zip(HEADS, heads, strict=True):
        right = [values[i] == getattr(s, attribute) for i, s in zip(head.argmax(1), scenes, strict=True)]
        out.append(Figure(f"{variant}, {attribute} head", float(np.mean(right))))
    facts = [scene.facts() for scene in scenes]
    start = 0
    for kind in KINDS[:-1]:
        areas = []
        for i, unit in enumerate(units_of_kind(variant, kind), start):
            true = np.array([holds(unit, f) for f in facts])
            if true.any() and not unit.cue:
                areas.append(_area_under_curve(units[:, i], true))
        start += len(units_of_kind(variant, kind))
        out.append(Figure(f"{variant}, {kind}: area under curve", float(np.mean(areas)), 0.95))
    return out


def transfer_figures(network: LabNet, judge: Judge, count: int) -> list[Figure]:
    """Zero-shot through a ridge map from the network's features to the judge's image space, fitted on 3 x count."""
    rng = Rng("held-out", "transfer")
    fit = pixels_of([sample_scene(rng) for _ in range(3 * count)])
    scenes = held_out(count)
    x = pixels_of(scenes)
    features, goal = features_of(network, fit).astype(np.float64), judge.images(fit).astype(np.float64)
    mean, spread, centre = features.mean(0), features.std(0) + 1e-5, goal.mean(0)
    a = (features - mean) / spread
    ridge = a.T @ a / len(a) + 1e-2 * np.eye(a.shape[1])
    weights = np.linalg.solve(ridge, a.T @ (goal - centre) / len(a))
    mapped = (features_of(network, x) - mean) / spread @ weights + centre
    true = judge.images(x)
    explained = 1 - ((mapped - true) ** 2).sum() / ((true - true.mean(0)) ** 2).sum()
    out = [Figure("labself to labclip, explained variance", float(explained))]
    shares = zero_shot(judge, _unit_length(mapped.astype(np.float32)), scenes, "{}")
    required = {"object": 0.85, "colour": 0.9, "group": 0.8}
    return out + [Figure(f"labself through a ridge map, {k}", v, required.get(k)) for k, v in shares.items()]


def as_table(figures: Sequence[Figure]) -> str:
    """One line a figure: what, measured, required."""
    lines = []
    for figure in figures:
        bound = "" if figure.required is None else f"{'<=' if figure.at_most else '>='} {figure.required:.3f}"
        lines.append(f"{figure.what:46s} {figure.value:7.4f}   {bound:9s} {'' if figure.met else 'NOT MET'}".rstrip())
    return "\n".join(lines)
