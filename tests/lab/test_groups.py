"""EXPLAIN GROUPS on the lab: what it costs beside single units, and whether the groups are those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import clq

IMAGES = 120
SINGLE = f"EXPLAIN layer3 OF labnet ON lab.probe[0:{IMAGES}] USING falcon(images=6) WITH lab.words"
GROUPS = SINGLE.replace("EXPLAIN layer3", "EXPLAIN GROUPS IN layer3").replace("(", "(threshold=2, least=3, ")


def counted(folder: Path, text: str) -> tuple[dict[str, int], list[pd.DataFrame], set[int]]:
    """What a script did in a fresh store, its answers, and the images of which crops were made."""
    with clq.connect(folder) as con:
        results = con.run(text)
        view = con.plan(text)
        crops = [s for r in view.queries for o in r.roots for s in [getattr(o, "crops", None)] if s is not None]
        chosen = {int(i) for s in crops for i in con.store.find(s).load("image")}
        return con.counts, [r.df() for r in results], chosen


def test_groups_add_no_pass_over_the_images(tmp_path: Path) -> None:
    alone, (single,), _ = counted(tmp_path / "alone", SINGLE)
    both, (beside, groups), chosen = counted(tmp_path / "both", f"{SINGLE}; {GROUPS}")
    assert single.equals(beside), "what groups share with single units changes nothing"
    assert groups.units.str.len().max() > 1
    assert alone["rounds"] == both["rounds"] == 2
    assert both["decoded"] == IMAGES + len(chosen)
    assert both["forward labnet"] == IMAGES + len(chosen), "one forward of every image, Grad-CAM once for each chosen"
    assert both["texts labclip"] == alone["texts labclip"], "no word is embedded for groups without CONTRAST"
    more = both["forward labclip"] - alone["forward labclip"]
    assert 0 <= more <= 6 * groups.target.nunique(), "at most a crop for each of their images"


def test_what_was_found_for_units_is_not_made_again_for_groups(tmp_path: Path) -> None:
    with clq.connect(tmp_path) as con:
        con.run(SINGLE)
        before = con.counts
        con.run(GROUPS)
        made = {k: n - before.get(k, 0) for k, n in con.counts.items()}
    assert made.get("decoded", 0) < IMAGES, "only images of groups whose crops nobody has made"
    assert made.get("forward labnet", 0) == made.get("decoded", 0)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Groups of the units that fire on one fact, in the world with shortcuts and in the free one."""
    text = """
    LET g = (EXPLAIN GROUPS IN single OF labtruth ON {images} USING falcon(threshold=1, crop=none, images=500,
             captions=1, top=1));
    LET fact = (SELECT unit, concepts[1] AS fact FROM lab.truth WHERE model = 'labtruth' AND layer = 'single');
    LET facts = (SELECT g.unit, list(fact ORDER BY fact) AS facts FROM (SELECT unit, unnest(units) AS u FROM g) AS g
                 JOIN fact ON fact.unit = g.u GROUP BY ALL HAVING count(*) > 1);
    SELECT array_to_string(f.facts, ' ') AS facts, count(*) AS images,
           avg(list_has_all(i.facts, f.facts)::INT) AS true_of
    FROM facts AS f JOIN (EVIDENCE g) AS e USING (unit) JOIN {images} AS i USING (image) GROUP BY ALL
    """
    with clq.connect(tmp_path_factory.mktemp("planted")) as con:
        con.run("LET mixed = lab.audit[0:2000]; LET free = lab.probe[0:1500]")
        return {s: con.run(text.format(images=s)).last.df().set_index("facts") for s in ("mixed", "free")}


def test_groups_are_facts_that_go_together(planted: Any) -> None:
    for found in planted.values():
        assert len(found) > 12
        assert (found.true_of * found.images).sum() / found.images.sum() > 0.95, "images of a group have all its facts"
        for tool in ("axe", "scissors"):
            assert f"{tool} handle" in found.index or f"handle {tool}" in found.index, "every tool has a handle"
        assert "rocket window" in found.index


def test_a_planted_shortcut_is_a_group_where_it_holds_and_none_where_it_does_not(planted: Any) -> None:
    """In the shortcut world apples carry text; labtruth's units for both are two, which then fire together."""
    assert "apple text" in planted["mixed"].index
    assert "apple text" not in planted["free"].index
