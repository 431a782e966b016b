"""Files and folders that a query names, written otherwise than it is done, or not to be read: what is told, where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow.csv as csv
import pytest
from PIL import Image

import clq
from clq.lang.diagnostic import Diagnostic
from clq.ui.checking import examine


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with pictures, arrays, words and vectors, in which clq is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "pics").mkdir()
    Image.new("RGB", (20, 20), "red").save("pics/red.png")
    for name in ("seven", "seven.txt"):
        Path(name).write_text("red\nblue\n")
    Path("table.csv").write_text("word\nred\n")
    np.savez("arr.npz", images=np.zeros((4, 8, 8, 3), np.uint8))
    np.savez("float.npz", images=np.zeros((4, 3, 8, 8), np.float32), grey=np.zeros((4, 8, 8), np.uint8))
    np.save("vectors.npy", np.zeros((5, 7), np.float32))
    names = np.array(["a", "b", "c", "d", "e"])
    np.savez("vectors.npz", images=np.zeros((5, 7), np.float32), texts=np.zeros((5, 7), np.float32), names=names)
    yield tmp_path


VECTORS = "embeddings('vectors.npz', 'vectors.npz', names, images_key=images, texts_key=texts)"
TOLD = [
    ("ON ‹pics›", "A folder stands in single quotes: ON 'pics'", ""),
    ("ON ‹$f›", "For the folder of this name write folder($f), or give $f as ./pics", ""),
    ("WITH ‹seven›", "A file stands in single quotes: WITH 'seven'", ""),
    ("WITH ‹$w›", "For the file of this name write words($w), or give $w as ./seven", ""),
    ("WITH ‹'pics'›", "pics is a folder, and a file is asked for", "folder('pics')"),
    ("ON ‹'arr.npz'›", "is no folder of images or image file", "arrays('arr.npz')"),
    ("ON ‹'pics/*.png'›", "is no folder of images or image file", "folder('pics')[0:50]"),
    ("ON ‹'~/pics'›", "is no folder of images or image file", "it would be"),
    ("ON ‹'~/red.png'›", "there is no file ~/red.png", "it would be"),
    ("ON 'pics'‹[›0:1]", "folder('pics')[0:1]", ""),
    ("ON ‹arrays('float.npz')›", "float32 [4, 3, 8, 8], not uint8 [N, H, W, 3]", "images.transpose(0, 2, 3, 1), and"),
    ("ON ‹arrays('float.npz', images=grey)›", "uint8 [4, 8, 8]", "np.repeat(grey[..., None], 3, axis=-1)"),
    ("ON ‹arrays('arr.npz', images=imags)›", "Did you mean images?", ""),
    (f"USING falcon JUDGED BY ‹{VECTORS}›", "falcon has crops judged", "clip_dissect"),
]


@pytest.mark.parametrize(("marked", "message", "hint"), TOLD, ids=[marked for marked, *_ in TOLD])
def test_what_is_told(marked: str, message: str, hint: str) -> None:
    text = f"EXPLAIN fc OF labnet {marked}".replace("‹", "").replace("›", "")
    given = {"f": "pics", "w": "seven"}
    (problem,) = examine(text, None, given).mistakes
    assert message in problem.message and hint in (problem.hint or ""), problem.render()
    assert problem.span is not None
    start, end = problem.span.start, problem.span.end
    assert f"{text[:start]}‹{text[start:end]}›{text[end:]}" == f"EXPLAIN fc OF labnet {marked}", problem.render()


@pytest.mark.parametrize("clause", ["ON 'pics'", "ON folder('pics')[0:1]", "ON folder($f)", "ON arrays('arr.npz')[0:2]",
                                    "WITH 'seven'", "WITH words($w)[0:1]"])  # fmt: skip
def test_what_is_proposed_is_taken(clause: str) -> None:
    given = {"f": "pics", "w": "seven"}
    assert not examine(f"EXPLAIN fc OF labnet {clause}", None, given).mistakes
    assert not examine("EXPLAIN fc OF labnet ON $f WITH $w", None, {"f": "./pics", "w": "./seven"}).mistakes


@pytest.mark.parametrize(
    ("clause", "reader", "name"),
    [
        ("WITH 'seven.txt'", Path, "read_bytes"), ("WITH 'table.csv'", csv, "read_csv"),
        ("WITH words('vectors.npz', key=names)", np, "load"), ("ON arrays('arr.npz')", np, "load"),
        ("JUDGED BY embeddings('vectors.npy', 'vectors.npy', 'seven.txt')", np, "load"),
    ],
)  # fmt: skip
def test_a_file_that_may_not_be_read_is_not_taken_for_damaged(
    clause: str, reader: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may read everything, as root may, gets the system's refusal from the function that reads."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", "some file")

    monkeypatch.setattr(reader, name, refuse)
    monkeypatch.setattr("clq.stdlib.datasets.arrays.ZipFile", refuse)
    (problem,) = examine(f"EXPLAIN fc OF labnet {clause}").mistakes
    assert problem.code == "unread-file" and problem.message.endswith(" may not be read"), problem.render()
    assert "Errno" not in problem.render() and problem.span is not None


def test_what_given_vectors_lack_is_told_at_the_judge() -> None:
    for clauses, message in (
        ("ON lab.probe WITH ['a']", "there are vectors of 5 images"),
        ("ON lab.probe[0:5] WITH ['a', 'zebra']", "1 of 2 words have no vector"),
    ):
        text = f"EXPLAIN fc OF labnet USING clip_dissect {clauses} JUDGED BY {VECTORS}"
        with clq.connect("store") as con, pytest.raises(Diagnostic, match=message) as caught:
            con.plan(text)
        assert caught.value.span is not None
        assert text[caught.value.span.start : caught.value.span.end] == VECTORS
