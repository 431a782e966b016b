"""A script of 32 queries over four layers and three methods: what is shared, by the counts of what was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import clq
from clq.engine.operator import Source
from clq.engine.plan import graph_of, naive, ordered

IMAGES = 60
SCRIPT = (Path(__file__).parents[1] / "bench" / "thirty_two.clq").read_text(encoding="utf-8")
SCRIPT = SCRIPT.replace("lab.probe[0:400]", f"lab.probe[0:{IMAGES}]")
SETTINGS, *_ = SCRIPT.partition("EXPLAIN")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The connection after the run, the plan before it, and the results."""
    with clq.connect(tmp_path_factory.mktemp("whole")) as con:
        view = con.plan(SCRIPT)
        yield con, view, con.run(SCRIPT)


def nodes(roots: Any) -> int:
    return sum(not isinstance(o, Source) for o in ordered(graph_of(roots)))


def scans(roots: Any) -> int:
    """Forwards over images, if nothing is shared but equal work."""
    return sum(len(r.passes) for r in naive(roots).rounds)


def test_equal_work_of_32_queries_is_planned_once(done: Any) -> None:
    _, view, results = done
    assert len(results) == len(view.queries) == 32
    every = [r for q in view.queries for r in q.roots]
    assert (sum(nodes(q.roots) for q in view.queries), nodes(every)) == (272, 143)
    assert (sum(scans(q.roots) for q in view.queries), scans(every)) == (65, 13)
    assert [len(r.passes) for r in view.plan.rounds] == [2, 4], "subject and judge; then the crops of each layer"


def test_each_image_is_decoded_once_a_round_and_seen_once_by_each_model(done: Any) -> None:
    con, view, _ = done
    crops = [s for r in view.plan.rounds[1:] for p in r.passes for s in p.scans]
    held = [con.store.find(s) for s in crops]
    chosen = {int(i) for a in held for i in a.load("image")}
    by_layer: dict[str, set[tuple[int, int]]] = {}
    for scan, artifact in zip(crops, held, strict=True):
        pairs = zip(artifact.load("unit").tolist(), artifact.load("image").tolist(), strict=True)
        by_layer.setdefault(scan.layer, set()).update(pairs)
    counts = con.counts
    assert counts["rounds"] == 2
    assert counts["decoded"] == IMAGES + len(chosen)
    again = sum(len({image for _, image in pairs}) for pairs in by_layer.values())
    assert counts["forward labnet"] == IMAGES + again, "one forward for four layers; Grad-CAM once for each layer"
    assert IMAGES < counts["forward labclip"] <= IMAGES + sum(map(len, by_layer.values()))
    texts = {"lab.words": 378, "lab.captions": 6000}
    assert counts["texts labclip"] < sum(texts.values()) + 200, "each list of words is embedded once"


@pytest.mark.parametrize("number", [0, 5, 13, 20, 27, 28])
def test_a_query_by_itself_gives_the_same(done: Any, number: int, tmp_path: Path) -> None:
    _, _, results = done
    with clq.connect(tmp_path) as con:
        alone = con.run(f"{SETTINGS}; {results[number].statement}").last
    pd.testing.assert_frame_equal(alone.df(), results[number].df(), rtol=0, atol=1e-6)
