"""The wheel: everything that code reads is in it, nothing that is too big, and it works where there is no checkout."""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("lang", "engine", "ops", "stdlib", "ui")
LARGEST = 12_000_000  # bytes of one file
CHECKPOINTS = {".safetensors", ".json", ".gz"}
PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS: dict[str, Any] = PYPROJECT["tool"]["setuptools"]


def package_folder(package: str) -> Path:
    """Where a package stands in the checkout."""
    return REPOSITORY.joinpath(*(package.split(".")[1:] or ["src", "clq"]))


def files_of(package: str) -> list[Path]:
    """The files of a package, without those of packages below it and without what Python leaves behind."""
    folder = package_folder(package)
    below = [package_folder(p) for p in SETUPTOOLS["packages"] if p.startswith(f"{package}.") and package != "clq"]
    return [
        path for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not any(b in path.parents for b in below)
    ]  # fmt: skip


def test_the_list_of_packages_is_complete() -> None:
    found = {"clq"}
    for folder in FOLDERS:
        for init in (REPOSITORY / folder).rglob("__init__.py"):
            found.add(".".join(["clq", *init.parent.relative_to(REPOSITORY).parts]))
    assert sorted(SETUPTOOLS["packages"]) == sorted(found)


def test_every_folder_with_code_is_a_package() -> None:
    missing = {
        path.parent.relative_to(REPOSITORY).as_posix()
        for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }  # fmt: skip
    assert missing == set()


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_every_file_that_is_no_code_is_package_data(package: str) -> None:
    patterns = SETUPTOOLS["package-data"].get(package, [])
    folder = package_folder(package)
    lost = [
        name for path in files_of(package)
        if path.suffix != ".py" and not any(matches(name := path.relative_to(folder).as_posix(), p) for p in patterns)
    ]  # fmt: skip
    assert lost == []


def matches(name: str, pattern: str) -> bool:
    """As setuptools globs: a star does not cross folders."""
    return name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)


def test_no_file_of_the_package_is_too_big() -> None:
    big = {
        path.relative_to(REPOSITORY).as_posix(): path.stat().st_size
        for package in SETUPTOOLS["packages"] for path in files_of(package) if path.stat().st_size > LARGEST
    }  # fmt: skip
    assert big == {}


def test_checkpoints_are_of_formats_that_run_no_code() -> None:
    held = [p for p in (REPOSITORY / "stdlib" / "lab" / "checkpoints").rglob("*") if p.is_file()]
    assert held
    assert {p.suffix for p in held} <= CHECKPOINTS
    assert sum(p.stat().st_size for p in held if p.suffix == ".safetensors") <= 25_000_000


def test_the_licence_of_what_is_shipped_is_named() -> None:
    for name in PYPROJECT["project"]["license-files"]:
        assert (REPOSITORY / name).exists()


def test_the_test_extra_holds_what_the_tests_start() -> None:
    held = {entry.split(">")[0].split("=")[0] for entry in PYPROJECT["project"]["optional-dependencies"]["test"]}
    assert {"build", "hypothesis", "mypy", "pytest", "ruff", "setuptools"} <= held


# ------------------------------------------------------------ the wheel itself


def succeed(*command: str | Path, cwd: Path, **env: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "CLQ"))}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env={**clean, **env}, capture_output=True, text=True, timeout=600
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the checkout, which is gone afterwards."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in (*FOLDERS, "src"):
        shutil.copytree(REPOSITORY / folder, source / folder, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, source)
    succeed(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    shutil.rmtree(source)
    (found,) = out.glob("clq-*.whl")
    return found


def test_the_wheel_holds_every_file_of_every_package(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = set()
    for package in SETUPTOOLS["packages"]:
        folder = package_folder(package)
        wanted |= {f"{package.replace('.', '/')}/{p.relative_to(folder).as_posix()}" for p in files_of(package)}
    assert wanted - held == set()
    assert {name for name in held - wanted if ".dist-info/" not in name} == set()
    assert any(name.endswith("LICENSE-WordNet.txt") and ".dist-info/" in name for name in held)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain environment with the wheel and nothing else of its own; what it depends on is this environment's."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "venv", with_pip=False, symlinks=True)
    python = home / "venv" / "bin" / "python"
    site = Path(succeed(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    ours = [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]
    (site / "dependencies.pth").write_text("\n".join(ours) + "\n", encoding="utf-8")
    succeed(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--ignore-installed",
        "--quiet", "--disable-pip-version-check", wheel, cwd=home,
    )  # fmt: skip
    return home


def clq(home: Path, *args: str) -> str:
    return succeed(home / "venv" / "bin" / "clq", *args, cwd=home, OMP_NUM_THREADS="1")


def test_what_runs_is_what_was_installed(installed: Path) -> None:
    python = installed / "venv" / "bin" / "python"
    place = succeed(python, "-c", "import clq; print(clq.__file__)", cwd=installed).strip()
    assert Path(place).is_relative_to(installed / "venv")


def test_pygments_finds_the_installed_lexer(installed: Path) -> None:
    python = installed / "venv" / "bin" / "python"
    code = "from pygments.lexers import get_lexer_by_name; print(type(get_lexer_by_name('clq')).__module__)"
    assert succeed(python, "-c", code, cwd=installed).strip() == "clq.ui.highlight"


def test_the_installed_command_knows_its_models(installed: Path) -> None:
    shown = json.loads(clq(installed, "-c", "SHOW MODELS", "--format", "json"))
    assert {"labnet", "labtruth"} <= {str(value) for row in shown for value in row.values()}


def test_the_installed_command_explains_units(installed: Path) -> None:
    query = "EXPLAIN layer4 OF labnet ON lab.probe[0:64] USING clip_dissect(top_k=8) WITH lab.words WHERE rank = 1"
    rows = json.loads(clq(installed, "-c", query, "--format", "json"))
    assert len(rows) > 8
    assert all(row["model"] == "labnet" and row["layer"] == "layer4" for row in rows)
    assert any(row["concept"] for row in rows)
    assert (installed / ".clq" / "clq.duckdb").exists()


# ------------------------------------------------------------ what is imported is declared


def declared(*extras: str) -> set[str]:
    """The distributions a person has who installs clq with these extras, and nothing of what those bring along but
    what they are asked for: aiobotocore[boto3] is boto3 as well."""
    project = PYPROJECT["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][e] for e in extras)]
    names = [re.split(r"[<>=; ]", one)[0] for listed in lists for one in listed]
    return {part.lower().replace("_", "-") for name in names for part in re.split(r"[\[\],]", name) if part}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [((*FOLDERS, "src"), ("dask", "notebook", "remote")), (("tests", "bench"), ("test",))],
)  # fmt: skip
def test_every_module_imported_is_of_a_declared_distribution(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    own = {"clq", *(p.stem for f in folders for p in (REPOSITORY / f).rglob("*.py")), *folders}
    providers = packages_distributions()
    allowed, missing = declared(*extras), set()
    for path in sorted(p for f in folders for p in (REPOSITORY / f).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for name in {m.split(".")[0] for m in modules} - own - sys.stdlib_module_names:
                given = {d.lower().replace("_", "-") for d in providers.get(name, ())}
                if not given & allowed:
                    of = sorted(given) or "nothing installed"
                    missing.add(f"{path.relative_to(REPOSITORY)} imports {name}, of {of}")
    assert missing == set(), "\n".join(sorted(missing))
