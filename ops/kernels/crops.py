"""Grad-CAM boxes of units and groups on their top images, and the judge's vectors of what lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...engine.resources import Batch, Resources
from ...lang.diagnostic import Diagnostic
from ..handles import ImageSet, Judge, Subject
from ..preprocess import Preprocess
from .boxes import Box, Frame, enlarged, frame_of, largest_box, to_original
from .capture import arranged, hooked, module_of, pooled
from .embed import image_vectors
from .finite import finite, spoken
from .gradcam import grad_cam, mask, scaled, upsampled
from .placing import forward, to_device

Group = tuple[int, ...]  # units whose sum is looked at; most often one


def frame(prepare: Any, height: int, width: int) -> Frame:
    """The part of an original that a model's input shows; a preprocessing that is code is taken to show all of it."""
    if isinstance(prepare, Preprocess) and prepare.mode == "shortest" and prepare.size is not None:
        return frame_of(height, width, prepare.resize or prepare.size, prepare.size)
    return Frame(0.0, 0.0, float(width), float(height))


def tokens_as_map(x: torch.Tensor) -> torch.Tensor | None:
    """Tokens [N,T,D] as maps [N,D,H,W] if T, or T without a first token, is a square; else None."""
    for skip in (0, 1):
        side = int((x.shape[1] - skip) ** 0.5)
        if side > 1 and side * side == x.shape[1] - skip:
            return x[:, skip:].transpose(1, 2).reshape(x.shape[0], x.shape[2], side, side)
    return None


