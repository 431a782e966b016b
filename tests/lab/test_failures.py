"""EXPLAIN FAILURES on the lab: the planted shortcuts are what is told first, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import clq
from clq.stdlib.lab.data import scenes_of
from clq.stdlib.lab.world import SHORTCUTS

ASKED = "EXPLAIN FAILURES OF labnet ON lab.shifted USING falcon WITH lab.words"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The answer on the shifted world, its evidence, and the groups of the layer that the head reads."""
    with clq.connect(tmp_path_factory.mktemp("failures")) as con:
        con.run(f"{ASKED} INTO failing; EXPLAIN GROUPS IN avgpool OF labnet ON lab.shifted USING falcon INTO found")
        yield con, con.sql("FROM failing").df(), con.sql("FROM failing_evidence").df()


@pytest.mark.parametrize("name", SHORTCUTS)
def test_the_first_word_of_a_slice_is_the_planted_shortcut(told: Any, name: str) -> None:
    """What is taken for a boat is on water, whatever it is; so with cars on sand and apples with text."""
    _, answer, _ = told
    first = answer[(answer.target == f"FAILURE '* as {name}' OF labnet") & (answer["rank"] == 1)]
    assert list(first.concept) == [SHORTCUTS[name][1]]
    assert (first.low > 0).all(), "no accident: the interval leaves out 0"
    assert len(first.units.iloc[0]) >= 1, "and a group of features carries it"


@pytest.mark.parametrize("name", ["boat", "car"])
def test_the_group_that_carries_a_shortcut_fires_on_it(told: Any, name: str) -> None:
    con, answer, _ = told
    attribute, cue = SHORTCUTS[name]
    units = answer[(answer.target == f"FAILURE '* as {name}' OF labnet") & (answer["rank"] == 1)].units.iloc[0].tolist()
    scenes = {f"shifted/{i:05d}": scene for i, scene in enumerate(scenes_of("shifted"))}
    rows = con.run("SELECT units, image FROM (EVIDENCE found) JOIN found USING (target) WHERE found.rank = 1").last.df()
    images = rows[[list(u) == units for u in rows.units]].image
    assert len(images) > 5
    assert sum(getattr(scenes[i], attribute) == cue for i in images) / len(images) > 0.8


def test_slices_hold_the_images_that_are_wrong_as_they_say(told: Any) -> None:
    con, answer, evidence = told
    scenes = {f"shifted/{i:05d}": scene for i, scene in enumerate(scenes_of("shifted"))}
    assert (evidence.activation > 0).all() and (evidence.x1 > evidence.x0).all() and evidence.caption.notna().all()
    assert set(evidence.target) == set(answer.target)
    sized = evidence.merge(answer[["target", "images"]].drop_duplicates())
    for (target, size), shown in sized.groupby(["target", "images"]):
        taken_for = target.split(" as ")[1].split("'")[0]
        assert len(shown) == min(size, 40)
        assert taken_for not in {scenes[i].object for i in shown.image}
        assert list(shown.sort_values("rank").activation) == sorted(shown.activation, reverse=True)
    whole = con.run("SELECT max(images) FROM (EXPLAIN FAILURE '* as *' OF labnet ON lab.shifted USING falcon)")
    accuracy = 1 - int(whole.last.df().iloc[0, 0]) / 2000
    assert 0.80 < accuracy < 0.85, "the page of the lab says 0.836 of other images of this world"


def test_rows_of_failures_are_targets(told: Any) -> None:
    con, answer, _ = told
    decoded = con.counts["decoded"]
    again = con.run("EXPLAIN failing[1] ON lab.shifted USING falcon WITH lab.words").last.df()
    before = answer[answer.unit == 1].reset_index(drop=True)
    same = ["target", "images", "rank", "concept", "score", "low", "high"]
    pd.testing.assert_frame_equal(again[same], before[same])
    assert list(again.unit.unique()) == [0], "numbered among those that are asked for"
    assert con.counts["decoded"] == decoded, "all of it was there"


def test_groups_by_their_own_images_tell_of_the_shortcut_as_well(told: Any) -> None:
    con, _, _ = told
    rows = con.run(ASKED.replace("falcon", "falcon(named_by=groups)")).last.df()
    for name in ("boat", "car"):
        own = rows[rows.target == f"FAILURE '* as {name}' OF labnet"]
        assert own.concept.iloc[0] == SHORTCUTS[name][1] and own.low.iloc[0] > 0
        assert own.score.is_monotonic_decreasing


def test_what_failures_cost_beside_groups(tmp_path: Path) -> None:
    """The judge sees every image, in the same reading of them; the failing images that are shown are read again, for
    Grad-CAM of the class that they are taken for, in the same second round as the groups' crops."""
    images = 300
    few = "falcon(threshold=2, least=4, images=5)"
    groups = f"EXPLAIN GROUPS IN avgpool OF labnet ON lab.shifted[0:{images}] USING {few}"
    failures = groups.replace("GROUPS IN avgpool", "FAILURES")
    counts = []
    for name, text in (("groups", groups), ("both", f"{groups}; {failures}")):
        with clq.connect(tmp_path / name) as con:
            rows = con.run(text).last.df()
            counts.append(con.counts)
            if name == "both":
                shown = con.run(f"SELECT count(DISTINCT image) FROM (EVIDENCE ({failures}))").last.df().iloc[0, 0]
    before, after = counts
    assert rows.kind.eq("failure").all() and shown > 5
    assert after["rounds"] == before["rounds"] == 2
    assert before["decoded"] <= after["decoded"] <= before["decoded"] + shown
    assert after["forward labnet"] == before["forward labnet"] + shown
    more = after["forward labclip"] - before["forward labclip"]
    assert images < more <= images + shown


def test_images_must_say_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for path in ("photos/boat/1.png", "photos/ship/2.png", "loose/3.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64)).save(tmp_path / path)
    with clq.connect(tmp_path / "store") as con:
        for images, message in (
            ("'photos/boat/1.png'", "does not say what its images are"),
            ("'photos/'", "has the label 'ship', which is none of the model's 33 classes"),
            ("'loose/'", "has the label 'None'"),
        ):
            with pytest.raises(clq.Diagnostic, match="no-labels") as problem:
                con.run(f"EXPLAIN FAILURES OF labnet ON {images} USING falcon(least=1)")
            assert message in problem.value.render() and images.strip("'") in problem.value.render()
        assert con.counts.get("decoded", 0) == 0, "before any image is read"
        rows = con.run("LET own = folder('photos/'); EXPLAIN FAILURES OF labnet ON own['boat/1.png'] USING falcon")
        assert len(rows.last.df()) == 0
