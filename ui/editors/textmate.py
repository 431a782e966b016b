"""The TextMate grammar, made from the table of `ui/highlight.py`. Write it again: python -m clq.ui.editors.textmate"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..highlight import SCOPES, Match, rules

GRAMMAR = Path(__file__).parent / "vscode" / "syntaxes" / "clq.tmLanguage.json"


def _scope(kind: str) -> str:
    return f"{SCOPES[kind][0]}.clq"


def _match(rule: Match) -> dict[str, Any]:
    if len(rule.kinds) == 1 and rule.kinds[0] is not None:
        return {"match": rule.pattern, "name": _scope(rule.kinds[0])}
    captures = {str(i): {"name": _scope(kind)} for i, kind in enumerate(rule.kinds, 1) if kind is not None}
    return {"match": rule.pattern, "captures": captures}


def grammar() -> dict[str, Any]:
    """The grammar as an object: a rule for each row of the table, in its order."""
    repository: dict[str, Any] = {}
    for number, rule in enumerate(rules()):
        name = f"rule{number}"
        if isinstance(rule, Match):
            repository[name] = _match(rule)
            continue
        inside: list[dict[str, Any]] = [_match(inner) for inner in rule.inside]
        if rule.nests:
            inside.append({"include": f"#{name}"})
        repository[name] = {"begin": rule.begin, "end": rule.end, "name": _scope(rule.kind), "patterns": inside}
    return {
        "name": "clq",
        "scopeName": "source.clq",
        "fileTypes": ["clq"],
        "patterns": [{"include": f"#{name}"} for name in repository],
        "repository": repository,
    }


def grammar_text() -> str:
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GRAMMAR.write_text(grammar_text(), encoding="utf-8")
