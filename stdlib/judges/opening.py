"""Opening models of open_clip, through its public functions only."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...engine.fingerprint import Fingerprints
from ...engine.operator import Operator, Source
from ...lang.citation import Citation
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops.embeddings import ImageEmbeddings, TextEmbeddings
from ...ops.handles import Judge
from ...ops.preprocess import Preprocess
from ..models import weights as files
from ..things import Model, ModelDefaults

if TYPE_CHECKING:
    import torch

Network = tuple[Any, Preprocess]
CONFIG, WEIGHTS, MERGES = "open_clip_config.json", "open_clip_model.safetensors", "bpe.txt.gz"


class Seeing:
    """What specs of judges share that can embed any image and any text."""

    prompts: tuple[str, ...]
    citations: ClassVar[tuple[Citation, ...]]
    defaults: ClassVar[ModelDefaults] = ModelDefaults()  # of the image encoder as a model

    def configuration(self) -> dict[str, Any] | None:
        """open_clip's `model_cfg`, read from its file; None where only the hub has it."""
        raise NotImplementedError

    def fingerprint(self, known: Fingerprints) -> str:
        raise NotImplementedError

    def network(self) -> Network:
        """The model of open_clip on the CPU, and what it wants done to an image."""
        raise NotImplementedError

    def tokenizer(self) -> Any:
        """open_clip's tokenizer for it."""
        raise NotImplementedError

    def open(self, device: str) -> Judge:
        return judge_of(*self.network(), self.tokenizer(), device)

    def describe(self) -> dict[str, str]:
        raise NotImplementedError

    def can_embed_images(self) -> bool:
        return True

    def as_model(self, name: str) -> Model:
        """The image encoder under the judge's name."""
        from .tower import ImageTower

        return Model(name, ImageTower(self), self.defaults)

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


def judge_of(model: Any, prepare: Preprocess, tokenizer: Any, device: str) -> Judge:
    """A judge from an open_clip model and its tokenizer."""
    import torch

    from ...ops.kernels.placing import on_device

    model = on_device(model, device)

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


def folder_config(folder: Path) -> dict[str, Any]:
    """`model_cfg` of a folder as open_clip saves it. Raises Diagnostic 'file-format' for a file that holds none."""
    try:
        found: dict[str, Any] = json.loads((folder / CONFIG).read_text())["model_cfg"]
        return found
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise Diagnostic("file-format", f"{folder / CONFIG} is no configuration of open_clip") from error


@contextmanager
def quietly() -> Iterator[None]:
    """Within, open_clip does not warn of random weights: they are asked for by name here, or an error was raised.

    It speaks by `logging.info`, which gives a root logger without handlers one that prints whatever comes after, our
    own records too; so the root has one meanwhile.
    """
    before, silent = logging.root.manager.disable, logging.NullHandler()
    logging.disable(logging.WARNING)
    logging.root.addHandler(silent)
    try:
        yield
    finally:
        logging.root.removeHandler(silent)
        logging.disable(before)


def network_in(folder: Path, random_seed: int | None = None) -> Network:
    """The model in a folder as open_clip saves it (config, safetensors); with a seed, random weights instead."""
    import open_clip
    import torch

    config = json.loads((folder / CONFIG).read_text())
    with quietly(), torch.random.fork_rng(devices=[]):
        if random_seed is None:
            model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        else:
            torch.manual_seed(random_seed)
            model = open_clip.CLIP(**config["model_cfg"])
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    return model, preprocess_of(config["preprocess_cfg"], size)


def network_named(name: str, pretrained: str, random_seed: int | None) -> Network:
    """A model by open_clip's name for it; `pretrained` is a tag or a file; with a seed, random weights instead.

    Raises Diagnostic 'missing-weights' if parts of it (a text tower) cannot be had, 'file-format' if the file does not
    fit, 'bad-argument' for a model that does not take square images.
    """
    import open_clip
    import torch

    try:
        with whole(name), quietly(), torch.random.fork_rng(devices=[]):
            if random_seed is not None:
                torch.manual_seed(random_seed)
                model = open_clip.create_model(name, load_weights=False, pretrained_text=False)
            else:
                model = open_clip.create_model(name, pretrained=pretrained or None)
    except RuntimeError as error:
        raise Diagnostic(
            "file-format", f"the weights in {pretrained} do not fit {name}: {files.in_few_words(error)}",
            hint="choose the architecture that the weights were trained with",
        ) from error  # fmt: skip
    config = open_clip.get_model_preprocess_cfg(model)
    sides = config["size"] if isinstance(config["size"], tuple | list) else (config["size"],)
    if len(set(sides)) != 1:
        raise Diagnostic("bad-argument", f"{name} takes images of {list(sides)} pixels; a judge here takes square ones")
    return model, preprocess_of(config, int(sides[0]))


def tokenizer_of(place: str, folder: Path | None = None) -> Any:
    """The tokenizer of an architecture, of a model on the hub, or of a folder with its own merges.

    Raises Diagnostic 'missing-weights' if parts of it cannot be had.
    """
    import open_clip

    merges = None if folder is None else folder / MERGES
    extra = {"bpe_path": str(merges)} if merges is not None and merges.exists() else {}
    with whole(place), quietly():
        return open_clip.get_tokenizer(place if folder is None else f"local-dir:{folder}", **extra)


@contextmanager
def whole(name: str) -> Iterator[None]:
    """Within, parts of a judge that cannot be had, and packages that it needs beside open_clip, are told."""
    try:
        yield
    except ImportError as error:
        raise Diagnostic(
            "missing-weights", f"the judge {name} reads texts with the package {error.name}, which is not installed",
            hint=f"pip install {error.name}; or a judge with open_clip's own tokenizer, such as 'ViT-B-32'",
        ) from error  # fmt: skip
    except OSError as error:
        raise files.missing(
            f"parts of the judge {name}", f"open_clip could not load them ({files.in_few_words(error)})",
            "open_clip('folder') as open_clip saves it", None,
        ) from error  # fmt: skip


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
