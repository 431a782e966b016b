"""torchvision(name, weights=…): a classifier of torchvision with published weights, those of a file, or random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...engine.fingerprint import Fingerprints
from ...engine.operator import canonical, digest
from ...lang.citation import Citation
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops import handles
from ...ops.preprocess import Preprocess
from ..things import Built, Constructor, Model
from ..works import IMAGENET, TORCHVISION, architecture_works
from . import weights as files
from .architectures import NORMALISATIONS, Architecture, architecture, imagenet_classes, new, torchvision_names


@dataclass(frozen=True)
class Torchvision:
    """A classifier of torchvision. `weights`: 'random', the name of published ones, or the path of a file."""

    architecture: str
    weights: str
    seed: int = 0
    normalisation: str | None = None

    @property
    def known(self) -> Architecture:
        return architecture(self.architecture)

    @cached_property
    def preprocess(self) -> Preprocess:
        """What the weights want, or with another mean and deviation if that was asked for."""
        published = self.known.weights
        by_file = {w.file: w for w in published.values()}
        name = self.weights if self.weights in published else self.known.default
        how = by_file.get(Path(self.weights).name, published[name]).preprocess
        if self.normalisation is None:
            return how
        mean, std = NORMALISATIONS[self.normalisation]
        return replace(how, mean=mean, std=std)

    @property
    def _path(self) -> Path:
        """Where the weights lie or would lie. Raises Diagnostic for a file of the user's that is not there."""
        if self.weights in self.known.weights:
            return files.hub_folder() / self.known.weights[self.weights].file
        return files.existing(self.weights, f"the weights of {self.architecture}")

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The architecture, the library, and what published weights were trained on."""
        trained = (IMAGENET,) if self.weights.startswith("IMAGENET1K") else ()
        return (*architecture_works(self.architecture), TORCHVISION, *trained)

    def layers(self) -> Mapping[str, int | None]:
        """Layer -> units. A file may hold another number of classes: read where its header tells, else not known."""
        known = self.known
        if self.weights == "random" or self.weights in known.weights:
            return known.layers_with(known.layers[known.head])
        shapes = files.shapes_in(self._path)
        return known.layers_with(shapes.get(f"{known.head}.weight", (None,))[0] if shapes else None)

    def classes(self) -> tuple[str, ...] | None:
        """Names of the outputs, where the weights have any."""
        return imagenet_classes() if self.weights in self.known.weights else None

    def fingerprint(self, known: Fingerprints) -> str:
        """Of the content of the weights, never their name; random ones depend on the libraries that draw them."""
        if self.weights == "random":
            what = ["random", self.seed, *(library_version(p) for p in ("torch", "torchvision"))]
        else:
            self.prepare()
            what = [known.file(self._path)]
        return digest(["torchvision", self.architecture, what, canonical(self.preprocess.canonical())])

    def prepare(self) -> None:
        """See to it that the weights are here. Raises Diagnostic 'missing-weights' if they cannot be had."""
        path = self._path
        if path.is_file():
            return
        failed = download(self.architecture, self.weights)
        if failed is None and path.is_file():
            return
        call = f"torchvision('{self.architecture}', weights="
        raise files.missing(
            f"the weights {self.weights} of {self.architecture}",
            f"there is no {path.name} in {files.shown(path.parent)}, and the download failed "
            f"({failed or 'it left no such file'})",
            f"{call}'path')", f"{call}random)",
        )  # fmt: skip

    def open(self, device: str) -> handles.Subject:
        from ...ops.kernels.architectures import seeded
        from ...ops.kernels.placing import on_device

        if self.weights == "random":
            module = seeded(self.seed, lambda: new(self.architecture))
        else:
            self.prepare()
            state = files.read(self._path)
            head = state.get(f"{self.known.head}.weight")
            module = new(self.architecture, None if head is None else len(head), trained=True)
            files.fit(module, state, self._path, self.architecture)
        how = self.preprocess
        return handles.Subject(
            on_device(module, device), how, how.canonical(), device, channels_last=self.known.channels_last
        )

    def describe(self) -> dict[str, str]:
        random = f"random, seed {self.seed}"
        return {
            "architecture": f"{self.architecture} of torchvision",
            "weights": random if self.weights == "random" else self.weights,
            "layers": str(len(self.known.layers)),
            "classes": "not named" if self.classes() is None else "1000 of ImageNet",
            "preprocessing": self.preprocess.describe(),
        }


def library_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def download(name: str, weights: str) -> str | None:
    """Let torchvision download published weights. Why it failed, in a few words, or None."""
    import sys

    from torchvision import models

    chosen = models.get_model_weights(name)[weights]
    failed = files.reach(chosen.url)
    if failed is not None:
        return failed
    from torch.hub import download_url_to_file

    path = files.hub_folder() / architecture(name).weights[weights].file
    path.parent.mkdir(parents=True, exist_ok=True)
    # The part of the file's name after the dash is the beginning of its digest.
    promised = path.stem.rpartition("-")[2] if "-" in path.stem else None
    return files.attempt(
        lambda: download_url_to_file(chosen.url, str(path), hash_prefix=promised, progress=sys.stderr.isatty())
    )


def make_torchvision(shown: str, /, name: str, weights: str, seed: int, preprocess: str | None) -> Model:
    if name not in torchvision_names():
        raise Diagnostic(
            "unknown-name", f"torchvision has no classifier {name}.{did_you_mean(name, torchvision_names())}",
            hint=f"it has {listing(torchvision_names())}",
        )  # fmt: skip
    known = architecture(name)
    published = list(known.weights)
    if weights == "default":
        weights = known.default
    elif files.is_path(weights):
        files.existing(weights, f"the weights of {name}")
    elif weights != "random" and weights not in published:
        raise Diagnostic(
            "bad-argument",
            f"{name} has no weights {weights}.{did_you_mean(weights, [*published, 'default', 'random'])}",
            hint=f"weights are default, {', '.join(published)}, random, or the path of a file",
        )  # fmt: skip
    return Model(shown, Torchvision(name, weights, seed, preprocess))


DECLARATION = ConstructorDeclaration(
    "torchvision",
    "a classifier of torchvision",
    (
        Parameter("name", "str", REQUIRED, "the architecture, such as 'resnet50'", known=torchvision_names),
        Parameter(
            "weights", "str", "default", "default, the name of published weights, the path of a file, or random",
            is_path=True,
        ),
        Parameter("seed", "int", 0, "seed of random weights", low=0, only_with=("weights", "random")),
        Parameter(
            "preprocess", "choice", None, "mean and deviation of the pixels; null: as the weights want it",
            choices=tuple(NORMALISATIONS), nullable=True,
        ),
    ),
    citation=TORCHVISION,
)  # fmt: skip


def built() -> Built:
    """torchvision('resnet50') is also called resnet50."""
    return Built(
        constructors=[Constructor(DECLARATION, make_torchvision)],
        known_as=torchvision_names(),
        make=lambda name: make_torchvision(name, name, "default", 0, None),
    )
