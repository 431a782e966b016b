"""No golden vector lies here unread."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_every_vector_is_named_by_a_test() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*_vectors.py"))
    index = json.loads((HERE / "neurons" / "INDEX.json").read_text(encoding="utf-8"))["vectors"]
    parts = {name: name.removeprefix("cd_").removeprefix("falcon_") for name in index}
    cases = ("_main", "_params", "_deadneuron", "_f16", "_f32", "_soft_wpmi", "_wpmi_max")
    for case in cases:
        parts = {name: part.removesuffix(case) or part for name, part in parts.items()}
    assert [name for name, part in parts.items() if part not in source] == []


def test_the_files_match_the_index() -> None:
    index = json.loads((HERE / "neurons" / "INDEX.json").read_text(encoding="utf-8"))["vectors"]
    named = {entry[key] for entry in index.values() for key in ("file", "text_file") if key in entry}
    assert named | {"INDEX.json"} == {path.name for path in (HERE / "neurons").iterdir()}
