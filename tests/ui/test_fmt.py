"""clq fmt: what it changes, what it only says, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clq.lang.format import format_text

REPOSITORY = Path(__file__).parents[2]
UGLY = "explain fc of labnet with lab.words using falcon -- why\n;select 1"
NICE = "EXPLAIN fc OF labnet USING falcon WITH lab.words;  -- why\nselect 1;\n"


def fmt(*args: str, cwd: Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clq", "fmt", *args], capture_output=True, text=True, cwd=cwd, input=given, timeout=60
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    ugly, nice, other = tmp_path / "in" / "a.clq", tmp_path / "in" / "b.clq", tmp_path / "in" / "c.sql"
    ugly.write_text(UGLY)
    nice.write_text(NICE)
    other.write_text(UGLY)
    ugly.chmod(0o640)
    done = fmt("in", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "1 file formatted, 1 file left as it was\n")
    assert ugly.read_text() == NICE and other.read_text() == UGLY
    assert ugly.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in (tmp_path / "in").iterdir()) == ["a.clq", "b.clq", "c.sql"]


def test_check_and_diff_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.clq"
    file.write_text(UGLY)
    done = fmt("--check", "a.clq", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()) == (1, ["a.clq is not formatted", "1 file would be formatted"])
    done = fmt("--diff", "a.clq", cwd=tmp_path)
    assert done.returncode == 1 and "+EXPLAIN fc OF labnet USING falcon WITH lab.words;  -- why" in done.stdout
    assert file.read_text() == UGLY
    file.write_text(NICE)
    assert fmt("--check", "a.clq", cwd=tmp_path).returncode == 0


def test_a_file_with_mistakes_is_left_alone_and_the_others_are_not(tmp_path: Path) -> None:
    wrong, ugly = tmp_path / "a.clq", tmp_path / "b.clq"
    wrong.write_text("EXPLAN fc")
    ugly.write_text(UGLY)
    done = fmt("a.clq", "b.clq", "none.clq", cwd=tmp_path)
    assert done.returncode == 2
    assert "--> a.clq:1:1" in done.stderr and "there is no file none.clq" in done.stderr
    assert wrong.read_text() == "EXPLAN fc" and ugly.read_text() == NICE


def test_standard_input_goes_to_standard_output(tmp_path: Path) -> None:
    done = fmt("-", cwd=tmp_path, given=UGLY)
    assert (done.returncode, done.stdout, done.stderr) == (0, NICE, "")


def test_line_ends_stay(tmp_path: Path) -> None:
    file = tmp_path / "a.clq"
    file.write_bytes(UGLY.replace("\n", "\r\n").encode())
    assert fmt("a.clq", cwd=tmp_path).returncode == 0
    assert file.read_bytes() == NICE.replace("\n", "\r\n").encode()


def test_formatting_imports_nothing_heavy() -> None:
    code = (
        "import sys, clq.lang.format as f; f.format_text('explain fc of labnet');"
        "print([m for m in ('torch', 'duckdb', 'numpy', 'networkx', 'pyarrow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "queries").glob("*.clq")), ids=lambda p: p.name)
def test_the_queries_are_formatted(path: Path) -> None:
    assert path.read_text() == format_text(path.read_text())
