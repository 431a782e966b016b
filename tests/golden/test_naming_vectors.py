"""Scores of names against true names, against the reference's outputs."""

from __future__ import annotations

from typing import Any

import pytest

from clq.ops.kernels.naming import label_cosine, naming_scores


def test_last_layer(vector: Any) -> None:
    v = vector("cd_lastlayer_main")
    found = naming_scores(v.in_similarity)
    assert 100 * found.top1 == pytest.approx(float(v.out_top1), abs=1e-9)
    assert 100 * found.top5 == pytest.approx(float(v.out_top5), abs=1e-9)
    assert found.mean_rank == pytest.approx(float(v.out_mean_rank), abs=1e-9)
    assert found.median_rank == int(v.out_median_rank)
    assert found.auc == pytest.approx(float(v.out_auc), abs=1e-9)


def test_label_cosine(vector: Any) -> None:
    v = vector("cd_label_cosine_main")
    for encoder in ("clip", "mpnet"):
        predicted, true = v.__getattr__(f"in_{encoder}_pred"), v.__getattr__(f"in_{encoder}_true")
        assert label_cosine(predicted, true) == pytest.approx(float(getattr(v, f"out_exact_{encoder}_cos")), abs=1e-6)
