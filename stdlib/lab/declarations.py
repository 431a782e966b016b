"""The models of the lab as data: layers, units, preprocessing, weights. Imports neither torch nor numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .truth import COUNTS, EVIDENCE, HEADS
from .world import OBJECTS

CHECKPOINTS: Path = Path(__file__).parent / "checkpoints"

# Preprocessing of every model of the lab: RGB / 255 at 64 px, then (x - mean) / std per channel.
SIZE: int = 64
MEAN: tuple[float, float, float] = (0.5, 0.5, 0.5)
STD: tuple[float, float, float] = (0.27, 0.27, 0.27)

JUDGE_CONTEXT: int = 24


@dataclass(frozen=True)
class ModelDeclaration:
    """layers: module path -> number of units (channels), in the order of the forward pass; cam_layer: the last layer
    with a spatial map; classes: names of the outputs of `fc`, empty where they are no classes."""

    name: str
    layers: dict[str, int]
    weights: Path
    about: str
    classes: tuple[str, ...] = ()
    cam_layer: str = "layer4"
    size: int = SIZE
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    widths: tuple[int, ...] = field(default=(24, 48, 96, 192))


def _trunk(widths: tuple[int, ...], outputs: int | None) -> dict[str, int]:
    """Every module of `nets.LabNet`."""
    layers = dict.fromkeys(("conv1", "bn1", "relu", "maxpool"), widths[0])
    for i, width in enumerate(widths, 1):
        shortcut = () if i == 1 else ("downsample.0", "downsample.1", "downsample")
        parts = (*shortcut, "conv1", "bn1", "relu", "conv2", "bn2")
        layers |= {f"layer{i}.0.{part}": width for part in parts}
        layers |= {f"layer{i}.0": width, f"layer{i}": width}
    return {**layers, "avgpool": widths[-1], "fc": widths[-1] if outputs is None else outputs}


def _planted(name: str, about: str) -> ModelDeclaration:
    """The modules of `nets.LabTruth`: noise from the pixels, an attribute network, its evidence, a layer for each kind
    of unit."""
    attributes = sum(len(values) for _, values in HEADS)
    noise = {"pixel_noise": sum(COUNTS.values())}
    layers = noise | _trunk((24, 48, 96, 192), attributes) | {"evidence": len(EVIDENCE)} | COUNTS
    return ModelDeclaration(name, layers, CHECKPOINTS / "labtruth.safetensors", about)


MODELS: dict[str, ModelDeclaration] = {
    model.name: model
    for model in (
        ModelDeclaration(
            "labnet",
            _trunk((24, 48, 96, 192), len(OBJECTS)),
            CHECKPOINTS / "labnet.safetensors",
            "a classifier of 33 objects that learnt shortcuts: boat from water, car from sand, apple from a watermark",
            OBJECTS,
        ),
        ModelDeclaration(
            "labself",
            _trunk((24, 48, 96, 192), None),
            CHECKPOINTS / "labself.safetensors",
            "an encoder that learnt, without labels, which renders show the same thing",
        ),
        _planted("labtruth", "units whose meaning is known by construction, to report on"),
        _planted("labtruth_dev", "units whose meaning is known by construction, to tune on"),
    )
}


@dataclass(frozen=True)
class JudgeDeclaration:
    """An open_clip local directory and how to use it. floor: the mean cosine over a unit's top 100 images under which
    a word is not believable; scale: the learned logit scale; prompt: what a bare word is put into."""

    name: str
    folder: Path
    floor: float
    scale: float
    about: str
    dimensions: int = 128
    context: int = JUDGE_CONTEXT
    prompt: str = "{}"
    captions: str = "lab.captions"
    size: int = SIZE
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    @property
    def vocabulary(self) -> Path:
        """What open_clip.get_tokenizer takes as bpe_path."""
        return self.folder / "bpe.txt.gz"


JUDGES: dict[str, JudgeDeclaration] = {
    judge.name: judge
    for judge in (
        JudgeDeclaration("labclip", CHECKPOINTS / "labclip", 0.12, 29.63, "the judge of the lab"),
        JudgeDeclaration("labclip_early", CHECKPOINTS / "labclip_early", 0.12, 18.18, "hardly trained: a control"),
    )
}
