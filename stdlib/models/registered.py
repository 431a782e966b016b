"""con.register('name', module, preprocess=…): a network that lives in the user's own Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...engine.fingerprint import Fingerprints
from ...engine.operator import canonical, digest
from ...lang.diagnostic import Diagnostic, did_you_mean
from ...ops import handles
from ...ops.preprocess import Preprocess
from ..things import Model

if TYPE_CHECKING:
    import numpy as np
    import torch

Prepare = Callable[[Sequence["np.ndarray"]], "torch.Tensor"]


@dataclass(frozen=True, eq=False)
class Registered:
    """A live module. `version` stands for code that no key can see: a preprocessing function, a changed forward.

    `names` are those of its outputs; `channels_last` the layers that give maps [n, H, W, C].
    """

    module: torch.nn.Module
    preprocess: Preprocess | Prepare
    version: str | None = None
    names: tuple[str, ...] | None = None
    channels_last: frozenset[str] = frozenset()

    def layers(self) -> Mapping[str, int | None]:
        """Every module by its path; units are known when it runs."""
        return {name: None for name, _ in self.module.named_modules() if name}

    def classes(self) -> tuple[str, ...] | None:
        return self.names

    def fingerprint(self, known: Fingerprints) -> str:
        """Of every tensor of the state, every module's class and settings, the preprocessing, and `version`."""
        how = self.preprocess
        return digest(
            [
                "registered",
                [[name, _class_of(m), m.extra_repr()] for name, m in self.module.named_modules()],
                [[name, *_content(tensor)] for name, tensor in self.module.state_dict().items()],
                canonical(how.canonical()) if isinstance(how, Preprocess) else None,
                self.version,
                sorted(self.channels_last),
            ]
        )

    def open(self, device: str) -> handles.Subject:
        """A copy in evaluation mode: the user's module keeps its mode, device and hooks."""
        from copy import deepcopy

        from ...ops.kernels.architectures import never_in_place

        module = never_in_place(deepcopy(self.module)).eval().to(device)
        how = self.preprocess
        key = how.canonical() if isinstance(how, Preprocess) else ("function", id(how))
        return handles.Subject(module, how, key, device, channels_last=self.channels_last)

    def describe(self) -> dict[str, str]:
        how = self.preprocess
        return {
            "class": _class_of(self.module),
            "layers": str(len(self.layers())),
            "classes": "not named" if self.names is None else str(len(self.names)),
            "preprocessing": how.describe() if isinstance(how, Preprocess) else f"a function, version {self.version}",
            **({"version": self.version} if self.version else {}),
        }


def _class_of(module: torch.nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _content(tensor: torch.Tensor) -> tuple[str, list[int], str]:
    """Type, shape and sha256 of the bytes of a tensor."""
    import hashlib

    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return str(tensor.dtype), list(tensor.shape), hashlib.sha256(flat.numpy().tobytes()).hexdigest()


def registered(
    name: str, module: torch.nn.Module, preprocess: Preprocess | Prepare | None, version: str | None = None,
    classes: Sequence[str] | None = None, channels_last: Sequence[str] = (),
) -> Model:
    """A model from a live module. `preprocess`: a Preprocess, or a function: n images uint8 [H, W, 3] -> [n, 3, H, W].

    `classes` names its outputs in order; `channels_last` are the layers that give maps [n, H, W, C], as Swin's do.

    Raises Diagnostic 'missing-argument' without `preprocess`; 'bad-argument' if it is a function and there is no
    `version`: the key of an answer covers what a function does only if its author says when that changes;
    'unknown-layer' for a layer that the module does not have; 'wrong-kind' for what is no module.
    """  # fmt: skip
    import torch

    if not isinstance(module, torch.nn.Module):
        raise Diagnostic(
            "wrong-kind", f"{name} is to be a torch.nn.Module; what was given is of the type {type(module).__name__}",
            hint="networks of torchvision are known by name: torchvision('resnet18', weights=random)",
        )  # fmt: skip
    if preprocess is None:
        raise Diagnostic(
            "missing-argument", f"what does {name} want done to an image?",
            hint="preprocess=Preprocess(224, mean, std), from clq.ops.preprocess, or a function and a version",
        )  # fmt: skip
    if not isinstance(preprocess, Preprocess):
        if not callable(preprocess):
            raise Diagnostic("bad-argument", f"preprocess of {name} is neither a Preprocess nor a function")
        if version is None:
            raise Diagnostic(
                "bad-argument", f"preprocess of {name} is a function, and what a function does cannot be part of a key",
                hint="give version='1', and another one whenever the function changes; or a Preprocess",
            )  # fmt: skip
    spec = Registered(
        module, preprocess, version, None if classes is None else tuple(classes), frozenset(channels_last)
    )
    for layer in channels_last:
        if layer not in spec.layers():
            near = did_you_mean(layer, spec.layers())
            raise Diagnostic("unknown-layer", f"channels_last names {layer}, which {name} has not.{near}")
    return Model(name, spec)
