"""SET on_error = 'skip': unreadable images are left out, said so, and what remains is the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clq
from clq.lang.diagnostic import Diagnostic

QUERY = "EXPLAIN layer1[0:3] OF labnet ON {} USING clip_dissect(top_k=4, top=1) WITH lab.words"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def query(photos: Path) -> str:
    return QUERY.format(f"folder('{photos}')")


def damage(photos: Path, *names: str) -> None:
    for name in names:
        (photos / name).write_bytes((photos / name).read_bytes()[:60])


def asked(con: clq.Connection, photos: Path, tail: str = "") -> clq.Results:
    return con.run(f"SET on_error = 'skip'; {query(photos)} {tail}")


def test_the_answer_is_that_of_the_readable_images(photos: Path, tmp_path: Path) -> None:
    damage(photos, "03.png", "07.png")
    with clq.connect(tmp_path / "one") as con:
        found = asked(con, photos, "INTO named")
        assert con.session.resources.counts["decoded"] == 10
        note = " ".join(found[-1].remarks)
        assert "2 unreadable images of the 12" in note and "03.png" in note and "07.png" in note
        assert con.sql("SELECT left_out FROM meta.runs").arrow().column(0).to_pylist() == [2]
        assert "2 left out" in str(con.sql("SELECT facts FROM meta.sources WHERE kind = 'dataset'").df().facts[0])
        rows = found[-1].df()
        evidence = con.sql("SELECT image FROM named_evidence").df().image.tolist()
        assert not {"03.png", "07.png"} & set(evidence)
    for name in ("03.png", "07.png"):
        (photos / name).unlink()
    with clq.connect(tmp_path / "two") as con:
        other = con.run(query(photos))[-1].df()
    assert rows.drop(columns="run").equals(other.drop(columns="run"))


def test_the_next_run_knows_and_reads_nothing(photos: Path, tmp_path: Path) -> None:
    damage(photos, "03.png")
    with clq.connect(tmp_path / "store") as con:
        first = asked(con, photos)[-1]
    with clq.connect(tmp_path / "store") as con:
        second = asked(con, photos)[-1]
        assert con.session.resources.counts["decoded"] == 0
        assert second.table == first.table and second.remarks == first.remarks
        assert con.sql("SELECT count(*) AS n FROM meta.tables").df().n.tolist() == [1]


def test_a_repaired_image_counts_again(photos: Path, tmp_path: Path) -> None:
    whole = (photos / "03.png").read_bytes()
    damage(photos, "03.png")
    with clq.connect(tmp_path / "store") as con:
        asked(con, photos)
        (photos / "03.png").write_bytes(whole)
        before = con.session.resources.counts["decoded"]
        found = asked(con, photos)[-1]
        assert con.session.resources.counts["decoded"] == before + 1 and not found.remarks


def test_other_statements_of_the_script_are_run_once(photos: Path, tmp_path: Path) -> None:
    damage(photos, "03.png")
    with clq.connect(tmp_path / "store") as con:
        con.run("CREATE TABLE seen (n INTEGER)")
        con.run(
            f"SET on_error = 'skip'; LET photos = folder('{photos}'); INSERT INTO seen VALUES (1); "
            f"LET a = ({QUERY.format('photos')}); INSERT INTO seen SELECT count(*) FROM a; EVIDENCE a LIMIT 2"
        )
        assert con.sql("SELECT n FROM seen").df().n.tolist() == [1, 3]


def test_plan_analyze_goes_on_as_well(photos: Path, tmp_path: Path) -> None:
    damage(photos, "03.png")
    with clq.connect(tmp_path / "store") as con:
        rows = con.run(f"SET on_error = 'skip'; PLAN ANALYZE {query(photos)}")[-1].df()
        assert len(rows) and con.session.resources.counts["decoded"] == 11


def test_falcon_does_without_as_well(photos: Path, tmp_path: Path) -> None:
    damage(photos, "03.png", "05.png")
    with clq.connect(tmp_path / "store") as con:
        text = f"EXPLAIN layer1[0] OF labnet ON folder('{photos}') USING falcon(images=4) CONTRAST low WITH lab.words"
        found = con.run(f"SET on_error = 'skip'; {text}")[-1]
        assert "2 unreadable" in " ".join(found.remarks)


def test_no_readable_image_is_told(photos: Path, tmp_path: Path) -> None:
    damage(photos, *(f"{i:02d}.png" for i in range(12)))
    with clq.connect(tmp_path / "store") as con, pytest.raises(Diagnostic) as caught:
        asked(con, photos)
    assert caught.value.code == "empty-data" and "none of the 12 images" in caught.value.message
    assert caught.value.span is not None


def test_strict_is_the_default_and_comes_back(photos: Path, tmp_path: Path) -> None:
    damage(photos, "03.png")
    with clq.connect(tmp_path / "store") as con:
        asked(con, photos)
        for text in ("RESET on_error", "SET on_error = fail"):
            with pytest.raises(Diagnostic) as caught:
                con.run(f"{text}; {query(photos)}")
            assert caught.value.code == "unreadable-image"
        with pytest.raises(Diagnostic) as caught:
            con.run("SET on_error = 'ignore'")
        assert caught.value.code == "bad-argument"
