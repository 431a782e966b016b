"""The best words of each unit, kept while blocks of scores stream past."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .cosines import Block, Cosines

TIE = 9  # decimals: order below this is rounding noise (saturated and duplicate words), so the lowest word wins


@dataclass(frozen=True)
class BestWords:
    """The n best words of each unit; places that no eligible word fills hold index -1 and NaN."""

    index: Tensor  # [U,n] int64, word
    score: Tensor  # [U,n] float64
    mean_cosine: Tensor  # [U,n] float64, over the unit's top images
    matrix: Tensor | None = None  # [U,M] float64, on request


class Ranking:
    """Running n best words of each unit; words come in ascending order, so only a strictly better one enters.

    Words whose mean cosine over the unit's top images `groups` [U,k] is below `floor` get no place, nor do scores of
    NaN and -inf. With `full` the whole matrix [U,M] is kept. Memory: a few arrays of one block's size.
    """

    def __init__(
        self, cosines: Cosines, groups: Tensor, n: int, floor: float | None, full: bool = False, tie: int = TIE
    ) -> None:
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        units = len(groups)
        self.cosines, self.groups, self.floor, self.tie = cosines, groups, floor, tie
        self.score = torch.full((units, n), math.nan, dtype=torch.float64)
        self.index = torch.full((units, n), -1, dtype=torch.int64)
        self.matrix = torch.empty(units, cosines.words, dtype=torch.float64) if full else None
        self._key = torch.full((units, n), -math.inf, dtype=torch.float64)
        self._means: Block | None = None if floor is None else cosines.means(groups)

    def update(self, score: Tensor, start: int) -> None:
        """Add the scores [U,w] of the words start .. start+w-1."""
        stop = start + score.shape[1]
        if self.matrix is not None:
            self.matrix[:, start:stop] = score
        key = torch.round(score, decimals=self.tie).nan_to_num_(nan=-math.inf, posinf=math.inf, neginf=-math.inf)
        if self._means is not None and self.floor is not None:
            key.masked_fill_(self._means(start, stop) < self.floor, -math.inf)
        columns = (key > self._key[:, -1:]).any(0).nonzero()[:, 0]
        if not len(columns):
            return
        units, n = self._key.shape
        index = torch.cat([self.index, (columns + start).expand(units, -1)], 1)
        key = torch.cat([self._key, key[:, columns]], 1)
        order = key.sort(dim=1, descending=True, stable=True).indices[:, :n]
        self._key = key.gather(1, order)
        filled = self._key > -math.inf
        self.index = index.gather(1, order).masked_fill(~filled, -1)
        self.score = torch.cat([self.score, score[:, columns]], 1).gather(1, order).masked_fill(~filled, math.nan)

    def result(self) -> BestWords:
        filled = self.index >= 0
        mean = self.cosines.means_of(self.groups, self.index.clamp(min=0))
        return BestWords(self.index, self.score, mean.masked_fill(~filled, math.nan), self.matrix)
