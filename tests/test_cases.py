"""Runs `tests/cases/**/*.clq`: queries with the rows, errors and passes they should give.

A file starts with a fresh store. Its records are separated by blank lines; `#` begins a comment.

    statement ok                 the text below runs
    statement error CODE         it ends in this diagnostic; lines after ---- must stand in what is printed
    query TYPES [sorted]         it gives the rows after ----, tab-separated (T text, I integer, R number to 3 digits)
    passes N                     the record before this one decoded the data set N times (rounds over images)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import clq

CASES = Path(__file__).parent / "cases"


@dataclass
class Record:
    line: int
    head: list[str]
    text: str = ""
    expected: list[str] = field(default_factory=list)


def records(path: Path) -> Iterator[Record]:
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            block.append((number, line))
            continue
        if block:
            lines = [text for _, text in block]
            cut = lines.index("----") if "----" in lines else len(lines)
            yield Record(block[0][0], lines[0].split(), "\n".join(lines[1:cut]), lines[cut + 1 :])
            block = []


def cell(value: object, kind: str) -> str:
    if value is None:
        return "NULL"
    if kind == "R":
        return f"{float(str(value)):.3f}"
    return str(value)


@pytest.mark.parametrize("path", sorted(CASES.rglob("*.clq")), ids=lambda p: str(p.relative_to(CASES)))
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with clq.connect(tmp_path / "store") as con:
        rounds = 0
        for record in records(path):
            where = f"{path.name}:{record.line}"
            kind = record.head[0]
            if kind == "passes":
                assert rounds == int(record.head[1]), f"{where}: {rounds} rounds over images"
                continue
            before = con.counts.get("rounds", 0)
            if record.head[:2] == ["statement", "error"]:
                with pytest.raises(clq.Diagnostic) as caught:
                    con.run(record.text)
                printed = caught.value.render()
                assert caught.value.code == record.head[2], f"{where}:\n{printed}"
                for line in record.expected:
                    assert line.strip() in printed, f"{where}: {line.strip()!r} is not in\n{printed}"
            else:
                result = con.run(record.text)
                if kind == "query":
                    rows = result.last.arrow().to_pylist()
                    got = ["\t".join(cell(v, t) for v, t in zip(r.values(), record.head[1], strict=True)) for r in rows]
                    want = record.expected
                    if "sorted" in record.head:
                        got, want = sorted(got), sorted(want)
                    assert got == want, where
            rounds = con.counts.get("rounds", 0) - before
