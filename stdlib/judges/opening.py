"""Opening an open_clip model that lies in a folder, through open_clip's public functions only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...ops.handles import Judge
from ...ops.preprocess import Preprocess

if TYPE_CHECKING:
    import torch

CONFIG, WEIGHTS, MERGES = "open_clip_config.json", "open_clip_model.safetensors", "bpe.txt.gz"


def preprocess_of(config: dict[str, Any], size: int) -> Preprocess:
    """open_clip's `preprocess_cfg` as data."""
    return Preprocess(
        size, tuple(config["mean"]), tuple(config["std"]), config.get("resize_mode", "shortest"),
        interpolation=config.get("interpolation", "bicubic"), fill=int(config.get("fill_color", 0)),
    )  # fmt: skip


def judge_of(model: Any, tokenizer: Any, prepare: Preprocess, device: str) -> Judge:
    """A judge from an open_clip model and its tokenizer."""
    import torch

    model = model.eval().to(device)

    def encode_texts(texts: Sequence[str]) -> torch.Tensor:
        found: torch.Tensor = model.encode_text(tokenizer(list(texts)).to(device))
        return found

    return Judge(
        encode_images=model.encode_image,
        encode_texts=encode_texts,
        prepare=prepare,
        prepare_key=prepare.canonical(),
        scale=float(torch.exp(model.logit_scale.detach()).item()),
        device=device,
    )


def open_folder(folder: Path, device: str, random_seed: int | None = None) -> Judge:
    """The judge in a folder as open_clip saves it (config, safetensors, merges); with a seed, random weights
    instead."""
    import open_clip
    import torch

    config = json.loads((folder / CONFIG).read_text())
    merges = folder / MERGES
    if random_seed is None:
        model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_seed)
            model = open_clip.CLIP(**config["model_cfg"])
    extra = {"bpe_path": str(merges)} if merges.exists() else {}
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}", **extra)
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    return judge_of(model, tokenizer, preprocess_of(config["preprocess_cfg"], size), device)
