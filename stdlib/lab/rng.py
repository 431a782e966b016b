"""Draws from the raw 64-bit words of Philox.

numpy keeps bit generators stable across versions but not the distributions of `Generator`, so every draw of the lab
is derived here from raw words, with integer arithmetic or with exactly rounded floating point.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_BLOCK = 256


class Rng:
    """A stream of draws named by its key: equal keys, equal streams, in any process and on any platform."""

    def __init__(self, *key: str | int) -> None:
        import numpy as np  # here, so that names and facts can be looked up without it

        digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
        self._philox = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
        self._words: list[int] = []

    def word(self) -> int:
        """A raw 64-bit word."""
        if not self._words:
            self._words = self._philox.random_raw(_BLOCK).tolist()
        return self._words.pop()

    def unit(self) -> float:
        """Uniform in [0, 1), 53 bits."""
        return (self.word() >> 11) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def below(self, n: int) -> int:
        """Uniform integer in [0, n), n < 2**32."""
        return (self.word() >> 32) * n >> 32

    def between(self, low: int, high: int) -> int:
        """Uniform integer in [low, high], both included."""
        return low + self.below(high - low + 1)

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self.unit() < p

    def choice(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the options, uniformly or by weights that sum to 1."""
        if weights is None:
            return options[self.below(len(options))]
        left = self.unit()
        for option, weight in zip(options, weights, strict=True):
            left -= weight
            if left < 0:
                return option
        return options[-1]

    def normal(self, mean: float = 0.0, sd: float = 1.0) -> float:
        """Approximately normal: the sum of four 16-bit uniforms, so within 3.47 sd of the mean."""
        word = self.word()
        total = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48)
        return mean + sd * (total - 131070) / 37837.0

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """A permuted copy (Fisher-Yates)."""
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.below(i + 1)
            out[i], out[j] = out[j], out[i]
        return out
