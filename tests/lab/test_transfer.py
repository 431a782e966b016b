"""TRANSFER on the lab: what it costs, what arrives in labself and what does not, against the same in plain numpy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

sys.path.insert(0, str(Path(__file__).parents[1]))

import naive

import clq
from clq.ops.kernels.low import lots
from clq.ops.kernels.transfer import folds_of
from clq.stdlib.lab.world import OBJECTS

IMAGES = 150
ON = f"ON lab.probe[0:{IMAGES}]"
THERE = f"TO layer4 OF labself {ON}"


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clq.Connection]:
    with clq.connect(tmp_path_factory.mktemp("transfer")) as con:
        yield con


def rows(con: clq.Connection, text: str) -> pd.DataFrame:
    return con.run(text).last.df()


def test_each_model_sees_each_image_once_and_never_again(tmp_path: Path) -> None:
    """Four kinds of target, three methods: one decoding, one forward of each; other maps and concepts none at all."""
    with clq.connect(tmp_path) as con:
        con.run(
            f"TRANSFER layer4[0:8], fc[3], CLASSES, TEXT 'boat', 'car' OF labnet {THERE}"
            "  USING ridge, linear, procrustes;"
            f"TRANSFER GROUP layer4[3, 17] OF labnet {THERE}"
        )
        once = con.counts
        assert once["rounds"] == 1 and once["decoded"] == IMAGES
        assert {once[f"forward {m}"] for m in ("labnet", "labself", "labclip")} == {IMAGES}
        assert once["texts labclip"] == 2
        con.run(
            f"TRANSFER layer4[100:120], CLASS 'boat' OF labnet {THERE}"
            "  USING ridge(strength=3, folds=4, shuffle=5);"
            f"TRANSFER TEXT 'boat' TO layer4[0:10] OF labself {ON} USING linear(seed=3)"
        )
        assert con.counts == once


def test_it_is_what_a_few_lines_of_numpy_give(con: clq.Connection) -> None:
    """A layer of labnet to another, by least squares, images left out fold by fold."""
    acts = naive.activations(IMAGES)
    y, x = acts["layer1"], acts["layer2"][:, [3, 17, 20, 41]]
    x = np.column_stack([x[:, 1], x[:, 0] + x[:, 3]])  # a unit and a group
    fold, told = folds_of(lots(0, 0, IMAGES), 5), np.empty_like(x)
    for f in range(5):
        out = fold == f
        told[out] = LinearRegression().fit(y[~out], x[~out]).predict(y[out])
    beside = np.corrcoef(x.T, y.T)[:2, 2:]
    found = rows(con, f"TRANSFER layer2[17], GROUP layer2[3, 41] OF labnet TO layer1 OF labnet {ON} USING linear")
    found = found.set_index("origin").loc[["layer2[17] OF labnet", "GROUP layer2[3, 41] OF labnet"]]
    assert found.fit.to_numpy() == pytest.approx(r2_score(x, told, multioutput="raw_values"), abs=1e-3)
    assert found.unit.tolist() == beside.argmax(1).tolist()
    assert found.score.to_numpy() == pytest.approx(beside.max(1), abs=1e-4)
    model = LinearRegression().fit(y, x)
    assert np.stack(found.direction.to_list()) == pytest.approx(model.coef_, rel=1e-2, abs=1e-2)
    assert found.bias.to_numpy() == pytest.approx(model.intercept_, abs=1e-2)


def test_a_space_carried_to_itself_arrives_whole(con: clq.Connection) -> None:
    for method in ("linear", "ridge(strength=1e-9)", "procrustes"):
        found = rows(con, f"TRANSFER fc OF labnet TO fc OF labnet {ON} USING {method}")
        assert found.origin.tolist() == found.target.tolist() and (found["rank"] == 1).all()
        assert (found.fit > 0.9999).all() and (found.overlap == 1).all() and (found.score > 0.9999).all()
        assert np.allclose(np.stack(found.direction.to_list()), np.eye(33), atol=1e-3)


def test_classes_are_told_in_a_space_that_has_seen_no_label(con: clq.Connection) -> None:
    text = """SELECT sum(recall * images) / sum(images)
              FROM (TRANSFER {what} TO layer4 OF labself ON lab.probe USING {how})"""
    objects = ", ".join(f"'{name}'" for name in OBJECTS)
    for what, label in (("CLASSES OF labnet", "label"), (f"TEXT {objects}", "object")):
        accuracy = float(rows(con, text.format(what=what, how=f"ridge(labels='{label}')")).iloc[0, 0])
        control = float(rows(con, text.format(what=what, how=f"ridge(labels='{label}', shuffle=0)")).iloc[0, 0])
        assert accuracy > 0.9
        assert control < 3 / len(OBJECTS), "images dealt to each other: chance"


def test_shuffled_pairs_carry_nothing(con: clq.Connection) -> None:
    found = rows(con, "TRANSFER layer4 OF labnet TO layer4 OF labself ON lab.probe")
    control = rows(con, "TRANSFER layer4 OF labnet TO layer4 OF labself ON lab.probe USING ridge(shuffle=0)")
    assert found.fit.median() > 0.6 and (found.low <= found.fit).all() and (found.fit <= found.high).all()
    assert control.fit.max() < 0.02 and control.overlap.median() < 0.05
    assert (control.low < 0).all()


def test_meanings_come_along_and_rows_are_targets(con: clq.Connection) -> None:
    con.run(f"EXPLAIN fc[0:12] OF labnet {ON} USING clip_dissect(top_k=10, top=2) WITH lab.words INTO labels")
    con.run(f"TRANSFER labels {THERE} INTO moved")
    first = rows(con, "SELECT target AS origin, concept FROM labels WHERE rank = 1").set_index("origin").concept
    moved = rows(con, "FROM moved").set_index("origin")
    assert moved.concept.to_dict() == first.to_dict()
    some = rows(con, f"TRANSFER (SELECT target, concept FROM labels WHERE rank = 2 AND unit < 3) {THERE}")
    second = rows(con, "SELECT target AS origin, concept FROM labels WHERE rank = 2 AND unit < 3")
    assert some.set_index("origin").concept.to_dict() == second.set_index("origin").concept.to_dict()
    nameless = rows(con, f"TRANSFER (SELECT target FROM labels) {THERE}")
    assert nameless.concept.isna().all() and set(nameless.origin) == set(first.index)
    again = rows(con, f"EXPLAIN moved {ON} USING clip_dissect(top_k=10, top=1) WITH lab.words")
    assert set(again.target) == set(moved.target) and (again.model == "labself").all()
    back = rows(con, f"TRANSFER moved TO fc OF labnet {ON}")
    called = rows(con, "SELECT target, concept FROM moved WHERE rank = 1").set_index("target").concept
    assert back.set_index("origin").concept.to_dict() == called.to_dict()
    evidence = rows(con, "EVIDENCE moved WHERE rank = 1")
    assert set(evidence.target) == set(moved.target)


def test_units_of_the_space_that_is_mapped_from_can_be_chosen(con: clq.Connection) -> None:
    found = rows(con, f"TRANSFER fc[10] OF labnet TO layer4[5, 100:120] OF labself {ON}")
    direction = np.array(found.direction[0])
    assert direction.shape == (192,) and found.unit[0] in {5, *range(100, 120)}
    assert set(np.flatnonzero(direction)) <= {5, *range(100, 120)}
    whole = rows(con, f"TRANSFER fc[10] OF labnet {THERE}")
    assert found.score[0] <= whole.score[0]


def test_what_is_the_same_on_all_images_goes_nowhere(
    con: clq.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    (tmp_path / "same").mkdir()
    for i in range(12):
        Image.new("RGB", (64, 64), "teal").save(tmp_path / "same" / f"{i}.png")
    for method in ("linear", "ridge", "procrustes"):
        found = rows(con, f"TRANSFER CLASS 'boat', 'car' OF labnet TO layer4 OF labself ON 'same/' USING {method}")
        assert found[["unit", "target", "score", "fit", "low", "high", "correlation", "overlap"]].isna().all(axis=None)
        assert found.concept.tolist() == ["boat", "car"]
        assert not np.stack(found.direction.to_list()).any()


def test_vectors_of_other_images_are_refused(
    con: clq.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(IMAGES, 4)).astype(np.float32)
    np.savez("right.npz", images=vectors, texts=vectors[:2], names=np.array(["boat", "car"]))
    np.savez("short.npz", images=vectors[1:], texts=vectors[:2], names=np.array(["boat", "car"]))
    asked = f"TRANSFER TEXT 'boat', 'car' {THERE} JUDGED BY embeddings('{{}}.npz', '{{}}.npz', names=names, " + (
        "images_key=images, texts_key=texts)"
    )
    found = rows(con, asked.format("right", "right"))
    assert found.origin.tolist() and (found.fit < 0.1).all(), "vectors drawn at random have nothing to do with images"
    with pytest.raises(clq.Diagnostic, match="there are vectors of 149 images"):
        con.run(asked.format("short", "short"))
