"""What only a run can find is told at the thing or layer that is wrong, and not at the whole query or nowhere."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import clq
from clq.lang import Diagnostic
from clq.ops.preprocess import Preprocess

# ‹ › enclose the place. Nothing that works is computed before it.
CASES = [
    ("unknown-name", "EXPLAIN fc[0] OF labnet ON ‹lab.probe['gone.png']› WITH ['boat']"),
    ("unknown-name", "EXPLAIN fc[0] OF labnet ON lab.probe[0:8], ‹lab.probe['gone.png']› WITH ['boat']"),
    ("empty-data", "EXPLAIN fc[0] OF labnet ON ‹lab.probe[90000:90005]› WITH ['boat']"),
    ("unknown-name", "EXPLAIN fc[0] OF labnet ON lab.probe[0:8] WITH ‹lab.words['zzz']›"),
    ("unknown-name",
     "EXPLAIN fc[0] OF labnet ON lab.probe[0:8] USING falcon(crop=none) CONTRAST ‹lab.probe['gone.png']›"),
    ("bad-argument", "EXPLAIN fc[0] OF labnet ON ‹sample(lab.probe, n=90000)› WITH ['boat']"),
    ("missing-weights",
     "LET s = lab.probe[0:8];\nEXPLAIN fc[0] OF labnet ON s WITH ['boat'] JUDGED BY ‹open_clip('./gone')›"),
    ("unknown-name",
     "DEFINE few(part) AS EXPLAIN fc[0] OF labnet ON ‹lab.probe[$part]› WITH ['boat'];\nfew('gone.png')"),
    ("unread-file", "EXPLAIN fc[0] OF labnet ON lab.probe[0:8] WITH ‹'gone.txt'›"),
    ("unreadable-image", "EXPLAIN layer1[0] OF labnet ON ‹folder('photos')› USING clip_dissect(top_k=2) WITH ['boat']"),
    ("layer-shape",
     "EXPLAIN conv1[0] OF labnet ON lab.probe[0:4] USING clip_dissect(top_k=2) WITH ['boat'];\n"
     "EXPLAIN ‹odd› OF mine ON lab.probe[0:4] USING clip_dissect(top_k=2) WITH ['boat'] JUDGED BY labclip"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "marked"), CASES, ids=[marked for _, marked in CASES])
def test_a_mistake_of_the_run_has_the_place_of_what_is_wrong(
    code: str, marked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for i in range(3):
        Image.fromarray(np.full((9, 9, 3), i, np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    (tmp_path / "photos" / "1.png").write_bytes(b"nothing")
    text = marked.replace("‹", "").replace("›", "")
    con = clq.connect(tmp_path / "store")
    if "OF mine" in text:
        layers = OrderedDict(odd=torch.nn.Unflatten(1, (1, 3)), flat=torch.nn.Flatten())
        con.register("mine", torch.nn.Sequential(layers), Preprocess(8, (0.5,) * 3, (0.5,) * 3))
    with pytest.raises(Diagnostic) as caught:
        con.run(text)
    problem = caught.value
    assert problem.code == code, problem
    assert problem.span is not None, problem
    found = f"{text[: problem.span.start]}‹{text[problem.span.start : problem.span.end]}›{text[problem.span.end :]}"
    assert found == marked, problem
