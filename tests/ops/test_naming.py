"""Scores of names where the true ones are known."""

from __future__ import annotations

import math

import pytest
import torch

from clq.ops.kernels.naming import auc, label_cosine, naming_scores


def test_ties_rank_behind_the_lower_word_and_nan_never_wins() -> None:
    found = naming_scores(torch.tensor([[1.0, 1.0], [1.0, 1.0]]))
    assert (found.top1, found.mean_rank, found.median_rank) == (0.5, 1.5, 2)
    assert naming_scores(torch.tensor([[0.1, math.nan], [math.nan, 0.1]])).top1 == 1
    with pytest.raises(ValueError, match="true word"):
        naming_scores(torch.zeros(2, 1))


def test_auc_counts_ties_half_and_needs_both_classes() -> None:
    assert auc(torch.tensor([1.0, 1.0, 0.0]), torch.tensor([True, False, False])) == 0.75
    assert math.isnan(auc(torch.ones(2), torch.tensor([True, True])))


def test_label_cosine_scales_rows() -> None:
    assert label_cosine(torch.tensor([[2.0, 0.0]]), torch.tensor([[3.0, 0.0]])) == pytest.approx(1)
    with pytest.raises(ValueError, match="pair"):
        label_cosine(torch.ones(1, 2), torch.ones(2, 2))
