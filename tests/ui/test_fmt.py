"""clq fmt: what it changes, what it only says, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clq.lang import Diagnostic
from clq.ui.cli import main
from clq.ui.markdown import clq_blocks, format_markdown

UGLY = "explain fc of labnet with lab.words using falcon -- why\n;select 1"
NICE = "EXPLAIN fc OF labnet USING falcon WITH lab.words;  -- why\nselect 1;\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fmt(*args: str, given: bytes | str | None = None) -> Result:
    done = CliRunner().invoke(main, ["fmt", *args], input=given)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_files_and_folders(here: Path) -> None:
    (here / "in" / "deep").mkdir(parents=True)
    (here / "in" / ".venv").mkdir()
    ugly, nice, other = here / "in" / "deep" / "a.clq", here / "in" / "b.clq", here / "in" / "c.sql"
    hidden = here / "in" / ".venv" / "d.clq"
    for file in (ugly, other, hidden):
        file.write_text(UGLY)
    nice.write_text(NICE)
    ugly.chmod(0o640)
    before = nice.stat()
    done = fmt("in", "in/b.clq")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 file formatted, 1 file left as it was\n")
    assert ugly.read_text() == NICE and other.read_text() == hidden.read_text() == UGLY
    assert ugly.stat().st_mode & 0o777 == 0o640
    assert (nice.stat().st_ino, nice.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(p.name for p in here.rglob("*.*") if p.is_file()) == ["a.clq", "b.clq", "c.sql", "d.clq"]
    assert fmt("in").stderr == "2 files left as they were\n"


def test_a_folder_without_queries(here: Path) -> None:
    assert (fmt(".").exit_code, fmt(".").stderr) == (0, "no .clq files here\n")


def test_check_names_what_would_change_and_changes_nothing(here: Path) -> None:
    for name, text in (("a.clq", UGLY), ("b.clq", NICE), ("c.clq", UGLY)):
        (here / name).write_text(text)
    done = fmt("--check", ".")
    assert (done.exit_code, done.stdout) == (1, "a.clq\nc.clq\n")
    assert done.stderr == "2 files would be formatted, 1 file is formatted (--diff shows how)\n"
    assert (here / "a.clq").read_text() == UGLY
    done = fmt("--check", "b.clq")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 file is formatted\n")


def test_diff_shows_what_would_change_and_changes_nothing(here: Path) -> None:
    (here / "a.clq").write_text(UGLY)
    done = fmt("--diff", "a.clq")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "--- a.clq", "+++ a.clq formatted", "@@ -1,2 +1,2 @@",
        "-explain fc of labnet with lab.words using falcon -- why", "-;select 1", "\\ No newline at end of file",
        "+EXPLAIN fc OF labnet USING falcon WITH lab.words;  -- why", "+select 1;",
    ]  # fmt: skip
    assert (here / "a.clq").read_text() == UGLY
    assert fmt("--diff", "-", given=NICE).exit_code == 0


def test_colours_on_a_terminal_only(here: Path) -> None:
    (here / "a.clq").write_text(UGLY)
    plain = CliRunner().invoke(main, ["fmt", "--diff", "a.clq"])
    coloured = CliRunner().invoke(main, ["fmt", "--diff", "a.clq"], color=True)
    assert "\x1b" not in plain.stdout and "\x1b[32m+EXPLAIN" in coloured.stdout


def test_a_file_with_mistakes_is_left_alone_and_the_others_are_not(here: Path) -> None:
    wrong, ugly = here / "a.clq", here / "b.clq"
    wrong.write_text("explain   a; EXPLAN fc")
    ugly.write_text(UGLY)
    (here / "latin.clq").write_bytes(b"-- \xe9")
    done = fmt("a.clq", "b.clq", "none.clq", "latin.clq")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, "1 file formatted, 3 files left out, see above")
    assert "--> a.clq:1:14" in done.stderr and "there is no file none.clq" in done.stderr
    assert "latin.clq cannot be read" in done.stderr
    assert wrong.read_text() == "explain   a; EXPLAN fc" and ugly.read_text() == NICE


def test_standard_input_goes_to_standard_output(here: Path) -> None:
    done = fmt("-", given=UGLY)
    assert (done.exit_code, done.stdout, done.stderr) == (0, NICE, "")
    wrong = fmt("-", given="EXPLAN fc")
    assert (wrong.exit_code, wrong.stdout) == (2, "") and "--> <stdin>:1:1" in wrong.stderr
    assert fmt("-", "--check", given=UGLY).stdout == "<stdin>\n"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_stay(here: Path, mark: str) -> None:
    file = here / "a.clq"
    file.write_bytes((mark + UGLY + "; LET x = 'a\nb'").replace("why\n", "why\r\n").encode())
    assert fmt("a.clq").exit_code == 0
    assert file.read_bytes() == (mark + NICE.replace("\n", "\r\n") + "LET x = 'a\nb';\r\n").encode()
    assert fmt("-", given=file.read_bytes()).stdout_bytes == file.read_bytes()


def test_what_a_link_points_at_is_written(here: Path) -> None:
    (here / "real").mkdir()
    file, link = here / "real" / "a.clq", here / "a.clq"
    file.write_text(UGLY)
    link.symlink_to(file)
    assert fmt("a.clq").exit_code == 0
    assert link.is_symlink() and file.read_text() == NICE


def test_a_file_that_cannot_be_written_stays_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "a.clq"
    file.write_text(UGLY)

    def full(_one: object, _two: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    done = fmt("a.clq")
    assert done.exit_code == 1 and "a.clq cannot be written: No space left on device" in done.stderr
    assert "clq help unwritten-file" in done.stderr
    assert file.read_text() == UGLY and [p.name for p in here.iterdir()] == ["a.clq"]


# ------------------------------------------------------------------ Markdown

PAGE = """# clq

```clq
explain   a
```
~~~clq title
explain   b;
~~~
   text
```sql
explain   c
```
````markdown
```clq
explain   d
```
````
  ```clq
  explain   e
  ```
```clq
```
"""


def test_blocks_of_markdown(here: Path) -> None:
    assert [PAGE[b.start : b.end] for b in clq_blocks(PAGE)] == ["explain   a\n", "explain   b;\n", ""]
    made = PAGE.replace("explain   a", "EXPLAIN a;").replace("explain   b;", "EXPLAIN b;")
    assert format_markdown(PAGE) == made
    (here / "a.md").write_text(PAGE)
    assert fmt("a.md").exit_code == 0
    assert (here / "a.md").read_text() == made
    assert fmt(".").stderr == "no .clq files here\n"


def test_a_mistake_in_markdown_has_its_place_in_the_page(here: Path) -> None:
    page = PAGE.replace("explain   a", "EXPLAN a").replace("explain   b", "EXPLAIN")
    with pytest.raises(Diagnostic) as caught:
        format_markdown(page, "a.md")
    assert [one.position() for one in caught.value.every()] == [(4, 1), (7, 8)]
    (here / "a.md").write_text(page)
    done = fmt("a.md")
    assert done.exit_code == 2 and "--> a.md:4:1" in done.stderr and "--> a.md:7:8" in done.stderr
    assert (here / "a.md").read_text() == page


def test_formatting_imports_nothing_heavy() -> None:
    code = (
        "import sys, clq.ui.commands.fmt, clq.ui.markdown as m; m.format_markdown('```clq\\nexplain fc\\n```\\n');"
        "print([m for m in ('torch', 'duckdb', 'numpy', 'networkx', 'pyarrow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
