"""docs/stability.md, held: columns of answers, their order and codes of errors are added to, never taken from.

`answers.json` is what was promised last. An addition is recorded by `--accept`; whatever breaks the promise needs
another version first (pyproject.toml and src/clq/__init__.py) and a `removed` or `changed` entry in changelog.d.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import clq
from clq.lang.diagnostic import Diagnostic
from clq.lang.errors import PAGES
from clq.lang.verbs import VERBS

REPOSITORY = Path(__file__).parents[2]
PROMISED = Path(__file__).parent / "answers.json"
CHANGELOG = REPOSITORY / "changelog.d"
KINDS = {"added", "changed", "fixed", "deprecated", "removed"}
HOW = "raise the version, add changelog.d/TOPIC.removed.md or .changed.md, then run with --accept"


def declared() -> dict[str, Any]:
    return {
        "version": re.match(r"\d+\.\d+", clq.__version__)[0],  # type: ignore[index]
        "answers": {
            verb.name: {"columns": [[c.name, c.type, c.meaning] for c in verb.columns], "order": list(verb.order)}
            for verb in VERBS.values()
        },
        "errors": sorted(PAGES),
        "facts": sorted(Diagnostic("bug", "…").facts()),
    }


def broken(promised: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What a user of the promised answers would find gone or changed."""
    for verb, answer in promised["answers"].items():
        if verb not in now["answers"]:
            yield f"{verb} is gone"
            continue
        columns = {name: (type_, meaning) for name, type_, meaning in now["answers"][verb]["columns"]}
        for name, type_, meaning in answer["columns"]:
            if name not in columns:
                yield f"{verb}: the column {name} is gone"
            elif columns[name][0] != type_:
                yield f"{verb}: {name} was {type_} and is {columns[name][0]}"
            elif columns[name][1] != meaning:
                yield f"{verb}: {name} meant '{meaning}' and means '{columns[name][1]}'"
        if not in_order([name for name, _, _ in answer["columns"] if name in columns], list(columns)):
            yield f"{verb}: its columns have changed places"
        if answer["order"] != now["answers"][verb]["order"][: len(answer["order"])]:  # more only settles ties
            yield f"{verb}: its rows come in another order"
    for what in ("errors", "facts"):
        yield from (f"{what}: {name} is gone" for name in promised[what] if name not in now[what])


def in_order(some: Sequence[str], all_: Sequence[str]) -> bool:
    return [name for name in all_ if name in some] == list(some)


def test_no_promise_is_broken(accept: bool) -> None:
    now, promised = declared(), json.loads(PROMISED.read_text(encoding="utf-8"))
    if now["version"] == promised["version"]:
        found = list(broken(promised, now))
        assert found == [], f"{found}: {HOW}"
    if accept:
        PROMISED.write_text(written(now), encoding="utf-8")
    assert json.loads(PROMISED.read_text(encoding="utf-8")) == now, "something was added: run with --accept"


def written(promise: Mapping[str, Any]) -> str:
    """JSON with a line for each column, so that a change is one line."""
    text = json.dumps(promise, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+((?:\"(?:[^\"\\]|\\.)*\",?\s+)+)\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: a["columns"].pop(0), "EXPLAIN: the column model is gone"),
        (lambda a: a["columns"][0].__setitem__(0, "net"), "EXPLAIN: the column model is gone"),
        (lambda a: a["columns"][0].__setitem__(1, "BIGINT"), "EXPLAIN: model was VARCHAR and is BIGINT"),
        (lambda a: a["columns"][0].__setitem__(2, "a net"), "EXPLAIN: model meant 'the model' and means 'a net'"),
        (lambda a: a["columns"].insert(0, a["columns"].pop(3)), "EXPLAIN: its columns have changed places"),
        (lambda a: a["order"].reverse(), "EXPLAIN: its rows come in another order"),
    ],
)
def test_what_breaks_a_promise_is_told(change: Any, told: str) -> None:
    now = json.loads(json.dumps(declared()))
    change(now["answers"]["EXPLAIN"])
    assert list(broken(declared(), now)) == [told]


def test_a_column_between_others_breaks_nothing() -> None:
    now = json.loads(json.dumps(declared()))
    now["answers"]["EXPLAIN"]["columns"].insert(3, ["new", "VARCHAR", "new"])
    assert list(broken(declared(), now)) == []


def test_an_order_that_settles_ties_breaks_nothing() -> None:
    now = json.loads(json.dumps(declared()))
    now["answers"]["EXPLAIN"]["order"].append("concept")
    assert list(broken(declared(), now)) == []


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == clq.__version__


@pytest.mark.parametrize("file", sorted(p for p in CHANGELOG.iterdir() if p.name != "README.md"), ids=lambda p: p.name)
def test_an_entry_of_the_changelog_is_one_sentence(file: Path) -> None:
    topic, kind, suffix = file.name.split(".")
    text = file.read_text(encoding="utf-8")
    assert re.fullmatch(r"[a-z][a-z0-9-]*", topic)
    assert kind in KINDS
    assert suffix == "md"
    assert re.fullmatch(r"[^\n]+\.\n", text), "one line that ends with a full stop"
    assert ". " not in text, "one sentence"
