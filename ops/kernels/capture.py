"""One forward for any number of layers: hooks pool what modules emit, and the forward ends at the deepest of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ...engine.resources import Batch, Resources, ran_out
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ..handles import ImageSet, Subject, Tokens
from .finite import finite, spoken
from .placing import forward, to_device
from .similarity import pool

TOKEN = "token "  # and its number: a pooling
MAPS, PEAK = "maps", "peak"  # no pooling, and the highest place of a map


class _Deep(Exception):
    """Raised by the last hook: nothing after it is asked for."""


def module_of(root: torch.nn.Module, layer: str, model: str) -> torch.nn.Module:
    """The module at a path such as `features.18.0`. Raises Diagnostic 'unknown-layer' with the nearest path."""
    modules: dict[str, torch.nn.Module] = dict(root.named_modules())
    if layer in modules and layer:
        return modules[layer]
    known = [name for name in modules if name]
    raise Diagnostic(
        "unknown-layer", f"{model} has no layer {layer}.{did_you_mean(layer, known)}", about=(layer, model),
        hint=f"its layers: {listing([n for n in known if '.' not in n])} (SHOW LAYERS OF {model})",
    )  # fmt: skip


def tensor_of(output: Any, layer: str) -> torch.Tensor:
    """What a module emits, as a tensor: itself, or the first of a tuple. Raises Diagnostic 'layer-shape' otherwise."""
    if isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor):
        message = f"layer {layer} gives {type(output).__name__}, not a tensor"
        raise Diagnostic("layer-shape", message, exit_code=1, about=(layer,))
    return output


def arranged(output: torch.Tensor, layer: str, subject: Subject, images: torch.Tensor) -> torch.Tensor:
    """What a layer gave for images [n, 3, H, W], as maps [n, C, H, W], tokens [n, T, D] or features [n, F].

    Raises ValueError if it has no row an image, or looks like maps with the channels last that nobody has declared.
    """
    shape = tuple(output.shape)
    if not shape or shape[0] != len(images):
        raise ValueError(f"{len(images)} images went in, an output of shape {shape} came out")
    if len(shape) != 4:
        return output
    if layer in subject.channels_last:
        return output.permute(0, 3, 1, 2)
    # A square image leaves a square map, so last axes that differ are a side and the channels.
    if images.shape[2] == images.shape[3] and 1 < shape[1] == shape[2] != shape[3]:
        raise ValueError(f"its maps {shape} have the channels last: say so, con.register(…, channels_last=['{layer}'])")
    return output


def maps_of(output: torch.Tensor, tokens: Tokens) -> torch.Tensor:
    """An arranged output as maps [n, units, h, w]; tokens of patches are laid out as a square. Raises ValueError for
    one that has not several places."""
    if output.ndim == 3:
        patches = output[:, tokens.before :]
        side = math.isqrt(patches.shape[1])
        if side * side != patches.shape[1]:
            raise ValueError(f"it gives {patches.shape[1]} tokens of patches, which are no square")
        output = patches.transpose(1, 2).reshape(len(patches), -1, side, side)
    if output.ndim != 4 or output.shape[2] * output.shape[3] < 2:
        raise ValueError(f"it gives {list(output.shape[1:])} an image, so it has no maps")
    return output


def pooled(output: torch.Tensor, how: str, tokens: Tokens) -> torch.Tensor:
    """[n, units] of an arranged output; 'auto' reads tokens as the network itself does; [n, units, h, w] of 'maps'.
    Raises ValueError."""
    if how in {MAPS, PEAK}:
        maps = maps_of(output, tokens)
        return maps if how == MAPS else maps.amax((2, 3))
    if output.ndim == 3 and how == "auto" and not tokens.summary:
        return pool(output[:, tokens.before :], "mean")
    if output.ndim == 3 and how == "cls" and not tokens.before:
        raise ValueError("all its tokens are patches, none is of the class: use mean or max")
    if how.startswith(TOKEN):
        if output.ndim != 3:
            raise ValueError(f"it gives {tuple(output.shape)[1:]} an image and no tokens: leave pooling=token out")
        return pool(output, int(how.removeprefix(TOKEN)))
    return pool(output, None if how == "auto" else how)


@contextmanager
def hooked(
    modules: dict[str, torch.nn.Module], into: dict[str, Any], reduce: Callable[[str, torch.Tensor], Any] | None = None
) -> Iterator[None]:
    """Within, a forward leaves each module's first output in `into` and stops once it has them all.

    `reduce(layer, output)` makes what is left of an output at once: modules after it may overwrite the tensor (ResNet
    adds its shortcuts in place), so what a layer gave is certain only inside its hook.
    """

    def hook(layer: str) -> Any:
        def keep(_module: torch.nn.Module, _args: Any, output: Any) -> None:
            if layer not in into:
                tensor = tensor_of(output, layer)
                into[layer] = tensor if reduce is None else reduce(layer, tensor)
            if len(into) == len(modules):
                raise _Deep

        return keep

    handles = [module.register_forward_hook(hook(layer)) for layer, module in modules.items()]
    try:
        yield
    except _Deep:
        pass
    finally:
        for handle in handles:
            handle.remove()


class Capture:
    """Consumer of images that gives pooled activations [n, units] of several layers from one forward."""

    def __init__(
        self, subject: Subject, name: str, wanted: Sequence[tuple[str, str]], resources: Resources,
        images: ImageSet | None = None,
    ) -> None:  # fmt: skip
        self.subject, self.name, self.wanted, self.resources = subject, name, list(wanted), resources
        self.images = images
        self.modules = {layer: module_of(subject.module, layer, name) for layer, _ in wanted}
        self.deepest = 0

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        x = batch.derived(self.subject.prepare_key, self.subject.prepare)
        seen: dict[str, dict[str, np.ndarray]] = {}

        def reduce(layer: str, output: torch.Tensor) -> dict[str, np.ndarray]:
            return {how: self._pooled(layer, how, output, x) for other, how in self.wanted if other == layer}

        with torch.inference_mode(), hooked(self.modules, seen, reduce):
            try:
                forward(self.subject, to_device(x, self.subject.device))
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                if ran_out(error):
                    raise
                raise self._failed(x, error) from error
        self.resources.counts[f"forward {self.name}"] += len(batch.indices)
        for layer, _ in self.wanted:
            if layer not in seen:
                raise Diagnostic(
                    "layer-shape", f"layer {layer} of {self.name} takes no part in its forward", exit_code=1,
                    hint="choose a layer that every image passes through", about=(layer, self.name),
                )  # fmt: skip
        return [{"activations": self._finite(seen[layer][how], layer, batch)} for layer, how in self.wanted]

    def _finite(self, activations: np.ndarray, layer: str, batch: Batch) -> np.ndarray:
        return finite(
            activations, f"activations of layer {layer} of {self.name}",
            lambda row: spoken(self.images, int(batch.indices[row])), (layer, self.name), self.subject.precision,
        )  # fmt: skip

    def _failed(self, x: torch.Tensor, error: Exception) -> Diagnostic:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return Diagnostic(
            "forward-failed", f"{self.name} fails on an input {list(x.shape)}: {said}", exit_code=1,
            hint="give it images as it takes them: by the size of its preprocessing, or by a function for preprocess",
            about=(self.name,),
        )  # fmt: skip

    def _pooled(self, layer: str, how: str, output: torch.Tensor, x: torch.Tensor) -> np.ndarray:
        try:
            found = pooled(arranged(output, layer, self.subject, x), how, self.subject.tokens)
        except ValueError as error:
            message = f"layer {layer} of {self.name}: {error}"
            hint = f"a layer before it may have maps: SHOW LAYERS OF {self.name}" if how in {MAPS, PEAK} else None
            raise Diagnostic("layer-shape", message, hint=hint, exit_code=1, about=(layer, self.name)) from error
        return np.array(found.float().cpu().numpy())
