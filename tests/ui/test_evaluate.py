"""EVALUATE among other queries: planned as one, computed in two parts, on whatever images are left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import clq

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
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        path = tmp_path / "photos" / f"{i:02d}.png"
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:60])
    query = EXPLAIN.format(f"folder('{tmp_path / 'photos'}')")
    found = con.run(f"SET on_error = 'skip'; EVALUATE ({query}) USING accuracy; SET on_error = 'fail'")
    assert "1 unreadable image of the 12" in " ".join(found[-1].remarks)
    assert found[-1].df().query("metric == 'top1'").n.tolist() == [33]


def test_several_processes_give_the_same_rows(con: clq.Connection, tmp_path: Path) -> None:
    query = f"EVALUATE ({EXPLAIN.format('lab.probe[0:40]')}) USING accuracy, label_cosine"
    here = con.run(query)[-1].df()
    with clq.connect(tmp_path / "other") as other:
        there = other.run(f"SET backend = 'processes'; SET workers = 2; {query}")[-1].df()
    assert here.equals(there)
