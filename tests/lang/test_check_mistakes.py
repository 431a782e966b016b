"""What is told about queries that parse but mean nothing. The cases stand in told.txt: a query, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clq.lang import Diagnostic, check, parse, resolve
from clq.lang.ast import Let, Query

Told = Callable[[str, Callable[[str], object]], Diagnostic]

CASES = [
    tuple(case.split("\n  ", 1))
    for case in Path(__file__).with_name("told.txt").read_text(encoding="utf-8").split("\n\n")
]


def _check(text: str, catalog: Any) -> object:
    query = parse(text).statements[0]
    assert isinstance(query, Query)
    return check(query, catalog)


@pytest.mark.parametrize(("marked", "expected"), CASES, ids=[c[0] for c in CASES])
def test_told_mistakes(marked: str, expected: str, told: Told, catalog: Any) -> None:
    mistake = told(marked, lambda text: _check(text, catalog))
    assert f"{mistake.code}: {mistake.message}" == expected.strip()


@pytest.mark.parametrize(
    ("marked", "code"),
    [
        ("LET x = ‹nothing›", "unknown-name"),
        ("LET x = ‹'photos/'›", "wrong-kind"),
        ("LET x = ‹3›", "wrong-kind"),
        ("LET x = folder(‹3›)", "bad-argument"),
        ("LET x = ‹folder(each('a', 'b'))›", "bad-argument"),
        ("LET x = bottleneck(backbone=‹lab.probe›)", "wrong-kind"),
    ],
)
def test_mistakes_in_values(marked: str, code: str, told: Told, catalog: Any) -> None:
    def run(text: str) -> object:
        statement = parse(text).statements[0]
        assert isinstance(statement, Let)
        return resolve(statement.value, None, catalog)

    assert told(marked, run).code == code
