"""Opening models of open_clip, through its public functions only."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...engine.operator import Operator, Source
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops.embeddings import ImageEmbeddings, TextEmbeddings
from ...ops.handles import Judge
from ...ops.preprocess import Preprocess
from ..models import weights as files

if TYPE_CHECKING:
    import torch

CONFIG, WEIGHTS, MERGES = "open_clip_config.json", "open_clip_model.safetensors", "bpe.txt.gz"


class Seeing:
    """What specs of judges share that can embed any image and any text."""

    prompts: tuple[str, ...]

    def can_embed_images(self) -> bool:
        return True

    def image_vectors(self, judge: Source, images: Source) -> Operator:
        return ImageEmbeddings(judge, images)

    def text_vectors(self, judge: Source, texts: Operator) -> Operator:
        return TextEmbeddings(judge, texts, self.prompts)


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


@contextmanager
def quietly() -> Iterator[None]:
    """Within, open_clip does not warn of random weights: they are asked for by name here, or an error was raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def open_folder(folder: Path, device: str, random_seed: int | None = None) -> Judge:
    """The judge in a folder as open_clip saves it (config, safetensors, merges); with a seed, random weights
    instead."""
    import open_clip
    import torch

    config = json.loads((folder / CONFIG).read_text())
    merges = folder / MERGES
    with quietly(), torch.random.fork_rng(devices=[]):
        if random_seed is None:
            model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        else:
            torch.manual_seed(random_seed)
            model = open_clip.CLIP(**config["model_cfg"])
        extra = {"bpe_path": str(merges)} if merges.exists() else {}
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}", **extra)
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    return judge_of(model, tokenizer, preprocess_of(config["preprocess_cfg"], size), device)


def open_named(name: str, pretrained: str, random_seed: int | None, device: str) -> Judge:
    """A judge by open_clip's name for it; `pretrained` is a tag or a file; with a seed, random weights instead.

    Raises Diagnostic 'missing-weights' if parts of it (a text tower, a tokenizer) cannot be had, 'file-format' if the
    file does not fit, 'bad-argument' for a model that does not take square images.
    """
    import open_clip
    import torch

    try:
        with quietly(), torch.random.fork_rng(devices=[]):
            if random_seed is not None:
                torch.manual_seed(random_seed)
                model = open_clip.create_model(name, load_weights=False, pretrained_text=False)
            else:
                model = open_clip.create_model(name, pretrained=pretrained or None)
            tokenizer = open_clip.get_tokenizer(name)
    except OSError as error:
        raise files.missing(
            f"parts of the judge {name}", f"open_clip could not load them ({files.in_few_words(error)})",
            "open_clip('folder') as open_clip saves it", None,
        ) from error  # fmt: skip
    except RuntimeError as error:
        raise Diagnostic(
            "file-format", f"the weights in {pretrained} do not fit {name}: {files.in_few_words(error)}",
            hint="choose the architecture that the weights were trained with",
        ) from error  # fmt: skip
    config = open_clip.get_model_preprocess_cfg(model)
    sides = config["size"] if isinstance(config["size"], tuple | list) else (config["size"],)
    if len(set(sides)) != 1:
        raise Diagnostic("bad-argument", f"{name} takes images of {list(sides)} pixels; a judge here takes square ones")
    return judge_of(model, tokenizer, preprocess_of(config, int(sides[0])), device)


def resolve(name: str, tag: str) -> Path | str:
    """The file of published weights, downloaded if need be, or why it cannot be had. Raises Diagnostic 'bad-argument'
    for a tag that the architecture does not have."""
    from open_clip import pretrained as published

    if name.startswith("hf-hub:"):
        repository = name.removeprefix("hf-hub:").partition("?")[0]
        return _downloaded({"hf_hub": f"{repository}/"})
    config = published.get_pretrained_cfg(name, tag)
    if not config:
        tags = published.list_pretrained_tags_by_model(name)
        raise Diagnostic(
            "bad-argument", f"{name} has no weights {tag}.{did_you_mean(tag, tags)}",
            hint=f"its tags: {listing(tags) or 'none'}; or a path, or random on purpose",
        )  # fmt: skip
    return _downloaded(config)


def _downloaded(config: dict[str, Any]) -> Path | str:
    from open_clip import pretrained as published

    found: list[str] = []

    def download() -> None:
        found.append(published.download_pretrained(config))

    cached = _in_cache(config)
    if cached is not None:
        return cached
    failed = files.reach(_address(config)) or files.attempt(download)
    return failed or Path(found[0])


def _address(config: dict[str, Any]) -> str:
    from huggingface_hub import hf_hub_url

    owner, _, file = config.get("hf_hub", "").rpartition("/")
    return hf_hub_url(owner, file or CONFIG) if owner else str(config["url"])


def _in_cache(config: dict[str, Any]) -> Path | None:
    """The file that open_clip would find without asking a server."""
    from huggingface_hub import try_to_load_from_cache

    owner, _, file = config.get("hf_hub", "").rpartition("/")
    if owner:
        stem = (file or "open_clip_pytorch_model.bin").rpartition(".")[0]
        names = [WEIGHTS, f"{stem}.safetensors", file or f"{stem}.bin"]
        found = [try_to_load_from_cache(owner, n) for n in dict.fromkeys(names)]
        return next((Path(f) for f in found if isinstance(f, str)), None)
    place = Path("~/.cache/clip").expanduser() / str(config.get("url", "")).rpartition("/")[2]
    return place if place.is_file() else None
