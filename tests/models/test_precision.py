"""Half precision is chosen and kept apart; the layout of memory changes no layer's meaning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
import torch

import clq
from clq.engine.resources import Batch, Resources
from clq.ops.handles import Precision, Subject
from clq.ops.kernels.capture import Capture
from clq.ops.kernels.placing import channels_innermost, computing
from clq.stdlib.models.torchvision import make_torchvision

HALF: tuple[tuple[Precision, float], ...] = (("bfloat16", 0.03), ("float16", 0.004))


def opened(name: str) -> Subject:
    found: Subject = make_torchvision("m", name=name, weights="random", seed=0, preprocess=None).spec.open("cpu")
    return found


def captured(subject: Subject, layer: str, photos: list[np.ndarray]) -> np.ndarray:
    (found,) = Capture(subject, "m", [(layer, "auto")], Resources()).consume(Batch(np.arange(len(photos)), photos))
    return found["activations"]


@pytest.mark.parametrize(("precision", "apart"), HALF)
def test_half_precision_is_near_and_not_the_same(
    precision: Precision, apart: float, photos: list[np.ndarray]
) -> None:
    subject = opened("resnet18")
    full = captured(subject, "layer3", photos)
    half = captured(replace(subject, precision=precision), "layer3", photos)
    assert half.dtype == np.float32
    assert not np.array_equal(full, half)
    np.testing.assert_allclose(half, full, rtol=0, atol=apart * np.abs(full).max())


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "layer4"),
        ("mobilenet_v2", "features.18.0"),
        ("convnext_tiny", "features.3"),
        ("vit_b_32", "encoder"),
    ],
)
def test_channels_innermost_in_memory_give_the_same_layers(name: str, layer: str, photos: list[np.ndarray]) -> None:
    subject = opened(name)
    plain = captured(subject, layer, photos)
    weights = [w for w in channels_innermost(subject.module).parameters() if w.ndim == 4 and w.shape[1] > 1]
    assert any(w.is_contiguous(memory_format=torch.channels_last) and not w.is_contiguous() for w in weights)
    np.testing.assert_allclose(captured(subject, layer, photos), plain, rtol=0, atol=1e-4 * np.abs(plain).max())


def test_what_torch_may_round_is_left_as_it_was() -> None:
    before = torch.backends.cudnn.allow_tf32
    with pytest.raises(RuntimeError), computing("float32", "cpu"):
        assert not torch.backends.cudnn.allow_tf32
        raise RuntimeError
    assert torch.backends.cudnn.allow_tf32 == before
    with torch.autocast("cpu", dtype=torch.bfloat16), computing("float32", "cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


SCRIPT = """
EXPLAIN fc[0:2] OF labnet ON lab.probe[0:60] WITH lab.words WHERE rank = 1 INTO whole;
SET precision = 'bfloat16';
EXPLAIN fc[0:2] OF labnet ON lab.probe[0:60] WITH lab.words WHERE rank = 1 INTO half;
EXPLAIN fc[0:2] OF labnet ON lab.probe[0:60] USING falcon WITH lab.words WHERE rank = 1 INTO crops;
EMBED ['a boat'] JUDGED BY labclip INTO half_text;
RESET precision;
EMBED ['a boat'] JUDGED BY labclip INTO full_text;
"""


def test_answers_of_each_precision_are_kept_apart(tmp_path: Path) -> None:
    with clq.connect(store=tmp_path) as con:
        con.run(SCRIPT)
    with duckdb.connect(str(tmp_path / "clq.duckdb"), read_only=True) as store:

        def told(query: str) -> list[tuple[object, ...]]:
            return store.execute(query).fetchall()

        assert told("SELECT (SELECT any_value(run) FROM whole) <> (SELECT any_value(run) FROM half)") == [(True,)]
        scores = "SELECT f.score <> h.score, abs(f.score - h.score) < 0.3 FROM whole f JOIN half h USING (unit)"
        assert set(told(scores)) == {(True, True)}
        assert told("SELECT count(*) FROM crops") == [(2,)]
        ((found,),) = told("SELECT list_cosine_similarity(f.vector, h.vector) FROM full_text f, half_text h")
        assert isinstance(found, float) and 0.99 < found < 1 - 1e-9
        kept = "SELECT DISTINCT facts ->> '$.precision' FROM meta.sources WHERE kind = 'model' ORDER BY 1"
        assert told(kept) == [("bfloat16",), (None,)]


def test_a_precision_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with clq.connect(store=tmp_path) as con, pytest.raises(clq.Diagnostic, match="precision is 'float32', 'bfloat16'"):
        con.run("SET precision = 'int8'")
