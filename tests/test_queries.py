"""The shipped queries run, and show what they are there to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import clq

REPOSITORY = Path(__file__).parents[1]
QUERIES = REPOSITORY / "queries"
REAL = REPOSITORY.parent / "shared" / "real"


def rows(results: Any, index: int = -1) -> list[dict[str, Any]]:
    return list(results[index].arrow().to_pylist())


@pytest.fixture
def con(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(REPOSITORY)
    with clq.connect(shared_store) as connection:
        yield connection


def test_every_query_file_has_a_test() -> None:
    assert {p.stem for p in QUERIES.glob("*.clq")} == {"tour", "truth", "card", "real", "compare"}


def test_tour_names_units_and_shows_the_shortcuts(con: clq.Connection) -> None:
    results = con.run(QUERIES / "tour.clq")
    assert rows(results)[0]["named_right"] >= 0.95
    shortcuts = rows(results, -3)
    assert [r["class"] for r in shortcuts] == ["car", "boat", "apple"]
    for row in shortcuts:
        without, with_contrast = row["without_contrast"], row["with_contrast"]
        assert without.index(row["shortcut"]) < without.index(row["class"]), "the shortcut leads the class"
        assert with_contrast[0] == row["class"], "with contrast the class comes first"
    led = [r for r in shortcuts if r["without_contrast"][0] == r["shortcut"]]
    assert len(led) >= 2
    before = con.counts
    con.run(QUERIES / "tour.clq")
    assert con.counts == before, "a finished script does nothing again"


def test_contrast_names_the_class_of_nine_class_units_in_ten(con: clq.Connection) -> None:
    con.run(QUERIES / "tour.clq")
    found = con.sql(
        "SELECT avg(coalesce(list_contains(t.accepted, m.concept), false)::INT) AS share, count(*) AS units "
        "FROM lab.truth AS t LEFT JOIN meant AS m ON m.unit = t.unit AND m.rank = 1 WHERE t.model = 'labnet'"
    )
    assert rows([found])[0]["units"] == 33
    assert rows([found])[0]["share"] >= 0.9


def test_truth_is_told_from_three_controls(con: clq.Connection) -> None:
    kinds = {r["kind"]: r for r in rows(con.run(QUERIES / "truth.clq"))}
    assert set(kinds) == {"single", "hypernym", "conjunction", "polysemantic", "shortcut", "noise"}
    assert all(r["units"] >= 40 for r in kinds.values())
    assert kinds["single"]["real"] >= 0.95
    for kind, row in kinds.items():
        if kind == "noise":
            continue
        for control in ("shuffled", "random_judge", "early_judge"):
            assert row[control] < row["real"] - 0.05, f"{kind}: {control} is no worse than the real thing"
    for control in ("shuffled", "random_judge", "early_judge"):
        assert kinds["single"][control] <= kinds["single"]["real"] - 0.15


def test_compare_says_what_two_checkpoints_explain_differently(con: clq.Connection) -> None:
    scores, concepts, units = (rows([r]) for r in con.run(QUERIES / "compare.clq")[-3:])
    auprc = {r["model"]: r for r in scores if r["metric"] == "detection_auprc"}
    assert auprc["labnet"]["low"] > auprc["labself"]["high"] > auprc["labself"]["baseline"]
    assert {"scissors", "cactus"} <= {r["concept"] for r in concepts}, "labself learnt no such objects"
    assert all(r["auprc"] > (r["auprc_other"] or r["chance"]) for r in concepts)
    assert len(units) == 8 and all(r["concept"] != r["concept_other"] for r in units)


def test_card_runs_verbatim_on_random_weights(con: clq.Connection) -> None:
    text = (QUERIES / "card.clq").read_text()
    assert "EXPLAIN layer4 OF resnet50 USING falcon CONTRAST low WITH wordnet;" in text
    (result,) = con.run(QUERIES / "card.clq")
    units = {r["unit"] for r in rows([result])}
    assert units == set(range(2048))


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/real is not beside this checkout")
def test_real_chain_names_the_classes_of_cifar10(con: clq.Connection) -> None:
    results = con.run(QUERIES / "real.clq")
    named = {r["class"]: r["concept"] for r in rows(results, 1)}
    assert len(named) == 10
    assert (named["bird"], named["cat"], named["frog"]) == ("bird", "cat", "frog")
    assert rows(results, 2), "mobilenet_v2 has answers"
