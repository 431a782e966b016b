"""NaN and infinity end a run in one message: which layer or judge, and on which image or text. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clq
from clq.ops.kernels import embed
from clq.ops.preprocess import Preprocess

IMAGES = 40
ON = f"ON lab.probe[0:{IMAGES}]"
BY = "WITH lab.words JUDGED BY labclip"
MARK = 0.35  # some images are brighter than this on average, and not the first


class Faulty(torch.nn.Module):
    """Gives no number for bright images."""

    def __init__(self, instead: float) -> None:
        super().__init__()
        self.conv, self.fault, self.fc = torch.nn.Conv2d(3, 6, 8, 8), torch.nn.Identity(), torch.nn.Linear(6, 33)
        self.instead = instead

    def forward(self, x: torch.Tensor) -> Any:
        bright = (x.mean((1, 2, 3)) > MARK)[:, None, None, None]
        y = self.conv(x)
        return self.fc(self.fault(torch.where(bright, torch.full_like(y, self.instead), y)).mean((2, 3)))


@pytest.fixture
def con(tmp_path: Path) -> Iterator[clq.Connection]:
    from clq.stdlib.lab.world import OBJECTS

    torch.manual_seed(0)
    with clq.connect(tmp_path / "store", batch=7) as con:
        for name, instead in (("faulty", float("nan")), ("endless", float("inf"))):
            plain = Preprocess(64, (0.5,) * 3, (0.5,) * 3)
            con.register(name, Faulty(instead), preprocess=plain, classes=OBJECTS)
        yield con


def first() -> str:
    """The first image that is bright."""
    from clq.stdlib.lab.data import LabImages

    data = LabImages("probe")
    means = [float((data.image(i).astype(np.float32) / 255 / 0.5 - 1).mean()) for i in range(IMAGES)]
    found = [i for i, mean in enumerate(means) if mean > MARK]
    assert found and found[0] > 0
    return data.image_name(found[0])


@pytest.mark.parametrize(("query", "layer"), [
    (f"EXPLAIN fault OF faulty {ON} USING clip_dissect(top_k=5) {BY}", "fault"),
    (f"EXPLAIN fault OF faulty {ON} USING clip_dissect(similarity=cos_similarity) {BY}", "fault"),
    (f"EXPLAIN fault OF faulty {ON} USING clip_dissect(similarity=rank_reorder) {BY}", "fault"),
    (f"EXPLAIN fault OF faulty {ON} USING falcon(images=4) CAPTIONED BY lab.captions JUDGED BY labclip", "fault"),
    (f"EXPLAIN fault OF faulty {ON} USING falcon(threshold=1) CAPTIONED BY lab.captions JUDGED BY labclip", "fault"),
    (f"EXPLAIN fault OF faulty {ON} USING netdissect(quantile=0.1)", "fault"),
    (f"EXPLAIN GROUPS OF faulty IN fault {ON} USING falcon CAPTIONED BY lab.captions JUDGED BY labclip", "fault"),
    (f"TRANSFER fault[0] OF faulty {ON} TO layer4 OF labnet", "fault"),
    (f"TRANSFER layer4[0] OF labnet {ON} TO fault OF faulty", "fault"),
    (f"EVALUATE (EXPLAIN fc[0:3] OF labnet {ON} USING clip_dissect(top_k=5) {BY}) USING detection(model=faulty)", "fc"),
])  # fmt: skip
def test_activations(con: clq.Connection, query: str, layer: str) -> None:
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(query)
    told = caught.value
    assert (told.code, told.exit_code) == ("not-finite", 1), told.render()
    assert told.message == f"activations of layer {layer} of faulty on image {first()} hold NaN"
    assert told.span is not None and "look at the weights" in (told.hint or ""), told.render()


def test_what_is_before_it_or_without_the_image_goes_on(con: clq.Connection) -> None:
    with pytest.raises(clq.Diagnostic, match="hold infinity"):
        con.run(f"EXPLAIN fault OF endless {ON} USING clip_dissect(top_k=5) {BY}")
    number = int(first().rpartition("/")[2])
    for what in (f"conv OF endless {ON}", f"fault OF endless ON lab.probe[0:{number}]"):
        assert len(con.run(f"EXPLAIN {what} USING clip_dissect(top_k=3, top=1) {BY}").last.df()) == 6


def test_half_precision_is_named_as_a_cause(con: clq.Connection) -> None:
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(f"SET precision = 'bfloat16'; EXPLAIN fault OF faulty {ON} USING clip_dissect(top_k=5) {BY}")
    assert "bfloat16 overflows sooner than float32: SET precision = 'float32'" in (caught.value.hint or "")


def spoiled(which: int) -> Any:
    """Vectors whose row of this number, counted over all calls, is NaN."""
    plain, seen = torch.nn.functional.normalize, 0

    def normalize(x: torch.Tensor, **more: Any) -> torch.Tensor:
        nonlocal seen
        found = plain(x, **more).clone()
        if seen <= which < seen + len(x):
            found[which - seen] = float("nan")
        seen += len(x)
        return found

    return normalize


@pytest.mark.parametrize(("query", "said"), [
    (f"EMBED {ON.removeprefix('ON ')} JUDGED BY labclip", "vectors of labclip on image probe/00009 hold NaN"),
    ("EMBED lab.words JUDGED BY labclip", "vectors of labclip on text '{word}' hold NaN"),
])  # fmt: skip
def test_vectors_of_a_judge(
    con: clq.Connection, monkeypatch: pytest.MonkeyPatch, query: str, said: str
) -> None:
    from clq.stdlib.lab.words import words

    monkeypatch.setattr(embed, "normalize", spoiled(9))
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(query)
    assert caught.value.code == "not-finite" and caught.value.message == said.format(word=words()[9])
    assert caught.value.span is not None


def test_vectors_of_crops(con: clq.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    query = f"EXPLAIN fc[0] OF labnet {ON} USING falcon(images=3)"
    monkeypatch.setattr(embed, "normalize", spoiled(6000 + 40 + 1))  # after the captions and all images
    monkeypatch.setattr("clq.ops.kernels.crops.image_vectors", lambda judge, x: np.full((len(x), 4), np.nan))
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(query)
    assert caught.value.code == "not-finite" and "on a crop of image probe/000" in caught.value.message


def test_vectors_of_a_file(con: clq.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, texts = rng.standard_normal((IMAGES, 8)), rng.standard_normal((2, 8))
    for array, row, said in ((images, 5, "image 5"), (texts, 1, "text 'snow'")):
        good = array[row].copy()
        array[row, 3] = np.inf
        np.savez(tmp_path / "held.npz", images=images.astype("f4"), texts=texts.astype("f4"), names=["boat", "snow"])
        array[row] = good
        judge = f"embeddings(images='{tmp_path}/held.npz', images_key=images, texts='{tmp_path}/held.npz', " \
            "texts_key=texts, names=names)"  # fmt: skip
        with pytest.raises(clq.Diagnostic) as caught:
            con.run(f"EXPLAIN fc[0] OF labnet {ON} USING clip_dissect(top_k=3) WITH ['boat', 'snow'] JUDGED BY {judge}")
        assert caught.value.code == "not-finite" and f"on {said} hold infinity" in caught.value.message
