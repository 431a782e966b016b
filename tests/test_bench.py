"""Benchmarks run, and every figure of the docs is one that they have measured."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from click.testing import CliRunner

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "bench"))
import incremental  # noqa: E402
import scale  # noqa: E402

RECORDED = json.loads((REPOSITORY / "bench" / "scale.json").read_text(encoding="utf-8"))
QUICK = ("files", "scheduler", "growth", "datasets", "identities", "catalogue")


def test_the_parts_that_need_no_model_run(tmp_path: Path) -> None:
    only = [word for part in QUICK for word in ("--only", part)]
    done = CliRunner().invoke(scale.main, ["--quick", "--json", str(tmp_path / "made.json"), *only])
    assert done.exit_code == 0, done.output
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
    assert {c["part"] for c in made["costs"]} == set(QUICK) and made["quick"]
    assert all(c["value"] >= 0 and c["unit"] for c in made["costs"])
    sized = re.compile(r"[\d,]+")
    names = {(c["part"], sized.sub("N", c["name"])) for c in made["costs"]}
    assert names == {(c["part"], sized.sub("N", c["name"])) for c in RECORDED["costs"] if c["part"] in QUICK}


def test_the_page_shows_what_was_measured() -> None:
    page = (REPOSITORY / "docs" / "scale.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.+?) \| ([\d,.]+) (\S.*?) \|$", page, re.M)
    assert len(rows) > 20
    measured = {(c["part"], c["name"]): f"{c['value']:,.3g} {c['unit']}" for c in RECORDED["costs"]}
    assert {(part, name): f"{float(value.replace(',', '')):,.3g} {unit}" for part, name, value, unit in rows} == {
        key: value for key, value in measured.items() if key in {(part, name) for part, name, _, _ in rows}
    }
    assert {part for part, *_ in rows} == {c["part"] for c in RECORDED["costs"]} and not RECORDED["quick"]


def test_the_worked_example_uses_these_figures() -> None:
    page = (REPOSITORY / "docs" / "scale.md").read_text(encoding="utf-8")
    used = re.findall(r"^(\w+) = ([\d.]+)  # (\w+): (.+)$", page, re.M)
    assert len(used) > 8
    measured = {(c["part"], c["name"]): c["value"] for c in RECORDED["costs"]}
    for _, value, part, name in used:
        assert f"{float(value):.3g}" == f"{measured[part, name]:.3g}", name


def test_the_table_of_changes_shows_what_was_measured() -> None:
    recorded = json.loads((REPOSITORY / "bench" / "incremental.json").read_text(encoding="utf-8"))
    page = (REPOSITORY / "docs" / "store.md").read_text(encoding="utf-8")
    assert f"of {recorded['images']:,} pictures, {recorded['words']:,} words" in page
    for row in recorded["figures"]:
        counted = " | ".join(f"{row[name]:,}" for name in incremental.COUNTED)
        assert f"| {row['change']} | {counted} | {row['share']:.0%} |" in page


def test_changes_are_measured_to_cost_their_own_share(tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    done = CliRunner().invoke(incremental.main, ["--images", "100", "--words", "100", "--json", str(made)])
    assert done.exit_code == 0, done.output
    rows = json.loads(made.read_text(encoding="utf-8"))["figures"]
    counted = {row["change"]: [row[name] for name in incremental.COUNTED] for row in rows}
    assert counted["the first run"] == [100, 100, 100, 100]
    assert counted["1 % more pictures"] == [1, 1, 1, 0] and counted["1 % more words"] == [0, 0, 0, 1]
    assert counted["a picture replaced"] == [1, 1, 1, 0]
    same = ("nothing changed", "a picture removed", "all units in place of half", "another similarity")
    assert all(counted[change] == [0, 0, 0, 0] for change in same)
