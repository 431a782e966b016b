"""The reference says what the code declares, every example in it checks, and every wrong one is told as it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

import clq
from clq.lang.errors import PAGES
from clq.lang.statements import SETTINGS, SHOWS, STATEMENTS
from clq.lang.verbs import CLAUSES, VERBS
from clq.stdlib.catalog import Catalog, methods
from clq.ui.checking import examine
from clq.ui.cli import main
from clq.ui.environment import VARIABLES
from clq.ui.reference import grammar, pages
from clq.ui.reference.methods import written
from clq.ui.reference.verbs import methods_of

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "docs" / "reference"
MADE = dict(pages())
# What only DuckDB, or opening a file, can tell: these are run, and stop before an image is read.
TOLD_BY_RUNNING = {"unknown-setting", "sql-error", "no-evidence", "missing-folder"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that examples name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("boat\ncar\n")
    (tmp_path / "names.clq").write_text("LET few = lab.probe[0:100];\n")
    (tmp_path / "queries.clq").write_text("LET few = lab.probe[0:100];\nEXPLAIN fc OF labnet ON few;\n")
    (tmp_path / "loop.clq").write_text("IMPORT 'loop.clq';\n")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "grey.png")
    return tmp_path


def codes_of(text: str) -> list[str]:
    return [problem.code for problem in examine(text).problems]


# ------------------------------------------------------------ the files


@pytest.mark.parametrize("name", MADE)
def test_a_page_is_what_the_declarations_give(name: str, accept: bool) -> None:
    if accept:
        REFERENCE.mkdir(parents=True, exist_ok=True)
        (REFERENCE / name).write_text(MADE[name], encoding="utf-8")
    assert (REFERENCE / name).read_text(encoding="utf-8") == MADE[name], "clq docs docs/reference"


def test_no_page_is_left_over() -> None:
    assert {p.name for p in REFERENCE.iterdir()} == set(MADE)


def test_clq_docs_writes_them_and_says_what_is_stale(tmp_path: Path) -> None:
    place = tmp_path / "reference"
    assert CliRunner().invoke(main.commands["docs"], [str(place), "--check"]).exit_code == 1
    assert not place.exists()
    assert CliRunner().invoke(main.commands["docs"], [str(place)]).exit_code == 0
    assert {p.name: p.read_text() for p in place.iterdir()} == MADE
    assert CliRunner().invoke(main.commands["docs"], [str(place), "--check"]).exit_code == 0
    (place / "verbs.md").write_text("old")
    stale = CliRunner().invoke(main.commands["docs"], [str(place), "--check"])
    assert stale.exit_code == 1
    assert "verbs.md is not up to date" in stale.output
    assert (place / "verbs.md").read_text() == "old"


# ------------------------------------------------------------ that nothing is left out


def commands(group: click.Group, above: str = "clq") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{above} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{above} {name}")


def everything() -> Iterator[tuple[str, str]]:
    """(page, what must stand in it) for whatever can be written."""
    for verb in VERBS.values():
        yield "verbs.md", f"## {verb.name}\n"
        yield "verbs.md", verb.example
        for column in verb.columns:
            yield "verbs.md", f"| `{column.name}` | {column.type} | {column.meaning} |"
    for clause in CLAUSES:
        yield "verbs.md", f"| `{clause}` |"
    for method in methods().values():
        yield "methods.md", f"## {method.declaration.name}\n"
        for parameter in method.declaration.parameters:
            yield "methods.md", f"| `{parameter.name}` |"
            yield "methods.md", parameter.meaning
    for constructor in Catalog().constructors():
        yield "constructors.md", f"### {constructor.name}(…)\n"
        for parameter in constructor.parameters:
            yield "constructors.md", f"| `{parameter.name}` |"
            yield "constructors.md", parameter.meaning
    for name in (*Catalog().names(), *Catalog().further()):
        yield "constructors.md", f"`{name}`"
    for word in STATEMENTS:
        yield "settings.md", f"| `{word} "
    for word in SHOWS:
        yield "settings.md", f"| `SHOW {word}"
    for setting in SETTINGS:
        yield "settings.md", f"| `{setting}` |"
    for path, command in [("clq", main), *commands(main)]:
        yield "command-line.md", f"## {path}\n"
        for option in command.params:
            if isinstance(option, click.Option):
                yield "command-line.md", f"`{option.opts[-1]}`"
    for variable in VARIABLES:
        yield "command-line.md", f"| `{variable.name}` |"
    for code, page in PAGES.items():
        yield "errors.md", f"## {code}\n"
        yield "errors.md", page.remedy
        for example in filter(None, (page.wrong, page.right)):
            yield "errors.md", example


def test_everything_that_can_be_written_is_in_the_reference() -> None:
    asked = list(everything())
    assert len(asked) > 400
    assert [(page, what) for page, what in asked if what not in (REFERENCE / page).read_text()] == []


def test_everything_says_what_it_means() -> None:
    silent = [f"{c.name} of {v.name}" for v in VERBS.values() for c in v.columns if not c.meaning]
    found = [m.declaration for m in methods().values()] + list(Catalog().constructors())
    silent += [f"{p.name} of {d.name}" for d in found for p in d.parameters if not p.meaning]
    silent += [
        f"{o.opts[-1]} of {path}"
        for path, command in [("clq", main), *commands(main)]
        for o in command.params
        if isinstance(o, click.Option) and not o.help
    ]
    silent += [path for path, command in commands(main) if not command.help]
    assert silent == []


def test_the_environment_variables_are_those_that_the_code_reads() -> None:
    read = set()
    for folder in ("lang", "engine", "ops", "stdlib", "ui"):
        for file in (REPOSITORY / folder).rglob("*.py"):
            if "environ" not in (text := file.read_text(encoding="utf-8")):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    read |= set(re.findall(r"^(?:CLQ_[A-Z_]+|[A-Z_]+_(?:HOME|DATA))$", node.value))
    assert {v.name for v in VARIABLES if v.ours} == {name for name in read if name.startswith("CLQ_")}
    assert read <= {v.name for v in VARIABLES}


# ------------------------------------------------------------ the grammar


def test_every_rule_of_the_grammar_is_made_of_words_terminals_and_rules() -> None:
    rules = list(grammar.read(files("clq.lang").joinpath("grammar.lark").read_text(encoding="utf-8")))
    names = {r.name for r in rules} | {"verb"} | {shown for shown, _ in grammar.TERMINALS.values()}
    used = {word for r in rules for a in r.alternatives for word in re.findall(r'(?<!")\$?\b[a-zA-Z_]+\b(?!")', a)}
    assert len(rules) > 35
    assert used - names == set()
    assert {r.name for r in rules} - used == {"statement"}


def test_every_terminal_of_the_grammar_is_explained() -> None:
    lark = files("clq.lang").joinpath("grammar.lark").read_text(encoding="utf-8")
    declared = set(re.findall(r"[A-Z_]+", re.search(r"^%declare (.*)$", lark, re.M)[1]))  # type: ignore[index]
    assert declared - set(grammar.TERMINALS) == {"TARGET_VERB", "SOURCE_VERB", "VERB"}


@pytest.mark.parametrize("word", [*VERBS, *dict.fromkeys(w for c in CLAUSES for w in c.split()), *STATEMENTS])
def test_every_keyword_is_in_the_grammar(word: str) -> None:
    assert f'"{word}"' in MADE["grammar.md"]


# ------------------------------------------------------------ the examples


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_of_a_verb_is_right(verb: str) -> None:
    given = "LET labels = (EXPLAIN layer4[0] OF labnet); "
    allowed = set() if methods_of(verb) or not VERBS[verb].methods or verb == "PLAN" else {"not-here"}
    assert set(codes_of(given + VERBS[verb].example)) - {"unused-name"} == allowed


@pytest.mark.parametrize("name", sorted(methods()))
def test_a_method_takes_its_defaults_as_they_are_written(name: str) -> None:
    method = methods()[name].declaration
    query = {
        "EMBED": "EMBED lab.probe JUDGED BY labclip", "EVALUATE": "EVALUATE (EXPLAIN fc OF labnet)",
        "TRANSFER": "TRANSFER layer4 OF labnet TO layer4 OF labself",
    }.get(method.verbs[0], "EXPLAIN layer4 OF labnet")  # fmt: skip
    assert codes_of(f"{query} {written(method)}") == []


@pytest.mark.parametrize("statement", [s.example for s in STATEMENTS.values()] + [s.example for s in SETTINGS.values()])
def test_the_example_of_a_statement_is_right(statement: str, folder: Path) -> None:
    assert codes_of(statement) == []


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_example_of_a_clause_is_read(clause: str) -> None:
    text = f"EXPLAIN layer4 OF labnet {clause} {CLAUSES[clause].example}".replace("OF labnet OF", "OF")
    told = [p for p in examine(text).problems if p.code not in {"not-here", "unexpected"}]
    assert told == []


@pytest.mark.parametrize("code", [c for c, page in PAGES.items() if page.right])
def test_the_right_example_of_a_code_has_no_mistake(code: str, folder: Path) -> None:
    found = codes_of(str(PAGES[code].right))
    assert [c for c in found if c != without_a_method(code)] == []


@pytest.mark.parametrize("code", [c for c, page in PAGES.items() if page.wrong])
def test_the_wrong_example_of_a_code_gives_this_code(code: str, folder: Path) -> None:
    wrong = str(PAGES[code].wrong)
    if code in TOLD_BY_RUNNING:
        assert codes_of(wrong) == []
        with clq.connect(folder / "store") as con, pytest.raises(clq.Diagnostic) as told:
            con.run(wrong)
        assert told.value.code == code
        assert con.counts.get("decoded", 0) == 0
    else:
        found = codes_of(wrong)
        if without_a_method(code):  # that there is no method may hide what is wrong beside it
            assert {"not-here"} <= set(found) <= {"not-here", code}
        else:
            assert found == [code]


def without_a_method(code: str) -> str | None:
    """The further code of an example whose verb has no method in this version."""
    words = str(PAGES[code].wrong).split()
    return "not-here" if code != "not-here" and words[0] in VERBS and not _has_method(words[0]) else None


def _has_method(verb: str) -> bool:
    return bool(methods_of(verb)) or not VERBS[verb].methods
