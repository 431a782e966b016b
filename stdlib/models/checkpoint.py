"""checkpoint(file, architecture=…, preprocess=…): weights in a file, for a network of torchvision or one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ...engine.fingerprint import Fingerprints
from ...engine.operator import canonical, digest
from ...lang.citation import Citation
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ...ops import handles
from ...ops.preprocess import Preprocess
from ..things import Built, Constructor, Model, Texts
from ..works import architecture_works
from . import weights as files
from .architectures import NORMALISATIONS, Architecture, architecture, names, new


@dataclass(frozen=True)
class Checkpoint:
    """Weights of a file in an architecture. `size`: the side of its images; None: the architecture's own."""

    path: str
    architecture: str
    normalisation: str
    size: int | None = None
    names: Texts | None = None

    @property
    def known(self) -> Architecture:
        return architecture(self.architecture)

    @property
    def file(self) -> Path:
        return files.existing(self.path, f"the weights of {self.architecture}")

    @cached_property
    def preprocess(self) -> Preprocess:
        """The architecture's resizing, in proportion to `size`, and the named mean and deviation."""
        how = self.known.preprocess
        mean, std = NORMALISATIONS[self.normalisation]
        size = self.size or how.size
        resize = how.resize
        if how.resize and how.size and size:
            resize = round(how.resize * size / how.size)
        return replace(how, size=size, resize=resize, mean=mean, std=std)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Who published the architecture; who trained the file its owner knows."""
        return architecture_works(self.architecture)

    def layers(self) -> Mapping[str, int | None]:
        """Layer -> units; of a torch file the number of classes is known when it runs."""
        shapes = files.shapes_in(self.file)
        return self.known.layers_with(shapes.get(f"{self.known.head}.weight", (None,))[0] if shapes else None)

    def classes(self) -> tuple[str, ...] | None:
        """Names of the outputs, where they were given."""
        return None if self.names is None else tuple(self.names.spec.open("cpu").texts())

    def fingerprint(self, known: Fingerprints) -> str:
        """Of the content of the file, the architecture and the preprocessing; not of the path."""
        how = canonical(self.preprocess.canonical())
        return digest(["checkpoint", self.architecture, known.file(self.file), how])

    def open(self, device: str) -> handles.Subject:
        from ...ops.kernels.placing import on_device

        state = files.read(self.file)
        head = state.get(f"{self.known.head}.weight")
        module = new(self.architecture, None if head is None else len(head), trained=True)
        files.fit(module, state, self.file, self.architecture)
        how = self.preprocess
        return handles.Subject(
            on_device(module, device), how, how.canonical(), device, channels_last=self.known.channels_last
        )

    def describe(self) -> dict[str, str]:
        named = self.classes()
        return {
            "architecture": self.architecture,
            "weights": self.path,
            "layers": str(len(self.known.layers)),
            "classes": "not named" if named is None else str(len(named)),
            "preprocessing": self.preprocess.describe(),
        }


def make_checkpoint(
    shown: str, /, file: str, architecture: str, preprocess: str, size: int | None, classes: Texts | None
) -> Model:
    spec = Checkpoint(file, architecture, preprocess, size, classes)
    known, place = spec.known, spec.file
    shapes = files.shapes_in(place)
    if shapes is None and place.suffix == ".safetensors":
        raise Diagnostic("file-format", f"{file} is no safetensors file", hint="it may have been cut off on its way")
    units = spec.layers()[known.head]
    named = spec.classes()
    if named is not None and units is not None and len(named) != units:
        raise Diagnostic(
            "bad-argument", f"classes names {len(named)} outputs, {known.head} of {file} has {units}",
            hint="one different name for each output, in their order",
        )  # fmt: skip
    return Model(shown, spec)


DECLARATION = ConstructorDeclaration(
    "checkpoint",
    "weights in a file, for a known architecture",
    (
        Parameter(
            "file", "str", REQUIRED, "a state_dict as .safetensors, or as .pth that holds only tensors", is_path=True
        ),
        Parameter(
            "architecture", "str", REQUIRED, "of torchvision, mobilenet_v2_tf, or cifar_resnet20 to 110", known=names
        ),
        Parameter(
            "preprocess", "choice", REQUIRED, "mean and deviation of the pixels in training",
            choices=tuple(NORMALISATIONS),
        ),
        Parameter("size", "int", None, "side of the images in pixels; null: the architecture's", low=8, nullable=True),
        Parameter("classes", "thing", None, "names of the outputs", kind="vocabulary", nullable=True),
    ),
)  # fmt: skip


def built() -> Built:
    return Built(constructors=[Constructor(DECLARATION, make_checkpoint)])