class UnitMaps:
    """Class-activation maps of units of a layer. Spatial layers give their own maps; others are traced back by gradient
    to the last spatial module before them."""

    def __init__(self, subject: Subject, layer: str, name: str) -> None:
        self.subject, self.layer, self.name = subject, layer, name
        self.module = module_of(subject.module, layer, name)
        self.behind: str | None = None

    def __call__(self, x: torch.Tensor, wanted: Sequence[Sequence[Group]]) -> list[torch.Tensor]:
        """For each image of x [n,3,H,W] the maps [groups,h,w] in [0,1] of its wanted groups, in their order: each that
        of the sum of the group's units (FALCON, section 3.2)."""
        seen: dict[str, torch.Tensor] = {}
        with torch.inference_mode(), hooked({self.layer: self.module}, seen):
            forward(self.subject, x)
        output = self._arranged(seen[self.layer], self.layer, x)
        maps = output if output.ndim == 4 else tokens_as_map(output) if output.ndim == 3 else None
        if maps is not None and maps.shape[2] * maps.shape[3] > 1:
            # A unit that is read as a spatial mean has its own map as class-activation map.
            each = ([maps[i, list(group)].float().sum(0) for group in groups] for i, groups in enumerate(wanted))
            area = maps.shape[2] * maps.shape[3]
            return [scaled((torch.stack(own) / area).relu()).cpu() for own in each]
        return self._traced(x, wanted)

    def _traced(self, x: torch.Tensor, wanted: Sequence[Sequence[Group]]) -> list[torch.Tensor]:
        if self.behind is None:
            self.behind = last_spatial(self.subject, self.module, x[:1], self.layer, self.name)
        behind = module_of(self.subject.module, self.behind, self.name)
        seen: dict[str, torch.Tensor] = {}
        with torch.enable_grad(), hooked({self.behind: behind, self.layer: self.module}, seen):
            forward(self.subject, x.clone().requires_grad_(True))
        activations = seen[self.behind]
        output = pooled(self._arranged(seen[self.layer], self.layer, x), "auto", self.subject.tokens)
        found: dict[tuple[int, Group], torch.Tensor] = {}
        for group in sorted({g for groups in wanted for g in groups}):
            images = [i for i, groups in enumerate(wanted) if group in groups]
            # A unit that does not depend on this module gets a flat map, whose box is the whole image.
            (gradient,) = torch.autograd.grad(
                output[:, list(group)].sum(), activations, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            maps = grad_cam(
                self._arranged(activations.detach(), self.behind, x)[images],
                self._arranged(gradient, self.behind, x)[images],
            ).cpu()
            found |= {(i, group): m for i, m in zip(images, maps, strict=True)}
        return [torch.stack([found[i, g] for g in groups]) for i, groups in enumerate(wanted)]

    def _arranged(self, output: torch.Tensor, layer: str, x: torch.Tensor) -> torch.Tensor:
        try:
            return arranged(output, layer, self.subject, x)
        except ValueError as error:
            message = f"layer {layer} of {self.name}: {error}"
            raise Diagnostic("layer-shape", message, exit_code=1, about=(layer, self.name)) from error


def last_spatial(subject: Subject, target: torch.nn.Module, x: torch.Tensor, layer: str, name: str) -> str:
    """The last module that gives maps before `target` does. Raises Diagnostic 'no-gradient' if none does."""
    seen: list[str] = []
    done: list[bool] = []

    def hook(path: str) -> Any:
        def keep(module: torch.nn.Module, _args: Any, output: Any) -> None:
            if module is target:
                done.append(True)
            elif (
                not done
                and isinstance(output, torch.Tensor)
                and output.ndim == 4
                and output.shape[1 if path in subject.channels_last else 2] > 1
            ):
                seen.append(path)

        return keep

    handles = [m.register_forward_hook(hook(p)) for p, m in subject.module.named_modules() if p]
    try:
        with torch.inference_mode():
            forward(subject, x)
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise Diagnostic(
            "no-gradient", f"no module before {layer} of {name} gives maps, so there is no Grad-CAM", exit_code=1,
            hint="write falcon(crop=none) to use whole images", about=(layer, name),
        )  # fmt: skip
    return seen[-1]


def _members(groups: Sequence[Group] | None, target: int) -> Group:
    """The units of a target: a group's, or the unit that it is."""
    return (target,) if groups is None else groups[target]


def _by_image(pairs: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """(unit, rank) of the pairs of each image."""
    found: dict[int, list[tuple[int, int]]] = {}
    for unit, image, rank in pairs.tolist():
        found.setdefault(image, []).append((unit, rank))
    return found


class EmbedCrops:
    """Consumer of the top images: for each scan a row for each of its pairs of unit and image, see `CropEmbeddings`.

    `pairs` are those [pairs, 3] of each scan, `groups` the units of each scan's targets; None: each is a unit. What
    several want is worked on once.
    """

    def __init__(
        self, subject: Subject | None, judge: Judge, layer: str, name: str, judge_name: str,
        pairs: Sequence[np.ndarray], groups: Sequence[Sequence[Group] | None], at_least: float, least: float,
        resources: Resources, pictures: ImageSet | None = None,
    ) -> None:  # fmt: skip
        self.subject, self.judge, self.at_least, self.least = subject, judge, at_least, least
        self.name, self.judge_name, self.resources = name, judge_name, resources
        self.maps = UnitMaps(subject, layer, name) if subject is not None else None
        self.pairs, self.groups, self.images = pairs, groups, pictures
        self.wanted = [_by_image(own) for own in pairs]
        self._none: np.ndarray | None = None  # vectors [0, D]

    def only(self, rows: Sequence[np.ndarray | None]) -> None:
        """Make these pairs alone, of each scan; None: all."""
        self.wanted = [
            _by_image(own if some is None else own[some]) for own, some in zip(self.pairs, rows, strict=True)
        ]

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        images: list[int] = batch.indices.tolist()
        batch = batch.only(np.array([any(image in own for own in self.wanted) for image in images], np.bool_))
        images = batch.indices.tolist()
        units = [
            sorted({_members(own, unit) for own, wanted in zip(self.groups, self.wanted, strict=True)
                    for unit, _ in wanted.get(i, ())})
            for i in images
        ]  # fmt: skip
        box: dict[tuple[int, Group], Box] = {}
        crop: dict[tuple[int, Group], int] = {}
        distinct: dict[tuple[int, Box], int] = {}  # many units fire on one place of an image: it is embedded once
        for place, (image, found) in enumerate(zip(images, self._boxes(batch, units), strict=True)):
            for unit, found_box in zip(units[place], found, strict=True):
                box[image, unit] = found_box
                crop[image, unit] = distinct.setdefault((place, found_box), len(distinct))
        vectors = self._embed(
            [batch.images[p][b.top : b.bottom, b.left : b.right] for p, b in distinct],
            [spoken(self.images, images[p]) for p, _ in distinct],
        )
        made: list[dict[str, np.ndarray]] = []
        for own, groups in zip(self.wanted, self.groups, strict=True):
            rows = [(unit, image, rank) for image in images for unit, rank in own.get(image, ())]
            table = np.asarray(rows, np.int64).reshape(-1, 3)
            what = [(image, _members(groups, unit)) for unit, image, _ in rows]
            boxes = np.asarray([box[w] for w in what], np.int32).reshape(-1, 4)
            which = np.asarray([crop[w] for w in what], np.int64)
            made.append(
                {
                    "unit": table[:, 0], "image": table[:, 1], "rank": table[:, 2], "box": boxes,
                    "vectors": vectors[which],
                }
            )  # fmt: skip
        return made

    def _boxes(self, batch: Batch, wanted: Sequence[Sequence[Group]]) -> list[list[Box]]:
        if self.maps is None or self.subject is None or not wanted:
            return [
                [Box(0, 0, image.shape[1], image.shape[0])] * len(units)
                for image, units in zip(batch.images, wanted, strict=True)
            ]
        x = to_device(batch.derived(self.subject.prepare_key, self.subject.prepare), self.subject.device)
        found = self.maps(x, wanted)
        self.resources.counts[f"forward {self.name}"] += len(x)
        size = (int(x.shape[2]), int(x.shape[3]))
        return [self._of_image(maps, size, image) for maps, image in zip(found, batch.images, strict=True)]

    def _of_image(self, maps: torch.Tensor, size: tuple[int, int], image: np.ndarray) -> list[Box]:
        """Boxes on the original image from maps [groups,h,w] on a model input of `size`."""
        height, width = image.shape[:2]
        shown = frame(self.subject.prepare if self.subject is not None else None, height, width)
        # A box cannot be finer than the picture: a 64 px picture that the model saw at 224 px is searched at 64 px.
        fine = (min(size[0], max(1, round(shown.height))), min(size[1], max(1, round(shown.width))))
        masks = mask(upsampled(maps, *fine), self.at_least).numpy()
        least = int(self.least * min(height, width))
        return [
            enlarged(to_original(largest_box(m), *fine, shown, height, width), height, width, least=least, square=True)
            for m in masks
        ]

    def _embed(self, crops: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
        if not crops:  # another query's images may be read along: what is kept of none has the judge's dimensions
            if self._none is None:
                x = self.judge.prepare([np.zeros((8, 8, 3), np.uint8)])
                with torch.inference_mode():
                    self._none = self.judge.encode_images(x.to(self.judge.device)).float()[:0].cpu().numpy()
            return self._none
        out = []
        with torch.inference_mode():
            for start in range(0, len(crops), self.resources.batch):
                x = self.judge.prepare(crops[start : start + self.resources.batch])
                out.append(
                    finite(
                        image_vectors(self.judge, x), f"vectors of {self.judge_name}",
                        [f"a crop of {name}" for name in names[start:]].__getitem__, (self.judge_name,),
                        self.judge.precision,
                    )
                )  # fmt: skip
        self.resources.counts[f"forward {self.judge_name}"] += len(crops)
        return np.concatenate(out)
