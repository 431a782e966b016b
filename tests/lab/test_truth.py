"""What is said about the planted units."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from clq.stdlib.lab.data import scenes_of
from clq.stdlib.lab.truth import (
    COUNTS,
    KINDS,
    VARIANTS,
    Unit,
    accepted_names,
    holds,
    planted_units,
    truth_table,
    units_of_kind,
)
from clq.stdlib.lab.words import words
from clq.stdlib.lab.world import HYPERNYMS, OBJECTS, SHORTCUTS, members_of


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = truth_table().to_pylist()
    return table


def test_every_unit_has_one_row(rows: list[dict[str, Any]]) -> None:
    counts = Counter((row["model"], row["layer"]) for row in rows)
    assert counts == {**{(v, k): n for v in VARIANTS for k, n in COUNTS.items()}, ("labnet", "fc"): len(OBJECTS)}
    for (model, layer), count in counts.items():
        units = [row["unit"] for row in rows if (row["model"], row["layer"]) == (model, layer)]
        assert units == list(range(count))
    assert min(COUNTS.values()) >= 40 and set(COUNTS) == set(KINDS)


def test_accepted_names_are_in_the_vocabulary(rows: list[dict[str, Any]]) -> None:
    vocabulary = set(words())
    for row in rows:
        assert bool(row["accepted"]) == bool(row["concepts"]) == (row["kind"] != "noise"), row
        assert set(row["accepted"]) <= vocabulary
        assert len(set(row["accepted"])) == len(row["accepted"])


def test_accepted_names() -> None:
    assert accepted_names(["butterfly"]) == ("butterfly", "insect")
    assert set(accepted_names(["handle"])) == {"handle", "tool"}
    assert accepted_names(["dog", "water"]) == ("dog", "puppy", "canine", "water", "sea", "ocean")
    strong = Unit("shortcut", ("boat", "sky"), 1.0, 0.0, 0.0, "identity", 1.1)
    weak = Unit("shortcut", ("boat", "sky"), 1.0, 0.0, 0.0, "identity", 0.9)
    assert "clouds" in strong.accepted and "clouds" not in weak.accepted and "ship" in weak.accepted
    assert strong.cue == weak.cue == "sky"


def test_shortcuts_are_graded(rows: list[dict[str, Any]]) -> None:
    for variant in VARIANTS:
        planted = [row for row in rows if row["model"] == variant and row["kind"] == "shortcut"]
        with_cue = [row for row in planted if row["shortcut"] is not None]
        without = [row for row in planted if row["shortcut"] is None]
        assert len(with_cue) >= 12 and len(without) >= 12
        assert {row["strength"] for row in without} == {0.0}
        strengths = sorted(row["strength"] for row in with_cue)
        assert strengths[0] == 0.2 and strengths[-1] == 2.0 and len(set(strengths)) >= 12
        assert all(row["concepts"] == [row["concepts"][0], row["shortcut"]] for row in with_cue)
        assert all(row["concepts"][0] in OBJECTS for row in planted)
    labnet = {row["concepts"][0]: row["shortcut"] for row in rows if row["model"] == "labnet" and row["shortcut"]}
    assert labnet == {name: cue for name, (_, cue) in SHORTCUTS.items()}


def test_the_two_models_share_no_formula() -> None:
    tuned, published = (planted_units(variant) for variant in VARIANTS)
    assert not {(u.gain, u.offset, u.noise) for u in tuned} & {(u.gain, u.offset, u.noise) for u in published}
    for kind in ("conjunction", "polysemantic"):
        pairs = [{frozenset(u.concepts) for u in units_of_kind(variant, kind)} for variant in VARIANTS]
        assert not pairs[0] & pairs[1] and len(pairs[0]) == COUNTS[kind]
    forms = [[u.form for u in units_of_kind(variant, "single")] for variant in VARIANTS]
    assert forms[0] != forms[1] and len(set(forms[0])) == 5


def test_pairs_are_of_independent_facts() -> None:
    for variant in VARIANTS:
        for unit in (*units_of_kind(variant, "conjunction"), *units_of_kind(variant, "polysemantic")):
            a, b = unit.concepts
            for one, other in ((a, b), (b, a)):
                assert one not in HYPERNYMS or other not in members_of(one)


def test_no_unit_is_rare() -> None:
    """Each formula holds for at least a dozen images of the probe, and not for most of them, hypernyms apart."""
    facts = [scene.facts() for scene in scenes_of("probe")]
    for variant in VARIANTS:
        for unit in planted_units(variant):
            share = sum(holds(unit, f) for f in facts)
            assert unit.kind == "noise" or 12 <= share <= (1_200 if unit.kind == "hypernym" else 1_000), unit


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(ValueError):
        planted_units("labtrue")
