"""The house, held by its own imports:

    lang <- engine <- ops <- stdlib <- ui

A folder may import itself and what stands to its left. Of the engine, ops sees only the declaration of an operator
(`operator`, `artifact`, `resources`). The root offers names and loads nothing. torch and the other heavy packages are
imported where they are needed, at module level in kernels, nets and trainings only.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("lang", "engine", "ops", "stdlib", "ui")
MAY = {
    "lang": ("lang",),
    "engine": ("engine", "lang"),
    "ops": ("ops", "lang", "engine.operator", "engine.artifact", "engine.resources"),
    "stdlib": ("stdlib", "ops", "engine", "lang"),
    "ui": ("ui", "stdlib", "ops", "engine", "lang", ""),
    "": ("lang", "ui", ""),
}
HEAVY = ("torch", "torchvision", "open_clip", "nltk", "duckdb", "networkx", "pandas", "scipy")
HEAVY_AT_ONCE = ("ops/kernels/*.py", "stdlib/lab/nets.py", "stdlib/lab/train*.py")
# What kernels may not reach for: files, the store, the catalogue, the environment.
NOT_IN_KERNELS = ("duckdb", "pyarrow", "os", "pathlib", "io", "shutil", "tempfile", "sqlite3", "safetensors", "click")


@dataclass(frozen=True)
class Import:
    """One imported module: `clq` modules without the `clq.`, so that the root is the empty text."""

    file: Path
    line: int
    module: str
    ours: bool
    at_once: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(REPOSITORY)}:{self.line} imports {'clq.' if self.ours else ''}{self.module}"


def modules() -> list[Path]:
    found = [p for folder in FOLDERS for p in sorted((REPOSITORY / folder).rglob("*.py"))]
    return [*found, *sorted((REPOSITORY / "src" / "clq").rglob("*.py"))]


def package_of(file: Path) -> list[str]:
    """The package a module stands in, below clq: ops/kernels/wpmi.py -> ops, kernels."""
    place = file.relative_to(REPOSITORY)
    return [] if place.parts[0] == "src" else list(place.parent.parts)


def imports_of(file: Path) -> Iterator[Import]:
    package = package_of(file)

    def walk(node: ast.AST, at_once: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inner = at_once and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                inner = False
            if isinstance(child, ast.Import):
                for name in child.names:
                    ours = name.name.split(".")[0] == "clq"
                    yield Import(file, child.lineno, name.name[4:] if ours else name.name, ours, at_once)
            elif isinstance(child, ast.ImportFrom):
                yield from named(child, at_once)
            else:
                yield from walk(child, inner)

    def named(node: ast.ImportFrom, at_once: bool) -> Iterator[Import]:
        given = node.module or ""
        ours = bool(node.level) or given.split(".")[0] == "clq"
        if node.level:
            above = package[: len(package) - (node.level - 1)]
            assert node.level - 1 <= len(package), f"{file}:{node.lineno} reaches above clq"
            base = [*above, *filter(None, given.split("."))]
        else:
            base = given.split(".")[1:] if ours else given.split(".")
        for name in node.names:
            # `from ..engine import store` imports the module store: the name is part of the path if it is a module.
            inside = [*base, name.name] if ours and exists([*base, name.name]) else base
            yield Import(file, node.lineno, ".".join(inside), ours, at_once)

    yield from walk(ast.parse(file.read_text(encoding="utf-8")), True)


def exists(parts: list[str]) -> bool:
    path = REPOSITORY.joinpath(*parts)
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


IMPORTS = [found for file in modules() for found in imports_of(file)]


def allowed(found: Import) -> bool:
    folder = package_of(found.file)[0] if package_of(found.file) else ""
    return any(
        found.module == way or (way and found.module.startswith(f"{way}."))
        for way in MAY[folder]
    )  # fmt: skip


def test_imports_are_read_as_they_are_meant() -> None:
    """The reader itself: relative levels, modules named in `from`, functions, type checking."""
    named = {(i.file.relative_to(REPOSITORY).as_posix(), i.module, i.at_once) for i in IMPORTS if i.ours}
    assert ("ops/activations.py", "engine.operator", True) in named
    assert ("ops/activations.py", "ops.kernels.capture", False) in named
    assert ("engine/rules/cut_cached.py", "engine.plan", True) in named
    assert len(IMPORTS) > 500


@pytest.mark.parametrize("folder", [*FOLDERS, ""], ids=lambda f: f or "root")
def test_a_folder_imports_only_what_stands_to_its_left(folder: str) -> None:
    own = [i for i in IMPORTS if i.ours and (package_of(i.file) or [""])[0] == folder]
    wrong = [str(i) for i in own if not allowed(i)]
    assert own or folder == ""
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "module", "may"),
    [
        ("lang/check.py", "lang.ast", True), ("lang/check.py", "engine.operator", False), ("lang/scan.py", "ui", False),
        ("engine/run.py", "lang.diagnostic", True), ("engine/run.py", "ops.activations", False),
        ("engine/rules/cut_cached.py", "stdlib.things", False), ("ops/dissect.py", "engine.operator", True),
        ("ops/dissect.py", "engine.store", False), ("ops/kernels/wpmi.py", "engine.run", False),
        ("ops/dissect.py", "stdlib.things", False), ("stdlib/catalog.py", "engine.plan", True),
        ("stdlib/methods/falcon.py", "ui.session", False), ("ui/session.py", "stdlib.catalog", True),
        ("engine/run.py", "", False), ("src/clq/__init__.py", "engine.run", False),
    ],
)  # fmt: skip
def test_the_rule_itself(file: str, module: str, may: bool) -> None:
    assert allowed(Import(REPOSITORY / file, 1, module, True, True)) is may


def test_inside_the_house_imports_are_relative() -> None:
    lazy = REPOSITORY / "src" / "clq" / "__init__.py"
    wrong = [
        str(i) for i in IMPORTS
        if i.ours and i.file != lazy and f"clq.{i.module}" in line_of(i)
    ]  # fmt: skip
    assert wrong == [], "\n".join(wrong)


def line_of(found: Import) -> str:
    return found.file.read_text(encoding="utf-8").splitlines()[found.line - 1]


def test_heavy_packages_are_imported_where_they_are_needed() -> None:
    exempt = {p for pattern in HEAVY_AT_ONCE for p in REPOSITORY.glob(pattern)}
    wrong = [
        str(i) for i in IMPORTS
        if not i.ours and i.at_once and i.module.split(".")[0] in HEAVY and i.file not in exempt
    ]  # fmt: skip
    assert wrong == [], "\n".join(wrong)


def test_kernels_touch_no_files_and_no_database() -> None:
    wrong = [
        str(i) for i in IMPORTS
        if i.file.parent == REPOSITORY / "ops" / "kernels" and not i.ours and i.module.split(".")[0] in NOT_IN_KERNELS
    ]  # fmt: skip
    assert wrong == [], "\n".join(wrong)


def test_the_language_needs_nothing_but_lark_and_the_widths_of_characters() -> None:
    wrong = [
        str(i) for i in IMPORTS
        if package_of(i.file)[:1] == ["lang"] and not i.ours
        and i.module.split(".")[0] not in sys.stdlib_module_names | {"lark", "wcwidth"}
    ]  # fmt: skip
    assert wrong == [], "\n".join(wrong)


def test_nothing_is_unpickled_or_evaluated() -> None:
    """Nothing in a store or a checkpoint may run code."""
    unsafe = {"pickle", "dill", "marshal", "shelve"}
    wrong = [str(i) for i in IMPORTS if not i.ours and i.module.split(".")[0] in unsafe]
    for file in modules():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                wrong.append(f"{file.relative_to(REPOSITORY)}:{node.lineno} calls {node.func.id}")
    assert wrong == [], "\n".join(wrong)


def packages() -> list[Path]:
    return sorted(p for folder in FOLDERS for p in (REPOSITORY / folder).rglob("__init__.py"))


@pytest.mark.parametrize("file", packages(), ids=lambda p: p.parent.relative_to(REPOSITORY).as_posix())
def test_every_folder_says_what_it_is(file: Path) -> None:
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    assert len(said) > 30
    if file.parent.parent == REPOSITORY:
        assert "import" in said, f"{file.parent.name}/__init__.py does not say what it may import"


@pytest.mark.parametrize(
    "file", [m for m in modules() if m.name != "__init__.py"], ids=lambda p: p.relative_to(REPOSITORY).as_posix()
)
def test_every_module_begins_with_a_sentence(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


# ------------------------------------------------------------ what is loaded when

QUERY = "EXPLAIN layer4 OF labnet USING clip_dissect WITH lab.words WHERE rank = 1 INTO t; SHOW MODELS"
LOADING = {
    "import clq": "import clq",
    "the language": f"import clq.lang; clq.lang.parse({QUERY!r})",
    "declarations of operators": (
        "import importlib, pkgutil, clq.ops\n"
        "for m in pkgutil.iter_modules(clq.ops.__path__, 'clq.ops.'):\n"
        "    if not m.ispkg: importlib.import_module(m.name)"
    ),
    "planning": "import clq.engine.run, clq.engine.store, clq.engine.catalogue, clq.engine.spec",
    "the standard library's catalogue": (
        "from clq.stdlib.catalog import Catalog\n"
        "Catalog(run_subquery=lambda s, c: (), find_table=lambda n: None).find('labnet')"
    ),
    "the command line": "import clq.ui.cli",
    "clq check": (
        f"from clq.ui.cli import main\nmain(['check', {QUERY.removesuffix('; SHOW MODELS')!r}], standalone_mode=False)"
    ),
}


@pytest.mark.parametrize("what", LOADING)
def test_nothing_heavy_is_loaded_for(what: str, tmp_path: Path) -> None:
    code = f"import sys\n{LOADING[what]}\nprint(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)"
    env = {**os.environ, "CLQ_STORE": str(tmp_path / "store")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split()) & {"torch", "torchvision", "open_clip", "nltk", "duckdb", "pandas", "scipy"}
    assert loaded == set()
    assert list(tmp_path.iterdir()) == []
