"""CLIP-Dissect's two similarities that compare a unit's activations with a word's cosines over all images.

Activations and image vectors stream past in step, in blocks of images; no matrix [images, words] ever exists. A unit's
scores depend on no other unit and a word's on no other word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cosines import Rows, float64
from .native import compiled, in_parts
from .similarity import unit_rows

TIE = 6  # decimals: float32 products agree no further
NOISE = 1e-13  # a cosine below this is what float64 leaves of zero


@dataclass(frozen=True)
class Stream:
    """Blocks (activations [b,U], image vectors [b,D]) over the same images in order; `blocks(size)` starts anew."""

    blocks: Callable[[int], Iterator[tuple[Rows, Rows]]]
    texts: Rows  # [M,D]
    scaled: bool = True  # bring vectors to 2-norm 1; else their products are the cosines

    @property
    def words(self) -> int:
        return int(self.texts.shape[0])

    def vectors(self, rows: Rows) -> Tensor:
        found = rows if isinstance(rows, Tensor) else torch.from_numpy(rows)
        return unit_rows(found) if self.scaled else found


def cosine_blocks(stream: Stream, *, budget: int = 256 << 20) -> Iterator[tuple[int, Tensor]]:
    """(start, scores [U,w]) of blocks of words: the cosine of a unit's activations with a word's cosines, not centred.

    A^T P is (A^T I) T^T and the norm of a column of P is that of t under I^T I, so one pass over the images gathers two
    small matrices, in float64, and the words never meet the images. All-zero columns score 0, where the reference
    divides by zero and lets the NaN win. Memory: 8 (U D + D D) bytes, a block of images, a block of words.
    """
    along: Tensor | None = None
    gram = square = torch.zeros(())
    for values, rows in stream.blocks(max(16, min(4096, budget // (32 * int(stream.texts.shape[1]))))):
        a, v = _finite(float64(values)), stream.vectors(float64(rows))
        if along is None:
            along, gram, square = a.T @ v, v.T @ v, (a * a).sum(0)
        else:
            along.addmm_(a.T, v)
            gram.addmm_(v.T, v)
            square += (a * a).sum(0)
    if along is None:
        raise ValueError("no images were given")
    own = square.sqrt()
    along /= torch.where(own > 0, own, 1.0)[:, None]
    width = max(16, min(4096, budget // (16 * (len(own) + gram.shape[0]))))
    for start in range(0, stream.words, width):
        t = stream.vectors(float64(stream.texts[start : start + width]))
        norm = ((t @ gram) * t).sum(1).clamp(min=0).sqrt()
        score = (along @ t.T).div_(torch.where(norm > NOISE, norm, 1.0))
        yield start, score.masked_fill_(norm <= NOISE, 0.0)


def cubed_blocks(stream: Stream, *, min_norm: float = 1e-3, budget: int = 256 << 20) -> Iterator[tuple[int, Tensor]]:
    """(start, scores [U,w]) of blocks of words: columns centred, cubed, divided by max(2-norm, min_norm), multiplied.

    Large values weigh most. The floor bites also for activations that are legitimately tiny: their scores shrink.
    One pass gathers means and extremes, a second multiplies, in float32 if vectors and activations are; it is
    repeated if the scores of all words exceed half of the budget. Sums over images are in float64.

    Source: CLIP-Dissect, table of similarity functions. Raises ValueError on values that are not finite.
    """
    dimensions = int(stream.texts.shape[1])
    a_mean, v_mean, scale, dtype = _moments(stream, max(16, min(4096, budget // (32 * dimensions))))
    units = len(a_mean)
    texts, wide = stream.vectors(_typed(stream.texts, dtype)), max(1, budget // (16 * units))
    size = max(16, min(4096, budget // (16 * (units + dimensions + 512))))
    for first in range(0, stream.words, wide):
        some = texts[first : first + wide]
        q_mean = some.double() @ v_mean
        product = torch.zeros(units, len(some), dtype=torch.float64)
        a_square, q_square = torch.zeros(units, dtype=torch.float64), torch.zeros(len(some), dtype=torch.float64)
        for values, rows in stream.blocks(size):
            a = float64(values).sub(a_mean).div_(scale)
            a = (a * a * a).to(dtype).T.contiguous()
            a_square += a.double().square().sum(1)
            vectors = stream.vectors(_typed(rows, dtype))
            for start in range(0, len(some), 512):
                part = some[start : start + 512]
                q = part @ vectors.T
                _cube(q, q_mean[start : start + 512].to(dtype), q_square[start : start + 512])
                product[:, start : start + 512] += a @ q.T
        # (scale z)^3 over max(scale^3 |z^3|, min_norm), without the range that scale^3 would cost
        own = torch.maximum(a_square.sqrt(), min_norm / scale**3)
        yield first, product.div_(own[:, None]).div_(q_square.sqrt().clamp(min=min_norm))


def _moments(stream: Stream, size: int) -> tuple[Tensor, Tensor, Tensor, torch.dtype]:
    """Means of activations [U] and vectors [D], how far activations lie from it at most [U], what to work in."""
    a_sum = v_sum = low = high = torch.zeros(())
    count, dtype = 0, torch.float32
    for values, rows in stream.blocks(size):
        a, v = _finite(float64(values)), stream.vectors(float64(rows))
        if any(str(x.dtype).endswith("float64") for x in (values, rows)):
            dtype = torch.float64
        if not count:
            low, high = a.amin(0), a.amax(0)
        low, high = torch.minimum(low, a.amin(0)), torch.maximum(high, a.amax(0))
        a_sum, v_sum, count = a_sum + a.sum(0), v_sum + v.sum(0), count + len(a)
    if not count:
        raise ValueError("no images were given")
    mean = a_sum / count
    far = torch.maximum(high - mean, mean - low)
    return mean, v_sum / count, torch.where(high > low, far, 1.0), dtype


def _cube(q: Tensor, mean: Tensor, square: Tensor) -> None:
    """Centre and cube the rows of q [w,b], one for each word, in place; add the sums of their squares to `square`."""
    rows, centre, total = q.numpy(), mean.numpy(), square.numpy()
    in_parts(len(rows), lambda a, b: _cube_rows(rows[a:b], centre[a:b], total[a:b]))


@compiled
def _cube_rows(rows: NDArray[Any], mean: NDArray[Any], square: NDArray[Any]) -> None:
    """In runs that a processor's first cache holds, as each value is used twice."""
    for w in range(rows.shape[0]):
        centre = mean[w]
        total = 0.0
        for start in range(0, rows.shape[1], 1024):
            run = rows[w, start : start + 1024]
            for i in range(len(run)):
                x = run[i] - centre
                run[i] = x * x * x
            for i in range(len(run)):
                wide = np.float64(run[i])
                total += wide * wide
        square[w] += total


def _typed(x: Rows, dtype: torch.dtype) -> Tensor:
    return (x if isinstance(x, Tensor) else torch.from_numpy(x)).to(dtype)


def _finite(a: Tensor) -> Tensor:
    if not bool(torch.isfinite(a).all()):
        raise ValueError("activations hold NaN or infinity")
    return a
