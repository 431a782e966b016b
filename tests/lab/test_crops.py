"""Crops of units on top images are found again: more units, a larger k and more images cost the new ones alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import clq

QUERY = (
    "EXPLAIN layer3[0:{units}] OF labnet ON lab.probe[0:{images}] USING falcon(threshold=1, images={most}) "
    "WITH ['boat', 'snow', 'car', 'red', 'water', 'stripes']"
)


def asked(con: Any, **what: int) -> tuple[pd.DataFrame, int]:
    """The answer, and how many crops the judge has seen for it beside whole images."""
    before = con.counts
    found = con.run(QUERY.format(**what)).df()
    counts = {k: con.counts[k] - before.get(k, 0) for k in con.counts}
    return found, counts.get("forward labclip", 0)


@pytest.mark.parametrize(
    "more",
    [{"units": 5}, {"most": 9}, {"images": 150}],
    ids=["units", "k", "images"],
)
def test_what_is_added_costs_its_own_share(tmp_path: Path, more: dict[str, int]) -> None:
    first = {"units": 3, "images": 120, "most": 6}
    with clq.connect(tmp_path / "grown") as con:
        _, began = asked(con, **first)
        found, cost = asked(con, **{**first, **more})
        _, again = asked(con, **first)
    with clq.connect(tmp_path / "fresh") as con:
        expected, whole = asked(con, **{**first, **more})
    assert found.equals(expected)
    assert began > 0 and again == 0
    assert 0 < cost < whole
