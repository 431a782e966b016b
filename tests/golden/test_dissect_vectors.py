"""CLIP-Dissect: pooling, cosines, the five similarities and the whole pipeline, against the reference's outputs.

Every vector is met within its tolerance, and no longer met once any constant of the method is nudged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from clq.ops.kernels import columns, reorder, wpmi
from clq.ops.kernels.best import Ranking
from clq.ops.kernels.cosines import MatrixCosines, VectorCosines
from clq.ops.kernels.similarity import cosine, pool, top_images, unit_rows

Scores = Callable[..., torch.Tensor]
SMALL, LARGE = 1, 1 << 28  # budgets: blocks as small as they come, and everything in one


def far(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).abs().max())


def stream(p: torch.Tensor, a: torch.Tensor) -> columns.Stream:
    """Given cosines as a stream: their product with the identity."""
    return columns.Stream(
        lambda size: ((a[i : i + size], p[i : i + size]) for i in range(0, len(a), size)),
        torch.eye(p.shape[1], dtype=p.dtype), scaled=False,
    )  # fmt: skip


def cos_similarity(p: torch.Tensor, a: torch.Tensor, budget: int = LARGE) -> torch.Tensor:
    return torch.cat([score for _, score in columns.cosine_blocks(stream(p, a), budget=budget)], 1)


def cos_similarity_cubed(p: torch.Tensor, a: torch.Tensor, budget: int = LARGE, **args: Any) -> torch.Tensor:
    return torch.cat([score for _, score in columns.cubed_blocks(stream(p, a), budget=budget, **args)], 1)


def matrix(found: Any) -> torch.Tensor:
    assert found.matrix is not None
    return found.matrix  # type: ignore[no-any-return]


def soft_wpmi(p: torch.Tensor, acts: torch.Tensor, /, budget: int = LARGE, **args: Any) -> torch.Tensor:
    top = top_images(acts, args.pop("top_k", 100))[1]
    return matrix(wpmi.soft_wpmi_blocks(MatrixCosines(p), top, full=True, budget=budget, **args))


def hard_wpmi(p: torch.Tensor, acts: torch.Tensor, /, budget: int = LARGE, **args: Any) -> torch.Tensor:
    top = top_images(acts, args.pop("top_k", 28))[1]
    return matrix(wpmi.wpmi_blocks(MatrixCosines(p), top, full=True, budget=budget, **args))


def rank_reorder(p: torch.Tensor, acts: torch.Tensor, /, budget: int = LARGE, **args: Any) -> torch.Tensor:
    values, top = top_images(acts.double(), math.floor(args.pop("top_fraction", 0.05) * len(acts)))
    names = {"p": "power", "scale_p": "scale_power"}  # as the vectors call them
    given = {names.get(name, name): value for name, value in args.items()}
    return matrix(reorder.rank_reorder_blocks(MatrixCosines(p), values, top, full=True, budget=budget, **given))


SIMILARITIES: dict[str, Scores] = {
    "cos_similarity": cos_similarity, "cos_similarity_cubed": cos_similarity_cubed, "wpmi": hard_wpmi,
    "soft_wpmi": soft_wpmi, "rank_reorder": rank_reorder,
}  # fmt: skip


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


@pytest.mark.parametrize("budget", [SMALL, LARGE])
@pytest.mark.parametrize("name", ["cos_similarity", "cos_similarity_cubed"])
@pytest.mark.parametrize("case", ["main", "params", "deadneuron"])
def test_column_similarities(vector: Any, name: str, case: str, budget: int) -> None:
    if (name, case) == ("cos_similarity", "params"):
        return  # it has no constants, so no such vector
    v = vector(f"cd_{name}_{case}")
    score = SIMILARITIES[name](v.in_P.double(), v.in_A.double(), budget)
    assert far(score, torch.nan_to_num(v.out_exact)) <= 1e-12
    narrow = SIMILARITIES[name](v.in_P, v.in_A, budget)
    assert not torch.isnan(narrow).any()
    defined = ~torch.isnan(v.out_ref_f32)
    assert far(narrow[defined], v.out_ref_f32[defined]) <= (2e-6 if name == "cos_similarity" else 5e-6)


def test_a_dead_unit_scores_zero_where_the_reference_lets_nan_win(vector: Any) -> None:
    v = vector("cd_cos_similarity_deadneuron")
    assert torch.isnan(v.out_ref_f32[2]).all()
    assert (cos_similarity(v.in_P, v.in_A)[2] == 0).all()
    assert (cos_similarity_cubed(v.in_P, v.in_A)[[2, 5]] == 0).all()


@pytest.mark.parametrize("budget", [SMALL, LARGE])
@pytest.mark.parametrize("case", ["main", "params"])
def test_rank_reorder(vector: Any, case: str, budget: int) -> None:
    v = vector(f"cd_rank_reorder_{case}")
    expected = rank_reorder(v.in_P, v.in_A, budget, **v.params)
    assert float((expected / v.out_exact_expected - 1).abs().max()) <= 1e-9
    drawn = rank_reorder(v.in_P, v.in_A, budget, permutations=v.in_perms, **v.params)
    assert float((drawn / v.out_exact_given_perms - 1).abs().max()) <= 1e-9
    assert float((drawn / v.out_ref_f32 - 1).abs().max()) <= 2e-5


@pytest.mark.parametrize("budget", [SMALL, LARGE])
@pytest.mark.parametrize("case", ["main", "params"])
@pytest.mark.parametrize(("name", "near_reference"), [("wpmi", 2e-4), ("soft_wpmi", 6e-4)])
def test_pointwise_mutual_information(vector: Any, name: str, near_reference: float, case: str, budget: int) -> None:
    v = vector(f"cd_{name}_{case}")
    score = SIMILARITIES[name](v.in_P, v.in_A, budget, **v.params)
    assert far(score, v.out_exact) <= 1e-9
    assert far(score, v.out_ref_f32) <= near_reference
    top = top_images(v.in_A, v.out_exact_top_indices.shape[0])[1]
    assert torch.equal(top.T, v.out_exact_top_indices.long())


# ------------------------------------------------------------ no constant can be another

WPMI = {"top_k": 28, "a": 2.0, "lam": 0.6, "min_prob": 1e-7}
SOFT = {"top_k": 100, "a": 10.0, "lam": 1.0, "min_prob": 1e-7, "p_start": 0.998, "p_end": 0.97}
RANKS = {"p": 3.0, "top_fraction": 0.05, "scale_p": 0.5}
CONSTANTS: dict[tuple[str, str], dict[str, float]] = {
    ("wpmi", "main"): WPMI, ("soft_wpmi", "main"): SOFT, ("rank_reorder", "main"): RANKS,
    **{(name, "params"): {} for name in ("wpmi", "soft_wpmi", "rank_reorder")},
}  # fmt: skip
NUDGES = {"top_fraction": 1.1, "min_prob": 1.05}  # others by a percent, counts by one


def mutations() -> list[tuple[str, str, str]]:
    names = {"wpmi": WPMI, "soft_wpmi": SOFT, "rank_reorder": RANKS}
    return [(name, case, constant) for name, case in CONSTANTS for constant in names[name]]


def met(v: Any, name: str, args: dict[str, Any]) -> bool:
    """Whether the vector is met within its tolerance with these constants."""
    try:
        score = SIMILARITIES[name](v.in_P.double(), v.in_A.double(), **args)
    except ValueError:
        return False
    if name == "rank_reorder":
        return float((score / v.out_exact_expected - 1).abs().max()) <= 1e-9
    return far(score, v.out_exact) <= 1e-9


@pytest.mark.parametrize(("name", "case", "constant"), mutations())
@pytest.mark.parametrize("down", [False, True])
def test_a_nudged_constant_is_caught(vector: Any, name: str, case: str, constant: str, down: bool) -> None:
    v = vector(f"cd_{name}_{case}")
    args = CONSTANTS[name, case] or dict(v.params)
    assert met(v, name, args), "the constants as they stand"
    value = args[constant]
    factor = NUDGES.get(constant, 1.01)
    nudged = value + (-1 if down else 1) if constant == "top_k" else value / factor if down else value * factor
    assert not met(v, name, {**args, constant: nudged}), f"{constant} {value} may as well be {nudged}"


@pytest.mark.parametrize("factor", [1.0, 1.01, 1 / 1.01])
def test_the_least_norm_of_cubes_is_caught_where_it_bites(vector: Any, factor: float) -> None:
    """The vectors' cubes are larger; of activations a thousandth as large, the norms are under it, and scores shrink by
    what is lacking."""
    v = vector("cd_cos_similarity_cubed_main")
    cubes = (v.in_A.double() - v.in_A.double().mean(0)) ** 3 * 1e-9
    norm = cubes.norm(dim=0)
    assert float(norm.max()) < 1e-3
    score = cos_similarity_cubed(v.in_P.double(), v.in_A.double() * 1e-3, min_norm=1e-3 * factor)
    expected = v.out_exact * (norm / 1e-3)[:, None]
    # Words' own norms are above it, so that theirs do not count.
    assert bool((((v.in_P.double() - v.in_P.double().mean(0)) ** 3).norm(dim=0) > 1.1e-3).all())
    assert (float((score / expected - 1).abs().max()) <= 1e-9) == (factor == 1.0)


@pytest.mark.parametrize("case", ["soft_wpmi", "wpmi_max"])
def test_pipeline_from_module_outputs_to_labels(vector: Any, case: str) -> None:
    v = vector(f"cd_pipeline_{case}")
    how = {"avg": "mean", "max": "max"}[v.params["pool_mode"]]
    words = [line for line in v.text["words_file"].split("\n") if line.strip()]
    kernel, k = {"soft_wpmi": (wpmi.soft_wpmi_blocks, 100), "wpmi": (wpmi.wpmi_blocks, 28)}[v.params["similarity_fn"]]
    cosines = VectorCosines(v.in_image_features, v.in_text_features)
    labels, best, scores = [], [], []
    for layer in v.params["layers"]:
        raw = v.__getattr__(f"in_raw_{layer}")
        pooled = pool(raw, "cls" if raw.ndim == 3 else how)
        assert far(pooled, v.__getattr__(f"out_pooled_{layer}")) <= 1e-6
        top = top_images(pooled, k)[1]
        found = kernel(cosines, top, n=1)
        best += found.index[:, 0].tolist()
        scores.append(found.score[:, 0])
        labels += [words[i] for i in found.index[:, 0].tolist()]
        mean = (unit_rows(v.in_image_features) @ unit_rows(v.in_text_features).T)[top].mean(1)
        assert far(found.mean_cosine, mean.gather(1, found.index)) <= 1e-6
    assert best == v.out_best_index.tolist()
    assert far(torch.cat(scores), v.out_ref_best_similarity) <= 6e-4
    assert labels == v.text["labels_correct"]  # blank lines in the word file shift the reference's labels


def test_nan_never_wins(vector: Any) -> None:
    v = vector("cd_cos_similarity_deadneuron")
    ranking = Ranking(MatrixCosines(v.in_P), top_images(v.in_A, 5)[1], 2, None)
    ranking.update(v.out_ref_f32.double(), 0)
    found = ranking.result()
    assert found.index[2].tolist() == [-1, -1] and torch.isnan(found.score[2]).all()
    assert (found.index[[0, 1]] >= 0).all()
