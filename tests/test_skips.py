"""A test is skipped for a reason that is written down, or not at all."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
SKIP = re.compile(r"""(?:pytest\.skip\(|reason=)"([^"]*)\"""")
OTHER = re.compile(r"importorskip\(|mark\.xfail|mark\.skip\(|pytest\.xfail\(")


def test_reasons_in_the_tests_are_those_of_the_list() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \|", (TESTS / "SKIPS.md").read_text(), re.M))
    found: set[str] = set()
    for path in TESTS.rglob("*.py"):
        if path != Path(__file__):
            text = path.read_text()
            assert not OTHER.search(text), f"{path.name}: skip by pytest.skip or skipif, with a reason"
            found |= set(SKIP.findall(text))
    assert found == listed
