"""How labels are scored, against the outputs of the public code; where that departs from the usual, it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from clq.ops.kernels import agreement
from clq.ops.kernels.agreement import Curve, Overlap, most_active, once, ranks
from clq.ops.kernels.cosy import cosy, rank_sum


def columns(found: Any) -> np.ndarray:
    return found.numpy().astype(np.float64)  # type: ignore[no-any-return]


def test_neuroneval(vector: Any) -> None:
    v = vector("metric_neuroneval_main")
    activations, prob = columns(v.in_activations), columns(v.in_concept_prob)
    count, ones = len(activations), once(len(activations))
    for u, x in enumerate(activations.T):
        active = most_active(x, v.params["alpha"])
        assert (active == (v.out_binary_neuron[:, u].numpy() > 0)).all()
        for m, s in enumerate(prob.T):
            present = s >= agreement.SURE
            overlap = Overlap.of(active, present, ones)
            found = {
                "precision": overlap.recall,  # named with the neuron as the truth
                "recall": overlap.precision,
                "f1_score": overlap.f1,
                "iou": overlap.iou,
                "accuracy": overlap.accuracy,
                "balanced_accuracy": overlap.balanced_simulation,
                "inverse_balanced_accuracy": overlap.balanced_accuracy,
                "auc": Curve(s, active).scores(ones)[1],
                "auprc": Curve(s, active).scores(ones)[0],
                "inverse_auc": Curve(x, present).scores(ones)[1],
                "inverse_auprc": Curve(x, present).scores(ones)[0],
                "correlation": agreement.correlation(x, s, ones) * (count - 1) / count,
                "spearman_correlation": agreement.correlation(ranks(x), ranks(s), ones) * (count - 1) / count,
                "cos_sim": agreement.cosine(x, s, ones),
                "mad": agreement.mean_difference(x, present, ones),
                "wpmi": agreement.wpmi(active, s, ones),
            }
            for name, value in found.items():
                assert_allclose(value, [float(getattr(v, f"out_{name}")[u, m])], rtol=0, atol=2e-5, err_msg=name)


def test_simcorr_toprandom(vector: Any) -> None:
    v = vector("metric_simcorr_toprandom_main")
    activations, prob, ids = columns(v.in_activations), columns(v.in_concept_prob), v.in_image_ids.numpy()
    n = ids.shape[1]
    for u, own in enumerate(ids):
        for m in range(prob.shape[1]):
            r = agreement.correlation(activations[own, u], prob[own, m], once(n))
            assert_allclose(r * (n - 1) / n, [float(v.out_correlation[u, m])], rtol=0, atol=2e-5)


def test_drawn_as_in_simcorr_toprandom(vector: Any) -> None:
    """The reference's draws are random; ours lie in the same two pools, and no image is drawn twice."""
    v = vector("metric_simcorr_toprandom_main")
    k, alpha = v.params["k"], v.params["alpha"]
    for u, x in enumerate(columns(v.in_activations).T):
        high = set(np.argsort(-x, kind="stable")[: int(np.ceil(alpha * len(x)))].tolist())
        assert set(v.in_image_ids[u, :k].tolist()) <= high
        own = agreement.top_and_random(x, alpha, k, np.random.Generator(np.random.PCG64(u))).tolist()
        assert len(set(own)) == 2 * k and set(own[:k]) <= high


@pytest.mark.parametrize("case", ["metric_cosy_main", "metric_cosy_dead"])
def test_cosy(vector: Any, case: str) -> None:
    v = vector(case)
    control, concept = columns(v.in_control), columns(v.in_concept)
    for k in range(control.shape[1]):
        found = cosy(control[:, k], concept[:, k], once(len(control)), once(len(concept)))
        assert_allclose(found.auc, [float(v.out_auc[k])], rtol=0, atol=1e-9)
        silent = np.ptp(control[:, k]) == 0
        assert np.isnan(found.mad[0]) == silent, "undefined, where the public code says 0"
        if not silent:
            assert_allclose(found.mad, [float(v.out_mad[k])], rtol=0, atol=2e-5)
        statistic, p = rank_sum(control[:, k], concept[:, k])
        assert statistic == pytest.approx(float(v.out_U1[k]), abs=1e-6)
        assert p == pytest.approx(float(v.out_p[k]), rel=1e-6)
        assert statistic == pytest.approx(len(control) * len(concept) * (1 - found.auc[0]), abs=1e-6)
