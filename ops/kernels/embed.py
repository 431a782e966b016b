"""A judge's vectors, normalised: of batches of images, and of texts under one or several prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from ...engine.resources import Batch, Resources
from ..handles import ImageSet, Judge
from .finite import finite, spoken
from .placing import computing, to_device


def image_vectors(judge: Judge, x: torch.Tensor) -> np.ndarray:
    """Vectors [n, D] float32 of 2-norm 1 of a judge's input [n, 3, H, W]."""
    with computing(judge.precision, judge.device):
        found = judge.encode_images(to_device(x, judge.device))
    vectors: np.ndarray = normalize(found.float(), dim=1).cpu().numpy()
    return vectors


def _text_vectors(judge: Judge, texts: Sequence[str]) -> torch.Tensor:
    with computing(judge.precision, judge.device):
        return normalize(judge.encode_texts(texts).float(), dim=1)


class EmbedImages:
    """Consumer of images that gives vectors [n, D] of 2-norm 1, the same to each of its scans."""

    def __init__(
        self, judge: Judge, name: str, scans: int, resources: Resources, images: ImageSet | None = None
    ) -> None:
        self.judge, self.name, self.scans, self.images, self.resources = judge, name, scans, images, resources

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        x = batch.derived(self.judge.prepare_key, self.judge.prepare)
        with torch.inference_mode():
            vectors = image_vectors(self.judge, x)
        self.resources.counts[f"forward {self.name}"] += len(batch.indices)
        finite(
            vectors, f"vectors of {self.name}", lambda row: spoken(self.images, int(batch.indices[row])),
            (self.name,), self.judge.precision,
        )  # fmt: skip
        return [{"vectors": vectors}] * self.scans


def embed_texts(
    judge: Judge, name: str, texts: Sequence[str], prompts: Sequence[str], tell: Callable[[int], None], block: int = 256
) -> np.ndarray:
    """Vectors [texts, D] float32 of 2-norm 1; `prompts` hold `{}` where the text goes. Raises Diagnostic 'not-finite'
    for a text of which the judge `name` makes no numbers."""
    out = []
    with torch.inference_mode():
        for start in range(0, len(texts), block):
            some = texts[start : start + block]
            each = [_text_vectors(judge, [p.replace("{}", t) for t in some]) for p in prompts]
            mean = each[0] if len(each) == 1 else normalize(torch.stack(each).mean(0), dim=1)
            found = mean.cpu().numpy()
            out.append(
                finite(
                    found, f"vectors of {name}", [f"text '{text}'" for text in some].__getitem__, (name,),
                    judge.precision, "leave this text out",
                )
            )  # fmt: skip
            tell(len(some))
    return np.concatenate(out) if out else np.zeros((0, 1), np.float32)
