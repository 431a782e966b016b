"""EVALUATE among other queries: planned as one, computed in two parts, on whatever images are left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import clq
from clq.ops.preprocess import Preprocess
from clq.stdlib.catalog import Catalog

EXPLAIN = "EXPLAIN fc OF labnet ON {} USING clip_dissect(top_k=6) WITH lab.words"


@pytest.fixture
def con(tmp_path: Path) -> Any:
    with clq.connect(tmp_path / "store") as con:
        yield con


def operators(view: Any) -> list[str]:
    return [row["operator"] for row in view.rows.to_pylist()]


def test_a_plan_shows_the_answer_and_its_metric_before_anything_has_run(con: clq.Connection) -> None:
    view = con.plan(f"EVALUATE ({EXPLAIN.format('lab.probe[0:40]')}) USING label_cosine")
    found = operators(view)
    assert "image vectors by labclip" in found
    assert "cosine of labels and true names of fc of labnet" in found
    assert con.counts.get("rounds", 0) == 0 and [len(r.passes) for r in view.plan.rounds] == [2]
    assert "default judge: labclip (that of the answer)" in view.text


def test_plan_analyze_measures_the_metric_as_well(con: clq.Connection) -> None:
    query = f"PLAN ANALYZE EVALUATE ({EXPLAIN.format('lab.probe[0:40]')} WHERE rank = 1) USING accuracy"
    rows = {row["operator"]: row for row in con.run(query).last.arrow().to_pylist()}
    assert rows["activations fc of labnet"]["rows"] == 40
    assert rows["rows to evaluate"]["rows"] == 33
    assert rows["accuracy of names of fc of labnet"]["rows"] > 33
    assert con.counts["rounds"] == 1


def test_answers_of_a_script_and_their_metrics_are_one_round(con: clq.Connection) -> None:
    one = EXPLAIN.format("lab.probe[0:40]")
    two = one.replace("labnet", "labnet(weights=random)")
    script = f"EVALUATE ({one}) USING accuracy; LET x = ({two}); EVALUATE x USING accuracy, label_cosine"
    results = con.run(script)
    assert con.counts["rounds"] == 1 and con.counts["decoded"] == 40
    again = con.run(f"SELECT * FROM (EVALUATE ({one} WHERE rank = 1) USING accuracy)")
    assert con.counts["decoded"] == 40
    assert again.last.df().metric.tolist().count("top5") == 0, "only first words are left"
    assert results[0].df().metric.tolist().count("top5") == 1


def test_a_metric_of_some_rows_is_that_of_an_answer_with_these_rows(con: clq.Connection) -> None:
    whole, part = EXPLAIN.format("lab.probe[0:40]"), EXPLAIN.format("lab.probe[0:40]").replace("fc OF", "fc[2, 5] OF")
    by_where = con.run(f"EVALUATE ({whole} WHERE unit IN (2, 5)) USING label_cosine")[-1].df()
    by_units = con.run(f"EVALUATE ({part}) USING label_cosine")[-1].df()
    con.run(f"LET named = ({whole})")
    by_items = con.run("EVALUATE named[2, 5] USING label_cosine")[-1].df()
    assert by_where.drop(columns="run").equals(by_units.drop(columns="run"))
    assert by_where.drop(columns="run").equals(by_items.drop(columns="run"))


def test_an_evaluation_is_kept_and_says_how_it_was_made(con: clq.Connection) -> None:
    con.run(f"EVALUATE ({EXPLAIN.format('lab.probe[0:40]')}) USING label_cosine INTO scores")
    (run,) = set(con.sql("SELECT run FROM scores").df().run)
    nodes = con.sql(f"SELECT operator FROM meta.nodes WHERE run = '{run}'").df().operator.tolist()
    assert {"PooledActivations", "SoftWPMI", "JudgedRows", "LabelCosine"} <= {str(o).split("(")[0] for o in nodes}
    cited = con.sql(f"SELECT name FROM meta.citations WHERE run = '{run}' AND kind = 'method'").df().name.tolist()
    assert cited == ["clip_dissect", "label_cosine"]


def test_unreadable_images_are_left_out_of_both_parts(con: clq.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(12):
        path = tmp_path / "photos" / "dog" / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:60])
    query = EXPLAIN.format(f"folder('{tmp_path / 'photos'}')")
    found = con.run(f"SET on_error = 'skip'; EVALUATE ({query}) USING accuracy; SET on_error = 'fail'")
    assert "1 unreadable image of the 12" in " ".join(found[-1].remarks)
    assert found[-1].df().query("metric == 'top1'").n.tolist() == [33]
    again = EXPLAIN.format(f"folder('{tmp_path / 'photos'}')").replace("lab.words", "['dog', 'cat']")
    again = again.replace("top_k=6", "top_k=6, floor=null")
    metrics = "simulation, detection(labels='label'), cosy(images=2), stability(resamples=2)"
    by_image = con.run(f"SET on_error = 'skip'; EVALUATE ({again}) USING {metrics}; SET on_error = 'fail'")[-1].df()
    counts = by_image[by_image.target.notna()].set_index("metric").n
    assert set(counts["simulation_correlation"]) == {11}
    assert set(counts["detection_f1"]) == {11}
    assert set(counts["cosy_auc"]) == {11}


def test_several_processes_give_the_same_rows(con: clq.Connection, tmp_path: Path) -> None:
    metrics = f"accuracy, label_cosine, {BY_IMAGES}, stability(resamples=3)"
    query = f"EVALUATE ({EXPLAIN.format('lab.probe[0:40]')}) USING {metrics}"
    here = con.run(query)[-1].df()
    with clq.connect(tmp_path / "other") as other:
        there = other.run(f"SET backend = 'processes'; SET workers = 2; {query}")[-1].df()
    assert here.equals(there)


BY_IMAGES = "simulation, detection, cosy(images=4), sanity"


def test_metrics_of_the_images_of_the_answer_share_its_pass(con: clq.Connection) -> None:
    query = EXPLAIN.format("lab.probe[0:40]")
    con.run(f"LET named = ({query}); EVALUATE named USING {BY_IMAGES}, stability(resamples=3)")
    counts = dict(con.counts)
    assert (counts["rounds"], counts["decoded"]) == (1, 40)
    assert (counts["forward labnet"], counts["forward labclip"]) == (40, 40)
    assert counts["texts labclip"] == 378, "the labels are words of the list"
    con.run(f"EVALUATE ({query}) USING {BY_IMAGES}, stability(resamples=4), simulation(shuffle=1)")
    assert dict(con.counts) == counts, "other metrics and controls read no image and embed no word"


def test_a_counting_network_sees_each_image_once_for_an_answer_and_its_metrics(con: clq.Connection) -> None:
    seen: list[int] = []

    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv = torch.nn.Conv2d(3, 8, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            out: torch.Tensor = self.conv(x).relu().mean((2, 3))
            return out

    con.register("mine", Counting(), Preprocess(32, (0.5,) * 3, (0.5,) * 3))
    method = "clip_dissect(top_k=8, floor=null)"
    ask = f"EXPLAIN conv OF mine ON lab.probe[0:64] USING {method} WITH lab.words JUDGED BY labclip"
    script = f"LET named = ({ask}); EVALUATE named USING {BY_IMAGES}, stability(resamples=2)"
    con.run(script)
    assert sum(seen) == 64
    con.run(script.replace("top_k=8", "top_k=9"))
    con.run(f"EVALUATE ({ask}) USING cosy(images=3, shuffle=2), simulation(sampling=top_and_random, drawn=5)")
    assert sum(seen) == 64, "what the answer has read is not read again"
    con.run(f"EVALUATE ({ask}) ON lab.probe[0:64], lab.audit[0:16] USING {BY_IMAGES}")
    assert sum(seen) == 80, "of other images, those that are new"


def test_metrics_of_other_images_read_these_once(con: clq.Connection) -> None:
    query = EXPLAIN.format("lab.probe[0:40]")
    con.run(f"LET named = ({query}); EVALUATE named ON lab.audit[0:30] USING {BY_IMAGES}")
    assert con.counts["decoded"] == 70
    assert con.counts["forward labnet"] == con.counts["forward labclip"] == 70
    view = con.plan(f"EVALUATE ({query}) ON lab.shifted[0:30] USING {BY_IMAGES}")
    assert [len(r.passes) for r in view.plan.rounds] == [2], "a forward and the judge, of the new images alone"


def test_detection_asks_no_judge_and_simulation_no_labels(con: clq.Connection) -> None:
    one, other = EXPLAIN.format("lab.probe[0:40]"), EXPLAIN.format("lab.probe[0:40]").replace("labnet", "labself")
    con.run(f"{one} INTO kept")
    before = con.counts["forward labclip"]
    con.run("EVALUATE kept ON lab.audit[0:30] USING detection, cosy(presence=labels, images=2)")
    assert con.counts["forward labclip"] == before
    assert "simulation" in con.plan(f"EVALUATE ({other.replace('fc', 'layer4')}) USING simulation").text


def test_shuffled_images_leave_nothing(con: clq.Connection) -> None:
    query = EXPLAIN.format("lab.probe[0:200]")
    found = con.run(f"EVALUATE ({query}) USING simulation, simulation(shuffle=1) WHERE target IS NULL").last.df()
    real, control = (found[found["args"].astype(str).str.contains("shuffle") == s] for s in (False, True))
    for metric, least in (("simulation_correlation", 0.3), ("simulation_auc", 0.2)):
        one, other = (part[part.metric == metric].iloc[0] for part in (real, control))
        assert one.value - one.baseline > least
        assert abs(other.value - other.baseline) < 0.1
        assert one.low > other.high


def test_sanity_tells_scores_that_notice_from_those_that_do_not(con: clq.Connection) -> None:
    """Units of known meaning: what the published study of these tests found."""
    query = "EXPLAIN single OF labtruth ON lab.probe[0:400] USING clip_dissect(top_k=20) WITH lab.words WHERE rank = 1"
    found = con.run(f"EVALUATE ({query}) USING sanity").last.df()
    falls = {(r.metric, r.part): r.value for r in found.itertuples() if r.metric.endswith("_falls")}
    for score in ("correlation", "f1", "iou", "auprc", "cosine"):
        assert min(falls[f"sanity_{score}_falls", part] for part in ("missing", "extra", "shuffled")) > 0.85, score
    assert falls["sanity_recall_falls", "missing"] < 0.5
    assert falls["sanity_precision_falls", "extra"] == 0.0
    whole = found[found.part.isna()].set_index("metric").value
    detected = con.run(f"EVALUATE ({query}) USING detection WHERE target IS NULL").last.df().set_index("metric").value
    assert whole["sanity_auprc"] == pytest.approx(detected["detection_auprc"])


def test_a_name_that_stays_is_told_from_one_that_does_not(con: clq.Connection) -> None:
    method = "clip_dissect(top_k=15, floor=null)"
    query = f"EXPLAIN single, noise OF labtruth ON lab.probe[0:300] USING {method} WITH lab.words"
    found = con.run(f"EVALUATE ({query}) USING stability(resamples=8)").last.df()
    mean = found[found.target.isna() & (found.metric == "stability")].set_index("layer")
    assert mean.value["single"] > 0.8 > 0.5 > mean.value["noise"]
    assert mean.low["single"] > mean.high["noise"]
    units = found[found.target.notna()]
    assert set((units.value * 8) % 1) == {0.0} and set(units.n) == {8}


def test_generated_images_in_a_folder_for_each_word(con: clq.Connection, tmp_path: Path) -> None:
    """CoSy as published: images that somebody drew for a label, here those of the lab."""
    shown = con.sql("SELECT image, object FROM lab.shifted WHERE object IN ('fish', 'apple')").df()
    kept = shown.groupby("object").head(6)
    dataset = Catalog().find("lab.shifted").spec.open("cpu")
    for image, name in zip(kept.image, kept.object, strict=True):
        (tmp_path / "drawn" / name).mkdir(parents=True, exist_ok=True)
        number = next(i for i in range(len(dataset)) if dataset.image_name(i) == image)
        Image.fromarray(dataset.read(number)).save(tmp_path / "drawn" / name / f"{number}.png")
    con.run(f"LET named = ({EXPLAIN.format('lab.probe[0:200]')} WHERE concept IN ('fish', 'apple') AND rank = 1)")
    pool = f"lab.audit[0:100], folder('{tmp_path / 'drawn'}')"
    found = con.run(
        f"EVALUATE named ON {pool} USING cosy(presence=labels, labels='label', images=6) WHERE target IS NULL"
    ).last.df().set_index("metric")  # fmt: skip
    assert found.value["cosy_auc"] > 0.9 and found.value["cosy_p"] < 0.01
    assert found.n["cosy_auc"] == 2


def test_columns_that_do_not_speak_of_labels_are_told(con: clq.Connection) -> None:
    con.run(f"LET named = ({EXPLAIN.format('lab.probe[0:60]')})")
    known = con.run("EVALUATE named USING detection(labels=['colour', 'object']) WHERE target IS NULL").last.df()
    share = known[known.metric == "detection_known"].iloc[0]
    assert 0.5 < share.value <= 1 and share.n == 33
    assert known[known.metric == "detection_f1"].n.iloc[0] == round(33 * share.value)
    with pytest.raises(clq.Diagnostic, match="names none of the labels, such as"):
        con.run("EVALUATE named[1] USING detection(labels='colour')")
