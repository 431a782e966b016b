"""Data sets as relations of SQL: what is selected from them, drawn and joined keeps all columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

import clq


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clq.Connection]:
    root = tmp_path_factory.mktemp("relations")
    (root / "photos" / "cats").mkdir(parents=True)
    for i in range(3):
        Image.new("RGB", (8, 8), (i * 20, 0, 0)).save(root / "photos" / "cats" / f"{i}.png")
    with clq.connect(root / "store") as connection:
        connection.run(f"LET photos = folder('{root / 'photos'}')")
        yield connection
        assert not connection.counts


def rows(con: clq.Connection, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = con.run(text).last.arrow().to_pylist()
    return found


PARTS = {
    "lab.probe[0:60]": "WHERE image IN (SELECT image FROM lab.probe LIMIT 60)",
    "lab.probe[(SELECT image FROM lab.probe WHERE object = 'boat')]": "WHERE object = 'boat'",
    "sample(lab.probe[0:60], share=1.0)": "WHERE image IN (SELECT image FROM lab.probe LIMIT 60)",
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_data_set_has_all_its_columns(part: str, con: clq.Connection) -> None:
    found = rows(con, f"LET part = {part}; SELECT * FROM part ORDER BY image")
    whole = rows(con, f"SELECT 'lab.probe' AS dataset, * FROM lab.probe {PARTS[part]} ORDER BY image")
    assert found == whole and len(found) > 5


def test_the_images_of_a_part_are_in_its_order(con: clq.Connection) -> None:
    found = rows(con, "LET part = lab.probe[7, 2]; SELECT object FROM part")
    assert found == [rows(con, "SELECT object FROM lab.probe")[i] for i in (7, 2)]


def test_what_only_one_of_two_data_sets_knows_is_null_for_the_other(con: clq.Connection) -> None:
    mixed = rows(con, "LET mixed = [photos, lab.probe[0:2]]; SELECT image, label, object FROM mixed")
    lab = rows(con, "SELECT image, label::VARCHAR AS label, object FROM lab.probe LIMIT 2")
    assert mixed[:1] == [{"image": "cats/0.png", "label": "cats", "object": None}]
    assert mixed[3:] == lab, "labels are text where one data set has words for them"


def test_columns_are_known_without_the_rows(con: clq.Connection) -> None:
    con.run("LET mixed = [photos, lab.probe[0:2]]")
    thing: Any = con.session.names.made["mixed"]
    assert list(thing.columns()) == thing.relation().column_names
