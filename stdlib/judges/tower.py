"""The image encoder of a judge as a model: `visual` is the judge's embedding, the layers below it are its modules."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.citation import Citation
from ...ops import handles
from ..models.tracing import Layers

if TYPE_CHECKING:
    import torch

    from .opening import Seeing

TABLE = Path(__file__).parent / "towers.json.gz"
ROOT = "visual"


@cache
def table() -> dict[str, Any]:
    """What build_towers.py wrote."""
    found: dict[str, Any] = json.loads(gzip.decompress(TABLE.read_bytes()))
    return found


def shape_of(config: Mapping[str, Any]) -> str:
    """A digest of what decides the layers of the image encoder in an open_clip configuration; the size of the images
    does not."""
    vision = {k: v for k, v in config["vision_cfg"].items() if k not in {"image_size", "timm_model_pretrained"}}
    return digest([config["embed_dim"], vision])


def layers_of(config: Mapping[str, Any]) -> Layers | None:
    """The layers of the image encoder that an open_clip configuration describes; None for one that is not known."""
    number = table()["configurations"].get(shape_of(config))
    if number is None:
        return None
    held = table()["towers"][number]
    return Layers(held["layers"], tuple(held["channels_last"]))


def tokens_of(visual: torch.nn.Module) -> handles.Tokens:
    """How an image encoder of open_clip reads its tokens: from that of the class, or from those of the patches."""
    trunk = getattr(visual, "trunk", None)  # a model of timm
    if trunk is not None:
        before = int(getattr(trunk, "num_prefix_tokens", 0))
        return handles.Tokens(before > 0 and getattr(trunk, "global_pool", "") == "token", before)
    alone = getattr(visual, "attn_pool", None) is None
    return handles.Tokens(alone and getattr(visual, "pool_type", "") == "tok", 1)


@dataclass(frozen=True)
class ImageTower:
    """The image encoder of a judge that can embed images."""

    judge: Seeing

    @property
    def citations(self) -> tuple[Citation, ...]:
        return self.judge.citations

    @property
    def known(self) -> Layers | None:
        config = self.judge.configuration()
        return None if config is None else layers_of(config)

    def layers(self) -> Mapping[str, int | None] | None:
        """Layer -> units, in the order of the forward; None where they are known when it runs."""
        return None if self.known is None else self.known.units

    def fingerprint(self, known: Fingerprints) -> str:
        """The judge's: whatever changes its vectors changes its encoder, and nothing of its texts is asked for."""
        return digest(["image tower", self.judge.fingerprint(known)])

    def open(self, device: str) -> handles.Subject:
        from ...ops.kernels.architectures import Under, never_in_place
        from ...ops.kernels.placing import on_device

        network, prepare = self.judge.network()
        last = frozenset(self.known.channels_last) if self.known is not None else frozenset[str]()
        module = on_device(never_in_place(Under(ROOT, network.visual)), device)
        return handles.Subject(module, prepare, prepare.canonical(), device, tokens_of(network.visual), last)

    def describe(self) -> dict[str, str]:
        return {"about": "the image encoder of a judge", **self.judge.describe()}
