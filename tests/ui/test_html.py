"""Results as notebooks show them: what is said, which pictures are in it, and that neither grows without bound."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from clq.stdlib.catalog import Catalog
from clq.stdlib.datasets.combined import combine
from clq.stdlib.datasets.folder import make_folder
from clq.ui.html import html_of
from clq.ui.pictures import SIDE, Pictures, Unseen
from clq.ui.results import Result, Results

LIMIT = 200_000


class Page(HTMLParser):
    """The cells of every table, the pictures, and all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.images: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.numbers: list[list[bool]] = []
        self.text, self._cell = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {k: v or "" for k, v in attrs}
        if tag == "tr":
            self.rows.append([])
            self.numbers.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self.numbers[-1].append(given.get("class") == "n")
            self._cell = True
        elif tag == "img":
            self.images.append(given)

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data


def picture_of(image: dict[str, str]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(image["src"].split(",", 1)[1])))


def pictures(names: Catalog | None = None, evidence: pa.Table | None = None) -> Pictures:
    def rows(table: str, targets: Sequence[str]) -> pa.Table:
        if evidence is None:
            raise Unseen("the table is gone")
        return evidence

    return Pictures(names or Catalog(), rows)


def page(rows: pa.Table, look: Pictures | None = None, **given: Any) -> Page:
    html = html_of([Result("q", rows, pictures=look or pictures(), **given)])
    assert len(html) < LIMIT
    return Page(html)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (300, 200, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def answer(rows: int = 3, **more: Any) -> pa.Table:
    constant = {"model": "labnet", "layer": "layer4", "method": "clip_dissect", "args": "{}", "run": "0" * 64}
    columns = {k: [v] * rows for k, v in constant.items()}
    columns |= {"unit": list(range(rows)), "target": [f"layer4[{i}] OF labnet" for i in range(rows)]}
    columns |= {"concept": [f"word{i}" for i in range(rows)], "score": [i / 3 for i in range(rows)]}
    return pa.table({**columns, "low": pa.nulls(rows, pa.float64()), **more})


def test_what_is_constant_is_said_once_and_what_is_empty_not_at_all() -> None:
    found = page(answer())
    assert found.rows[0] == ["unit", "concept", "score"]
    assert found.rows[1:] == [["0", "word0", "0"], ["1", "word1", "0.3333"], ["2", "word2", "0.6667"]]
    assert "model: labnet" in found.text and "layer: layer4" in found.text and "method: clip_dissect" in found.text
    assert found.numbers[1] == [True, False, True]


def test_twenty_rows_are_shown_and_the_others_counted() -> None:
    found = page(answer(1254))
    assert len(found.rows) == 21
    assert "… 1,234 more rows" in found.text
    assert "no rows" in page(answer(0)).text


def test_what_a_row_says_is_text_and_never_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
    rows = pa.table({"dataset": [evil], "image": [evil], evil: [evil], "concept": [evil]})
    html = html_of([Result("q", rows, table=evil, remarks=(evil,), pictures=pictures()), Result("p", rows, text=evil)])
    found = Page(html)
    assert "script" not in found.tags and found.images == []
    assert found.text.count("alert(1)") >= 5
    assert "<script" not in html and "onerror" not in re.sub(r"&lt;img [^<]*", "", html)


def test_an_image_is_shown_beside_its_name() -> None:
    rows = pa.table({"dataset": ["lab.probe"] * 2, "image": ["probe/00003", "probe/00004"], "score": [1.0, 2.0]})
    found = page(rows)
    assert found.rows[0] == ["", "image", "score"] and "dataset: lab.probe" in found.text
    assert [i["title"] for i in found.images] == ["probe/00003 of lab.probe", "probe/00004 of lab.probe"]
    assert [picture_of(i).size for i in found.images] == [(64, 64)] * 2
    assert all(i["src"].startswith(("data:image/png;", "data:image/jpeg;")) for i in found.images)


def test_images_of_a_folder_are_made_small(photos: Path) -> None:
    name = f"folder(path='{photos}')"
    rows = pa.table({"dataset": [name] * 2, "image": ["0.png", "1.png"]})
    assert [picture_of(i).size for i in page(rows).images] == [(43, SIDE)] * 2


def test_a_data_set_is_found_by_its_name_its_parts_its_call_and_its_path(photos: Path) -> None:
    made = make_folder("shots", str(photos))
    several = combine([(made, (slice(0, 2),)), (made, None)])
    for name, names in (
        ("shots", Catalog(made={"shots": made})), ("shots", Catalog(made={"both": several})),
        (f"folder(path='{photos}')", Catalog()), (str(photos), Catalog()),
    ):  # fmt: skip
        assert pictures(names).read(name, "0.png").shape == (300, 200, 3)
    assert pictures().read(f"{photos}/0.png", "0.png").shape == (300, 200, 3)


def test_a_picture_that_cannot_be_shown_says_why(photos: Path) -> None:
    name = f"folder(path='{photos}')"
    rows = pa.table({"dataset": [name, name, "lab.gone", None], "image": ["broken.png", "9.png", "x", "y"]})
    found = page(rows)
    assert found.images == []
    reasons = [row[1] for row in found.rows[1:]]
    assert reasons[0].startswith("broken.png cannot be read: ")
    assert reasons[1].endswith("has no image 9.png")
    assert "lab.gone" in reasons[2] and reasons[3] == "NULL"


def test_a_box_is_drawn_and_cut_out(photos: Path) -> None:
    box = {"x0": [0, 10], "y0": [30, None], "x1": [100, 20], "y1": [230, 30]}
    rows = pa.table({"dataset": [str(photos)] * 2, "image": ["0.png", "1.png"], **box})
    found = page(rows)
    assert found.rows[0] == ["", "image"]
    assert [picture_of(i).size for i in found.images] == [(43, 64), (32, 64), (43, 64)]
    assert found.images[1]["title"] == f"box [0, 30, 100, 230] of 0.png of {photos}"
    drawn = np.asarray(picture_of(found.images[0]).convert("RGB")).astype(int)
    edge = drawn[round(30 * 64 / 300), 2:18]
    assert (edge[:, :2].mean() - edge[:, 2].mean()) > 60, "yellow"
    outside = pa.table({"dataset": [str(photos)], "image": ["0.png"], "x0": [500], "y0": [0], "x1": [600], "y1": [9]})
    assert "is not in an image of 200 × 300" in page(outside).text


def test_a_map_is_laid_over_its_image_warm_and_cold() -> None:
    values = [1.0] * 8 + [0.0] * 48 + [-1.0] * 8
    rows = pa.table({
        "dataset": ["lab.probe", "gone", "lab.probe"], "image": ["probe/00003", "probe/00003", "probe/00004"],
        "height": [8] * 3, "width": [8] * 3, "map": [values, values, values[1:]],
    })  # fmt: skip
    found = page(rows)
    assert found.rows[0] == ["dataset", "", "image", "map"]
    over, alone = [np.asarray(picture_of(i).convert("RGB")).astype(int) for i in found.images if "map" in i["title"]]
    for image in (over, alone):
        top, bottom = image[:3].mean((0, 1)), image[-3:].mean((0, 1))
        assert top[0] > top[2] + 80 and bottom[2] > bottom[0] + 80
    assert "the map has 63 values, not 8 × 8" in found.text


def test_a_picture_in_a_row_is_shown_and_what_is_none_is_said() -> None:
    sink = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(sink, "png")
    found = page(pa.table({"picture": [sink.getvalue(), b"nothing", None], "score": [1, 2, 3]}))
    assert [picture_of(i).size for i in found.images] == [(128, 64)]
    assert [row[0] for row in found.rows[1:]] == ["", "7 bytes that are no picture", "NULL"]


def evidence(targets: Sequence[str], each: int) -> pa.Table:
    return pa.table({
        "target": [t for t in targets for _ in range(each)], "dataset": ["lab.probe"] * each * len(targets),
        "image": [f"probe/{i:05d}" for i in range(each * len(targets))], "activation": [2.5] * each * len(targets),
    })  # fmt: skip


def test_images_behind_an_answer_stand_once_beside_each_target() -> None:
    rows = pa.concat_tables([answer(3)] * 2).sort_by([("unit", "ascending")])
    found = page(rows, pictures(evidence=evidence(rows["target"].unique().to_pylist(), 6)), evidence="t_evidence")
    assert found.rows[0] == ["unit", "concept", "score", "images"]
    assert [len(row) for row in found.rows[1:]] == [4, 3, 4, 3, 4, 3]
    assert len(found.images) == 3 * 4
    assert found.images[0]["title"] == "probe/00000 of lab.probe, activation 2.5"
    assert "the table is gone" in page(answer(), evidence="t_evidence").text


def test_no_display_is_large() -> None:
    targets = [f"layer4[{i}] OF labnet" for i in range(20)]
    many = pictures(evidence=evidence(targets, 20))
    answered = Result("q", answer(20), evidence="e", pictures=many)
    wide = Result("w", pa.table({f"column{i}": ["x" * 5000] * 20 for i in range(200)}), pictures=many)
    boxed = pa.table({
        "dataset": ["lab.probe"] * 20, "image": [f"probe/{i:05d}" for i in range(20)],
        **{k: [v] * 20 for k, v in zip(("x0", "y0", "x1", "y1"), (0, 0, 60, 60), strict=True)},
    })  # fmt: skip
    foreign = Result("f", pa.table({f"列{i}": ["字" * 5000] * 20 for i in range(200)}), remarks=("字" * 5000,) * 50)
    long = Result("p", answer(1), text="<" * 900_000)
    crops = Result("b", boxed, pictures=many)
    for results in ([answered], [wide], [long], [foreign], [crops], [answered, wide, long] * 20):
        html = Results(results)._repr_html_()
        assert len(html.encode()) < LIMIT
        assert Page(html).rows or "<pre>" in html
    assert "more columns" in html_of([wide]) and "more results" in html_of([answered, wide, long] * 20)
    crowded = html_of([answered], largest=60_000)
    assert len(Page(crowded).rows) == 21 and "more pictures are not shown" in crowded


def test_a_plan_stays_text() -> None:
    found = Page(html_of([Result("PLAN", answer(1), text="round 1\n  p2 := <top>")]))
    assert "pre" in found.tags and "round 1\n  p2 := <top>" in found.text
