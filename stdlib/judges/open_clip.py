"""open_clip(name, pretrained=…): a judge by open_clip's name for it, from a folder, or from the hub ('hf-hub:…')."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.citation import Citation
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ..models import weights as files
from ..models.torchvision import library_version
from ..things import Built, Constructor, Judge
from ..works import CLIP, OPEN_CLIP
from .opening import Network, Seeing, folder_config, network_in, network_named, tokenizer_of

HUB = "hf-hub:"


def _configurations() -> Path | None:
    """The folder of the configurations that open_clip comes with, found without importing it."""
    found = find_spec("open_clip")
    return None if found is None or found.origin is None else Path(found.origin).parent / "model_configs"


@cache
def architectures() -> tuple[str, ...]:
    """Names of the architectures that open_clip comes with."""
    folder = _configurations()
    return () if folder is None else tuple(sorted(p.stem for p in folder.glob("*.json")))


@cache
def packaged_config(name: str) -> dict[str, Any] | None:
    """The configuration of an architecture that open_clip comes with; None for another."""
    folder = _configurations()
    if folder is None or name not in architectures():
        return None
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


@dataclass(frozen=True)
class OpenClip(Seeing):
    """A model of open_clip. `pretrained`: 'random', the path of a file, or a tag; folders and the hub need none."""

    architecture: str
    pretrained: str
    seed: int = 0
    prompts: tuple[str, ...] = ("{}",)
    floor: float | None = None
    captions: str | None = None

    citations: ClassVar[tuple[Citation, ...]] = (OPEN_CLIP, CLIP)

    @property
    def folder(self) -> Path | None:
        """The folder that holds the model, if the name is one."""
        from .opening import CONFIG

        place = Path(self.architecture).expanduser()
        return place if (place / CONFIG).is_file() else None

    def configuration(self) -> dict[str, Any] | None:
        if self.folder is not None:
            return folder_config(self.folder)
        return packaged_config(self.architecture)

    @property
    def seeded(self) -> int | None:
        return self.seed if self.pretrained == "random" else None

    def fingerprint(self, known: Fingerprints) -> str:
        """Of the content of the weights; a tag counts too, since it decides preprocessing and activation function."""
        if self.folder is not None:
            held = known.files([(p.name, p) for p in sorted(self.folder.iterdir()) if p.is_file()])
            return digest(["open_clip folder", held, self.seeded])
        if self.seeded is not None:
            drawn = [library_version(p) for p in ("torch", "open_clip_torch")]
            return digest(["open_clip", self.architecture, "random", self.seed, drawn])
        tag = None if files.is_path(self.pretrained) else self.pretrained
        return digest(["open_clip", self.architecture, tag, known.file(self.weights(known))])

    def weights(self, known: Fingerprints) -> Path:
        """The file of the weights. Where a download lies is remembered, so that open_clip is imported only once.

        Raises Diagnostic 'missing-weights' if it is neither here nor to be had, 'bad-argument' for an unknown tag.
        """
        if files.is_path(self.pretrained) and not self.architecture.startswith(HUB):
            return files.existing(self.pretrained, f"the weights of the judge {self.architecture}")
        fact = f"open_clip {self.architecture} {self.pretrained}"
        remembered = known.remembered(fact)
        if remembered is not None and Path(remembered).is_file():
            return Path(remembered)
        from .opening import resolve

        found = resolve(self.architecture, self.pretrained)
        if isinstance(found, Path):
            known.remember(fact, str(found))
            return found
        on_hub = self.architecture.startswith(HUB)
        what = "the weights of the judge" if on_hub else f"the weights {self.pretrained} of the judge"
        call = f"open_clip('{self.architecture}', pretrained="
        raise files.missing(
            f"{what} {self.architecture}", f"they are in no cache, and the download failed ({found})",
            "open_clip('folder') as open_clip saves it" if on_hub else f"{call}'path')",
            None if on_hub else f"{call}random)",
        )  # fmt: skip

    def network(self) -> Network:
        if self.folder is not None:
            return network_in(self.folder, self.seeded)
        return network_named(self.architecture, self.pretrained, self.seeded)

    def tokenizer(self) -> Any:
        return tokenizer_of(self.architecture, self.folder)

    def describe(self) -> dict[str, str]:
        return {
            "architecture": f"{self.architecture} of open_clip",
            "weights": f"random, seed {self.seed}" if self.seeded is not None else self.pretrained or "its own",
        }


def make_open_clip(shown: str, /, name: str, pretrained: str | None, seed: int, prompt: str) -> Judge:
    if "{}" not in prompt:
        raise Diagnostic("bad-argument", f"prompt '{prompt}' has no place for the word", hint="write 'a photo of a {}'")
    spec = OpenClip(name, pretrained or "", seed, (prompt,))
    if spec.folder is not None or name.startswith(HUB):
        return Judge(shown, spec)
    if files.is_path(name) and name not in architectures():
        raise Diagnostic(
            "missing-weights", f"there is no folder {name} with an open_clip_config.json",
            hint="a folder as open_clip saves it, an architecture such as 'ViT-B-32', or 'hf-hub:owner/name'",
        )  # fmt: skip
    if name not in architectures():
        raise Diagnostic(
            "unknown-name", f"open_clip has no architecture {name}.{did_you_mean(name, architectures())}",
            hint=f"it has {listing(architectures(), 8)}",
        )  # fmt: skip
    if pretrained is None:
        raise Diagnostic(
            "missing-argument", f"which weights should {name} have?",
            hint=f"open_clip('{name}', pretrained='openai'), a path, or random on purpose",
        )  # fmt: skip
    if files.is_path(pretrained):
        files.existing(pretrained, f"the weights of the judge {name}")
    return Judge(shown, spec)


DECLARATION = ConstructorDeclaration(
    "open_clip",
    "an image-text model of open_clip as a judge",
    (
        Parameter(
            "name", "str", REQUIRED, "the architecture, such as 'ViT-B-32', a folder, or 'hf-hub:owner/name'",
            known=architectures,
        ),
        Parameter(
            "pretrained", "str", None, "the tag of published weights, a path, or random", nullable=True, is_path=True
        ),
        Parameter("seed", "int", 0, "seed of random weights", low=0, only_with=("pretrained", "random")),
        Parameter("prompt", "str", "{}", "what a word is put into, such as 'a photo of a {}'"),
    ),
    kind="judge",
    citation=OPEN_CLIP,
)


def built() -> Built:
    return Built(constructors=[Constructor(DECLARATION, make_open_clip)])
