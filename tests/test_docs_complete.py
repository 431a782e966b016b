"""The docs say everything: methods, arguments, SHOW words, settings, error codes; every name and link is real."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import clq
from clq.lang.errors import PAGES
from clq.lang.scan import SETTINGS, SHOW_WORDS
from clq.lang.verbs import CLAUSES, VERBS
from clq.stdlib.catalog import methods
from clq.ui.checking import examine
from clq.ui.cli import main

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))
from reading import differences  # noqa: E402

DOCS = REPOSITORY / "docs"
PAGES_OF_DOCS = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
SYMBOLS = re.compile(r"`((?:lang|engine|ops|stdlib|ui)/[\w/]+\.py): ([^`]+)`")
FILES = re.compile(r"`((?:lang|engine|ops|stdlib|ui|tests|queries)/[\w/.]*\w+\.\w+)[`:]")
LINKS = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def names_in(path: Path) -> set[str]:
    """Top-level names of a file and `Class.method`s."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)}
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {t.id for t in targets if isinstance(t, ast.Name)}
    return found


def test_every_symbol_of_the_tour_of_the_code_exists() -> None:
    text = (DOCS / "code.md").read_text()
    named = [(file, name) for file, names in SYMBOLS.findall(text) for name in names.split(", ")]
    assert len(named) > 30
    missing = [f"{file}: {name}" for file, name in named if name not in names_in(REPOSITORY / file)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES_OF_DOCS, ids=lambda p: p.name)
def test_every_file_and_link_exists(page: Path) -> None:
    text = page.read_text()
    links = [link for link in LINKS.findall(text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [file for file in FILES.findall(text) if "NAME" not in file and not (REPOSITORY / file).exists()] == []


def test_every_method_is_explained() -> None:
    text = (DOCS / "methods.md").read_text()
    for method in methods().values():
        declaration = method.declaration
        section = re.search(rf"^## {declaration.name}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        assert section, f"{declaration.name} has no section"
        assert declaration.citation is not None
        assert declaration.citation.text() in " ".join(section[1].split()), "its source is named"
        named = [p.name for p in declaration.parameters if f"`{p.name}" in section[1]]
        assert len(named) >= len(declaration.parameters) / 3, "what its main arguments do is said"


def test_queries_of_the_docs_are_laid_out_as_clq_fmt_does() -> None:
    scripts = [p for folder in ("queries", "bench") for p in sorted((REPOSITORY / folder).glob("*.clq"))]
    done = CliRunner().invoke(main, ["fmt", "--check", *map(str, [*PAGES_OF_DOCS, *scripts])])
    assert done.exit_code == 0, f"run clq fmt on\n{done.output}"


def test_queries_beside_the_command_lines_of_scripts_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("words.txt", "captions.txt"):
        (tmp_path / name).write_text("boat\ncar\n")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "grey.png")
    torch.save({"fc.weight": torch.zeros(1000, 512)}, tmp_path / "resnet18.pth")
    text = (DOCS / "from-scripts.md").read_text()
    queries = re.findall(r"<!-- checks -->\n\n```text\n.*?\n\n(.*?)```", text, re.S)
    assert len(queries) == 2
    for query in queries:
        assert [problem.message for problem in examine(query).problems] == []


def test_every_page_is_in_the_index() -> None:
    linked = {(DOCS / link).resolve() for link in LINKS.findall((DOCS / "index.md").read_text()) if "://" not in link}
    below = {p.resolve() for p in DOCS.glob("*.md") if p.name != "index.md"}
    assert below - linked == set()
    assert (DOCS / "reference" / "index.md").resolve() in linked
    assert "docs/index.md" in (REPOSITORY / "README.md").read_text()


def test_every_clause_show_word_and_setting_is_in_language() -> None:
    text = (DOCS / "language.md").read_text()
    words = {*SHOW_WORDS, *VERBS, *CLAUSES, "LET", "PARAM", "SET", "RESET", "SHOW", "PLAN", "INTO", "DEFINE", "IMPORT"}
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", text)] == []
    assert [setting for setting in SETTINGS if f"`{setting}`" not in text] == []
    assert [c.name for c in VERBS["EXPLAIN"].columns if f"`{c.name}`" not in text] == []


def test_verbs_said_to_have_no_method_have_none() -> None:
    text = (DOCS / "language.md").read_text()
    missing = text[text.index("Verbs without a method") :].split("\n- ")[0]
    have = {verb for method in methods().values() for verb in method.declaration.verbs}
    without = {name for name, verb in VERBS.items() if verb.methods and name != "PLAN"} - have
    assert {v for v in VERBS if re.search(rf"\b{v}\b", missing)} == without
    table = text[text.index("## Verbs") : text.index("## EXPLAIN")]
    lacking = " ".join(row.split("|")[1] for row in table.splitlines() if "not yet" in row)
    assert set(re.findall(r"[A-Z]{4,}", lacking)) & set(VERBS) == without


@pytest.mark.parametrize("code", sorted(PAGES))
def test_every_error_code_has_a_page(code: str) -> None:
    result = CliRunner().invoke(main, ["help", code])
    assert result.output.startswith(f"{code}: ")
    assert PAGES[code].title in result.output


def raised_codes(module: Path) -> set[str]:
    """The literal codes of every `Diagnostic("code", …)` in a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Diagnostic" or not node.args:
            continue
        if isinstance(node.args[0], ast.Constant):
            found.add(str(node.args[0].value))
    return found


def test_every_raised_code_has_a_page() -> None:
    files = [p for folder in ("lang", "engine", "ops", "stdlib", "ui") for p in (REPOSITORY / folder).rglob("*.py")]
    assert {code for file in files for code in raised_codes(file)} - set(PAGES) == set()


def test_the_table_of_truth_is_what_the_query_prints(shared_store: Path) -> None:
    shown = re.search(r"<!-- queries/truth.clq -->\n\n```text\n(.*?)^```", (DOCS / "lab.md").read_text(), re.M | re.S)
    assert shown
    with clq.connect(shared_store) as con:
        results = con.run(REPOSITORY / "queries" / "truth.clq")
    assert differences(shown[1], repr(results.last)) == []
