"""CLIP-Dissect: pooling, cosines, the five similarities and the whole pipeline, against the reference's outputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from clq.ops.kernels import dissect, wpmi
from clq.ops.kernels.similarity import cosine, pool, top_images, unit_rows


def far(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).abs().max())


def test_pooling(vector: Any) -> None:
    v = vector("cd_pool_main")
    for mode, how in (("avg", "mean"), ("max", "max")):
        assert far(pool(v.in_conv, how), v.__getattr__(f"out_{mode}_conv")) <= 1e-6
        assert torch.equal(pool(v.in_tokens, "cls"), v.__getattr__(f"out_{mode}_tokens"))
        assert torch.equal(pool(v.in_fc, how), v.__getattr__(f"out_{mode}_fc"))


@pytest.mark.parametrize("kind", ["f16", "f32"])
def test_cosines(vector: Any, kind: str) -> None:
    v = vector(f"cd_pmatrix_{kind}")
    assert far(cosine(v.in_image_features, v.in_text_features), v.out_ref_f32) <= 1e-6
    assert far(cosine(v.in_image_features.double(), v.in_text_features.double()), v.out_exact) <= 1e-12


@pytest.mark.parametrize("name", ["cos_similarity", "cos_similarity_cubed"])
@pytest.mark.parametrize("case", ["main", "params", "deadneuron"])
def test_column_similarities(vector: Any, name: str, case: str) -> None:
    if (name, case) == ("cos_similarity", "params"):
        return  # it has no constants, so no such vector
    v = vector(f"cd_{name}_{case}")
    score = getattr(dissect, name)(v.in_P, v.in_A)
    assert far(score, torch.nan_to_num(v.out_exact)) <= 1e-12
    defined = ~torch.isnan(v.out_ref_f32)
    assert far(score[defined], v.out_ref_f32[defined]) <= 5e-6
    assert not torch.isnan(score).any()


def test_a_dead_unit_scores_zero_where_the_reference_lets_nan_win(vector: Any) -> None:
    v = vector("cd_cos_similarity_deadneuron")
    assert torch.isnan(v.out_ref_f32[2]).all()
    assert (dissect.cos_similarity(v.in_P, v.in_A)[2] == 0).all()


@pytest.mark.parametrize("case", ["main", "params"])
def test_rank_reorder(vector: Any, case: str) -> None:
    v = vector(f"cd_rank_reorder_{case}")
    names = {"p": "power", "top_fraction": "top_fraction", "scale_p": "scale_power"}
    args = {names[key]: value for key, value in v.params.items()}
    expected = dissect.rank_reorder(v.in_P, v.in_A, **args)
    assert float((expected / v.out_exact_expected - 1).abs().max()) <= 1e-9
    drawn = dissect.rank_reorder(v.in_P, v.in_A, permutations=v.in_perms, **args)
    assert float((drawn / v.out_exact_given_perms - 1).abs().max()) <= 1e-9
    assert float((drawn / v.out_ref_f32 - 1).abs().max()) <= 2e-5


@pytest.mark.parametrize("case", ["main", "params"])
@pytest.mark.parametrize(("name", "near_reference"), [("wpmi", 2e-4), ("soft_wpmi", 6e-4)])
def test_pointwise_mutual_information(vector: Any, name: str, near_reference: float, case: str) -> None:
    v = vector(f"cd_{name}_{case}")
    score = getattr(wpmi, name)(v.in_P, v.in_A, **v.params)
    assert far(score, v.out_exact) <= 1e-9
    assert far(score, v.out_ref_f32) <= near_reference


@pytest.mark.parametrize("case", ["main", "params"])
def test_blocked_soft_wpmi(vector: Any, case: str) -> None:
    v = vector(f"cd_soft_wpmi_{case}")
    args = dict(v.params)
    _, top = top_images(v.in_A, args.pop("top_k", 100))
    assert torch.equal(top.T, v.out_exact_top_indices.long())
    found = wpmi.soft_wpmi_blocks(wpmi.MatrixCosines(v.in_P), top, full=True, budget=1, **args)
    assert found.matrix is not None
    assert far(found.matrix, v.out_exact) <= 1e-9
    assert far(found.score[:, 0], v.out_exact.max(1).values) <= 1e-9


@pytest.mark.parametrize("case", ["soft_wpmi", "wpmi_max"])
def test_pipeline_from_module_outputs_to_labels(vector: Any, case: str) -> None:
    v = vector(f"cd_pipeline_{case}")
    how = {"avg": "mean", "max": "max"}[v.params["pool_mode"]]
    words = [line for line in v.text["words_file"].split("\n") if line.strip()]
    p = cosine(v.in_image_features, v.in_text_features)
    labels, best, scores = [], [], []
    for layer in v.params["layers"]:
        raw = v.__getattr__(f"in_raw_{layer}")
        pooled = pool(raw, "cls" if raw.ndim == 3 else how)
        assert far(pooled, v.__getattr__(f"out_pooled_{layer}")) <= 1e-6
        score = getattr(wpmi, v.params["similarity_fn"])(p, pooled)
        index, value = dissect.best_words(score, 1)
        best += index[:, 0].tolist()
        scores.append(value[:, 0])
        labels += [words[i] for i in index[:, 0].tolist()]
    assert best == v.out_best_index.tolist()
    assert far(torch.cat(scores), v.out_ref_best_similarity) <= 6e-4
    assert labels == v.text["labels_correct"]  # blank lines in the word file shift the reference's labels


def test_soft_wpmi_from_vectors_gives_the_pipeline_labels(vector: Any) -> None:
    v = vector("cd_pipeline_soft_wpmi")
    cosines = wpmi.VectorCosines(v.in_image_features.numpy(), v.in_text_features.numpy())
    _, top = top_images(v.out_pooled_conv, 100)
    found = wpmi.soft_wpmi_blocks(cosines, top)
    assert found.index[:, 0].tolist() == v.out_best_index[: len(top)].tolist()
    mean = (unit_rows(v.in_image_features) @ unit_rows(v.in_text_features).T)[top].mean(1)
    assert far(found.mean_cosine, mean.gather(1, found.index)) <= 1e-6
